"""Models that answer by the likelihood of a row in each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.onnx.answers import labels_of
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.linear import flat, product
from modelkeep.formats.onnx.table import Table, row


def log_sum(graph: Graph, found: str) -> str:
    """The logarithm of the sum of exponentials, rows x 1."""
    axes = graph.const([1], np.int64)
    largest = graph.add("ReduceMax", found, axes, keepdims=1)
    total = graph.add("ReduceSum", graph.add("Exp", graph.add("Sub", found, largest)), axes, keepdims=1)
    return graph.add("Add", graph.add("Log", total), largest)


def _of_likelihood(model: Any, graph: Graph, found: str) -> Outputs:
    shares = graph.add("Exp", graph.add("Sub", found, log_sum(graph, found)))
    return {"predict": labels_of(graph, found, model.classes_), "predict_proba": shares}


def gaussian(model: Any, graph: Graph, table: Table) -> Outputs:
    rows, axes = table.numbers(graph), graph.const([1], np.int64)
    columns = []
    for mean, variance, prior in zip(model.theta_, model.var_, model.class_prior_, strict=True):
        apart = graph.add("Sub", rows, graph.const(row(mean)))
        squares = graph.add("Div", graph.add("Mul", apart, apart), graph.const(row(variance)))
        total = graph.add("Mul", graph.add("ReduceSum", squares, axes, keepdims=1), graph.const(-0.5, np.float64))
        constant = np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * variance))
        columns.append(graph.add("Add", total, graph.const(float(constant), np.float64)))
    return _of_likelihood(model, graph, graph.add("Concat", *columns, axis=1))


def counted(model: Any, graph: Graph, table: Table) -> Outputs:
    """Multinomial and complement: a product with logarithms."""
    alone = type(model).__name__ == "ComplementNB" and len(model.classes_) > 1
    prior = np.zeros(len(model.classes_)) if alone else model.class_log_prior_
    return _of_likelihood(model, graph, product(graph, table.numbers(graph), model.feature_log_prob_.T, prior))


def bernoulli(model: Any, graph: Graph, table: Table) -> Outputs:
    rows = table.numbers(graph)
    if model.binarize is not None:
        rows = graph.add("Cast", graph.add("Greater", rows, graph.const(float(model.binarize), np.float64)), to=11)
    without = np.log(1 - np.exp(model.feature_log_prob_))
    prior = model.class_log_prior_ + without.sum(axis=1)
    return _of_likelihood(model, graph, product(graph, rows, (model.feature_log_prob_ - without).T, prior))


def categorical(model: Any, graph: Graph, table: Table) -> Outputs:
    rows, total = table.numbers(graph), ""
    for column, logarithms in enumerate(model.feature_log_prob_):
        place = graph.add("Cast", graph.add("Gather", rows, graph.const(column, np.int64), axis=1), to=7)
        found = graph.add("Gather", graph.const(logarithms.T), place, axis=0)
        total = graph.add("Add", total, found) if total else found
    return _of_likelihood(model, graph, graph.add("Add", total, graph.const(row(model.class_log_prior_))))


def quadratic(model: Any, graph: Graph, table: Table) -> Outputs:
    rows, axes = table.numbers(graph), graph.const([1], np.int64)
    columns = []
    for mean, rotation, scaling, prior in zip(
        model.means_, model.rotations_, model.scalings_, model.priors_, strict=True
    ):
        apart = graph.add("Sub", rows, graph.const(row(mean)))
        turned = graph.add("MatMul", apart, graph.const(np.asarray(rotation) * np.asarray(scaling) ** -0.5))
        norm = graph.add("ReduceSum", graph.add("Mul", turned, turned), axes, keepdims=1)
        total = graph.add("Add", norm, graph.const(float(np.sum(np.log(scaling))), np.float64))
        half = graph.add("Mul", total, graph.const(-0.5, np.float64))
        columns.append(graph.add("Add", half, graph.const(float(np.log(prior)), np.float64)))
    found = graph.add("Concat", *columns, axis=1)
    outputs = _of_likelihood(model, graph, found)
    if len(model.classes_) != 2:
        return {**outputs, "decision_function": found}
    difference = flat(graph, graph.add("MatMul", found, graph.const([[-1.0], [1.0]])))
    return {**outputs, "decision_function": difference}


def mixture(model: Any, graph: Graph, table: Table) -> Outputs:
    """The components of a mixture in the place of classes."""
    rows, axes = table.numbers(graph), graph.const([1], np.int64)
    columns = []
    count, width = model.means_.shape
    extra = _log_weights(model)
    for place in range(count):
        root = _root(model, place, width)
        turned = graph.add("MatMul", rows, graph.const(root))
        turned = graph.add("Sub", turned, graph.const(row(model.means_[place] @ root)))
        norm = graph.add("ReduceSum", graph.add("Mul", turned, turned), axes, keepdims=1)
        half = graph.add("Mul", norm, graph.const(-0.5, np.float64))
        constant = -0.5 * width * np.log(2 * np.pi) + np.sum(np.log(np.diag(root))) + extra[place]
        columns.append(graph.add("Add", half, graph.const(float(constant), np.float64)))
    found = graph.add("Concat", *columns, axis=1)
    total = log_sum(graph, found)
    return {
        "predict": graph.add("ArgMax", found, axis=1, keepdims=0, select_last_index=0),
        "predict_proba": graph.add("Exp", graph.add("Sub", found, total)),
        "score_samples": flat(graph, total),
    }


def _log_weights(model: Any) -> Any:
    """What each component has whatever the row is: of a variational one, what its priors add too."""
    if type(model).__name__ == "GaussianMixture":
        return np.log(model.weights_)
    from scipy.special import digamma

    width = model.means_.shape[1]
    freedom = np.broadcast_to(np.asarray(model.degrees_of_freedom_, dtype=np.float64), len(model.means_))
    halves = digamma(0.5 * (freedom[None] - np.arange(width)[:, None])).sum(axis=0) + width * np.log(2.0)
    spread = 0.5 * (halves - width / model.mean_precision_ - width * np.log(freedom))
    return np.asarray(model._estimate_log_weights()) + spread


def _root(model: Any, place: int, width: int) -> Any:
    """The root of the inverse covariance of one component, columns x columns."""
    roots = model.precisions_cholesky_
    if model.covariance_type == "full":
        return roots[place]
    if model.covariance_type == "tied":
        return roots
    return np.diag(roots[place]) if model.covariance_type == "diag" else np.eye(width) * roots[place]
