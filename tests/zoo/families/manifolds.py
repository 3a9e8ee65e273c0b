"""Manifold learning and semi-supervised models."""

from __future__ import annotations

import numpy as np
from sklearn import manifold
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import MDS, TSNE, Isomap, LocallyLinearEmbedding, SpectralEmbedding
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from zoo import data
from zoo.shelf import Sample, entry, known

if hasattr(manifold, "ClassicalMDS"):
    entry("ClassicalMDS", manifold.ClassicalMDS(2), data.points)
entry("MDS", known(MDS, n_init=1, max_iter=10, init="random", random_state=0), data.points)
entry(
    "TSNE",
    TSNE(2, perplexity=5, max_iter=250, init="random", random_state=0),
    lambda: (data.points()[0][:20], None, data.points()[2]),
)
entry("Isomap", Isomap(n_neighbors=20, n_components=2), data.points)
entry(
    "Isomap(dense solver, manhattan)",
    Isomap(n_neighbors=25, eigen_solver="dense", metric="manhattan", neighbors_algorithm="ball_tree"),
    data.points,
)
entry("LocallyLinearEmbedding", LocallyLinearEmbedding(n_neighbors=8, random_state=0), data.points)
entry(
    "LocallyLinearEmbedding(ltsa)",
    LocallyLinearEmbedding(n_neighbors=8, method="ltsa", eigen_solver="dense", random_state=0),
    data.points,
)
entry("SpectralEmbedding", SpectralEmbedding(2, random_state=0), data.points)


def partly() -> Sample:
    X, y, rows = data.classes()
    y[np.random.RandomState(0).rand(len(y)) < 0.4] = -1
    return X, y, rows


entry("LabelPropagation", LabelPropagation(max_iter=50), partly)
entry("LabelPropagation(knn)", LabelPropagation(kernel="knn", n_neighbors=4, max_iter=50), partly)
entry("LabelSpreading", LabelSpreading(max_iter=20), partly)
entry("LabelSpreading(knn)", LabelSpreading(kernel="knn", n_neighbors=4, max_iter=20), partly)
entry("SelfTrainingClassifier", SelfTrainingClassifier(LogisticRegression(), max_iter=3), partly)
entry(
    "SelfTrainingClassifier(k best)",
    SelfTrainingClassifier(SVC(probability=True, random_state=0), criterion="k_best", k_best=5, max_iter=2),
    partly,
)
