"""Layers of neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.onnx.answers import labels_of, plain, sigmoid, softmax
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.linear import flat, product
from modelkeep.formats.onnx.table import Table, of_numbers


def _active(graph: Graph, name: str, found: str) -> str:
    if name == "relu":
        return graph.add("Max", found, graph.const(0.0, np.float64))
    if name == "tanh":
        return graph.add("Tanh", found)
    if name == "logistic":
        return sigmoid(graph, found)
    if name == "softmax":
        return softmax(graph, found)
    return graph.add("Exp", found) if name == "exp" else found


def mlp(model: Any, graph: Graph, table: Table) -> Outputs:
    found = table.numbers(graph)
    last = len(model.coefs_) - 1
    for place, (weights, constants) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        found = product(graph, found, weights, constants)
        found = _active(graph, model.activation if place < last else model.out_activation_, found)
    if not hasattr(model, "classes_"):
        return {"predict": flat(graph, found) if model.n_outputs_ == 1 else found}
    half = graph.const(0.5, np.float64)
    if model.n_outputs_ == 1:
        above = graph.add("Cast", graph.add("Greater", found, half), to=7)
        label = graph.add("Gather", graph.const(plain(model.classes_)), flat(graph, above), axis=0)
        shares = graph.add("Concat", graph.add("Sub", graph.const(1.0, np.float64), found), found, axis=1)
        return {"predict": label, "predict_proba": shares}
    if model._label_binarizer.y_type_.startswith("multilabel"):
        return {"predict": graph.add("Cast", graph.add("Greater", found, half), to=7), "predict_proba": found}
    return {"predict": labels_of(graph, found, model.classes_), "predict_proba": found}


def rbm(model: Any, graph: Graph, table: Table) -> Outputs:
    found = product(graph, table.numbers(graph), model.components_.T, model.intercept_hidden_)
    return {"transform": of_numbers(sigmoid(graph, found), len(model.components_))}
