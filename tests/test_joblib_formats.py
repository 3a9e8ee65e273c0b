"""joblib and pickle as formats: every compression both ways, options, mapping, drift, and what the policy allows."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pytest
import zstandard
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import FunctionTransformer

import modelkeep as mk
from modelkeep import unpacking
from modelkeep.errors import (
    ContainerError,
    DriftError,
    DriftWarning,
    ExportError,
    GraphError,
    PolicyError,
    UsageError,
)
from modelkeep.formats import joblib as joblib_format
from modelkeep.formats import pickle as pickle_format
from modelkeep.policy import Policy

OPEN = Policy(allow_code=True)
METHODS = joblib_format.METHODS


def written(model: Any, compress: str | None = None, format: Any = joblib_format, **options: Any) -> bytes:
    file = io.BytesIO()
    format.write(model, file, SimpleNamespace(compress=compress, options=options))
    return file.getvalue()


@pytest.fixture(scope="module")
def forest() -> tuple[Any, np.ndarray]:
    X = np.random.RandomState(0).normal(size=(200, 4))
    return RandomForestClassifier(5, random_state=0).fit(X, X[:, 0] > 0), X


# -- compression ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [1, 9])
def test_every_compression_is_written_and_read_back(method: str, level: int, forest: Any, tmp_path: Path) -> None:
    model, X = forest
    data = written(model, method, level=level)
    assert unpacking.packing_of(memoryview(data)) == method
    assert len(data) < len(written(model)) / 2
    (tmp_path / "m.joblib").write_bytes(data)
    for policy in (Policy(), OPEN):
        found = mk.load(tmp_path / "m.joblib", policy=policy)
        assert found.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert joblib.load(io.BytesIO(data)).predict(X).tolist() == model.predict(X).tolist()
    assert written(model, method, level=level) == data


def test_no_compression_and_level_zero_are_the_same(forest: Any) -> None:
    assert written(forest[0]) == written(forest[0], "zlib", level=0)


def test_a_zstd_file_opens_in_a_process_that_knows_it(tmp_path: Path) -> None:
    """joblib has no zstd of its own: it is taught it, or the file is unpacked first."""
    (tmp_path / "m.joblib").write_bytes(written({"a": np.arange(1000)}, "zstd"))
    code = "import joblib, sys\n{}print(joblib.load(sys.argv[1])['a'][-1])"
    taught = code.format("from modelkeep.formats.joblib import teach_zstd; teach_zstd(); teach_zstd()\n")
    done = subprocess.run(
        [sys.executable, "-c", taught, str(tmp_path / "m.joblib")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "999"
    plain = zstandard.ZstdDecompressor().decompressobj().decompress((tmp_path / "m.joblib").read_bytes())
    assert joblib.load(io.BytesIO(plain))["a"][-1] == 999


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_stream_is_refused(method: str) -> None:
    data = written({"a": np.random.RandomState(0).bytes(100_000)}, method)
    damaged = [data[:-3], data[: len(data) // 2], data + b"more"]
    if method != "lz4":  # joblib writes it without a checksum
        damaged.append(data[:2000] + bytes(byte ^ 7 for byte in data[2000:2003]) + data[2003:])
    for bad in damaged:
        for policy in (Policy(), OPEN):
            with pytest.raises((ContainerError, GraphError)) as caught:
                mk.load(bad, format="joblib", policy=policy)
            assert caught.value.hint


_BOMBS: dict[str, Any] = {
    "zlib": lambda data: zlib.compress(data, 9),
    "gzip": lambda data: gzip.compress(data, 9),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zstd": lambda data: zstandard.ZstdCompressor().compressobj().compress(data),
}


@pytest.mark.parametrize("method", _BOMBS)  # lz4 packs no file to less than one part in 255
def test_a_bomb_is_refused_before_it_fills_the_memory(method: str, tmp_path: Path) -> None:
    """Each unpacks to a hundred megabytes and more; no honest model is that much larger than its file."""
    resource = pytest.importorskip("resource", reason="only Unix tells how much memory a process has taken")
    packed = _BOMBS[method](b"\0" * 90_000_000)
    assert len(packed) < 100_000
    for policy in (Policy(), OPEN):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(GraphError, match="unpacks to more than"):
            mk.load(packed, format="joblib", policy=policy)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 160 << 10


def test_verbs_take_what_the_format_takes(forest: Any, tmp_path: Path) -> None:
    model, X = forest
    mk.save(model, tmp_path / "m.joblib", compress="xz", options={"level": 1})
    assert unpacking.packing_of(memoryview((tmp_path / "m.joblib").read_bytes())) == "xz"
    assert mk.load(tmp_path / "m.joblib").predict(X).tolist() == model.predict(X).tolist()
    mk.save(model, tmp_path / "m.pkl", options={"protocol": 2})
    assert (tmp_path / "m.pkl").read_bytes()[:2] == b"\x80\x02"
    with pytest.raises(UsageError, match="no option"):
        mk.save(model, tmp_path / "other.joblib", options={"opset": 21})
    assert sorted(os.listdir(tmp_path)) == ["m.joblib", "m.pkl"]


@pytest.mark.parametrize("name", ["m.pkl.gz", "m.sav", "m.p", "model", "m.joblib.z"])
def test_other_names_are_told_by_their_first_bytes(name: str, forest: Any, tmp_path: Path) -> None:
    model, X = forest
    data = pickle.dumps(model, 4)
    (tmp_path / name).write_bytes({"z": zlib.compress, "gz": gzip.compress}.get(name.rpartition(".")[2], bytes)(data))
    assert mk.load(tmp_path / name).predict(X).tolist() == model.predict(X).tolist()


def test_what_is_no_option_is_told() -> None:
    for options, part in (
        ({"compress": "rar"}, "no compression of joblib"),
        ({"compress": "zlib", "level": 10}, "level is '10'"),
        ({"compress": "zlib", "level": "9"}, "level is"),
        ({"level": 3}, "a level of no compression"),
        ({"protocol": 1}, "protocol is '1'"),
        ({"colour": 1}, "no option 'colour'"),
    ):
        with pytest.raises(UsageError, match=part) as caught:
            written([1], **options)
        assert caught.value.hint
    for options, part in (({"compress": "zlib"}, "not compressed"), ({"colour": 1}, "colour"), ({"protocol": 0}, "0")):
        with pytest.raises(UsageError, match=part):
            written([1], format=pickle_format, **options)


@pytest.mark.parametrize("format", [joblib_format, pickle_format])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_comes_back(format: Any, protocol: int) -> None:
    data = written({"a": np.arange(5), "b": {1, 2}}, format=format, protocol=protocol)
    assert data[:2] == bytes([0x80, protocol])
    assert mk.load(data, format=format.FORMAT.name)["b"] == {1, 2}


@pytest.mark.parametrize("format", [joblib_format, pickle_format])
def test_what_can_not_be_pickled_is_told(format: Any, tmp_path: Path) -> None:
    model = FunctionTransformer(lambda rows: rows)
    with pytest.raises(ExportError, match=r"can't be pickled: .*lambda") as caught:
        written(model, format=format)
    assert ".keep" in caught.value.hint
    path = tmp_path / f"m{format.FORMAT.suffixes[0]}"
    with pytest.raises(ExportError):
        mk.save(model, path)
    assert not path.exists()


# -- what a load gives ---------------------------------------------------------------------------------------------


def test_large_arrays_stay_in_the_mapped_file(tmp_path: Path) -> None:
    """Writable, aligned, and nothing of the file changes when they do."""
    value = {"a": np.arange(300_000.0), "b": np.asfortranarray(np.arange(400_000).reshape(400, 1000)), "c": [1, 2]}
    joblib.dump(value, tmp_path / "m.joblib")
    before = (tmp_path / "m.joblib").read_bytes()
    found = mk.load(tmp_path / "m.joblib")
    for name in "ab":
        assert found[name].flags.aligned
        assert found[name].flags.writeable
        assert np.array_equal(found[name], value[name])
        assert _is_mapped(found[name], tmp_path / "m.joblib")
    assert found["b"].flags.f_contiguous
    found["a"][:] = -1.0
    assert (tmp_path / "m.joblib").read_bytes() == before
    assert mk.load(tmp_path / "m.joblib")["a"][1] == 1.0


def _is_mapped(array: np.ndarray, path: Path) -> bool:
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_, name = line.split(maxsplit=5)
        low, high = (int(part, 16) for part in span.split("-"))
        if name == str(path) and low <= address < high:
            return True
    return False


def test_small_and_packed_arrays_can_be_written_to(tmp_path: Path) -> None:
    for compress in (None, "zlib"):
        data = written([np.arange(3), np.arange(3.0).reshape(1, 3).T, np.array(["a", "b"])], compress)
        for array in mk.load(data, format="joblib"):
            assert array.flags.writeable
            assert array.flags.aligned


class Own:
    """A class that no table has."""

    def __init__(self) -> None:
        self.a = 1


class Other(Own):
    pass


def test_every_unmapped_part_is_named_and_what_to_do() -> None:
    model = {"first": Own(), "second": [Own(), Other()], "third": 1.5}
    with pytest.raises(PolicyError) as caught:
        mk.load(pickle.dumps(model))
    text, hint = str(caught.value), caught.value.hint
    for part in ("the bytes: ", "dict.first", "dict.second[1]", f"{__name__}.Own", f"{__name__}.Other"):
        assert part in text
    assert f'Policy(trust=["{__name__}.Other", "{__name__}.Own"])' in hint
    assert "Policy(allow_code=True)" in hint
    found = mk.load(pickle.dumps(model), policy=Policy(trust=[f"{__name__}.Own", f"{__name__}.Other"]))
    assert (type(found["second"][1]), found["first"].a) == (Other, 1)


def test_what_is_dangerous_is_told_first_and_no_way_around_it() -> None:
    with pytest.raises(PolicyError) as caught:
        mk.load(pickle.dumps([Own(), os.system, Other()]))
    assert str(caught.value).startswith("the bytes: list[1]: the file names posix.system")
    assert caught.value.hint.startswith("do not open this file")
    assert "Policy(" not in caught.value.hint


@pytest.mark.parametrize("policy", [Policy(), OPEN], ids=["as data", "run"])
@pytest.mark.parametrize("way", ["pkl", "joblib"])
def test_a_file_of_another_version_is_drift(policy: Policy, way: str, forest: Any, tmp_path: Path) -> None:
    model, X = forest
    path = tmp_path / f"m.{way}"
    data = written(model, format=pickle_format if way == "pkl" else joblib_format)
    path.write_bytes(data.replace(b"\x8c\x051.", b"\x8c\x050.", 1))
    assert path.read_bytes() != data
    with pytest.raises(DriftError, match=r"scikit-learn|version 0\."):
        mk.load(path, policy=policy)
    with pytest.warns(DriftWarning, match=r"0\."):
        found = mk.load(path, policy=policy, on_drift="warn")
    assert found.predict(X).tolist() == model.predict(X).tolist()
    assert mk.load(path, policy=policy, on_drift="ignore").n_estimators == 5
