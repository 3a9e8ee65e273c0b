"""Single trees."""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from zoo import data
from zoo.shelf import Pair, case, entry

entry("DecisionTreeClassifier", DecisionTreeClassifier(random_state=0), data.classes)
entry("DecisionTreeRegressor", DecisionTreeRegressor(random_state=0), data.regression)
entry("ExtraTreeClassifier", ExtraTreeClassifier(random_state=0), data.classes)
entry("ExtraTreeRegressor", ExtraTreeRegressor(random_state=0), data.regression)
entry(
    "X:DecisionTreeClassifier(RandomState)",
    DecisionTreeClassifier(random_state=np.random.RandomState(3), max_features="sqrt"),
    data.words,
)
entry("DecisionTreeClassifier(missing)", DecisionTreeClassifier(random_state=0, max_depth=5), data.missing)
entry("DecisionTreeClassifier(sparse)", DecisionTreeClassifier(random_state=0), data.sparse)
entry("DecisionTreeClassifier(outputs)", DecisionTreeClassifier(random_state=0, max_depth=4), data.outputs)
entry("DecisionTreeClassifier(labels)", DecisionTreeClassifier(random_state=0), data.labels)
entry("DecisionTreeClassifier(pruned)", DecisionTreeClassifier(random_state=0, ccp_alpha=0.02), data.classes)
entry("DecisionTreeClassifier(best first)", DecisionTreeClassifier(max_leaf_nodes=7, random_state=0), data.classes)
entry(
    "DecisionTreeClassifier(entropy)",
    DecisionTreeClassifier(criterion="entropy", class_weight="balanced", min_samples_leaf=3, random_state=0),
    data.classes,
)
entry(
    "DecisionTreeClassifier(monotonic)",
    DecisionTreeClassifier(monotonic_cst=[1, 0, -1, 0, 0], max_depth=4, random_state=0),
    data.binary,
)
entry("DecisionTreeClassifier(one leaf)", DecisionTreeClassifier(max_depth=1, min_samples_split=1000), data.classes)
for _criterion in ("absolute_error", "friedman_mse", "poisson"):
    entry(
        f"DecisionTreeRegressor({_criterion})",
        DecisionTreeRegressor(criterion=_criterion, max_depth=4, random_state=0),
        data.positive,
    )
entry("DecisionTreeRegressor(targets)", DecisionTreeRegressor(max_depth=4, random_state=0), data.targets)
entry("DecisionTreeRegressor(missing)", DecisionTreeRegressor(max_depth=4, random_state=0), data.missing_regression)
entry("DecisionTreeRegressor(float32)", DecisionTreeRegressor(random_state=0), data.single_regression)
entry("DecisionTreeRegressor(one column)", DecisionTreeRegressor(random_state=0, splitter="random"), data.one_column)
entry("ExtraTreeRegressor(missing, targets)", ExtraTreeRegressor(random_state=0, max_depth=5), data.missing_regression)


@case("DecisionTreeClassifier(one class)")
def one_class() -> Pair:
    X, y, rows = data.classes()
    return DecisionTreeClassifier().fit(X, np.zeros_like(y)), rows


@case("DecisionTreeClassifier(multi-output words)")
def worded() -> Pair:
    X, y, rows = data.outputs()
    names = np.column_stack([np.array(["a", "b", "c"])[y[:, 0]], np.array(["no", "yes"])[y[:, 1]]])
    return DecisionTreeClassifier(random_state=0, max_depth=3).fit(X, names), rows


@case("DecisionTreeClassifier(deep chain)")
def chain() -> Pair:
    """Depth 120: each split takes one row away."""
    X = np.arange(121.0).reshape(-1, 1)
    y = np.arange(121) % 2
    return DecisionTreeClassifier(random_state=0, max_leaf_nodes=None).fit(X, y), X + 0.5
