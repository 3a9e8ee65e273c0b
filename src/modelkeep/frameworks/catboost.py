"""CatBoost: its models answer rows as they are."""

from __future__ import annotations

from modelkeep.ports import Framework

FRAMEWORK = Framework(
    name="catboost",
    title="CatBoost",
    claims=("catboost.",),
    methods=("predict", "predict_proba"),
    distributions=("catboost", "numpy"),
)
