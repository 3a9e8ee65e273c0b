"""Clusterers, biclusters included."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    OPTICS,
    AffinityPropagation,
    AgglomerativeClustering,
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
    SpectralBiclustering,
    SpectralClustering,
    SpectralCoclustering,
)

from zoo import data
from zoo.shelf import Pair, case, entry

entry("AffinityPropagation", AffinityPropagation(random_state=0, max_iter=50), data.points)
entry("AgglomerativeClustering", AgglomerativeClustering(n_clusters=3), data.points)
entry(
    "AgglomerativeClustering(average)",
    AgglomerativeClustering(n_clusters=None, distance_threshold=2.0, linkage="average", metric="manhattan"),
    data.points,
)
entry("Birch", Birch(n_clusters=3), data.points)
entry("X:Birch", Birch(threshold=0.2, branching_factor=4, n_clusters=None), data.points)
entry("X:Birch(est)", Birch(threshold=0.3, n_clusters=AgglomerativeClustering(n_clusters=2)), data.points)
entry(
    "Birch(float32)",
    Birch(threshold=0.4, n_clusters=3),
    lambda: (data.points()[0].astype(np.float32), None, data.points()[2].astype(np.float32)),
)
entry("BisectingKMeans", BisectingKMeans(n_clusters=4, random_state=0), data.points)
entry(
    "X:BisectingKMeans",
    BisectingKMeans(
        n_clusters=5,
        init="k-means++",
        algorithm="elkan",
        bisecting_strategy="largest_cluster",
        random_state=np.random.RandomState(2),
    ),
    data.points,
)
entry("DBSCAN", DBSCAN(eps=1.0), data.points)
entry("FeatureAgglomeration", FeatureAgglomeration(n_clusters=2), data.features)
entry("FeatureAgglomeration(max)", FeatureAgglomeration(n_clusters=3, pooling_func=np.max), data.features)
entry("HDBSCAN", HDBSCAN(copy=True), data.points)
entry("X:HDBSCAN", HDBSCAN(min_cluster_size=4, store_centers="both", copy=True), data.points)
entry("KMeans", KMeans(n_clusters=4, n_init=2, random_state=0), data.points)
entry("KMeans(elkan, random)", KMeans(3, init="random", n_init=2, algorithm="elkan", random_state=1), data.points)
entry("KMeans(given centres)", KMeans(2, init=np.array([[0.0, 0, 0], [5, 5, 5]]), n_init=1), data.points)
entry("KMeans(sparse)", KMeans(3, n_init=1, random_state=0), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry("KMeans(float32)", KMeans(3, n_init=1, random_state=0), lambda: (data.single()[0], None, data.single()[2]))
entry(
    "KMeans(pandas out)",
    KMeans(3, n_init=1, random_state=0).set_output(transform="pandas"),
    lambda: (data.numbers_frame()[0], None, data.numbers_frame()[2]),
)
entry("MeanShift", MeanShift(bandwidth=2.0), data.points)
entry("MeanShift(bin seeding)", MeanShift(bandwidth=1.5, bin_seeding=True, cluster_all=False), data.points)
entry("MiniBatchKMeans", MiniBatchKMeans(4, n_init=1, max_iter=5, random_state=0), data.points)
entry("OPTICS", OPTICS(min_samples=4), data.points)
entry("X:OPTICS", OPTICS(min_samples=4, cluster_method="dbscan", eps=1.0, metric="manhattan"), data.points)
entry("SpectralBiclustering", SpectralBiclustering(3, random_state=0), data.unit)
entry("SpectralClustering", SpectralClustering(3, random_state=0), data.points)
entry(
    "SpectralClustering(neighbours)",
    SpectralClustering(3, affinity="nearest_neighbors", n_neighbors=25, assign_labels="cluster_qr", random_state=0),
    data.points,
)
entry("SpectralCoclustering", SpectralCoclustering(2, random_state=0), data.unit)


@case("MiniBatchKMeans(in parts)")
def in_parts() -> Pair:
    X, _, rows = data.points()
    model = MiniBatchKMeans(3, random_state=np.random.RandomState(1), n_init=1)
    for part in np.array_split(X, 3):
        model.partial_fit(part)
    return model, rows


@case("Birch(many leaves)")
def many_leaves() -> Pair:
    """The leaves are a linked list: 300 of them, far beyond what recursion over the list would bear."""
    X = np.random.RandomState(0).uniform(-50, 50, size=(900, 2))
    return Birch(threshold=0.3, branching_factor=4, n_clusters=None).fit(X), X[:20] + 0.05


@case("Birch(in parts)")
def birch_in_parts() -> Pair:
    X, _, rows = data.points()
    model = Birch(threshold=0.3, n_clusters=3)
    for part in np.array_split(X, 3):
        model.partial_fit(part)
    return model, rows
