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
        if not over and idle:
            return x
        x = getattr(k, before)(x) if before else x
        made = getattr(k, name)(x, axis=tuple(over or range(rank)), keepdims=kept)
        return getattr(k, after)(made) if after else made

    return reduce


def _log_sum_exp(k: Any, a: Attributes, x: Any, axes: Any = None) -> Any:
    kept, idle = a.get("keepdims", 1), a.get("noop_with_empty_axes")
    over = {"axes": a.get("axes"), "noop_with_empty_axes": idle}
    most = _reduce("max")(k, over, x, axes)
    total = k.log(_reduce("sum")(k, over, k.exp(x - most), axes)) + most
    return total if kept else squeeze(k, {"axes": axes_of(a, axes, len(k.shape(x)))}, total)


def _arg(name: str) -> Callable[..., Any]:
    def find(k: Any, a: Attributes, x: Any) -> Any:
        axis = a.get("axis", 0)
        if a.get("select_last_index"):
            raise NotImplementedError("select_last_index")
        made = k.cast(getattr(k, name)(x, axis), "int64")
        return k.expand_dims(made, axis) if a.get("keepdims", 1) else made

    return find


def top_k(k: Any, a: Attributes, x: Any, count: Any) -> Any:
    rank = len(k.shape(x))
    axis = a.get("axis", -1) % rank
    moved = k.moveaxis(x, axis, -1)
    largest = bool(a.get("largest", 1))
    values, places = k.top_k(moved if largest else -moved, int(np.ravel(count)[0]))
    values = values if largest else -values
    return k.moveaxis(values, -1, axis), k.moveaxis(k.cast(places, "int64"), -1, axis)


OPERATORS: dict[str, Callable[..., Any]] = {
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
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
