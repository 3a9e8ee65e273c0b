"""What every estimator says of itself: the rows that it takes, and parameters that are dangerous anywhere."""

from __future__ import annotations

from typing import Any

from modelkeep.formats.keep.checks.params import check_rules
from modelkeep.formats.keep.checks.require import INT32, Check, array, integer, require


def check_estimator(obj: Any) -> None:
    state = vars(obj)
    if "n_features_in_" in state:
        width = integer(state, "n_features_in_", 0, INT32)
        if "feature_names_in_" in state:
            names = array(state, "feature_names_in_", "O U", (width,))
            require(set(map(type, names.tolist())) <= {str}, "feature_names_in_", "a name that is not a text")
    if "_n_features_out" in state:
        integer(state, "_n_features_out", 0, INT32)
    check_rules(state)


CHECKS: dict[str, Check] = {"sklearn.base.BaseEstimator": check_estimator}
