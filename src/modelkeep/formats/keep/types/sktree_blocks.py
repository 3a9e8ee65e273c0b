"""scikit-learn's node arrays, the columns that keep their fields, and a walk over many trees at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import SaveError, quote
from modelkeep.tree_values import by_class, equal_bits
from modelkeep.trees import Kind, runs

Array = NDArray[Any]

#: Nodes looked at together: their structs (64 bytes each) stay in the processor's cache.
_BLOCK = 16_384


class State(NamedTuple):
    """The inside of a Tree (``values`` of shape (nodes, outputs, classes)) or of a TreePredictor (with its bitsets)."""

    nodes: Array
    values: Array | None = None
    max_depth: int = 0
    bitsets: tuple[Array, Array] | None = None  # binned, raw
    depths: Callable[[], Array] | None = None  # of the nodes, counted from 1, if compiled code finds them


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

    @cached_property
    def nodes(self) -> Array:
        return _joined([state.nodes for state in self.states])

    @cached_property
    def values(self) -> Array:
        return _joined([state.values for state in self.states if state.values is not None])

    @cached_property
    def raw_places(self) -> tuple[Array, Array]:
        """The left and the right child of each node, as scikit-learn has them."""
        left, right = (self.nodes[name].astype(np.int64) for name in PLACES[self.kind][0][:2])
        return left, right

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """The same as columns have them: 0 at a leaf."""
        left, right = self.raw_places
        return np.maximum(left, 0), np.maximum(right, 0)

    @cached_property
    def is_split(self) -> Array:
        names, none = PLACES[self.kind]
        is_split: Array = self.nodes[names[2]] == 0 if len(names) == 3 else self.raw_places[0] != none
        return is_split

    @cached_property
    def splits(self) -> Array:
        return np.flatnonzero(self.is_split)

    @cached_property
    def weight(self) -> Array:
        return self.nodes["weighted_n_node_samples"].astype(np.float64)

    @cached_property
    def counts(self) -> Array | None:
        """The counts, a row per output and class, that by the weights are the values to the last bit, if any are."""
        values = by_class(self.values)
        with np.errstate(all="ignore"):
            counts = np.rint(values * self.weight)
            whole = self.weight.min() > 0 and counts.view(np.int64).min() >= 0 and counts.max() < 2**32
            return counts if whole and equal_bits(counts / self.weight, values).all() else None

    def field(self, name: str, *, per_split: bool) -> Array:
        column: Array = self.nodes[name]
        return column[self.splits] if per_split else np.ascontiguousarray(column)


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

    def __len__(self) -> int:
        return len(self._trees)

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
