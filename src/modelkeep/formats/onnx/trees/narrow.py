"""What XGBoost makes of scores, in float32 as it does: an exponential is computed wide and rounded once."""

from __future__ import annotations

import numpy as np

from modelkeep.formats.onnx.graph import Graph

_FLOAT, _DOUBLE = 1, 11
#: Where the library cuts an exponent, and what it adds to a denominator.
_CUT, _EPSILON = np.float32(88.7), np.float32(1e-16)


def narrowed(graph: Graph, wide: str) -> str:
    return graph.add("Cast", wide, to=_FLOAT)


def widened(graph: Graph, narrow: str) -> str:
    return graph.add("Cast", narrow, to=_DOUBLE)


def exponential(graph: Graph, scores: str) -> str:
    """exp(x) of float32 scores."""
    return narrowed(graph, graph.add("Exp", widened(graph, scores)))


def sigmoid(graph: Graph, scores: str) -> str:
    """1 / (exp(-x) + 1) of float32 scores."""
    power = exponential(graph, graph.add("Min", graph.add("Neg", scores), graph.const(_CUT)))
    one = graph.const(np.float32(1))
    below = graph.add("Add", graph.add("Add", power, one), graph.const(_EPSILON))
    return graph.add("Div", one, below)


def softmax(graph: Graph, scores: str) -> str:
    """Exponentials over their sum, which is added wide."""
    axis = graph.const([1], np.int64)
    powers = exponential(graph, graph.add("Sub", scores, graph.add("ReduceMax", scores, axis, keepdims=1)))
    total = narrowed(graph, graph.add("ReduceSum", widened(graph, powers), axis, keepdims=1))
    return graph.add("Div", powers, total)
