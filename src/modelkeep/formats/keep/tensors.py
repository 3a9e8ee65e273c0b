"""arrays.safetensors: every array of a graph in the standard safetensors layout, written and read strictly.

Layout (source: the safetensors README): an unsigned 64-bit little-endian header length, a JSON header
``{name: {"dtype", "shape", "data_offsets": [begin, end]}}``, and the tensors without gap or overlap. The names are
segment numbers. What safetensors has no dtype for (text, dates, structs) is a ``U8`` tensor of its bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.ports import Buffer, Part
from modelkeep.rope import Bytes
from modelkeep.torch_tensors import label_of

#: numpy dtype -> safetensors name, for little-endian data.
NATIVE = {
    "|b1": "BOOL", "|u1": "U8", "|i1": "I8", "<u2": "U16", "<i2": "I16", "<u4": "U32", "<i4": "I32",
    "<u8": "U64", "<i8": "I64", "<f2": "F16", "<f4": "F32", "<f8": "F64", "<c8": "C64",
}  # fmt: skip
#: What numpy has no dtype for is read as whole numbers of the same size; a tensor's node says what they mean.
LABELLED: dict[str, np.dtype[Any]] = {
    "BF16": np.dtype("<u2"),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0"), np.dtype("|u1")),
}
DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(text) for text, name in NATIVE.items()} | LABELLED
MAX_SEGMENTS = 10_000_000
MAX_DIMENSIONS = 32
_DATA_ALIGNMENT = 64


def name_of(dtype: np.dtype[Any]) -> str | None:
    """The safetensors name of a dtype, or None."""
    return label_of(dtype) or NATIVE.get(dtype.str)


class Segment(NamedTuple):
    """One tensor that is being written: ``chunks`` makes its bytes, in C order, when they are asked for."""

    dtype: str
    shape: tuple[int, ...]
    chunks: Callable[[], Iterable[Buffer]]

    @property
    def itemsize(self) -> int:
        return DTYPES[self.dtype].itemsize

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.itemsize


_Length = Annotated[int, msgspec.Meta(ge=0, lt=1 << 40)]


class _Info(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[_Length], msgspec.Meta(max_length=MAX_DIMENSIONS)]
    data_offsets: tuple[int, int]


# Made once, here: a first use of a type compiles its annotations, which no load is to do.
_HEADER = msgspec.json.Decoder(dict[str, _Info])


def part(segments: list[Segment]) -> Part:
    """The file. Tensors with larger items come first, so that each begins at a multiple of its item size."""
    order = sorted(range(len(segments)), key=lambda i: (-segments[i].itemsize, i))
    header: dict[str, _Info] = {}
    place = 0
    for i in order:
        segment = segments[i]
        header[str(i)] = _Info(segment.dtype, list(segment.shape), (place, place + segment.size))
        place += segment.size
    text = _padded(msgspec.json.encode(header))

    def chunks() -> Iterator[Buffer]:
        yield struct.pack("<Q", len(text)) + text
        for i in order:
            yield from segments[i].chunks()

    return Part(8 + len(text) + place, chunks)


class Tensor(NamedTuple):
    """One tensor that is being read: where it lies in ``Tensors.data``."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Tensors:
    """All tensors of a file, by segment number."""

    data: Bytes
    table: list[Tensor]

    def array(self, segment: int) -> np.ndarray:
        """The tensor as an array over the file's own memory, writable if that is."""
        tensor = self.table[segment]
        if isinstance(self.data, memoryview):
            return np.ndarray(tensor.shape, tensor.dtype, self.data, tensor.begin)
        return np.ndarray(tensor.shape, tensor.dtype, self.data.read(tensor.begin, tensor.end))

    def raw(self, segment: int) -> memoryview:
        tensor = self.table[segment]
        return self.data[tensor.begin : tensor.end]


def _padded(header: bytes) -> bytes:
    """With spaces behind it, so that the first tensor is aligned."""
    return header + b" " * (-(8 + len(header)) % _DATA_ALIGNMENT)


def parse(data: Bytes) -> Tensors:
    """The tensors in ``data``; refused unless they are numbered 0..n-1 and fill the file without gap or overlap."""
    size = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else -1
    if not 0 < size <= len(data) - 8:
        raise GraphError("arrays.safetensors: the header does not fit into the file")
    text = bytes(data[8 : 8 + size])
    if text[:1] != b"{" or text.count(b"{") > MAX_SEGMENTS:
        raise GraphError("arrays.safetensors: the header is not usable")
    try:
        header = _HEADER.decode(text)
        canonical = _padded(msgspec.json.encode(header)) == text
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise GraphError(f"arrays.safetensors: {quote(str(error))}") from None
    if not canonical:  # a key twice, another spelling: two readers might differ
        raise GraphError("arrays.safetensors: the header is not in its canonical form")
    numbers = {str(number): number for number in range(len(header))}
    table: list[Any] = [None] * len(header)
    base = place = 8 + size
    last = (-1 << 10, 0)
    for name, info in header.items():
        begin, end = info.data_offsets
        dtype, number = DTYPES.get(info.dtype), numbers.get(name)
        if dtype is None:
            raise GraphError(f"arrays.safetensors: tensor {quote(name, 20)} has an unusable dtype")
        if base + begin != place or end - begin != math.prod(info.shape) * dtype.itemsize:
            raise GraphError(f"arrays.safetensors: tensor {quote(name, 20)} overlaps, leaves a gap or has another size")
        if number is None:
            raise GraphError("arrays.safetensors: the tensors are not numbered from 0 without gaps")
        if (order := (-dtype.itemsize, number)) < last:  # in this order each begins at a multiple of its items' size
            raise GraphError(f"arrays.safetensors: tensor {number} is out of order")
        place, last = base + end, order
        table[number] = Tensor(dtype, tuple(info.shape), base + begin, place)
    if place != len(data):
        raise GraphError("arrays.safetensors: bytes are left behind the last tensor")
    return Tensors(data, table)
