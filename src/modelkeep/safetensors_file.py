"""Files of safetensors, whoever wrote them, read strictly and written plainly.

Layout (source: the safetensors README): an unsigned 64-bit little-endian header length, a JSON header
``{name: {"dtype", "shape", "data_offsets": [begin, end]}}`` with ``__metadata__`` as texts, and the tensors. They must
fill the file without gap or overlap; a name stands once.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.torch_tensors import LABELS, extended

#: Names of dtypes in a file, and the numpy dtype whose bits they have.
DTYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8", "BF16": "<u2", "F8_E4M3": "|u1",
    "F8_E5M2": "|u1", "F8_E8M0": "|u1",
}  # fmt: skip
#: What numpy lacks of them, under PyTorch's names.
BEYOND_NUMPY = {label: name for name, label in LABELS.items() if label}
MAX_HEADER = 100 << 20
MAX_TENSORS = 1_000_000
_ALIGNMENT = 64
_HINT = "get the file again from where it came from: no writer of safetensors makes this"


class Tensor(NamedTuple):
    """One tensor of a file: its dtype's name, its shape, and its bytes as a view of the file."""

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def bits(self) -> np.ndarray:
        """The tensor as an array over the file's memory; what numpy has no dtype for, as whole numbers."""
        dtype = np.dtype(DTYPES[self.dtype])
        if len(self.data) == 0:
            return np.zeros(self.shape, dtype)
        array: np.ndarray = np.ndarray(self.shape, dtype, self.data)
        return array if array.flags.aligned and array.flags.writeable else array.copy()

    def array(self) -> np.ndarray:
        """The same with a dtype that says what the numbers are."""
        name = BEYOND_NUMPY.get(self.dtype)
        return self.bits().view(extended(name)) if name else self.bits()


def read(data: memoryview) -> dict[str, Tensor]:
    """The tensors by name, in the order of their bytes."""
    size = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 2 <= size <= min(MAX_HEADER, len(data) - 8):
        raise _refused("its header does not fit into the file")
    header = _header(bytes(data[8 : 8 + size]))
    place, body = 0, data[8 + size :]
    tensors: dict[str, Tensor] = {}
    for name, (dtype, shape, begin, end) in sorted(header.items(), key=lambda item: item[1][2:]):
        if begin != place:
            raise _refused(f"the tensor {quote(name)} overlaps another, or leaves a gap")
        if end > len(body):
            raise _refused(f"the tensor {quote(name)} reaches beyond the end of the file")
        tensors[name] = Tensor(dtype, shape, body[begin:end])
        place = end
    if place != len(body):
        raise _refused("bytes are left behind its last tensor")
    return tensors


def _header(text: bytes) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    if text[:1] != b"{" or text.count(b"{") > MAX_TENSORS:
        raise _refused("its header is no JSON object, or has too many tensors")
    try:
        found = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _refused(f"its header is not valid: {quote(str(error))}") from None
    notes = found.pop("__metadata__", {})
    if type(notes) is not dict or not set(map(type, notes.values())) <= {str}:
        raise _refused("its metadata are not texts by name")
    return {name: _info(name, info) for name, info in found.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _info(name: str, info: Any) -> tuple[str, tuple[int, ...], int, int]:
    if type(info) is not dict or info.keys() != {"dtype", "shape", "data_offsets"}:
        raise _refused(f"{quote(name)} is not described by dtype, shape and offsets")
    dtype, shape, offsets = info["dtype"], info["shape"], info["data_offsets"]
    if type(dtype) is not str or dtype not in DTYPES:
        raise _refused(f"{quote(name)} has the dtype {quote(str(dtype), 40)}, which nothing here reads")
    if not _lengths(shape) or len(shape) > 32 or not _lengths(offsets) or len(offsets) != 2:
        raise _refused(f"{quote(name)} has an unusable shape or unusable offsets")
    begin, end = offsets
    if end - begin != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
        raise _refused(f"{quote(name)} has {end - begin} bytes, which is not the size of its shape")
    return dtype, tuple(shape), begin, end


def _lengths(value: Any) -> bool:
    return type(value) is list and all(type(n) is int and 0 <= n < 1 << 48 for n in value)


def _refused(why: str) -> GraphError:
    return GraphError(f"the file is not a usable file of safetensors: {why}", hint=_HINT)


# -- writing -------------------------------------------------------------------------------------------------------


class Piece(NamedTuple):
    """One tensor that is to be written: its dtype's name, and an array of its bits in C order."""

    dtype: str
    array: np.ndarray


def write(pieces: Mapping[str, Piece], metadata: Mapping[str, str] | None = None) -> Iterator[Any]:
    """The file piece by piece; the same tensors give the same bytes. Larger items come first, then names in order."""
    order = sorted(pieces, key=lambda name: (-pieces[name].array.dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(sorted((metadata or {}).items()))} if metadata else {}
    place = 0
    for name in order:
        piece = pieces[name]
        size = piece.array.nbytes
        header[name] = {"dtype": piece.dtype, "shape": list(piece.array.shape), "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    yield struct.pack("<Q", len(text)) + text
    for name in order:
        array = np.ascontiguousarray(pieces[name].array)
        if array.nbytes:
            yield array.reshape(-1).view(np.uint8).data
