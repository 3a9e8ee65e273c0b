"""Stochastic gradient descent: every loss, averaging, sparse coefficients, training in parts."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
)

from zoo import data
from zoo.shelf import Pair, case, entry

_LOSSES = ["hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron"]
_LOSSES += ["squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"]

for _loss in _LOSSES:
    entry(f"X:SGDC({_loss})", SGDClassifier(loss=_loss, max_iter=20, random_state=0), data.classes)
for _loss in _LOSSES[5:]:
    entry(f"SGDRegressor({_loss})", SGDRegressor(loss=_loss, max_iter=20, random_state=0), data.regression)

entry("SGDClassifier", SGDClassifier(random_state=0, max_iter=20), data.binary)
entry("SGDRegressor", SGDRegressor(random_state=0, max_iter=20), data.regression)
entry("SGDOneClassSVM", SGDOneClassSVM(random_state=0, max_iter=20), data.features)
entry("SGDOneClassSVM(averaged)", SGDOneClassSVM(nu=0.2, average=True, random_state=0, max_iter=20), data.features)
entry("Perceptron", Perceptron(random_state=0, max_iter=20), data.classes)
entry("Perceptron(elasticnet, words)", Perceptron(penalty="elasticnet", random_state=0, max_iter=20), data.words)
entry("PassiveAggressiveClassifier", PassiveAggressiveClassifier(random_state=0, max_iter=20), data.classes)
entry("PassiveAggressiveRegressor", PassiveAggressiveRegressor(random_state=0, max_iter=20), data.regression)
entry(
    "PassiveAggressiveClassifier(averaged)",
    PassiveAggressiveClassifier(loss="squared_hinge", average=3, random_state=0, max_iter=20),
    data.binary,
)
entry("X:SGDR", SGDRegressor(loss="huber", average=True, learning_rate="adaptive", random_state=1), data.regression)
entry("SGDC(averaged)", SGDClassifier(loss="log_loss", average=5, random_state=0, max_iter=20), data.classes)
entry("SGDC(averaged, binary)", SGDClassifier(loss="log_loss", average=True, random_state=0, max_iter=20), data.binary)
entry("SGDC(early)", SGDClassifier(early_stopping=True, n_iter_no_change=2, random_state=0), data.classes)
entry("SGDC(sparse)", SGDClassifier(loss="log_loss", random_state=0, max_iter=20), data.sparse)
entry("SGDC(float32)", SGDClassifier(random_state=0, max_iter=20), data.single)
entry("SGDC(RandomState)", SGDClassifier(random_state=np.random.RandomState(4), max_iter=20), data.classes)


def _sparsified(seed: int) -> Pair:
    X, y, rows = data.classes()
    model = SGDClassifier(penalty="l1", alpha=0.05, random_state=seed, max_iter=30).fit(X, y)
    return model.sparsify(), rows


@case("X:SGDC(sparsified)")
def sparsified() -> Pair:
    return _sparsified(0)


@case("X:SGDC(sparsify)")
def sparsified_binary() -> Pair:
    X, y, rows = data.binary()
    return SGDClassifier(penalty="l1", alpha=0.2, loss="log_loss", random_state=0).fit(X, y).sparsify(), rows


@case("SGDC(in parts)")
def in_parts() -> Pair:
    X, y, rows = data.classes()
    model = SGDClassifier(loss="log_loss", random_state=0)
    for part in np.array_split(np.arange(len(y)), 4):
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    return model, rows


@case("SGDR(warm start)")
def warm() -> Pair:
    X, y, rows = data.regression()
    model = SGDRegressor(warm_start=True, average=True, max_iter=5, random_state=np.random.RandomState(2))
    return model.fit(X, y).fit(X, y), rows
