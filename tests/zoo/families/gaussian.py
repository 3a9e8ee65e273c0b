"""Gaussian processes with composite kernels, and kernel ridge."""

from __future__ import annotations

import numpy as np
from scipy.spatial import distance
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process import kernels as k
from sklearn.kernel_ridge import KernelRidge

from zoo import data
from zoo.shelf import entry

_EVERY = (
    1.5 * k.RBF([1.0, 2.0, 1.0, 0.5, 1.0])
    + k.WhiteKernel(0.3)
    + k.Matern(length_scale=2.0, nu=1.5) * k.DotProduct(0.7)
    + k.ExpSineSquared(1.0, periodicity=3.0)
    + k.RationalQuadratic(alpha=0.4) ** 2
)

entry("GaussianProcessClassifier", GaussianProcessClassifier(random_state=0, max_iter_predict=10), data.binary)
entry("GaussianProcessRegressor", GaussianProcessRegressor(random_state=0), data.regression)
entry(
    "X:GPR(kernel)",
    GaussianProcessRegressor(
        _EVERY, optimizer=None, normalize_y=True, alpha=1e-4, random_state=np.random.RandomState(0)
    ),
    data.regression,
)
entry(
    "GPR(optimised)",
    GaussianProcessRegressor(
        k.ConstantKernel(2.0, (0.1, 10)) * k.RBF(2.0) + k.WhiteKernel(), n_restarts_optimizer=1, random_state=0
    ),
    data.one_column,
)
entry("GPR(targets)", GaussianProcessRegressor(k.Matern(nu=2.5), optimizer=None, alpha=np.full(70, 0.1)), data.targets)
entry(
    "GPR(fixed bounds)",
    GaussianProcessRegressor(k.RBF(1.0, length_scale_bounds="fixed") + k.WhiteKernel(0.1, "fixed"), copy_X_train=False),
    data.regression,
)
entry(
    "X:GPC(compound)",
    GaussianProcessClassifier(1.0 * k.RBF(1.5), optimizer=None, max_iter_predict=5, random_state=0),
    data.words,
)
entry(
    "GPC(one against one)",
    GaussianProcessClassifier(k.Matern(nu=0.5), multi_class="one_vs_one", optimizer=None, max_iter_predict=5),
    data.classes,
)
entry(
    "X:GPC(pairwise kernel)",
    GaussianProcessClassifier(k.PairwiseKernel(metric="rbf", gamma=0.3), optimizer=None, max_iter_predict=5),
    data.binary,
)

entry("KernelRidge", KernelRidge(), data.regression)
entry("KernelRidge(rbf, targets)", KernelRidge(kernel="rbf", gamma=0.1, alpha=[0.1, 1.0, 2.0]), data.targets)
entry("KernelRidge(callable)", KernelRidge(kernel=distance.euclidean), data.regression)
entry("KernelRidge(sparse)", KernelRidge(kernel="polynomial", degree=2), data.sparse_regression)
