"""Scalers: each operation in the order and the width in which numpy does it, so that no row crosses a threshold."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Table, of_numbers, rounded, row


def _stepwise(graph: Graph, table: Table, *operations: tuple[str, Any]) -> Outputs:
    """One operation after the other, each stored as numpy stores it in place."""
    found = table.numbers(graph)
    for operator, values in operations:
        if values is not None:
            found = rounded(graph, graph.add(operator, found, graph.const(row(values))), table)
    return {"transform": table.like(found)}


def standard(model: Any, graph: Graph, table: Table) -> Outputs:
    """Newer versions of scikit-learn narrow its constants to what the rows are, before anything is computed."""
    mean, scale = model.mean_ if model.with_mean else None, model.scale_ if model.with_std else None
    if table.narrow and _narrows():
        mean, scale = (None if each is None else np.asarray(each, dtype=np.float32) for each in (mean, scale))
    return _stepwise(graph, table, ("Sub", mean), ("Div", scale))


@functools.cache
def _narrows() -> bool:
    """Whether the installed version does: it is asked for the difference of a number and the same one narrowed."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_std=False)
    scaler.mean_, scaler.scale_, scaler.n_features_in_ = np.array([0.1]), None, 1
    return float(scaler.transform(np.array([[0.1]], dtype=np.float32))[0, 0]) == 0.0


def max_abs(model: Any, graph: Graph, table: Table) -> Outputs:
    found = _stepwise(graph, table, ("Div", model.scale_))
    return _clipped(graph, found, (-1.0, 1.0)) if getattr(model, "clip", False) else found


def robust(model: Any, graph: Graph, table: Table) -> Outputs:
    centre = model.center_ if model.with_centering else None
    return _stepwise(graph, table, ("Sub", centre), ("Div", model.scale_ if model.with_scaling else None))


def min_max(model: Any, graph: Graph, table: Table) -> Outputs:
    found = _stepwise(graph, table, ("Mul", model.scale_), ("Add", model.min_))
    return _clipped(graph, found, model.feature_range) if model.clip else found


def _clipped(graph: Graph, found: Outputs, bounds: Any) -> Outputs:
    low, high = (graph.const(float(bound), np.float64) for bound in bounds)
    table: Table = found["transform"]
    rows = table.numbers(graph)
    # Clip keeps no NaN in every runtime: comparisons do.
    rows = graph.add("Where", graph.add("Less", rows, low), low, rows)
    return {"transform": table.like(graph.add("Where", graph.add("Greater", rows, high), high, rows))}


def normalizer(model: Any, graph: Graph, table: Table) -> Outputs:
    rows = table.numbers(graph)
    axes = graph.const([1], np.int64)
    if model.norm == "l2":
        norm = graph.add("Sqrt", graph.add("ReduceSum", graph.add("Mul", rows, rows), axes, keepdims=1))
    else:
        reduce = {"l1": "ReduceSum", "max": "ReduceMax"}[model.norm]
        norm = graph.add(reduce, graph.add("Abs", rows), axes, keepdims=1)
    # What is nearly nothing in the rows' own type is left as it is, not blown up to one.
    nothing = 10 * np.finfo(np.float32 if table.narrow else np.float64).eps
    empty = graph.add("Less", norm, graph.const(float(nothing), np.float64))
    norm = graph.add("Where", empty, graph.const(1.0, np.float64), norm)
    return {"transform": table.like(rounded(graph, graph.add("Div", rows, norm), table))}


def binarizer(model: Any, graph: Graph, table: Table) -> Outputs:
    above = graph.add("Greater", table.numbers(graph), graph.const(float(model.threshold), np.float64))
    return {"transform": table.like(graph.add("Cast", above, to=11))}


def polynomial(model: Any, graph: Graph, table: Table) -> Outputs:
    """Products of columns, multiplied up one factor at a time."""
    rows = table.numbers(graph)
    powers = np.asarray(model.powers_)
    if powers.size > 1_000_000:
        raise ExportError(f"it makes {len(powers)} columns", hint="choose a lower degree")
    degree = int(powers.sum(axis=1).max(initial=0))
    # Factor by factor: column numbers of each product, and the column of ones where it has no more factors.
    width = table.width
    factors = np.full((degree, len(powers)), width)
    for place, exponents in enumerate(powers):
        columns = np.repeat(np.arange(width), exponents)
        factors[: len(columns), place] = columns
    ones = graph.add(
        "Add", graph.add("Mul", _first(graph, rows), graph.const(0.0, np.float64)), graph.const(1.0, np.float64)
    )
    wide = graph.add("Concat", rows, ones, axis=1)
    found = ""
    for each in factors:
        factor = graph.add("Gather", wide, graph.const(each, np.int64), axis=1)
        found = rounded(graph, graph.add("Mul", found, factor), table) if found else factor
    found = found or graph.add("Gather", wide, graph.const([width], np.int64), axis=1)
    return {"transform": of_numbers(found, len(powers))}


def _first(graph: Graph, rows: str) -> str:
    return graph.add("Gather", rows, graph.const([0], np.int64), axis=1)
