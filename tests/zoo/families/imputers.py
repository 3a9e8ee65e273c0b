"""Imputers and indicators of missing values."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import BayesianRidge

from zoo import data
from zoo.shelf import Pair, case, entry

entry("SimpleImputer", SimpleImputer(), data.holes)
for _strategy in ("median", "most_frequent", "constant"):
    entry(f"SimpleImputer({_strategy})", SimpleImputer(strategy=_strategy, add_indicator=True), data.holes)
entry("SimpleImputer(callable)", SimpleImputer(strategy=np.mean), data.holes)
entry("KNNImputer", KNNImputer(n_neighbors=3), data.holes)
entry("X:KNNImputer", KNNImputer(weights="distance", add_indicator=True), data.holes)
entry("IterativeImputer", IterativeImputer(max_iter=2, random_state=0), data.holes)
entry(
    "X:IterativeImputer",
    IterativeImputer(
        BayesianRidge(),
        max_iter=2,
        sample_posterior=True,
        add_indicator=True,
        n_nearest_features=3,
        random_state=np.random.RandomState(0),
    ),
    data.holes,
)
entry(
    "IterativeImputer(trees)",
    IterativeImputer(ExtraTreesRegressor(3, random_state=0), max_iter=1, min_value=-5, max_value=5, random_state=0),
    data.holes,
)
entry("MissingIndicator", MissingIndicator(), data.holes)
entry("X:MissingIndicator", MissingIndicator(features="all", sparse=True), data.holes)


@case("X:SimpleImputer(str)")
def words() -> Pair:
    X = np.array([["a", "x"], [None, "y"], ["a", None]], dtype=object)
    model = SimpleImputer(missing_values=None, strategy="constant", fill_value="nothing")
    return model.fit(X), X


@case("SimpleImputer(most frequent words)")
def frequent() -> Pair:
    X = pd.DataFrame({"kind": ["a", np.nan, "a", "b"], "size": ["s", "s", None, "m"]}, dtype=object)
    return SimpleImputer(strategy="most_frequent").fit(X), X


@case("SimpleImputer(ints, -1)")
def integers() -> Pair:
    X, _, rows = data.codes()
    return SimpleImputer(missing_values=2, strategy="median").fit(X), rows


@case("SimpleImputer(empty column)")
def empty() -> Pair:
    X, _, rows = data.holes()
    X[:, 1] = np.nan
    return SimpleImputer(keep_empty_features=True).fit(X), rows


@case("SimpleImputer(sparse)")
def sparse() -> Pair:
    import scipy.sparse as sp

    X = sp.csc_matrix(np.array([[1.0, 0], [np.nan, 2], [0, 4]]))
    return SimpleImputer().fit(X), X


@case("SimpleImputer(pandas NA)")
def nullable() -> Pair:
    X, _, rows = data.frame()
    return SimpleImputer(strategy="mean").fit(X[["age", "visits"]]), rows[["age", "visits"]]
