"""LightGBM's models: what each makes of the sums of its trees.

A function takes the model, the graph and its rows (float64, rows x columns), and gives the output of each method.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests.lightgbm import Model, parsed
from modelkeep.formats.onnx.answers import labels_of, softmax
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.trees.emit import emit

Outputs = dict[str, Any]

_PLAIN = """regression regression_l1 huber fair quantile mape lambdarank rank_xendcg custom none""".split()
_SHARES = ("binary", "multiclassova", "cross_entropy")


def of_model(model: Any) -> Model:
    """What a model of the scikit-learn interface, or a booster, computes: as many rounds as it predicts with."""
    return parsed(getattr(model, "booster_", model).model_to_string())


def booster(model: Any, graph: Graph, rows: str) -> Outputs:
    """A booster, and the regressors and rankers."""
    found = of_model(model)
    return {"predict": _answers(model, found, graph, _mean(found, graph, emit(found.forest, graph, rows)))}


def classifier(model: Any, graph: Graph, rows: str) -> Outputs:
    found = of_model(model)
    sums = emit(found.forest, graph, rows)
    shares = _answers(model, found, graph, _mean(found, graph, sums))
    single = found.forest.n_targets == 1
    outputs: Outputs = {}
    if hasattr(model, "decision_function"):  # the sums, never a mean
        outputs["decision_function"] = graph.add("Squeeze", sums, graph.const([1], np.int64)) if single else sums
    if _is_own(model):  # a loss of the user's: the model itself gives no labels
        return {"predict": shares, "predict_proba": shares, **outputs}
    if single:
        column = graph.add("Unsqueeze", shares, graph.const([1], np.int64))
        shares = graph.add("Concat", graph.add("Sub", graph.const(1.0, np.float64), column), column, axis=1)
    return {"predict": labels_of(graph, shares, model.classes_), "predict_proba": shares, **outputs}


def _is_own(model: Any) -> bool:
    return callable(getattr(model, "_objective", None))


def _mean(found: Model, graph: Graph, total: str) -> str:
    return graph.add("Div", total, graph.const(found.mean, np.float64)) if found.mean != 1.0 else total


def _answers(model: Any, found: Model, graph: Graph, scores: str) -> str:
    """What the objective makes of the sums; one number for a row is a list of numbers."""
    name, single = found.objective, found.forest.n_targets == 1
    if _is_own(model) or not name:
        pass
    elif name == "multiclass":
        scores = softmax(graph, scores)
    elif name in _SHARES:
        scores = _sigmoid(graph, scores, float(found.settings.get("sigmoid", 1.0)))
    elif name in ("poisson", "gamma", "tweedie"):
        scores = graph.add("Exp", scores)
    elif name == "cross_entropy_lambda":
        one = graph.const(1.0, np.float64)
        scores = graph.add("Log", graph.add("Add", graph.add("Exp", scores), one))
    elif name not in _PLAIN:
        raise ExportError(f"its objective {name} has no ONNX form", hint="keep it as .keep, or in its own format")
    elif "sqrt" in found.settings:
        square = graph.add("Mul", scores, scores)
        scores = graph.add("Mul", graph.add("Sign", scores), square)
    return graph.add("Squeeze", scores, graph.const([1], np.int64)) if single else scores


def _sigmoid(graph: Graph, scores: str, slope: float) -> str:
    """1 / (1 + exp(-slope x)), as the library writes it."""
    one = graph.const(1.0, np.float64)
    power = graph.add("Exp", graph.add("Mul", scores, graph.const(-slope, np.float64)))
    return graph.add("Div", one, graph.add("Add", one, power))
