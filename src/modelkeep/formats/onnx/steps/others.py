"""Models that fit no other family."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import plain
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.functions import interpolated
from modelkeep.formats.onnx.steps.linear import flat
from modelkeep.formats.onnx.table import Table, row


def repeated(graph: Graph, table: Table, value: Any) -> str:
    """The same for every row, whatever the rows hold. ``value`` is of the shape of one row's answer."""
    array = np.asarray(value)
    first = graph.add("Shape", table.parts[0].name, start=0, end=1)
    shape = graph.add("Concat", first, graph.const(array.shape, np.int64), axis=0) if array.ndim else first
    return graph.add("Expand", graph.const(array[None]), shape)


def dummy_regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    constant = np.asarray(model.constant_, dtype=np.float64).ravel()
    return {"predict": repeated(graph, table, constant[0] if model.n_outputs_ == 1 else constant)}


def dummy_classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    if model.n_outputs_ != 1 or model._strategy not in ("prior", "most_frequent", "constant"):
        raise ExportError("it draws its answers at random, or has several outputs", hint='use strategy="prior"')
    classes = plain(model.classes_)
    if model._strategy == "constant":
        place = int(np.flatnonzero(model.classes_ == np.ravel(model.constant)[0])[0])
    else:
        place = int(np.argmax(model.class_prior_))
    shares = model.class_prior_ if model._strategy == "prior" else np.eye(len(classes))[place]
    return {
        "predict": repeated(graph, table, classes[place]),
        "predict_proba": repeated(graph, table, np.asarray(shares, dtype=np.float64)),
    }


def isotonic(model: Any, graph: Graph, table: Table) -> Outputs:
    x = table.numbers(graph)
    if model.out_of_bounds == "raise":
        raise ExportError("it refuses rows outside what it was fitted on", hint='use out_of_bounds="clip"')
    found = interpolated(graph, x, model.X_thresholds_, model.y_thresholds_)
    if model.out_of_bounds == "nan":
        low, high = (graph.const(float(model.X_thresholds_[end]), np.float64) for end in (0, -1))
        outside = graph.add("Or", graph.add("Less", x, low), graph.add("Greater", x, high))
        found = graph.add("Where", outside, graph.const(np.nan, np.float64), found)
    return {"predict": flat(graph, found)}


def envelope(model: Any, graph: Graph, table: Table) -> Outputs:
    apart = graph.add("Sub", table.numbers(graph), graph.const(row(model.location_)))
    turned = graph.add("MatMul", apart, graph.const(model.get_precision()))
    far = graph.add("ReduceSum", graph.add("Mul", turned, apart), graph.const([1], np.int64), keepdims=0)
    scores = graph.add("Neg", far)
    decision = graph.add("Sub", scores, graph.const(float(model.offset_), np.float64))
    inside = graph.add("GreaterOrEqual", decision, graph.const(0.0, np.float64))
    label = graph.add("Where", inside, graph.const(1, np.int64), graph.const(-1, np.int64))
    return {"predict": label, "decision_function": decision, "score_samples": scores}
