"""PMML models: predictors that Java answers for. They answer by the methods that the file holds."""

from __future__ import annotations

from modelkeep.ports import Framework

FRAMEWORK = Framework(
    name="pmml",
    title="PMML",
    claims=("modelkeep.predictors.pmml.",),
    methods=("transform", "predict", "predict_proba", "decision_function"),
    distributions=("pypmml", "jpmml_evaluator"),
)
