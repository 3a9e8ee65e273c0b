"""Operators that reduce, count and choose along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.crossing.shapes import axes_of, squeeze

Attributes = dict[str, Any]


def cumsum(k: Any, a: Attributes, x: Any, axis: Any) -> Any:
    place = int(np.ravel(axis)[0])
    flipped = k.flip(x, place) if a.get("reverse") else x
    made = k.cumsum(flipped, place)
    made = k.cast(made, k.dtype(x))  # some libraries sum whole numbers as int64
    made = made - flipped if a.get("exclusive") else made
    return k.flip(made, place) if a.get("reverse") else made


def one_hot(k: Any, a: Attributes, places: Any, depth: Any, values: Any) -> Any:
    count, off_on = int(np.ravel(depth)[0]), np.ravel(values)
    index = k.cast(places, "int64")
    index = k.where(k.less(index, k.like(0, index)), index + count, index)
    made = k.equal(k.expand_dims(index, -1), k.constant(np.arange(count)))
    made = k.where(made, k.constant(off_on[1]), k.constant(off_on[0]))
    axis = a.get("axis", -1)
    rank = len(k.shape(made))
    axis = axis if axis >= 0 else axis + rank
    order = list(range(rank - 1))
    order.insert(axis, rank - 1)
    return k.transpose(made, tuple(order))


def _reduce(name: str, before: str = "", after: str = "") -> Callable[..., Any]:
    def reduce(k: Any, a: Attributes, x: Any, axes: Any = None) -> Any:
        rank = len(k.shape(x))
        over = axes_of(a, axes, rank)
        kept, idle = bool(a.get("keepdims", 1)), a.get("noop_with_empty_axes")
        kind = k.dtype(x)
        if (name == "mean" or after) and "float" not in kind:
            raise NotImplementedError("fractions of whole numbers")
        made = getattr(k, before)(x) if before else x
        if over or not idle:  # else what comes before and after is done all the same
            made = getattr(k, name)(made, axis=tuple(over or range(rank)), keepdims=kept)
        made = getattr(k, after)(made) if after else made
        return made if k.dtype(made) == kind else k.cast(made, kind)

    return reduce


def _log_sum_exp(k: Any, a: Attributes, x: Any, axes: Any = None) -> Any:
    if "float" not in k.dtype(x):
        raise NotImplementedError("fractions of whole numbers")
    kept, idle = a.get("keepdims", 1), a.get("noop_with_empty_axes")
    over = {"axes": a.get("axes"), "noop_with_empty_axes": idle}
    most = _reduce("max")(k, over, x, axes)
    most = k.where(k.isinf(most), k.zeros_like(most), most)  # infinite less infinite is no number
    total = k.log(_reduce("sum")(k, over, k.exp(x - most), axes)) + most
    return total if kept else squeeze(k, {"axes": axes_of(a, axes, len(k.shape(x)))}, total)


def _arg(name: str) -> Callable[..., Any]:
    """The place of the ``name``, max or min: of equal ones, as -0.0 and 0.0 are, the first or the last."""

    def find(k: Any, a: Attributes, x: Any) -> Any:
        axis, last = a.get("axis", 0), a.get("select_last_index")
        x = k.flip(x, axis) if last else x
        best = k.equal(x, getattr(k, name)(x, axis=(axis,), keepdims=True))
        made = k.cast(k.argmax(k.cast(best, "int32"), axis), "int64")
        made = k.shape(x)[axis] - 1 - made if last else made
        return k.expand_dims(made, axis) if a.get("keepdims", 1) else made

    return find


def top_k(k: Any, a: Attributes, x: Any, count: Any) -> Any:
    rank = len(k.shape(x))
    axis = a.get("axis", -1) % rank
    moved = k.moveaxis(x, axis, -1)
    largest = bool(a.get("largest", 1))
    if not largest and "uint" in k.dtype(x):
        raise NotImplementedError("the smallest of numbers without a sign")
    values, places = k.top_k(moved if largest else -moved, int(np.ravel(count)[0]))
    values = values if largest else -values
    return k.moveaxis(values, -1, axis), k.moveaxis(k.cast(places, "int64"), -1, axis)


OPERATORS: dict[str, Callable[..., Any]] = {
    "ArgMax": _arg("max"),
    "ArgMin": _arg("min"),
    "CumSum": cumsum,
    "OneHot": one_hot,
    "ReduceL1": _reduce("sum", "abs"),
    "ReduceL2": _reduce("sum", "square", "sqrt"),
    "ReduceLogSum": _reduce("sum", "", "log"),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _reduce("max"),
    "ReduceMean": _reduce("mean"),
    "ReduceMin": _reduce("min"),
    "ReduceProd": _reduce("prod"),
    "ReduceSum": _reduce("sum"),
    "ReduceSumSquare": _reduce("sum", "square"),
    "TopK": top_k,
}
