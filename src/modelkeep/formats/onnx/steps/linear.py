"""Linear models: a product, a sum, and what is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import labels_of, plain, shares_of_two, sigmoid, softmax
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Table, row


def product(graph: Graph, rows: str, weights: Any, constants: Any) -> str:
    """``rows @ weights + constants``; weights are columns x targets."""
    found = graph.add("MatMul", rows, graph.const(weights, np.float64))
    return graph.add("Add", found, graph.const(row(constants)))


def dense(values: Any) -> Any:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def flat(graph: Graph, name: str) -> str:
    """One column as a list of numbers."""
    return graph.add("Squeeze", name, graph.const([1], np.int64))


def scores_of(model: Any, graph: Graph, rows: str) -> str:
    """The scores of a linear model, rows x targets."""
    weights = np.atleast_2d(dense(model.coef_))
    return product(graph, rows, weights.T, np.broadcast_to(np.asarray(model.intercept_, float), len(weights)))


def regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    rows = table.numbers(graph)
    if hasattr(model, "_x_mean"):  # partial least squares take the mean off first
        rows = graph.add("Sub", rows, graph.const(row(model._x_mean)))
    found = scores_of(model, graph, rows)
    return {"predict": flat(graph, found) if np.ndim(_target(model)) == 1 else found}


def _target(model: Any) -> Any:
    """Something of as many dimensions as the answers have."""
    if hasattr(model, "_predict_1d"):
        return [0] if model._predict_1d else [[0]]
    return dense(model.coef_)


def generalized(model: Any, graph: Graph, table: Table) -> Outputs:
    """Poisson, Gamma and Tweedie regression: the exponential or the sum itself."""
    found = flat(graph, scores_of(model, graph, table.numbers(graph)))
    link = type(model._base_loss.link).__name__
    if link not in ("LogLink", "IdentityLink"):
        raise ExportError(f"its link {link} has no ONNX form", hint="use the log or the identity link")
    return {"predict": graph.add("Exp", found) if link == "LogLink" else found}


def ransac(model: Any, graph: Graph, table: Table) -> Outputs:
    from modelkeep.formats.onnx.steps import converted

    return {"predict": converted(model.estimator_, graph, table, "estimator_")["predict"]}


def one_class(model: Any, graph: Graph, table: Table) -> Outputs:
    scores = product(graph, table.numbers(graph), np.atleast_2d(model.coef_).T, -np.asarray(model.offset_))
    score = flat(graph, scores)
    inside = graph.add("GreaterOrEqual", score, graph.const(0.0, np.float64))
    label = graph.add("Where", inside, graph.const(1, np.int64), graph.const(-1, np.int64))
    samples = graph.add("Add", score, graph.const(float(np.ravel(model.offset_)[0]), np.float64))
    return {"predict": label, "decision_function": score, "score_samples": samples}


def classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    found = scores_of(model, graph, table.numbers(graph))
    if np.asarray(model.classes_).ndim != 1 or getattr(model, "_label_binarizer", None) is not None:
        binarizer = getattr(model, "_label_binarizer", None)
        if binarizer is not None and binarizer.y_type_.startswith("multilabel"):
            above = graph.add("Greater", found, graph.const(0.0, np.float64))
            return {"predict": graph.add("Cast", above, to=7), "decision_function": found}
    outputs = of_scores(model, graph, found)
    shares = _shares(model, graph, found)
    if shares:
        outputs["predict_proba"] = shares
    return outputs


def of_scores(model: Any, graph: Graph, found: str) -> Outputs:
    """Labels from scores: above zero of two classes, the highest of more."""
    if len(model.classes_) == 2:
        score = flat(graph, found)
        above = graph.add("Cast", graph.add("Greater", score, graph.const(0.0, np.float64)), to=7)
        label = graph.add("Gather", graph.const(plain(model.classes_)), above, axis=0)
        return {"predict": label, "decision_function": score}
    return {"predict": labels_of(graph, found, model.classes_), "decision_function": found}


def _shares(model: Any, graph: Graph, found: str) -> str:
    """Shares of classes, where the model gives them."""
    if not hasattr(model, "predict_proba"):
        return ""
    two = len(model.classes_) == 2
    name = type(model).__name__
    if name == "SGDClassifier":
        return _sgd_shares(model, graph, found, two)
    if name == "LinearDiscriminantAnalysis" or (name.startswith("LogisticRegression") and not _one_vs_rest(model)):
        return shares_of_two(graph, found) if two else softmax(graph, found)
    return shares_of_two(graph, found) if two else normalized(graph, sigmoid(graph, found))


def _one_vs_rest(model: Any) -> bool:
    return getattr(model, "multi_class", "auto") == "ovr" or getattr(model, "solver", "") == "liblinear"


def normalized(graph: Graph, shares: str) -> str:
    """Shares over their sum."""
    total = graph.add("ReduceSum", shares, graph.const([1], np.int64), keepdims=1)
    return graph.add("Div", shares, total)


def _sgd_shares(model: Any, graph: Graph, found: str, two: bool) -> str:
    if model.loss == "log_loss":
        return shares_of_two(graph, found) if two else normalized(graph, sigmoid(graph, found))
    if model.loss != "modified_huber":
        return ""
    one, half = graph.const(1.0, np.float64), graph.const(2.0, np.float64)
    cut = graph.add("Clip", found, graph.const(-1.0, np.float64), one)
    shares = graph.add("Div", graph.add("Add", cut, one), half)
    if two:
        return graph.add("Concat", graph.add("Sub", one, shares), shares, axis=1)
    total = graph.add("ReduceSum", shares, graph.const([1], np.int64), keepdims=1)
    nothing = graph.add("Equal", total, graph.const(0.0, np.float64))
    # A row that is likely in no class is equally likely in all.
    even = graph.add("Where", nothing, one, shares)
    whole = graph.add("Where", nothing, graph.const(float(len(model.classes_)), np.float64), total)
    return graph.add("Div", even, whole)
