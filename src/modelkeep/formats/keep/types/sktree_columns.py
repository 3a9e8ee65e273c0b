"""scikit-learn's node arrays as the columns of a tree pool, each narrowed to what it needs and made piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, SaveError, quote
from modelkeep.tree_checks import check_children
from modelkeep.trees import Column, Kind, PoolPlan, TreePool, Window, runs

Array = NDArray[Any]

#: Nodes looked at together, and bytes of a column handed on together.
_BLOCK = 16_384
_CHUNK = 1 << 20
#: Where so few nodes are left on a level, walking them one by one is faster than a call to numpy per level.
_FEW = 8
#: Up to here a product of two weights is exact in float64, so Gini's impurity follows from the counts on any machine.
_EXACT_WEIGHT = 2**26


class State(NamedTuple):
    """The inside of a Tree (``values`` of shape (nodes, outputs, classes)) or of a TreePredictor (with its bitsets)."""

    nodes: Array
    values: Array | None = None
    max_depth: int = 0
    binned_bitsets: Array | None = None
    raw_bitsets: Array | None = None


class Mapped(NamedTuple):
    """A field of scikit-learn's node and the column that keeps it; ``leaf`` is what a leaf normally holds there."""

    field: str
    column: str
    leaf: float | None = None  # None: the field means something at every node


MAPPED: dict[Kind, tuple[Mapped, ...]] = {
    "tree": (
        Mapped("feature", "feature", -2),
        Mapped("threshold", "threshold", -2.0),
        Mapped("missing_go_to_left", "missing_left", 0),
        Mapped("impurity", "impurity"),
        Mapped("n_node_samples", "samples"),
        Mapped("weighted_n_node_samples", "weight"),
    ),
    "predictor": (
        Mapped("feature_idx", "feature", 0),
        Mapped("num_threshold", "threshold", 0.0),
        Mapped("missing_go_to_left", "missing_left", 0),
        Mapped("bin_threshold", "bin_threshold", 0),
        Mapped("is_categorical", "categorical", 0),
        Mapped("bitset_idx", "bitset", 0),
        Mapped("value", "value"),
        Mapped("count", "samples"),
        Mapped("gain", "gain"),
        Mapped("depth", "node_depth"),
    ),
}
#: The fields that give a node its place, and what the children of a leaf are.
PLACES: dict[Kind, tuple[tuple[str, ...], int]] = {
    "tree": (("left_child", "right_child"), -1),
    "predictor": (("left", "right", "is_leaf"), 0),
}
#: Fields that some versions lack, where all nodes then are as if they held 0.
_NEWER = frozenset({"missing_go_to_left"})
#: Columns that are left out where they hold nothing but 0.
_LEFT_OUT = frozenset({"missing_left", "categorical", "bitset"})


class Block(NamedTuple):
    """Some neighbouring trees: their nodes one after another, and the values of those."""

    nodes: Array
    values: Array | None
    trees: slice


@dataclass
class Facts:
    """What a first pass over all nodes finds out about the columns."""

    preorder: bool = True
    counted: bool = True  # value is count / weight
    gini: bool = True
    whole_weight: bool = True
    weight_is_samples: bool = True
    weight_is_counted: bool = True
    depth_is_depth: bool = True
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    unusual: set[str] = field(default_factory=set)  # columns with an unusual value at some leaf
    depths: list[Array] = field(default_factory=list)

    def note(self, column: str, values: Array) -> None:
        if len(values):
            low, high = self.limits.get(column, (0, 0))
            self.limits[column] = (min(low, int(values.min())), max(high, int(values.max())))

    def dtype(self, column: str) -> np.dtype[Any]:
        return narrow(*self.limits.get(column, (0, 0)))


def narrow(low: int, high: int) -> np.dtype[Any]:
    """The smallest integer type that holds both."""
    names = ("u1", "u2", "u4", "i8") if low >= 0 else ("i1", "i2", "i4", "i8")
    return next(d for d in map(np.dtype, names) if np.iinfo(d).min <= low and high <= np.iinfo(d).max)


class Columns:
    """The columns of the trees ``states``. The first pass happens here, the columns are made when they are read."""

    def __init__(self, kind: Kind, n_features: int, n_classes: tuple[int, ...], states: Sequence[State]) -> None:
        self.kind, self.n_features, self.n_classes, self.states = kind, n_features, n_classes, states
        _refuse_layout(kind, states)
        self.sizes = np.array([len(state.nodes) for state in states], np.int64)
        if not self.sizes.all():
            raise SaveError(f"tree {int(np.argmin(self.sizes))} has no nodes", hint="fit the model before saving it")
        self.runs = list(runs(np.cumsum(self.sizes), _BLOCK))
        self._last: Block | None = None
        self.facts = Facts()
        for block in self.blocks():
            self._survey(block)
        if kind == "predictor":
            top = max((self.facts.limits.get("feature", (0, 0))[1] + 1, n_features))
            self.n_features = top

    def blocks(self) -> Iterator[Block]:
        for trees, _ in self.runs:
            if self._last is None or self._last.trees != trees:
                self._last = Block(*_joined(self.states[trees]), trees)
            yield self._last

    def plan(self) -> PoolPlan:
        return PoolPlan(self.kind, self.n_features, self.n_classes, tuple(self._columns()))

    # -- the first pass

    def _survey(self, block: Block) -> None:
        facts, nodes = self.facts, block.nodes
        is_split, depth = self._survey_shape(block)
        for mapped in MAPPED[self.kind]:
            if mapped.field not in (nodes.dtype.names or ()):
                continue
            column = nodes[mapped.field]
            if column.dtype.kind in "iu":
                facts.note(mapped.column, column)
            if mapped.leaf is not None and not same_bits(column[~is_split], column.dtype.type(mapped.leaf)):
                facts.unusual.add(mapped.column)
        for mapped in MAPPED[self.kind]:
            if mapped.leaf and mapped.column not in facts.unusual and mapped.column in facts.limits:
                # The leaves' -2 is not kept, so it must not ask for a signed type.
                facts.limits[mapped.column] = (0, facts.limits[mapped.column][1])
        if self.kind == "tree":
            self._survey_values(block)
        else:
            facts.depth_is_depth = facts.depth_is_depth and np.array_equal(nodes["depth"], depth)

    def _survey_shape(self, block: Block) -> tuple[Array, Array]:
        left, right, is_split = self.places(block)
        sizes = self.sizes[block.trees]
        columns = {"sizes": sizes, "right": right, "left": left}
        window = Window(TreePool(self.kind, 0, (), columns), slice(0, len(sizes)), slice(0, len(right)), 0)
        try:
            children = check_children(window)
        except CheckError as error:
            raise SaveError(str(error), hint="refit the model: compiled code could crash on this tree") from None
        self.facts.preorder = self.facts.preorder and np.array_equal(children[0], window.splits + 1)
        self.facts.note("right", right)
        self.facts.note("left", left)
        depth = node_depths(window, *children)
        self.facts.note("depth", depth)
        self.facts.depths.append(depth.astype(narrow(0, int(depth.max()))))
        return is_split, depth

    def places(self, block: Block) -> tuple[Array, Array, Array]:
        """The children of each node as columns have them, 0 at a leaf, and which nodes are splits."""
        (left_name, right_name, *flag), none = PLACES[self.kind]
        left, right = (block.nodes[name].astype(np.int64) for name in (left_name, right_name))
        is_leaf = block.nodes[flag[0]] != 0 if flag else left == none
        odd = (is_leaf & ((left != none) | (right != none))) | (~is_leaf & ((left <= 0) | (right <= 0)))
        if flag:
            odd |= block.nodes[flag[0]] > 1
        if odd.any():
            node, ends = int(np.argmax(odd)), np.cumsum(self.sizes[block.trees])
            tree = int(np.searchsorted(ends, node, side="right"))
            raise SaveError(
                f"node {node - int(ends[tree] - self.sizes[block.trees][tree])} of tree {block.trees.start + tree} has "
                f"the children {int(left[node])} and {int(right[node])}",
                hint="refit the model: compiled code could crash on this tree",
            )
        if none:
            left[is_leaf] = right[is_leaf] = 0
        return left, right, ~is_leaf

    def _survey_values(self, block: Block) -> None:
        facts, weight = self.facts, block.nodes["weighted_n_node_samples"].astype(np.float64)
        whole = whole_numbers(weight)
        facts.whole_weight = facts.whole_weight and whole is not None
        facts.weight_is_samples = facts.weight_is_samples and np.array_equal(weight, block.nodes["n_node_samples"])
        if whole is not None:
            facts.note("weight", whole)
        counts = self._counts(block, weight) if facts.counted else None
        if counts is None:
            facts.counted = facts.gini = False
            return
        facts.note("count", counts)
        facts.weight_is_counted = facts.weight_is_counted and np.array_equal(weight, total(counts))
        if facts.gini:
            exact = len(self.n_classes) == 1 and weight.max() <= _EXACT_WEIGHT
            impurity = block.nodes["impurity"].astype(np.float64)
            facts.gini = bool(exact) and same_bits(gini(counts, weight), impurity)

    def _counts(self, block: Block, weight: Array) -> Array | None:
        """The counts that divided by the weights give the values to the last bit, if there are such."""
        assert block.values is not None
        if not (weight > 0).all():
            return None
        with np.errstate(all="ignore"):
            counts = whole_numbers(np.rint(block.values * weight[:, None, None]))
        if counts is None or not same_bits(divided(counts, weight), block.values):
            return None
        return counts

    # -- the columns

    def _columns(self) -> Iterator[Column]:
        facts, size = self.facts, int(self.sizes.sum())
        splits = sum(int(np.count_nonzero(self.places(block)[2])) for block in self.blocks())
        yield whole_column("sizes", self.sizes.astype(narrow(0, int(self.sizes.max()))))
        for name in ("right",) if facts.preorder else ("right", "left"):
            yield self._column(name, facts.dtype(name), (size,), partial(self._place, ("left", "right").index(name)))
        yield Column("depth", facts.dtype("depth"), (size,), self._depths)
        for mapped in MAPPED[self.kind]:
            if self._left_out(mapped):
                continue
            per_split = mapped.leaf is not None and mapped.column not in facts.unusual
            dtype = np.dtype(np.float64) if self._is_float(mapped) else facts.dtype(mapped.column)
            make = partial(self._field, mapped.field, per_split)
            yield self._column(mapped.column, dtype, (splits if per_split else size,), make)
        if self.kind == "tree":
            yield from self._tree_columns(size)
        else:
            yield from self._bitset_columns()

    def _left_out(self, mapped: Mapped) -> bool:
        facts, column = self.facts, mapped.column
        if column in _LEFT_OUT:
            return facts.limits.get(column, (0, 0)) == (0, 0)
        if column == "weight":
            return facts.weight_is_counted if facts.counted else facts.weight_is_samples
        return (column == "impurity" and facts.gini) or (column == "node_depth" and facts.depth_is_depth)

    def _is_float(self, mapped: Mapped) -> bool:
        if mapped.column == "weight":
            return not self.facts.whole_weight
        return self.states[0].nodes.dtype[mapped.field].kind == "f"

    def _tree_columns(self, size: int) -> Iterator[Column]:
        shape = (size, len(self.n_classes), max(self.n_classes))
        if self.facts.counted:
            yield self._column("count", self.facts.dtype("count"), shape, self._count)
        else:
            yield self._column("value", np.dtype(np.float64), shape, lambda block: block.values)
        stated = np.array([state.max_depth for state in self.states], np.int64)
        found = np.maximum.reduceat(np.concatenate(self.facts.depths), np.cumsum(self.sizes) - self.sizes)
        if not np.array_equal(stated, found):
            wrong = (stated < found) | (stated >= self.sizes)
            if wrong.any():
                tree = int(np.argmax(wrong))
                raise SaveError(f"tree {tree} says it has the depth {stated[tree]}, and has {found[tree]}")
            yield whole_column("max_depth", stated.astype(narrow(0, int(stated.max()))))

    def _bitset_columns(self) -> Iterator[Column]:
        sizes = np.array([len(_bitsets(state, i)[0]) for i, state in enumerate(self.states)], np.int64)
        if sizes.any():
            yield whole_column("bitset_sizes", sizes.astype(narrow(0, int(sizes.max()))))
            for i, name in enumerate(("binned_bitsets", "raw_bitsets")):
                yield whole_column(name, np.concatenate([_bitsets(state, 0)[i] for state in self.states]))

    def _column(
        self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], make: Callable[[Block], Array | None]
    ) -> Column:
        def pieces() -> Iterator[Array]:
            for block in self.blocks():
                piece = make(block)
                assert piece is not None
                yield piece.astype(dtype, copy=False)

        return Column(name, dtype, shape, lambda: merged(pieces()))

    def _place(self, which: int, block: Block) -> Array:
        return self.places(block)[which]

    def _depths(self) -> Iterator[Array]:
        dtype = self.facts.dtype("depth")
        return merged(depth.astype(dtype, copy=False) for depth in self.facts.depths)

    def _field(self, name: str, per_split: bool, block: Block) -> Array:
        column: Array = block.nodes[name]
        return column[np.flatnonzero(self.places(block)[2])] if per_split else column

    def _count(self, block: Block) -> Array | None:
        return self._counts(block, block.nodes["weighted_n_node_samples"].astype(np.float64))
