"""Naive Bayes, discriminant analysis, mixtures, covariance, dummies, isotonic regression."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import covariance as cv
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from zoo import data
from zoo.shelf import Pair, case, entry

entry("GaussianNB", GaussianNB(), data.classes)
entry("MultinomialNB", MultinomialNB(), data.counts)
entry("MultinomialNB(sparse, priors)", MultinomialNB(alpha=0.1, class_prior=[0.2, 0.5, 0.3]), data.sparse)
entry("BernoulliNB", BernoulliNB(binarize=1.0), data.counts)
entry("CategoricalNB", CategoricalNB(min_categories=4), data.codes)
entry("ComplementNB", ComplementNB(norm=True), data.counts)
entry("LinearDiscriminantAnalysis", LinearDiscriminantAnalysis(), data.classes)
entry(
    "LDA(eigen, shrinkage)", LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=1), data.classes
)
entry(
    "LDA(lsqr, estimator)",
    LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=cv.LedoitWolf()),
    data.classes,
)
entry(
    "QuadraticDiscriminantAnalysis", QuadraticDiscriminantAnalysis(store_covariance=True, reg_param=0.1), data.classes
)

entry("GaussianMixture", GaussianMixture(2, max_iter=10, random_state=0), data.points)
for _type in ("tied", "diag", "spherical"):
    _name = "X:GMM" if _type == "diag" else f"GMM({_type})"
    entry(_name, GaussianMixture(3, covariance_type=_type, max_iter=10, random_state=0), data.points)
entry("BayesianGaussianMixture", BayesianGaussianMixture(n_components=2, max_iter=10, random_state=0), data.points)
entry(
    "X:BGMM",
    BayesianGaussianMixture(
        n_components=3,
        weight_concentration_prior_type="dirichlet_distribution",
        max_iter=10,
        warm_start=True,
        random_state=np.random.RandomState(0),
    ),
    data.points,
)

entry("EmpiricalCovariance", cv.EmpiricalCovariance(), data.features)
entry("ShrunkCovariance", cv.ShrunkCovariance(shrinkage=0.2), data.features)
entry("LedoitWolf", cv.LedoitWolf(), data.features)
entry("OAS", cv.OAS(store_precision=False), data.features)
entry("MinCovDet", cv.MinCovDet(random_state=0), data.features)
entry("EllipticEnvelope", cv.EllipticEnvelope(random_state=0), data.features)
entry("GraphicalLasso", cv.GraphicalLasso(alpha=0.2, max_iter=20), data.features)
entry("GraphicalLassoCV", cv.GraphicalLassoCV(alphas=3, cv=2, n_refinements=1), data.features)

entry("DummyClassifier", DummyClassifier(strategy="stratified", random_state=0), data.classes)
entry("DummyClassifier#1", DummyClassifier(strategy="most_frequent"), data.classes)
entry("X:DummyClassifier(str)", DummyClassifier(strategy="constant", constant="birch"), data.words)
entry("DummyClassifier(uniform, outputs)", DummyClassifier(strategy="uniform", random_state=1), data.outputs)
entry("DummyRegressor", DummyRegressor(), data.regression)
entry("DummyRegressor(quantile)", DummyRegressor(strategy="quantile", quantile=0.9), data.targets)
entry("IsotonicRegression", IsotonicRegression(), data.line)
entry("X:Isotonic", IsotonicRegression(out_of_bounds="clip", increasing="auto", y_min=0.5), data.line)


@case("GaussianNB(in parts)")
def in_parts() -> Pair:
    X, y, rows = data.classes()
    return GaussianNB().partial_fit(X[:40], y[:40], classes=[0, 1, 2]).partial_fit(X[40:], y[40:]), rows


@case("X:GaussianNB(pandas str y)")
def series() -> Pair:
    X, y, rows = data.numbers_frame()
    return GaussianNB().fit(X, pd.Series(np.array(["a", "b", "c"])[y], dtype="string")), rows


@case("GaussianNB(object y)")
def objects() -> Pair:
    X, y, rows = data.classes()
    return GaussianNB().fit(X, np.array(["a", "b", "c"], dtype=object)[y]), rows
