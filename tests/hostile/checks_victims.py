"""Small fitted models, at least one for each class whose numbers compiled code indexes by, with rows to ask them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

Victim = tuple[Any, Any, Any]
TEXTS = ["the quick brown fox", "lazy dogs jump", "quick jump over fox", "brown dogs the lazy"] * 3
RECORDS = [{"a": 1.0, "b": 2.0, "c=x": 1.0}, {"b": 1.0}, {"a": 3.0, "d": 1.0}] * 3


class Data:
    """Thirty rows and their targets, in several forms."""

    def __init__(self) -> None:
        import scipy.sparse

        random, n = np.random.RandomState(0), 30
        self.X = random.rand(n, 4) + np.arange(n)[:, None] % 3
        self.three, self.two = np.arange(n) % 3, np.arange(n) % 2
        self.real = self.X[:, 0] * 2 + random.rand(n)
        self.several = np.c_[self.two, 1 - self.two, self.three > 1].astype(int)
        self.sparse = scipy.sparse.csr_matrix(np.where(self.X > 1.5, self.X, 0))
        self.square = self.X @ self.X.T
        self.gaps = self.X.copy()
        self.gaps[::7, 1] = np.nan
        self.counted = np.c_[self.X, self.two]
        self.words = np.array([["a", "x"], ["b", "y"], ["c", "x"], ["a", "z"], ["a", "y"]] * 4, dtype=object)


def victims(only: str = "") -> dict[str, Victim]:
    """By name, for names that match ``only``: a fitted model, rows, and targets (or None)."""
    found: dict[str, Victim] = {}
    data = Data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for family in (_machines, _neighbours, _ensembles, _clusters, _linear, _encoders, _texts):
            for name, model, X, y in family(data):
                if not re.search(only, name):
                    continue
                model.fit(X) if y is None else model.fit(X, y)
                if hasattr(model, "sparsify") and name.endswith("sparsified"):
                    model.sparsify()
                if name == "label sets":
                    model.transform(X)  # which fills its cache
                found[name] = (model, X, y)
    return found


Rows = Iterator[tuple[str, Any, Any, Any]]


def _machines(d: Data) -> Rows:
    from sklearn.metrics.pairwise import rbf_kernel
    from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

    for form, X in (("dense", d.X), ("sparse", d.sparse)):
        yield f"SVC {form}", SVC(probability=True), X, d.three
        yield f"SVC linear {form}", SVC(kernel="linear"), X, d.two
        yield f"SVR {form}", SVR(kernel="poly"), X, d.real
        yield f"OneClassSVM {form}", OneClassSVM(), X, None
    yield "NuSVC", NuSVC(nu=0.3), d.X, d.three
    yield "NuSVR", NuSVR(), d.X, d.real
    yield "SVC precomputed", SVC(kernel="precomputed"), d.square, d.three
    yield "SVC function", SVC(kernel=rbf_kernel), d.X, d.three


def _neighbours(d: Data) -> Rows:
    from sklearn.impute import KNNImputer
    from sklearn.neighbors import (
        KernelDensity,
        KNeighborsClassifier,
        KNeighborsRegressor,
        LocalOutlierFactor,
        NearestNeighbors,
        RadiusNeighborsClassifier,
    )
    from sklearn.semi_supervised import LabelPropagation

    for way in ("brute", "kd_tree", "ball_tree"):
        yield f"KNeighborsClassifier {way}", KNeighborsClassifier(3, algorithm=way), d.X, d.three
        yield f"NearestNeighbors {way}", NearestNeighbors(n_neighbors=3, algorithm=way, radius=1.0), d.X, None
        yield f"LocalOutlierFactor {way}", LocalOutlierFactor(5, algorithm=way, novelty=True), d.X, None
    yield "RadiusNeighborsClassifier", RadiusNeighborsClassifier(2.0, algorithm="brute", outlier_label=0), d.X, d.three
    yield "KNeighborsRegressor", KNeighborsRegressor(3), d.X, np.c_[d.real, -d.real]
    yield "KNeighborsClassifier float32", KNeighborsClassifier(3, algorithm="brute"), d.X.astype("f4"), d.three
    yield "KNeighborsClassifier sparse", KNeighborsClassifier(3), d.sparse, d.three
    yield "KNeighborsClassifier several", KNeighborsClassifier(3), d.X, d.several
    for metric, values in (("mahalanobis", {"VI": np.eye(4)}), ("seuclidean", {"V": np.ones(4)})):
        model = KNeighborsClassifier(3, algorithm="brute", metric=metric, metric_params=values)
        yield f"KNeighborsClassifier {metric}", model, d.X, d.three
    yield "KernelDensity", KernelDensity(), d.X, None
    yield "KNNImputer", KNNImputer(n_neighbors=2), d.gaps, None
    yield "LabelPropagation", LabelPropagation(kernel="knn", n_neighbors=3), d.X, np.where(d.three > 1, -1, d.three)


def _ensembles(d: Data) -> Rows:
    from sklearn import ensemble, linear_model, tree

    few: dict[str, Any] = {"n_estimators": 3, "random_state": 0}
    yield "DecisionTreeClassifier", tree.DecisionTreeClassifier(), d.X, np.c_[d.three, d.two]
    yield "RandomForestClassifier", ensemble.RandomForestClassifier(**few), d.gaps, d.three
    yield "BaggingClassifier", ensemble.BaggingClassifier(max_features=2, **few), d.X, d.three
    yield "IsolationForest", ensemble.IsolationForest(max_features=2, **few), d.X, None
    yield "RandomTreesEmbedding", ensemble.RandomTreesEmbedding(max_depth=2, **few), d.X, None
    yield "GradientBoostingClassifier", ensemble.GradientBoostingClassifier(**few), d.X, d.three
    start = linear_model.LogisticRegression()
    yield "GradientBoostingClassifier init", ensemble.GradientBoostingClassifier(init=start, **few), d.X, d.two
    yield "GradientBoostingRegressor", ensemble.GradientBoostingRegressor(init="zero", **few), d.sparse, d.real
    small: dict[str, Any] = {"max_iter": 3, "min_samples_leaf": 2}
    yield "HistGradientBoostingClassifier", ensemble.HistGradientBoostingClassifier(**small), d.gaps, d.three
    categorical = ensemble.HistGradientBoostingRegressor(categorical_features=[4], **small)
    yield "HistGradientBoostingRegressor", categorical, d.counted, d.real + 5 * d.two


def _clusters(d: Data) -> Rows:
    from sklearn import cluster

    yield "KMeans", cluster.KMeans(3, n_init=1), d.X, None
    yield "KMeans sparse", cluster.KMeans(3, n_init=1), d.sparse, None
    yield "MiniBatchKMeans", cluster.MiniBatchKMeans(3, n_init=1), d.X, None
    yield "BisectingKMeans", cluster.BisectingKMeans(4), d.X, None
    yield "Birch", cluster.Birch(threshold=0.2, n_clusters=3), d.X, None
    yield "HDBSCAN", cluster.HDBSCAN(min_cluster_size=3, copy=True), d.X, None
    yield "FeatureAgglomeration", cluster.FeatureAgglomeration(2), d.X, None
    yield "AffinityPropagation", cluster.AffinityPropagation(random_state=0), d.sparse, None


def _linear(d: Data) -> Rows:
    from sklearn import covariance, decomposition, linear_model, random_projection

    yield "SGDClassifier averaged", linear_model.SGDClassifier(average=True), d.X, d.three
    yield "SGDClassifier two", linear_model.SGDClassifier(average=True), d.X, d.two
    yield "SGDClassifier sparsified", linear_model.SGDClassifier(), d.X, d.three
    yield "SGDRegressor", linear_model.SGDRegressor(average=True), d.X, d.real
    yield "SGDOneClassSVM", linear_model.SGDOneClassSVM(average=True), d.X, None
    yield "MinCovDet", covariance.MinCovDet(random_state=0), d.X, None
    yield "EllipticEnvelope", covariance.EllipticEnvelope(random_state=0), d.X, None
    yield "NMF", decomposition.NMF(2, init="random", max_iter=500), d.X, None
    yield "MiniBatchNMF", decomposition.MiniBatchNMF(2, init="random"), d.X, None
    yield "LatentDirichletAllocation", decomposition.LatentDirichletAllocation(3, max_iter=2), d.X, None
    yield "SparseRandomProjection", random_projection.SparseRandomProjection(3), d.X, None


def _encoders(d: Data) -> Rows:
    from sklearn import kernel_approximation, preprocessing

    for i, options in enumerate([{}, {"drop": "first"}, {"max_categories": 2}]):
        yield f"OneHotEncoder {i}", preprocessing.OneHotEncoder(**options), d.words, None
    rare = preprocessing.OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist")
    yield "OneHotEncoder rare", rare, d.words, None
    yield "OneHotEncoder numbers", preprocessing.OneHotEncoder(), np.floor(d.X), None
    yield "KBinsDiscretizer", preprocessing.KBinsDiscretizer(3, quantile_method="linear"), d.X, None
    yield "SplineTransformer", preprocessing.SplineTransformer(4), d.X, None
    periodic = preprocessing.SplineTransformer(4, extrapolation="periodic", sparse_output=True)
    yield "SplineTransformer periodic", periodic, d.X, None
    yield "PolynomialFeatures", preprocessing.PolynomialFeatures((2, 3)), d.sparse, None
    yield "label sets", preprocessing.MultiLabelBinarizer(), [(1, 2), (3,), (1,)], None
    yield "PolynomialCountSketch", kernel_approximation.PolynomialCountSketch(n_components=8), d.X, None


def _texts(d: Data) -> Rows:
    from sklearn.feature_extraction import DictVectorizer, FeatureHasher
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

    yield "CountVectorizer", CountVectorizer(), TEXTS, None
    yield "TfidfVectorizer", TfidfVectorizer(ngram_range=(1, 2)), TEXTS, None
    yield "HashingVectorizer", HashingVectorizer(n_features=64), TEXTS, None
    yield "DictVectorizer", DictVectorizer(), RECORDS, None
    yield "FeatureHasher", FeatureHasher(n_features=64), RECORDS, None
