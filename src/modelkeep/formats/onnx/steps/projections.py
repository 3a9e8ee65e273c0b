"""Projections and selections of columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.linear import dense
from modelkeep.formats.onnx.table import Table, of_numbers, row


def _product(graph: Graph, rows: str, weights: Any) -> str:
    return graph.add("MatMul", rows, graph.const(weights, np.float64))


def pca(model: Any, graph: Graph, table: Table) -> Outputs:
    found = _product(graph, table.numbers(graph), model.components_.T)
    shift = np.reshape(model.mean_, (1, -1)) @ model.components_.T
    found = graph.add("Sub", found, graph.const(row(shift)))
    if model.whiten:
        scale = np.sqrt(model.explained_variance_)
        scale = np.maximum(scale, np.finfo(scale.dtype).eps)
        found = graph.add("Div", found, graph.const(row(scale)))
    return {"transform": of_numbers(found, len(model.components_))}


def components(model: Any, graph: Graph, table: Table) -> Outputs:
    weights = dense(model.components_)
    return {"transform": of_numbers(_product(graph, table.numbers(graph), weights.T), len(weights))}


def ica(model: Any, graph: Graph, table: Table) -> Outputs:
    rows = table.numbers(graph)
    if model.whiten:
        rows = graph.add("Sub", rows, graph.const(row(model.mean_)))
    return {"transform": of_numbers(_product(graph, rows, model.components_.T), len(model.components_))}


def factors(model: Any, graph: Graph, table: Table) -> Outputs:
    scaled = model.components_ / model.noise_variance_
    spread = np.linalg.inv(np.eye(len(model.components_)) + scaled @ model.components_.T)
    rows = graph.add("Sub", table.numbers(graph), graph.const(row(model.mean_)))
    found = _product(graph, _product(graph, rows, scaled.T), spread)
    return {"transform": of_numbers(found, len(model.components_))}


def rbf_sampler(model: Any, graph: Graph, table: Table) -> Outputs:
    """cos(x) is sin(x + pi / 2): the runtime has the one in float64."""
    angles = graph.add(
        "Add", _product(graph, table.numbers(graph), model.random_weights_), graph.const(row(model.random_offset_))
    )
    waves = graph.add("Sin", graph.add("Add", angles, graph.const(np.pi / 2, np.float64)))
    width = model.random_weights_.shape[1]
    return {"transform": of_numbers(graph.add("Mul", waves, graph.const((2.0 / width) ** 0.5, np.float64)), width)}


def selection(model: Any, graph: Graph, table: Table) -> Outputs:
    chosen = np.flatnonzero(model.get_support())
    if not len(chosen):
        raise ExportError("it selects no column", hint="fit it so that it keeps some")
    return {"transform": table.columns(graph, chosen.tolist())}
