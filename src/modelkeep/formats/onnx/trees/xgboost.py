"""XGBoost's models: what each makes of the sums of its trees, in float32 as it does.

A function takes the model, the graph and its rows (float64, rows x columns), and gives the output of each method.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests.xgboost import Model, parsed
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.trees import narrow
from modelkeep.formats.onnx.trees.emit import emit

Outputs = dict[str, Any]

_PLAIN = """reg:squarederror reg:squaredlogerror reg:pseudohubererror reg:absoluteerror reg:quantileerror
reg:expectileerror binary:logitraw rank:pairwise rank:ndcg rank:map reg:linear""".split()
_POWERS = "count:poisson reg:gamma reg:tweedie survival:cox survival:aft".split()
_SHARES = ("binary:logistic", "reg:logistic")


def of_model(model: Any) -> Model:
    """What a model of the scikit-learn interface, or a booster, computes: as many rounds as it predicts with."""
    if not hasattr(model, "get_booster"):
        return parsed(model.save_raw("json"))
    rounds = getattr(model, "best_iteration", None)  # early stopping sets it
    return parsed(model.get_booster().save_raw("json"), None if rounds is None else int(rounds) + 1, inplace=True)


def booster(model: Any, graph: Graph, rows: str) -> Outputs:
    """A booster, and the regressors and rankers."""
    found = of_model(model)
    return {"predict": narrow.widened(graph, _answers(found, graph, _margin(model, found, graph, rows)))}


def classifier(model: Any, graph: Graph, rows: str) -> Outputs:
    """Labels are the numbers from 0, or yes and no for each of several labels."""
    found = of_model(model)
    margin = _margin(model, found, graph, rows)
    if found.objective == "multi:softmax":
        shares = narrow.softmax(graph, margin)
        label = graph.add("ArgMax", margin, axis=1, keepdims=0)
        return {"predict": label, "predict_proba": narrow.widened(graph, shares)}
    shares = _answers(found, graph, margin)
    if found.n_targets == 1:
        label = _above(graph, shares, to=7)
        column = graph.add("Unsqueeze", shares, graph.const([1], np.int64))
        other = graph.add("Sub", graph.const(np.float32(1)), column)
        shares = graph.add("Concat", other, column, axis=1)
    elif model.n_classes_ != 2:
        label = graph.add("ArgMax", shares, axis=1, keepdims=0)
    else:
        label = _above(graph, shares, to=7)
    return {"predict": label, "predict_proba": narrow.widened(graph, shares)}


def _above(graph: Graph, shares: str, to: int) -> str:
    return graph.add("Cast", graph.add("Greater", shares, graph.const(np.float32(0.5))), to=to)


def _margin(model: Any, found: Model, graph: Graph, rows: str) -> str:
    """The sums, float32, rows x targets."""
    missing = getattr(model, "missing", np.nan)
    if missing is not None and not np.isnan(missing):
        narrowed = narrow.narrowed(graph, rows)
        gap = graph.add("Equal", narrowed, graph.const(np.float32(missing)))
        rows = graph.add("Where", gap, graph.const(np.nan, np.float64), rows)
    if found.forest is not None:
        return narrow.narrowed(graph, emit(found.forest, graph, rows))
    return _linear(found, graph, rows)


def _linear(found: Model, graph: Graph, rows: str) -> str:
    """Products added one by one to the constant, where nothing is missing."""
    gap = graph.add("IsNaN", rows)
    rows = narrow.narrowed(graph, graph.add("Where", gap, graph.const(0.0, np.float64), rows))
    sums, last = [], graph.const([found.n_features - 1], np.int64)
    for target in range(found.n_targets):
        weights = found.weights[:, target]
        start = np.zeros(found.n_features, dtype=np.float32)
        start[0] = weights[-1] + found.base[0]  # the first one, whatever the target
        products = graph.add("Mul", rows, graph.const(weights[None, :-1]))
        total = graph.add("CumSum", graph.add("Add", products, graph.const(start[None])), graph.const(1, np.int64))
        sums.append(graph.add("Gather", total, last, axis=1))
    return graph.add("Concat", *sums, axis=1) if len(sums) > 1 else sums[0]


def _answers(found: Model, graph: Graph, margin: str) -> str:
    """What the objective makes of the sums; one number for a row is a list of numbers."""
    name = found.objective
    if name == "multi:softprob":
        return narrow.softmax(graph, margin)
    if name == "multi:softmax":
        return graph.add("Cast", graph.add("ArgMax", margin, axis=1, keepdims=0), to=1)
    if name in _SHARES:
        margin = narrow.sigmoid(graph, margin)
    elif name in _POWERS:
        margin = narrow.exponential(graph, margin)
    elif name == "binary:hinge":
        margin = graph.add("Cast", graph.add("Greater", margin, graph.const(np.float32(0))), to=1)
    elif name not in _PLAIN:
        raise ExportError(f"its objective {name} has no ONNX form", hint="keep it as .keep, or in its own format")
    return graph.add("Squeeze", margin, graph.const([1], np.int64)) if found.n_targets == 1 else margin
