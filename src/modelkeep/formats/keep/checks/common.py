"""What every estimator says of itself: the rows that it takes, and parameters that are dangerous anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.keep.checks.params import check_rules
from modelkeep.formats.keep.checks.require import INT32, Check, State, array, fail, integer, is_a, require

_MANY = 2**24
_SPARSITY = 1000


def check_estimator(obj: Any) -> None:
    state = vars(obj)
    if not type(obj).__module__.startswith("sklearn."):
        # A class of one's own may call anything by these names; what it inherits from has its own checks.
        return
    if "n_features_in_" in state:
        width = integer(state, "n_features_in_", 0, INT32)
        if width > _MANY:
            _check_evidence(state, "n_features_in_", width)
        if "feature_names_in_" in state:
            names = array(state, "feature_names_in_", "O U", (width,))
            require(set(map(type, names.tolist())) <= {str}, "feature_names_in_", "a name that is not a text")
    if "_n_features_out" in state:
        width = integer(state, "_n_features_out", 0, INT32)
        if width > _MANY:
            _check_evidence(state, "_n_features_out", width)
    check_rules(state)


def _check_evidence(state: State, name: str, width: int) -> None:
    """The model's page in a notebook makes a name for each column: a number alone must not ask for so many."""
    for value in state.values():
        if isinstance(value, np.ndarray):
            if value.size >= width:
                return
        elif is_a(value, "scipy.sparse._base._spbase") and width in vars(value).get("_shape", ()):
            stored = vars(value).get("data")
            if isinstance(stored, np.ndarray) and stored.size * _SPARSITY >= width:
                return
    fail(name, f"{width} columns, of which nothing in the model tells")


def check_memory(obj: Any) -> None:
    if vars(obj).get("memory") is not None:
        fail("memory", "a cache folder would be written to and read from", "save the model with memory=None")


CHECKS: dict[str, Check] = {
    "sklearn.base.BaseEstimator": check_estimator,
    "sklearn.pipeline.Pipeline": check_memory,
    "sklearn.cluster._optics.OPTICS": check_memory,
    "sklearn.cluster._agglomerative.AgglomerativeClustering": check_memory,
}
