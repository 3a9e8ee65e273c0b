"""CatBoost's models: what each makes of the sums of its trees.

A function takes the model, the graph and its rows (float64, rows x columns), and gives the output of each method.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests.catboost import Model, parsed
from modelkeep.formats.onnx.answers import labels_of, plain, sigmoid, softmax
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.trees.emit import emit

Outputs = dict[str, Any]

_MANY = "MultiClass"
_EACH = ("MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy")
_LABELS = ("MultiLogloss", "MultiCrossEntropy")


def of_model(model: Any) -> Model:
    """What a model computes, from the JSON that it writes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save_model(str(file), format="json")
        return parsed(json.loads(file.read_bytes()), len(model.feature_names_))


def catboost(model: Any, graph: Graph, rows: str) -> Outputs:
    """Any of its models: what it predicts without being asked for more."""
    found = of_model(model)
    scores = emit(found.forest, graph, rows)
    if found.scale != 1.0:
        scores = graph.add("Mul", scores, graph.const(found.scale, np.float64))
    if np.any(found.bias):
        scores = graph.add("Add", scores, graph.const(found.bias[None, :]))
    if type(model).__name__ == "CatBoostClassifier":
        return _classifier(model, found, graph, scores)
    return {"predict": _numbers(model, found, graph, scores)}


def _numbers(model: Any, found: Model, graph: Graph, scores: str) -> str:
    kind = "RawFormulaVal" if type(model).__name__ == "CatBoost" else model._get_default_prediction_type()
    if kind == "Exponent":
        scores = graph.add("Exp", scores)
    elif kind == "RMSEWithUncertainty":  # a mean, and the logarithm of a deviation, which becomes a variance
        parts = [graph.add("Gather", scores, graph.const([place], np.int64), axis=1) for place in (0, 1)]
        double = graph.add("Mul", parts[1], graph.const(2.0, np.float64))
        scores = graph.add("Concat", parts[0], graph.add("Exp", double), axis=1)
    elif kind != "RawFormulaVal":
        raise ExportError(f"its predictions of type {kind} have no ONNX form", hint="keep it as .keep or .cbm")
    return graph.add("Squeeze", scores, graph.const([1], np.int64)) if found.forest.n_targets == 1 else scores


def _classifier(model: Any, found: Model, graph: Graph, scores: str) -> Outputs:
    loss = str(model._object._get_loss_function_name())
    classes = np.asarray(model.classes_)
    if found.forest.n_targets == 1 and loss not in (_MANY, *_EACH):
        second = sigmoid(graph, scores)
        shares = graph.add("Concat", graph.add("Sub", graph.const(1.0, np.float64), second), second, axis=1)
        border = graph.const(_border(model), np.float64)
        above = graph.add("Cast", graph.add("Greater", graph.add("Squeeze", scores, _one(graph)), border), to=7)
        return {"predict": graph.add("Gather", graph.const(plain(classes)), above, axis=0), "predict_proba": shares}
    if loss in _LABELS:
        above = graph.add("Greater", scores, graph.const(_border(model), np.float64))
        return {"predict": graph.add("Cast", above, to=7), "predict_proba": sigmoid(graph, scores)}
    if loss not in (_MANY, *_EACH):
        raise ExportError(f"its loss {loss} has no ONNX form", hint="keep it as .keep or .cbm")
    shares = softmax(graph, scores) if loss == _MANY else sigmoid(graph, scores)
    label = labels_of(graph, scores, classes)
    return {"predict": graph.add("Unsqueeze", label, _one(graph)), "predict_proba": shares}


def _one(graph: Graph) -> str:
    return graph.const([1], np.int64)


def _border(model: Any) -> float:
    """The score above which the second class is predicted; its probability may be set."""
    share = model.get_probability_threshold() if hasattr(model, "get_probability_threshold") else None
    if share is None or share == 0.5:
        return 0.0
    return -float(np.log(1.0 / share - 1.0))
