"""Live scikit-learn trees from a tree pool, whatever the node layout of the installed version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, quote
from modelkeep.formats.keep.types.sktree_blocks import MAPPED, NEWER, PLACES, Mapped
from modelkeep.tree_checks import checked_windows
from modelkeep.tree_values import by_class, divided, equal_bits, gini, total
from modelkeep.trees import TreePool, Window, windows

if TYPE_CHECKING:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

Array = NDArray[Any]

#: Nodes that are filled together: their structs and what is made on the way stay in the processor's cache.
_WINDOW = 8_192
#: Leaves that are copied together, before the splits among them are put in.
_TEMPLATE = 2_048
_OTHER_VERSION = "use the scikit-learn that the model was saved with, or update modelkeep"


def build_trees(pool: TreePool, *, check: bool = True) -> list[Tree]:
    """The trees of a pool, checked on the way. Without a check, compiled code may crash on them."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    walk = checked_windows(pool, _WINDOW) if check else windows(pool, _WINDOW)
    n_features, n_outputs, n_classes = pool.n_features, len(pool.n_classes), np.array(pool.n_classes, np.intp)
    sizes, depths = pool.columns["sizes"].tolist(), pool.max_depths.tolist()
    made: list[Tree] = []
    filler = Filler(pool, NODE_DTYPE)
    with np.errstate(all="ignore"):  # a file may say that a weight is 0, which harms nobody
        for window in walk:
            nodes, values = filler.fill(window)
            start = 0
            for size, depth in zip(sizes[window.trees], depths[window.trees], strict=True):
                end = start + size
                tree = Tree(n_features, n_classes, n_outputs)
                # It copies both arrays.
                tree.__setstate__(
                    {"max_depth": depth, "node_count": size, "nodes": nodes[start:end], "values": values[start:end]}
                )
                made.append(tree)
                start = end
    return made


def build_predictors(pool: TreePool, *, check: bool = True) -> list[TreePredictor]:
    """The predictors of a pool, like ``build_trees``. Those of neighbours are views of one array."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    # The nodes stay where they are filled in, so no window's room is used again.
    walk = checked_windows(pool, 2 * _WINDOW) if check else windows(pool, 2 * _WINDOW)
    none = np.zeros((0, 8), np.uint32)
    sizes = pool.columns["sizes"].tolist()
    rows = pool.columns.get("bitset_sizes", np.zeros(pool.n_trees, np.uint8)).tolist()
    binned, raw = (pool.columns.get(name, none) for name in ("binned_bitsets", "raw_bitsets"))
    made: list[TreePredictor] = []
    row = 0
    for window in walk:
        nodes, _ = Filler(pool, PREDICTOR_RECORD_DTYPE, len(window.right)).fill(window)
        start = 0
        for size, count in zip(sizes[window.trees], rows[window.trees], strict=True):
            end = start + size
            predictor = TreePredictor.__new__(TreePredictor)
            predictor.__dict__ = {
                "nodes": nodes[start:end],
                "binned_left_cat_bitsets": binned[row : row + count],
                "raw_left_cat_bitsets": raw[row : row + count],
            }
            made.append(predictor)
            start, row = end, row + count
    return made


class Filler:
    """Room for the structs of a window, and what is the same for all windows of a pool."""

    def __init__(self, pool: TreePool, dtype: np.dtype[Any], room: int = 0) -> None:
        self.kind = pool.kind
        fields = _fields(pool, dtype)
        room = room or min(pool.n_nodes, max(_WINDOW, int(pool.columns["sizes"].max())))
        self.buffer, self.leaves = np.empty(room, dtype), np.zeros(min(room, _TEMPLATE), dtype)
        for mapped in fields:
            if mapped.leaf:
                self.leaves[mapped.field] = mapped.leaf
        self.places, none = PLACES[pool.kind]
        for name, value in zip(self.places, (none, none, 1), strict=False):
            if value:
                self.leaves[name] = value
        self.columns = [(m.field, m.column) for m in fields if m.column in pool.columns]
        counts = pool.columns.get("count")
        self.values = None if counts is None else np.empty((room, *counts.shape[1:]))

    def fill(self, window: Window) -> tuple[Array, Array]:
        """The nodes of a window as structs, and the values of its trees; the next window takes the same room."""
        nodes, splits = self.buffer[: len(window.right)], window.splits
        _copy_bytes(self.leaves, nodes)
        left, right, *flag = self.places
        # Widened before they are scattered, which is faster than both at once.
        for name, children in zip((left, right), window.places(), strict=True):
            nodes[name][splits] = children.astype(nodes.dtype[name], copy=False)
        for name in flag:
            nodes[name][splits] = 0
        for name, column in self.columns:
            if len(window.columns[column]) == len(window.columns["right"]):
                nodes[name] = window.of_nodes(column)
            else:
                nodes[name][splits] = window.of_splits(column).astype(nodes.dtype[name], copy=False)
        if self.kind == "predictor":
            if "node_depth" not in window.columns:
                nodes["depth"] = window.of_nodes("depth")
            return nodes, nodes
        return nodes, self._fill_values(window, nodes)

    def _fill_values(self, window: Window, nodes: Array) -> Array:
        """The weights, impurities and values, which may follow from the counts."""
        columns = window.columns
        rows = by_class(window.of_nodes("count")) if "count" in columns else None
        if "weight" in columns:
            weight = nodes["weighted_n_node_samples"]
        else:
            samples = window.of_nodes("samples")
            weight = samples.astype(np.float64) if rows is None else total(rows, columns["count"].shape[2])
            nodes["weighted_n_node_samples"] = weight
        if rows is None or self.values is None:
            return window.of_nodes("value")
        if "impurity" not in columns:
            gini(rows, weight, out=nodes["impurity"])
        return divided(rows, weight, self.values[: len(nodes)])


def _fields(pool: TreePool, dtype: np.dtype[Any]) -> list[Mapped]:
    """The fields that columns are put into, refused where the installed scikit-learn keeps its nodes otherwise."""
    names, mapped = set(dtype.names or ()), MAPPED[pool.kind]
    for name in sorted(names - {m.field for m in mapped} - set(PLACES[pool.kind][0])):
        raise CheckError(f"a node of this scikit-learn has an unknown field {quote(name)}", hint=_OTHER_VERSION)
    for field, column, _ in mapped:
        if field not in names:
            if column in pool.columns or field not in NEWER:
                raise CheckError(f"a node of this scikit-learn lacks the field {quote(field)}", hint=_OTHER_VERSION)
        elif column in pool.columns:
            _refuse_loss(column, pool.columns[column], dtype[field])
    for name in PLACES[pool.kind][0][:2]:
        _refuse_loss("right", pool.columns["sizes"], dtype[name])
    return [m for m in mapped if m.field in names]


def _refuse_loss(column: str, values: Array, dtype: np.dtype[Any]) -> None:
    if not np.can_cast(values.dtype, dtype, "safe"):
        with np.errstate(all="ignore"):
            kept = equal_bits(values.astype(dtype).astype(values.dtype), values)
        if not kept.all():
            value = values[int(np.argmin(kept))]
            raise CheckError(f"column '{column}' holds {value}, which a node can't hold", hint=_OTHER_VERSION)


def _copy_bytes(leaves: Array, nodes: Array) -> None:
    # As bytes: numpy copies a struct field by field, ten times slower.
    source, target = leaves.view(np.uint8), nodes.view(np.uint8)
    for start in range(0, len(target), len(source)):
        part = target[start : start + len(source)]
        part[...] = source[: len(part)]
