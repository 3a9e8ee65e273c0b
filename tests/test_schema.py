"""The schema: names, order, dtypes, shapes, categories and missing values, as JSON without floats."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from modelkeep import probe, schema
from modelkeep.schema import Column, Output, Schema, missing_columns

X, Y = load_iris(return_X_y=True)


def _of(model: Any, sample: Any) -> Schema:
    found = schema.of(model, sample, probe.record(model, sample).outputs())
    text = json.dumps(found.as_dict(), allow_nan=False)
    assert Schema.from_dict(json.loads(text, parse_float=_no_float)) == found
    return found


def _no_float(text: str) -> float:
    raise AssertionError(f"a float: {text}")


def _frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [20, 30, 40, 50] * 5,
            "income": [1.5, np.nan, 3.0, 4.0] * 5,
            "visits": pd.array([1, None, 2, 3] * 5, dtype="Int64"),
            "city": ["Oslo", "Bergen", "Oslo", "Oslo"] * 5,
            "size": pd.Categorical(["S", "L", "M", "S"] * 5, categories=["S", "M", "L"], ordered=True),
            "level": pd.Categorical([0.5, 1.5, 0.5, 0.5] * 5),
        }
    )


def _mixed() -> Any:
    columns = ColumnTransformer(
        [
            ("filled", make_pipeline(SimpleImputer(), StandardScaler()), ["income", "visits"]),
            ("scaled", StandardScaler(), ["age"]),
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("ordered", OrdinalEncoder(), ["size", "level"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(_frame(), [0, 1, 1, 0] * 5)


def test_a_table_has_its_columns_in_order_with_dtypes_categories_and_gaps() -> None:
    found = _of(_mixed(), _frame())
    assert found.kind == "table"
    assert found.shape == (None, 6)
    assert found.columns == (
        Column("age", "int64", missing=False),
        Column("income", "float64", missing=True),
        Column("visits", "Int64", missing=True),
        Column("city", "str", missing=True),
        Column("size", "category", False, ("S", "M", "L"), 3, "str", ordered=True),
        Column("level", "category", False, ("0.5", "1.5"), 2, "float64", ordered=False),
    )
    assert found.missing is True
    assert found.classes == (0, 1)
    assert found.outputs["predict"] == Output("array", "int64", (None,))
    assert found.outputs["predict_proba"] == Output("array", "float64", (None, 2))


def test_an_array_and_a_model_without_a_sample() -> None:
    names = load_iris().target_names
    model = LogisticRegression(max_iter=999).fit(X, names[Y])
    found = _of(model, X.astype(np.float32))
    assert (found.kind, found.dtype, found.shape, found.missing) == ("array", "float32", (None, 4), False)
    assert found.classes == ("setosa", "versicolor", "virginica")
    assert _of(model, None).shape == (None, 4)
    named = _of(LogisticRegression(max_iter=999).fit(pd.DataFrame(X, columns=list("abcd")), Y), None)
    assert [column.name for column in named.columns or ()] == list("abcd")
    assert _of(object(), None) == Schema("unknown")


def test_texts_records_sparse_and_several_outputs() -> None:
    counts = CountVectorizer().fit(["one two", "three"])
    found = _of(counts, ["one two", "three"])
    assert found.kind == "text"
    assert found.outputs["transform"] == Output("sparse", "int64", (None, 3))
    assert _of(counts, pd.Series(["one two"])).kind == "text"
    assert _of(counts, np.array(["one two"])).kind == "text"
    forest = RandomForestClassifier(3).fit(sparse.csr_array(X), np.column_stack([Y, Y > 0]))
    several = _of(forest, sparse.csr_array(X))
    assert (several.kind, several.dtype, several.shape) == ("sparse", "float64", (None, 4))
    assert several.outputs["predict_proba"].items == (
        Output("array", "float64", (None, 3)),
        Output("array", "float64", (None, 2)),
    )
    assert several.classes == ((0, 1, 2), (0, 1))
    assert schema.of(None, [{"a": 1}], {}).kind == "records"


def test_many_categories_are_counted_not_listed() -> None:
    frame = pd.DataFrame({"id": pd.Categorical([f"id {i}" for i in range(1500)])})
    column = (schema.of(None, frame, {}).columns or ())[0]
    assert column.categories is None
    assert column.category_count == 1500


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (LogisticRegression(max_iter=999), False),
        (HistGradientBoostingClassifier(max_iter=2), True),
        (make_pipeline(StandardScaler(), LogisticRegression(max_iter=999)), False),
        (make_pipeline(StandardScaler(), SimpleImputer(), LogisticRegression(max_iter=999)), True),
        (make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=2)), True),
        (GridSearchCV(make_pipeline(SimpleImputer(), LogisticRegression(max_iter=999)), {}), True),
        (StandardScaler(), True),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), True),
        (OneHotEncoder(), False),
    ],
)
def test_missing_is_what_the_model_really_takes(model: Any, expected: bool) -> None:
    model.fit(X, Y)
    assert missing_columns(model) == dict.fromkeys(range(4), expected)
    gap = X[:5].copy()
    gap[0, 0] = np.nan
    call = model.predict if hasattr(model, "predict") else model.transform
    if expected:
        call(gap)
    else:
        with pytest.raises(ValueError, match=r"NaN|nan"):
            call(gap)


def test_a_plain_object_says_nothing_about_gaps() -> None:
    assert missing_columns(object()) is None
