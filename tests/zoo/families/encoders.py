"""Encoders of categories and labels: unknown, infrequent and missing ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import preprocessing as pp

from zoo import data
from zoo.shelf import Pair, Sample, case, entry


def _inputs(source: object) -> object:
    def made() -> Sample:
        X, _, rows = source()  # type: ignore[operator]
        return X, None, rows

    return made


_SEEN = _inputs(data.known_categories)
_ALL = _inputs(data.categories)


def nan_objects() -> Sample:
    X = np.array([["a", 1], [np.nan, 2], ["b", np.nan], ["a", 2], [np.nan, 1]], dtype=object)
    return X, None, X[::-1].copy()


def none_objects() -> Sample:
    X = np.array([["a", 1], [None, 2], ["b", 3], ["a", 2], [None, 1]], dtype=object)
    return X, None, X[::-1].copy()


entry("OneHotEncoder", pp.OneHotEncoder(), _SEEN)
entry("X:OneHot(strings)", pp.OneHotEncoder(handle_unknown="ignore", sparse_output=False), _ALL)
entry("X:OneHot(object mixed None)", pp.OneHotEncoder(), none_objects)
entry("X:OneHot(nan object)", pp.OneHotEncoder(handle_unknown="ignore"), nan_objects)
entry(
    "OneHot(infrequent)",
    pp.OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=6, max_categories=3),
    _ALL,
)
entry("OneHot(infrequent share)", pp.OneHotEncoder(handle_unknown="warn", min_frequency=0.2), _ALL)
entry("OneHot(drop first)", pp.OneHotEncoder(drop="first", handle_unknown="ignore", dtype=np.float32), _ALL)
entry("OneHot(drop if binary)", pp.OneHotEncoder(drop="if_binary", sparse_output=False), _SEEN)
entry("OneHot(drop given)", pp.OneHotEncoder(drop=np.array(["green", "m"], dtype=object)), _SEEN)
entry(
    "OneHot(given categories)",
    pp.OneHotEncoder(
        categories=[["red", "green", "blue", "teal", "rose"], ["s", "m", "l", "xl"]], handle_unknown="ignore"
    ),
    _ALL,
)
entry("OneHot(ints)", pp.OneHotEncoder(dtype=np.int32, sparse_output=False), _inputs(data.codes))
entry(
    "OneHot(fixed-width strings)",
    pp.OneHotEncoder(handle_unknown="ignore"),
    lambda: (data.categories()[0].astype(str), None, data.categories()[2].astype(str)),
)
entry(
    "OneHot(pandas out)",
    pp.OneHotEncoder(sparse_output=False, handle_unknown="ignore").set_output(transform="pandas"),
    lambda: (data.frame()[0][["size", "colour"]], None, data.frame()[2][["size", "colour"]]),
)
entry(
    "OneHot(string dtype)",
    pp.OneHotEncoder(handle_unknown="ignore"),
    lambda: (data.frame()[0][["city", "size"]], None, data.frame()[2][["city", "size"]]),
)
entry("OrdinalEncoder", pp.OrdinalEncoder(), _SEEN)
entry("X:OrdinalEncoder(ints)", pp.OrdinalEncoder(dtype=np.int64), _inputs(data.codes))
entry(
    "OrdinalEncoder(unknown)",
    pp.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    nan_objects,
)
entry(
    "OrdinalEncoder(unknown nan, infrequent)",
    pp.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, min_frequency=5),
    _ALL,
)
entry(
    "OrdinalEncoder(nullable frame)",
    pp.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    lambda: (data.frame()[0][["city", "member", "visits"]], None, data.frame()[2][["city", "member", "visits"]]),
)
entry("TargetEncoder", pp.TargetEncoder(random_state=0), data.categories)
entry(
    "X:TargetEncoder",
    pp.TargetEncoder(smooth=2.0, cv=3, random_state=np.random.RandomState(1)),
    data.relabelled(data.categories, ["low", "middle", "high"]),
)
entry(
    "TargetEncoder(continuous)",
    pp.TargetEncoder(target_type="continuous", random_state=0),
    lambda: (data.categories()[0], np.linspace(-1, 1, 60), data.categories()[2]),
)


@case("LabelEncoder")
def labels() -> Pair:
    return pp.LabelEncoder().fit([3, 1, 4, 1, 5]), np.array([5, 3, 1])


@case("X:LabelEncoder(str)")
def words() -> Pair:
    return pp.LabelEncoder().fit(np.array(["b", "a", "ç"], dtype=object)), ["ç", "a"]


@case("LabelBinarizer")
def binarizer() -> Pair:
    return pp.LabelBinarizer(neg_label=-1).fit(["yes", "no", "perhaps"]), ["no", "yes"]


@case("LabelBinarizer(sparse, multi-label)")
def binarizer_sparse() -> Pair:
    return pp.LabelBinarizer(sparse_output=True).fit(np.array([[0, 1], [1, 0], [1, 1]])), np.array([[1, 0]])


@case("MultiLabelBinarizer")
def multilabel() -> Pair:
    return pp.MultiLabelBinarizer().fit([("a", "b"), ("c",), ()]), [("b",), ("a", "c")]


@case("MultiLabelBinarizer(given classes)")
def multilabel_given() -> Pair:
    return pp.MultiLabelBinarizer(classes=[3, 1, 2], sparse_output=True).fit([[1], [2, 3]]), [[1, 3], [2]]


@case("OneHot(booleans)")
def booleans() -> Pair:
    X = pd.DataFrame({"flag": [True, False, True], "kind": pd.Categorical([2, 1, 2])})
    return pp.OneHotEncoder().fit(X), X
