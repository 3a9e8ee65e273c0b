"""pandas: single moments, spans and missing values; dtypes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, MissingPackageError, quote
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.types import pandas_arrow
from modelkeep.formats.keep.types.pandas_names import (
    CLOSED,
    a_unit,
    claims,
    decode_tz,
    encode_tz,
    library,
    period_dtype,
    period_name,
)

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_NOT_A_TIME = -(1 << 63)
MASKED_DTYPES = tuple(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
MASKED_DTYPES += ("Float32", "Float64", "boolean")


# -- single values -------------------------------------------------------------------------------------------------


def encode_timestamp(encoder: Encoder, value: Any) -> Node:
    zone = encode_tz(encoder, value.tzinfo)
    return ["timestamp", int(value.asm8.view(np.int64)), value.unit, zone, 0 if value.tzinfo else value.fold]


def decode_timestamp(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    count, unit, zone, fold = node[1], a_unit(node[2]), decode_tz(builder, node[3]), node[4]
    if type(count) is not int or count == _NOT_A_TIME or type(fold) is not int or fold not in (0, zone is None):
        raise GraphError("a timestamp needs a number and a fold")
    try:
        moment = library().Timestamp(np.int64(count).view(f"M8[{unit}]"))
        if zone is not None:
            return moment.tz_localize("UTC").tz_convert(zone)
        return moment.replace(fold=1) if fold else moment
    except (ValueError, OverflowError, TypeError) as error:
        raise GraphError(f"a timestamp is not usable: {quote(str(error))}") from None


def encode_timedelta(encoder: Encoder, value: Any) -> Node:
    return ["pandastimedelta", int(value.asm8.view(np.int64)), value.unit]


def decode_timedelta(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    if type(node[1]) is not int or node[1] == _NOT_A_TIME:
        raise GraphError("a timedelta needs a number")
    try:
        return library().Timedelta(np.int64(node[1]).view(f"m8[{a_unit(node[2])}]"))
    except (ValueError, OverflowError) as error:
        raise GraphError(f"a timedelta is not usable: {quote(str(error))}") from None


def encode_missing(encoder: Encoder, value: Any) -> Node:
    return ["nat" if value is library().NaT else "na"]


def decode_missing(builder: Builder, node: Node) -> Any:
    builder.arity(node, 1)
    return library().NaT if node[0] == "nat" else library().NA


def encode_period(encoder: Encoder, value: Any) -> Node:
    return ["period", int(value.ordinal), period_name(library().PeriodDtype(value.freq))]


def decode_period(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    if type(node[1]) is not int or node[1] == _NOT_A_TIME:
        raise GraphError("a period needs a number")
    try:
        return library().Period(ordinal=node[1], freq=period_dtype(node[2]).freq)
    except (ValueError, OverflowError) as error:
        raise GraphError(f"a period is not usable: {quote(str(error))}") from None


def encode_interval(encoder: Encoder, value: Any) -> Node:
    return ["interval", encoder.node(value.left), encoder.node(value.right), value.closed]


def decode_interval(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    left, right, closed = builder.build(node[1]), builder.build(node[2]), node[3]
    if type(closed) is not str or closed not in CLOSED:
        raise GraphError("an interval is closed on one side, both, or neither")
    try:
        return library().Interval(left, right, closed)
    except (ValueError, TypeError) as error:
        raise GraphError(f"an interval is not usable: {quote(str(error))}") from None


# -- dtypes --------------------------------------------------------------------------------------------------------


def string_name(dtype: Any) -> list[str]:
    """Where a string dtype keeps its text, and what a missing one is. pandas 2.2 has one word for both."""
    missing = "NA" if dtype.na_value is library().NA else "NaN"
    return [dtype.storage.removesuffix("_numpy"), missing]


def string_dtype(storage: Any, missing: Any) -> Any:
    if storage not in ("python", "pyarrow") or missing not in ("NA", "NaN"):
        raise GraphError("a string dtype is of python or pyarrow, and misses NA or NaN")
    pandas = library()
    try:
        if missing == "NA":
            return pandas.StringDtype(storage)
        try:
            return pandas.StringDtype(storage, na_value=np.nan)
        except TypeError:  # before pandas 2.3
            return pandas.StringDtype("pyarrow_numpy")
    except ImportError:
        raise MissingPackageError(
            "the model has text columns of pyarrow, which is not installed", hint="install it: pip install pyarrow"
        ) from None


def encode_dtype(encoder: Encoder, dtype: Any) -> Node:
    kind = type(dtype).__name__
    parts: list[Any]
    if kind == "CategoricalDtype":
        parts = [encoder.at(".categories", dtype.categories), dtype.ordered]
    elif kind == "StringDtype":
        parts = list(string_name(dtype))
    elif kind == "DatetimeTZDtype":
        parts = [dtype.unit, encode_tz(encoder, dtype.tz)]
    elif kind == "PeriodDtype":
        parts = [period_name(dtype)]
    elif kind == "IntervalDtype":
        parts = [encoder.node(dtype.subtype), dtype.closed]
    elif kind == "ArrowDtype":
        parts = [pandas_arrow.type_name(dtype)]
    elif kind == "SparseDtype":
        parts = [encoder.node(dtype.subtype), encoder.node(dtype.fill_value)]
    else:
        return ["pandasdtype", dtype.name]
    return ["pandasdtype", kind, *parts]


_ARITY = {"CategoricalDtype": 2, "StringDtype": 2, "DatetimeTZDtype": 2, "PeriodDtype": 1, "IntervalDtype": 2}
_ARITY |= {"SparseDtype": 2, "ArrowDtype": 1, **dict.fromkeys(MASKED_DTYPES, 0)}


def decode_dtype(builder: Builder, node: Node) -> Any:
    kind = node[1] if len(node) > 1 and type(node[1]) is str else ""
    if kind not in _ARITY:
        raise GraphError("a dtype of pandas has an unknown name")
    builder.arity(node, 2 + _ARITY[kind])
    if kind in MASKED_DTYPES:
        return getattr(library(), "BooleanDtype" if kind == "boolean" else f"{kind}Dtype")()
    try:
        return _DTYPES[kind](builder, *node[2:])
    except (ValueError, TypeError) as error:
        raise GraphError(f"a dtype of pandas is not usable: {quote(str(error))}") from None


def _categorical(builder: Builder, categories: Any, ordered: Any) -> Any:
    if not (ordered is None or type(ordered) is bool):
        raise GraphError("categories are ordered or not")
    found = builder.build(categories)
    if not isinstance(found, library().Index | None):
        raise GraphError("categories are an index")
    return library().CategoricalDtype(found, ordered)


def _interval_dtype(builder: Builder, subtype: Any, closed: Any) -> Any:
    if not (closed is None or closed in CLOSED):
        raise GraphError("intervals are closed on one side, both, or neither")
    return library().IntervalDtype(builder.build(subtype), closed)


def sparse_dtype(builder: Builder, subtype: Any, fill: Any) -> Any:
    dtype, value = builder.build(subtype), builder.build(fill)
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufc":
        raise GraphError("sparse values are numbers")
    if not isinstance(value, bool | int | float | complex | np.number | np.bool):
        raise GraphError("the fill value of sparse values is a number")
    try:
        return library().SparseDtype(dtype, value)
    except (ValueError, TypeError) as error:
        raise GraphError(f"sparse values are not usable: {quote(str(error))}") from None


_DTYPES: dict[str, Any] = {
    "CategoricalDtype": _categorical,
    "StringDtype": lambda builder, storage, missing: string_dtype(storage, missing),
    "DatetimeTZDtype": lambda builder, unit, tz: library().DatetimeTZDtype(a_unit(unit), decode_tz(builder, tz)),
    "PeriodDtype": lambda builder, name: period_dtype(name),
    "IntervalDtype": _interval_dtype,
    "SparseDtype": sparse_dtype,
    "ArrowDtype": lambda builder, name: pandas_arrow.dtype_of(name),
}


_NAT = ("pandas.api.typing.NaTType", "pandas._libs.tslibs.nattype.NaTType")
_NA = ("pandas.api.typing.NAType", "pandas._libs.missing.NAType")
_CLAIMED = (
    *claims("pandas.core.dtypes.dtypes", *(name for name in _DTYPES if name != "StringDtype")),
    *claims("pandas.core.arrays.string_", "StringDtype"),
    *claims("pandas.core.arrays.integer", *(f"{name}Dtype" for name in MASKED_DTYPES[:8])),
    *claims("pandas.core.arrays.floating", "Float32Dtype", "Float64Dtype"),
    *claims("pandas.core.arrays.boolean", "BooleanDtype"),
)

_TIMESTAMP = claims("pandas._libs.tslibs.timestamps", "Timestamp")
_TIMEDELTA = claims("pandas._libs.tslibs.timedeltas", "Timedelta")

HANDLERS = [
    Handler("timestamp", _TIMESTAMP, encode_timestamp, decode_timestamp, atom=True),
    Handler("pandastimedelta", _TIMEDELTA, encode_timedelta, decode_timedelta, atom=True),
    Handler("nat", _NAT, encode_missing, decode_missing, atom=True),
    Handler("na", _NA, encode_missing, decode_missing, atom=True),
    Handler("period", claims("pandas._libs.tslibs.period", "Period"), encode_period, decode_period, atom=True),
    Handler("interval", claims("pandas._libs.interval", "Interval"), encode_interval, decode_interval, atom=True),
    Handler("pandasdtype", _CLAIMED, encode_dtype, decode_dtype, atom=True),
]
