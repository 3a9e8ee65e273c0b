"""Neighbour models: every algorithm, the metrics, precomputed distances, densities, outliers."""

from __future__ import annotations

import numpy as np
from scipy.spatial import distance
from sklearn.neighbors import (
    KernelDensity,
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestCentroid,
    NearestNeighbors,
    NeighborhoodComponentsAnalysis,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)

from zoo import data
from zoo.shelf import Pair, case, entry

entry("KNeighborsClassifier", KNeighborsClassifier(), data.classes)
entry("KNeighborsClassifier#1", KNeighborsClassifier(metric="precomputed"), data.distances)
entry("KNeighborsRegressor", KNeighborsRegressor(), data.regression)
entry("KNeighborsRegressor#1", KNeighborsRegressor(metric="precomputed"), data.square_targets)
entry("KNeighborsTransformer", KNeighborsTransformer(n_neighbors=3), data.features)
entry("NearestNeighbors", NearestNeighbors(n_neighbors=3), data.features)
entry("NearestCentroid", NearestCentroid(), data.classes)
entry("NearestCentroid(shrunk)", NearestCentroid(metric="manhattan", shrink_threshold=0.2), data.classes)
entry("NeighborhoodComponentsAnalysis", NeighborhoodComponentsAnalysis(2, max_iter=5, random_state=0), data.classes)
entry("RadiusNeighborsClassifier", RadiusNeighborsClassifier(radius=4.0, outlier_label=2), data.classes)
entry(
    "RadiusNeighborsClassifier(most frequent)",
    RadiusNeighborsClassifier(radius=2.0, outlier_label="most_frequent", weights="distance"),
    data.classes,
)
entry("RadiusNeighborsRegressor", RadiusNeighborsRegressor(radius=3.0), data.regression)
entry("RadiusNeighborsTransformer", RadiusNeighborsTransformer(radius=2.0, mode="connectivity"), data.features)
entry("LocalOutlierFactor", LocalOutlierFactor(n_neighbors=5), data.features)
entry("X:LOF(novelty)", LocalOutlierFactor(n_neighbors=5, novelty=True), data.features)
entry(
    "LOF(novelty, cosine)",
    LocalOutlierFactor(n_neighbors=5, novelty=True, metric="cosine", contamination=0.2),
    data.features,
)

for _algorithm in ("kd_tree", "ball_tree", "brute"):
    for _weights in ("uniform", "distance"):
        _first = (_algorithm, _weights) == ("kd_tree", "uniform")
        _name = "X:KNN(kd_tree)" if _first else f"KNN({_algorithm}, {_weights})"
        entry(_name, KNeighborsClassifier(3, algorithm=_algorithm, weights=_weights, leaf_size=5), data.words)

for _metric in ("manhattan", "chebyshev", "cosine", "canberra", "braycurtis", "correlation"):
    _kind = "auto" if _metric != "correlation" else "brute"
    entry(f"KNN({_metric})", KNeighborsClassifier(3, metric=_metric, algorithm=_kind), data.classes)
entry("X:KNN(ball_tree,haversine)", KNeighborsClassifier(3, algorithm="ball_tree", metric="haversine"), data.globe)
entry("X:KNN(kd_tree f32)", KNeighborsClassifier(3, algorithm="kd_tree"), data.single)
entry("KNN(ball_tree f32)", KNeighborsRegressor(3, algorithm="ball_tree"), data.single_regression)
entry("X:KNN(minkowski p=3 ball)", KNeighborsClassifier(3, algorithm="ball_tree", p=3), data.classes)
entry("KNN(minkowski p=1.5 brute)", KNeighborsClassifier(3, algorithm="brute", p=1.5), data.classes)
entry(
    "KNN(minkowski weights)",
    KNeighborsClassifier(
        3, algorithm="ball_tree", metric="minkowski", p=2, metric_params={"w": np.array([1, 2, 1, 0.5, 1, 1.0])}
    ),
    data.classes,
)
entry(
    "X:KNN(seuclidean)",
    KNeighborsClassifier(3, algorithm="ball_tree", metric="seuclidean", metric_params={"V": np.linspace(0.5, 2, 6)}),
    data.classes,
)
entry(
    "X:KNN(mahalanobis)",
    KNeighborsClassifier(
        3, algorithm="ball_tree", metric="mahalanobis", metric_params={"VI": np.diag(np.linspace(0.5, 2, 6))}
    ),
    data.classes,
)
entry(
    "KNN(mahalanobis, brute)",
    KNeighborsClassifier(
        3, algorithm="brute", metric="mahalanobis", metric_params={"VI": np.diag(np.linspace(0.5, 2, 6))}
    ),
    data.classes,
)
entry("KNN(hamming)", KNeighborsClassifier(3, algorithm="ball_tree", metric="hamming"), data.codes)
entry(
    "KNN(jaccard, bool)",
    KNeighborsClassifier(3, algorithm="brute", metric="jaccard"),
    lambda: (data.codes()[0] > 1, data.codes()[1], data.codes()[2] > 1),
)
entry("X:KNN(callable metric brute)", KNeighborsClassifier(3, algorithm="brute", metric=distance.cosine), data.classes)
entry(
    "X:KNN(callable metric ball)",
    KNeighborsClassifier(3, algorithm="ball_tree", metric=distance.euclidean),
    data.classes,
)
entry("X:KNN(sparse)", KNeighborsClassifier(3), data.sparse)
entry("KNN(outputs)", KNeighborsClassifier(3), data.outputs)
entry("KNN(targets)", KNeighborsRegressor(3, weights="distance"), data.targets)
entry("NearestNeighbors(radius, ball)", NearestNeighbors(radius=2.0, algorithm="ball_tree"), data.features)
entry("NearestNeighbors(nan_euclidean)", NearestNeighbors(n_neighbors=3, metric="nan_euclidean"), data.holes)

for _kernel in ("gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"):
    _name = {"gaussian": "KernelDensity", "tophat": "X:KernelDensity"}.get(_kernel, f"KernelDensity({_kernel})")
    _algorithm = "ball_tree" if _kernel in ("linear", "cosine") else "kd_tree"
    entry(_name, KernelDensity(kernel=_kernel, bandwidth=2.5, algorithm=_algorithm), data.points)
entry("KernelDensity(scott, manhattan)", KernelDensity(bandwidth="scott", metric="manhattan"), data.points)


@case("KernelDensity(weighted)")
def weighted() -> Pair:
    X, _, rows = data.points()
    return KernelDensity(bandwidth=0.8).fit(X, sample_weight=np.linspace(0.1, 1, len(X))), rows


@case("X:KNN(fitted on DataFrame y Series)")
def framed() -> Pair:
    import pandas as pd

    X, y, rows = data.numbers_frame()
    return KNeighborsClassifier(4).fit(X, pd.Series(y, name="kind")), rows
