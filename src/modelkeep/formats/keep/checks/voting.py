"""Hard voting counts the labels that its members predict, in an array as long as the greatest of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkeep.formats.keep.checks.require import Check, fail, is_a, require, sequence

_MOST_LABELS = 2**24
#: Attributes that a classifier's labels come from.
_LABELS = ("classes_", "constant", "constant_", "outlier_label", "outlier_label_", "y_")
#: What answers in the place of an estimator that holds others.
_INNER = {
    "sklearn.pipeline.Pipeline": "steps",
    "sklearn.model_selection._search.BaseSearchCV": "best_estimator_",
    "sklearn.frozen._frozen.FrozenEstimator": "estimator",
    "sklearn.feature_selection._rfe.RFE": "estimator_",
}


def check_voting(obj: Any) -> None:
    state = vars(obj)
    if "estimators_" not in state or state.get("voting") == "soft":
        return
    for member in sequence(state, "estimators_"):
        require(not is_a(_answering(member), "sklearn.base.RegressorMixin"), "estimators_", "a regressor has no labels")
        for name, value in _labels(member):
            if np.asarray(value).dtype.kind in "iu" and np.size(value) and int(np.max(value)) >= _MOST_LABELS:
                fail("estimators_", f"{name} has a label of {int(np.max(value))}, and each up to it would be counted")


def _answering(model: Any) -> Any:
    for _ in range(50):
        name = next((_INNER[name] for name in _INNER if is_a(model, name)), None)
        inner = vars(model).get(name) if name else None
        if inner is None:
            return model
        model = inner[-1][-1] if type(inner) is list and inner else inner
    return model


def _labels(root: Any) -> Iterator[tuple[str, Any]]:
    """Every attribute of a model or its parts that may hold labels, which may be one list of them for each output."""
    seen: dict[int, Any] = {}
    todo = [root]
    while todo:
        obj = todo.pop()
        if id(obj) in seen or isinstance(obj, type | str | bytes):
            continue
        seen[id(obj)] = obj
        if isinstance(obj, np.ndarray):
            todo += obj.ravel().tolist() if obj.dtype == object else []
        elif isinstance(obj, list | tuple):
            todo += obj
        elif isinstance(obj, dict):
            todo += obj.values()
        elif hasattr(obj, "__dict__"):
            for name, value in vars(obj).items():
                if name in _LABELS:
                    yield from ((name, part) for part in (value if isinstance(value, list | tuple) else [value]))
                else:
                    todo.append(value)


CHECKS: dict[str, Check] = {"sklearn.ensemble._voting.VotingClassifier": check_voting}
