"""Shares of classes from shares of pairs, as libsvm couples them.

The iteration is method 2 of T.-F. Wu, C.-J. Lin and R. C. Weng, Probability Estimates for Multi-class Classification
by Pairwise Coupling, Journal of Machine Learning Research 5 (2004), with libsvm's bounds, order and end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.formats.onnx.answers import sigmoid
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.table import row

_LEAST = 1e-7


def shares(model: Any, graph: Graph, scores: str) -> str:
    """rows x classes, from the scores of the pairs, rows x pairs."""
    count = len(model.classes_)
    slope, start = graph.const(row(model._probA)), graph.const(row(model._probB))
    likely = sigmoid(graph, graph.add("Neg", graph.add("Add", graph.add("Mul", scores, slope), start)))
    likely = graph.add("Max", likely, graph.const(_LEAST, np.float64))
    return _coupled(graph, graph.add("Min", likely, graph.const(1 - _LEAST, np.float64)), count)


def _coupled(graph: Graph, likely: str, count: int) -> str:
    matrix = _matrix(graph, likely, count)
    lines = [graph.add("Gather", matrix, graph.const(t, np.int64), axis=1) for t in range(count)]
    own = [_column(graph, line, t) for t, line in enumerate(lines)]
    first = graph.add("Mul", lines[0], graph.const(0.0, np.float64))  # as many rows
    first = graph.add("Add", first, graph.const(1.0 / count, np.float64))

    def body(found: str) -> tuple[str, Sequence[str]]:
        """Rows that are near enough keep what they have; the loop ends when all are."""
        product = graph.add("Unsqueeze", found, graph.const([2], np.int64))
        product = graph.add("Squeeze", graph.add("MatMul", matrix, product), graph.const([2], np.int64))
        total = _sum(graph, graph.add("Mul", found, product))
        error = graph.add("Abs", graph.add("Sub", product, total))
        far = graph.add("GreaterOrEqual", error, graph.const(0.005 / count, np.float64))
        far = graph.add("Greater", _sum(graph, graph.add("Cast", far, to=11)), graph.const(0.0, np.float64))
        moved = _round(graph, found, product, total, lines, own)
        open_rows = graph.add("ReduceSum", graph.add("Cast", far, to=11), keepdims=0)
        proceed = graph.add("Greater", open_rows, graph.const(0.0, np.float64))
        return proceed, [graph.add("Where", far, moved, found)]

    return graph.loop(max(100, count), [first], body)[0]


def _matrix(graph: Graph, likely: str, count: int) -> str:
    """Q of the method, rows x classes x classes: minus r_jt r_tj, and on the diagonal the sum of r_jt squared."""
    places = np.zeros((count, count), np.int64)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    for place, (i, j) in enumerate(pairs):
        places[i, j], places[j, i] = place, len(pairs) + place
    both = graph.add("Concat", likely, graph.add("Sub", graph.const(1.0, np.float64), likely), axis=1)
    table = graph.add("Gather", both, graph.const(places), axis=1)
    table = graph.add("Mul", table, graph.const(1.0 - np.eye(count)))
    crossed = graph.add("Neg", graph.add("Mul", table, graph.add("Transpose", table, perm=[0, 2, 1])))
    squares = graph.add("ReduceSum", graph.add("Mul", table, table), graph.const([1], np.int64), keepdims=1)
    return graph.add("Add", crossed, graph.add("Mul", squares, graph.const(np.eye(count))))


def _round(graph: Graph, found: str, product: str, total: str, lines: Sequence[str], own: Sequence[str]) -> str:
    """Each class in its turn; each turn uses what those before it have changed."""
    one, two = graph.const(1.0, np.float64), graph.const(2.0, np.float64)
    for t, line in enumerate(lines):
        here = _column(graph, product, t)
        step = graph.add("Div", graph.add("Sub", total, here), own[t])
        grown = graph.add("Add", one, step)
        gain = graph.add("Add", graph.add("Mul", step, own[t]), graph.add("Mul", two, here))
        total = graph.add("Add", total, graph.add("Mul", step, gain))
        total = graph.add("Div", graph.add("Div", total, grown), grown)
        product = graph.add("Div", graph.add("Add", product, graph.add("Mul", step, line)), grown)
        only = graph.const(np.eye(len(lines))[t : t + 1])
        found = graph.add("Div", graph.add("Add", found, graph.add("Mul", step, only)), grown)
    return found


def _column(graph: Graph, name: str, place: int) -> str:
    return graph.add("Gather", name, graph.const([place], np.int64), axis=1)


def _sum(graph: Graph, name: str) -> str:
    return graph.add("ReduceSum", name, graph.const([1], np.int64), keepdims=1)
