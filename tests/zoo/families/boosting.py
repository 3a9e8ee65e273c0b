"""Gradient boosting over plain trees, and AdaBoost."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from zoo import data
from zoo.shelf import Pair, case, entry

_SMALL = {"n_estimators": 6, "random_state": 0}

entry("GradientBoostingClassifier", GradientBoostingClassifier(**_SMALL), data.binary)
entry("GradientBoostingRegressor", GradientBoostingRegressor(**_SMALL), data.regression)
entry("X:GradientBoostingClassifier(multi)", GradientBoostingClassifier(**_SMALL), data.words)
entry("X:GradientBoostingClassifier(exp)", GradientBoostingClassifier(loss="exponential", **_SMALL), data.binary)
entry(
    "X:GradientBoostingClassifier(early)",
    GradientBoostingClassifier(
        n_estimators=12, n_iter_no_change=3, validation_fraction=0.2, random_state=np.random.RandomState(2)
    ),
    data.classes,
)
entry(
    "X:GradientBoosting(init=est,huber)",
    GradientBoostingRegressor(init=LinearRegression(), loss="huber", **_SMALL),
    data.single_regression,
)
entry("X:GradientBoosting(quantile)", GradientBoostingRegressor(loss="quantile", alpha=0.8, **_SMALL), data.regression)
entry("GradientBoosting(absolute_error)", GradientBoostingRegressor(loss="absolute_error", **_SMALL), data.regression)
entry("GradientBoosting(init=zero)", GradientBoostingRegressor(init="zero", **_SMALL), data.regression)
entry(
    "GradientBoosting(init=classifier)", GradientBoostingClassifier(init=LogisticRegression(), **_SMALL), data.classes
)
entry("GradientBoosting(subsample)", GradientBoostingClassifier(subsample=0.6, max_features=2, **_SMALL), data.classes)
entry("GradientBoosting(sparse)", GradientBoostingClassifier(**_SMALL), data.sparse)
entry(
    "GradientBoosting(best first)",
    GradientBoostingRegressor(max_leaf_nodes=4, ccp_alpha=0.5, **_SMALL),
    data.regression,
)
entry("GradientBoosting(frame)", GradientBoostingRegressor(**_SMALL), data.regression_frame)

entry("AdaBoostClassifier", AdaBoostClassifier(**_SMALL), data.classes)
entry("AdaBoostRegressor", AdaBoostRegressor(**_SMALL), data.regression)
entry("X:AdaBoost", AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=4, random_state=1), data.words)
entry("AdaBoost(logistic)", AdaBoostClassifier(LogisticRegression(), n_estimators=4, random_state=1), data.binary)
for _loss in ("square", "exponential"):
    entry(f"AdaBoostRegressor({_loss})", AdaBoostRegressor(loss=_loss, **_SMALL), data.regression)


@case("GradientBoosting(warm start)")
def warm() -> Pair:
    X, y, rows = data.binary()
    model = GradientBoostingClassifier(n_estimators=3, warm_start=True, random_state=3).fit(X, y)
    return model.set_params(n_estimators=5).fit(X, y), rows
