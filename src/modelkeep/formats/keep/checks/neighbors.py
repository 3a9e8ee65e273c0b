"""Nearest neighbours: distances are taken between a user's rows and the fitted ones without a look at their width."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.require import (
    FLOATS,
    INT32,
    Array,
    Check,
    State,
    an_array,
    array,
    fail,
    features,
    indices,
    integer,
    is_a,
    number,
    require,
    sequence,
    sparse_or_array,
)

_TREES = (
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._kd_tree.KDTree64",
    "sklearn.neighbors._kd_tree.KDTree32",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._ball_tree.BallTree64",
    "sklearn.neighbors._ball_tree.BallTree32",
)
_METHODS = ("brute", "kd_tree", "ball_tree")
_METRIC_KEYS = {"p", "w", "V", "VI", "missing_values", "squared"}
_NUMBERS = "f i u b"
_HUGE = 1e100
#: Metrics for which ``_fit_X`` holds distances, or may lack some numbers; numpy alone finds their neighbours.
_OF_OTHER_ROWS = ("precomputed", "nan_euclidean")


def check_neighbors(obj: Any) -> None:
    state = vars(obj)
    if "_fit_X" not in state:
        return
    method = state.get("_fit_method")
    require(method in _METHODS, "_fit_method", f"{quote(repr(method))} is not a way to find neighbours")
    tree = state.get("_tree")
    width = features(state) if method == "brute" or "n_features_in_" in state else None
    rows, columns = sparse_or_array(state["_fit_X"], "_fit_X", _NUMBERS, (None, width))
    require(rows == integer(state, "n_samples_fit_"), "n_samples_fit_", f"_fit_X has {rows} rows")
    if method == "brute":
        require(tree is None, "_tree", "neighbours that are found without a tree have none")
        require(rows and columns, "_fit_X", "there are no rows to compare with")
    else:
        require(is_a(tree, *_TREES), "_tree", "neighbours that are found by a tree need it")
        require(tree.data.shape == (rows, columns), "_tree", "the tree has another shape than _fit_X")
    check_metric(state, columns)
    if method == "brute" and type(state["effective_metric_"]) is str:
        _check_sizes(state)
    for name in ("n_neighbors", "n_neighbors_"):
        if state.get(name) is not None:
            integer(state, name, 1, 2**62)
    if "_y" in state:
        _check_targets(state, rows)


def check_metric(state: State, columns: int) -> None:
    """The numbers that a metric takes per column must be there for each column: compiled code reads them by column."""
    metric = state.get("effective_metric_")
    values: Any = state.get("effective_metric_params_")
    require(type(values) is dict, "effective_metric_params_", "the parameters of a metric are a dictionary")
    if callable(metric):
        return
    require(type(metric) is str, "effective_metric_", "a metric is a name or a function")
    path = "effective_metric_params_"
    for key in values.keys() - _METRIC_KEYS:
        fail(path, f"{quote(str(key))} is not a parameter of a metric")
    if "p" in values:
        number(values, "p", 0)
    for key, shape in (("w", (columns,)), ("V", (columns,)), ("VI", (columns, columns))):
        if values.get(key) is not None:
            an_array(np.asarray(values[key]), f"{path}.{key}", _NUMBERS, shape)


def _check_sizes(state: State) -> None:
    """A distance that is not finite is never among the nearest: the place of a neighbour stays -1, and is used."""
    metric, values = state["effective_metric_"], state["effective_metric_params_"]
    if metric in _OF_OTHER_ROWS:
        return
    found = state["_fit_X"]
    numbers = found if isinstance(found, np.ndarray) else array(dict(vars(found)), "data", _NUMBERS, (None,))
    if numbers.size and numbers.dtype.kind == "f":
        low, high = float(numbers.min()), float(numbers.max())
        require(low >= -_HUGE and high <= _HUGE, "_fit_X", "a number that makes a distance infinite")
        power = values.get("p", 2)
        if metric == "minkowski" and power > 3 and numbers.ndim == 2 and np.isfinite(power):
            spread = float(np.ptp(numbers, axis=0).max())
            require(spread <= 1 or power * np.log10(spread) < 300, "_fit_X", "a number that makes a distance infinite")
    path = "effective_metric_params_"
    for key in ("w", "V", "VI"):
        if values.get(key) is not None:
            given = np.abs(np.asarray(values[key], float))
            require(np.isfinite(given).all() and given.max(initial=0) <= _HUGE, f"{path}.{key}", "an infinite number")
            require(key != "V" or given.min(initial=1) >= 1 / _HUGE, f"{path}.V", "a variance of nothing")


def _check_targets(state: State, rows: int) -> None:
    """A classifier's targets are positions among its classes."""
    targets = state["_y"]
    if not isinstance(targets, np.ndarray) or not targets.ndim:
        fail("_y", "the targets are not an array")
    require(len(targets) == rows, "_y", f"{len(targets)} targets of {rows} rows")
    if "classes_" not in state:
        return
    classes = state["classes_"]
    if targets.ndim == 1:
        require(targets.dtype.kind in "iu", "_y", "the targets are not positions among classes")
        indices(targets, len(an_array(classes, "classes_", "", (None,))), "_y")
        return
    array(state, "_y", "i u", (rows, len(sequence(state, "classes_"))))
    for i, found in enumerate(classes):
        indices(targets[:, i], len(an_array(found, "classes_", "", (None,))), "_y")


def check_density(obj: Any) -> None:
    state = vars(obj)
    if "tree_" not in state:
        return
    require(is_a(state["tree_"], *_TREES), "tree_", "a density needs its tree")
    columns = state["tree_"].data.shape[1]
    require(columns == features(state), "tree_", "the tree has another number of columns than the density")
    if "bandwidth_" in state:
        number(state, "bandwidth_", 0)
    for name in ("atol", "rtol"):
        number(state, name, 0)


def check_imputer(obj: Any) -> None:
    state = vars(obj)
    if "_fit_X" not in state:
        return
    width = features(state)
    data = array(state, "_fit_X", _NUMBERS, (None, width))
    array(state, "_mask_fit_X", "b1", data.shape)
    if "_valid_mask" in state:
        array(state, "_valid_mask", "b1", (width,))
    integer(state, "n_neighbors", 1, 2**62)


def check_propagation(obj: Any) -> None:
    """Weights of the fitted rows index the distributions of their labels."""
    state = vars(obj)
    if "X_" not in state:
        return
    rows, _ = sparse_or_array(state["X_"], "X_", _NUMBERS, (None, features(state)))
    if "label_distributions_" in state:
        array(state, "label_distributions_", FLOATS, (rows, None))
    integer(state, "n_neighbors", 1, INT32)


def check_outlier_factor(obj: Any) -> None:
    state = vars(obj)
    if "_lrd" in state:
        rows = integer(state, "n_samples_fit_")
        array(state, "_lrd", FLOATS, (rows,))
        columns: Array = array(state, "_distances_fit_X_", FLOATS, (rows, None))
        require(columns.shape[1] >= integer(state, "n_neighbors_", 1), "_distances_fit_X_", "too few neighbours")


CHECKS: dict[str, Check] = {
    "sklearn.neighbors._base.NeighborsBase": check_neighbors,
    "sklearn.neighbors._lof.LocalOutlierFactor": check_outlier_factor,
    "sklearn.neighbors._kde.KernelDensity": check_density,
    "sklearn.impute._knn.KNNImputer": check_imputer,
    "sklearn.semi_supervised._label_propagation.BaseLabelPropagation": check_propagation,
}
