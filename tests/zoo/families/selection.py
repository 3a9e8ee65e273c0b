"""Feature selection."""

from __future__ import annotations

import functools

import numpy as np
from sklearn import feature_selection as fs
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from zoo import data
from zoo.shelf import REFUSED, Pair, case, entry

entry("GenericUnivariateSelect", fs.GenericUnivariateSelect(mode="fpr", param=0.2), data.classes)
entry("SelectFdr", fs.SelectFdr(alpha=0.3), data.classes)
entry("SelectFpr", fs.SelectFpr(alpha=0.3), data.classes)
entry("SelectFwe", fs.SelectFwe(alpha=0.3), data.classes)
entry("SelectKBest", fs.SelectKBest(k=3), data.classes)
entry("SelectPercentile", fs.SelectPercentile(percentile=40), data.classes)
entry("VarianceThreshold", fs.VarianceThreshold(0.5), data.features)
entry("VarianceThreshold(sparse)", fs.VarianceThreshold(), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry("SelectKBest(chi2)", fs.SelectKBest(fs.chi2, k=2), data.counts)
entry("SelectKBest(mutual_info_classif)", fs.SelectKBest(fs.mutual_info_classif, k=2), data.classes)
entry("SelectKBest(f_regression)", fs.SelectKBest(fs.f_regression, k=2), data.regression)
entry("SelectKBest(r_regression)", fs.SelectKBest(fs.r_regression, k=2), data.regression)
entry("SelectPercentile(mutual_info_regression)", fs.SelectPercentile(fs.mutual_info_regression), data.regression)
entry(
    "X:SelectKBest(partial)",
    fs.SelectKBest(functools.partial(fs.mutual_info_classif, random_state=0), k=3),
    data.classes,
)
entry("SelectKBest(pandas out)", fs.SelectKBest(k=2).set_output(transform="pandas"), data.numbers_frame)
entry("SelectFromModel", fs.SelectFromModel(LogisticRegression()), data.classes)
entry(
    "SelectFromModel(median, forest)",
    fs.SelectFromModel(ExtraTreesClassifier(5, random_state=0), threshold="1.2*median"),
    data.classes,
)
entry(
    "SelectFromModel(max features)",
    fs.SelectFromModel(Lasso(0.01), max_features=2, threshold=-np.inf, importance_getter="coef_", norm_order=2),
    data.regression,
)
entry("RFE", fs.RFE(LogisticRegression(), n_features_to_select=3), data.classes)
entry("RFE(share)", fs.RFE(Ridge(), n_features_to_select=0.5, step=2), data.regression)
entry("RFECV", fs.RFECV(LogisticRegression(), cv=2), data.classes)
entry(
    "X:RFECV",
    fs.RFECV(
        DecisionTreeClassifier(random_state=0),
        cv=2,
        min_features_to_select=2,
        scoring="balanced_accuracy",
        importance_getter="feature_importances_",
    ),
    data.numbers_frame,
)
entry(
    "SequentialFeatureSelector",
    fs.SequentialFeatureSelector(KNeighborsClassifier(2), n_features_to_select=2, cv=2),
    data.binary,
)
entry(
    "SequentialFeatureSelector(backward)",
    fs.SequentialFeatureSelector(
        LogisticRegression(), direction="backward", n_features_to_select=4, cv=2, scoring="roc_auc"
    ),
    data.binary,
)


@case("SelectFromModel(prefit)")
def prefit() -> Pair:
    X, y, rows = data.classes()
    forest = RandomForestClassifier(4, random_state=0).fit(X, y)
    return fs.SelectFromModel(forest, prefit=True, threshold="mean").fit(X), rows


@case("X:SelectFromModel(callable)", REFUSED)
def callable_limit() -> Pair:
    X, y, rows = data.classes()
    return fs.SelectFromModel(LogisticRegression(), max_features=lambda X: X.shape[1] // 2).fit(X, y), rows
