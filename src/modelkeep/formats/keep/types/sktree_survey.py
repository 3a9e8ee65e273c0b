"""scikit-learn's node arrays, and a first pass over them that finds out how their columns can be kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, SaveError, quote
from modelkeep.tree_checks import check_children
from modelkeep.tree_values import EXACT_WEIGHT, by_class, divided, equal_bits, gini, node_depths, total, whole_numbers
from modelkeep.trees import Kind, TreePool, Window, runs

Array = NDArray[Any]

#: Nodes looked at together: their structs (64 bytes each) stay in the processor's cache.
_BLOCK = 16_384
_REFIT = "refit the model: compiled code could crash on this tree"


class State(NamedTuple):
    """The inside of a Tree (``values`` of shape (nodes, outputs, classes)) or of a TreePredictor (with its bitsets)."""

    nodes: Array
    values: Array | None = None
    max_depth: int = 0
    bitsets: tuple[Array, Array] | None = None  # binned, raw


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
#: The fields that say where a node's children are, and what a leaf holds there.
PLACES: dict[Kind, tuple[tuple[str, ...], int]] = {
    "tree": (("left_child", "right_child"), -1),
    "predictor": (("left", "right", "is_leaf"), 0),
}
#: Fields that some versions lack. There every node is as if it held 0.
NEWER = frozenset({"missing_go_to_left"})


def _joined(arrays: Sequence[Array]) -> Array:
    """The arrays one after another. As bytes: numpy joins structs field by field, a hundred times slower."""
    if len(arrays) == 1:
        return arrays[0]
    contiguous: list[Any] = [np.ascontiguousarray(array) for array in arrays]
    joined: Array = np.frombuffer(b"".join(contiguous), arrays[0].dtype)
    return joined.reshape(-1, *arrays[0].shape[1:])


class Block:
    """The nodes of some neighbouring trees in one array."""

    def __init__(self, kind: Kind, states: Sequence[State], trees: slice, sizes: Array) -> None:
        self.kind, self.trees, self.sizes, self.states = kind, trees, sizes[trees], states[trees]
        self.nodes = _joined([state.nodes for state in self.states])
        values = [state.values for state in self.states if state.values is not None]
        self.values = _joined(values) if values else None

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """The left and the right child of each node, as scikit-learn has them."""
        left, right = (self.nodes[name].astype(np.int64) for name in PLACES[self.kind][0][:2])
        return left, right

    @cached_property
    def is_split(self) -> Array:
        names, none = PLACES[self.kind]
        is_split: Array = self.nodes[names[2]] == 0 if len(names) == 3 else self.places[0] != none
        return is_split

    @cached_property
    def splits(self) -> Array:
        return np.flatnonzero(self.is_split)

    @cached_property
    def weight(self) -> Array:
        return self.nodes["weighted_n_node_samples"].astype(np.float64)

    def place(self, which: int) -> Array:
        """The left (0) or right (1) child of each node as a column has it: 0 at a leaf."""
        return np.maximum(self.places[which], 0)

    def counts(self) -> Array | None:
        """The counts that divided by the weights give the values to the last bit, if there are such."""
        if self.values is None or not (self.weight > 0).all():
            return None
        with np.errstate(all="ignore"):
            counts = whole_numbers(np.rint(self.values * self.weight[:, None, None]))
        if counts is None:
            return None
        again = divided(by_class(counts), self.weight, np.empty_like(self.values))
        return counts if equal_bits(again, self.values).all() else None


@dataclass
class Facts:
    """What holds of all nodes. Each starts as true and stays so until a block says otherwise."""

    preorder: bool = True
    counted: bool = True  # value is count / weight
    gini: bool = True
    whole_weight: bool = True
    weight_is_samples: bool = True
    weight_is_counted: bool = True
    depth_is_depth: bool = True
    splits: int = 0
    features: int = 0  # one more than the greatest feature that a split uses
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)  # of each integer column
    unusual: set[str] = field(default_factory=set)  # columns with an unusual value at some leaf
    depths: dict[int, Array] = field(default_factory=dict)  # of each block's nodes, by its first tree

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


class Blocks:
    """All trees, block by block; the last block stays, so that small ensembles are joined only once."""

    def __init__(self, kind: Kind, states: Sequence[State]) -> None:
        self.kind, self.states = kind, states
        self.sizes = np.array([len(state.nodes) for state in states], np.int64)
        if not self.sizes.all():
            raise SaveError(f"tree {int(np.argmin(self.sizes))} has no nodes", hint="fit the model before saving it")
        self.starts = np.cumsum(self.sizes) - self.sizes
        self._trees = [trees for trees, _ in runs(self.starts + self.sizes, _BLOCK)]
        self._last: Block | None = None

    def __iter__(self) -> Iterator[Block]:
        for trees in self._trees:
            block = self._last
            if block is None or block.trees != trees:
                block = self._last = Block(self.kind, self.states, trees, self.sizes)
            yield block


def refuse_layout(kind: Kind, states: Sequence[State]) -> None:
    """Refuse a node with a field that no column keeps, or without one that a column needs."""
    dtype = states[0].nodes.dtype
    known = {mapped.field for mapped in MAPPED[kind]} | set(PLACES[kind][0])
    names = set(dtype.names or ())
    for name in sorted((names ^ known) - (NEWER - names)):
        what = "has an unknown field" if name in names else "lacks the field"
        raise SaveError(f"a node of this scikit-learn {what} {quote(name)}", hint="update modelkeep")
    if any(state.nodes.dtype != dtype for state in states):
        raise SaveError("two trees come from different versions of scikit-learn", hint="load and save them apart")


def survey(blocks: Blocks, n_outputs: int) -> Facts:
    """The first pass over all nodes. It refuses what the checks at reading would refuse."""
    facts = Facts()
    for block in blocks:
        _refuse_odd(block)
        depth = _survey_shape(block, facts)
        _survey_fields(block, facts)
        _survey_features(block, facts)
        if block.kind == "tree":
            _survey_values(block, facts, n_outputs)
        else:
            facts.depth_is_depth = facts.depth_is_depth and np.array_equal(block.nodes["depth"], depth)
    return facts


def _refuse_odd(block: Block) -> None:
    """Refuse half a leaf, which no column could keep."""
    names, none = PLACES[block.kind]
    odd = np.zeros(len(block.nodes), bool) if len(names) == 2 else block.nodes[names[2]] > 1
    for children in block.places:
        odd |= np.where(block.is_split, children <= 0, children != none)
    _refuse(odd, block, "is half a leaf")


def _refuse(wrong: Array, block: Block, what: str) -> None:
    if wrong.any():
        node, ends = int(np.argmax(wrong)), np.cumsum(block.sizes)
        tree = int(np.searchsorted(ends, node, side="right"))
        place = f"node {node - int(ends[tree] - block.sizes[tree])} of tree {block.trees.start + tree}"
        raise SaveError(f"{place} {what}", hint=_REFIT)


def _survey_shape(block: Block, facts: Facts) -> Array:
    columns = {"sizes": block.sizes, "left": block.place(0), "right": block.place(1)}
    pool = TreePool(block.kind, 0, (), columns)
    window = Window(pool, slice(0, len(block.sizes)), slice(0, len(block.nodes)), 0)
    window.trees = block.trees  # as errors name them
    local_left, local_right = window.places()
    facts.note("right", local_right)
    facts.note("left", local_left)
    if np.array_equal(local_left, window.splits - window.base + 1):
        del columns["left"]
    else:
        facts.preorder = False
    try:
        left, right, is_child = check_children(window)
    except CheckError as error:
        raise SaveError(str(error), hint=_REFIT) from None
    depth = node_depths(block.is_split, is_child, left, right)
    facts.splits += len(block.splits)
    facts.note("depth", depth)
    facts.depths[block.trees.start] = depth.astype(narrow(0, int(depth.max())))
    return depth


def _survey_fields(block: Block, facts: Facts) -> None:
    for name, column, leaf in MAPPED[block.kind]:
        if name not in (block.nodes.dtype.names or ()):
            continue
        values = np.ascontiguousarray(block.nodes[name])
        if leaf is None or column in facts.unusual:
            kept = values
        elif (block.is_split | equal_bits(values, leaf)).all():
            kept = values[block.splits]
        else:
            facts.unusual.add(column)
            kept = values
        if values.dtype.kind in "iu":
            facts.note(column, kept)


def _survey_features(block: Block, facts: Facts) -> None:
    feature = block.nodes[MAPPED[block.kind][0].field]
    _refuse(block.is_split & (feature < 0), block, "splits on a feature that doesn't exist")
    facts.features = max(facts.features, int(feature[block.splits].max(initial=-1)) + 1)
    for name in ("missing_go_to_left", "is_categorical"):
        if name in (block.nodes.dtype.names or ()):
            _refuse(block.nodes[name] > 1, block, f"has a {name} that is neither 0 nor 1")
    if block.kind == "predictor":
        rows = np.repeat([len(state.bitsets[0]) if state.bitsets else 0 for state in block.states], block.sizes)
        outside = (block.nodes["is_categorical"] != 0) & (block.nodes["bitset_idx"] >= rows)
        _refuse(block.is_split & outside, block, "looks up a bitset that doesn't exist")


def _survey_values(block: Block, facts: Facts, n_outputs: int) -> None:
    weight = block.weight
    whole = whole_numbers(weight)
    facts.whole_weight = facts.whole_weight and whole is not None
    facts.weight_is_samples = facts.weight_is_samples and np.array_equal(weight, block.nodes["n_node_samples"])
    facts.weight_is_samples = facts.weight_is_samples and whole is not None
    if whole is not None:
        facts.note("weight", whole)
    counts = block.counts() if facts.counted else None
    if counts is None:
        facts.counted = facts.gini = False
        return
    facts.note("count", counts)
    rows = by_class(counts)
    facts.weight_is_counted = facts.weight_is_counted and np.array_equal(weight, total(rows, counts.shape[2]))
    if facts.gini:
        exact = n_outputs == 1 and weight.max() <= EXACT_WEIGHT
        impurity = block.nodes["impurity"].astype(np.float64)
        facts.gini = bool(exact and equal_bits(gini(rows, weight), impurity).all())
