"""Encoders that build sparse matrices from what they learned, and splines: where their numbers point must exist."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from modelkeep.formats.keep.checks.require import (
    Array,
    Check,
    State,
    an_array,
    array,
    features,
    indices,
    integer,
    is_a,
    number,
    permutation,
    require,
    sequence,
)

_MAX_DEGREE = 1000
_NUMBER = (int, float, np.integer, np.floating, np.bool_)


def check_one_hot(obj: Any) -> None:
    """A category becomes a column; compiled code fills it without a look at how many columns there are."""
    state = vars(obj)
    if "categories_" not in state:
        return
    width = features(state)
    categories = sequence(state, "categories_", width)
    counts = [len(_check_categories(found, f"categories_[{i}]")) for i, found in enumerate(categories)]
    if state.get("_infrequent_enabled"):
        counts = _check_infrequent(state, counts)
    drop = state.get("_drop_idx_after_grouping")
    if drop is not None:
        for i, dropped in enumerate(array(state, "_drop_idx_after_grouping", "O i u", (width,)).tolist()):
            if dropped is not None:
                integer({"_drop_idx_after_grouping": dropped}, "_drop_idx_after_grouping", 0, counts[i] - 1)
                counts[i] -= 1
    outs = sequence(state, "_n_features_outs", width)
    require(all(isinstance(n, int | np.integer) for n in outs), "_n_features_outs", "a width that is not a number")
    require([int(n) for n in outs] == counts, "_n_features_outs", f"not {counts[:20]} columns")


def _check_categories(found: Any, path: str) -> Array:
    """Numbers are looked up by halving, which finds a place outside of them unless they are sorted."""
    values = an_array(found, path, "b i u f O U S M m", (None,))
    if values.dtype.kind not in "OUS" and len(values):
        require(not (values[1:] < values[:-1]).any(), path, "the categories are not sorted")
        if values.dtype.kind == "f":
            require(not np.isnan(values[:-1]).any(), path, "a missing value that is not the last category")
    elif values.dtype.kind == "O":
        _check_mixed(values.tolist(), path)
    return values


def _check_mixed(values: list[Any], path: str) -> None:
    """Objects are looked up by their hash, but numbers among them by halving, where the rows hold numbers."""
    while values and (values[-1] is None or values[-1] != values[-1]):  # missing values come last
        values.pop()
    if not any(issubclass(kind, _NUMBER) for kind in set(map(type, values))):
        return
    numbers = all(isinstance(value, _NUMBER) for value in values)
    require(numbers and all(a <= b for a, b in itertools.pairwise(values)), path, "the categories are not sorted")


def _check_infrequent(state: State, counts: list[int]) -> list[int]:
    """Rare categories share one column: how many columns are left for each feature."""
    rare = sequence(state, "_infrequent_indices", len(counts))
    mappings = sequence(state, "_default_to_infrequent_mappings", len(counts))
    left = list(counts)
    for i, (few, mapping) in enumerate(zip(rare, mappings, strict=True)):
        require((few is None) == (mapping is None), "_infrequent_indices", "rare categories without a place")
        if few is None:
            continue
        found = an_array(few, "_infrequent_indices", "i u", (None,))
        require(len(found), "_infrequent_indices", "no rare categories")
        indices(found, counts[i], "_infrequent_indices")
        left[i] = counts[i] - len(found) + 1
        places = an_array(mapping, "_default_to_infrequent_mappings", "i u", (counts[i],))
        indices(places, left[i], "_default_to_infrequent_mappings")
    return left


def check_multilabel(obj: Any) -> None:
    state = vars(obj)
    cached: Any = state.get("_cached_dict")
    if cached is not None:
        require(type(cached) is dict, "_cached_dict", "the places of classes are not a dictionary")
        permutation(cached.values(), len(cached), "_cached_dict")
        if "classes_" in state:
            require(len(array(state, "classes_", "", (None,))) == len(cached), "_cached_dict", "not all classes")


def check_polynomial(obj: Any) -> None:
    """The number of products is what the degree makes it, so no output is wider than it says."""
    state = vars(obj)
    if "_max_degree" not in state:
        return
    width, high = features(state), integer(state, "_max_degree", 0, _MAX_DEGREE)
    low = integer(state, "_min_degree", 0, high)
    choose = math.comb if state.get("interaction_only") else lambda n, k: math.comb(n + k - 1, k)
    bias = int(bool(state.get("include_bias")))
    for name, start in (("n_output_features_", max(1, low)), ("_n_out_full", 1)):
        count = bias + sum(choose(width, k) for k in range(start, high + 1))
        found = integer(state, name, 0, 2**63 - 1)
        require(found == count, name, f"not the {count} products of degree {low} to {high}")


def _of_spline(obj: Any) -> dict[str, Any]:
    """Where versions of scipy keep these differs; the properties are the same."""
    return {name: getattr(obj, name, None) for name in ("t", "c", "k", "axis", "extrapolate")}


def check_spline(obj: Any) -> None:
    """``scipy.interpolate.BSpline``: knots, coefficients and degree."""
    state = _of_spline(obj)
    knots = array(state, "t", "f8", (None,))
    coefficients: Any = state.get("c")
    numbers = isinstance(coefficients, np.ndarray) and coefficients.dtype.str[1:] in ("f8", "c16")
    require(numbers and coefficients.ndim >= 1, "c", "the coefficients are not an array of numbers")
    degree = integer(state, "k", 0, _MAX_DEGREE)
    room = len(knots) - degree - 1
    require(room >= degree + 1, "t", f"{len(knots)} knots are too few for degree {degree}")
    require(len(coefficients) >= room, "c", f"{len(coefficients)} coefficients, not {room}")
    require(not (knots[1:] < knots[:-1]).any(), "t", "the knots are not sorted")
    integer(state, "axis", 0, coefficients.ndim - 1)
    require(state.get("extrapolate") in (True, False, None, "periodic"), "extrapolate", "not a way to go on")


def check_spline_features(obj: Any) -> None:
    state = vars(obj)
    if "bsplines_" not in state:
        return
    splines = sequence(state, "bsplines_", features(state))
    require(splines, "bsplines_", "no splines")
    shapes = set()
    for spline in splines:
        require(is_a(spline, "scipy.interpolate._bsplines.BSpline"), "bsplines_", "not a spline")
        found = _of_spline(spline)
        shapes.add((np.shape(found["c"]), np.shape(found["t"]), found["k"]))
    require(len(shapes) == 1, "bsplines_", "splines of several shapes")
    coefficients = next(iter(shapes))[0]
    require(len(coefficients) == 2, "bsplines_", "the coefficients are not a matrix")
    width = len(splines) * (coefficients[1] - (not state.get("include_bias")))
    require(integer(state, "n_features_out_") == width, "n_features_out_", f"not the {width} columns of the splines")
    integer(state, "degree", 0, _MAX_DEGREE)


def check_sketch(obj: Any) -> None:
    state = vars(obj)
    if "indexHash_" not in state:
        return
    degree, width = integer(state, "degree", 1, _MAX_DEGREE), features(state) + (state.get("coef0") != 0)
    buckets = integer(state, "n_components", 1)
    places = array(state, "indexHash_", "i u", (degree, width))
    indices(places, buckets, "indexHash_")
    array(state, "bitHash_", "i f", places.shape)


def check_chi2_sampler(obj: Any) -> None:
    state = vars(obj)
    if "n_features_in_" in state:
        integer(state, "sample_steps", 1, _MAX_DEGREE)
        if state.get("sample_interval") is not None:
            number(state, "sample_interval", 0)


CHECKS: dict[str, Check] = {
    "sklearn.preprocessing._encoders.OneHotEncoder": check_one_hot,
    "sklearn.preprocessing._label.MultiLabelBinarizer": check_multilabel,
    "sklearn.preprocessing._polynomial.PolynomialFeatures": check_polynomial,
    "sklearn.preprocessing._polynomial.SplineTransformer": check_spline_features,
    "scipy.interpolate._bsplines.BSpline": check_spline,
    "sklearn.kernel_approximation.PolynomialCountSketch": check_sketch,
    "sklearn.kernel_approximation.AdditiveChi2Sampler": check_chi2_sampler,
}
