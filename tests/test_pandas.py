"""pandas: frames by their blocks, indexes, columns of every dtype, single values; and hostile forms of them."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import json
import random
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from keeping import decoded, encoded, kept
from modelkeep.errors import CheckError, GraphError, LoadError, SaveErrors
from test_arrays import hostile

NEW = hasattr(pd.api, "internals")  # pandas 3
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
RNG = np.random.default_rng(0)
TABLE = RNG.random((5, 4))


def same(a: Any, b: Any) -> None:
    assert type(b) is type(a)
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
        same_blocks(a, b)
    elif isinstance(a, pd.Series):
        pd.testing.assert_series_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
    elif isinstance(a, pd.Index):
        pd.testing.assert_index_equal(a, b, exact=True)
        assert getattr(a, "freq", None) == getattr(b, "freq", None)
        assert a.names == b.names
    elif isinstance(a, pd.api.extensions.ExtensionArray):
        pd.testing.assert_extension_array_equal(a, b, check_exact=True)
    elif a is pd.NaT or a is pd.NA:
        assert b is a
    else:
        assert b == a
        for fact in ("unit", "fold"):
            assert getattr(b, fact, None) == getattr(a, fact, None)
    assert getattr(a, "attrs", None) == getattr(b, "attrs", None)
    assert str(a) == str(b)


def same_blocks(a: pd.DataFrame, b: pd.DataFrame) -> None:
    """The same columns together, and lying the same way: so numpy gets the same memory from it."""
    assert len(a._mgr.blocks) == len(b._mgr.blocks)
    for one, two in zip(a._mgr.blocks, b._mgr.blocks, strict=True):
        assert one.mgr_locs.as_array.tolist() == two.mgr_locs.as_array.tolist()
        assert type(one.values) is type(two.values)
        if isinstance(one.values, np.ndarray):
            assert one.values.flags.c_contiguous == two.values.flags.c_contiguous
            assert one.values.flags.f_contiguous == two.values.flags.f_contiguous
    assert np.asarray(a).flags.f_contiguous == np.asarray(b).flags.f_contiguous


SCALARS = [
    pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC").as_unit("s"), pd.Timestamp.max, pd.Timestamp.min,
    pd.Timestamp("2020-10-25 00:30", tz="UTC").tz_convert(BERLIN),
    pd.Timestamp("2020-10-25 01:30", tz="UTC").tz_convert(BERLIN), pd.Timestamp("2020-01-01").replace(fold=1),
    pd.Timestamp("2020", tz=dt.timezone(dt.timedelta(hours=2))), pd.NaT, pd.NA, pd.Timedelta("1D"),
    pd.Timedelta(-5, "ns"), pd.Period("2020Q1"), pd.Period("2020-01", "M"), pd.Period("2020", "Y-MAR"),
    pd.Interval(0, 1), pd.Interval(pd.Timestamp("2020"), pd.Timestamp("2021"), "both"), pd.CategoricalDtype(),
    pd.CategoricalDtype(["b", "a"], True), pd.Int64Dtype(), pd.BooleanDtype(), pd.Float32Dtype(),
    pd.StringDtype("python"), pd.StringDtype("pyarrow"), pd.DatetimeTZDtype("us", BERLIN), pd.PeriodDtype("Q-FEB"),
    pd.IntervalDtype("f8", "left"), pd.IntervalDtype(), pd.SparseDtype("i8", 3), pd.ArrowDtype(pa.int16()),
    pd.ArrowDtype(pa.timestamp("ns", "UTC")),
]  # fmt: skip
DATES = pd.date_range("2020", periods=3)
ARRAYS = [
    pd.Categorical(["a", "b", None]), pd.Categorical([3, 1, 2], ordered=True, categories=[1, 2, 3, 4]),
    pd.Categorical(DATES), pd.array([1, None], dtype="Int64"), pd.array([1, None], dtype="UInt8"),
    pd.array([1.5, None, np.nan], dtype="Float64"), pd.array([True, None], dtype="boolean"),
    pd.array([], dtype="Int64"), pd.array(["a", None], dtype="string[python]"),
    pd.array(["a", None, "é"], dtype="string[pyarrow]"), pd.arrays.SparseArray([0, 0, 1, 2.0]),
    pd.arrays.SparseArray([]), pd.arrays.SparseArray([0, 0, 1, 0, 2], kind="block"),
    pd.arrays.SparseArray([True, False]), pd.array(DATES), pd.arrays.IntervalArray.from_tuples([(0, 1), None]),
    pd.arrays.IntervalArray.from_breaks(DATES), pd.array(DATES.tz_localize(BERLIN)),
    pd.array(pd.timedelta_range("1D", periods=3)), pd.array(pd.period_range("2020", periods=3, freq="Q")),
    pd.array(["2020", pd.NaT], dtype="datetime64[s]"), pd.array([1, None], dtype="int64[pyarrow]"),
    pd.array([True, None], dtype="bool[pyarrow]"), pd.array([1.5, None], dtype="double[pyarrow]"),
    pd.array(["x", None], dtype=pd.ArrowDtype(pa.string())),
    pd.array([dt.date(2020, 1, 1), None], dtype="date32[pyarrow]"),
    pd.array([pd.Timestamp("2020", tz="UTC"), None], dtype=pd.ArrowDtype(pa.timestamp("ns", "Europe/Berlin"))),
    pd.array([pd.Timedelta(5)], dtype="duration[ns][pyarrow]"),
    *([pd.array(["a", None], dtype=pd.StringDtype(s, na_value=np.nan)) for s in ("python", "pyarrow")] if NEW else []),
]  # fmt: skip
INDEXES = [
    pd.RangeIndex(5), pd.RangeIndex(9, 1, -3, name="q"), pd.Index([1, 2], dtype="i4"), pd.Index([1.5, np.nan]),
    pd.Index([]), pd.Index(["a", "b"]), pd.Index(["a", None, 3], dtype=object),
    pd.Index([(1, 2), (3, 4)], tupleize_cols=False), pd.Index([True, False]),
    pd.Index([1, 2], dtype="Int64", name=("a", 1)), pd.Index(np.arange(10)[::-2]), DATES,
    pd.date_range("2020", periods=3, freq="MS", tz="Europe/Berlin", name="t"),
    pd.date_range("2020", periods=3, freq="-90min"), pd.date_range("2020", periods=3, freq="QE-FEB"),
    pd.DatetimeIndex(["2020", "2022", "2021"]), pd.interval_range(0, 3),
    pd.timedelta_range("1D", periods=3, freq="36h"), pd.period_range("2020", periods=3, freq="M"),
    pd.CategoricalIndex(["a", "b"]), pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["x", None]),
    pd.MultiIndex.from_tuples([(1, None), (2, "b")]), pd.MultiIndex.from_arrays([[], []]),
    pd.MultiIndex.from_product([DATES, pd.Categorical(["u", "v"])]),
]  # fmt: skip
MIXED = pd.DataFrame({"a": [1, 2, 3], "b": [1.0, 2, 3], "c": [4, 5, 6], "d": ["x", None, "z"], "u": DATES, "v": DATES})
MIXED.insert(4, "t", DATES.tz_localize("UTC"))
FRAMES = [
    pd.DataFrame(TABLE), pd.DataFrame(np.asfortranarray(TABLE), columns=list("abcd")), pd.DataFrame(TABLE)[[1, 3]],
    pd.DataFrame(TABLE).iloc[::2], pd.DataFrame(TABLE).T, MIXED, MIXED[["c", "a", "u"]], MIXED.assign(z=1, y=2.0),
    pd.DataFrame(), pd.DataFrame(index=[1, 2]), pd.DataFrame(columns=["a"]), pd.DataFrame(np.zeros((0, 3))),
    pd.DataFrame([[1, 2]], columns=["a", "a"]),
    pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_product([[1], [2, 3]])),
    pd.DataFrame({"a": [[1], {"b": 2}]}), pd.DataFrame({"a": [1, 2]}).astype("category"),
    pd.DataFrame({"a": [True, False], "b": [1j, 2]}),
    *(pd.DataFrame({"x": array, "y": range(len(array)), "z": array}) for array in ARRAYS),
]  # fmt: skip
SERIES = [
    pd.Series([1, 2, 3], index=list("abc"), name="k"), pd.Series(["a", "b"]), pd.Series(["a", 1], dtype=object),
    pd.Series(DATES), pd.Series(["a", "b"], dtype=object), pd.Series([], dtype=float),
    pd.Series(np.arange(10.0)[::2]), pd.Series([1, 2], dtype="f2"),
    pd.Series([pd.Timestamp("2020"), None, "x"], dtype=object), pd.Series(np.arange(3, dtype=">i4")),
    *(pd.Series(array, name="n") for array in ARRAYS),
]  # fmt: skip


def label(value: Any) -> str:
    return f"{type(value).__name__} {getattr(value, 'dtype', '')}"


@pytest.mark.parametrize(
    "value", [*SCALARS, *ARRAYS, *INDEXES, *SERIES, *FRAMES, *(pd.Index(array) for array in ARRAYS)], ids=label
)
def test_it_comes_back(value):
    same(value, kept(value))


def test_saving_leaves_a_column_as_it_is():
    """pandas' own to_numpy writes its stand-in for missing values into the column."""
    column = pd.array(["a", None], dtype="string[python]")
    encoded(column)
    assert column._ndarray[1] is pd.NA


def test_notes_and_flags_come_back():
    series = pd.Series([1]).set_flags(allows_duplicate_labels=False)
    series.attrs["source"] = {"rows": [1, 2]}
    same(series, kept(series))
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["x"] = frame_note = [1]
    again, note = kept([frame, frame_note])
    assert again.attrs["x"] is note


def test_shared_objects_stay_shared_and_memory_does_not():
    """pandas counts who shares a block; it could not count what a file made."""
    frame = pd.DataFrame(TABLE)
    values = [frame, frame, frame.iloc[:3], frame.index, TABLE, frame.columns]
    again = kept(values)
    assert again[0] is again[1]
    assert again[0].index is again[3]
    assert again[0].columns is again[5]
    again[2].iloc[0, 0] = 99.0
    again[4][1, 1] = 77.0
    assert again[0].iloc[0, 0] == TABLE[0, 0]
    assert again[0].iloc[1, 1] == TABLE[1, 1]


def test_a_product_of_a_frame_is_the_same_to_the_last_bit():
    wide = RNG.standard_normal((31, 17))
    plain, turned = pd.DataFrame(wide), pd.DataFrame(np.asfortranarray(wide))
    for frame in (plain, plain.T, turned, plain.iloc[::2, 3:], turned.iloc[::2, ::2]):
        again = kept(frame)
        vector = RNG.standard_normal(frame.shape[1])
        assert (again.to_numpy() @ vector).tobytes() == (frame.to_numpy() @ vector).tobytes()
        assert again.sum().to_numpy().tobytes() == frame.sum().to_numpy().tobytes()


def test_what_can_not_be_kept_is_refused():
    sparse_text = pd.arrays.SparseArray(np.array(["a", None], object))
    arrow_list = pd.array([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    custom = pd.date_range("2020", periods=2, freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-02"]))
    looped = pd.DataFrame({"a": [[]]})
    looped.iloc[0, 0].append(looped)
    for value in (sparse_text, arrow_list, custom, looped, MIXED.groupby("a"), pd.offsets.Day()):
        with pytest.raises(SaveErrors):
            encoded([value])


# -- hostile files -------------------------------------------------------------------------------------------------

CODES, MASK, NUMBERS = np.array([0, 5, -7], np.int8), np.zeros(2, bool), np.arange(3.0)
SQUARE, TIMES = np.ones((2, 3)), np.arange(3)
C, M, N, S = (["array", i] for i in range(4))
D = ["array", 4, {"dtype": "<M8[D]", "shape": [3]}]
NS = ["array", 4, {"dtype": "<M8[ns]", "shape": [3]}]
I2, I3 = ["rangeindex", 0, 2, 1, None], ["rangeindex", 0, 3, 1, None]
LABELS = ["index", ["objects", [2], ["a", "b"], "C"], None, None]
HOSTILE: list[Any] = [
    ["index", 5, None, None], ["index", S, None, None], ["index", N, ["list", []], None], ["index", N, None, "D"],
    ["index", N, None, "rm -rf"], ["index", D, None, None], ["index", NS, None, "W"], ["index", NS, None, 5],
    ["index", ["list", []], None, None], ["index", I3, None, None], ["rangeindex", 0, 1, 0, None],
    ["rangeindex", 0.5, 1, 1, None], ["rangeindex", 0, 1 << 62, 1, ["list", []]], ["multiindex", [], [], [], None],
    ["multiindex", [LABELS], [C], [None], None], ["multiindex", [LABELS], [N], [None], None],
    ["multiindex", [LABELS], [], [None], None], ["multiindex", [5], [C], [None], None],
    ["multiindex", [LABELS], [C], [None], 9],
    ["multiindex", [LABELS, LABELS], [["array", 4], C], [None, None], None],
    ["multiindex", [I3], [["array", 4]], [["list", []]], None], ["categories", C, LABELS, False],
    ["categories", N, LABELS, False], ["categories", ["array", 4], ["list", []], False],
    ["categories", ["array", 4], I3, 1],
    ["categories", ["array", 4], ["index", ["objects", [3], ["a", "a", "b"], "C"], None, None], True],
    ["moments", N, None], ["moments", D, None], ["moments", NS, "Nowhere"], ["moments", NS, 5],
    ["moments", ["array", 4], None], ["periods", ["array", 4], "os"], ["periods", N, "D"],
    ["periods", ["array", 4], "MS"], ["periods", ["array", 4], None], ["nullable", N, M],
    ["nullable", ["array", 4, {"dtype": "<M8[ns]", "shape": [3]}], M], ["nullable", N, N], ["nullable", 5, M],
    ["text", "python", "NA", [5]], ["text", "disk", "NA", []], ["text", "python", None, []],
    ["text", "python", "NA", 5], ["intervals", N, N, "left"], ["intervals", I2, I3, "left"],
    ["intervals", I3, I3, "up"], ["intervals", LABELS, LABELS, "left"],
    ["intervals", I3, ["rangeindex", 0, -3, -1, None], "left"], ["sparsevalues", 3, ["dtype", "<f8"], 0.0, N, C],
    ["sparsevalues", 2, ["dtype", "<f8"], 0.0, N, ["array", 5]],
    ["sparsevalues", 9, ["dtype", "<f8"], 0.0, N, ["array", 6]],
    ["sparsevalues", 9, ["dtype", "<i8"], 0.0, N, ["array", 5]],
    ["sparsevalues", 9, ["dtype", "object"], 0.0, N, ["array", 5]],
    ["sparsevalues", 9, ["dtype", "<f8"], "x", N, ["array", 5]],
    ["sparsevalues", 9, ["dtype", "<f8"], 0.0, N, ["array", 5], ["array", 5]],
    ["sparsevalues", -1, ["dtype", "<f8"], 0.0, N, ["array", 5]], ["numpyvalues", S], ["numpyvalues", 5],
    ["numpyvalues", LABELS], ["arrowvalues", "int64", N, M], ["arrowvalues", "list<int64>", N, M],
    ["arrowvalues", "string", [5], None], ["arrowvalues", 5, N, M], ["arrowvalues", "double", N, M],
    ["arrowvalues", "timestamp[ns, tz=../x y]", ["array", 4], M], ["arrowvalues", "string", ["a"], M],
    ["series", I2, N, None, {}], ["series", N, N, None, {}], ["series", I3, S, None, {}],
    ["series", I3, N, ["list", []], {}], ["series", I3, N, None, []], ["series", I3, N, None, {"attrs": 5}],
    ["series", I3, N, None, {"x": 1}], ["series", I3, N, None, {"unique": 0}],
    ["series", ["index", ["objects", [3], ["a", "a", "b"], "C"], None, None], N, None, {"unique": True}],
    ["frame", I3, I2, [], {}], ["frame", I3, I2, [[None, S]], {}], ["frame", I2, I3, [[[0, 0], S]], {}],
    ["frame", I2, I3, [[[1, 0], S]], {}], ["frame", I2, I3, [[[0], S]], {}],
    ["frame", I2, I3, [[[0, 1], S], [[0], N]], {}], ["frame", I2, I3, [[None, N]], {}], ["frame", I2, I3, S, {}],
    ["frame", I2, I3, [[[0, 1]]], {}], ["frame", I2, I3, [[[0, "1"], S]], {}], ["frame", S, I3, [[None, S]], {}],
    ["frame", I2, I3, [[[-1, 0], S]], {}], ["frame", I2, I3, [[None, ["objects", [2], ["a", "b"], "C"]]], {}],
    ["frame", I2, I3, [[None, ["list", []]]], {}], ["timestamp", -(1 << 63), "ns", None, 0],
    ["timestamp", 0, "D", None, 0], ["timestamp", 0, "ns", 5, 0], ["timestamp", 0, "ns", "x/../y", 0],
    ["timestamp", 0.5, "ns", None, 0], ["timestamp", 0, "ns", None, 2], ["timestamp", 0, "ns", "UTC", 1],
    ["pandastimedelta", -(1 << 63), "ns"], ["pandastimedelta", 0, "weeks"],
    ["pandastimedelta", "1", "ns"], ["nat", 1], ["period", 0, "x"], ["period", "0", "D"],
    ["period", -(1 << 63), "D"], ["interval", 1, 0, "left"], ["interval", "a", "b", "left"],
    ["interval", 0, 1, "up"], ["interval", 0, ["timestamp", 0, "ns", None, 0], "left"], ["pandasdtype", "object"],
    ["pandasdtype", "CategoricalDtype", 5, True], ["pandasdtype", "CategoricalDtype", I3, 5],
    ["pandasdtype", "SparseDtype", 5, 5], ["pandasdtype", "ArrowDtype", "list<x>"],
    ["pandasdtype", "PeriodDtype", "x"], ["pandasdtype", "DatetimeTZDtype", "ns", None],
    ["pandasdtype", "IntervalDtype", ["dtype", "<U1"], "left"], ["pandasdtype", "StringDtype", "disk", "NA"],
    ["pandasdtype", "Int64", 1], ["pandasdtype"], ["pandasdtype", ["list", []]],
]  # fmt: skip


@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: repr(node)[:70])
def test_a_hostile_node_is_refused(node):
    places = np.array([2, 5, 7], np.int32)
    with pytest.raises((GraphError, CheckError)):
        decoded(hostile(node, CODES, MASK, NUMBERS, SQUARE, TIMES, places, places[::-1].copy()))


def test_random_changes_are_refused_or_harmless():
    """Parts of honest graphs, put where others were: modelkeep's own errors, or something that can be used."""
    rng = random.Random(0)
    values = [MIXED, *INDEXES[-6:], *ARRAYS, FRAMES[13], SCALARS]
    files = [encoded(value) for value in values]
    graphs = [json.loads(made["graph.json"]) for made in files]
    pieces = [piece for graph in graphs for piece in parts(graph["root"])] + [None, -1, 1 << 40, "x", [], {}, 0.5, True]
    refused = 0
    for _ in range(1500):
        number = rng.randrange(len(graphs))
        graph = copy.deepcopy(graphs[number])
        holder = rng.choice([graph, *(p for p in parts(graph["root"]) if isinstance(p, list | dict) and p)])
        key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
        if holder is graph:
            key = "root"
        holder[key] = copy.deepcopy(rng.choice(pieces))
        try:
            found = decoded({**files[number], "graph.json": json.dumps(graph, separators=(",", ":")).encode()})
        except LoadError:
            refused += 1
        else:
            use(found)
    assert refused > 300


def parts(node: Any) -> list[Any]:
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return [node, *(part for value in inside for part in parts(value))]


def use(found: Any) -> None:
    with contextlib.suppress(Exception):  # pandas may refuse in its own way; what counts is that it does not crash
        str(found)
    with contextlib.suppress(Exception):
        found.copy().sort_values().take([0])
    with contextlib.suppress(Exception):
        found.to_numpy().sum()
