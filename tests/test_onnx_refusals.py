"""Rows that a model refuses are refused by its ONNX file too, which could answer them and would be wrong."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier

import modelkeep as mk
from modelkeep.errors import ExportError, GraphError, UsageError
from modelkeep.formats.onnx.write import model_bytes
from modelkeep.predictors.onnx import OnnxModel

NOT_A_NUMBER, VAST = np.array([[1.0, np.nan]]), np.array([[np.inf, 1.0]])


def read_of(model, sample):
    return OnnxModel(model_bytes(model, sample, {}))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_what_the_model_refuses_the_file_refuses(dtype):
    rows = np.array([[1, 2], [3, 4], [5, 7]], dtype=dtype)
    for sample in (rows, rows.tolist()):
        read = read_of(LogisticRegression().fit(rows, [0, 1, 1]), sample)
        for method in read.methods:
            with pytest.raises(UsageError, match="takes no missing numbers, and 'X' has one in row 1") as caught:
                getattr(read, method)(np.vstack([rows[:1], NOT_A_NUMBER]))
            assert "for the model itself" in caught.value.hint
            with pytest.raises(UsageError, match="takes no infinite numbers"):
                getattr(read, method)(VAST)
    assert read_of(HistGradientBoostingClassifier().fit(rows, [0, 1, 1]), rows).predict(NOT_A_NUMBER).shape == (1,)


def test_each_column_is_asked_about_by_itself():
    frame = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0], "b": [1, 2, 3, 5], "c": list("xyxy")})
    steps = ColumnTransformer(
        [("fill", SimpleImputer(), ["a"]), ("word", OneHotEncoder(), ["c"])], remainder="passthrough"
    )
    model = make_pipeline(steps, LogisticRegression()).fit(frame, [0, 1, 0, 1])
    read = read_of(model, frame)
    assert json.loads(read.metadata["modelkeep.refuses"]) == {"missing": ["b"], "infinite": True}
    assert read.predict(frame).tolist() == model.predict(frame).tolist()
    with pytest.raises(UsageError, match="the column 'b' has one in row 3"):
        read.predict(frame.assign(b=[1, 2, 3, np.nan]))


@pytest.mark.parametrize(
    "told", ["[", "[]", '{"other": true}', '{"missing": 1}', '{"missing": [-1]}', '{"missing": [0, "a"]}']
)
def test_odd_words_of_what_is_refused(told):
    rows = np.eye(2)
    made = onnx.load_from_string(model_bytes(LogisticRegression().fit(rows, [0, 1]), rows, {}))
    next(each for each in made.metadata_props if each.key == "modelkeep.refuses").value = told
    with pytest.raises(GraphError, match=r"modelkeep\.refuses"):
        OnnxModel(made.SerializeToString())


def test_names_that_xgboost_cuts_short_are_refused(tmp_path):
    words = pd.Categorical(["ash", "b\u00e9ech", "oak"] * 20)
    frame = pd.DataFrame({"word": words, "number": np.arange(60.0)})
    model = XGBClassifier(n_estimators=3, enable_categorical=True).fit(frame, words.codes == 1)
    with pytest.raises(ExportError, match="cut short"):
        model_bytes(model, frame, {})
    mk.export(model, tmp_path / "m.ubj", sample=frame)
    assert mk.load(tmp_path / "m.ubj").predict(frame).tolist() == model.predict(frame).tolist()
