"""A forest as operators. All numbers are float64: thresholds, what a row is compared with, leaves and sums.

A model that narrows its rows to float32 has them narrowed by the graph too, so no threshold needs to be rounded.
Splits by category are decided by a table outside the trees, which then compare its answer with 0.5.
The operator for trees only finds leaves: it adds them in an order of its own, and where two classes are level the
last bit of a sum decides, so sums are made tree by tree, as the models make them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.forests import NAN, NOTHING, ZERO, Categories, Forest, constant, joined
from modelkeep.formats.onnx.graph import ML, Graph

_LEQ, _LT = 0, 1
_SUM = 1
_FLOAT, _INT64, _DOUBLE = 1, 7, 11
#: Trees whose leaves are found at once, and numbers for one row that are then in memory: what bounds that of an answer.
_GROUP = 128
_NUMBERS = 256
#: Numbers that are multiples of 2^-20, and sums of 2^20 of them, are exact in any order.
_UNIT = 2.0**20
#: Categories beyond this number are no table.
_WIDEST = 1 << 20


def emit(forest: Forest, graph: Graph, rows: str) -> str:
    """Operators for ``base`` plus all trees: float64, rows x targets. ``rows`` is float64, rows x columns."""
    plain, rows = _laid_out(forest, graph, rows)
    sums = _summed if forest.target is not None else _looked_up
    total = sums(_begun(plain), graph, rows)
    return graph.add("Cast", total, to=_DOUBLE) if forest.narrow_sums else total


def _laid_out(forest: Forest, graph: Graph, rows: str) -> tuple[Forest, str]:
    """The same trees, all of whose splits compare columns, and the rows that have those columns.

    The columns come once for each meaning of a missing number, and one for each split by category behind them.
    """
    if forest.tiny:
        near = graph.add("LessOrEqual", graph.add("Abs", rows), graph.const(forest.tiny, np.float64))
        rows = graph.add("Where", near, graph.const(0.0, np.float64), rows)
    if forest.narrow:
        rows = graph.narrowed(rows)
    category = np.full(len(forest.feature), -1) if forest.category is None else forest.category
    numeric = ~forest.is_leaf & (category < 0)
    gap = np.full(len(forest.feature), NAN, np.uint8) if forest.gap is None else forest.gap
    kinds = np.unique(gap[numeric]) if numeric.any() else np.array([NAN], np.uint8)
    blocks = [_filled(graph, rows, int(kind)) for kind in kinds]
    feature = np.where(numeric, forest.feature + np.searchsorted(kinds, gap) * forest.n_features, -1)
    width = len(kinds) * forest.n_features
    by_feature = _by_feature(forest.categories)
    if forest.categories:
        blocks += [_decided(graph, rows, part) for part in by_feature]
        order = np.empty(len(forest.categories), dtype=np.int64)
        order[[place for part in by_feature for place, _ in part]] = np.arange(len(order))
        feature = np.where(category >= 0, width + order[category], feature)
    plain = forest.replaced(
        n_features=width + len(forest.categories),
        feature=feature,
        threshold=np.where(category >= 0, 0.5, forest.threshold),
        gap=None,
        category=None,
        categories=(),
    )
    return plain, graph.add("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0]


def _filled(graph: Graph, rows: str, kind: int) -> str:
    """The rows with NaN for what counts as missing."""
    if kind == NAN:
        return rows
    zero = graph.const(0.0, np.float64)
    if kind == ZERO:
        return graph.add("Where", graph.add("Equal", rows, zero), graph.const(np.nan, np.float64), rows)
    assert kind == NOTHING
    return graph.add("Where", graph.add("IsNaN", rows), zero, rows)


def _by_feature(categories: tuple[Categories, ...]) -> list[list[tuple[int, Categories]]]:
    """The splits with their places, by feature."""
    found: dict[int, list[tuple[int, Categories]]] = {}
    for place, split in enumerate(categories):
        found.setdefault(split.feature, []).append((place, split))
    return [found[feature] for feature in sorted(found)]


def _decided(graph: Graph, rows: str, splits: list[tuple[int, Categories]]) -> str:
    """For all splits of one feature: 0 where a row goes left, 1 where right; rows x splits."""
    widest = min(_WIDEST, max(len(split.left) for _, split in splits))
    table = np.empty((widest + 2, len(splits)), dtype=np.uint8)
    for column, (_, split) in enumerate(splits):
        left = split.left[:widest]
        table[:widest, column] = not split.other_left
        table[: len(left), column] = ~left
        table[widest:, column] = (not split.other_left, not split.missing_left)
    first = splits[0][1]
    value = graph.add("Gather", rows, graph.const(first.feature, np.int64), axis=1)
    low, high = graph.const(-1.0 if first.truncated else 0.0, np.float64), graph.const(float(widest), np.float64)
    above = graph.add("Greater" if first.truncated else "GreaterOrEqual", value, low)
    known = graph.add("And", above, graph.add("Less", value, high))
    code = graph.add("Where", known, value, high)
    code = graph.add("Where", graph.add("IsNaN", value), graph.const(float(widest + 1), np.float64), code)
    place = graph.add("Cast", code, to=_INT64)  # cuts fractions off
    return graph.add("Cast", graph.add("Gather", graph.const(table), place, axis=0), to=_DOUBLE)


def _begun(forest: Forest) -> Forest:
    """The sums' beginning put into the first tree of each target: that is the first addition, done before."""
    if forest.target is not None:
        absent = np.setdiff1d(np.arange(forest.n_targets), forest.target)
        lone = [constant(forest, int(target)) for target in absent]
        forest = joined([forest, *lone]) if lone else forest
    base = np.broadcast_to(np.asarray(forest.base, dtype=np.float64).ravel(), forest.n_targets)
    if not np.any(base):
        return forest
    values, ends = forest.values.copy(), np.append(forest.roots[1:], len(forest.feature))
    for target in range(1 if forest.target is None else forest.n_targets):
        first = 0 if forest.target is None else int(np.argmax(forest.target == target))
        begin = base if forest.target is None else base[target]
        nodes = slice(int(forest.roots[first]), int(ends[first]))
        values[nodes] = _added(values[nodes], begin, forest.narrow_sums)
    return forest.replaced(values=values, base=np.zeros(1))


def _added(values: Any, base: Any, narrow: bool) -> Any:
    kind = np.float32 if narrow else np.float64
    return np.asarray(base, kind) + values.astype(kind)


def _summed(forest: Forest, graph: Graph, rows: str) -> str:
    """Trees that each add one number to one target."""
    assert forest.target is not None
    totals = []
    for target in range(forest.n_targets):
        trees, total = np.flatnonzero(forest.target == target), ""
        for start in range(0, len(trees), _GROUP):
            part = _part(forest, trees[start : start + _GROUP])
            leaf = part.is_leaf
            found = _ensemble(part, graph, rows, _tree_of(part)[leaf], part.values[leaf, 0])
            total = _running(graph, total, found, len(part.roots), forest.narrow_sums)
        totals.append(total)
    return graph.add("Concat", *totals, axis=1) if len(totals) > 1 else totals[0]


def _running(graph: Graph, total: str, found: str, count: int, narrow: bool) -> str:
    """``total`` and then ``count`` numbers, all along axis 1, added one by one: what is left of that axis is 1."""
    if narrow:
        found = graph.add("Cast", found, to=_FLOAT)
    if total:
        found, count = graph.add("Concat", total, found, axis=1), count + 1
    if count == 1:
        return found
    sums = graph.add("CumSum", found, graph.const(1, np.int64))
    return graph.add("Gather", sums, graph.const([count - 1], np.int64), axis=1)


def _looked_up(forest: Forest, graph: Graph, rows: str) -> str:
    """Leaves with several numbers: the operator finds each tree's leaf, whose numbers are looked up and added."""
    values = np.abs(forest.values[forest.is_leaf]) * _UNIT
    exact = bool(np.all(values == np.round(values))) and not forest.narrow_sums
    group = min(_GROUP, max(8, _NUMBERS // forest.n_targets))
    total, axis = "", graph.const([1], np.int64)
    for start in range(0, len(forest.roots), group):
        part = _part(forest, np.arange(start, min(start + group, len(forest.roots))))
        leaf, count = part.is_leaf, len(part.roots)
        places = np.arange(int(leaf.sum()), dtype=np.float64)
        found = _ensemble(part, graph, rows, _tree_of(part)[leaf], places)
        numbers = graph.add("Gather", graph.const(part.values[leaf]), graph.add("Cast", found, to=_INT64), axis=0)
        if not exact:
            total = _running(graph, total, numbers, count, forest.narrow_sums)
            continue
        here = graph.add("ReduceSum", numbers, axis, keepdims=1)
        total = graph.add("Add", total, here) if total else here
    return graph.add("Squeeze", total, axis)


def _tree_of(forest: Forest) -> Any:
    """The tree of each node. Trees lie one after the other, each from its root."""
    return np.searchsorted(forest.roots, np.arange(len(forest.feature)), side="right") - 1


def _part(forest: Forest, trees: Any) -> Forest:
    """Some of the trees."""
    sizes = np.diff(np.append(forest.roots, len(forest.feature)))[trees]
    begins = np.cumsum(sizes) - sizes
    shift = np.repeat(begins - forest.roots[trees], sizes)
    chosen = np.arange(len(shift)) - shift
    return forest.replaced(
        roots=begins,
        feature=forest.feature[chosen],
        threshold=forest.threshold[chosen],
        left=forest.left[chosen] + shift,
        right=forest.right[chosen] + shift,
        missing_left=forest.missing_left[chosen],
        values=forest.values[chosen],
        target=None if forest.target is None else forest.target[trees],
    )


def _ensemble(forest: Forest, graph: Graph, rows: str, targets: Any, weights: Any) -> str:
    """One operator that gives a number for each tree; ``targets`` and ``weights`` are those of its leaves, in order."""
    leaf = forest.is_leaf
    split = np.flatnonzero(~leaf)
    place = np.where(leaf, np.cumsum(leaf) - 1, 0)
    place[split] = np.arange(len(split))
    order = _order_of_leaves(forest, place)
    place[leaf] = order
    last = np.argsort(order)
    lone = leaf[forest.roots]  # a tree that is one leaf gets a split between that leaf and another like it
    extra = forest.roots[lone]
    twins = len(order) + np.arange(len(extra))
    last = np.append(last, last[place[extra]])
    roots = place[forest.roots]
    roots[lone] = len(split) + np.arange(len(extra))
    none = np.zeros(len(extra), dtype=np.int64)
    left, right = forest.left[split], forest.right[split]
    ends = np.ones(len(extra), dtype=bool)
    return graph.add(
        "TreeEnsemble",
        rows,
        domain=ML,
        n_targets=len(forest.roots),
        aggregate_function=_SUM,
        post_transform=0,
        tree_roots=roots,
        nodes_featureids=np.append(forest.feature[split], none),
        nodes_modes=np.full(len(split) + len(extra), _LT if forest.strict else _LEQ, dtype=np.uint8),
        nodes_splits=np.append(forest.threshold[split], none.astype(np.float64)),
        nodes_missing_value_tracks_true=np.append(forest.missing_left[split], none).astype(np.int64),
        nodes_truenodeids=np.append(place[left], place[extra]),
        nodes_trueleafs=np.append(leaf[left], ends).astype(np.int64),
        nodes_falsenodeids=np.append(place[right], twins),
        nodes_falseleafs=np.append(leaf[right], ends).astype(np.int64),
        leaf_targetids=targets[last].astype(np.int64),
        leaf_weights=np.asarray(weights, dtype=np.float64)[last],
    )


def _order_of_leaves(forest: Forest, place: Any) -> Any:
    """The number of each leaf, such that no leaf below a root has that of the branch on the root's other side.

    onnxruntime up to 1.23 takes such a root for a tree that is one leaf (its issue 24679), and says nothing.
    """
    leaf = forest.is_leaf
    roots = forest.roots[~leaf[forest.roots]]
    sides = np.stack([forest.left[roots], forest.right[roots]])
    sides = sides[:, leaf[sides[0]] != leaf[sides[1]]]
    alike = place[sides[0]][place[sides[0]] == place[sides[1]]]
    order = np.arange(int(leaf.sum()))
    if len(alike) == 1:
        alike = np.append(alike, (alike + 1) % len(order))
    # Branches have numbers of their own: a leaf that has another's number has not that of the branch beside it.
    order[alike] = order[np.roll(alike, 1)]
    return order
