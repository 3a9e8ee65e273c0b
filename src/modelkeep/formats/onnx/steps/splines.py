"""Splines as polynomials between their knots."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Table, of_numbers, row


def spline(model: Any, graph: Graph, table: Table) -> Outputs:
    """Every column becomes the values of its basis splines."""
    rows = table.numbers(graph)
    found, width = [], 0
    for column, basis in enumerate(model.bsplines_):
        x = graph.add("Gather", rows, graph.const([column], np.int64), axis=1)
        made = _values(model, graph, x, basis)
        if getattr(model, "handle_missing", "error") == "zeros":
            made = graph.add("Where", graph.add("IsNaN", x), graph.const(0.0, np.float64), made)
        count = basis.c.shape[1]
        if not model.include_bias:
            count -= 1
            made = graph.add("Gather", made, graph.const(np.arange(count), np.int64), axis=1)
        found.append(made)
        width += count
    return {"transform": of_numbers(graph.add("Concat", *found, axis=1), width)}


def _values(model: Any, graph: Graph, x: str, basis: Any) -> str:
    degree = model.degree
    first, last = float(basis.t[degree]), float(basis.t[-degree - 1])
    if model.extrapolation == "periodic":
        period = graph.const(last - first, np.float64)
        past = graph.add("Sub", x, graph.const(first, np.float64))
        turns = graph.add("Floor", graph.add("Div", past, period))
        x = graph.add("Add", graph.add("Sub", past, graph.add("Mul", turns, period)), graph.const(first, np.float64))
    if model.extrapolation not in ("constant", "linear"):
        return _polynomials(graph, x, basis, first, last)
    low, high = graph.const(first, np.float64), graph.const(last, np.float64)
    below, above = graph.add("Less", x, low), graph.add("Greater", x, high)
    inside = graph.add("Where", below, low, graph.add("Where", above, high, x))
    found = _polynomials(graph, inside, basis, first, last)
    if model.extrapolation == "constant":
        return found
    slopes = basis.derivative() if degree else None
    rises = [row(np.atleast_2d(slopes(edge))) if slopes else row(np.zeros(basis.c.shape[1])) for edge in (first, last)]
    past = graph.add("Sub", x, inside)
    rise = graph.add("Where", below, graph.const(rises[0]), graph.const(rises[1]))
    return graph.add("Add", found, graph.add("Mul", past, rise))


def _polynomials(graph: Graph, x: str, basis: Any, first: float, last: float) -> str:
    """All basis splines at ``x``: the polynomial of the interval in which it lies, of the outer ones beside them."""
    from scipy.interpolate import BSpline, PPoly

    # One by one: a spline of several columns is not taken.
    parts = [PPoly.from_spline(BSpline(basis.t, _padded(basis, each), basis.k)) for each in basis.c.T]
    points = parts[0].x
    inner = (points[:-1] >= first) & (points[:-1] < last) & (np.diff(points) > 0)
    starts, coefficients = points[:-1][inner], np.stack([part.c[:, inner] for part in parts], axis=2)
    reached = graph.add("Cast", graph.add("GreaterOrEqual", x, graph.const(row(starts))), to=7)
    passed = graph.add("ReduceSum", reached, graph.const([1], np.int64), keepdims=0)
    place = graph.add("Max", graph.add("Sub", passed, graph.const(1, np.int64)), graph.const(0, np.int64))
    start = graph.add("Unsqueeze", graph.add("Gather", graph.const(starts), place, axis=0), graph.const([1], np.int64))
    beyond = graph.add("Sub", x, start)
    total = ""
    for power in coefficients:
        each = graph.add("Gather", graph.const(power), place, axis=0)
        total = graph.add("Add", graph.add("Mul", total, beyond), each) if total else each
    return total


def _padded(basis: Any, column: Any) -> Any:
    """Coefficients, with zeros for those that no value inside depends on."""
    wanted = len(basis.t) - basis.k - 1
    return np.append(column, np.zeros(max(0, wanted - len(column))))[:wanted]
