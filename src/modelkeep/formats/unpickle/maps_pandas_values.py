"""pandas in a pickle: dtypes, frequencies, zones, single moments and spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, PolicyError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types.pandas_names import frequency_name, library
from modelkeep.formats.keep.types.pandas_values import MASKED_DTYPES
from modelkeep.formats.unpickle import arrow
from modelkeep.formats.unpickle.maps_objects import named, only
from modelkeep.formats.unpickle.records import Call

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

#: numpy's numbers of the units of time.
_UNITS = {7: "s", 8: "ms", 9: "us", 10: "ns"}
_OFFSETS = "pandas._libs.tslibs.offsets."
_OFFSET_NAMES = frozenset(
    "Day Hour Minute Second Milli Micro Nano MonthBegin MonthEnd BusinessMonthBegin BusinessMonthEnd SemiMonthBegin "
    "SemiMonthEnd BusinessDay Week QuarterBegin QuarterEnd BQuarterBegin BQuarterEnd YearBegin YearEnd BYearBegin "
    "BYearEnd".split()
)


def last(record: Any) -> str:
    """The class that a record is of, without its module: newer pandas publishes it under a shorter one."""
    place = named(record.callee) if isinstance(record, Call) else ""
    return place.rpartition(".")[2] if place.startswith("pandas.") else ""


def categorical(record: Any) -> tuple[Any, Any]:
    """The categories, and whether they are ordered."""
    state = record.state if last(record) == "CategoricalDtype" else None
    if type(state) is not dict or "categories" not in state or not isinstance(state.get("ordered"), bool | None):
        raise GraphError("categories have an unknown form")
    return state["categories"], state.get("ordered")


# -- dtypes and names ----------------------------------------------------------------------------------------------


def string_name(record: Any) -> list[str]:
    """Where the texts are, and what a missing one is: arguments, or attributes before pandas 2.3."""
    args = record.args if last(record) == "StringDtype" else ()
    if last(record) == "StringDtype" and not args and type(record.state) is dict:
        args = (record.state.get("storage"), *([record.state["_na_value"]] if "_na_value" in record.state else []))
    if not args or type(args[0]) is not str:
        raise GraphError("a text dtype has an unknown form")
    storage, *missing = args
    is_nan = storage.endswith("_numpy") or (missing and type(missing[0]) is float)
    return [storage.removesuffix("_numpy"), "NaN" if is_nan else "NA"]


def period_name(record: Any) -> str:
    """The alias of a dtype of periods, which is made of its name, or of an offset before pandas 2."""
    name = record.args[0] if last(record) == "PeriodDtype" and len(record.args) == 1 else None
    if isinstance(name, Call):
        return _period_of(name)
    if type(name) is not str:
        raise GraphError("a dtype of periods has an unknown form")
    return name.removeprefix("period[").removesuffix("]")


def _period_of(offset: Any) -> str:
    """The alias of periods as long as an offset: it is not always that of the offset."""
    try:
        name = library().PeriodDtype(library().tseries.frequencies.to_offset(frequency(offset))).name
    except (ValueError, TypeError, AttributeError) as error:
        raise GraphError(f"the frequency of a period is not usable: {quote(str(error))}") from None
    return str(name).removeprefix("period[").removesuffix("]")


def zone_of(encoder: Transcriber, record: Any) -> Any:
    """A time zone; one of pytz by its name, which pandas resolves anew."""
    place = named(record.callee) if isinstance(record, Call) else ""
    if place == "pytz._UTC":
        return "UTC"
    if place == "pytz._p" and record.args and type(record.args[0]) is str:
        return record.args[0]
    return encoder.at(".tz", record)


def frequency(record: Any) -> str | None:
    """The alias of a date offset: of a listed class, made of whole numbers."""
    if record is None or type(record) is str:
        return record
    place = named(record.callee) if isinstance(record, Call) and record.how == "reduce" else ""
    name, args = place.removeprefix(_OFFSETS), record.args if place else ()
    if name == "BusinessDay":
        args = args[:2]  # its third is a time of day, nothing in all that a model has
    if not place.startswith(_OFFSETS) or name not in _OFFSET_NAMES or not 1 <= len(args) <= 3:
        raise GraphError("a frequency of pandas is not one that a file may have")
    if not all(arg is None or (type(arg) in (int, bool) and abs(arg) < 1 << 31) for arg in args):
        raise GraphError("a frequency of pandas is not made of whole numbers")
    try:
        return frequency_name(getattr(library().tseries.offsets, name)(*args))
    except (TypeError, ValueError, OverflowError) as error:
        raise GraphError(f"a frequency of pandas is not usable: {quote(str(error))}") from None


def encode_dtype(encoder: Transcriber, record: Call) -> Node:
    only(record, "state")
    kind, state = last(record), record.state
    if kind == "CategoricalDtype":
        categories, ordered = categorical(record)
        return ["pandasdtype", kind, encoder.at(".categories", categories), ordered]
    if kind == "StringDtype":
        return ["pandasdtype", kind, *string_name(record)]
    if kind == "PeriodDtype":
        return ["pandasdtype", kind, period_name(record)]
    name = {"BooleanDtype": "boolean"}.get(kind, kind.removesuffix("Dtype"))
    if name in MASKED_DTYPES:
        return ["pandasdtype", name]
    if type(state) is not dict:
        raise GraphError("a dtype of pandas has an unknown form")
    if kind == "DatetimeTZDtype":
        return ["pandasdtype", kind, state.get("unit"), zone_of(encoder, state.get("tz"))]
    if kind == "IntervalDtype":
        return ["pandasdtype", kind, encoder.at("", state.get("subtype")), state.get("closed")]
    if kind == "SparseDtype":
        return ["pandasdtype", kind, *(encoder.at("", state.get(key)) for key in ("_dtype", "_fill_value"))]
    return ["pandasdtype", kind, arrow.type_name(state.get("pyarrow_dtype"))]


# -- single values -------------------------------------------------------------------------------------------------


def encode_timestamp(encoder: Transcriber, call: Call) -> Node:
    """``(value, frequency, zone[, unit])``; before units there were nanoseconds only."""
    only(call)
    args = (*call.args, 10) if len(call.args) == 3 else call.args
    if len(args) != 4 or type(args[0]) is not int or type(args[3]) is not int or args[3] not in _UNITS:
        raise GraphError("a timestamp has an unknown form")
    return ["timestamp", args[0], _UNITS[args[3]], zone_of(encoder, args[2]), 0]


def encode_timedelta(encoder: Transcriber, call: Call) -> Node:
    only(call)
    args = call.args
    unit = {"ns": "ns"}.get(args[1]) if len(args) == 2 and type(args[1]) is str else None
    if len(args) == 2 and type(args[1]) is int:
        unit = _UNITS.get(args[1])
    if unit is None or type(args[0]) is not int:
        raise GraphError("a timedelta has an unknown form")
    return ["pandastimedelta", args[0], unit]


def encode_period(encoder: Transcriber, call: Call) -> Node:
    only(call)
    if len(call.args) != 3 or call.args[0] is not None or type(call.args[2]) is not int:
        raise GraphError("a period has an unknown form")
    return ["period", call.args[2], _period_of(call.args[1])]


def encode_interval(encoder: Transcriber, call: Call) -> Node:
    only(call)
    if len(call.args) != 3:
        raise GraphError("an interval has an unknown form")
    return ["interval", encoder.at(".left", call.args[0]), encoder.at(".right", call.args[1]), call.args[2]]


def refuse_offset(encoder: Transcriber, call: Call) -> Node:
    raise PolicyError(
        f"a date offset ({quote(str(call.callee))}) stands where a model has none",
        hint="keep its name (freqstr) instead where the model was made, and save it again",
    )
