"""Linear models and decompositions whose matrices compiled code reads, or goes on learning with, by the rows' width."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.keep.checks.require import (
    FLOATS,
    Check,
    an_array,
    array,
    features,
    integer,
    is_a,
    number,
    require,
    sparse_or_array,
)

#: More rounds than this over the rows of one question are refused: with a bad tolerance they would never end.
_MAX_ROUNDS = 10**6


def check_sgd(obj: Any) -> None:
    """Learning goes on in these arrays, as far as the rows are wide."""
    state = vars(obj)
    if "coef_" not in state:
        return
    width, coef = features(state), state["coef_"]
    if is_a(coef, "scipy.sparse._base._spbase"):
        sparse_or_array(coef, "coef_", FLOATS, (None, width))
        return
    require(isinstance(coef, np.ndarray) and coef.ndim in (1, 2), "coef_", "the coefficients are not a matrix")
    shape = (*coef.shape[:-1], width)
    require(all(shape), "coef_", "no coefficients")
    array(state, "coef_", FLOATS, shape)
    outputs = 1 if coef.ndim == 1 else shape[0]
    if coef.ndim == 2:
        classes = len(array(state, "classes_", "", (None,)))
        require(outputs == (1 if classes <= 2 else classes), "coef_", f"{outputs} rows of {classes} classes")
    for name in ("_standard_coef", "_average_coef"):
        if state.get(name) is not None:
            # Of two classes, some are kept flat.
            flat = outputs == 1 and np.ndim(state[name]) == 1
            array(state, name, FLOATS, (width,) if flat else shape)
    for name in ("intercept_", "_standard_intercept", "_average_intercept"):
        if state.get(name) is not None:
            array(state, name, FLOATS, (outputs,))
    if "_expanded_class_weight" in state:
        array(state, "_expanded_class_weight", FLOATS, (None,))
    if "t_" in state:
        number(state, "t_")


def check_covariance(obj: Any) -> None:
    """The distances of Mahalanobis read the precision as a square, as wide as the rows."""
    state = vars(obj)
    if "covariance_" not in state and "precision_" not in state and "location_" not in state:
        return
    width = features(state)
    if state.get("precision_") is not None or "precision_" in state:
        if state["precision_"] is None:
            require(state.get("store_precision") is False, "precision_", "the precision is not there")
        else:
            array(state, "precision_", FLOATS, (width, width))
    array(state, "covariance_", FLOATS, (width, width))
    array(state, "location_", FLOATS, (width,))


def check_components(obj: Any) -> None:
    """A factorisation answers by solving anew: its parts fit each other, and the work has an end."""
    state = vars(obj)
    for name in ("max_iter", "max_doc_update_iter", "transform_max_iter", "_transform_max_iter"):
        if state.get(name) is not None:
            integer(state, name, 0, _MAX_ROUNDS)
    for name in ("tol", "mean_change_tol"):
        if state.get(name) is not None:
            number(state, name)
    if "components_" not in state:
        if "n_components_" in state:  # of SparseCoder, which is given its components
            rows = len(an_array(np.asarray(state.get("dictionary")), "dictionary", "f i u", (None, None)))
            require(integer(state, "n_components_") == rows, "n_components_", f"not {rows} components")
        return
    rows, columns = array(state, "components_", FLOATS, (None, features(state))).shape
    for name in ("n_components_", "_n_components"):
        if name in state:
            require(integer(state, name) == rows, name, f"not {rows} components")
    for name in ("exp_dirichlet_component_", "_components_numerator", "_components_denominator"):
        if name in state:
            array(state, name, FLOATS, (rows, columns))


def check_mixture(obj: Any) -> None:
    """Drawing samples decomposes the covariances, which never ends over infinite ones."""
    state = vars(obj)
    for name in ("means_", "covariances_"):
        if name in state:
            values = state[name]
            good = isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isfinite(values).all()
            require(good, name, "not an array of finite numbers")


def check_isotonic(obj: Any) -> None:
    """The points of a curve, of which scipy makes a function."""
    state = vars(obj)
    if "X_thresholds_" in state or "y_thresholds_" in state:
        points = array(state, "X_thresholds_", FLOATS, (None,))
        array(state, "y_thresholds_", FLOATS, points.shape)
        require(len(points) and not (points[1:] < points[:-1]).any(), "X_thresholds_", "the points are not sorted")


CHECKS: dict[str, Check] = {
    "sklearn.isotonic.IsotonicRegression": check_isotonic,
    "sklearn.mixture._base.BaseMixture": check_mixture,
    "sklearn.linear_model._stochastic_gradient.BaseSGD": check_sgd,
    "sklearn.covariance._empirical_covariance.EmpiricalCovariance": check_covariance,
    "sklearn.decomposition._nmf._BaseNMF": check_components,
    "sklearn.decomposition._lda.LatentDirichletAllocation": check_components,
    "sklearn.decomposition._dict_learning._BaseSparseCoding": check_components,
}
