"""What models make of scores: labels and shares, as scikit-learn computes them, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.onnx.graph import Graph


def labels_of(graph: Graph, scores: str, classes: Any, *, last: bool = False) -> str:
    """The class with the highest score, the first of several, or the last."""
    place = graph.add("ArgMax", scores, axis=1, keepdims=0, select_last_index=int(last))
    return graph.add("Gather", graph.const(plain(classes)), place, axis=0)


def plain(classes: Any) -> Any:
    """Classes as a dtype that ONNX has: texts as objects, numbers as they are."""
    array = np.asarray(classes)
    if array.dtype.kind == "O" and len(array) and not all(isinstance(each, str) for each in array.tolist()):
        return np.array(array.tolist())
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def softmax(graph: Graph, scores: str) -> str:
    """Shares: exponentials over their sum, of scores less the largest one."""
    largest = graph.add("ReduceMax", scores, graph.const([1], np.int64), keepdims=1)
    powers = graph.add("Exp", graph.add("Sub", scores, largest))
    return graph.add("Div", powers, graph.add("ReduceSum", powers, graph.const([1], np.int64), keepdims=1))


def sigmoid(graph: Graph, scores: str) -> str:
    """1 / (1 + exp(-x)), without overflow for large negative numbers."""
    one = graph.const(1.0, np.float64)
    power = graph.add("Exp", graph.add("Neg", graph.add("Abs", scores)))
    below = graph.add("Add", one, power)
    negative = graph.add("Less", scores, graph.const(0.0, np.float64))
    return graph.add("Where", negative, graph.add("Div", power, below), graph.add("Div", one, below))


def shares_of_two(graph: Graph, score: str) -> str:
    """The shares of two classes from one score, rows x 1."""
    second = sigmoid(graph, score)
    return graph.add("Concat", graph.add("Sub", graph.const(1.0, np.float64), second), second, axis=1)
