"""pandas: columns of Arrow types, as numpy values or texts and a mark for each missing one."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, MissingPackageError, quote
from modelkeep.formats.keep.handlers import Node, Unsaveable
from modelkeep.formats.keep.types import numpy

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

#: Arrow's name of a type: the function of pyarrow that makes it, and the numpy dtype of its values.
_TYPES = {
    "bool": ("bool_", "?"), "float": ("float32", "f4"), "double": ("float64", "f8"), "date32[day]": ("date32", "i4"),
    **{f"int{8 * n}": (f"int{8 * n}", f"i{n}") for n in (1, 2, 4, 8)},
    **{f"uint{8 * n}": (f"uint{8 * n}", f"u{n}") for n in (1, 2, 4, 8)},
}  # fmt: skip
_TEXTS = {"string": "string", "large_string": "large_string"}
_TIMES = re.compile(r"(timestamp|duration)\[(s|ms|us|ns)(, tz=([A-Za-z0-9_+:/-]{1,64}))?\]")


def _arrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ModuleNotFoundError:
        raise MissingPackageError(
            "the model has columns of pyarrow, which is not installed", hint="install it: pip install pyarrow"
        ) from None


def _known(name: Any) -> tuple[Any, str] | None:
    """The Arrow type of a name of the table, and the numpy dtype that holds its values ("" for text)."""
    if type(name) is not str:
        return None
    if name in _TEXTS:
        return getattr(_arrow(), _TEXTS[name])(), ""
    if name in _TYPES:
        maker, dtype = _TYPES[name]
        return getattr(_arrow(), maker)(), dtype
    found = _TIMES.fullmatch(name)
    if found is None or (found[1] == "duration" and found[4]):
        return None
    return (_arrow().timestamp(found[2], found[4]) if found[1] == "timestamp" else _arrow().duration(found[2])), "i8"


def type_name(dtype: Any) -> str:
    """The name of the Arrow type of a pandas dtype."""
    name = str(dtype.pyarrow_dtype)
    if _known(name) is None:
        raise Unsaveable(f"a column of Arrow's {quote(name)} can't be kept", "convert it by astype(object)")
    return name


def dtype_of(name: Any) -> Any:
    known = _known(name)
    if known is None:
        raise GraphError(f"{quote(repr(name))} is not an Arrow type that a file may have")
    return importlib.import_module("pandas").ArrowDtype(known[0])


def encode(encoder: Encoder, values: Any) -> Node:
    name = type_name(values.dtype)
    kind, dtype = _known(name) or ("", "")
    column = values.__arrow_array__()
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if not dtype:
        return ["arrowvalues", name, whole.to_pylist(), None]
    missing = whole.is_null().to_numpy(zero_copy_only=False)
    if kind != whole.type or name == "bool":
        numbers = whole.fill_null(False).to_numpy(zero_copy_only=False)
    else:
        plain = whole.view(_arrow().from_numpy_dtype(np.dtype(dtype)))
        numbers = plain.fill_null(0).to_numpy(zero_copy_only=False)
    parts = (numpy.encode_array(encoder, np.asarray(part), alone=True) for part in (numbers, missing))
    return ["arrowvalues", name, *parts]


def decode(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    known = _known(node[1])
    if known is None:
        raise GraphError(f"{quote(repr(node[1]))} is not an Arrow type that a file may have")
    kind, dtype = known
    arrow = _arrow()
    if not dtype:
        texts = builder.a_list(node[2])
        if not set(map(type, texts)) <= {str, type(None)} or node[3] is not None:
            raise GraphError("a text column holds texts")
        made = arrow.array(texts, kind)
    else:
        numbers, missing = builder.build(node[2]), builder.build(node[3])
        if not (_is_column(numbers, dtype) and _is_column(missing, "?") and len(numbers) == len(missing)):
            raise GraphError("a column of Arrow needs its numbers, and a mark for each")
        plain = arrow.array(numbers, mask=missing)
        made = plain if dtype == "?" else plain.view(kind)
    return importlib.import_module("pandas").arrays.ArrowExtensionArray(made)


def _is_column(array: Any, dtype: str) -> bool:
    return type(array) is np.ndarray and array.ndim == 1 and array.dtype == np.dtype(dtype)
