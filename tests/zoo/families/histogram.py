"""Histogram gradient boosting: categories, missing values, early stopping, constraints, losses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, make_scorer

from zoo import data
from zoo.shelf import Pair, case, entry

_SMALL = {"max_iter": 5, "min_samples_leaf": 5, "random_state": 0}

entry("HistGradientBoostingClassifier", HistGradientBoostingClassifier(**_SMALL), data.classes)
entry("HistGradientBoostingRegressor", HistGradientBoostingRegressor(**_SMALL), data.regression)
for _loss in ("squared_error", "absolute_error", "gamma", "poisson"):
    entry(f"X:HGBR({_loss})", HistGradientBoostingRegressor(loss=_loss, **_SMALL), data.positive)
entry("X:HGBR(quantile)", HistGradientBoostingRegressor(loss="quantile", quantile=0.7, **_SMALL), data.regression)
entry("HGBC(binary)", HistGradientBoostingClassifier(**_SMALL), data.binary)
entry("HGBC(words)", HistGradientBoostingClassifier(**_SMALL), data.words)
entry("HGBC(missing)", HistGradientBoostingClassifier(**_SMALL), data.missing)
entry("HGBR(missing)", HistGradientBoostingRegressor(**_SMALL), data.missing_regression)
entry("HGBC(balanced)", HistGradientBoostingClassifier(class_weight="balanced", **_SMALL), data.classes)
entry("HGBR(monotonic)", HistGradientBoostingRegressor(monotonic_cst=[1, 0, -1, 0, 0], **_SMALL), data.regression)
entry(
    "HGBR(monotonic by name)",
    HistGradientBoostingRegressor(monotonic_cst={"x0": 1, "x3": -1}, **_SMALL),
    data.regression_frame,
)
entry(
    "HGBR(interactions)", HistGradientBoostingRegressor(interaction_cst=[{0, 1}, {2, 3, 4}], **_SMALL), data.regression
)
entry(
    "HGBR(pairwise)",
    HistGradientBoostingRegressor(interaction_cst="pairwise", max_leaf_nodes=5, **_SMALL),
    data.regression,
)
entry("HGBR(max_features)", HistGradientBoostingRegressor(max_features=0.5, **_SMALL), data.regression)
entry("HGBR(float32)", HistGradientBoostingRegressor(**_SMALL), data.single_regression)
entry("HGBR(few bins)", HistGradientBoostingRegressor(max_bins=7, l2_regularization=1.0, **_SMALL), data.regression)
entry(
    "HGBC(early)",
    HistGradientBoostingClassifier(early_stopping=True, n_iter_no_change=2, validation_fraction=0.25, **_SMALL),
    data.classes,
)
entry("HGBC(early, loss)", HistGradientBoostingClassifier(early_stopping=True, scoring="loss", **_SMALL), data.binary)
entry(
    "X:HGBC(early,scorer)",
    HistGradientBoostingClassifier(early_stopping=True, scoring=make_scorer(accuracy_score), **_SMALL),
    data.binary,
)
entry(
    "HGBC(RandomState)",
    HistGradientBoostingClassifier(max_iter=3, max_features=0.5, random_state=np.random.RandomState(1)),
    data.classes,
)
entry("X:HGBC(multi,cat)", HistGradientBoostingClassifier(categorical_features=[0, 2], **_SMALL), data.codes)
entry(
    "HGBC(category mask)",
    HistGradientBoostingClassifier(categorical_features=[True, False, True], **_SMALL),
    data.codes,
)


def _table() -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    X, y, _ = data.frame()
    table = X[["age", "income", "size"]].copy()
    table["city"] = X["city"].astype("category")
    rows = table.iloc[:15].copy()
    rows.loc[rows.index[0], "city"] = None
    return table, y, rows


entry("X:HGBC(from_dtype,pandas)", HistGradientBoostingClassifier(categorical_features="from_dtype", **_SMALL), _table)
entry(
    "HGBC(category by name)",
    HistGradientBoostingClassifier(categorical_features=["city"], **_SMALL),
    lambda: (_table()[0][["age", "city"]], _table()[1], _table()[2][["age", "city"]]),
)


@case("HGBR(warm start)")
def warm() -> Pair:
    X, y, rows = data.regression()
    model = HistGradientBoostingRegressor(max_iter=2, warm_start=True, random_state=0, min_samples_leaf=5).fit(X, y)
    return model.set_params(max_iter=4).fit(X, y), rows


@case("HGBC(many categories)")
def many_categories() -> Pair:
    """Sixty categories: the bit sets of the splits use more than one word."""
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randint(0, 60, 400), rng.rand(400)])
    y = (X[:, 0] % 3 == 0).astype(np.int64)
    model = HistGradientBoostingClassifier(categorical_features=[0], max_iter=4, random_state=0)
    rows = np.column_stack([np.r_[np.arange(60), np.nan, 61], np.full(62, 0.5)])
    return model.fit(X, y), rows


@case("HGBR(infinite values)")
def infinite() -> Pair:
    X, y, rows = data.regression()
    X[::7, 0], rows[::5, 0] = np.inf, -np.inf
    return HistGradientBoostingRegressor(**_SMALL).fit(X, y), rows
