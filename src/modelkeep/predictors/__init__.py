"""Predictors: objects that answer as a model does, from a file that holds the computation of its answers only."""

#: The methods that an ONNX file may hold.
METHODS = (
    "forward",
    "transform",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score_samples",
)
