"""Live scikit-learn trees from a tree pool, whatever the node layout of the installed version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, quote
from modelkeep.formats.keep.types.sktree_survey import MAPPED, NEWER, PLACES, Mapped
from modelkeep.tree_values import divided, gini, total
from modelkeep.trees import TreePool, Window, windows

if TYPE_CHECKING:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

Array = NDArray[Any]

#: Nodes that are filled together: their structs and what is made on the way stay in the processor's cache.
_WINDOW = 8_192
_OTHER_VERSION = "use the scikit-learn that the model was saved with, or update modelkeep"


def build_trees(pool: TreePool) -> list[Tree]:
    """The trees of a pool. Unless it was checked (``tree_checks.check``), compiled code may crash on them."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    n_outputs, n_classes = len(pool.n_classes), np.array(pool.n_classes, np.intp)
    sizes, depths = pool.columns["sizes"], pool.max_depths
    made: list[Tree] = []
    for window, nodes, values in filled(pool, NODE_DTYPE):
        start = 0
        for size, depth in zip(sizes[window.trees].tolist(), depths[window.trees].tolist(), strict=True):
            tree, end = Tree(pool.n_features, n_classes, n_outputs), start + size
            # It copies both.
            tree.__setstate__(
                {"max_depth": depth, "node_count": size, "nodes": nodes[start:end], "values": values[start:end]}
            )
            made.append(tree)
            start = end
    return made


def build_predictors(pool: TreePool) -> list[TreePredictor]:
    """The predictors of a pool, like ``build_trees``."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE as DTYPE  # noqa: N811
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    sizes, none = pool.columns["sizes"], np.zeros((0, 8), np.uint32)
    rows = pool.columns.get("bitset_sizes", np.zeros(pool.n_trees, np.uint8))
    binned, raw = (pool.columns.get(name, none) for name in ("binned_bitsets", "raw_bitsets"))
    made: list[TreePredictor] = []
    row = 0
    for window, nodes, _ in filled(pool, DTYPE):
        start, data = 0, nodes.view(np.uint8)
        for size, count in zip(sizes[window.trees].tolist(), rows[window.trees].tolist(), strict=True):
            predictor, end = TreePredictor.__new__(TreePredictor), start + size * DTYPE.itemsize
            predictor.__dict__ = {
                "nodes": data[start:end].copy().view(DTYPE),
                "binned_left_cat_bitsets": binned[row : row + count].copy(),
                "raw_left_cat_bitsets": raw[row : row + count].copy(),
            }
            made.append(predictor)
            start, row = end, row + count
    return made


def filled(pool: TreePool, dtype: np.dtype[Any]) -> Iterator[tuple[Window, Array, Array]]:
    """All nodes as structs of ``dtype`` and the values of trees, window by window, in memory that is used again."""
    fields = _fields(pool, dtype)
    largest = min(pool.n_nodes, max(_WINDOW, int(pool.columns["sizes"].max())))
    buffer, leaves = np.empty(largest, dtype), np.zeros(min(largest, _WINDOW), dtype)
    for mapped in fields:
        if mapped.leaf:
            leaves[mapped.field] = mapped.leaf
    (left, right, *flag), none = PLACES[pool.kind]
    for name in (left, right):
        leaves[name] = none
    for name in flag:
        leaves[name] = 1
    values = np.empty((largest, *pool.columns["count"].shape[1:])) if "count" in pool.columns else buffer
    for window in windows(pool, _WINDOW):
        nodes = buffer[: len(window.is_split)]
        _copy_bytes(leaves, nodes)
        children = window.children()
        nodes[left][window.splits] = children[0] - window.base
        nodes[right][window.splits] = children[1] - window.base
        for name in flag:
            nodes[name][window.splits] = 0
        weight = _fill_derived(window, nodes, pool.kind)
        for mapped in fields:
            if mapped.column in window.columns:
                _fill(window, nodes[mapped.field], mapped.column)
        if "count" in window.columns:
            yield window, nodes, divided(window.of_nodes("count"), weight, values[: len(nodes)])
        else:
            yield window, nodes, window.of_nodes("value")


def _fields(pool: TreePool, dtype: np.dtype[Any]) -> list[Mapped]:
    """The fields that columns are put into, refused where the installed scikit-learn keeps its nodes otherwise."""
    names, mapped = set(dtype.names or ()), MAPPED[pool.kind]
    for name in sorted(names - {m.field for m in mapped} - set(PLACES[pool.kind][0])):
        raise CheckError(f"a node of this scikit-learn has an unknown field {quote(name)}", hint=_OTHER_VERSION)
    for field, column, _ in mapped:
        if field not in names:
            if column in pool.columns or field not in NEWER:
                raise CheckError(f"a node of this scikit-learn lacks the field {quote(field)}", hint=_OTHER_VERSION)
        elif column in pool.columns and dtype[field].kind in "iu":
            limit, values = np.iinfo(dtype[field]).max, pool.columns[column]
            if np.iinfo(values.dtype).max > limit and int(values.max(initial=0)) > limit:
                raise CheckError(f"column '{column}' holds {int(values.max())}, more than a node can hold")
    return [m for m in mapped if m.field in names]


def _copy_bytes(leaves: Array, nodes: Array) -> None:
    # As bytes: numpy copies a struct field by field, ten times slower.
    source, target = leaves.view(np.uint8), nodes.view(np.uint8)
    for start in range(0, len(target), len(source)):
        part = target[start : start + len(source)]
        part[...] = source[: len(part)]


def _fill(window: Window, target: Array, column: str) -> None:
    if len(window.columns[column]) == len(window.columns["right"]):
        target[...] = window.of_nodes(column)
    else:
        # Widened before they are scattered, which is faster than both at once.
        target[window.splits] = window.of_splits(column).astype(target.dtype, copy=False)


def _fill_derived(window: Window, nodes: Array, kind: str) -> Array:
    """The fields whose columns are left out because they follow from others; returns the weights."""
    columns = window.columns
    if kind == "predictor":
        if "node_depth" not in columns:
            nodes["depth"] = window.of_nodes("depth")
        return nodes
    if "weight" in columns:
        weight = window.of_nodes("weight").astype(np.float64, copy=False)
    elif "count" in columns:
        weight = total(window.of_nodes("count"))
    else:
        weight = window.of_nodes("samples").astype(np.float64)
    nodes["weighted_n_node_samples"] = weight
    if "impurity" not in columns:
        nodes["impurity"] = gini(window.of_nodes("count"), weight)
    return weight
