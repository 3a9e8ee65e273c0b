"""Exports and their certificates: nothing that answers differently is left, and what is accepted is told."""

from __future__ import annotations

import errno
import json
import math

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import modelkeep as mk
from modelkeep import atomic
from modelkeep.errors import ExportError, ModelkeepError, ParityError, StorageError, UsageError
from modelkeep.parity import thresholds
from modelkeep.parity.judging import Output, Tolerance, judge
from modelkeep.parity.trials import trials
from modelkeep.probe import record
from sly import Sly

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y = (X.sum(axis=1) > 0).astype(int)


def certificate(path):
    return json.loads((path.parent / f"{path.name}.parity.json").read_text())


# -- exports -------------------------------------------------------------------------------------------------------


def test_a_clean_export_has_its_certificate_beside_it(tmp_path):
    model = RandomForestClassifier(10, random_state=0).fit(X, Y)
    found = mk.export(model, tmp_path / "m.joblib", sample=X, check=X)
    assert found.certificate.clean
    told = certificate(tmp_path / "m.joblib")
    assert told == json.loads(json.dumps(found.certificate.as_dict()))
    assert told["rows"]["check"] == 80
    assert told["rows"]["splits"] > 100
    asked = {name: output["asked"] for name, output in told["outputs"].items()}
    assert asked["predict"] + asked["apply"] == sum(told["rows"].values())  # the bulky one has a block of its own
    assert told["runtime"]["packages"]["scikit-learn"]
    assert told["digest"].startswith("blake3:")
    assert mk.load(tmp_path / "m.joblib").predict(X).tolist() == model.predict(X).tolist()


@pytest.mark.parametrize("old", [None, b"what was there before"])
def test_a_changed_answer_leaves_no_file(tmp_path, old):
    target = tmp_path / "m.pkl"
    if old:
        target.write_bytes(old)
    with pytest.raises(ParityError, match="answers differently") as caught:
        mk.export(Sly(shift=1e-9), target, sample=X, policy=mk.Policy(trust=["sly"]))
    assert "beyond" not in str(caught.value)
    assert "accept=" in caught.value.hint
    assert caught.value.certificate.outputs["predict"].beyond > 0
    left = [target.name] if old else []
    assert [each.name for each in tmp_path.iterdir()] == left
    assert not old or target.read_bytes() == old


def test_a_changed_label_names_its_rows(tmp_path):
    with pytest.raises(ParityError, match="labels changed") as caught:
        mk.export(Sly(shift=-10.0, edge=0.5, labels=True), tmp_path / "m.pkl", sample=X)
    output = caught.value.certificate.outputs["predict"]
    assert output.labels > 0
    row = next(each for each in output.rows if each["block"] == "probe")
    assert (row["expected"], row["got"]) == ("up", "down")


def test_what_only_the_users_rows_show_is_found(tmp_path):
    far = np.full((5, 3), 1e6)
    sly = Sly(shift=1.0, edge=1e6)
    with pytest.raises(ParityError) as caught:
        mk.export(sly, tmp_path / "m.pkl", sample=X[:20] / 1e9, check=far)
    assert {row["block"] for row in caught.value.certificate.outputs["predict"].rows} >= {"check"}


def test_a_difference_can_be_accepted_knowingly(tmp_path):
    found = mk.export(Sly(shift=1e-9), tmp_path / "m.pkl", sample=X, accept=mk.Tolerance(atol=1e-3))
    assert found.certificate.passed
    assert not found.certificate.clean
    told = certificate(tmp_path / "m.pkl")
    assert told["accepted"] == {"labels": 0, "atol": 1e-3, "rtol": 0.0}
    assert told["outputs"]["predict"]["beyond"] > 0
    assert told["outputs"]["predict"]["refused"] == 0


def test_a_certificate_needs_a_place(tmp_path):
    (tmp_path / "m.joblib").write_bytes(b"old")
    (tmp_path / "m.joblib.parity.json").mkdir()
    with pytest.raises(UsageError, match="the certificate has no place"):
        mk.export(LogisticRegression().fit(X, Y), tmp_path / "m.joblib", sample=X)
    assert (tmp_path / "m.joblib").read_bytes() == b"old"


def test_an_export_that_is_cut_off_leaves_no_word_of_another_file(tmp_path, monkeypatch):
    model = LogisticRegression().fit(X, Y)
    mk.export(model, tmp_path / "m.joblib", sample=X)

    def cut_off(*paths):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(atomic, "install", cut_off)
    with pytest.raises(StorageError):
        mk.export(model, tmp_path / "m.joblib", sample=X)
    assert [path.name for path in tmp_path.iterdir()] == ["m.joblib"]


def test_a_folder_that_can_not_be_written_is_told(tmp_path):
    with pytest.raises(ModelkeepError) as caught:
        mk.export(LogisticRegression().fit(X, Y), "/proc/m.joblib", sample=X)
    assert caught.value.hint


def test_infinite_rows_are_compared_where_the_model_answers_with_numbers():
    model = LogisticRegression().fit(X, Y)

    class Half:
        """Takes every row; infinity in the first column is no number to it."""

        classes_ = model.classes_
        n_features_in_ = 3

        def predict_proba(self, rows):
            rows = np.asarray(rows, dtype=float)
            found = model.predict_proba(np.nan_to_num(rows, posinf=9, neginf=-9))
            found[np.isinf(rows[:, 0])] = np.nan
            return found

    found, notes = trials(Half(), record(Half(), X))
    (block,) = [trial for trial in found if trial.kind == "infinite"]
    assert np.isinf(block.rows).any()
    assert not np.isinf(block.rows[:, 0]).any()
    assert not np.isnan(block.answers["predict_proba"]).any()
    assert "infinite rows are tried where the model answers with numbers" in notes


def test_a_model_from_its_own_file_is_asked_rows_of_its_width(tmp_path):
    columns = RNG.normal(size=(60, 7))
    labels = (columns[:, 6] > 0).astype(int)
    xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(columns, labels), 3).save_model(tmp_path / "m.ubj")
    lightgbm.train({"verbose": -1}, lightgbm.Dataset(columns, labels.astype(float)), 3).save_model(tmp_path / "m.txt")
    made = catboost.CatBoostRegressor(iterations=3, verbose=0, allow_writing_files=False).fit(columns, columns[:, 6])
    made.save_model(str(tmp_path / "m.cbm"))
    for name in ("m.ubj", "m.txt", "m.cbm"):
        found = mk.convert(tmp_path / name, tmp_path / f"{name}.onnx")
        assert found.certificate.clean


def test_an_acceptance_has_an_end(tmp_path):
    with pytest.raises(ParityError):
        mk.export(Sly(shift=1.0), tmp_path / "m.pkl", sample=X, accept=mk.Tolerance(atol=1e-3, labels=10**6))
    sly = Sly(shift=-10.0, edge=0.5, labels=True)
    with pytest.raises(ParityError):
        mk.export(sly, tmp_path / "m.pkl", sample=X, accept=mk.Tolerance(labels=1))


def test_an_acceptance_that_was_not_needed_is_not_told(tmp_path):
    found = mk.export(Sly(), tmp_path / "m.pkl", sample=X, accept=mk.Tolerance(labels=3))
    assert found.certificate.clean


def test_a_runtime_that_fails_is_a_difference(tmp_path):
    with pytest.raises(ParityError, match="the runtime fails"):
        mk.export(Sly(crash=True), tmp_path / "m.pkl", sample=X)


def test_a_model_that_answers_nothing_is_compared_whole(tmp_path):
    found = mk.export({"weights": X}, tmp_path / "m.pkl")
    assert found.certificate.clean
    assert list(found.certificate.outputs) == ["graph"]


def test_an_export_from_a_file_takes_its_probe(tmp_path):
    mk.save(LogisticRegression().fit(X, Y), tmp_path / "m.keep", sample=X)
    found = mk.export(tmp_path / "m.keep", tmp_path / "m.joblib")
    assert found.certificate.source == str(tmp_path / "m.keep")
    assert found.certificate.rows["probe"] > 30


def test_what_a_format_can_not_hold_is_told(tmp_path):
    with pytest.raises(ExportError, match="can't hold") as caught:
        mk.export({"a": 1}, tmp_path / "m.onnx")
    assert "keep" in caught.value.hint
    with pytest.raises(UsageError, match="saved, not exported"):
        mk.export(LogisticRegression().fit(X, Y), tmp_path / "m.keep")
    with pytest.raises(UsageError, match="there is no folder"):
        mk.export(Sly(), tmp_path / "none" / "m.pkl")


def test_a_save_of_another_form_is_sent_to_the_export(tmp_path):
    with pytest.raises(UsageError, match="nothing would prove") as caught:
        mk.save(LogisticRegression().fit(X, Y), tmp_path / "m.onnx")
    assert "modelkeep.export" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [{"labels": -1}, {"atol": math.nan}, {"rtol": "x"}, {"labels": 0.5}])
def test_a_tolerance_is_checked(wrong):
    with pytest.raises(UsageError, match="no tolerance"):
        mk.Tolerance(**wrong)


# -- asked again -----------------------------------------------------------------------------------------------------


def test_a_file_is_asked_again(tmp_path):
    first, second = (LogisticRegression(C=c).fit(X, Y) for c in (1.0, 2.0))
    mk.export(first, tmp_path / "m.joblib", sample=X)
    assert mk.verify(tmp_path / "m.joblib", against=first).passed
    with pytest.raises(ParityError):
        mk.verify(tmp_path / "m.joblib", against=second)


def test_a_registry_keeps_the_certificate(tmp_path):
    registry = mk.Registry(tmp_path / "models")
    registry.save("m", LogisticRegression().fit(X, Y), sample=X)
    made = registry.export("m", tmp_path / "m.joblib")
    assert made.certificate.source == "m:1"
    assert registry.certificates("m:1")[0]["digest"] == made.certificate.digest
    registry.promote("m:1", "live", gates=[mk.gates.parity("joblib")])
    with pytest.raises(UsageError, match="no argument"):
        registry.export("m", tmp_path / "m.joblib", sampel=X)


def test_a_conversion_carries_its_certificate(tmp_path):
    mk.save(LogisticRegression().fit(X, Y), tmp_path / "m.keep", sample=X)
    found = mk.convert(tmp_path / "m.keep", tmp_path / "m.pkl", check=X)
    assert found.certificate.clean
    assert certificate(tmp_path / "m.pkl")["rows"]["check"] == 80


# -- the rows ----------------------------------------------------------------------------------------------------------


def kinds(model, sample):
    found, _ = trials(model, record(model, sample))
    return {trial.kind for trial in found}


def test_hard_rows_are_of_every_kind_that_the_model_takes():
    assert kinds(RandomForestClassifier(5, random_state=0).fit(X, Y), X) == {"probe", "splits", "missing"}
    boosted = HistGradientBoostingClassifier(max_iter=5).fit(X, Y)
    assert kinds(boosted, X) == {"probe", "splits", "missing", "infinite"}
    assert kinds(LogisticRegression().fit(X, Y), X) == {"probe"}


def test_every_threshold_has_its_neighbours():
    model = RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, Y)
    trees = [each.tree_ for each in model.estimators_]
    wanted = {(int(f), float(t)) for tree in trees for f, t in zip(tree.feature, tree.threshold, strict=True) if f >= 0}
    assert set(thresholds.edges(model, 3)) == wanted
    near = thresholds.neighbours(0.1)
    assert np.nextafter(0.1, 1) in near
    assert np.nextafter(0.1, 0) in near
    assert float(np.nextafter(np.float32(0.1), np.float32(1))) in near


def test_thresholds_behind_a_scaler_are_met():
    model = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)).fit(X, Y)
    rows = thresholds.behind(model, X[:8])
    inner = model[0].transform(rows)
    edges = dict.fromkeys(thresholds.edges(model[1], 3))
    close = [min(abs(inner[:, column] - value)) < 1e-12 for column, value in edges]
    assert all(close)


def test_columns_of_a_mixed_table_are_edited():
    frame = pd.DataFrame({"a": X[:, 0], "city": pd.Categorical(["x", "y"] * 40)})
    model = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype").fit(frame, Y)
    assert "splits" in kinds(model, frame)


# -- the judge ------------------------------------------------------------------------------------------------------

NONE = (mk.Tolerance(), mk.Tolerance())


def judged(expected, actual, rules=NONE, *, labels=False):
    outputs: dict[str, Output] = {}
    judge(outputs, "probe", "predict", expected, actual, rules, labels=labels)
    return outputs


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ([1.0, np.nan], [1.0, np.nan]),
        ([np.inf, -np.inf], [np.inf, -np.inf]),
        ([1, 2], [1.0, 2.0]),
        ([0.0], [-0.0]),
    ],
)
def test_equal_numbers(expected, actual):
    output = judged(np.array(expected), np.array(actual))["predict"]
    assert (output.beyond, output.absolute, output.other) == (0, 0.0, "")


@pytest.mark.parametrize(
    ("expected", "actual"),
    [([1.0], [np.nan]), ([np.nan], [1.0]), ([np.inf], [-np.inf]), ([np.inf], [1e308]), ([1.0], [1.0 + 1e-15])],
)
def test_unequal_numbers(expected, actual):
    assert judged(np.array(expected), np.array(actual))["predict"].beyond == 1


def test_labels_are_equal_by_value():
    assert judged(np.array(["a", "b"], object), np.array(["a", "b"]), labels=True)["predict"].labels == 0
    assert judged(np.array(["1", "2"]), np.array([1, 2]), labels=True)["predict"].labels == 2
    assert judged(np.array([1, 2], np.int8), np.array([1, 3]), labels=True)["predict"].labels == 1
    assert judged(np.array([1.0, np.nan]), np.array([1.0, np.nan]), labels=True)["predict"].labels == 0
    assert judged(np.array([True, False]), np.array([1, 0]), labels=True)["predict"].labels == 0


def test_shapes_and_parts_are_compared():
    assert "shape" in judged(np.zeros((3, 1)), np.zeros(3))["predict"].other
    assert "answers" in judged([np.zeros(2), np.zeros(2)], [np.zeros(2)])["predict"].other
    both = judged([np.zeros(2), np.zeros(2)], [np.zeros(2), np.ones(2)])
    assert (both["predict[0]"].beyond, both["predict[1]"].beyond) == (0, 2)
    assert judged(np.zeros(2), np.array(["a", "b"]))["predict"].other


def test_answers_of_several_shapes_for_one_are_another_answer():
    outputs = {}
    rule = (Tolerance.of(0), Tolerance.of(0))
    judge(outputs, "probe", "predict", np.zeros(3), (np.zeros(3), np.zeros((3, 2))), rule, labels=False)
    assert "gives 2 answers" in outputs["predict"].other


def test_tolerance_grows_with_the_number():
    rules = (mk.Tolerance(atol=1e-6, rtol=1e-6), mk.Tolerance(atol=1e-6, rtol=1e-6))
    output = judged(np.array([1e9, 1.0]), np.array([1e9 + 900, 1.0 + 3e-6]), rules)["predict"]
    assert output.beyond == 1
    assert output.rows[0]["row"] == 1
