"""Models that turn the scores of another into shares of classes, or into labels by a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import labels_of, plain, sigmoid
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, converted
from modelkeep.formats.onnx.steps.compounds import mean_of
from modelkeep.formats.onnx.steps.linear import flat
from modelkeep.formats.onnx.table import Table, of_numbers


def calibrated(model: Any, graph: Graph, table: Table) -> Outputs:
    parts = []
    for place, each in enumerate(model.calibrated_classifiers_):
        found = converted(each.estimator, graph, table, f"calibrated_classifiers_[{place}].estimator")
        # The first that the estimator has, even where the file has only the second.
        method = "decision_function" if hasattr(each.estimator, "decision_function") else "predict_proba"
        if method not in found:
            raise ExportError("its estimator gives no scores in ONNX", hint="calibrate another model")
        parts.append(_calibrated(each, graph, found[method], method, len(model.classes_)))
    mean = mean_of(graph, parts, None)
    return {"predict": labels_of(graph, mean, model.classes_), "predict_proba": mean}


def _calibrated(each: Any, graph: Graph, scores: str, method: str, count: int) -> str:
    if each.method == "temperature":
        raise ExportError("its temperature has no ONNX form", hint='use method="sigmoid" or "isotonic"')
    if count == 2 and method == "decision_function":
        columns = [graph.add("Unsqueeze", scores, graph.const([1], np.int64))]
    else:
        chosen = [1] if count == 2 else range(count)
        columns = [graph.add("Gather", scores, graph.const([i], np.int64), axis=1) for i in chosen]
    shares = [_fitted(calibrator, graph, x) for calibrator, x in zip(each.calibrators, columns, strict=True)]
    one = graph.const(1.0, np.float64)
    if count == 2:
        return graph.add("Concat", graph.add("Sub", one, shares[0]), shares[0], axis=1)
    found = graph.add("Concat", *shares, axis=1)
    total = graph.add("ReduceSum", found, graph.const([1], np.int64), keepdims=1)
    none = graph.add("Equal", total, graph.const(0.0, np.float64))
    shared = graph.add("Div", found, graph.add("Where", none, one, total))
    even = graph.add("Where", none, graph.const(1.0 / count, np.float64), shared)
    # A sum that is a little more than one is cut.
    slightly = graph.add(
        "And", graph.add("Greater", even, one), graph.add("LessOrEqual", even, graph.const(1.0 + 1e-5, np.float64))
    )
    return graph.add("Where", slightly, one, even)


def _fitted(calibrator: Any, graph: Graph, x: str) -> str:
    if type(calibrator).__name__ == "_SigmoidCalibration":
        scaled = graph.add("Mul", x, graph.const(-float(calibrator.a_), np.float64))
        return sigmoid(graph, graph.add("Sub", scaled, graph.const(float(calibrator.b_), np.float64)))
    found = converted(calibrator, graph, of_numbers(x, 1), "calibrators")["predict"]
    return graph.add("Unsqueeze", found, graph.const([1], np.int64))


def threshold(model: Any, graph: Graph, table: Table) -> Outputs:
    """A label by a threshold of one's own on the score of the positive class."""
    found = converted(model.estimator_, graph, table, "estimator_")
    limit = getattr(model, "best_threshold_", getattr(model, "threshold", "auto"))
    method = model._get_response_method() if hasattr(model, "_get_response_method") else "auto"
    names = [method] if isinstance(method, str) else list(method)
    chosen = next((name for name in names if hasattr(model.estimator_, name)), None)
    if chosen is None or chosen not in found:
        raise ExportError("its estimator gives no scores in ONNX", hint="use another estimator")
    positive = (
        1 if getattr(model, "pos_label", None) is None else int(np.flatnonzero(model.classes_ == model.pos_label)[0])
    )
    if chosen == "predict_proba":
        score = flat(graph, graph.add("Gather", found[chosen], graph.const([positive], np.int64), axis=1))
    else:
        score = found[chosen] if positive else graph.add("Neg", found[chosen])
    if limit == "auto":
        limit = 0.5 if chosen == "predict_proba" else 0.0
    above = graph.add("Cast", graph.add("GreaterOrEqual", score, graph.const(float(limit), np.float64)), to=7)
    classes = plain(model.classes_)
    order = classes[[1 - positive, positive]]
    outputs = {k: v for k, v in found.items() if k in ("predict_proba", "decision_function")}
    return {**outputs, "predict": graph.add("Gather", graph.const(order), above, axis=0)}
