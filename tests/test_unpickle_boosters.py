"""Boosters in pickles: the same answers without running the pickle, and refused where their trees lead nowhere."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from typing import Any

import catboost
import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io as skops_io

import modelkeep as mk
from modelkeep.boosters import ubjson
from modelkeep.errors import LoadError, ModelkeepError
from modelkeep.formats.unpickle import read

X = np.random.RandomState(0).normal(size=(80, 3))
GAPS = np.where(X > 1.5, np.nan, X)
BINARY, CLASSES, NUMBERS = (X[:, 0] > 0).astype(int), np.arange(80) % 3, X[:, 0] * 2
TABLE = pd.DataFrame({"a": X[:, 0], "c": pd.Categorical(list("xyzw") * 20)})
QUIET: dict[str, Any] = {"verbose": 0, "allow_writing_files": False, "iterations": 4}


def _xgb(cls: Any = xgboost.XGBClassifier, **how: Any) -> Any:
    return cls(n_estimators=4, max_depth=2, **how)


def _lgb(cls: Any = lightgbm.LGBMClassifier, **how: Any) -> Any:
    return cls(n_estimators=4, verbose=-1, min_child_samples=3, **how)


MODELS: dict[str, tuple[Callable[[], Any], Any]] = {
    "xgboost": (lambda: _xgb().fit(GAPS, BINARY), GAPS),
    "xgboost, three classes": (lambda: _xgb().fit(X, CLASSES), X),
    "xgboost, linear": (lambda: _xgb(xgboost.XGBRegressor, booster="gblinear").fit(X, NUMBERS), X),
    "xgboost, dart": (lambda: _xgb(xgboost.XGBRegressor, booster="dart").fit(X, NUMBERS), X),
    "xgboost, categories": (lambda: _xgb(enable_categorical=True).fit(TABLE, BINARY), TABLE),
    "xgboost, stopped early": (
        lambda: _xgb(early_stopping_rounds=1).fit(X, BINARY, eval_set=[(X, BINARY)], verbose=False), X,
    ),
    "xgboost in a pipeline": (lambda: make_pipeline(StandardScaler(), _xgb()).fit(X, BINARY), X),
    "lightgbm": (lambda: _lgb().fit(GAPS, BINARY), GAPS),
    "lightgbm, three classes": (lambda: _lgb().fit(X, CLASSES), X),
    "lightgbm, categories": (lambda: _lgb(lightgbm.LGBMRegressor).fit(TABLE, NUMBERS), TABLE),
    "lightgbm alone": (lambda: lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, BINARY), 3), X),
    "catboost": (lambda: catboost.CatBoostClassifier(**QUIET).fit(GAPS, BINARY), GAPS),
    "catboost, numbers": (lambda: catboost.CatBoostRegressor(**QUIET).fit(X, NUMBERS), X),
}  # fmt: skip


def answer(model: Any, rows: Any) -> bytes:
    return b"".join(
        np.asarray(getattr(model, method)(rows)).tobytes()
        for method in ("predict", "predict_proba")
        if hasattr(model, method)
    )


@pytest.mark.parametrize("name", MODELS)
def test_model_answers_as_before(name: str) -> None:
    make, rows = MODELS[name]
    model = make()
    packed = io.BytesIO()
    joblib.dump(model, packed, compress=3)
    ways = {"pickle": pickle.dumps(model, 2), "joblib": packed.getvalue(), "skops": skops_io.dumps(model)}
    for format, data in ways.items():
        found = mk.load(data, format=format)
        assert type(found) is type(model)
        assert answer(found, rows) == answer(model, rows)


def test_a_booster_of_xgboost_keeps_what_it_knows() -> None:
    model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(TABLE[["a"]], BINARY), 3)
    model.set_attr(note="mine")
    found = mk.load(pickle.dumps(model))
    assert (found.feature_names, found.attr("note"), found.num_boosted_rounds()) == (["a"], "mine", 3)


def test_an_unfitted_one_is_its_parameters() -> None:
    assert repr(mk.load(pickle.dumps(_xgb())).get_params()) == repr(_xgb().get_params())
    assert mk.load(pickle.dumps(_lgb())).get_params() == _lgb().get_params()


def test_models_of_older_versions() -> None:
    """As version 1.7 of XGBoost and 3.3 of LightGBM kept their attributes."""
    old = _xgb().fit(X, CLASSES)
    vars(old).update(classes_=np.arange(3), use_label_encoder=None)
    assert answer(mk.load(pickle.dumps(old)), X) == answer(old, X)
    vars(old).update(classes_=np.array([0, 2, 1]))
    with pytest.raises(LoadError, match="labels other than"):
        mk.load(pickle.dumps(old))
    lgb = _lgb(lightgbm.LGBMRegressor).fit(X, NUMBERS)
    expected = answer(lgb, X)
    vars(lgb).update(_n_classes=None, _best_iteration=None)
    assert answer(mk.load(pickle.dumps(lgb)), X) == expected


# -- hostile -------------------------------------------------------------------------------------------------------


def _snapshot(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """A pickled booster of XGBoost with another model in it."""
    model = MODELS["xgboost"][0]().get_booster()
    state = model.__getstate__()
    inside = ubjson.parse(state["handle"])
    change(inside["Model"]["learner"]["gradient_booster"]["model"]["trees"][0])
    data = pickle.dumps(model)
    old, new = bytes(state["handle"]), ubjson.emit(inside)
    assert old in data
    # Of another length: the pickle is written anew by hand.
    return (
        b"\x80\x05cxgboost.core\nBooster\n)\x81}(X\x06\0\0\0handle\x96" + len(new).to_bytes(8, "little") + new + b"ub."
    )


@pytest.mark.parametrize("value", [10**9, -5, 0])
@pytest.mark.parametrize("field", ["left_children", "right_children", "split_indices", "parents"])
def test_trees_of_xgboost_that_lead_nowhere(field: str, value: int) -> None:
    assert mk.load(_snapshot(lambda tree: None)).num_boosted_rounds() == 4
    if (field, value) == ("split_indices", 0):
        value = 3

    def change(tree: dict[str, Any]) -> None:
        tree[field] = np.array(tree[field])
        tree[field][1 if field == "parents" else 0] = value if field != "parents" or value else 5

    with pytest.raises(LoadError):
        mk.load(_snapshot(change))


def _with_text(change: Callable[[str], str]) -> bytes:
    """A pickled booster of LightGBM with another model in it."""
    model = lightgbm.train({"verbose": -1, "min_child_samples": 3}, lightgbm.Dataset(X, BINARY), 3)
    state = {"best_iteration": 0, "best_score": {}, "params": {}, "_handle": change(model.model_to_string())}
    return b"\x80\x04clightgbm.basic\nBooster\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b."


@pytest.mark.parametrize("value", ["1000000000", "-1000000", "0"])
@pytest.mark.parametrize("field", ["left_child", "right_child", "split_feature"])
def test_trees_of_lightgbm_that_lead_nowhere(field: str, value: str) -> None:
    assert mk.load(_with_text(lambda text: text)).num_trees() == 3
    value = "3" if (field, value) == ("split_feature", "0") else value
    with pytest.raises(LoadError):
        read(_with_text(lambda text: re.sub(rf"\n{field}=-?\d+", f"\n{field}={value}", text, count=1)))


@pytest.mark.parametrize(
    "line", ["[top_rateD 0.2]", "top_rate: 0.2", "[top_rate]", "[]", "x", "[top_rate: 0.2", "[: ]"]
)
def test_parameters_of_lightgbm_that_are_none(line: str) -> None:
    with pytest.raises(LoadError, match="parameters"):
        read(_with_text(lambda text: text.replace("[top_rate: 0.2]", line)))


def test_mutants_are_refused_or_answer() -> None:
    rng, seen = np.random.RandomState(0), {"read": 0, "refused": 0}
    for name in ("xgboost", "lightgbm"):
        make, rows = MODELS[name]
        data = pickle.dumps(make())
        for _ in range(200):
            mutant = bytearray(data)
            for place in rng.randint(len(mutant), size=rng.randint(1, 4)):
                mutant[place] = rng.randint(256)
            try:
                found = read(bytes(mutant), on_drift="ignore")[0]
            except ModelkeepError:
                seen["refused"] += 1
                continue
            seen["read"] += 1
            try:
                answer(found, rows)
            except (ValueError, TypeError, AttributeError, xgboost.core.XGBoostError, lightgbm.basic.LightGBMError):
                continue  # it may say that it can't answer, and must not end the process
    assert min(seen.values()) > 10, seen
