"""Kernel machines: a matrix of kernels between the rows and those that the model keeps, and a product."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import labels_of
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, coupling
from modelkeep.formats.onnx.steps.linear import dense, flat
from modelkeep.formats.onnx.table import Table, of_numbers, row


def squared_distances(graph: Graph, rows: str, others: Any) -> str:
    """||x - y||^2 for all rows and others, not below zero."""
    others = dense(others)
    own = graph.add("ReduceSum", graph.add("Mul", rows, rows), graph.const([1], np.int64), keepdims=1)
    products = graph.add("MatMul", rows, graph.const(others.T))
    total = graph.add("Add", own, graph.const(row((others * others).sum(axis=1))))
    total = graph.add("Sub", total, graph.add("Mul", products, graph.const(2.0, np.float64)))
    return graph.add("Max", total, graph.const(0.0, np.float64))


def kernel_of(graph: Graph, rows: str, others: Any, kind: Any, gamma: float, degree: float, coef0: float) -> str:
    """The kernel matrix, rows x others."""
    if kind == "rbf":
        scaled = graph.add("Mul", squared_distances(graph, rows, others), graph.const(-gamma, np.float64))
        return graph.add("Exp", scaled)
    if kind == "precomputed":
        return rows
    products = graph.add("MatMul", rows, graph.const(dense(others).T))
    if kind == "linear":
        return products
    if kind not in ("poly", "polynomial", "sigmoid"):
        raise ExportError(f"its kernel {kind!r} has no ONNX form", hint="use linear, poly, rbf or sigmoid")
    inner = graph.add(
        "Add", graph.add("Mul", products, graph.const(gamma, np.float64)), graph.const(float(coef0), np.float64)
    )
    if kind == "sigmoid":
        return graph.add("Tanh", inner)
    return graph.add("Pow", inner, graph.const(float(degree), np.float64))


def _of_machine(model: Any, graph: Graph, table: Table) -> str:
    if model.kernel == "precomputed" or callable(model.kernel):
        raise ExportError("its kernel is computed outside", hint="use linear, poly, rbf or sigmoid")
    rows = table.numbers(graph)
    return kernel_of(graph, rows, model.support_vectors_, model.kernel, float(model._gamma), model.degree, model.coef0)


def _sums(model: Any, graph: Graph, table: Table) -> str:
    found = graph.add("MatMul", _of_machine(model, graph, table), graph.const(dense(model._dual_coef_).T))
    return flat(graph, graph.add("Add", found, graph.const(row(model._intercept_))))


def svr(model: Any, graph: Graph, table: Table) -> Outputs:
    return {"predict": _sums(model, graph, table)}


def one_class(model: Any, graph: Graph, table: Table) -> Outputs:
    score = _sums(model, graph, table)
    inside = graph.add("Greater", score, graph.const(0.0, np.float64))
    label = graph.add("Where", inside, graph.const(1, np.int64), graph.const(-1, np.int64))
    samples = graph.add("Add", score, graph.const(float(np.ravel(model.offset_)[0]), np.float64))
    return {"predict": label, "decision_function": score, "score_samples": samples}


def svc(model: Any, graph: Graph, table: Table) -> Outputs:
    """Every pair of classes has a vote; shares of classes are not what decides."""
    if getattr(model, "break_ties", False):
        raise ExportError("it breaks ties by scores", hint="fit it with break_ties=False")
    kernels = _of_machine(model, graph, table)
    classes, pairs = model.classes_, _pairs(model)
    found = graph.add("MatMul", kernels, graph.const(pairs[0]))
    found = graph.add("Add", found, graph.const(row(model._intercept_)))
    above = graph.add("Greater", found, graph.const(0.0, np.float64))
    first, second = _votes(pairs[1], len(classes))
    votes = graph.add(
        "Add",
        graph.add("MatMul", graph.add("Cast", above, to=11), graph.const(first)),
        graph.add("MatMul", graph.add("Cast", graph.add("Not", above), to=11), graph.const(second)),
    )
    outputs = {"predict": labels_of(graph, votes, classes)}
    if len(classes) == 2:
        outputs["decision_function"] = flat(graph, graph.add("Neg", found))
    elif model.decision_function_shape == "ovo":
        outputs["decision_function"] = found
    else:
        outputs["decision_function"] = _one_vs_rest(graph, found, first, second)
    if hasattr(model, "predict_proba") and len(model._probA):
        outputs["predict_proba"] = coupling.shares(model, graph, found)
    return outputs


def _pairs(model: Any) -> tuple[Any, list[tuple[int, int]]]:
    """Weights of the support vectors for each pair of classes, and the pairs."""
    dual, ends = dense(model._dual_coef_), np.cumsum([0, *model._n_support])
    count = len(model.classes_)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    weights = np.zeros((dual.shape[1], len(pairs)))
    for place, (i, j) in enumerate(pairs):
        weights[ends[i] : ends[i + 1], place] = dual[j - 1, ends[i] : ends[i + 1]]
        weights[ends[j] : ends[j + 1], place] = dual[i, ends[j] : ends[j + 1]]
    return weights, pairs


def _votes(pairs: list[tuple[int, int]], count: int) -> tuple[Any, Any]:
    """For each pair the class that wins above zero, and the one that wins below."""
    first, second = np.zeros((len(pairs), count)), np.zeros((len(pairs), count))
    for place, (i, j) in enumerate(pairs):
        first[place, i], second[place, j] = 1.0, 1.0
    return first, second


def _one_vs_rest(graph: Graph, found: str, first: Any, second: Any) -> str:
    """Votes, and between equal votes the sums of scores, pressed into less than half a vote."""
    sums = graph.add("MatMul", found, graph.const(first - second))
    lost = graph.add("Less", graph.add("Neg", found), graph.const(0.0, np.float64))
    won = graph.add("Cast", lost, to=11)
    other = graph.add("Cast", graph.add("Not", lost), to=11)
    votes = graph.add(
        "Add", graph.add("MatMul", won, graph.const(first)), graph.add("MatMul", other, graph.const(second))
    )
    one, three = graph.const(1.0, np.float64), graph.const(3.0, np.float64)
    pressed = graph.add("Div", sums, graph.add("Mul", three, graph.add("Add", graph.add("Abs", sums), one)))
    return graph.add("Add", votes, pressed)


def _pairwise(model: Any, graph: Graph, rows: str, others: Any) -> str:
    """By the parameters that kernel methods outside the support vector machines have."""
    gamma = model.gamma if model.gamma is not None else 1.0 / dense(others).shape[1]
    gamma = getattr(model, "gamma_", gamma)
    default = {"degree": 3, "coef0": 1}
    degree, coef0 = (default[n] if getattr(model, n) is None else getattr(model, n) for n in ("degree", "coef0"))
    if getattr(model, "kernel_params", None):
        raise ExportError("its kernel has parameters of its own", hint="use linear, poly, rbf or sigmoid")
    return kernel_of(graph, rows, others, model.kernel, float(gamma), float(degree), float(coef0))


def ridge(model: Any, graph: Graph, table: Table) -> Outputs:
    kernels = _pairwise(model, graph, table.numbers(graph), model.X_fit_)
    weights = dense(model.dual_coef_)
    found = graph.add("MatMul", kernels, graph.const(weights.reshape(len(weights), -1)))
    return {"predict": flat(graph, found) if weights.ndim == 1 else found}


def nystroem(model: Any, graph: Graph, table: Table) -> Outputs:
    kernels = _pairwise(model, graph, table.numbers(graph), model.components_)
    found = graph.add("MatMul", kernels, graph.const(dense(model.normalization_).T))
    return {"transform": of_numbers(found, len(model.normalization_))}


def pca(model: Any, graph: Graph, table: Table) -> Outputs:
    kernels = _pairwise(model, graph, table.numbers(graph), model.X_fit_)
    centre = model._centerer
    mean = graph.add("ReduceMean", kernels, graph.const([1], np.int64), keepdims=1)
    centred = graph.add("Sub", graph.add("Sub", kernels, graph.const(row(centre.K_fit_rows_))), mean)
    centred = graph.add("Add", centred, graph.const(float(centre.K_fit_all_), np.float64))
    vectors = np.zeros_like(model.eigenvectors_)
    kept = np.flatnonzero(model.eigenvalues_)
    vectors[:, kept] = model.eigenvectors_[:, kept] / np.sqrt(model.eigenvalues_[kept])
    return {"transform": of_numbers(graph.add("MatMul", centred, graph.const(vectors)), vectors.shape[1])}
