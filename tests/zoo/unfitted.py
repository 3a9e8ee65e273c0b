"""Every public estimator before its fit."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

#: Values for the parameters that have no default.
_REQUIRED = {
    "estimators": [("line", LogisticRegression())],
    "param_grid": {"C": [0.1, 1.0]},
    "param_distributions": {"C": [0.1, 1.0]},
    "transformers": [("scale", StandardScaler(), [0])],
    "transformer_list": [("scale", StandardScaler())],
    "steps": [("scale", StandardScaler()), ("line", Ridge())],
    "dictionary": np.eye(3),
    "estimator": LogisticRegression(),
    "base_estimator": LogisticRegression(),  # its name in older versions
}


def _bare(cls: type) -> Any:
    parameters = inspect.signature(cls).parameters.values()
    return cls(**{p.name: _REQUIRED[p.name] for p in parameters if p.default is p.empty and p.name in _REQUIRED})


#: One unfitted instance of every public estimator, by class name.
UNFITTED: dict[str, Any] = {name: _bare(cls) for name, cls in all_estimators()}
