"""Kernel approximations and random projections."""

from __future__ import annotations

import numpy as np
from scipy.spatial import distance
from sklearn import kernel_approximation as ka
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from zoo import data
from zoo.shelf import entry

entry("AdditiveChi2Sampler", ka.AdditiveChi2Sampler(), data.unit)
entry(
    "AdditiveChi2Sampler(sparse)",
    ka.AdditiveChi2Sampler(sample_steps=3, sample_interval=0.3),
    lambda: (data.sparse()[0], None, data.sparse()[2]),
)
entry("Nystroem", ka.Nystroem(n_components=10, random_state=0), data.features)
entry(
    "X:Nystroem(rbf)",
    ka.Nystroem(kernel="rbf", gamma=0.2, n_components=8, random_state=np.random.RandomState(0)),
    data.features,
)
entry("Nystroem(callable)", ka.Nystroem(distance.cosine, n_components=8, random_state=0), data.unit)
entry(
    "Nystroem(polynomial)", ka.Nystroem("polynomial", degree=2, coef0=1, n_components=8, random_state=0), data.features
)
entry("RBFSampler", ka.RBFSampler(gamma=0.5, n_components=12, random_state=0), data.features)
entry(
    "RBFSampler(float32)",
    ka.RBFSampler(gamma="scale", n_components=12, random_state=0),
    lambda: (data.single()[0], None, data.single()[2]),
)
entry("SkewedChi2Sampler", ka.SkewedChi2Sampler(n_components=12, random_state=0), data.unit)
entry("PolynomialCountSketch", ka.PolynomialCountSketch(n_components=16, random_state=0), data.features)
entry(
    "X:PolyCount",
    ka.PolynomialCountSketch(degree=3, coef0=1, n_components=12, random_state=1),
    lambda: (data.sparse()[0], None, data.sparse()[2]),
)
entry("GaussianRandomProjection", GaussianRandomProjection(3, random_state=0), data.features)
entry(
    "GaussianRandomProjection(inverse)",
    GaussianRandomProjection(3, compute_inverse_components=True, random_state=0),
    data.features,
)
entry("SparseRandomProjection", SparseRandomProjection(3, random_state=0), data.features)
entry(
    "SparseRandomProjection(dense output)",
    SparseRandomProjection(
        2, density=0.5, dense_output=True, compute_inverse_components=True, random_state=np.random.RandomState(1)
    ),
    lambda: (data.sparse()[0], None, data.sparse()[2]),
)
