"""numpy's ``.npy`` and ``.npz`` files, read without numpy's own reader: every length is checked before memory is taken.

Layout (source: ``numpy.lib.format``): ``\\x93NUMPY``, a version, the length of a header, the header, which is the
text of a dictionary of Python, and the elements.
"""

from __future__ import annotations

import json
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
_HEADER = re.compile(
    r"\{'descr': ('[^'\"\\]{1,60}'|\[[^\"\\]+\]), 'fortran_order': (True|False), "
    r"'shape': \(([0-9, ]{0,400})\), \} *\n?"
)
_AS_JSON = str.maketrans("'()", '"[]')
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
    if dtype.itemsize == 0:
        raise GraphError("the elements of an array have no size")
    return arrays.over(data[start:], dtype, shape, "F" if header["fortran_order"] else "C")


def _header(text: bytes) -> dict[str, Any]:
    """The header as numpy writes it. It is never evaluated: what it can hold is what JSON can, spelt otherwise."""
    found = _HEADER.fullmatch(str(text, "latin-1"))
    if found is None:
        raise GraphError("the header of an array is not one that numpy writes")
    spelt = found[1].translate(_AS_JSON).replace(",]", "]")
    try:
        descr = json.loads(spelt)
    except (ValueError, RecursionError):
        raise GraphError("the dtype of an array has an unknown form") from None
    shape = tuple(int(n) for n in found[3].replace(" ", "").split(",") if n)
    return {"descr": _fields(descr, 0), "fortran_order": found[2] == "True", "shape": shape}


def _fields(found: Any, depth: int) -> Any:
    """A dtype as numpy takes it: a name, or a list of tuples of a name, a dtype, and perhaps a shape."""
    if type(found) is not list:
        return found
    if depth > 2 or not all(type(field) is list and 2 <= len(field) <= 3 for field in found):
        raise GraphError("the dtype of an array has an unknown form")
    return [
        (field[0], _fields(field[1], depth + 1), *(tuple(part) if type(part) is list else part for part in field[2:]))
        for field in found
    ]


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
