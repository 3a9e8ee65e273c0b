"""pandas: columns of one dtype: categories, moments, nullable numbers, text, intervals, sparse values.

Every column gets memory of its own, in the file and on loading: pandas keeps track of who shares what, and could not
know of sharing that it did not make itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.types import numpy, pandas_arrow
from modelkeep.formats.keep.types.pandas_names import (
    CLOSED,
    UNITS,
    claims,
    decode_tz,
    encode_tz,
    library,
    period_dtype,
    period_name,
)
from modelkeep.formats.keep.types.pandas_values import sparse_dtype, string_dtype, string_name

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder


def encode_values(encoder: Encoder, values: Any) -> Node:
    """A column, whichever object holds it."""
    if type(values) is library().arrays.NumpyExtensionArray:
        values = values.to_numpy()
    if isinstance(values, np.ndarray):
        return numpy.encode_array(encoder, values, alone=True)
    encode = _ENCODERS.get(f"{type(values).__module__}.{type(values).__qualname__}")
    if encode is None:
        raise Unsaveable(f"a column of {type(values).__name__} can't be kept", "convert it to a plain dtype")
    return encode(encoder, values)


def plain_array(builder: Builder, node: Any, kinds: str) -> np.ndarray:
    """The numpy array of a node, of one axis and one of these kinds."""
    return as_plain(builder.build(node), kinds)


def as_plain(array: Any, kinds: str, axes: int = 1) -> np.ndarray:
    if type(array) is not np.ndarray or array.dtype.kind not in kinds or array.ndim != axes:
        raise GraphError(f"an array of {axes} axes and of a dtype that pandas has is needed here")
    if array.dtype.kind in "mM" and np.datetime_data(array.dtype) not in [(unit, 1) for unit in UNITS]:
        raise GraphError("times of pandas count seconds, or thousandths of thousandths of them")
    return array


def encode_categories(encoder: Encoder, values: Any) -> Node:
    codes = numpy.encode_array(encoder, np.asarray(values.codes), alone=True)
    return ["categories", codes, encoder.at(".categories", values.categories), bool(values.ordered)]


def decode_categories(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    codes, categories = plain_array(builder, node[1], "i"), builder.build(node[2])
    if not isinstance(categories, library().Index) or type(node[3]) is not bool:
        raise GraphError("categories are an index, ordered or not")
    if codes.size and (codes.min() < -1 or codes.max() >= len(categories)):
        raise CheckError("a code is outside its categories")
    try:
        dtype = library().CategoricalDtype(categories, node[3])
        return library().Categorical.from_codes(codes, dtype=dtype)
    except (ValueError, TypeError) as error:
        raise CheckError(f"categories are not usable: {quote(str(error))}") from None


def encode_moments(encoder: Encoder, values: Any) -> Node:
    """Dates and differences of dates, in one row: numpy's values, and the zone."""
    raw = values._ndarray
    array = numpy.encode_array(encoder, raw[0] if raw.ndim == 2 else raw, alone=True)
    return ["moments", array, encode_tz(encoder, getattr(values, "tz", None))]


def decode_moments(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    array, zone = plain_array(builder, node[1], "mM"), decode_tz(builder, node[2])
    pandas = library()
    try:
        if zone is None:
            return pandas.array(array, copy=False)
        if array.dtype.kind == "M":
            return pandas.DatetimeIndex(array).tz_localize("UTC").tz_convert(zone).array
    except (ValueError, OverflowError) as error:
        raise GraphError(f"moments are not usable: {quote(str(error))}") from None
    raise GraphError("differences of dates have no zone")


def encode_periods(encoder: Encoder, values: Any) -> Node:
    raw = values._ndarray
    array = numpy.encode_array(encoder, raw[0] if raw.ndim == 2 else raw, alone=True)
    return ["periods", array, period_name(values.dtype)]


def decode_periods(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    ordinals, dtype = plain_array(builder, node[1], "i"), period_dtype(node[2])
    if ordinals.dtype != np.int64:
        raise GraphError("periods are counted by whole numbers of 64 bits")
    return library().arrays.PeriodArray(ordinals, dtype=dtype)


def encode_nullable(encoder: Encoder, values: Any) -> Node:
    return ["nullable", *(numpy.encode_array(encoder, part, alone=True) for part in (values._data, values._mask))]


def decode_nullable(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    data, mask = plain_array(builder, node[1], "iufb"), plain_array(builder, node[2], "b")
    if data.shape != mask.shape:
        raise GraphError("a column has another number of values than of marks for missing ones")
    if not data.dtype.isnative or data.dtype.char in "eg":
        raise GraphError("a nullable column has numbers that pandas lacks")
    arrays = library().arrays
    name = {"f": "FloatingArray", "b": "BooleanArray"}.get(data.dtype.kind, "IntegerArray")
    return getattr(arrays, name)(data, mask)


def encode_text(encoder: Encoder, values: Any) -> Node:
    storage, missing = string_name(values.dtype)
    # to_numpy(na_value=None) would write None into the column itself.
    texts = [None if value is values.dtype.na_value else value for value in values.tolist()]
    kinds = set(map(type, texts))
    if float in kinds:  # more than one NaN
        texts = [None if type(value) is float and value != value else value for value in texts]
        kinds = set(map(type, texts))
    if not kinds <= {str, type(None)}:
        raise Unsaveable("a text column has values of another class", "convert them by astype(str)")
    return ["text", storage, missing, texts]


def decode_text(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    texts = builder.a_list(node[3])
    if not set(map(type, texts)) <= {str, type(None)}:
        raise GraphError("a text column holds texts")
    values = np.fromiter(texts, object, len(texts))
    return library().array(values, dtype=string_dtype(node[1], node[2]))


def encode_intervals(encoder: Encoder, values: Any) -> Node:
    left, right = encoder.at(".left", values.left), encoder.at(".right", values.right)
    return ["intervals", left, right, values.closed]


def decode_intervals(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    left, right, closed = builder.build(node[1]), builder.build(node[2]), node[3]
    index = library().Index
    if not isinstance(left, index) or not isinstance(right, index) or len(left) != len(right) or closed not in CLOSED:
        raise GraphError("intervals need as many ends as beginnings")
    try:
        return library().arrays.IntervalArray.from_arrays(left, right, closed)
    except (ValueError, TypeError) as error:
        raise CheckError(f"intervals are not usable: {quote(str(error))}") from None


def encode_sparse(encoder: Encoder, values: Any) -> Node:
    if values.dtype.subtype.kind not in "biufc":
        raise Unsaveable("a sparse column without numbers can't be kept", "convert it by sparse.to_dense()")
    where = values.sp_index
    block = values.kind == "block"
    places = (where.blocs, where.blengths) if block else (where.indices,)
    parts = [numpy.encode_array(encoder, np.asarray(part), alone=True) for part in (values.sp_values, *places)]
    fill = encoder.node(values.fill_value)
    return ["sparsevalues", int(where.length), encoder.node(values.dtype.subtype), fill, *parts]


def decode_sparse(builder: Builder, node: Node) -> Any:
    if len(node) not in (6, 7) or type(node[1]) is not int or not 0 <= node[1] < 1 << 31:
        raise GraphError("sparse values have an unknown form")
    length, dtype = node[1], sparse_dtype(builder, node[2], node[3])
    values, *places = plain_array(builder, node[4], "biufc"), *(plain_array(builder, n, "i") for n in node[5:])
    starts, sizes = places[0], places[1] if len(places) == 2 else np.ones(len(places[0]), np.int32)
    if any(part.dtype != np.int32 for part in places) or len(starts) != len(sizes) or values.dtype != dtype.subtype:
        raise GraphError("sparse values have places of another dtype")
    ends = starts.astype(np.int64) + sizes
    inside = not len(starts) or bool(starts[0] >= 0 and ends[-1] <= length)
    if not inside or bool((sizes < 1).any()) or bool((starts[1:] < ends[:-1]).any()) or sizes.sum() != len(values):
        raise CheckError("the places of sparse values are outside, out of order, or of another number")
    places_of = importlib.import_module("pandas._libs.sparse")
    index = places_of.BlockIndex(length, *places) if len(places) == 2 else places_of.IntIndex(length, starts)
    return library().arrays.SparseArray(values, sparse_index=index, dtype=dtype)


def encode_numpy(encoder: Encoder, values: Any) -> Node:
    return ["numpyvalues", encode_values(encoder, values)]


def decode_numpy(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    array = builder.build(node[1])
    if type(array) is not np.ndarray or array.ndim != 1:
        raise GraphError("a column is an array of one axis")
    return library().arrays.NumpyExtensionArray(array)


def _at(place: str, *names: str) -> tuple[str, ...]:
    """Classes by the name of the module that defines them, below ``pandas.core.arrays``."""
    return tuple(f"{module}.{name}" for name in names for module in ("pandas.arrays", f"pandas.core.arrays.{place}"))


_NUMBERS = (*_at("integer", "IntegerArray"), *_at("floating", "FloatingArray"), *_at("boolean", "BooleanArray"))
_TEXTS = (
    *_at("string_", "StringArray", "StringArrayNumpySemantics"),
    *_at("string_arrow", "ArrowStringArray", "ArrowStringArrayNumpySemantics"),
)
_CATEGORIES = claims("pandas.core.arrays.categorical", "Categorical")
_MOMENTS = (*_at("datetimes", "DatetimeArray"), *_at("timedeltas", "TimedeltaArray"))

HANDLERS = [
    Handler("categories", _CATEGORIES, encode_categories, decode_categories),
    Handler("moments", _MOMENTS, encode_moments, decode_moments),
    Handler("periods", _at("period", "PeriodArray"), encode_periods, decode_periods),
    Handler("nullable", _NUMBERS, encode_nullable, decode_nullable),
    Handler("text", _TEXTS, encode_text, decode_text),
    Handler("intervals", _at("interval", "IntervalArray"), encode_intervals, decode_intervals),
    Handler("sparsevalues", _at("sparse.array", "SparseArray"), encode_sparse, decode_sparse),
    Handler("numpyvalues", _at("numpy_", "NumpyExtensionArray"), encode_numpy, decode_numpy),
    Handler("arrowvalues", _at("arrow.array", "ArrowExtensionArray"), pandas_arrow.encode, pandas_arrow.decode),
]
_ENCODERS = {claim: handler.encode for handler in HANDLERS for claim in handler.claims}
