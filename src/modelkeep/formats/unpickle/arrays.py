"""numpy arrays and scalars in a pickle: records to real arrays, over the bytes of the file where that is possible."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from modelkeep.errors import GraphError
from modelkeep.formats.unpickle import dtypes
from modelkeep.formats.unpickle.raw import raw_bytes

MAX_DIMENSIONS = 64
_MAX_LENGTH = 1 << 40

#: What stands for bytes: a real array, or the elements of an object array, still as records.
Objects = tuple[tuple[int, ...], list[Any], str]


def shape_of(value: Any) -> tuple[int, ...]:
    """A shape, as a tuple of plain lengths."""
    if type(value) is not tuple or len(value) > MAX_DIMENSIONS:
        raise GraphError("the shape of an array is a tuple of lengths")
    if not all(type(n) is int and 0 <= n < _MAX_LENGTH for n in value):
        raise GraphError("the shape of an array has an unusable length")
    return value


def over(raw: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
    """The array of exactly the bytes ``raw``."""
    if dtype.hasobject:
        raise GraphError("objects are given as bytes")
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise GraphError(f"an array of shape {shape} and dtype {dtype} does not have {len(raw)} bytes")
    if not len(raw):
        return np.zeros(shape, dtype, order)
    if dtype.subdtype is not None:
        raise GraphError("an array has a dtype of arrays")
    made: np.ndarray = np.ndarray(shape, dtype, raw, order=order)
    # Where it lies in the file says nothing of the model, and some compiled code asks for aligned memory.
    return made if made.flags.aligned else made.copy(order="K")


def from_state(state: Any) -> np.ndarray | Objects:
    """What ``ndarray.__setstate__`` would make: of ``(version, shape, dtype, is Fortran order, data)``."""
    if type(state) is tuple and len(state) == 4:  # before versions
        state = (0, *state)
    if type(state) is not tuple or len(state) != 5 or state[0] not in (0, 1):
        raise GraphError("the state of an array has an unknown form")
    shape, dtype, data = shape_of(state[1]), dtypes.decode(state[2]), state[4]
    order: Literal["C", "F"] = "F" if state[3] in (True, 1) else "C"
    if dtype.hasobject:
        if dtype.kind != "O" or type(data) is not list or len(data) != math.prod(shape):
            raise GraphError("an array of objects has another number of elements than its shape says")
        return shape, data, order
    made = over(raw_bytes(data), dtype, shape, order)
    # numpy does the same when it takes a state, though not when it takes a buffer.
    return made if dtype.isnative or dtype.names else made.astype(dtype.newbyteorder("="))


def from_buffer(args: tuple[Any, ...]) -> np.ndarray:
    """What numpy's ``_frombuffer(data, dtype, shape, order[, order of axes])`` would make."""
    if len(args) not in (4, 5) or args[3] not in ("C", "F", "K"):
        raise GraphError("an array over a buffer has an unknown form")
    shape, dtype, axes = shape_of(args[2]), dtypes.decode(args[1]), args[4] if len(args) == 5 else None
    array = over(raw_bytes(args[0]), dtype, shape, "F" if args[3] == "F" else "C")
    if args[3] != "K" or axes is None:
        return array
    if type(axes) is not tuple or not all(type(n) is int for n in axes) or sorted(axes) != list(range(len(shape))):
        raise GraphError("the axes of an array are not an order of its axes")
    return array.transpose(axes)


def scalar(args: tuple[Any, ...]) -> Any:
    """What numpy's ``scalar(dtype, data)`` would make."""
    if len(args) != 2:
        raise GraphError("a numpy scalar has an unknown form")
    dtype = dtypes.decode(args[0])
    return over(raw_bytes(args[1]), dtype, (), "C").copy()[()]
