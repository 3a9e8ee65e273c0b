"""Decompositions and cross-decompositions."""

from __future__ import annotations

import numpy as np
from sklearn import decomposition as dc
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression

from zoo import data
from zoo.shelf import Pair, case, entry

entry("PCA", dc.PCA(), data.features)
entry("PCA(whiten, mle)", dc.PCA(n_components="mle", whiten=True), data.features)
entry("PCA(share)", dc.PCA(n_components=0.8), data.features)
entry("X:PCA(arpack,RandomState)", dc.PCA(2, svd_solver="arpack", random_state=np.random.RandomState(0)), data.features)
entry(
    "PCA(randomized, float32)",
    dc.PCA(2, svd_solver="randomized", random_state=0),
    lambda: (data.single()[0], None, data.single()[2]),
)
entry("PCA(sparse)", dc.PCA(2, svd_solver="covariance_eigh"), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry("IncrementalPCA", dc.IncrementalPCA(2, batch_size=20), data.features)
entry("KernelPCA", dc.KernelPCA(3), data.features)
entry(
    "KernelPCA(rbf, inverse)",
    dc.KernelPCA(3, kernel="rbf", gamma=0.1, fit_inverse_transform=True, remove_zero_eig=True),
    data.features,
)
entry(
    "KernelPCA(precomputed)",
    dc.KernelPCA(2, kernel="precomputed"),
    lambda: (data.squares()[0], None, data.squares()[2]),
)
entry("FactorAnalysis", dc.FactorAnalysis(2, max_iter=20), data.features)
entry("FactorAnalysis(varimax)", dc.FactorAnalysis(2, rotation="varimax", svd_method="lapack"), data.features)
entry("FastICA", dc.FastICA(3, random_state=0, max_iter=50), data.features)
entry("FastICA(exp, no whitening)", dc.FastICA(whiten=False, fun="exp", random_state=0, max_iter=30), data.features)
entry("NMF", dc.NMF(3, max_iter=30, random_state=0), data.unit)
entry("NMF(mu)", dc.NMF(2, solver="mu", beta_loss="kullback-leibler", max_iter=20, random_state=0), data.unit)
entry("MiniBatchNMF", dc.MiniBatchNMF(3, max_iter=10, random_state=0), data.unit)
entry("TruncatedSVD", dc.TruncatedSVD(2, random_state=0), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry("TruncatedSVD(arpack)", dc.TruncatedSVD(2, algorithm="arpack", random_state=0), data.features)
entry(
    "LatentDirichletAllocation",
    dc.LatentDirichletAllocation(3, max_iter=3, random_state=0),
    lambda: (data.sparse()[0], None, data.sparse()[2]),
)
entry(
    "LatentDirichletAllocation(online)",
    dc.LatentDirichletAllocation(2, learning_method="online", max_iter=2, random_state=np.random.RandomState(1)),
    lambda: (data.counts()[0], None, data.counts()[2]),
)
entry("DictionaryLearning", dc.DictionaryLearning(3, max_iter=5, random_state=0), data.features)
entry(
    "DictionaryLearning(lars)",
    dc.DictionaryLearning(
        3, max_iter=5, transform_algorithm="lasso_lars", fit_algorithm="cd", split_sign=True, random_state=0
    ),
    data.features,
)
entry("MiniBatchDictionaryLearning", dc.MiniBatchDictionaryLearning(3, max_iter=5, random_state=0), data.features)
entry(
    "SparseCoder",
    dc.SparseCoder(
        np.random.RandomState(0).normal(size=(4, 6)), transform_algorithm="omp", transform_n_nonzero_coefs=2
    ),
    data.features,
)
entry(
    "SparseCoder(threshold)",
    dc.SparseCoder(np.eye(6), transform_algorithm="threshold", transform_alpha=0.3, positive_code=True),
    data.features,
)
entry("SparsePCA", dc.SparsePCA(2, max_iter=10, random_state=0), data.features)
entry("MiniBatchSparsePCA", dc.MiniBatchSparsePCA(2, max_iter=5, random_state=0), data.features)

entry("CCA", CCA(2), data.targets)
entry("PLSCanonical", PLSCanonical(2), data.targets)
entry("PLSRegression", PLSRegression(2), data.regression)
entry("PLSRegression(targets)", PLSRegression(2, scale=False), data.targets)
entry("PLSSVD", PLSSVD(2), data.targets)


@case("IncrementalPCA(in parts)")
def in_parts() -> Pair:
    X, _, rows = data.features()
    model = dc.IncrementalPCA(2)
    for part in np.array_split(X, 3):
        model.partial_fit(part)
    return model, rows


@case("MiniBatchDictionaryLearning(in parts)")
def dictionary_in_parts() -> Pair:
    X, _, rows = data.features()
    model = dc.MiniBatchDictionaryLearning(3, random_state=np.random.RandomState(0))
    return model.partial_fit(X[:40]).partial_fit(X[40:]), rows
