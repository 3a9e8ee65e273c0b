"""Histogram gradient boosting: the predictors are sound (tree_checks.py); here their features and categories exist."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from modelkeep.formats.keep.checks.require import (
    Array,
    Check,
    State,
    an_array,
    array,
    fail,
    features,
    full_name,
    integer,
    is_a,
    require,
    sequence,
)

_PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
_TOGETHER = 32
_FIELDS = {"feature_idx", "is_leaf", "is_categorical"}
_CHECK_ARRAY_OPTIONS = {"dtype", "ensure_all_finite", "force_all_finite"}


def check_boosting(obj: Any) -> None:
    state = vars(obj)
    require(state.get("_in_fit", False) is False, "_in_fit", "a kept model is not in the middle of a fit")
    if "_predictors" not in state:
        return
    width = features(state)
    if "_n_features" in state:
        require(integer(state, "_n_features") == width, "_n_features", f"not the {width} features of the rows")
    columns = integer(state, "n_trees_per_iteration_", 1)
    array(state, "_baseline_prediction", "f8", (1, columns))
    mapper = state.get("_bin_mapper")
    require(is_a(mapper, "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper"), "_bin_mapper", "not one")
    require("n_bins_non_missing_" in vars(mapper), "_bin_mapper", "the bins are not fitted")
    categorical = array(vars(mapper), "is_categorical_", "u1", (width,))
    if state.get("_preprocessor") is not None:
        _check_preprocessor(state["_preprocessor"], width)
    predictors = []
    for iteration in sequence(state, "_predictors"):
        require(type(iteration) is list and len(iteration) == columns, "_predictors", f"not {columns} an iteration")
        predictors.extend(iteration)
    if predictors:
        check_features(predictors, categorical)


def check_features(predictors: list[Any], categorical: Array) -> None:
    """One pass over the nodes of all predictors: each split's feature exists, and is of the kind that the split is."""
    for cls in set(map(type, predictors)):
        require(full_name(cls) == _PREDICTOR, "_predictors", f"a {cls.__name__} is not a predictor")
    pieces: list[Any] = [predictor.__dict__.get("nodes") for predictor in predictors]
    for cls in set(map(type, pieces)):
        require(cls is np.ndarray, "_predictors", "the nodes of a predictor are not an array")
    good = len({piece.dtype for piece in pieces}) == 1 and {piece.ndim for piece in pieces} == {1}
    require(good, "_predictors", "the nodes of predictors are of several types")
    fields = pieces[0].dtype.names
    require(fields and set(fields) >= _FIELDS, "_predictors", "the nodes lack what a split needs")
    # Predictors of a file lie side by side in few arrays, as whole items of them. A fault there may be another model's.
    whole = {id(piece.base): piece.base for piece in pieces}.values()
    together = len(whole) * _TOGETHER <= len(pieces) and all(_is_nodes(nodes, pieces[0].dtype) for nodes in whole)
    if together and not any(_fault(nodes, categorical) for nodes in whole):
        return
    # A copy of many nodes, small enough for the processor's cache, costs less than a look at each predictor.
    for start in range(0, len(pieces), _TOGETHER):
        raw = b"".join([piece.tobytes() for piece in pieces[start : start + _TOGETHER]])
        if fault := _fault(np.frombuffer(raw, pieces[0].dtype), categorical):
            fail("_predictors", fault)


def _is_nodes(array: Any, dtype: np.dtype[Any]) -> bool:
    return type(array) is np.ndarray and array.dtype == dtype and array.ndim == 1


def _fault(nodes: Array, categorical: Array) -> str:
    """What is wrong with the features of the splits among ``nodes``, or nothing."""
    feature = nodes["feature_idx"]
    inside = feature.size and int(feature.min()) >= 0 and int(feature.max()) < len(categorical)
    if inside and not nodes["is_categorical"].any():
        return ""  # the usual case, at half the price: leaves have a feature too, the first one
    splits = nodes["is_leaf"] == 0
    of_splits = feature[splits]
    if of_splits.size and (int(of_splits.min()) < 0 or int(of_splits.max()) >= len(categorical)):
        return f"a split on a feature that is not among {len(categorical)}"
    by_category = nodes["is_categorical"][splits] != 0
    if by_category.any() and not categorical[of_splits[by_category]].all():
        return "a split by categories on a feature that has none"
    return ""


def check_bins(obj: Any) -> None:
    state = vars(obj)
    if "n_bins_non_missing_" not in state:
        return
    bins = array(state, "n_bins_non_missing_", "u4", (None,))
    categorical = array(state, "is_categorical_", "u1", bins.shape)
    require(categorical.max(initial=0) <= 1, "is_categorical_", "neither 0 nor 1")
    integer(state, "missing_values_bin_idx_", 0, 255)
    thresholds = sequence(state, "bin_thresholds_", len(bins))
    for i, found in enumerate(thresholds):
        path = f"bin_thresholds_[{i}]"
        values = an_array(found, path, "f8", (None,))
        require(len(values) <= 256, path, "more bins than a byte can number")
        if categorical[i] and len(values):
            whole = values.min() >= 0 and values.max() <= 255 and (values == np.floor(values)).all()
            require(whole, path, "a category that is not a whole number from 0 to 255")


def _check_preprocessor(found: Any, width: int) -> None:
    """What rows go through before the predictors must give back as many columns, so only its honest form is taken."""
    path = "_preprocessor"
    require(full_name(type(found)) == "sklearn.compose._column_transformer.ColumnTransformer", path, "another class")
    state = vars(found)
    require(state.get("n_features_in_") == width, path, f"it doesn't take rows of {width} features")
    require(state.get("transformer_weights") is None, path, "weights that could change its columns")
    rows: Any = state.get("transformers_")
    require(type(rows) is list and all(type(row) is tuple and len(row) == 3 for row in rows), path, "no transformers")
    by_name = {name: (member, columns) for name, member, columns in rows}
    require(len(by_name) == len(rows), path, "a name twice")
    total = 0
    for name, check in (("encoder", _check_encoder), ("numerical", _check_numerical)):
        require(name in by_name, path, f"no {name}")
        member, columns = by_name.pop(name)
        count = int(an_array(columns, path, "b1", (width,)).sum())
        if count:
            check(member, path, count)
        total += count
    rest = by_name.pop("remainder", ("drop", None))
    require(not by_name and rest[0] == "drop", path, "another transformer")
    require(total == width, path, f"{total} of {width} columns come out of it")


def _check_encoder(member: Any, path: str, count: int) -> None:
    require(full_name(type(member)) == "sklearn.preprocessing._encoders.OrdinalEncoder", path, "another encoder")
    require(vars(member).get("n_features_in_") == count, path, f"the encoder doesn't take {count} columns")


def _check_numerical(member: Any, path: str, count: int) -> None:
    name = "sklearn.preprocessing._function_transformer.FunctionTransformer"
    require(full_name(type(member)) == name, path, "another transformer of numbers")
    state: State = vars(member)
    func: Any = state.get("func")
    good = type(func) is functools.partial and getattr(func.func, "__name__", "") == "check_array" and not func.args
    require(good and func.keywords.keys() <= _CHECK_ARRAY_OPTIONS, path, "numbers go through another function")
    require(not state.get("kw_args"), path, "numbers go through a function with other options")


CHECKS: dict[str, Check] = {
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.BaseHistGradientBoosting": check_boosting,
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper": check_bins,
}
