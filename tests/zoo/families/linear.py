"""Linear models with a closed form or a solver of their own."""

from __future__ import annotations

import numpy as np
from sklearn import linear_model as lm

from zoo import data
from zoo.shelf import Pair, case, entry, known

_REGRESSORS = [
    lm.ARDRegression(max_iter=5),
    lm.BayesianRidge(max_iter=5, compute_score=True),
    lm.ElasticNet(alpha=0.1),
    lm.ElasticNetCV(alphas=5, cv=3, l1_ratio=[0.2, 0.8]),
    lm.HuberRegressor(),
    lm.Lars(),
    lm.LarsCV(cv=3, max_n_alphas=20),
    lm.Lasso(alpha=0.1),
    lm.LassoCV(alphas=5, cv=3),
    lm.LassoLars(alpha=0.05),
    lm.LassoLarsCV(cv=3, max_n_alphas=20),
    lm.LassoLarsIC(criterion="aic"),
    lm.LinearRegression(),
    lm.OrthogonalMatchingPursuit(),
    lm.OrthogonalMatchingPursuitCV(cv=3),
    lm.QuantileRegressor(quantile=0.7, solver="highs"),
    lm.RANSACRegressor(random_state=0, max_trials=10),
    lm.Ridge(),
    lm.RidgeCV(alphas=(0.1, 1.0, 10.0)),
    lm.TheilSenRegressor(random_state=0, max_subpopulation=60, max_iter=20),
]
_POSITIVE = [lm.GammaRegressor(max_iter=20), lm.PoissonRegressor(max_iter=20), lm.TweedieRegressor(max_iter=20)]
_MULTITASK = [
    lm.MultiTaskElasticNet(alpha=0.1),
    lm.MultiTaskElasticNetCV(alphas=5, cv=3),
    lm.MultiTaskLasso(alpha=0.1),
    lm.MultiTaskLassoCV(alphas=5, cv=3),
]
_CLASSIFIERS = [
    lm.LogisticRegression(),
    known(lm.LogisticRegressionCV, Cs=3, cv=3, use_legacy_attributes=False, scoring="neg_log_loss"),
    lm.RidgeClassifier(),
    lm.RidgeClassifierCV(alphas=(0.1, 1.0)),
]

for _model in _REGRESSORS:
    entry(type(_model).__name__, _model, data.regression)
for _model in _POSITIVE:
    entry(type(_model).__name__, _model, data.positive)
for _model in _MULTITASK:
    entry(type(_model).__name__, _model, data.targets)
for _model in _CLASSIFIERS:
    entry(type(_model).__name__, _model, data.classes)

entry("LinearRegression(positive)", lm.LinearRegression(positive=True), data.regression)
entry("LinearRegression(three targets)", lm.LinearRegression(), data.targets)
entry("LinearRegression(sparse)", lm.LinearRegression(), data.sparse_regression)
entry("Ridge(sag, sparse)", lm.Ridge(solver="sag", random_state=0), data.sparse_regression)
entry("Ridge(svd, three targets)", lm.Ridge(solver="svd", alpha=[0.1, 1.0, 2.0]), data.targets)
entry("Ridge(lsqr, no intercept)", lm.Ridge(solver="lsqr", fit_intercept=False), data.regression)
entry("X:RidgeCV(scorer)", lm.RidgeCV(alphas=[0.1, 1.0], scoring="neg_mean_squared_error", cv=3), data.regression)
entry("RidgeCV(stored cv results)", lm.RidgeCV(store_cv_results=True), data.targets)
entry("X:Lasso sparse", lm.Lasso(alpha=0.5), data.sparse_regression)
entry("Lasso(warm start, positive)", lm.Lasso(alpha=0.1, warm_start=True, positive=True), data.regression)
entry("LassoLars(positive)", lm.LassoLars(alpha=0.05, positive=True, jitter=0.001, random_state=2), data.regression)
entry("LassoLars(three targets)", lm.LassoLars(alpha=0.05), data.targets)
entry("ElasticNet(random selection)", lm.ElasticNet(alpha=0.1, selection="random", random_state=3), data.regression)
entry("TweedieRegressor(power 1.5)", lm.TweedieRegressor(power=1.5, link="log", max_iter=20), data.positive)
entry("TweedieRegressor(power 3)", lm.TweedieRegressor(power=3, max_iter=20), data.positive)
entry("PoissonRegressor(newton)", lm.PoissonRegressor(solver="newton-cholesky"), data.positive)
entry("BayesianRidge(float32)", lm.BayesianRidge(max_iter=5), data.single_regression)
entry("LogisticRegression(binary)", lm.LogisticRegression(C=0.3), data.binary)
entry("LogisticRegression(words)", lm.LogisticRegression(), data.words)
entry("LogisticRegression(l1, saga)", lm.LogisticRegression(l1_ratio=1.0, solver="saga", random_state=0), data.classes)
entry("LogisticRegression(liblinear)", lm.LogisticRegression(solver="liblinear", random_state=0), data.binary)
entry("LogisticRegression(newton-cg)", lm.LogisticRegression(solver="newton-cg", C=np.inf), data.classes)
entry("LogisticRegression(balanced)", lm.LogisticRegression(class_weight="balanced"), data.classes)
entry("LogisticRegression(weights)", lm.LogisticRegression(class_weight={0: 1, 1: 2.5, 2: np.float32(3)}), data.classes)
entry("LogisticRegression(sparse array)", lm.LogisticRegression(), data.sparse_array)
entry("LogisticRegression(float32)", lm.LogisticRegression(), data.single)
entry("LogisticRegression(frame)", lm.LogisticRegression(), data.numbers_frame)
entry(
    "X:LogisticRegressionCV",
    known(
        lm.LogisticRegressionCV, Cs=[0.1, 1.0], l1_ratios=(0.0, 0.5), cv=2, solver="saga", random_state=0, max_iter=30,
        use_legacy_attributes=True, scoring="accuracy",
    ),
    data.classes,
)  # fmt: skip
entry("RidgeClassifier(labels)", lm.RidgeClassifier(), data.labels)
entry(
    "X:RANSAC",
    lm.RANSACRegressor(lm.Ridge(), min_samples=8, loss="squared_error", random_state=1, max_trials=8),
    data.regression,
)
entry("RANSAC(three targets)", lm.RANSACRegressor(random_state=0, max_trials=5), data.targets)
entry("HuberRegressor(warm start)", lm.HuberRegressor(warm_start=True, epsilon=1.6), data.regression)


@case("LogisticRegression(sparsified)")
def sparsified() -> Pair:
    X, y, rows = data.classes()
    return lm.LogisticRegression(l1_ratio=1.0, solver="saga", C=0.05, random_state=0).fit(X, y).sparsify(), rows


@case("LogisticRegression(sample weight)")
def weighted() -> Pair:
    X, y, rows = data.classes()
    return lm.LogisticRegression().fit(X, y, sample_weight=np.linspace(0.1, 2, len(y))), rows


@case("LinearRegression(degenerate)")
def degenerate() -> Pair:
    X, y, rows = data.regression()
    X[:, 2] = X[:, 1]
    return lm.LinearRegression().fit(X, y), rows
