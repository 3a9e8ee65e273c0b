"""LightGBM: its models and its boosters answer rows as they are."""

from __future__ import annotations

from typing import Any

from modelkeep.ports import Cell, Framework


def edges(model: Any) -> tuple[Any, Any]:
    """The columns and thresholds of its trees."""
    import numpy as np

    booster = model if type(model).__name__ == "Booster" else model.booster_
    table = booster.trees_to_dataframe()
    table = table[table["decision_type"] == "<="]
    places = {name: place for place, name in enumerate(booster.feature_name())}
    return np.array([places[name] for name in table["split_feature"]]), table["threshold"].to_numpy(dtype=float)


FRAMEWORK = Framework(
    name="lightgbm",
    title="LightGBM",
    claims=("lightgbm.",),
    methods=("predict", "predict_proba"),
    distributions=("lightgbm", "numpy", "scipy"),
    edges=Cell("modelkeep.frameworks.lightgbm:edges", ("lightgbm",)),
)
