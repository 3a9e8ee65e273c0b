"""A tree ensemble by meaning: one column per field, the trees of an ensemble one after another in the same columns.

Nodes are numbered within their tree, a parent before its children. ``right`` holds the right child of each node, 0 at
a leaf; the left child is the next node, unless the pool has a column ``left``. A column that concerns splits alone
(feature, threshold) has one entry per split, or one per node where some leaf holds an unusual value. Columns that
follow from others are left out (see ``COLUMNS``). ``depth`` follows from the children too, but is kept: with it a
single vectorised pass proves the shape of all trees (``tree_checks``), where it would have to walk them without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["tree", "predictor"]

UNSIGNED = ("u1", "u2", "u4")
INTEGERS = (*UNSIGNED, "i1", "i2", "i4", "i8")


class Spec(NamedTuple):
    """What a column holds: how many entries, of which types, and whether it may be left out."""

    per: Literal["pool", "tree", "node", "split", "bitset"]
    dtypes: tuple[str, ...]
    optional: bool = False


_SHAPE = {
    "sizes": Spec("tree", UNSIGNED),  # the nodes of each tree
    "right": Spec("node", UNSIGNED),
    "left": Spec("node", UNSIGNED, optional=True),  # out: the left child is the next node
    "depth": Spec("node", UNSIGNED),  # a root, and a node that a user's pruning cut off, has depth 0
    "feature": Spec("split", INTEGERS),
    "threshold": Spec("split", ("f8",)),
    "missing_left": Spec("split", ("u1",), optional=True),  # out: 0
    "samples": Spec("node", INTEGERS),
}
#: The columns of each kind of pool. ``tree`` is scikit-learn's Tree, ``predictor`` its histogram TreePredictor.
COLUMNS: Mapping[Kind, Mapping[str, Spec]] = {
    "tree": {
        **_SHAPE,
        "max_depth": Spec("tree", UNSIGNED, optional=True),  # out: the greatest depth of the tree's nodes
        "weight": Spec("node", (*UNSIGNED, "f8"), optional=True),  # out: the sum of a node's counts, else samples
        # One of the two, of shape (nodes, outputs, classes); value is count / weight where that is exact.
        "value": Spec("node", ("f8",), optional=True),
        "count": Spec("node", UNSIGNED, optional=True),
        "impurity": Spec("node", ("f8",), optional=True),  # out: Gini's, 1 - sum(count ** 2) / weight ** 2
    },
    "predictor": {
        **_SHAPE,
        "value": Spec("node", ("f8",)),
        "gain": Spec("node", ("f8",)),
        "node_depth": Spec("node", UNSIGNED, optional=True),  # out: depth
        "bin_threshold": Spec("split", ("u1",)),
        "categorical": Spec("split", ("u1",), optional=True),  # out: 0
        "bitset": Spec("split", UNSIGNED, optional=True),  # out: 0; the row of a categorical split in the bitsets
        "bitset_sizes": Spec("tree", UNSIGNED, optional=True),  # out: 0 rows
        "binned_bitsets": Spec("bitset", ("u4",), optional=True),  # of shape (rows, 8)
        "raw_bitsets": Spec("bitset", ("u4",), optional=True),
    },
}


@dataclass(frozen=True, eq=False)
class TreePool:
    """Trees of one kind and one shape of input and output. ``columns`` are as ``COLUMNS[kind]`` says.

    ``n_classes`` has one entry per output (1 for a regression) and is empty for predictors, which have one number a
    node. ``n_features`` bounds the features that the trees split on.
    """

    kind: Kind
    n_features: int
    n_classes: tuple[int, ...]
    columns: Mapping[str, Array]

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Where each tree's nodes end in the columns."""
        return np.cumsum(self.columns["sizes"], dtype=np.int64)

    @property
    def n_trees(self) -> int:
        return len(self.columns["sizes"])

    @property
    def n_nodes(self) -> int:
        return len(self.columns["right"])

    @cached_property
    def n_splits(self) -> int:
        return int(np.count_nonzero(self.columns["right"]))

    @cached_property
    def max_depths(self) -> Array:
        stored = self.columns.get("max_depth")
        return self.depths() if stored is None else stored

    def depths(self) -> Array:
        """The greatest depth of each tree's nodes."""
        return np.maximum.reduceat(self.columns["depth"], self.ends - self.columns["sizes"])


class Window:
    """Some neighbouring whole trees of a pool, small enough that what is computed for them stays in the cache.

    ``splits`` are the positions of the splits counted from the window's first node, ``per_tree`` how many splits each
    tree has, ``base`` where the tree of each split begins.
    """

    def __init__(self, pool: TreePool, trees: slice, nodes: slice, seen_splits: int) -> None:
        self.columns = pool.columns
        self.trees, self.nodes, self.seen_splits = trees, nodes, seen_splits
        self.right = pool.columns["right"][nodes]
        self.is_split = self.right != 0
        self.splits = np.flatnonzero(self.is_split)
        self.ends = pool.ends[trees] - nodes.start
        self.starts = np.zeros_like(self.ends)
        self.starts[1:] = self.ends[:-1]

    @cached_property
    def per_tree(self) -> NDArray[np.int64]:
        before: NDArray[np.int64] = np.searchsorted(self.splits, self.ends)
        before[1:] -= before[:-1].copy()
        return before

    @cached_property
    def base(self) -> NDArray[np.int64]:
        return np.repeat(self.starts, self.per_tree)

    def of_nodes(self, name: str) -> Array:
        return self.columns[name][self.nodes]

    def of_splits(self, name: str) -> Array:
        """A column's entries at the splits, whichever way the column is kept."""
        column = self.columns[name]
        if len(column) == len(self.columns["right"]):
            return column[self.nodes][self.splits]
        return column[self.seen_splits : self.seen_splits + len(self.splits)]

    def places(self) -> tuple[Array, Array]:
        """The left and the right child of each split, counted from the first node of its tree."""
        left = self.of_nodes("left")[self.splits] if "left" in self.columns else self.splits - self.base + 1
        return left, self.right[self.splits]

    def children(self) -> tuple[Array, Array]:
        """The left and the right child of each split, counted from the window's first node."""
        left = self.of_nodes("left")[self.splits] + self.base if "left" in self.columns else self.splits + 1
        return left, self.right[self.splits] + self.base


def runs(ends: NDArray[np.int64], limit: int) -> Iterator[tuple[slice, slice]]:
    """Neighbouring trees with at most ``limit`` nodes together (a larger tree alone): their trees and their nodes."""
    first, node = 0, 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, node + limit, side="right")))
        end = int(ends[last - 1])
        yield slice(first, last), slice(node, end)
        first, node = last, end


def windows(pool: TreePool, limit: int) -> Iterator[Window]:
    seen_splits = 0
    for trees, nodes in runs(pool.ends, limit):
        window = Window(pool, trees, nodes, seen_splits)
        seen_splits += len(window.splits)
        yield window


class Column(NamedTuple):
    """A column that is about to be written: ``chunks()`` makes its entries piece by piece, C-contiguous."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    chunks: Callable[[], Iterator[Array]]

    def read(self) -> Array:
        """The whole column in memory."""
        pieces = list(self.chunks())
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


class PoolPlan(NamedTuple):
    """A pool that is about to be written, its columns not yet made."""

    kind: Kind
    n_features: int
    n_classes: tuple[int, ...]
    columns: tuple[Column, ...]

    def read(self) -> TreePool:
        """The whole pool in memory."""
        return TreePool(self.kind, self.n_features, self.n_classes, {c.name: c.read() for c in self.columns})
