"""numpy's ``.npy`` and ``.npz`` files, read without numpy's own reader: every length is checked before memory is taken.

Layout (source: ``numpy.lib.format``): ``\\x93NUMPY``, a version, the length of a header, the header, which is a
dictionary of Python as text, and the elements.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from modelkeep.archives import open_zip
from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle import arrays

_MAGIC = b"\x93NUMPY"
_LENGTHS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
_MAX_HEADER = 1 << 16
_MAX_FIELDS = 100
#: Dtypes that hold no pointers, in either byte order; ``V`` only where it fills a gap of a struct.
_DTYPE = re.compile(r"[<>|]([biufcmM]\d{1,2}(\[\d{0,9}[a-zA-Z]{1,2}\])?|[SU]\d{1,9})")
_GAP = re.compile(r"\|V\d{1,9}")


def array(data: memoryview) -> np.ndarray:
    """The array in a ``.npy`` file, over its memory."""
    size = _LENGTHS.get((data[6], data[7])) if len(data) >= 12 and bytes(data[:6]) == _MAGIC else None
    if size is None:
        raise GraphError("an array is not in a form of numpy's that is known")
    length = int.from_bytes(data[8 : 8 + size], "little")
    start = 8 + size + length
    if length > _MAX_HEADER or start > len(data):
        raise GraphError("the header of an array does not fit into its file")
    header = _header(bytes(data[8 + size : start]))
    dtype, shape = _dtype(header["descr"]), arrays.shape_of(header["shape"])
    order = header["fortran_order"]
    if type(order) is not bool or dtype.itemsize == 0:
        raise GraphError("the header of an array is not usable")
    return arrays.over(data[start:], dtype, shape, "F" if order else "C")


def _header(text: bytes) -> dict[str, Any]:
    try:
        found = ast.literal_eval(str(text, "utf-8").strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError, UnicodeDecodeError, TypeError):
        raise GraphError("the header of an array is not a dictionary") from None
    if type(found) is not dict or found.keys() != {"descr", "fortran_order", "shape"}:
        raise GraphError("the header of an array has other parts than a dtype, an order and a shape")
    return found


def _dtype(found: Any) -> np.dtype[Any]:
    _check(found, 0)
    try:
        made = np.lib.format.descr_to_dtype(found)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise GraphError(f"the dtype of an array is not usable: {quote(str(error))}") from None
    if made.hasobject:
        raise GraphError("the dtype of an array holds pointers")
    return made


def _check(found: Any, depth: int) -> None:
    """A name of a dtype, or a list of fields, each a name, a dtype, and perhaps a shape."""
    if type(found) is str:
        if not _DTYPE.fullmatch(found) and not (depth and _GAP.fullmatch(found)):
            raise GraphError(f"the dtype {quote(found, 60)} is not one that a model has")
        return
    if type(found) is not list or depth > 2 or not 0 < len(found) <= _MAX_FIELDS:
        raise GraphError("the dtype of an array has an unknown form")
    for field in found:
        if type(field) is not tuple or len(field) not in (2, 3) or type(field[0]) is not str:
            raise GraphError("a field of a dtype has an unknown form")
        if len(field) == 3:
            arrays.shape_of(field[2])
        _check(field[1], depth + 1)


def archive(data: memoryview, limit: int) -> dict[str, np.ndarray]:
    """The arrays of a ``.npz`` file by name."""
    found = open_zip(data, limit)
    if not all(name.endswith(".npy") for name in found.members):
        raise GraphError("an archive of arrays holds something else")
    return {name.removesuffix(".npy"): array(found.read(name)) for name in found.members}
