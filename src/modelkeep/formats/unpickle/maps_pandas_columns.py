"""pandas in a pickle: columns of one dtype, over numpy arrays, Arrow buffers, or a pair of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import numpy as keep_numpy
from modelkeep.formats.keep.types.pandas_arrow import _known as arrow_type
from modelkeep.formats.unpickle import arrow
from modelkeep.formats.unpickle.maps_numpy import array_of, content
from modelkeep.formats.unpickle.maps_objects import attributes, named, only
from modelkeep.formats.unpickle.maps_pandas_values import categorical, last, period_name, string_name, zone_of
from modelkeep.formats.unpickle.records import Call, Global

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

_NA = frozenset(("pandas.NA", "pandas._libs.missing.NA"))


def column(encoder: Transcriber, record: Any) -> Node:
    """A column, whichever object holds it."""
    kind = last(record)
    if kind == "__pyx_unpickle_NDArrayBacked":
        return backed(encoder, record)
    if kind in _COLUMNS:
        made: Node = _COLUMNS[kind](encoder, record)
        return made
    return plain(encoder, content(record))


def plain(encoder: Transcriber, found: Any) -> Node:
    if isinstance(found, np.ndarray):
        encoder.spend(found.nbytes)
        return keep_numpy.encode_array(encoder, found, alone=True)
    shape, items, order = found
    return ["objects", list(shape), encoder.items(items), order]


# -- columns over one numpy array ----------------------------------------------------------------------------------


def parts_of(record: Call) -> tuple[str, Any, Any]:
    """The class, the dtype and the array of ``__pyx_unpickle_NDArrayBacked(class, checksum, None)`` and its state."""
    state = record.state
    if record.how != "reduce" or not record.args or type(state) is not tuple or len(state) not in (2, 3):
        raise GraphError("a column of pandas has an unknown form")
    first, second = state[:2]
    dtype, array = (second, first) if _is_array(first) else (first, second)
    return named(record.args[0]).rpartition(".")[2], dtype, array


def _is_array(record: Any) -> bool:
    return isinstance(record, Call) and named(record.callee).startswith(("numpy._core.", "joblib."))


def backed(encoder: Transcriber, record: Call) -> Node:
    only(record, "state")
    kind, dtype, array = parts_of(record)
    if kind == "Categorical":
        categories, ordered = categorical(dtype)
        codes = one_row(array_of(encoder, array))
        made = keep_numpy.encode_array(encoder, codes, alone=True)
        return ["categories", made, encoder.at(".categories", categories), ordered is True]
    if kind in ("DatetimeArray", "TimedeltaArray"):
        zone = zone_of(encoder, attributes(encoder, dtype).get("tz")) if last(dtype) == "DatetimeTZDtype" else None
        return ["moments", keep_numpy.encode_array(encoder, one_row(array_of(encoder, array)), alone=True), zone]
    if kind == "PeriodArray":
        ordinals = keep_numpy.encode_array(encoder, one_row(array_of(encoder, array)), alone=True)
        return ["periods", ordinals, period_name(dtype)]
    if kind in ("StringArray", "StringArrayNumpySemantics"):
        found = content(array)
        if isinstance(found, np.ndarray):
            raise GraphError("a text column holds no texts")
        return ["text", *string_name(dtype), [_text(item) for item in found[1]]]
    if kind in ("NumpyExtensionArray", "PandasArray"):
        return ["numpyvalues", plain(encoder, content(array))]
    raise GraphError(f"{quote(kind)} is not a column of pandas")


def one_row(array: np.ndarray) -> np.ndarray:
    """The one row of a block, which may have two axes."""
    return array[0] if array.ndim == 2 and len(array) == 1 else array


def _text(item: Any) -> str | None:
    if type(item) is str:
        return item
    if item is None or (type(item) is float and item != item) or (isinstance(item, Global) and named(item) in _NA):
        return None
    raise GraphError("a text column holds what is no text")


# -- other columns -------------------------------------------------------------------------------------------------


def _nullable(encoder: Transcriber, record: Call) -> Node:
    state = attributes(encoder, record)
    parts = [array_of(encoder, state.get(key)) for key in ("_data", "_mask")]
    return ["nullable", *(keep_numpy.encode_array(encoder, one_row(part), alone=True) for part in parts)]


def _arrow_text(encoder: Transcriber, record: Call) -> Node:
    state = attributes(encoder, record)
    found = arrow.pieces(encoder, state.get("_pa_array", state.get("_data")))
    names = {arrow.type_name(parts[0]) for parts in found}
    if not names <= {"string", "large_string"}:
        raise GraphError("a text column of Arrow holds no texts")
    return [
        "text",
        *string_name(state.get("_dtype")),
        [each for parts in found for each in arrow.texts(encoder, parts)],
    ]


def _arrow_values(encoder: Transcriber, record: Call) -> Node:
    state = attributes(encoder, record)
    found = arrow.pieces(encoder, state.get("_pa_array", state.get("_data")))
    name = arrow.type_name(_inside(encoder, state.get("_dtype")).get("pyarrow_dtype"))
    known = arrow_type(name)
    if known is None or any(arrow.type_name(parts[0]) != name for parts in found):
        raise GraphError(f"a column of Arrow's {quote(name)} is not one that a model has")
    if not known[1]:
        return ["arrowvalues", name, [each for parts in found for each in arrow.texts(encoder, parts)], None]
    pairs = [arrow.values(encoder, parts, known[1]) for parts in found]
    empty = (np.zeros(0, known[1]), np.zeros(0, bool))
    joined = [np.concatenate([pair[i] for pair in [empty, *pairs]]) for i in (0, 1)]
    return ["arrowvalues", name, *(keep_numpy.encode_array(encoder, part, alone=True) for part in joined)]


def _intervals(encoder: Transcriber, record: Call) -> Node:
    """Newer pandas: ``__pyx_unpickle_IntervalMixin(class, checksum, None)`` with the attributes in a tuple."""
    state = record.state[0] if type(record.state) is tuple and len(record.state) == 1 else record.state
    if type(state) is not dict:
        raise GraphError("intervals have an unknown form")
    ends = [["index", column(encoder, state.get(key)), None, None] for key in ("_left", "_right")]
    closed = state["_closed"] if "_closed" in state else _inside(encoder, state.get("_dtype")).get("closed")
    return ["intervals", *ends, closed]


def _sparse(encoder: Transcriber, record: Call) -> Node:
    state = attributes(encoder, record)
    index: Any = state.get("_sparse_index")
    if last(index) not in ("IntIndex", "BlockIndex") or not index.args or type(index.args[0]) is not int:
        raise GraphError("sparse values have an unknown form")
    parts = [array_of(encoder, part) for part in (state.get("_sparse_values"), *index.args[1:])]
    kind = _inside(encoder, state.get("_dtype"))
    dtype, fill = encoder.at("", kind.get("_dtype")), encoder.at("", kind.get("_fill_value"))
    made = [keep_numpy.encode_array(encoder, part, alone=True) for part in parts]
    return ["sparsevalues", index.args[0], dtype, fill, *made]


def _inside(encoder: Transcriber, dtype: Any) -> dict[str, Any]:
    """The attributes of a dtype."""
    if not isinstance(dtype, Call):
        raise GraphError("a column has no dtype")
    return attributes(encoder, dtype)


_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("IntegerArray", "FloatingArray", "BooleanArray"), _nullable),
    **dict.fromkeys(("ArrowStringArray", "ArrowStringArrayNumpySemantics"), _arrow_text),
    "ArrowExtensionArray": _arrow_values,
    **dict.fromkeys(("IntervalArray", "__pyx_unpickle_IntervalMixin"), _intervals),
    "SparseArray": _sparse,
}
