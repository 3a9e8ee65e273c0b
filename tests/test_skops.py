"""skops files: models through them and back, the same bytes for the same model, and whoever writes a hostile one."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import subprocess
import sys
import time
import warnings
import zipfile
import zlib
import zoneinfo
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from skops import io as skops_io

import modelkeep as mk
import zoo
from hostile.skops_files import CASES, MARKER, honest, members_of, packed
from modelkeep import errors
from modelkeep.errors import DriftError, DriftWarning, ExportError, ModelkeepError, PolicyError, UsageError
from modelkeep.formats import skops
from modelkeep.policy import Policy
from zoo.answers import answers, same

TESTS = Path(__file__).resolve().parent
FULL = os.environ.get("MODELKEEP_FULL") == "1"
#: What skops can't write: it says so.
UNWRITTEN = ("Birch", "metadata routing", "users' attributes", "users' tables")


def written(model: Any, compress: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    skops.write(model, file, SimpleNamespace(compress=compress, options=options))
    return file.getvalue()


def by_skops(data: bytes) -> Any:
    """What skops itself makes of a file that these tests have written."""
    return skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))


# -- there and back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for i, name in enumerate(zoo.ZOO) if FULL or i % 10 == 0])
def test_model_answers_as_if_skops_had_loaded_it(name: str) -> None:
    model, X = zoo.ZOO[name]()
    if any(part in name for part in UNWRITTEN):
        with pytest.raises(ExportError, match="skops can't hold a part"):
            written(model)
        return
    data = written(model, "zlib" if zlib.crc32(name.encode()) % 2 else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = by_skops(data)
    found = answers(mk.load(data, format="skops"), X)
    # skops gives some sparse matrices indices of another width than they had; here they keep what the file has.
    assert same(answers(model, X), found) == [] or same(answers(expected, X), found) == []


VALUES: dict[str, Any] = {
    "plain": [1, -(2**80), 1.5, float("inf"), "ü", None, True, (), {}],
    "keys": {"a": 1, 2: 3, 1.5: 4, np.int64(7): 8},
    "containers": [OrderedDict(b=1, a=2), defaultdict(list, a=[1]), {1, 2}, (1, [2])],
    "bytes": [b"ab", bytearray(b"cd"), slice(1, None, 2)],
    "arrays": [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)[:2]), np.array(["a", "bc"]), np.zeros(0)],
    "structs": np.zeros(3, np.dtype([("a", "u1"), ("b", "<f8")], align=True)),
    "scalars": [np.float32(1.5), np.int64(3), np.bool(True), np.str_("a"), np.datetime64("2020-01-01")],
    "objects": [np.array(["a", None, 1.5], object), np.array([["a", 1], [None, 2]], object)],
    "masks": [np.ma.array([1.0, 2.0], mask=[True, False]), np.ma.array(["a", None], mask=[False, True], dtype=object)],
    "dtypes": [np.dtype("<f4"), np.dtype([("a", "<i4")])],
    "random": [np.random.RandomState(3), np.random.default_rng(5), np.random.Generator(np.random.Philox(3))],
    "sparse": [
        sparse.csr_matrix(np.eye(3)), sparse.csc_array(np.eye(3)), sparse.coo_matrix(np.eye(3)),
        sparse.bsr_matrix(np.eye(4), blocksize=(2, 2)), sparse.dia_matrix(np.eye(3)),
    ],
    "times": [dt.timezone(dt.timedelta(hours=1)), dt.timedelta(3), zoneinfo.ZoneInfo("Europe/Paris")],
    "functions": [np.log1p, np.mean, np.float64],
}  # fmt: skip


@pytest.mark.parametrize("compress", [None, "zlib"])
@pytest.mark.parametrize("name", VALUES)
def test_value_is_what_skops_makes_of_it(name: str, compress: str | None) -> None:
    data = written(VALUES[name], compress)
    found = mk.load(data, format="skops")
    assert mk.dumps(found, probe=False) == mk.dumps(by_skops(data), probe=False)


def test_shared_objects_stay_one() -> None:
    shared = [1.5]
    found = mk.load(written({"a": shared, "b": [shared, shared]}), format="skops")
    assert found["a"] is found["b"][0] is found["b"][1]


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    """In another process, too: skops' own files hold addresses and the time."""
    code = (
        "import sys, numpy as np, modelkeep as mk\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "X = np.random.RandomState(0).normal(size=(40, 3))\n"
        "mk.save(RandomForestClassifier(3, random_state=0).fit(X, X[:, 0] > 0), sys.argv[1])\n"
    )
    for name in "ab":
        subprocess.run([sys.executable, "-c", code, str(tmp_path / f"{name}.skops")], check=True)
    assert (tmp_path / "a.skops").read_bytes() == (tmp_path / "b.skops").read_bytes()
    names = zipfile.ZipFile(tmp_path / "a.skops").namelist()
    assert set(names) == {"schema.json", *(f"{i}.npy" for i in range(1, len(names)))}


def test_it_is_read_without_skops() -> None:
    code = (
        "import sys, modelkeep as mk\n"
        "sys.modules['skops'] = None\n"
        "mk.load(sys.argv[1]); print('skops.io' in sys.modules)\n"
    )
    path = f"/tmp/{os.getpid()}.skops"
    Path(path).write_bytes(honest("tree"))
    try:
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    finally:
        os.unlink(path)
    assert done.stdout.strip() == "False"


def test_what_skops_can_not_write_is_told(tmp_path: Path) -> None:
    model = zoo.ZOO["Birch"]()[0]
    with pytest.raises(ExportError, match="skops can't hold a part of the model") as caught:
        mk.save(model, tmp_path / "m.skops")
    assert ".keep" in caught.value.hint
    assert os.listdir(tmp_path) == []
    with pytest.raises(UsageError, match="no option 'level'"):
        written([1], level=3)
    with pytest.raises(UsageError, match="'lz4' is no compression of skops"):
        written([1], "lz4")


# -- what the policy and the versions say --------------------------------------------------------------------------


class Own(LogisticRegression):  # type: ignore[misc]
    pass


def test_a_class_of_the_users_own_needs_trust() -> None:
    X = np.random.RandomState(0).normal(size=(30, 2))
    model = Own().fit(X, X[:, 0] > 0)
    data = written(model)
    with pytest.raises(PolicyError, match=r"test_skops\.Own") as caught:
        mk.load(data, format="skops")
    assert 'Policy(trust=["test_skops.Own"])' in caught.value.hint
    found = mk.load(data, format="skops", policy=Policy(trust=["test_skops.Own"]))
    assert type(found) is Own
    assert found.predict(X).tolist() == model.predict(X).tolist()


def test_a_file_of_another_version_is_drift() -> None:
    members = members_of(honest("linear"))
    import sklearn

    members["schema.json"] = members["schema.json"].replace(
        json.dumps(json.dumps(sklearn.__version__)).encode(), json.dumps(json.dumps("0.99.1")).encode()
    )
    data = packed(members)
    with pytest.raises(DriftError, match=r"0\.99\.1"):
        mk.load(data, format="skops")
    with pytest.warns(DriftWarning, match=r"0\.99\.1"):
        assert mk.load(data, format="skops", on_drift="warn").coef_.shape == (1, 3)
    assert mk.load(data, format="skops", on_drift="ignore").coef_.shape == (1, 3)


def test_verbs_take_it(tmp_path: Path) -> None:
    (tmp_path / "m.skops").write_bytes(honest("tree"))
    done = mk.convert(tmp_path / "m.skops", tmp_path / "m.keep")
    assert (done.source_format, done.executed) == ("skops", False)
    assert mk.load(tmp_path / "m.keep").tree_.node_count >= 3


# -- hostile files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_hostile(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, error, part = CASES[case]
    data = make()
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    with pytest.raises(getattr(errors, error)) as caught:
        mk.load(data, format="skops")
    assert part in str(caught.value) + caught.value.hint
    assert caught.value.hint
    assert time.monotonic() - began < 30
    assert len(str(caught.value)) < 1000
    assert not (tmp_path / MARKER).exists()


def test_nothing_is_imported_opened_or_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hostile.watch_skops"],
        env={**os.environ, "PYTHONPATH": str(TESTS)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["seen"] == []
    assert found["proof"] > 0
    assert found["read"] == 4
    assert found["refused"] == len(CASES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["tree", "linear", "neighbours", "values"])
def test_every_truncation_is_refused(kind: str) -> None:
    data = honest(kind)
    for length in range(0, len(data), max(1, len(data) // 500)):
        with pytest.raises(ModelkeepError):
            mk.load(data[:length], format="skops")


@pytest.mark.parametrize("kind", ["tree", "linear", "neighbours", "values"])
def test_mutants_are_refused_or_read(kind: str) -> None:
    """Bytes of the schema and of arrays changed below the checksums: an error of modelkeep's, or a checked model."""
    rng, members, seen = np.random.RandomState(0), members_of(honest(kind)), {"read": 0, "refused": 0}
    names = sorted(members)
    X = np.random.RandomState(1).normal(size=(20, 3))
    for turn in range(2000 if FULL else 200):
        name = names[rng.randint(len(names))] if turn % 2 else "schema.json"
        mutant = bytearray(members[name])
        for place in rng.randint(len(mutant), size=rng.randint(1, 4)):
            mutant[place] = rng.randint(256)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = mk.load(packed({**members, name: bytes(mutant)}), format="skops", on_drift="ignore")
            seen["read"] += 1
        except ModelkeepError:
            seen["refused"] += 1
            continue
        if hasattr(found, "predict"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _ask(found, X)
    assert seen["refused"] > 50
    assert seen["read"] > 0


def _ask(model: Any, X: np.ndarray) -> None:
    """A model that was read may say that it can't answer, as one with a changed parameter does; it never crashes."""
    try:
        model.predict(X)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError, np.exceptions.AxisError):
        return


def test_counters_and_forests_too() -> None:
    X = np.random.RandomState(0).normal(size=(40, 3))
    forest = RandomForestClassifier(3, random_state=0).fit(X, X[:, 0] > 0)
    assert mk.load(written(forest), format="skops").predict_proba(X).tobytes() == forest.predict_proba(X).tobytes()
    assert mk.load(written(Counter(a=2)), format="skops") == {"a": 2}
