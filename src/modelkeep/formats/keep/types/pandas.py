"""pandas: indexes, series, frames. A frame is kept by its blocks, so that its columns lie in memory as they did."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.types import numpy, pandas_arrays, pandas_values
from modelkeep.formats.keep.types.pandas_arrays import as_plain, encode_values, plain_array
from modelkeep.formats.keep.types.pandas_names import claims, frequency_name, is_frequency, library

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_DTYPES = "biufcmMO"


# -- indexes -------------------------------------------------------------------------------------------------------


def encode_index(encoder: Encoder, index: Any) -> Node:
    return _index_node(encoder, index, index.name)


def _index_node(encoder: Encoder, index: Any, name: Any) -> Node:
    shown = encoder.at(".name", name)
    if isinstance(index, library().RangeIndex):
        return ["rangeindex", index.start, index.stop, index.step, shown]
    frequency = getattr(index, "freq", None) if type(index).__name__ in ("DatetimeIndex", "TimedeltaIndex") else None
    values = encode_values(encoder, index.array)
    return ["index", values, shown, None if frequency is None else frequency_name(frequency)]


def decode_index(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    values, name, frequency = _column(builder, node[1]), builder.build(node[2]), node[3]
    if not (frequency is None or is_frequency(frequency)):
        raise GraphError(f"{quote(repr(frequency))} is not a frequency of pandas")
    try:
        index = library().Index(values, dtype=values.dtype, name=name, copy=False, tupleize_cols=False)
        if frequency is not None:
            index = type(index)(index, freq=library().tseries.frequencies.to_offset(frequency))
        return index
    except (ValueError, TypeError, NotImplementedError, OverflowError) as error:
        raise CheckError(f"an index is not usable: {quote(str(error))}") from None


def _column(builder: Builder, node: Any) -> Any:
    """One column: a numpy array of a dtype that pandas has, or an array of pandas' own."""
    values = builder.build(node)
    if type(values) is np.ndarray:
        return as_plain(values, _DTYPES)
    if not isinstance(values, library().api.extensions.ExtensionArray):
        raise GraphError("a column is needed here")
    return values


def decode_range_index(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    if not all(type(part) is int for part in node[1:4]):
        raise GraphError("a range needs whole numbers")
    try:
        index = library().RangeIndex(*node[1:4], name=builder.build(node[4]))
        len(index)
    except (ValueError, TypeError, OverflowError) as error:
        raise GraphError(f"a range is not usable: {quote(str(error))}") from None
    return index


def encode_multi_index(encoder: Encoder, index: Any) -> Node:
    levels = [_index_node(encoder, level, None) for level in index.levels]
    codes = [numpy.encode_array(encoder, np.asarray(part), alone=True) for part in index.codes]
    return ["multiindex", levels, codes, encoder.items(list(index.names)), index.sortorder]


def decode_multi_index(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    levels = builder.fill(builder.a_list(node[1]))
    codes = [plain_array(builder, part, "i") for part in builder.a_list(node[2])]
    names, order = builder.fill(builder.a_list(node[3])), node[4]
    if not levels or not all(isinstance(level, library().Index) for level in levels):
        raise GraphError("the levels of a multi-index are indexes")
    if not len(levels) == len(codes) == len(names) or len(set(map(len, codes))) != 1:
        raise GraphError("a multi-index needs codes and a name for each level")
    if not (order is None or (type(order) is int and 0 <= order <= len(levels))):
        raise GraphError("a multi-index is sorted to one of its levels")
    for level, code in zip(levels, codes, strict=True):
        if code.size and (code.min() < -1 or code.max() >= len(level)):
            raise CheckError("a code of a multi-index is outside its level")
    try:
        return library().MultiIndex(levels, codes, order, names, verify_integrity=builder.check)
    except (ValueError, TypeError) as error:
        raise CheckError(f"a multi-index is not usable: {quote(str(error))}") from None


# -- series and frames ---------------------------------------------------------------------------------------------


def encode_series(encoder: Encoder, series: Any) -> Node:
    index, name = encoder.at(".index", series.index), encoder.at(".name", series.name)
    return ["series", index, encode_values(encoder, series.array), name, _options(encoder, series)]


def decode_series(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    index, values, name = an_index(builder, node[1]), _column(builder, node[2]), builder.build(node[3])
    if len(index) != len(values):
        raise GraphError("a series has another number of values than of labels")
    try:
        made = library().Series(values, index, values.dtype, name, copy=False)
    except (ValueError, TypeError) as error:
        raise GraphError(f"a series is not usable: {quote(str(error))}") from None
    return _with_options(builder, made, node[4])


def an_index(builder: Builder, node: Any) -> Any:
    index = builder.build(node)
    if not isinstance(index, library().Index):
        raise GraphError("an index is needed here")
    return index


def encode_frame(encoder: Encoder, frame: Any) -> Node:
    columns, index = encoder.at(".columns", frame.columns), encoder.at(".index", frame.index)
    blocks = [_encode_block(encoder, block, len(frame.columns)) for block in frame._mgr.blocks]
    return ["frame", columns, index, blocks, _options(encoder, frame)]


def _encode_block(encoder: Encoder, block: Any, width: int) -> list[Any]:
    """``[columns, values]``; the columns are None if the block is the whole frame."""
    places, values = block.mgr_locs.as_array.tolist(), block.values
    if getattr(values, "tz", None) is None and type(values).__name__ in ("DatetimeArray", "TimedeltaArray"):
        values = values._ndarray  # several columns at once
    whole = isinstance(values, np.ndarray) and places == list(range(width))
    return [None if whole else places, encode_values(encoder, values)]


def decode_frame(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    columns, index = an_index(builder, node[1]), an_index(builder, node[2])
    blocks = [_decode_block(builder, block, len(columns), len(index)) for block in builder.a_list(node[3])]
    if sorted(place for _, places in blocks for place in places) != list(range(len(columns))):
        raise GraphError("the blocks of a frame do not fill its columns")
    made = _assemble([(values, np.array(places, np.intp)) for values, places in blocks], columns, index)
    return _with_options(builder, made, node[4])


def _decode_block(builder: Builder, block: Any, width: int, height: int) -> tuple[Any, list[int]]:
    if len(builder.a_list(block)) != 2:
        raise GraphError("a block of a frame has its columns and their values")
    places, values = list(range(width)) if block[0] is None else builder.a_list(block[0]), builder.build(block[1])
    if not all(type(place) is int and 0 <= place < width for place in places) or places != sorted(places):
        raise GraphError("a block of a frame is outside its columns")
    if type(values) is np.ndarray:
        as_plain(values, _DTYPES, 2)
        shape = values.shape
    elif isinstance(values, library().api.extensions.ExtensionArray):
        shape = (1, len(values))
    else:
        raise GraphError("a block of a frame is not made of columns")
    if shape != (len(places), height):
        raise GraphError("a block of a frame has another shape than its labels")
    return values, places


def _assemble(blocks: list[tuple[Any, np.ndarray]], columns: Any, index: Any) -> Any:
    """A frame of these blocks as they are: pandas 3 publishes a way, and pandas 2 had the same inside."""
    try:
        create: Any = getattr(importlib.import_module("pandas.api.internals"), "create_dataframe_from_blocks")  # noqa: B009
    except (ModuleNotFoundError, AttributeError):
        internals: Any = importlib.import_module("pandas.core.internals")
        made = [internals.make_block(values, places, ndim=2) for values, places in blocks]
        manager = internals.BlockManager(made, [columns, index])
        return library().DataFrame._from_mgr(manager, manager.axes)
    return create(blocks, index, columns)


def _options(encoder: Encoder, held: Any) -> dict[str, Any]:
    """What is seldom there: notes of the user's own, and that labels must be unique."""
    options: dict[str, Any] = {"attrs": encoder.at(".attrs", dict(held.attrs))} if held.attrs else {}
    return options if held.flags.allows_duplicate_labels else options | {"unique": True}


def _with_options(builder: Builder, made: Any, options: Any) -> Any:
    if not builder.a_dict(options).keys() <= {"attrs", "unique"} or options.get("unique", True) is not True:
        raise GraphError("a frame has options that the format lacks")
    if "attrs" in options:
        attrs = builder.build(options["attrs"])
        if type(attrs) is not dict:
            raise GraphError("the notes of a frame are a dictionary")
        made._attrs = attrs
    if "unique" in options:
        try:
            made.flags.allows_duplicate_labels = False
        except ValueError as error:
            raise GraphError(f"labels occur twice: {quote(str(error))}") from None
    return made


_INDEXES = {
    "base": "Index", "datetimes": "DatetimeIndex", "timedeltas": "TimedeltaIndex", "period": "PeriodIndex",
    "interval": "IntervalIndex", "category": "CategoricalIndex",
}  # fmt: skip
_CLAIMED = tuple(claim for place, name in _INDEXES.items() for claim in claims(f"pandas.core.indexes.{place}", name))

HANDLERS = [
    Handler("index", _CLAIMED, encode_index, decode_index),
    Handler("rangeindex", claims("pandas.core.indexes.range", "RangeIndex"), encode_index, decode_range_index),
    Handler("multiindex", claims("pandas.core.indexes.multi", "MultiIndex"), encode_multi_index, decode_multi_index),
    Handler("series", claims("pandas.core.series", "Series"), encode_series, decode_series),
    Handler("frame", claims("pandas.core.frame", "DataFrame"), encode_frame, decode_frame),
    *pandas_arrays.HANDLERS,
    *pandas_values.HANDLERS,
]
