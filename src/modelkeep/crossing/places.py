"""Operators that take elements from places, or put them there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Attributes = dict[str, Any]


def gather(k: Any, a: Attributes, x: Any, places: Any) -> Any:
    axis = a.get("axis", 0)
    if isinstance(places, np.ndarray):
        return np.take(x, places.astype(np.int64), axis=axis)
    length = k.shape(x)[axis]
    return k.take(x, _from_front(k, places, length), axis)


def gather_elements(k: Any, a: Attributes, x: Any, places: Any) -> Any:
    shape, size = k.shape(x), k.shape(places)
    axis = a.get("axis", 0) % len(shape)
    length = shape[axis]
    # There may be fewer places than elements along other axes; some libraries would repeat them.
    x = x[tuple(slice(None) if each == axis else slice(0, size[each]) for each in range(len(shape)))]
    return k.take_along_axis(x, _from_front(k, places, length), axis)


def scatter_elements(k: Any, a: Attributes, x: Any, places: Any, values: Any) -> Any:
    if a.get("reduction", "none") != "none":
        raise NotImplementedError("values that are joined with those that stood there")
    axis, shape, size = a.get("axis", 0) % len(k.shape(x)), k.shape(x), k.shape(places)
    if not all(isinstance(each, int) for each in (*shape, *size)):
        raise NotImplementedError("rows without a number")
    grid = [k.constant(each) for each in np.indices(size)]
    grid[axis] = _from_front(k, k.cast(places, "int64"), shape[axis])
    return k.scatter_update(x, k.reshape(k.stack(grid, -1), (-1, len(shape))), k.reshape(values, (-1,)))


def gather_nd(k: Any, a: Attributes, x: Any, places: Any) -> Any:
    """``places`` holds along its last axis a place on each of the first axes of x."""
    if a.get("batch_dims"):
        raise NotImplementedError("places that begin behind the first axis")
    shape, depth = k.shape(x), k.shape(places)[-1]
    flat, count, outside = places[..., 0] * 0, 1, None
    for axis in range(depth):
        length = _length(k, shape[axis], places)
        place = _from_front(k, places[..., axis], length)
        flat, count = flat * length + place, length * count
        beyond = k.logical_or(k.less(place, place * 0), k.greater_equal(place, place * 0 + length))
        outside = beyond if outside is None else k.logical_or(outside, beyond)
    flat = k.where(outside, flat * 0 + count, flat)  # outside of all, lest another element be met
    return k.take(k.reshape(x, (-1, *shape[depth:])), flat, 0)


def scatter_nd(k: Any, a: Attributes, x: Any, places: Any, values: Any) -> Any:
    if a.get("reduction", "none") != "none":
        raise NotImplementedError("values that are joined with those that stood there")
    shape = k.shape(x)
    axes = [_from_front(k, places[..., axis], shape[axis]) for axis in range(k.shape(places)[-1])]
    return k.scatter_update(x, k.stack(axes, -1), values)


def _from_front(k: Any, places: Any, length: Any) -> Any:
    return k.where(k.less(places, k.like(0, places)), places + _length(k, length, places), places)


def _length(k: Any, length: Any, places: Any) -> Any:
    """A size as a number of the places' kind, where it is not known before there are rows."""
    return k.cast(length, k.dtype(places)) if hasattr(length, "dtype") else length


OPERATORS: dict[str, Callable[..., Any]] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
}
