"""Values through the graph and back, with the laws that hold for all of them, and what tells two values apart."""

from __future__ import annotations

import dataclasses
import enum
import math
import struct
from collections import defaultdict, deque
from typing import Any

import numpy as np

from modelkeep.formats.keep import dtypes, files
from modelkeep.formats.keep.encode import Encoder
from modelkeep.formats.keep.types import handler_of
from modelkeep.policy import Policy

OPEN = Policy()


def encoded(value: Any, compress: str | None = None) -> dict[str, bytes]:
    """The files of a graph of ``value``."""
    parts = Encoder(handler_of, compress=compress).parts(value, "graph")
    made = {name: b"".join(map(bytes, part.chunks())) for name, part in parts.items()}
    assert {name: len(data) for name, data in made.items()} == {name: part.size for name, part in parts.items()}
    return made


def decoded(made: dict[str, bytes], policy: Policy = OPEN, *, check: bool = True) -> Any:
    # A mapped file begins at a page, so the arrays in it are aligned; numpy's memory is as good.
    views = {name: memoryview(aligned(data)) for name, data in made.items()}
    return files.read_graph(views, policy, check=check)


def aligned(data: bytes) -> memoryview:
    room = np.empty(len(data) + 64, np.uint8)
    start = -room.__array_interface__["data"][0] % 64
    room[start : start + len(data)] = np.frombuffer(data, np.uint8)
    return room[start : start + len(data)].data


def kept(value: Any, policy: Policy = OPEN) -> Any:
    """``value`` through a graph and back. Law: the same bytes again, from the same value and from the one restored."""
    first = encoded(value)
    assert encoded(value) == first
    again = decoded(first, policy)
    assert encoded(again) == first
    return again


# -- what tells two values apart -----------------------------------------------------------------------------------

_LISTS = (list, tuple, deque, frozenset, set)
_SHARED = (list, tuple, dict, set, deque, np.ndarray)


def portrait(value: Any) -> Any:
    """All of a value: types, bits, order, and which of its parts are one object. Equal for equal values only."""
    return _Painter().paint(value)


class _Painter:
    def __init__(self) -> None:
        self.met: dict[int, tuple[int, Any]] = {}

    def paint(self, value: Any) -> Any:
        if (isinstance(value, _SHARED) or dataclasses.is_dataclass(value)) and not (type(value) is tuple and not value):
            if id(value) in self.met:
                return ("again", self.met[id(value)][0])
            self.met[id(value)] = (len(self.met), value)
        return (type(value).__name__, self.inside(value))

    def inside(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, np.generic):
            return (dtypes.encode(value.dtype), bits(np.asarray(value)), str(value))
        if isinstance(value, enum.Enum):
            return value.name
        if isinstance(value, float):
            return struct.pack(">d", value)
        if isinstance(value, complex):
            return struct.pack(">dd", value.real, value.imag)
        if dataclasses.is_dataclass(value):
            return [(field.name, self.paint(getattr(value, field.name))) for field in dataclasses.fields(value)]
        if isinstance(value, set | frozenset):  # what is in a set can't be told apart by place
            return sorted(repr(_Painter().paint(item)) for item in value)
        if isinstance(value, dict):
            extra = value.default_factory if isinstance(value, defaultdict) else None
            return (extra, [(self.paint(key), self.paint(item)) for key, item in value.items()])
        if isinstance(value, _LISTS):
            return (getattr(value, "maxlen", None), [self.paint(item) for item in value])
        return (repr(value), getattr(value, "fold", None))

    def array(self, array: np.ndarray) -> Any:
        facts = (array.dtype, array.dtype.type, array.shape, layout(array))
        if array.dtype.hasobject or array.dtype.char == "T":
            return (*facts, [self.paint(item) for item in array.ravel().tolist()])
        return (*facts, bits(array))


def bits(array: np.ndarray) -> bytes:
    """The bytes of all elements, without those that no value uses."""
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    mask = dtypes.padding_mask(array.dtype)
    return (raw if mask is None else raw.reshape(-1, array.itemsize) & mask).tobytes()


def layout(array: np.ndarray) -> Any:
    """How the elements lie: what numpy and BLAS look at when they choose a way to work."""
    if not array.nbytes or array.dtype.hasobject or array.dtype.char == "T":
        return None
    strides = [s for s, n in zip(array.strides, array.shape, strict=True) if n > 1]
    order = sorted(range(len(strides)), key=lambda axis: (-abs(strides[axis]), axis))
    flags = array.flags
    signs = [int(math.copysign(1, s)) if s else 0 for s in strides]
    whole = [s % array.itemsize == 0 for s in strides]
    close = [abs(s) == array.itemsize for s in strides]
    return (flags.c_contiguous, flags.f_contiguous, flags.aligned, order, signs, whole, close)
