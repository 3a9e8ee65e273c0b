"""Forests."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)

from zoo import data
from zoo.shelf import Pair, case, entry

_SMALL = {"n_estimators": 5, "random_state": 0}

entry("RandomForestClassifier", RandomForestClassifier(**_SMALL), data.classes)
entry("RandomForestRegressor", RandomForestRegressor(**_SMALL), data.regression)
entry("ExtraTreesClassifier", ExtraTreesClassifier(**_SMALL), data.classes)
entry("ExtraTreesRegressor", ExtraTreesRegressor(**_SMALL), data.regression)
entry("RandomTreesEmbedding", RandomTreesEmbedding(**_SMALL), data.features)
entry("IsolationForest", IsolationForest(**_SMALL), data.features)

entry(
    "X:RandomForest(Generator-less,oob)",
    RandomForestClassifier(n_estimators=25, oob_score=True, random_state=np.random.RandomState(1), max_depth=4),
    data.words,
)
entry(
    "RandomForest(oob, regression)",
    RandomForestRegressor(25, oob_score=True, max_depth=3, random_state=0),
    data.regression,
)
entry("RandomForest(missing)", RandomForestClassifier(**_SMALL), data.missing)
entry("RandomForest(missing, regression)", RandomForestRegressor(**_SMALL), data.missing_regression)
entry("RandomForest(outputs)", RandomForestClassifier(max_depth=4, **_SMALL), data.outputs)
entry("RandomForest(targets)", RandomForestRegressor(max_depth=4, **_SMALL), data.targets)
entry("RandomForest(balanced)", RandomForestClassifier(class_weight="balanced_subsample", **_SMALL), data.classes)
entry(
    "RandomForest(class weights)",
    RandomForestClassifier(class_weight={"ash": 1.0, "birch": 2.0, "cédre": 0.5}, **_SMALL),
    data.words,
)
entry(
    "RandomForest(class weights by output)",
    RandomForestClassifier(class_weight=[{0: 1, 1: 2, 2: 1}, {0: 1, 1: 3}], **_SMALL),
    data.outputs,
)
entry("RandomForest(best first)", RandomForestClassifier(max_leaf_nodes=6, **_SMALL), data.classes)
entry("RandomForest(pruned)", RandomForestRegressor(ccp_alpha=30.0, **_SMALL), data.regression)
entry("RandomForest(monotonic)", RandomForestRegressor(monotonic_cst=[1, 0, 0, -1, 0], **_SMALL), data.regression)
entry("RandomForest(bootstrap part)", RandomForestClassifier(max_samples=0.5, max_features=0.5, **_SMALL), data.classes)
entry("RandomForest(sparse)", RandomForestClassifier(**_SMALL), data.sparse)
entry("RandomForest(float32)", RandomForestRegressor(**_SMALL), data.single_regression)
entry("RandomForest(frame)", RandomForestClassifier(**_SMALL), data.numbers_frame)
entry("RandomForest(two jobs)", RandomForestClassifier(n_jobs=2, **_SMALL), data.classes)
entry("RandomForest(poisson)", RandomForestRegressor(criterion="poisson", **_SMALL), data.positive)
entry("RandomForest(random_state=None)", RandomForestClassifier(5, max_depth=3), data.classes)
entry("X:ExtraTrees(monotonic)", ExtraTreesRegressor(monotonic_cst=[0, 1, 0, 0, 0], **_SMALL), data.regression)
entry(
    "ExtraTrees(bootstrap, oob)",
    ExtraTreesRegressor(25, bootstrap=True, oob_score=True, max_depth=3, random_state=0),
    data.regression,
)
entry("ExtraTrees(missing)", ExtraTreesClassifier(**_SMALL), data.missing)
entry(
    "X:RandomTreesEmbedding", RandomTreesEmbedding(3, max_depth=3, sparse_output=False, random_state=1), data.features
)
entry(
    "X:IsolationForest(pandas)",
    IsolationForest(contamination=0.1, **_SMALL),
    lambda: (data.numbers_frame()[0], None, data.numbers_frame()[2]),
)
entry("IsolationForest(features)", IsolationForest(max_features=3, max_samples=20, **_SMALL), data.features)
entry(
    "IsolationForest(sparse)",
    IsolationForest(bootstrap=True, **_SMALL),
    lambda: (data.sparse()[0], None, data.sparse()[2]),
)


@case("RandomForest(warm start)")
def warm() -> Pair:
    X, y, rows = data.classes()
    model = RandomForestClassifier(n_estimators=3, warm_start=True, random_state=np.random.RandomState(5)).fit(X, y)
    return model.set_params(n_estimators=6).fit(X, y), rows
