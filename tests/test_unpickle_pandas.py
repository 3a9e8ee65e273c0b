"""pandas values in pickles: read as data, they are what pickle makes of them; broken ones are refused."""

from __future__ import annotations

import datetime as dt
import io
import pickle
import runpy
import zoneinfo
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import modelkeep as mk
from modelkeep.errors import LoadError, ModelkeepError
from modelkeep.formats.unpickle import read

OFFSETS = pd.offsets
_MIXED = {
    "dates": pd.date_range("2020", periods=2),
    "zoned": pd.date_range("2020", periods=2, tz="Europe/Paris"),
    "spans": pd.to_timedelta([1, 2]),
    "periods": pd.period_range("2020", periods=2, freq="Q"),
    "intervals": pd.interval_range(0, 2),
    "nullable": pd.array([1, None]),
    "sparse": pd.arrays.SparseArray([0, 1.0]),
    "texts": ["ü", None],
    "objects": pd.Series([1, "a"], dtype=object),
    "categories": pd.Categorical(["u", None], ["u", "v"], ordered=True),
}
VALUES: dict[str, Any] = {
    "frame": pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "c": [3, 4]}),
    "mixed frame": pd.DataFrame(_MIXED),
    "rows of a frame": pd.DataFrame({"a": range(6), "b": range(6), "c": 1.5}).iloc[1::2],
    "empty frame": pd.DataFrame(),
    "unique labels": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    "frame with levels": pd.DataFrame({"x": [1, 2]}, pd.MultiIndex.from_product([["a"], [1, 2]], names=["p", "q"])),
    "series": pd.Series([1, 2], name="s"),
    "series of categories": pd.Series(["a", "b"], dtype="category"),
    "no texts": pd.Series([], dtype="str"),
    "index": pd.Index([1, 2], name="n"),
    "index of objects": pd.Index(["a", 1, None], dtype=object),
    "index of categories": pd.CategoricalIndex(["a", "b", "a"]),
    "intervals": pd.arrays.IntervalArray.from_breaks(pd.date_range("2020", periods=3)),
    "blocks of values": pd.arrays.SparseArray([0, 0, 1.0, 1.0], kind="block"),
    "floats": pd.array([1.5, None]),
    "truths": pd.array([True, None]),
    "texts": pd.array(["a", None], dtype="string[python]"),
    "texts of Arrow": pd.array(["a", None, "ü"], dtype="string[pyarrow]"),
    "pieces of texts": pd.concat([pd.Series(["a", None]), pd.Series(["b"])]),
    "some texts": pd.Series(["a", "bb", None, "c"])[1:3],
    "some bits": pd.Series([True, False, None, True] * 5, dtype="bool[pyarrow]")[3:11],
    "numbers of Arrow": pd.array([1.5, None] * 5, dtype="double[pyarrow]"),
    "dates of Arrow": pd.array([pd.Timestamp("2020")], dtype="timestamp[ns, tz=UTC][pyarrow]"),
    "spans of Arrow": pd.array([pd.Timedelta("1D")], dtype="duration[ns][pyarrow]"),
    "single values": [
        pd.Timestamp("2020-01-01", tz="Europe/Paris"), pd.Timestamp("2020"), pd.Timedelta("1D"), pd.Period("2020-01"),
        pd.Interval(0, 1), pd.NA, pd.NaT,
    ],
    "dtypes": [
        pd.CategoricalDtype(["a"]), pd.Int64Dtype(), pd.BooleanDtype(), pd.StringDtype("python"), pd.PeriodDtype("M"),
        pd.DatetimeTZDtype("ns", "UTC"), pd.IntervalDtype("int64", "left"), pd.SparseDtype("float64", 0.0),
    ],
    "a zone": dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Kathmandu")),
    "sets": [{(1, 2), (3, "a")}, frozenset({np.float64(1.5), np.int64(3)}), {b"x", 1.5j}, {1, "a"}],
    "row lists": sparse.lil_matrix([[0, 1.5], [2, 0]]),
    "row lists of nothing": sparse.lil_array((3, 0), dtype=np.int8),
    "keys": sparse.dok_matrix([[0, 1], [2, 0]]),
    "keys of one axis": sparse.dok_array(np.array([0, 1.5])),
    **{
        f"every {offset.freqstr}": pd.date_range("2020", periods=3, freq=offset)
        for offset in (
            OFFSETS.Day(2), OFFSETS.Hour(1), OFFSETS.MonthBegin(), OFFSETS.MonthEnd(3), OFFSETS.BusinessMonthEnd(),
            OFFSETS.BusinessDay(), OFFSETS.Week(weekday=2), OFFSETS.QuarterBegin(startingMonth=2),
            OFFSETS.QuarterEnd(), OFFSETS.BQuarterEnd(), OFFSETS.YearBegin(month=3), OFFSETS.YearEnd(),
        )
    },
}  # fmt: skip


def written(value: Any, way: int | str) -> bytes:
    if isinstance(way, int):
        return pickle.dumps(value, way)
    file = io.BytesIO()
    joblib.dump(value, file)
    return file.getvalue()


def loaded(data: bytes, way: int | str) -> Any:
    return pickle.loads(data) if isinstance(way, int) else joblib.load(io.BytesIO(data))


@pytest.mark.parametrize("way", [2, 4, 5, "joblib"])
@pytest.mark.parametrize("name", VALUES)
def test_value_is_what_pickle_makes_of_it(name: str, way: int | str) -> None:
    """Equal to the last byte in the safe format, which keeps types, order, layout and options."""
    data = written(VALUES[name], way)
    assert mk.dumps(read(data)[0], probe=False) == mk.dumps(loaded(data, way), probe=False)


def test_a_fitted_pipeline_holds_what_it_was_fitted_on() -> None:
    X = pd.DataFrame({"a": ["x", "y", "x", "z"] * 10, "b": np.arange(40.0)})
    model = make_pipeline(
        ColumnTransformer([("a", OneHotEncoder(), ["a"])], remainder="passthrough"), LogisticRegression()
    ).fit(X, np.arange(40) > 20)
    model.training_rows_, model.index_ = X, X.index
    found = mk.load(written(model, "joblib"), format="joblib")
    assert found.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert found.training_rows_.equals(X)


def _mutants(data: bytes, count: int, rng: np.random.RandomState) -> list[bytes]:
    found = []
    for _ in range(count):
        mutant = bytearray(data)
        for place in rng.randint(len(data), size=rng.randint(1, 4)):
            mutant[place] = rng.randint(256)
        found.append(bytes(mutant))
    return found


def test_mutants_are_refused_or_read() -> None:
    """Whatever a flipped byte makes of a value: an error of modelkeep's, or a value that can be shown and saved."""
    rng, seen = np.random.RandomState(0), {"read": 0, "refused": 0}
    for name, value in VALUES.items():
        for mutant in _mutants(pickle.dumps(value, 5), 40, rng):
            try:
                found = read(mutant, on_drift="ignore")[0]
                repr(found)
                mk.dumps(found, probe=False)
                seen["read"] += 1
            except ModelkeepError:
                seen["refused"] += 1
            except Exception as error:
                raise AssertionError(f"{name}: {mutant!r}") from error
    assert seen["refused"] > 500
    assert seen["read"] > 50


def _frame_of(places: Any) -> bytes:
    """A frame of one column whose block says that it is at ``places``."""
    data = pickle.dumps(pd.DataFrame({"a": [1.5, 2.5]}), 2)
    start = data.index(b"slice\n")
    end = data.index(b"R", start)
    made = pickle.dumps(places, 2)[2:-1]
    return data[:start].rpartition(b"c")[0] + made + data[end:][data[end:].index(b"K\x02") :]


@pytest.mark.parametrize(
    "places", [slice(0, 10**9, 1), slice(1, 2, 1), slice(0, 1, 0), slice(-1, 0, 1), slice(0, 2**80)]
)
def test_a_block_at_other_columns_is_refused(places: slice) -> None:
    with pytest.raises(LoadError):
        read(_frame_of(places))


def test_buffers_of_arrow_must_hold_what_their_columns_say() -> None:
    texts = pickle.dumps(pd.array(["abc", "de"], dtype="string[pyarrow]"), 5)
    ends = np.array([0, 3, 5], "<i8").tobytes()
    assert ends in texts
    for bad in ([0, 3, 6], [0, -1, 5], [3, 0, 5], [0, 3, 1 << 60], [-5, 3, 5]):
        with pytest.raises(LoadError, match="texts of a column lie outside"):
            read(texts.replace(ends, np.array(bad, "<i8").tobytes()))
    with pytest.raises(LoadError, match="UTF-8"):
        read(texts.replace(b"abcde", b"ab\xffde"))


# -- what older versions of pandas wrote -----------------------------------------------------------------------------

OLD = Path(__file__).parent / "golden" / "pandas"
OLD_FILES = sorted(path.name for path in OLD.glob("*.values"))
OLD_NAMES = sorted(runpy.run_path(str(OLD / "make_pandas.py"))["values"]())


@pytest.mark.parametrize("file", OLD_FILES)
@pytest.mark.parametrize("name", OLD_NAMES)
def test_values_of_older_versions(file: str, name: str) -> None:
    """They look as they did to the pandas that wrote them."""
    told = read((OLD / file).read_bytes())[0]
    shown = runpy.run_path(str(OLD / "make_pandas.py"))["shown"]
    assert shown(read(told["pickles"][name])[0]) == told["shown"][name]
