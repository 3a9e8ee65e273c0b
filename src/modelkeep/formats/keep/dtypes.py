"""numpy dtypes as JSON, from a closed list; nothing that holds a pointer."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Unsaveable

_UNITS = "Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as"
_SIMPLE = re.compile(
    rf"[|<>](b1|[iu][1248]|f(2|4|8|16)|c(8|16|32)|[SV]\d{{1,9}}|U\d{{1,9}}|[mM]8(\[([1-9]\d{{0,8}})?({_UNITS})\])?)"
)
_MAX_FIELDS = 1000
_MAX_NESTING = 8
_HINT = "convert the array to a plain dtype"
#: A long double has 16 bytes in several incompatible forms; files hold the one with 80 bits.
_EXTENDED = re.compile(r"[<>](f16|c32)")
_EXTENDED_BYTES = 10


def encode(dtype: np.dtype[Any]) -> Any:
    """``dtype`` as text (``"<f8"``), or as a dictionary for a struct."""
    if dtype.hasobject:
        raise Unsaveable(f"the dtype {dtype} holds Python objects", "use an object array, or plain fields")
    if dtype.fields is not None and dtype.names is not None:
        return _encode_struct(dtype)
    if dtype.subdtype is not None:
        return {"item": encode(dtype.subdtype[0]), "shape": list(dtype.shape)}
    if not _SIMPLE.fullmatch(dtype.str):
        raise Unsaveable(f"the dtype {dtype} is not one that a file can keep", _HINT)
    if _EXTENDED.fullmatch(dtype.str) and not _has_extended():
        raise Unsaveable("a long double of this machine is not one that a file can keep", "convert it to float64")
    return dtype.str


def _encode_struct(dtype: np.dtype[Any]) -> dict[str, Any]:
    names = dtype.names or ()
    table: Any = dtype.fields
    fields = [table[name] for name in names]
    if any(len(field) > 2 for field in fields):
        raise Unsaveable("a struct dtype has titles beside its names", "leave the titles out")
    if _overlapping([(field[1], field[0].itemsize) for field in fields]):
        raise Unsaveable("a struct dtype has fields that overlap", "keep the fields as arrays of their own")
    record = {"record": True} if issubclass(dtype.type, np.record) else {}
    return record | {
        "names": list(names),
        "formats": [encode(field[0]) for field in fields],
        "offsets": [field[1] for field in fields],
        "itemsize": dtype.itemsize,
        "aligned": dtype.isalignedstruct,
    }


def decode(value: Any, depth: int = 0) -> np.dtype[Any]:
    """The dtype that ``value`` stands for. Law: ``decode(encode(d)) == d``."""
    if type(value) is str:
        return _decode_text(value)
    try:
        if isinstance(value, dict) and depth < _MAX_NESTING:
            made = _decode_subarray(value, depth) if "item" in value else _decode_struct(value, depth)
            return _canonical(made, value)
    except (TypeError, ValueError, KeyError, OverflowError, Unsaveable) as error:
        raise GraphError(f"{quote(repr(value))} is not a dtype: {error}") from None
    raise GraphError(f"{quote(repr(value))} is not a dtype that a file may have")


@functools.lru_cache(1024)
def _decode_text(value: str) -> np.dtype[Any]:
    try:
        if _SIMPLE.fullmatch(value):
            return _canonical(np.dtype(value), value)
    except (TypeError, ValueError, OverflowError, Unsaveable) as error:
        raise GraphError(f"{quote(value)} is not a dtype: {error}") from None
    raise GraphError(f"{quote(value)} is not a dtype that a file may have")


def _canonical(dtype: np.dtype[Any], value: Any) -> np.dtype[Any]:
    if encode(dtype) != value:
        raise GraphError(f"{quote(repr(value))} is not the canonical form of a dtype")
    return dtype


def _decode_subarray(value: dict[str, Any], depth: int) -> np.dtype[Any]:
    return np.dtype((decode(value["item"], depth + 1), tuple(value["shape"])))


def _decode_struct(value: dict[str, Any], depth: int) -> np.dtype[Any]:
    formats = [decode(item, depth + 1) for item in value["formats"]]
    offsets = value["offsets"]
    if not len(formats) == len(offsets) == len(value["names"]) <= _MAX_FIELDS:
        raise GraphError("a struct dtype needs one name and one offset for each field")
    if _overlapping([(offset, item.itemsize) for offset, item in zip(offsets, formats, strict=True)]):
        raise GraphError("the fields of a struct dtype overlap")
    # Hostile files may claim a struct larger than its fields; numpy refuses one that is smaller.
    description = {key: value[key] for key in ("names", "offsets", "itemsize")}
    make: Callable[..., np.dtype[Any]] = np.dtype
    made = make({**description, "formats": formats}, align=value["aligned"])
    return make((np.record, made)) if value.get("record") is True else made


def _overlapping(fields: list[tuple[int, int]]) -> bool:
    end = 0
    for offset, size in sorted(fields):
        if offset < end:
            return True
        end = offset + size
    return False


# -- the bytes of a value ------------------------------------------------------------------------------------------


@functools.cache
def _has_extended() -> bool:
    return np.finfo(np.longdouble).nmant == 63 and np.dtype(np.longdouble).itemsize == 16


@functools.cache
def padding_mask(dtype: np.dtype[Any]) -> np.ndarray | None:
    """One byte for each of an item: 255 where the value is, 0 where nothing is; None if values fill all of it."""
    mask = _mask(dtype)
    mask.flags.writeable = False
    return None if mask.all() else mask


def _mask(dtype: np.dtype[Any]) -> np.ndarray:
    mask = np.full(dtype.itemsize, 255, np.uint8)
    if dtype.fields is not None:
        mask[:] = 0
        for name in dtype.names or ():
            item, offset = dtype.fields[name][:2]
            mask[offset : offset + item.itemsize] = _mask(item)
    elif dtype.subdtype is not None:
        mask[:] = np.tile(_mask(dtype.subdtype[0]), math.prod(dtype.shape))
    elif dtype.char in "gG" and _has_extended():
        parts = mask.reshape(-1, 16)
        parts[:, _EXTENDED_BYTES:] = 0
        mask = parts[:, ::-1].reshape(-1) if dtype.byteorder == ">" else mask
    return mask


def check_values(array: np.ndarray, place: str = "an array") -> None:
    """Refuse bytes that no value of the dtype has: numpy would misbehave on them later, not now."""
    kind = array.dtype.kind
    if kind == "b" and array.size and int(array.view(np.uint8).max()) > 1:
        raise GraphError(f"{place} has truth values that are neither 0 nor 1")
    if kind == "U" and array.size and array.dtype.itemsize:
        codes = np.atleast_1d(np.ascontiguousarray(array)).view(f"{array.dtype.str[0]}u4")
        if int(codes.max()) > 0x10FFFF or bool(((codes >= 0xD800) & (codes <= 0xDFFF)).any()):
            raise GraphError(f"{place} has characters that Unicode lacks")
    if array.dtype.char in "gG" and array.size and _has_extended():
        _check_extended(array, place)
    for name in array.dtype.names or ():
        check_values(array[name], place)


def _check_extended(array: np.ndarray, place: str) -> None:
    """A long double writes down its first binary digit, which is 0 only for zero and the smallest numbers."""
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, 16)
    raw = raw[:, ::-1] if array.dtype.byteorder == ">" else raw
    digit = raw[:, 7] >= 128
    exponent = (raw[:, 8] != 0) | (raw[:, 9] & 127 != 0)
    if bool((digit != exponent).any()):
        raise GraphError(f"{place} has long doubles that no machine makes")
