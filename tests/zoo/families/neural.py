"""Multi-layer perceptrons and the Boltzmann machine."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor

from zoo import data
from zoo.shelf import Pair, case, entry, known

_SMALL = {"hidden_layer_sizes": (8,), "max_iter": 8, "random_state": 0}

entry("MLPClassifier", MLPClassifier(**_SMALL), data.classes)
entry("MLPRegressor", MLPRegressor(**_SMALL), data.regression)
entry(
    "X:MLP(adam,early)",
    MLPClassifier((8, 4), early_stopping=True, max_iter=8, n_iter_no_change=3, activation="tanh", random_state=1),
    data.words,
)
entry("X:MLP(adam reg)", MLPRegressor(hidden_layer_sizes=(6, 5), max_iter=8, alpha=0.1, random_state=2), data.targets)
entry(
    "X:MLP(sgd)",
    MLPClassifier((8,), solver="sgd", learning_rate="invscaling", nesterovs_momentum=False, max_iter=8, random_state=0),
    data.binary,
)
entry(
    "MLP(sgd adaptive, RandomState)",
    MLPRegressor(
        hidden_layer_sizes=(5,),
        solver="sgd",
        learning_rate="adaptive",
        max_iter=8,
        random_state=np.random.RandomState(7),
    ),
    data.one_column,
)
entry("X:MLP(lbfgs)", MLPClassifier((6,), solver="lbfgs", max_iter=15, random_state=0), data.classes)
entry("MLP(labels)", MLPClassifier((6,), activation="logistic", max_iter=6, random_state=0), data.labels)
entry("MLP(float32)", MLPClassifier(**_SMALL), data.single)
entry("MLP(sparse)", MLPRegressor(**_SMALL), data.sparse_regression)
entry("MLP(random_state=None)", MLPClassifier((4,), max_iter=5), data.binary)
entry(
    "MLPRegressor(poisson)",
    known(MLPRegressor, hidden_layer_sizes=(4,), loss="poisson", max_iter=5, random_state=0),
    data.positive,
)
entry("BernoulliRBM", BernoulliRBM(4, n_iter=2, random_state=0), data.unit)
entry("BernoulliRBM(RandomState)", BernoulliRBM(3, n_iter=2, random_state=np.random.RandomState(4)), data.unit)


@case("MLP(in parts)")
def in_parts() -> Pair:
    X, y, rows = data.classes()
    model = MLPClassifier((5,), random_state=np.random.RandomState(0))
    return model.partial_fit(X[:40], y[:40], classes=[0, 1, 2]).partial_fit(X[40:], y[40:]), rows


@case("MLP(warm start)")
def warm() -> Pair:
    X, y, rows = data.binary()
    model = MLPClassifier((5,), warm_start=True, max_iter=3, random_state=0)
    return model.fit(X, y).fit(X, y), rows
