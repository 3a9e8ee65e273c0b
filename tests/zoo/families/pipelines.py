"""Pipelines, unions, and column transformers over tables of every dtype."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from zoo import data
from zoo.shelf import Pair, Sample, case, entry

_NUMBERS = ["age", "income", "visits"]
_WORDS = ["city", "size", "colour", "street"]


def _mixed(**options: object) -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("numbers", numbers, _NUMBERS), ("words", words, _WORDS)], **options)


entry("Pipeline", Pipeline([("scaler", StandardScaler()), ("final_estimator", Ridge())]), data.regression)
entry("Pipeline#1", Pipeline([("scaler", StandardScaler()), ("final_estimator", LogisticRegression())]), data.classes)
entry("Pipeline(passthrough)", Pipeline([("a", "passthrough"), ("b", None), ("c", PCA(2))]), data.features)
entry(
    "Pipeline(nested)",
    make_pipeline(make_pipeline(StandardScaler(), PCA(3)), SelectKBest(k=2), KNeighborsClassifier(3)),
    data.words,
)
entry(
    "X:Pipeline(set_output,polars-free)",
    make_pipeline(StandardScaler(), PCA(3)).set_output(transform="pandas"),
    data.numbers_frame,
)
entry("FeatureUnion", FeatureUnion([("trans1", StandardScaler())]), data.features)
entry(
    "X:FeatureUnion",
    FeatureUnion(
        [("pca", PCA(2)), ("best", SelectKBest(k=2)), ("raw", "passthrough"), ("gone", "drop")],
        transformer_weights={"pca": 0.5, "raw": 2},
    ),
    data.classes,
)
entry(
    "FeatureUnion(texts)",
    make_pipeline(
        make_union(TfidfVectorizer(), CountVectorizer(analyzer="char", ngram_range=(2, 2))),
        TruncatedSVD(3, random_state=0),
        LogisticRegression(),
    ),
    data.texts,
)
entry(
    "FeatureUnion(pandas out)",
    FeatureUnion([("scaled", StandardScaler()), ("pca", PCA(2))]).set_output(transform="pandas"),
    data.numbers_frame,
)

entry("ColumnTransformer", ColumnTransformer([("trans1", StandardScaler(), [0, 1])]), data.features)
entry("X:ColumnTransformer(pandas)", _mixed(), data.frame)
entry("ColumnTransformer(classifier)", make_pipeline(_mixed(), LogisticRegression(max_iter=500)), data.frame)
entry(
    "ColumnTransformer(pandas out)", _mixed(verbose_feature_names_out=False).set_output(transform="pandas"), data.frame
)
entry("ColumnTransformer(passthrough)", _mixed(remainder="passthrough").set_output(transform="pandas"), data.frame)
entry(
    "ColumnTransformer(remainder estimator)",
    _mixed(remainder=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
    data.frame,
)
entry(
    "ColumnTransformer(weights, sparse)",
    ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("size", OneHotEncoder(), [5]),
            ("none", StandardScaler(), []),
        ],
        transformer_weights={"words": 0.5},
        sparse_threshold=1.0,
        verbose_feature_names_out="{transformer_name}|{feature_name}",
    ),
    data.frame,
)
entry(
    "X:ColumnTransformer(selector,slice)",
    make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include=np.number, pattern="^petal [0-3]")),
        (PCA(1), slice("petal 4", "petal 5")),
    ),
    data.numbers_frame,
)
entry(
    "ColumnTransformer(slices)",
    ColumnTransformer(
        [("a", StandardScaler(), slice(0, 2)), ("b", "passthrough", slice(-2, None)), ("c", "drop", [2])]
    ),
    data.features,
)
entry(
    "ColumnTransformer(mask)",
    ColumnTransformer(
        [("a", StandardScaler(), np.array([True, False, True, False, False, False])), ("b", PCA(1), [3, 4])]
    ),
    data.features,
)
entry(
    "ColumnTransformer(selectors by dtype)",
    make_column_transformer(
        (SimpleImputer(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=["category", object])),
        remainder="drop",
    ),
    data.frame,
)
entry(
    "ColumnTransformer(boosted)",
    make_pipeline(
        ColumnTransformer(
            [("code", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), _WORDS)],
            remainder="passthrough",
        ),
        HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5, random_state=0),
    ),
    lambda: (data.frame()[0][["age", "income", *_WORDS]], data.frame()[1], data.frame()[2][["age", "income", *_WORDS]]),
)


def reviews() -> Sample:
    texts, y, _ = data.texts()
    table = pd.DataFrame({"text": texts, "stars": np.arange(len(y)) % 5, "seen": pd.array(y > 0, dtype="boolean")})
    return table, y, table.iloc[::3].copy()


entry(
    "ColumnTransformer(text column)",
    make_pipeline(
        ColumnTransformer([("text", TfidfVectorizer(), "text"), ("stars", StandardScaler(), ["stars"])]),
        RandomForestClassifier(4, random_state=0),
    ),
    reviews,
)
entry(
    "ColumnTransformer(arrow strings)",
    ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])]),
    lambda: (
        data.frame()[0].astype({"city": "string[pyarrow]"}),
        None,
        data.frame()[2].astype({"city": "string[pyarrow]"}),
    ),
)
entry(
    "ColumnTransformer(integer names)",
    ColumnTransformer([("a", StandardScaler(), [2, 0])]),
    lambda: (pd.DataFrame(data.features()[0]), None, pd.DataFrame(data.features()[2])),
)


@case("Pipeline(steps shared)")
def shared() -> Pair:
    """One scaler object used by two branches, as Python allows."""
    X, _, rows = data.classes()
    scaler = StandardScaler().fit(X)
    model = Pipeline([("first", scaler), ("second", scaler), ("last", FunctionTransformer(np.abs))])
    return model, rows


@case("X:Pipeline(memory=path)")
def cached() -> Pair:
    X, y, rows = data.classes()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    return model.set_params(memory="models/cache"), rows


@case("X:Pipeline(memory=joblib)")
def cached_by_joblib() -> Pair:
    import joblib

    X, y, rows = data.classes()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    return model.set_params(memory=joblib.Memory(None)), rows
