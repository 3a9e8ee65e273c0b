"""Operators that move, select and reduce elements. Sizes, axes and places are numpy arrays, known without rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Attributes = dict[str, Any]


class Unknown:
    """A size that a library does not know before it has rows, in an array of sizes: all it can do is arithmetic."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def _with(self, other: Any, how: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return Unknown(how(self.value, other.value if isinstance(other, Unknown) else int(other)))

    def __add__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a * b)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a // b)

    def __neg__(self) -> Any:
        return Unknown(-self.value)

    __radd__, __rmul__ = __add__, __mul__

    def larger(self, other: Any) -> Any:
        """The larger of two sizes: any is at least one."""
        if not isinstance(other, Unknown):
            if other > 1:
                raise NotImplementedError("the larger of a size that is not known yet and another")
            return self
        if type(self.value).__module__.startswith("torch"):
            import torch

            return Unknown(torch.sym_max(self.value, other.value))  # type: ignore[no-untyped-call]
        import keras

        return Unknown(keras.ops.maximum(self.value, other.value))


def known(values: Any) -> Any:
    """An array of sizes: of integers if all of them are."""
    plain = all(isinstance(each, int) for each in values)
    made = np.empty(len(values), np.int64 if plain else object)
    for place, each in enumerate(values):
        made[place] = each if isinstance(each, int | Unknown) else Unknown(each)
    return made


def sizes(value: Any) -> list[Any]:
    """A known array as a list of sizes: plain integers, and objects of the library for those not known yet."""
    return [each.value if isinstance(each, Unknown) else int(each) for each in np.ravel(value).tolist()]


def shape(k: Any, a: Attributes, x: Any) -> Any:
    found = list(x.shape if isinstance(x, np.ndarray) else k.shape(x))
    found = found[a.get("start", 0) : a.get("end", len(found))]
    return known(found)


def size(k: Any, a: Attributes, x: Any) -> Any:
    return known([math.prod(sizes(shape(k, {}, x)))]).reshape(())


def reshape(k: Any, a: Attributes, x: Any, target: Any) -> Any:
    wanted, actual = sizes(target), k.shape(x)
    if not a.get("allowzero"):
        wanted = [actual[i] if isinstance(each, int) and each == 0 else each for i, each in enumerate(wanted)]
    return k.reshape(x, tuple(wanted))


def flatten(k: Any, a: Attributes, x: Any) -> Any:
    actual, axis = k.shape(x), a.get("axis", 1)
    axis = axis if axis >= 0 else axis + len(actual)
    behind = math.prod(actual[axis:])
    if axis == 0 or not isinstance(behind, int) or behind == 0:
        return k.reshape(x, (math.prod(actual[:axis]), behind))
    return k.reshape(x, (-1, behind))


def axes_of(a: Attributes, given: Any, rank: int) -> list[int]:
    axes = a.get("axes") if given is None else sizes(given)
    return sorted(each if each >= 0 else each + rank for each in axes or ())


def squeeze(k: Any, a: Attributes, x: Any, axes: Any = None) -> Any:
    actual = k.shape(x)
    drop = axes_of(a, axes, len(actual)) or [i for i, each in enumerate(actual) if isinstance(each, int) and each == 1]
    for axis in reversed(drop):
        x = k.squeeze(x, axis)
    return x


def unsqueeze(k: Any, a: Attributes, x: Any, axes: Any = None) -> Any:
    given = a.get("axes") if axes is None else sizes(axes)
    for axis in axes_of({"axes": given}, None, len(k.shape(x)) + len(given or ())):
        x = k.expand_dims(x, axis)
    return x


def transpose(k: Any, a: Attributes, x: Any) -> Any:
    rank = len(k.shape(x))
    return k.transpose(x, tuple(a.get("perm") or range(rank - 1, -1, -1)))


def concat(k: Any, a: Attributes, *values: Any) -> Any:
    return k.concatenate(list(values), a["axis"])


def slice_(
    k: Any, a: Attributes, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None
) -> Any:
    begin = sizes(starts) if starts is not None else a["starts"]
    end = sizes(ends) if ends is not None else a["ends"]
    rank = len(k.shape(x))
    where = sizes(axes) if axes is not None else a.get("axes") or list(range(len(begin)))
    stride = sizes(steps) if steps is not None else [1] * len(begin)
    index: list[Any] = [slice(None)] * rank
    for axis, first, last, step in zip(where, begin, end, stride, strict=True):
        if step < 0:
            x = k.flip(x, axis)
            length = k.shape(x)[axis]
            if isinstance(last, int) and last >= (1 << 31) - 1:  # runtimes take it for the front
                raise NotImplementedError("steps back to a place beyond the end")
            first, last = (length - 1 - _inside(each, length, least) for each, least in ((first, 0), (last, -1)))
            step = -step
        index[axis] = slice(first, None if isinstance(last, int) and last >= (1 << 31) - 1 else last, step)
    return x[tuple(index)]


def _inside(place: Any, length: Any, least: int) -> Any:
    """A place counted from the front, held inside the axis."""
    place = place + length if place < 0 else place
    return max(least, min(place, length - 1))


def split(k: Any, a: Attributes, x: Any, parts: Any = None) -> Any:
    axis = a.get("axis", 0)
    lengths = sizes(parts) if parts is not None else a.get("split")
    if lengths is None:
        total, count = int(k.shape(x)[axis]), a.get("num_outputs") or a["outputs"]
        each = -(-total // count)
        lengths = [min(each, total - i * each) for i in range(count)]
    ends = np.cumsum(lengths).tolist()
    return tuple(_range(x, axis, end - length, end) for length, end in zip(lengths, ends, strict=True))


def _range(x: Any, axis: int, start: int, end: int) -> Any:
    index: list[Any] = [slice(None)] * len(x.shape)
    index[axis] = slice(start, end)
    return x[tuple(index)]


def expand(k: Any, a: Attributes, x: Any, target: Any) -> Any:
    """To the common shape of both."""
    wanted, actual = sizes(target), list(k.shape(x))
    rank = max(len(wanted), len(actual))
    wanted = [1] * (rank - len(wanted)) + wanted
    actual = [1] * (rank - len(actual)) + actual
    both = [old if isinstance(new, int) and new == 1 else new for old, new in zip(actual, wanted, strict=True)]
    return k.broadcast_to(x, tuple(both))


def tile(k: Any, a: Attributes, x: Any, times: Any) -> Any:
    return k.tile(x, tuple(sizes(times)))


def pad(k: Any, a: Attributes, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    rank = len(k.shape(x))
    amounts = sizes(pads) if pads is not None else a["pads"]
    where = [each % rank for each in sizes(axes)] if axes is not None else list(range(rank))
    pairs = [(0, 0)] * rank
    for i, axis in enumerate(where):
        pairs[axis] = (amounts[i], amounts[i + len(where)])
    if any(min(pair) < 0 for pair in pairs):
        index = tuple(slice(max(0, -low), None if high >= 0 else high) for low, high in pairs)
        x, pairs = x[index], [(max(0, low), max(0, high)) for low, high in pairs]
    fill = float(np.ravel(value)[0]) if value is not None and np.size(value) else a.get("value", 0.0)
    return k.pad(x, pairs, a.get("mode", "constant"), fill)


def range_(k: Any, a: Attributes, start: Any, limit: Any, step: Any) -> Any:
    first, last, by = (each.item() for each in (start, limit, step))
    if all(isinstance(each, int | float) for each in (first, last, by)):
        return np.arange(first, last, by, dtype=start.dtype if start.dtype != object else np.int64)
    return k.arange(*(each.value if isinstance(each, Unknown) else each for each in (first, last, by)))


def constant_of_shape(k: Any, a: Attributes, target: Any) -> Any:
    value = a.get("value", np.zeros(1, np.float32))
    wanted = sizes(target)
    if all(isinstance(each, int) for each in wanted):
        return np.full(wanted, value.ravel()[0], value.dtype)
    return k.broadcast_to(k.constant(value.reshape(())), tuple(wanted))


def dropout(k: Any, a: Attributes, x: Any, ratio: Any = None, training: Any = None) -> Any:
    if training is not None and np.ravel(training)[0]:
        raise NotImplementedError("dropout while training")
    return x


def trilu(k: Any, a: Attributes, x: Any, diagonal: Any = None) -> Any:
    offset = int(np.ravel(diagonal)[0]) if diagonal is not None else 0
    rows, columns = k.shape(x)[-2:]
    if isinstance(rows, int) and isinstance(columns, int):  # further outside some libraries know no diagonal
        offset = max(-rows, min(offset, columns))
    return k.triu(x, offset) if a.get("upper", 1) else k.tril(x, offset)


OPERATORS: dict[str, Callable[..., Any]] = {
    "Concat": concat,
    "ConstantOfShape": constant_of_shape,
    "Dropout": dropout,
    "Expand": expand,
    "Flatten": flatten,
    "Identity": lambda k, a, x: x,
    "Pad": pad,
    "Range": range_,
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}
