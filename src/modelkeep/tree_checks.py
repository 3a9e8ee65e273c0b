"""The structural checks of a tree pool: everything that compiled code would index, in one vectorised pass.

Whatever the columns hold, a check takes time and memory linear in their size, and ends in a ``CheckError`` or in
nothing. It proves that each child lies after its parent, inside its tree, and has one parent; so no walk leaves the
tree or goes in a circle, and none is longer than ``max_depth``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, quote
from modelkeep.trees import COLUMNS, TreePool, Window, windows

Array = NDArray[Any]

#: Nodes looked at together: what is computed for them stays in the processor's cache.
_WINDOW = 32_768
_MAX_FEATURES = 2**31 - 1
_BITSET_WORDS = 8  # 256 categories, one bit each
_FLAGS = ("missing_left", "categorical")


def check(pool: TreePool) -> None:
    """Raise ``CheckError`` unless compiled code can use all trees of ``pool`` without leaving their memory."""
    for _ in checked_windows(pool, _WINDOW):
        pass


def checked_windows(pool: TreePool, limit: int) -> Iterator[Window]:
    """``trees.windows``, with what concerns the whole pool checked at once, and each window before it is handed out."""
    _check_columns(pool)
    _check_sizes(pool)
    _check_lengths(pool)
    _check_max_depth(pool)
    _check_flags(pool)
    return _each_checked(pool, limit)


def _each_checked(pool: TreePool, limit: int) -> Iterator[Window]:
    feature = pool.columns["feature"]
    # With unusual values of leaves among them, which nobody looks up, the features have to be picked out.
    compact = len(feature) == pool.n_splits and _within(feature, pool.n_features)
    for window in windows(pool, limit):
        check_depths(window, *check_children(window))
        if not compact:
            of_splits = window.of_splits("feature")
            _refuse((of_splits < 0) | (of_splits >= pool.n_features), window, "feature", "a feature that doesn't exist")
        if "categorical" in pool.columns:
            _check_bitsets(pool, window)
        yield window


def _check_columns(pool: TreePool) -> None:
    if pool.kind not in COLUMNS:
        raise CheckError(f"a tree pool of unknown kind {quote(pool.kind)}")
    specs = COLUMNS[pool.kind]
    for name in pool.columns.keys() - specs.keys():
        raise CheckError(f"a tree pool has an unknown column {quote(name)}")
    for name, spec in specs.items():
        column = pool.columns.get(name)
        if column is None:
            if not spec.optional:
                raise CheckError(f"a tree pool has no column '{name}'")
        elif column.dtype.str[1:] not in spec.dtypes or not column.dtype.isnative or not column.flags.c_contiguous:
            raise CheckError(f"column '{name}' holds {quote(column.dtype)}, not {' or '.join(spec.dtypes)}")
    if type(pool.n_features) is not int or not 0 <= pool.n_features <= _MAX_FEATURES:
        raise CheckError(f"a tree pool has {quote(pool.n_features)} features")
    outputs = len(pool.n_classes)
    if outputs > _MAX_FEATURES or not all(type(n) is int and 1 <= n <= _MAX_FEATURES for n in pool.n_classes):
        raise CheckError(f"a tree pool has the classes {quote(pool.n_classes)}")
    if (outputs == 0) != (pool.kind == "predictor"):
        raise CheckError(f"a pool of kind '{pool.kind}' has {outputs} outputs")
    if pool.kind == "tree" and ("value" in pool.columns) == ("count" in pool.columns):
        raise CheckError("a tree pool has both columns 'value' and 'count', or neither")
    if pool.kind == "tree" and "impurity" not in pool.columns and ("count" not in pool.columns or outputs > 1):
        raise CheckError("a tree pool has no column 'impurity', and no counts of one output that it would follow from")


def _check_sizes(pool: TreePool) -> None:
    sizes = pool.columns["sizes"]
    if sizes.ndim != 1 or not len(sizes):
        raise CheckError("a tree pool has no trees")
    nodes = pool.columns["right"].shape[0] if pool.columns["right"].ndim else 0
    # Four-byte sizes can't overflow this sum: there would have to be more than 2**32 of them.
    if int(sizes.sum(dtype=np.uint64)) != nodes:
        raise CheckError(f"column 'sizes' counts {int(sizes.sum(dtype=np.uint64))} nodes, column 'right' has {nodes}")
    if not sizes.all():
        raise CheckError(f"column 'sizes': tree {int(np.argmin(sizes))} has no nodes")


def _check_lengths(pool: TreePool) -> None:
    columns, values = pool.columns, (len(pool.n_classes), max(pool.n_classes, default=1))
    rows = 0
    if "bitset_sizes" in columns and columns["bitset_sizes"].ndim == 1:
        rows = int(columns["bitset_sizes"].sum(dtype=np.uint64))
    lengths = {"tree": (pool.n_trees,), "node": (pool.n_nodes,), "split": (pool.n_splits, pool.n_nodes)}
    for name, column in columns.items():
        per = COLUMNS[pool.kind][name].per
        if per == "bitset":
            fits = column.shape == (rows, _BITSET_WORDS)
        elif name in ("value", "count") and pool.kind == "tree":
            fits = column.shape == (pool.n_nodes, *values)
        else:
            fits = column.ndim == 1 and len(column) in lengths[per]
        if not fits:
            raise CheckError(
                f"column '{name}' has shape {quote(column.shape)}, which doesn't fit {pool.n_trees} trees with "
                f"{pool.n_nodes} nodes and {pool.n_splits} splits"
            )
    if rows and not {"binned_bitsets", "raw_bitsets"} <= columns.keys():
        raise CheckError(f"a tree pool counts {rows} bitsets and has none")


def check_children(window: Window) -> tuple[Array, Array, Array]:
    """Refuse a child outside its tree, before its parent or of two parents.

    Returns the left and the right children of the splits, and for each node whether it is a child.
    """
    splits, explicit = window.splits, "left" in window.columns
    _refuse_outside(window, "right", window.right)
    left, right = window.children()
    # Without a column 'left' the left child is the next node, and the right child has to lie beyond it.
    _refuse(right <= (splits if explicit else left), window, "right", "a child that comes before its parent's others")
    child = np.zeros(len(window.right), bool)
    child[right] = True
    if explicit:
        _refuse_leaves(window)
        _refuse_outside(window, "left", window.of_nodes("left"))
        _refuse(left <= splits, window, "left", "a child that comes before its parent")
        child[left] = True
    else:
        # A right child follows a leaf: what follows a split is that split's left child.
        _refuse(window.is_split[right - 1], window, "right", "a child that has another parent")
    if np.count_nonzero(child) != len(splits) * (1 + explicit):
        _refuse(_shared(left, right, explicit), window, "right", "a split whose child has another parent")
    if not explicit:
        child[1:] |= window.is_split[:-1]
    return left, right, child


def _refuse_outside(window: Window, name: str, children: Array) -> None:
    farthest = np.maximum.reduceat(children, window.starts)
    if (farthest >= window.ends - window.starts).any():
        outside = window.of_splits(name) >= np.repeat(window.ends - window.starts, window.per_tree)
        _refuse(outside, window, name, "a child outside the tree")
        raise CheckError(f"column '{name}' has a child outside its tree")


def _refuse_leaves(window: Window) -> None:
    differ = (window.of_nodes("left") != 0) != window.is_split
    if differ.any():
        node = int(np.argmax(differ))
        value = int(window.of_nodes("left")[node])
        _fail(window, "left", node, value, "and column 'right' disagrees on whether that is a leaf")


def _shared(left: Array, right: Array, explicit: bool) -> NDArray[np.bool_]:
    """Which splits have a child that another split has too."""
    children = np.concatenate([left, right]) if explicit else right
    often: NDArray[np.bool_] = (np.bincount(children)[children] > 1).reshape(-1, len(right)).any(axis=0)
    return often


def check_depths(window: Window, left: Array, right: Array, child: Array) -> None:
    depth = window.of_nodes("depth")
    below = depth[window.splits] + depth.dtype.type(1)
    wrong = depth[right] != below
    if "left" in window.columns:
        wrong |= depth[left] != below
    else:
        # The same for the next node, by whole columns; the last node of a window is no split.
        aside = depth[1:] - depth[:-1] != 1
        aside &= window.is_split[:-1]
        if aside.any():
            wrong |= depth[left] != below
    # In a column of one byte, 255 + 1 is 0.
    if depth.max() == np.iinfo(depth.dtype).max:
        wrong |= below == 0
    _refuse(wrong, window, "depth", "a split whose children are not one deeper")
    rootless = depth != 0
    rootless &= ~child
    if rootless.any():
        node = int(np.argmax(rootless))
        _fail(window, "depth", node, int(depth[node]), "a node without a parent")


def _check_max_depth(pool: TreePool) -> None:
    """``max_depth`` sizes a buffer that compiled code fills along a path, so it may be too large, never too small."""
    stored = pool.columns.get("max_depth")
    if stored is None:
        return
    wrong = (stored < pool.depths()) | (stored >= pool.columns["sizes"])
    if wrong.any():
        tree = int(np.argmax(wrong))
        raise CheckError(f"column 'max_depth' holds {int(stored[tree])} for tree {tree}, a depth it can't have")


def _check_flags(pool: TreePool) -> None:
    for name in _FLAGS:
        column = pool.columns.get(name)
        if column is not None and column.max(initial=0) > 1:
            raise CheckError(f"column '{name}' holds {int(column.max())}, which is neither 0 nor 1")


def _within(column: Array, limit: int) -> bool:
    return not len(column) or (int(column.min()) >= 0 and int(column.max()) < limit)


def _check_bitsets(pool: TreePool, window: Window) -> None:
    """A categorical split looks up a row of its tree's bitsets."""
    rows = pool.columns.get("bitset_sizes", np.zeros(pool.n_trees, np.uint8))
    bitset = window.of_splits("bitset") if "bitset" in pool.columns else np.zeros(len(window.splits), np.uint8)
    outside = bitset >= np.repeat(rows[window.trees], window.per_tree)
    _refuse(outside & (window.of_splits("categorical") != 0), window, "bitset", "a row that doesn't exist")


def _refuse(wrong: NDArray[np.bool_], window: Window, column: str, why: str) -> None:
    """Name the first split that is wrong, if one is."""
    if wrong.any():
        split = int(np.argmax(wrong))
        value = int(window.of_splits(column)[split]) if column in window.columns else 0
        _fail(window, column, int(window.splits[split]), value, why)


def _fail(window: Window, column: str, position: int, value: int, why: str) -> NoReturn:
    tree = int(np.searchsorted(window.ends, position, side="right"))
    start = int(window.starts[tree])
    raise CheckError(
        f"column '{column}' holds {value} at node {position - start} of tree {window.trees.start + tree}, {why}"
    )
