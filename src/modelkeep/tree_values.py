"""What the columns of a tree pool mean in numbers: values from counts, Gini's impurity, the depth of each node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Up to here a product of two weights is exact in float64, so Gini's impurity is the same on any machine.
EXACT_WEIGHT = 2**26
#: Up to so many classes one pass per class is faster than numpy's loop over a short inner axis.
_FEW_CLASSES = 8
#: Where so few nodes are left on a level, walking them one by one is faster than calls to numpy per level.
_FEW_NODES = 8


def by_class(counts: Array) -> Array:
    """Counts of shape (nodes, outputs, classes) as float64, one row for each output and class."""
    return counts.reshape(len(counts), -1).T.astype(np.float64, order="C")


def total(rows: Array, n_classes: int) -> Array:
    """The weight of each node that its counts (``by_class``) add up to, for its first output."""
    sums: Array = rows[0].copy()
    for row in rows[1:n_classes]:
        sums += row
    return sums


def gini(rows: Array, weight: Array, out: Array | None = None) -> Array:
    """Gini's impurity of one output, 1 - sum(count ** 2) / weight ** 2, as scikit-learn's ``_criterion.pyx`` rounds it.

    The squares and their sum are exact, so their order doesn't matter, up to ``EXACT_WEIGHT``.
    """
    squares: Array = rows[0] * rows[0]
    for row in rows[1:]:
        squares += row * row
    squares /= weight * weight
    return np.subtract(1.0, squares, out=out)


def divided(rows: Array, weight: Array, out: Array) -> Array:
    """The value of each node, its counts by its weight, put into ``out`` of shape (nodes, outputs, classes)."""
    flat = out.reshape(len(out), -1)
    if len(rows) <= _FEW_CLASSES:
        for k, row in enumerate(rows):
            np.divide(row, weight, out=flat[:, k])
    else:
        np.divide(rows.T, weight[:, None], out=flat)
    return out


def node_depths(is_split: Array, is_child: Array, left: Array, right: Array) -> Array:
    """The depth of every node; ``left`` and ``right`` give the children of each split, which must be checked ones."""
    depth = np.zeros(len(is_split), np.uint32)
    number = np.cumsum(is_split) - 1  # of each split, among the splits
    level, front = 0, np.flatnonzero(is_split & ~is_child)
    while len(front):
        level += 1
        if len(front) > _FEW_NODES:
            at = number[front]
            below = np.concatenate((left[at], right[at]))
            depth[below] = level
            front = below[is_split[below]]
            continue
        few: list[int] = front.tolist()
        while few and len(few) <= _FEW_NODES:
            at_few = [number.item(node) for node in few]
            children = [left.item(i) for i in at_few] + [right.item(i) for i in at_few]
            for child in children:
                depth[child] = level
            few = [child for child in children if is_split.item(child)]
            level += 1
        level, front = level - 1, np.array(few, np.intp)
    return depth


def equal_bits(one: Array, other: Array | float) -> Array:
    """Where two arrays are equal to the last bit: -0.0 is not 0.0, and a NaN is itself."""
    if one.dtype.kind == "f":
        bits = np.dtype(f"i{one.dtype.itemsize}")
        one, other = np.ascontiguousarray(one).view(bits), np.ascontiguousarray(other, one.dtype).view(bits)
    equal: Array = one == other
    return equal


def whole_numbers(values: Array) -> Array | None:
    """``values`` as 32-bit counts, if that is what they are to the last bit."""
    if not values.size:
        return values.astype(np.uint32)
    if not (values.min() >= 0 and values.max() < 2**32):  # a NaN fails both
        return None
    whole = values.astype(np.uint32)
    return whole if equal_bits(whole.astype(np.float64), values).all() else None
