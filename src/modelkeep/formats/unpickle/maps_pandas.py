"""pandas in a pickle: indexes, series and frames, as pandas 1.3 and later write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import numpy as keep_numpy
from modelkeep.formats.keep.types.pandas import HANDLERS
from modelkeep.formats.keep.types.pandas_names import claims
from modelkeep.formats.unpickle import maps_pandas_values as values
from modelkeep.formats.unpickle.maps_numpy import array_of, content
from modelkeep.formats.unpickle.maps_objects import attributes, named, only
from modelkeep.formats.unpickle.maps_pandas_columns import column, parts_of, plain
from modelkeep.formats.unpickle.maps_pandas_values import last
from modelkeep.formats.unpickle.records import Call

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

_CLAIMS = {handler.kind: handler.claims for handler in HANDLERS}
_DATES = ("DatetimeIndex", "TimedeltaIndex")
#: What pandas before 2.0 called indexes of numbers.
_INDEXES = frozenset(("Index", "Int64Index", "UInt64Index", "Float64Index", "NumericIndex", "PeriodIndex", *_DATES))
_LAYOUT = "0.14.1"


# -- indexes -------------------------------------------------------------------------------------------------------


def encode_index(encoder: Transcriber, call: Call) -> Node:
    """``_new_Index(class, parts by name)``."""
    only(call)
    return _index(encoder, call)


def _index(encoder: Transcriber, call: Call, *, name: bool = True) -> Node:
    kind = named(call.args[0]).rpartition(".")[2] if len(call.args) == 2 else ""
    parts = call.args[1] if kind else None
    if type(parts) is not dict or not named(call.args[0]).startswith("pandas."):
        raise GraphError("an index of pandas has an unknown form")
    encoder.spend_on(parts.values())
    shown = encoder.at(".name", parts.get("name")) if name else None
    if kind == "RangeIndex":
        return ["rangeindex", *(parts.get(key) for key in ("start", "stop", "step")), shown]
    if kind == "MultiIndex":
        return _multi_index(encoder, parts)
    if kind == "IntervalIndex":
        if "left" not in parts:
            return ["index", column(encoder, parts.get("data")), shown, None]
        ends = [encoder.at(f".{side}", parts[side]) for side in ("left", "right") if side in parts]
        return ["index", ["intervals", *ends, parts.get("closed")], shown, None]
    if kind not in _INDEXES | {"CategoricalIndex"}:
        raise GraphError(f"{quote(kind)} is not an index of pandas")
    frequency = values.frequency(parts.get("freq", _older_frequency(parts))) if kind in _DATES else None
    return ["index", column(encoder, parts.get("data")), shown, frequency]


def _older_frequency(parts: dict[str, Any]) -> Any:
    """Before pandas 3 the values of an index knew its frequency."""
    data = parts.get("data")
    state = data.state if isinstance(data, Call) else None
    more = state[2] if type(state) is tuple and len(state) == 3 else None
    return more.get("_freq") if type(more) is dict else None


def _multi_index(encoder: Transcriber, parts: dict[str, Any]) -> Node:
    levels, codes, names = (parts.get(key) for key in ("levels", "codes", "names"))
    if not all(type(part) is list for part in (levels, codes, names)):
        raise GraphError("a multi-index has an unknown form")
    assert isinstance(levels, list)
    if not all(last(level).startswith("_new_") for level in levels):
        raise GraphError("the levels of a multi-index are indexes")
    made = [keep_numpy.encode_array(encoder, array_of(encoder, code), alone=True) for code in codes or ()]
    shown = encoder.items(list(names or ()))
    return ["multiindex", [_index(encoder, level, name=False) for level in levels], made, shown, parts.get("sortorder")]


# -- series and frames ---------------------------------------------------------------------------------------------


def encode_series(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = attributes(encoder, call)
    axes, blocks = _manager(state.get("_mgr", state.get("_data")))
    if len(axes) != 1 or len(blocks) != 1:
        raise GraphError("a series has one index, and one column")
    name = encoder.at(".name", state.get("_name", state.get("name")))
    return ["series", encoder.at(".index", axes[0]), column(encoder, blocks[0][0]), name, _options(encoder, state)]


def encode_frame(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = attributes(encoder, call)
    axes, blocks = _manager(state.get("_mgr", state.get("_data")))
    if len(axes) != 2:
        raise GraphError("a frame has columns and an index")
    encoder.spend_on(blocks)
    columns, index = (encoder.at(place, axis) for place, axis in zip((".columns", ".index"), axes, strict=True))
    made = [[_places(encoder, where), _block(encoder, held)] for held, where in blocks]
    return ["frame", columns, index, made, _options(encoder, state)]


def _manager(record: Any) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The axes, and what each block holds and where: ``BlockManager(blocks, axes)``, or a state with both by name."""
    kind, state = last(record), record.state if isinstance(record, Call) else None
    if kind == "BlockManager" and record.how == "reduce" and len(record.args) == 2:
        found, axes = record.args
        blocks = [block.args[:2] for block in found if last(block) == "_unpickle_block" and len(block.args) == 3]
        if type(found) is tuple and type(axes) is list and len(blocks) == len(found):
            return axes, blocks
    if kind in ("BlockManager", "SingleBlockManager") and type(state) is tuple and len(state) == 4:
        parts = state[3].get(_LAYOUT) if type(state[3]) is dict else None
        axes, found = (parts.get(key) for key in ("axes", "blocks")) if type(parts) is dict else (None, None)
        if type(axes) is list and type(found) is list and all(type(block) is dict for block in found):
            return axes, [(block.get("values"), block.get("mgr_locs")) for block in found]
    raise GraphError("the columns of a frame have an unknown form")


def _places(encoder: Transcriber, record: Any) -> list[int]:
    """Which columns a block holds: a slice, or an array of numbers."""
    if isinstance(record, Call) and named(record.callee) == "builtins.slice" and len(record.args) == 3:
        if not all(type(part) is int and 0 <= part < 1 << 31 for part in record.args) or not record.args[2]:
            raise GraphError("the columns of a block are not a usable range")
        found = range(*record.args)
        encoder.spend(64 * len(found))
        return list(found)
    places = array_of(encoder, record)
    if places.ndim != 1 or places.dtype.kind != "i":
        raise GraphError("the columns of a block are whole numbers")
    return [int(place) for place in places.tolist()]


def _block(encoder: Transcriber, record: Any) -> Node:
    """The values of a block: several columns at once where numpy can hold them."""
    if last(record) == "__pyx_unpickle_NDArrayBacked":
        kind, dtype, array = parts_of(record)
        if kind in ("DatetimeArray", "TimedeltaArray") and last(dtype) != "DatetimeTZDtype":
            return plain(encoder, content(array))
    return column(encoder, record)


def _options(encoder: Transcriber, state: dict[str, Any]) -> dict[str, Any]:
    attrs, flags = state.get("attrs"), state.get("_flags")
    options: dict[str, Any] = {"attrs": encoder.at(".attrs", attrs)} if attrs else {}
    unique = type(flags) is dict and flags.get("allows_duplicate_labels") is False
    return options | {"unique": True} if unique else options


def _nat(encoder: Transcriber, call: Call) -> Node:
    only(call)
    return ["nat"]


def _names(private: str, *names: str) -> tuple[str, ...]:
    return claims(f"pandas.{private}", *names)


_INDEX_MAKERS = {
    "base": "_new_Index", "datetimes": "_new_DatetimeIndex", "timedeltas": "_new_TimedeltaIndex",
    "interval": "_new_IntervalIndex", "period": "_new_PeriodIndex",
}  # fmt: skip
_DTYPES = (*_CLAIMS["pandasdtype"], *_names("core.arrays.string_", "StringDtype"))
_COLUMNS = ("nullable", "text", "intervals", "sparsevalues", "arrowvalues")

REDUCED: dict[str, Any] = {
    **{f"pandas.core.indexes.{module}.{name}": encode_index for module, name in _INDEX_MAKERS.items()},
    "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": column,
    "pandas._libs.interval.__pyx_unpickle_IntervalMixin": column,
    "pandas._libs.tslibs.timestamps._unpickle_timestamp": values.encode_timestamp,
    "pandas._libs.tslibs.timedeltas._timedelta_unpickle": values.encode_timedelta,
    **dict.fromkeys(_names("_libs.tslibs.timedeltas", "Timedelta"), values.encode_timedelta),
    **dict.fromkeys(_names("_libs.tslibs.period", "Period"), values.encode_period),
    **dict.fromkeys(_names("_libs.interval", "Interval"), values.encode_interval),
    **dict.fromkeys((f"pandas._libs.tslibs.nattype.{name}_unpickle" for name in ("_nat", "__nat")), _nat),
    **dict.fromkeys(_DTYPES, values.encode_dtype),
}
NEW: dict[str, Any] = {
    **dict.fromkeys(_CLAIMS["frame"], encode_frame),
    **dict.fromkeys(_CLAIMS["series"], encode_series),
    **dict.fromkeys((claim for kind in _COLUMNS for claim in _CLAIMS[kind]), column),
    **dict.fromkeys(_DTYPES, values.encode_dtype),
}
