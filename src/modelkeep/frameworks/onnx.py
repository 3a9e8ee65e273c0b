"""ONNX models: predictors that onnxruntime runs. They answer by the methods that the file holds."""

from __future__ import annotations

from modelkeep.ports import Framework

FRAMEWORK = Framework(
    name="onnx",
    title="ONNX",
    claims=("modelkeep.predictors.onnx.", "onnxruntime."),
    methods=(
        "forward",
        "transform",
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
        "score_samples",
    ),
    distributions=("onnxruntime",),
)
