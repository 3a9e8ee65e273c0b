"""Real models through the symbolic reader: every one of the zoo, and files that older scikit-learns wrote."""

from __future__ import annotations

import io
import json
import os
import pickle
import runpy
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
import sklearn
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import modelkeep as mk
import zoo
from modelkeep.errors import CheckError, DriftError, ModelkeepError, PolicyError
from modelkeep.formats.unpickle import read
from modelkeep.policy import Policy
from zoo.answers import answers, same

TESTS = Path(__file__).resolve().parent
WAYS = (0, 1, 2, 3, 4, 5, "joblib", "joblib zlib")


def written(model: Any, way: int | str) -> bytes:
    if isinstance(way, int):
        return pickle.dumps(model, way)
    out = io.BytesIO()
    joblib.dump(model, out, compress=3 if way == "joblib zlib" else 0)
    return out.getvalue()


def loaded(data: bytes, way: int | str) -> Any:
    return pickle.loads(data) if isinstance(way, int) else joblib.load(io.BytesIO(data))


@pytest.mark.parametrize("name", zoo.ZOO)
def test_model_answers_as_if_pickle_had_loaded_it(name: str) -> None:
    """Each model in one of the eight ways to write it, spread over the zoo."""
    model, X = zoo.ZOO[name]()
    way = WAYS[zlib.crc32(name.encode()) % len(WAYS)]
    data = written(model, way)
    found, facts = read(data)
    assert same(answers(loaded(data, way), X), answers(found, X)) == []
    assert len(facts.sklearn_versions) <= 1


#: No pickle of these can exist.
UNPICKLED = {"an attribute with a lock", "an attribute with a generator"}


@pytest.mark.parametrize("name", sorted(set(zoo.REFUSED) - UNPICKLED))
def test_what_no_table_can_name_is_refused(name: str) -> None:
    model, _ = zoo.REFUSED[name]()
    with pytest.raises(ModelkeepError) as caught:
        read(cloudpickle.dumps(model))
    assert caught.value.hint


def own_distance(a: np.ndarray, b: np.ndarray, scale: float = 1.0) -> float:
    return float(np.abs(a - b).sum() * scale)


def test_a_distance_of_the_users_own_needs_trust() -> None:
    X = np.random.RandomState(0).normal(size=(40, 3))
    model = NearestNeighbors(metric=own_distance, algorithm="ball_tree", metric_params={"scale": 2.0}).fit(X)
    data = pickle.dumps(model)
    with pytest.raises(PolicyError, match="own_distance"):
        read(data)
    found, _ = read(data, Policy(trust=[f"{__name__}.own_distance"]))
    assert found.kneighbors(X)[0].tobytes() == model.kneighbors(X)[0].tobytes()


def test_a_cache_folder_is_forgotten(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), memory=joblib.Memory(tmp_path))
    assert read(pickle.dumps(model))[0].memory is None


@pytest.mark.parametrize("step", ["records", "read"])
def test_nothing_is_imported_opened_or_run(step: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-m", "hostile.watch_pickles", step],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["seen"] == []
    assert found["proof"] > 0
    assert found["read"] == 7
    assert found["refused"] > 80
    assert list(tmp_path.iterdir()) == []


def test_deep_sharing_is_judged_in_linear_time() -> None:
    """Fifteen lists, each of them twice in the next one, are read; of sixty, nobody could ever look at all parts."""
    value: list[Any] = [1]
    for _ in range(15):
        value = [value, value]
    found = read(pickle.dumps(value))[0]
    for _ in range(15):
        assert found[0] is found[1]
        found = found[0]
    assert found == [1]
    for _ in range(45):
        value = [value, value]
    with pytest.raises(CheckError, match="shares its parts too often"):
        read(pickle.dumps(value))


def test_a_users_class_needs_trust() -> None:
    from zoo import shelf

    data = pickle.dumps({"a": shelf.case})
    with pytest.raises(PolicyError, match=r"zoo\.shelf\.case") as caught:
        read(data)
    assert "--trust zoo.shelf.case" in caught.value.hint
    assert read(data, Policy(trust=("zoo.shelf",)))[0]["a"] is shelf.case


# -- files of older versions -----------------------------------------------------------------------------------------

OLD = TESTS / "golden" / "pickles"
OLD_FILES = sorted(path.name for path in OLD.iterdir() if path.suffix in (".pkl", ".joblib"))
#: What the installed scikit-learn can't do with parts that an older one wrote, by model and versions.
UNREADABLE = {
    ("adaboost", "1.2.2"): (CheckError, "SAMME.R"),
    ("adaboost", "1.3.2"): (CheckError, "SAMME.R"),
    ("adaboost", "1.5.2"): (CheckError, "SAMME.R"),
    ("boosting", "1.2.2"): (PolicyError, "_gb_losses"),
    ("boosting", "1.3.2"): (PolicyError, "_gb_losses"),
    ("search", "1.2.2"): (PolicyError, "_passthrough_scorer"),
}
#: The files that open and answer otherwise, or not at all: why ``DriftError`` is what comes out first.
DRIFTED = {
    "histogram": ("1.2.2", "1.3.2"), "isolation": ("1.2.2",), "imputer": ("1.2.2", "1.3.2", "1.5.2", "1.7.2"),
}  # fmt: skip


def _model_and_version(name: str) -> tuple[str, str]:
    model, _, version = name.split(".joblib")[0].split("-p")[0].partition("-sklearn-")
    return model, version


@pytest.mark.parametrize("name", OLD_FILES)
def test_another_version_is_refused(name: str) -> None:
    with pytest.raises(DriftError) as caught:
        read((OLD / name).read_bytes())
    assert _model_and_version(name)[1] in str(caught.value)
    assert sklearn.__version__ in str(caught.value)


@pytest.mark.parametrize("name", OLD_FILES)
def test_another_version_is_read_on_demand(name: str) -> None:
    """With a warning it opens; where nothing has changed since, it answers as it did in its own time."""
    kind, version = _model_and_version(name)
    if (kind, version) in UNREADABLE:
        error, part = UNREADABLE[kind, version]
        with pytest.warns(UserWarning, match=version), pytest.raises(error, match=part):
            read((OLD / name).read_bytes(), on_drift="warn")
        return
    with pytest.warns(UserWarning, match=version):
        found, facts = read((OLD / name).read_bytes(), on_drift="warn")
    assert facts.sklearn_versions == (version,)
    if version in DRIFTED.get(kind, ()):
        return
    made = runpy.run_path(str(OLD / "make.py"))
    inputs, _ = made["rows"]()
    expected = json.loads((OLD / f"answers-{version}.json").read_text())[name]
    got = made["answer"](found, inputs.get(kind, inputs[""]))
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("way", [0, 1])
def test_the_oldest_protocols_are_recognised(way: int, tmp_path: Path) -> None:
    """They begin with no sign of their own."""
    model = make_pipeline(StandardScaler()).fit([[1.0], [3.0]])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model, way))
    assert mk.load(tmp_path / "model.pkl").transform([[2.0], [3.0]]).tolist() == [[0.0], [1.0]]
    assert type(mk.load(pickle.dumps(model, way))) is type(model)
