"""ONNX models: predictors that onnxruntime runs. They answer by the methods that the file holds."""

from __future__ import annotations

from modelkeep.ports import Framework
from modelkeep.predictors import METHODS

FRAMEWORK = Framework(
    name="onnx",
    title="ONNX",
    claims=("modelkeep.predictors.onnx.", "onnxruntime."),
    methods=METHODS,
    distributions=("onnxruntime",),
)
