"""All that a model answers over some rows, and the comparison of two sets of answers to the last bit."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import random
import warnings
from collections import UserList
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

METHODS = (
    "transform", "predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "decision_function",
    "score_samples", "mahalanobis", "apply", "decision_path", "kneighbors", "radius_neighbors",
)  # fmt: skip
_STAGED = ("staged_predict", "staged_predict_proba", "staged_decision_function")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.ndarray)


def answers(model: Any, X: Any) -> dict[str, object]:
    """Call every output method of ``model`` on ``X``; an error is an answer too, by its class.

    Fitted attributes and plain parameters are listed as well: some models (t-SNE, DBSCAN) answer by them alone.
    """
    # Some methods draw from numpy's global state where random_state is None.
    np.random.seed(0)
    random.seed(0)
    found: dict[str, object] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, call in itertools.chain(_calls(model, X), _attributes(model)):
            try:
                found[name] = call()
            except Exception as error:
                found[name] = Raised(type(error).__name__)
        if not isinstance(found.get("transform", Raised("")), Raised) and _has(model, "inverse_transform"):
            with contextlib.suppress(Exception):
                found["inverse_transform"] = model.inverse_transform(found["transform"])
    return found


class Raised(str):
    """The name of the error class that a method raised."""

    __slots__ = ()


def spoken(found: dict[str, object]) -> int:
    """How many of the answers are values, parameters and errors not counted."""
    return sum(not isinstance(value, Raised) and not name.startswith("param:") for name, value in found.items())


def _has(model: Any, name: str) -> bool:
    # available_if raises AttributeError from the estimator inside; other errors count as "not available" alike.
    try:
        return callable(getattr(model, name, None))
    except Exception:
        return False


def _calls(model: Any, X: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    for name in METHODS:
        if _has(model, name):
            method = getattr(model, name)
            yield name, lambda method=method: method(X)
    if _has(model, "predict"):
        with contextlib.suppress(TypeError, ValueError):
            if "return_std" in inspect.signature(model.predict).parameters:
                yield "predict:std", lambda: model.predict(X, return_std=True)
    for name in _STAGED:
        if _has(model, name):
            method = getattr(model, name)
            yield name, lambda method=method: list(itertools.islice(method(X), 5))
    if _has(model, "sample"):
        count = {} if "n_samples" not in inspect.signature(model.sample).parameters else {"n_samples": 4}
        seed = {} if "random_state" not in inspect.signature(model.sample).parameters else {"random_state": 0}
        yield "sample", lambda: model.sample(**count, **seed)
    for name in ("get_feature_names_out", "get_support"):
        if _has(model, name):
            yield name, getattr(model, name)


def _attributes(model: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, value in sorted(getattr(model, "__dict__", {}).items()):
        if name.endswith("_") and not name.startswith("_"):
            yield f"attribute:{name}", lambda value=value: _outline(value)
    for name in sorted(dir(type(model))):
        if name in _TOLD and type(model).__module__.startswith("catboost."):
            continue
        if name.endswith("_") and not name.startswith("_") and isinstance(getattr(type(model), name), property):
            yield f"property:{name}", lambda name=name: _outline(getattr(model, name))
    if _has(model, "get_params"):
        # A path or a cache named by ``memory`` is not given back: a file must not choose where a model writes.
        for name, value in sorted(model.get_params(deep=False).items()):
            if name != "memory":
                yield f"param:{name}", lambda value=value: _outline(value)


#: What CatBoost told while it trained: in its own bytes these are texts, with a digit less than a float64 has.
_TOLD = ("best_score_", "evals_result_")


def _outline(value: Any) -> object:
    """A value with its nested objects replaced by the names of their classes."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return np.array([_outline(item) for item in value.ravel()] + [None], dtype=object)[:-1].reshape(value.shape)
    if isinstance(value, _PLAIN) or hasattr(value, "dtypes") or hasattr(value, "indptr"):
        return value
    if isinstance(value, dict):
        return [(_outline(key), _outline(item)) for key, item in value.items()]
    if isinstance(value, UserList):  # what some versions kept columns in: the list in it is what is kept
        return _outline(value.data)
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(_outline, value)]
    if callable(value) and hasattr(value, "__name__"):
        return f"{getattr(value, '__module__', '')}:{value.__name__}"
    if type(value).__module__ in ("datetime", "decimal", "uuid", "fractions"):
        return repr(value)
    return f"{type(value).__module__}:{type(value).__qualname__}"


def same(first: Any, second: Any, where: str = "") -> list[str]:
    """The places at which two answers differ in type, shape or any bit. Every NaN equals every NaN.

    >>> same({"a": np.array([1.0])}, {"a": np.array([np.nextafter(1.0, 2.0)])})
    ["['a']: 1 of 1 values differ, first at 0: 1.0 != 1.0000000000000002"]
    """
    if type(first) is not type(second):
        return [f"{where}: {type(first).__name__} != {type(second).__name__}"]
    if isinstance(first, np.ndarray):
        return _same_arrays(first, second, where)
    if isinstance(first, dict):
        if list(first) != list(second):
            return [f"{where}: keys {sorted(map(str, set(first) ^ set(second))) or 'in another order'}"]
        return [line for key in first for line in same(first[key], second[key], f"{where}[{key!r}]")]
    if isinstance(first, list | tuple):
        if len(first) != len(second):
            return [f"{where}: {len(first)} items != {len(second)}"]
        pairs = enumerate(zip(first, second, strict=True))
        return [line for i, (a, b) in pairs for line in same(a, b, f"{where}[{i}]")]
    if hasattr(first, "dtypes") or hasattr(first, "indptr"):
        return same(_taken_apart(first), _taken_apart(second), where)
    if isinstance(first, np.generic):
        return _same_arrays(np.asarray(first), np.asarray(second), where)
    if isinstance(first, float):
        return _same_arrays(np.asarray(first), np.asarray(second), where)
    return [] if first is second or bool(first == second) else [f"{where}: {first!r} != {second!r}"]


def _taken_apart(value: Any) -> dict[str, Any]:
    """A table, a column or a sparse matrix as plain parts."""
    if hasattr(value, "indptr"):
        return {name: getattr(value, name) for name in ("format", "shape", "data", "indices", "indptr")}
    columns = [value.iloc[:, i] for i in range(value.shape[1])] if value.ndim == 2 else [value]
    return {
        "columns": [str(name) for name in value.columns] if value.ndim == 2 else str(value.name),
        "index": np.asarray(value.index),
        "dtypes": [repr(column.dtype) for column in columns],
        "missing": [np.asarray(column.isna()) for column in columns],
        "values": [np.asarray(column[column.notna()]) for column in columns],
    }


def _same_arrays(first: np.ndarray, second: np.ndarray, where: str) -> list[str]:
    if first.dtype != second.dtype or first.shape != second.shape:
        return [f"{where}: {first.dtype}{first.shape} != {second.dtype}{second.shape}"]
    if isinstance(first, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(first)
        fills = same(first.fill_value, second.fill_value, f"{where}.fill_value") if first.ndim else []
        # What lies under the mask is no answer.
        seen = same(np.ma.getdata(first)[~mask], np.ma.getdata(second)[~mask], where)
        return same(mask, np.ma.getmaskarray(second), f"{where}.mask") + fills + seen
    if first.dtype.kind == "O":
        return same(first.ravel().tolist(), second.ravel().tolist(), where)
    if first.dtype.names:
        return [line for name in first.dtype.names for line in same(first[name], second[name], f"{where}.{name}")]
    if first.dtype.kind in "fc":
        # Equal numbers with equal signs (0.0 and -0.0 compare equal), or NaN on both sides.
        equal = (first == second) & _signs_agree(first, second) | (np.isnan(first) & np.isnan(second))
    else:
        # x != x holds only for "not a time".
        equal = (first == second) | ((first != first) & (second != second))
    if np.all(equal):
        return []
    at = int(np.flatnonzero(~np.ravel(equal))[0])
    count = int(np.size(equal) - np.count_nonzero(equal))
    values = f"{first.ravel()[at].item()!r} != {second.ravel()[at].item()!r}"
    return [f"{where}: {count} of {first.size} values differ, first at {at}: {values}"]


def _signs_agree(first: np.ndarray, second: np.ndarray) -> Any:
    if first.dtype.kind == "f":
        return np.signbit(first) == np.signbit(second)
    real = np.signbit(first.real) == np.signbit(second.real)
    return real & (np.signbit(first.imag) == np.signbit(second.imag))
