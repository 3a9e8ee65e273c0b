"""Tree models as ONNX: the same labels on every row, the hardest too. MODELKEEP_FULL=1 asks 20,000 rows and prints."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest
from tests.tree_zoo import Case, cases, hard_rows, training

from modelkeep.errors import ExportError
from modelkeep.forests import Forest
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.trees import emit as emitting
from modelkeep.formats.onnx.trees.converters import tree_converters
from modelkeep.formats.onnx.write import model_bytes
from modelkeep.predictors.onnx import OnnxModel

FULL = os.environ.get("MODELKEEP_FULL") == "1"
TREES, ROWS, THRESHOLDS = (100, 20_000, 1 << 30) if FULL else (8, 1000, 120)
CASES = cases()

pytestmark = pytest.mark.filterwarnings("ignore")


class Spy:
    """Keeps the forests that are written, whose thresholds are the hard places of a model."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forests: list[Forest] = []
        plain = emitting._laid_out

        def seen(forest: Forest, graph: Graph, rows: str) -> Any:
            self.forests.append(forest)
            return plain(forest, graph, rows)

        monkeypatch.setattr(emitting, "_laid_out", seen)

    def thresholds(self) -> list[tuple[int, float]]:
        found = set()
        for forest in self.forests:
            numeric = ~forest.is_leaf
            if forest.category is not None:
                numeric &= forest.category < 0
            found |= set(zip(forest.feature[numeric].tolist(), forest.threshold[numeric].tolist(), strict=True))
        return sorted(found)


def opened(model: Any, sample: Any) -> Any:
    """Methods of the written model, asked as the file's own runtime answers."""
    import onnxruntime

    data = model_bytes(model, sample, {})
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    answers = OnnxModel(data)
    answers._session = session
    return answers


def compared(model: Any, written: Any, rows: Any) -> tuple[int, float]:
    """Changed labels, and the largest difference of a number, relative to numbers above 1."""
    changed, largest = 0, 0.0
    for method in written.methods:
        wanted, given = getattr(model, method)(rows), getattr(written, method)(rows)
        pairs = zip(wanted, given, strict=True) if isinstance(wanted, list) else [(wanted, given)]
        for a, b in pairs:
            a, b = np.asarray(a), np.asarray(b)
            assert a.shape == b.shape, method
            if method == "predict" and (a.dtype.kind != "f" or hasattr(model, "predict_proba")):
                changed += int((a != b).sum())
            else:
                with np.errstate(invalid="ignore"):
                    gap = np.abs(a - b) / np.maximum(1.0, np.abs(a))
                gap = np.where(a == b, 0.0, gap)
                assert not np.isnan(gap).any(), method
                largest = max(largest, float(gap.max(initial=0.0)))
    return changed, largest


def fitted(case: Case, trees: int = TREES) -> tuple[Any, Any]:
    x, targets = training(2000 if FULL else 400)
    if not case.gaps:
        x = np.nan_to_num(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.make(trees).fit(x, targets[case.target]), x


@pytest.mark.parametrize("name", CASES)
def test_every_family(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    model, x = fitted(case)
    spy = Spy(monkeypatch)
    written = opened(model, x)
    rows = np.vstack([x, hard_rows(spy.thresholds(), case, ROWS, THRESHOLDS)])
    changed, largest = compared(model, written, rows)
    if FULL:
        with capsys.disabled():
            print(f"\n{name:32s} {len(rows):9,d} rows  {changed} labels changed  largest difference {largest:.1e}")
    assert changed == 0
    assert largest <= case.tolerance


@pytest.mark.parametrize("name", ["forest", "histogram", "xgboost, three classes", "lightgbm", "catboost"])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_inputs_of_other_types(name: str, dtype: Any) -> None:
    case = CASES[name]
    x, targets = training(400)
    x = (np.nan_to_num(x) * 10).astype(dtype)
    model = case.make(TREES).fit(x, targets[case.target])
    assert compared(model, opened(model, x), x)[0] == 0


@pytest.mark.parametrize("data", ["iris", "breast_cancer"])
@pytest.mark.parametrize("name", ["forest", "xgboost", "lightgbm", "boosting"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_scaler_before_trees_moves_no_row_across_a_threshold(data: str, name: str, dtype: Any) -> None:
    from sklearn import datasets
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    model = make_pipeline(StandardScaler(), CASES[name].make(30)).fit(x.astype(dtype), y)
    changed, largest = compared(model, opened(model, x.astype(dtype)), x.astype(dtype))
    assert changed == 0
    assert largest <= CASES[name].tolerance


def test_an_imputer_before_trees() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    x, targets = training()
    model = make_pipeline(SimpleImputer(add_indicator=True), RandomForestClassifier(TREES)).fit(x, targets["texts"])
    assert compared(model, opened(model, x), x) == (0, 0.0)


def table(rows: int = 500) -> tuple[Any, Any]:
    import pandas as pd

    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=rows),
            "word": pd.Categorical(rng.choice(["x", "y", "z", "w"], rows)),
            "code": pd.Categorical(rng.choice([10, 20, 30, 40], rows)),
            "count": rng.integers(0, 5, rows),
        }
    )
    frame.loc[::9, "number"] = np.nan
    frame.loc[::7, "word"] = None
    signal = (frame["number"].fillna(0) > 0).astype(int) + frame["word"].isin(["x", "z"]).astype(int)
    return frame, (signal + (frame["code"].astype(float) > 15)).to_numpy()


@pytest.mark.parametrize("library", ["sklearn", "xgboost", "lightgbm"])
def test_categories_of_a_table(library: str) -> None:
    import lightgbm
    import xgboost
    from sklearn.ensemble import HistGradientBoostingClassifier

    make = {
        "sklearn": lambda: HistGradientBoostingClassifier(max_iter=TREES, categorical_features="from_dtype"),
        "xgboost": lambda: xgboost.XGBClassifier(n_estimators=TREES, enable_categorical=True, max_cat_to_onehot=1),
        "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=TREES, min_child_samples=3, verbose=-1),
    }[library]
    frame, labels = table()
    model = make().fit(frame, labels)
    changed, largest = compared(model, opened(model, frame), frame)
    assert (changed, largest <= 1e-6) == (0, True)


def test_categories_as_numbers_with_unseen_and_odd_ones() -> None:
    import lightgbm
    import xgboost
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(4)
    x = np.c_[rng.normal(size=(800, 2)), rng.integers(0, 70, 800)]
    x[::11, 2] = np.nan
    y = (np.nan_to_num(x[:, 2]) * 7 % 5 + x[:, 0] > 2).astype(int)
    strange = x.copy()
    strange[:, 2] = rng.choice([-2, -1, -0.5, 0.5, 3.7, 71, 300, 1e7, 3e9, np.nan, 5], 800)
    kinds = ["q", "q", "c"]
    boosted = xgboost.XGBClassifier(
        n_estimators=TREES, feature_types=kinds, enable_categorical=True, max_cat_to_onehot=1
    )
    light = lightgbm.LGBMClassifier(n_estimators=TREES, min_child_samples=3, verbose=-1)
    histogram = HistGradientBoostingRegressor(max_iter=TREES, categorical_features=[2])
    for model in (boosted.fit(x, y), light.fit(x, y, categorical_feature=[2]), histogram.fit(x, y)):
        written = opened(model, x)
        for rows in (x, strange):
            changed, largest = compared(model, written, rows)
            assert (changed, largest <= 1e-6) == (0, True), type(model).__name__


def test_early_stopping_answers_with_its_best_round() -> None:
    import lightgbm
    import xgboost

    x, targets = training()
    against = {"eval_set": [(x[:300], 1 - targets["two"][:300])]}
    first = xgboost.XGBClassifier(n_estimators=60, early_stopping_rounds=3).fit(
        x, targets["two"], verbose=False, **against
    )
    second = lightgbm.LGBMClassifier(n_estimators=60, verbose=-1).fit(
        x, targets["two"], callbacks=[lightgbm.early_stopping(3, verbose=False)], **against
    )
    assert first.best_iteration < first.get_booster().num_boosted_rounds() - 1
    for model in (first, second):
        assert compared(model, opened(model, x), x)[0] == 0


def test_boosters_without_the_interface_of_scikit_learn() -> None:
    import lightgbm
    import xgboost

    x, targets = training()
    settings = {"objective": "multi:softprob", "num_class": 3, "booster": "dart", "rate_drop": 0.5}
    first = xgboost.train(settings, xgboost.DMatrix(x, targets["three"]), TREES)
    second = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(x, targets["two"]), TREES)
    np.testing.assert_allclose(opened(first, x).predict(x), first.predict(xgboost.DMatrix(x)), rtol=1e-6)
    np.testing.assert_allclose(opened(second, x).predict(x), second.predict(x), rtol=1e-12)


def test_what_has_no_form_is_refused_with_its_reason() -> None:
    import catboost
    import lightgbm

    x, targets = training()
    linear = lightgbm.LGBMRegressor(n_estimators=3, linear_tree=True, verbose=-1).fit(x, targets["number"])
    with pytest.raises(ExportError, match="linear"):
        model_bytes(linear, x, {})
    mixed = np.nan_to_num(x).astype(object)
    mixed[:, 4] = np.where(x[:, 3] > 0, "a", "b")
    by_word = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, cat_features=[4])
    by_word.fit(mixed, targets["two"])
    with pytest.raises(ExportError, match="categories"):
        model_bytes(by_word, np.nan_to_num(x), {})


def test_the_writers_serve_skl2onnx_and_leave_its_tables_as_they_were() -> None:
    import onnxruntime
    import skl2onnx
    import xgboost
    from skl2onnx.common import _registration
    from sklearn import datasets, ensemble, linear_model, pipeline, preprocessing

    x, y = datasets.load_iris(return_X_y=True)
    histogram = ensemble.HistGradientBoostingClassifier(max_iter=TREES)
    forest = ensemble.RandomForestClassifier(TREES)
    before = dict(_registration._converter_pool)
    for model in (
        pipeline.make_pipeline(preprocessing.StandardScaler(), xgboost.XGBClassifier(n_estimators=TREES)),
        ensemble.StackingClassifier([("a", forest), ("b", histogram)]),
        ensemble.AdaBoostClassifier(n_estimators=TREES),
        ensemble.BaggingClassifier(linear_model.LogisticRegression(), n_estimators=3),
    ):
        model.fit(x, y)
        with tree_converters():
            proto = skl2onnx.to_onnx(model, x[:1], options={id(model): {"zipmap": False}})
        label, shares = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"X": x})
        assert (label == model.predict(x)).all()
        np.testing.assert_allclose(shares, model.predict_proba(x), atol=1e-7)
    assert before == _registration._converter_pool


def test_no_runtime_takes_a_root_for_a_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime up to 1.23 does where both ends have one number, and up to 1.28 loses what such a leaf holds."""
    import onnx
    import xgboost
    from sklearn import ensemble

    moved = []
    plain = emitting._order_of_leaves

    def noted(forest: Forest, place: Any) -> Any:
        order = plain(forest, place)
        moved.append(int((order != np.arange(len(order))).sum()))
        return order

    monkeypatch.setattr(emitting, "_order_of_leaves", noted)
    x, targets = training()
    full = np.nan_to_num(x)
    for model in (
        ensemble.RandomForestClassifier(60, max_leaf_nodes=3, random_state=0),
        ensemble.ExtraTreesClassifier(1, max_leaf_nodes=3, random_state=0),
        ensemble.HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=4),
        xgboost.XGBClassifier(n_estimators=30, max_depth=2, gamma=20.0),
    ):
        model.fit(full, targets["two"])
        written = opened(model, full)
        assert compared(model, written, full)[0] == 0
        for node in onnx.load_from_string(model_bytes(model, full, {})).graph.node:
            if node.op_type == "TreeEnsemble":
                parts = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
                roots = np.array(parts["tree_roots"])
                ends = np.array([parts["nodes_truenodeids"], parts["nodes_falsenodeids"]])[:, roots]
                assert (ends[0] != ends[1]).all()
    assert any(moved)
    assert any(tree.count("leaf=") == 1 for tree in model.get_booster().get_dump())


def test_one_model_gives_one_file() -> None:
    model, x = fitted(CASES["histogram, three classes"], 3)
    assert model_bytes(model, x, {}) == model_bytes(model, x, {})


def test_a_comparison_finds_a_changed_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the tests: thresholds rounded to float32, as other converters write them, change labels here."""
    case = CASES["histogram, three classes"]
    model, x = fitted(case)
    spy = Spy(monkeypatch)
    opened(model, x)
    rows = hard_rows(spy.thresholds(), case, 10, 200)
    plain = emitting._ensemble

    def rounded(forest: Forest, *rest: Any) -> str:
        return plain(forest.replaced(threshold=forest.threshold.astype(np.float32).astype(np.float64)), *rest)

    monkeypatch.setattr(emitting, "_ensemble", rounded)
    changed, largest = compared(model, opened(model, x), rows)
    assert changed or largest > 1e-6
