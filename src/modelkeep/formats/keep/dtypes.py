"""numpy dtypes as JSON, from a closed list; nothing that holds a pointer."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Unsaveable

_UNITS = "Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as"
_SIMPLE = re.compile(
    rf"[|<>](b1|[iu][1248]|f(2|4|8|16)|c(8|16|32)|[SV]\d{{1,9}}|U\d{{1,9}}|[mM]8(\[\d{{0,9}}({_UNITS})\])?)"
)
_MAX_FIELDS = 1000
_MAX_NESTING = 8


def encode(dtype: np.dtype[Any]) -> Any:
    """``dtype`` as text (``"<f8"``), or as a dictionary for a struct."""
    if dtype.hasobject:
        raise Unsaveable(f"the dtype {dtype} holds Python objects", "use an object array, or plain fields")
    if dtype.fields is not None and dtype.names is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        return {
            "names": list(dtype.names),
            "formats": [encode(field[0]) for field in fields],
            "offsets": [field[1] for field in fields],
            "itemsize": dtype.itemsize,
            "aligned": dtype.isalignedstruct,
        }
    if dtype.subdtype is not None:
        return {"item": encode(dtype.subdtype[0]), "shape": list(dtype.shape)}
    if not _SIMPLE.fullmatch(dtype.str):
        raise Unsaveable(f"the dtype {dtype} is not one that a file can keep", "convert the array to a plain dtype")
    return dtype.str


def decode(value: Any, depth: int = 0) -> np.dtype[Any]:
    """The dtype that ``value`` stands for. Law: ``decode(encode(d)) == d``."""
    try:
        if isinstance(value, str) and _SIMPLE.fullmatch(value):
            return _canonical(np.dtype(value), value)
        if isinstance(value, dict) and depth < _MAX_NESTING:
            made = _decode_subarray(value, depth) if "item" in value else _decode_struct(value, depth)
            return _canonical(made, value)
    except (TypeError, ValueError, KeyError, OverflowError, Unsaveable) as error:
        raise GraphError(f"{quote(repr(value))} is not a dtype: {error}") from None
    raise GraphError(f"{quote(repr(value))} is not a dtype that a file may have")


def _canonical(dtype: np.dtype[Any], value: Any) -> np.dtype[Any]:
    if encode(dtype) != value:
        raise GraphError(f"{quote(repr(value))} is not the canonical form of a dtype")
    return dtype


def _decode_subarray(value: dict[str, Any], depth: int) -> np.dtype[Any]:
    return np.dtype((decode(value["item"], depth + 1), tuple(value["shape"])))


def _decode_struct(value: dict[str, Any], depth: int) -> np.dtype[Any]:
    formats = [decode(item, depth + 1) for item in value["formats"]]
    offsets, end = value["offsets"], 0
    if not len(formats) == len(offsets) == len(value["names"]) <= _MAX_FIELDS:
        raise GraphError("a struct dtype needs one name and one offset for each field")
    for offset, item in sorted(zip(offsets, formats, strict=True), key=lambda pair: pair[0]):
        if offset < end:
            raise GraphError("the fields of a struct dtype overlap")
        end = offset + item.itemsize
    # Hostile files may claim a struct larger than its fields; numpy refuses one that is smaller.
    description = {key: value[key] for key in ("names", "offsets", "itemsize")}
    return np.dtype({**description, "formats": formats}, align=value["aligned"])


def check_values(array: np.ndarray, place: str = "an array") -> None:
    """Refuse bytes that no value of the dtype has: numpy would misbehave on them later, not now."""
    kind = array.dtype.kind
    if kind == "b" and array.size and int(array.view(np.uint8).max()) > 1:
        raise GraphError(f"{place} has truth values that are neither 0 nor 1")
    if kind == "U" and array.size and array.dtype.itemsize:
        codes = np.atleast_1d(np.ascontiguousarray(array)).view(f"{array.dtype.str[0]}u4")
        if int(codes.max()) > 0x10FFFF or bool(((codes >= 0xD800) & (codes <= 0xDFFF)).any()):
            raise GraphError(f"{place} has characters that Unicode lacks")
    for name in array.dtype.names or ():
        check_values(array[name], place)
