"""A forest as operators. All numbers are float64: thresholds, what a row is compared with, leaves and sums.

A model that narrows its rows to float32 has them narrowed by the graph too, so no threshold needs to be rounded.
Splits by category are decided by a table outside the trees, which then compare its answer with 0.5.
"""

from __future__ import annotations

import numpy as np

from modelkeep.forests import Categories, Forest
from modelkeep.formats.onnx.graph import ML, Graph

_LEQ, _LT = 0, 1
_SUM = 1
#: Trees whose leaves are looked up at once: what bounds the memory of an answer.
_GROUP = 16
#: Numbers that are multiples of 2^-20, and sums of 2^20 of them, are exact in any order.
_UNIT = 2.0**20
#: Categories beyond this number are no table.
_WIDEST = 1 << 20
#: Below this a number counts as zero where zeros count as missing.
_ZERO = 1e-35


def emit(forest: Forest, graph: Graph, rows: str) -> str:
    """Operators for the sums of all trees plus ``base``: float64, rows x targets. ``rows`` is float64, rows x columns."""
    rows = _prepared(forest, graph, rows)
    if forest.target is not None:
        return _summed(forest, graph, rows)
    return _looked_up(forest, graph, rows)


def _prepared(forest: Forest, graph: Graph, rows: str) -> str:
    """The rows as the trees compare them, with a column for each split by category at the end."""
    for columns, fill in ((forest.zero_missing, np.nan), (forest.missing_zero, 0.0)):
        if columns:
            rows = _filled(graph, rows, columns, fill, forest.n_features)
    narrow = rows
    if forest.narrow:
        narrow = graph.add("Cast", graph.add("Cast", rows, to=1), to=11)
    if not forest.categories:
        return narrow
    decided = [_decided(graph, rows, part) for part in _by_feature(forest.categories)]
    return graph.add("Concat", narrow, *decided, axis=1)


def _filled(graph: Graph, rows: str, columns: tuple[int, ...], fill: float, width: int) -> str:
    """The rows with zeros, or gaps, of some columns replaced."""
    chosen = np.isin(np.arange(width), columns)[None, :]
    if np.isnan(fill):
        hit = graph.add("LessOrEqual", graph.add("Abs", rows), graph.const(_ZERO, np.float64))
    else:
        hit = graph.add("IsNaN", rows)
    hit = graph.add("And", hit, graph.const(chosen))
    return graph.add("Where", hit, graph.const(fill, np.float64), rows)


def _by_feature(categories: tuple[Categories, ...]) -> list[list[tuple[int, Categories]]]:
    """The splits with their places, by feature."""
    found: dict[int, list[tuple[int, Categories]]] = {}
    for place, split in enumerate(categories):
        found.setdefault(split.feature, []).append((place, split))
    return [found[feature] for feature in sorted(found)]


def _decided(graph: Graph, rows: str, splits: list[tuple[int, Categories]]) -> str:
    """For all splits of one feature: 0 where a row goes left, 1 where right; rows x splits."""
    widest = min(_WIDEST, max(len(split.left) for _, split in splits))
    table = np.empty((widest + 2, len(splits)))
    for column, (_, split) in enumerate(splits):
        table[:widest, column] = ~split.other_left
        table[: len(split.left), column] = ~split.left
        table[widest:, column] = (not split.other_left, not split.missing_left)
    feature = splits[0][1].feature
    value = graph.add("Gather", rows, graph.const(feature, np.int64), axis=1)
    missing = graph.add("IsNaN", value)
    known = graph.add(
        "And",
        graph.add("GreaterOrEqual", value, graph.const(0.0, np.float64)),
        graph.add("Less", value, graph.const(float(widest), np.float64)),
    )
    code = graph.add("Where", known, value, graph.const(float(widest), np.float64))
    code = graph.add("Where", missing, graph.const(float(widest + 1), np.float64), code)
    place = graph.add("Cast", graph.add("Floor", code), to=7)
    return graph.add("Gather", graph.const(table), place, axis=0)


def _order(forest: Forest) -> np.ndarray:
    """The column of each split by category among those that ``_prepared`` appends."""
    order = [place for part in _by_feature(forest.categories) for place, _ in part]
    columns = np.empty(len(order), dtype=np.int64)
    columns[order] = np.arange(len(order))
    return columns


def _summed(forest: Forest, graph: Graph, rows: str) -> str:
    """Trees that each add one number to one target: the operator sums them."""
    tree = _tree_of(forest)
    assert forest.target is not None
    leaf = forest.is_leaf
    found = _ensemble(forest, graph, rows, forest.target[tree][leaf], forest.values[leaf, 0], forest.n_targets)
    return graph.add("Add", found, graph.const(np.broadcast_to(forest.base, forest.n_targets)[None, :].copy()))


def _looked_up(forest: Forest, graph: Graph, rows: str) -> str:
    """Leaves with several numbers: the operator finds each tree's leaf, whose numbers are looked up and added.

    Where the order of a sum can decide over its last bit, trees are added one by one, in the model's own order.
    """
    tree, leaf = _tree_of(forest), forest.is_leaf
    exact = bool(np.all(np.abs(forest.values[leaf]) * _UNIT == np.round(np.abs(forest.values[leaf]) * _UNIT)))
    total = ""
    for start in range(0, len(forest.roots), _GROUP):
        chosen = leaf & (tree >= start) & (tree < start + _GROUP)
        here = min(_GROUP, len(forest.roots) - start)
        part = _part(forest, tree, start, start + here)
        places = np.arange(int(chosen.sum()))
        found = _ensemble(part, graph, rows, tree[chosen] - start, places.astype(np.float64), here)
        numbers = graph.add("Gather", graph.const(forest.values[chosen]), graph.add("Cast", found, to=7), axis=0)
        if exact:
            parts = [graph.add("ReduceSum", numbers, graph.const([1], np.int64), keepdims=0)]
        else:
            parts = [graph.add("Gather", numbers, graph.const(i, np.int64), axis=1) for i in range(here)]
        for each in parts:
            total = graph.add("Add", total, each) if total else each
    base = np.broadcast_to(forest.base, forest.n_targets)[None, :].copy()
    return graph.add("Add", total, graph.const(base)) if np.any(base) else total


def _tree_of(forest: Forest) -> np.ndarray:
    """The tree of each node. Trees lie one after the other."""
    return np.searchsorted(np.sort(_starts(forest)), np.arange(len(forest.feature)), side="right") - 1


def _starts(forest: Forest) -> np.ndarray:
    return np.asarray(forest.roots)


def _part(forest: Forest, tree: np.ndarray, first: int, last: int) -> Forest:
    """Some neighbouring trees."""
    inside = np.flatnonzero((tree >= first) & (tree < last))
    begin, end = int(inside[0]), int(inside[-1]) + 1
    cut = slice(begin, end)
    return Forest(
        **{
            **vars(forest),
            "roots": forest.roots[first:last] - begin,
            "left": forest.left[cut] - begin,
            "right": forest.right[cut] - begin,
            **{
                name: None if getattr(forest, name) is None else getattr(forest, name)[cut]
                for name in ("feature", "threshold", "missing_left", "values", "category")
            },
        }
    )


def _ensemble(forest: Forest, graph: Graph, rows: str, targets: np.ndarray, weights: np.ndarray, width: int) -> str:
    """One operator for all trees of ``forest``; ``targets`` and ``weights`` are those of its leaves, in order."""
    leaf = forest.is_leaf
    place = np.where(leaf, np.cumsum(leaf) - 1, 0)
    lone = leaf[forest.roots]  # a tree that is one leaf gets a split whose both ends are that leaf
    extra = forest.roots[lone]
    split = np.flatnonzero(~leaf)
    place[split] = np.arange(len(split))
    feature, threshold, left, right = (getattr(forest, n)[split] for n in ("feature", "threshold", "left", "right"))
    missing = forest.missing_left[split]
    if forest.category is not None and forest.categories:
        chosen = forest.category[split]
        feature = np.where(chosen >= 0, forest.n_features + _order(forest)[chosen], feature)
        threshold = np.where(chosen >= 0, 0.5, threshold)
    roots = place[forest.roots]
    roots[lone] = len(split) + np.arange(len(extra))
    none = np.zeros(len(extra), dtype=np.int64)
    true, false = np.append(left, extra), np.append(right, extra)
    mode = _LT if forest.strict else _LEQ
    return graph.add(
        "TreeEnsemble",
        rows,
        domain=ML,
        n_targets=width,
        aggregate_function=_SUM,
        post_transform=0,
        tree_roots=roots.tolist(),
        nodes_featureids=np.append(feature, none).tolist(),
        nodes_modes=np.full(len(true), mode, dtype=np.uint8),
        nodes_splits=np.append(threshold, none.astype(np.float64)),
        nodes_missing_value_tracks_true=np.append(missing, none).astype(int).tolist(),
        nodes_truenodeids=place[true].tolist(),
        nodes_trueleafs=leaf[true].astype(int).tolist(),
        nodes_falsenodeids=place[false].tolist(),
        nodes_falseleafs=leaf[false].astype(int).tolist(),
        leaf_targetids=targets.tolist(),
        leaf_weights=weights,
    )
