"""The symbolic reader of pickle and joblib files: against pickle itself, and against whoever writes a hostile file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hostile.pickles import CASES, MARKER
from modelkeep import errors
from modelkeep.errors import LoadError, ModelkeepError
from modelkeep.formats.unpickle import read, records
from modelkeep.formats.unpickle.joblib import take_array
from modelkeep.formats.unpickle.machine import Machine
from modelkeep.formats.unpickle.records import Call, Global, walk
from modelkeep.policy import Policy
from pickle_values import VALUES, realized, same

ANY = Policy()
PROTOCOLS = range(6)


def joblib_bytes(value: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    joblib.dump(value, out, **options)
    return out.getvalue()


# -- records against pickle ----------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(value=VALUES, protocol=st.sampled_from(PROTOCOLS))
def test_values_are_what_pickle_loads(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert same(realized(records(data, ANY)), pickle.loads(data))


def test_the_comparison_of_values_notices() -> None:
    for a, b in (([1], [True]), (0.0, -0.0), ([[], []], [[]] * 2), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (b"a", "a")):
        assert not same(a, b)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sharing_and_cycles_are_kept(protocol: int) -> None:
    inner: list[Any] = []
    inner.append(inner)
    found = realized(records(pickle.dumps([inner, inner, {"a": inner}], protocol), ANY))
    assert found[0] is found[1] is found[2]["a"] is found[0][0]


def test_values_of_python_2() -> None:
    data = b"(lp0\nS'a\\n\\'b'\np1\naI01\naL12L\naVc\\u20ac\np2\naF1.5\naU\x03abca."
    assert records(data, ANY) == ["a\n'b", True, 12, "c€", 1.5, "abc"]


def test_calls_and_states_stay_records() -> None:
    class_name = Global("os", "system")
    data = pickle.dumps(Path("a"), 4)
    found = records(data, ANY)
    assert isinstance(found, Call)
    assert str(found.callee) == "pathlib.PosixPath"
    assert str(class_name) == "os.system"


# -- arrays --------------------------------------------------------------------------------------------------------

_DTYPES = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?")
    | hnp.complex_number_dtypes(endianness="?", sizes=(64, 128))
    | hnp.datetime64_dtypes(endianness="<")
    | hnp.timedelta64_dtypes(endianness="<")
    | hnp.unicode_string_dtypes(endianness="<", min_len=1, max_len=4)
    | hnp.byte_string_dtypes(endianness="<", min_len=1, max_len=4)
)
_ARRAYS = hnp.arrays(_DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


def _arranged(array: np.ndarray, how: int) -> np.ndarray:
    return (array, np.asfortranarray(array), array[::-1] if array.ndim else array, array.transpose())[how]


def _assert_same_array(found: Any, expected: np.ndarray) -> None:
    assert type(found) is np.ndarray
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.flags.f_contiguous == expected.flags.f_contiguous
    assert found.tobytes() == expected.tobytes()


@settings(max_examples=300, deadline=None)
@given(array=_ARRAYS, how=st.integers(0, 3), protocol=st.sampled_from([*PROTOCOLS, "joblib"]))
def test_arrays_are_what_pickle_and_joblib_load(array: np.ndarray, how: int, protocol: int | str) -> None:
    array = _arranged(array, how)
    if isinstance(protocol, int):
        data = pickle.dumps(array, protocol)
        expected = pickle.loads(data)
    else:
        data = joblib_bytes(array)
        expected = joblib.load(io.BytesIO(data))
    _assert_same_array(read(data)[0], expected)


_STRUCT = np.dtype([("a", "<f8"), ("b", ">i4", (2,)), ("c", "U3")])
_SPECIAL = {
    "struct": np.array([(1.5, (2, 3), "abc")], _STRUCT),
    "aligned struct": np.zeros(3, np.dtype([("a", "u1"), ("b", "f8")], align=True)),
    "objects": np.array([1, "a", None, [1.5]], dtype=object),
    "objects in Fortran order": np.asfortranarray(np.array([[1, 2, 3], ["a", "b", "c"]], dtype=object)),
    "masked": np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]], fill_value=9),
    "masked objects": np.ma.array(["a", None], mask=[False, True], dtype=object),
    "masked without a fill value": np.ma.array([1.0, 2.0], mask=[True, False]),
    "matrix": np.matrix([[1, 2]]),
    "scalar": np.float32(1.5),
    "date": np.datetime64("2020-01-01T00:00", "15m"),
    "text": np.str_("abc"),
    "dtype": np.dtype(">f4"),
    "class": np.float64,
    "function": np.log1p,
}


@pytest.mark.parametrize("protocol", [*PROTOCOLS, "joblib"])
@pytest.mark.parametrize("kind", _SPECIAL)
def test_kinds_of_numpy(kind: str, protocol: int | str) -> None:
    value = [_SPECIAL[kind]]
    data = pickle.dumps(value, protocol) if isinstance(protocol, int) else joblib_bytes(value)
    expected = pickle.loads(data) if isinstance(protocol, int) else joblib.load(io.BytesIO(data))
    found = read(data)[0]
    assert type(found[0]) is type(expected[0])
    assert repr(found) == repr(expected)
    assert getattr(found[0], "dtype", None) == getattr(expected[0], "dtype", None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.random.RandomState(3),
        lambda: np.random.default_rng(3),
        *(lambda cls=cls: cls(5) for cls in (np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64)),
        lambda: np.random.SeedSequence(5, spawn_key=(1, 2)).spawn(3)[2],
    ],
)
def test_random_states_go_on_where_they_were(make: Callable[[], Any]) -> None:
    made = make()
    found = read(pickle.dumps(made, 5))[0]

    def draw(value: Any) -> Any:
        if isinstance(value, np.random.SeedSequence):
            return [value.generate_state(3).tolist(), value.spawn(1)[0].generate_state(2).tolist()]
        if isinstance(value, np.random.BitGenerator):
            return value.random_raw(1000).tolist()
        return value.random(1000).tolist() + value.normal(size=5).tolist()

    assert type(found) is type(made)
    assert draw(found) == draw(made)


# -- joblib --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lzma", "lz4"])
@pytest.mark.parametrize("size", [10, 600_000])
def test_compressed_joblib(method: str, size: int) -> None:
    value = {"a": np.arange(size) % 1000, "b": "x" * 1000}
    found, facts = read(joblib_bytes(value, compress=(method, 3)))
    _assert_same_array(found["a"], value["a"])
    assert found["b"] == value["b"]
    assert facts.compression == method


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_compressed_pickle(pack: Callable[[bytes], bytes]) -> None:
    value = list(range(100_000))
    assert read(pack(pickle.dumps(value)))[0] == value


def test_joblib_arrays_without_padding() -> None:
    """As joblib before 1.2 wrote them."""
    data = joblib_bytes([np.arange(5.0), "after"], compress=0)
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, (5,), "C", np.dtype("f8"), True)
    del wrapper.numpy_array_alignment_bytes
    old = pickle.dumps(wrapper, 3)[:-1] + np.arange(5.0).tobytes() + b"."
    _assert_same_array(read(data)[0][0], np.arange(5.0))
    _assert_same_array(read(old)[0], np.arange(5.0))


def test_joblib_arrays_are_not_copied_out_of_the_file() -> None:
    data = joblib_bytes(np.arange(1000.0))
    found = next(
        value for value in walk(records(data, ANY)) if isinstance(value, Call) and value.callee.name[:5] == "Numpy"
    )
    assert isinstance(found.payload, memoryview)
    assert found.payload.obj is data


# -- hostile files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_hostile(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, error, part = CASES[case]
    data = make()
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    with pytest.raises(getattr(errors, error)) as caught:
        read(data)
    assert part in str(caught.value)
    assert caught.value.hint
    assert time.monotonic() - began < 30  # on a slow machine; a second is usual
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not (tmp_path / MARKER).exists()


def _honest() -> dict[str, bytes]:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X = np.random.RandomState(0).normal(size=(60, 3)).round(1)
    y = X[:, 0] > 0
    encode = ColumnTransformer([("a", OneHotEncoder(handle_unknown="ignore"), [0]), ("b", StandardScaler(), [1, 2])])
    model = make_pipeline(encode, LogisticRegression()).fit(X, y)
    forest = RandomForestClassifier(2, max_depth=2, random_state=np.random.RandomState(1)).fit(X, y)
    return {
        **{f"pipeline {protocol}": pickle.dumps(model, protocol) for protocol in (0, 2, 5)},
        "forest": pickle.dumps(forest, 5),
        "joblib": joblib_bytes(model),
        "joblib zlib": joblib_bytes(forest, compress=3),
    }


@pytest.fixture(scope="module")
def honest() -> dict[str, bytes]:
    return _honest()


def test_every_truncation_is_refused(honest: dict[str, bytes]) -> None:
    for data in honest.values():
        for length in range(0, len(data), 1 if len(data) < 8000 else 7):
            with pytest.raises(LoadError):
                records(data[:length], ANY)
            with pytest.raises(LoadError):  # without the early look at the last byte, which hides the machine
                Machine(memoryview(data[:length]), 0, take_array).run()


def test_mutants_are_refused_or_read(honest: dict[str, bytes]) -> None:
    """Whatever a flipped byte makes of a file: an error of modelkeep's, or a model that could be built and checked."""
    rng = np.random.RandomState(0)
    seen = {"read": 0, "refused": 0}
    for data in honest.values():
        for _ in range(150):
            mutant = bytearray(data)
            for place in rng.randint(len(data), size=rng.randint(1, 4)):
                mutant[place] = rng.randint(256)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    read(bytes(mutant), on_drift="ignore")
                seen["read"] += 1
            except ModelkeepError:
                seen["refused"] += 1
    assert seen["refused"] > 300
