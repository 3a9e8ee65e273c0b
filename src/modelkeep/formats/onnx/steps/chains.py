"""Models that ask one estimator after the other, or one for every pair of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import labels_of, plain
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, converted
from modelkeep.formats.onnx.table import DOUBLE, Part, Table


def regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    """Each estimator gets the rows and the answers of those before it."""
    return {"predict": _chained(model, graph, table, "predict", ["predict"])["predict"]}


def classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    """The same, of classes; ``chain_method_`` says which answer goes on to the next one."""
    kinds = [each for each in ("predict", "predict_proba", "decision_function") if hasattr(model, each)]
    return _chained(model, graph, table, model.chain_method_, kinds)


def _chained(model: Any, graph: Graph, table: Table, passed: str, kinds: list[str]) -> Outputs:
    # The answers lie beside the rows in an array of float64.
    wide = Table((Part(table.numbers(graph), table.width),))
    columns: dict[str, list[str]] = {kind: [] for kind in kinds}
    for place, each in enumerate(model.estimators_):
        found = converted(each, graph, wide, f"estimators_[{place}]")
        if len(getattr(each, "classes_", (0, 1))) != 2:
            raise ExportError(f"estimators_[{place}] does not know two classes", hint="chain targets of two classes")
        for kind in list(columns):
            if kind in found:
                columns[kind].append(_column(graph, found[kind], kind))
            else:
                del columns[kind]
        wide = Table((*wide.parts, Part(_passed(graph, found, passed, place), 1)))
    order = np.argsort(np.asarray(model.order_))
    return {kind: _ordered(graph, parts, order) for kind, parts in columns.items()}


def _passed(graph: Graph, found: Outputs, method: str, place: int) -> str:
    kind = "predict_proba" if method == "predict_log_proba" else method
    if kind not in found:
        raise ExportError(f"estimators_[{place}] has no {kind} in ONNX", hint='chain with chain_method="predict"')
    column = _column(graph, found[kind], kind)
    return graph.add("Log", column) if method == "predict_log_proba" else column


def _column(graph: Graph, found: str, kind: str) -> str:
    """One float64 column: of shares that of the second class."""
    if kind == "predict_proba":
        return graph.add("Gather", found, graph.const([1], np.int64), axis=1)
    return graph.add("Unsqueeze", graph.add("Cast", found, to=DOUBLE), graph.const([1], np.int64))


def _ordered(graph: Graph, parts: list[str], order: Any) -> str:
    joined = graph.add("Concat", *parts, axis=1)
    return graph.add("Gather", joined, graph.const(order, np.int64), axis=1)


def one_vs_one(model: Any, graph: Graph, table: Table) -> Outputs:
    """Votes of pairs, and among equal votes the sums of scores pressed into less than half a vote."""
    count = len(model.classes_)
    if model.pairwise_indices_ is not None:
        raise ExportError("its kernel is computed outside", hint="use a kernel by name")
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    votes, scores = [], []
    for place, each in enumerate(model.estimators_):
        found = converted(each, graph, table, f"estimators_[{place}]")
        method = "decision_function" if hasattr(each, "decision_function") else "predict_proba"
        if method not in found or not hasattr(each, "classes_"):
            raise ExportError(f"estimators_[{place}] gives no scores in ONNX", hint="use another estimator")
        scores.append(_column(graph, found[method], method))
        votes.append(_column(graph, found["predict"], "predict"))
    for_first, for_second = np.zeros((2, len(pairs), count))
    for place, (i, j) in enumerate(pairs):
        for_first[place, i], for_second[place, j] = 1.0, 1.0
    one = graph.const(1.0, np.float64)
    second = graph.add("Concat", *votes, axis=1)
    first = graph.add("Sub", one, second)
    total = graph.add(
        "Add",
        graph.add("MatMul", first, graph.const(for_first)),
        graph.add("MatMul", second, graph.const(for_second)),
    )
    sums = graph.add("MatMul", graph.add("Concat", *scores, axis=1), graph.const(for_second - for_first))
    below = graph.add("Mul", graph.const(3.0, np.float64), graph.add("Add", graph.add("Abs", sums), one))
    decision = graph.add("Add", total, graph.add("Div", sums, below))
    return _decided(model, graph, decision)


def _decided(model: Any, graph: Graph, decision: str) -> Outputs:
    if len(model.classes_) != 2:
        return {"predict": labels_of(graph, decision, model.classes_), "decision_function": decision}
    score = graph.add("Gather", decision, graph.const(1, np.int64), axis=1)
    limit = 0.0 if hasattr(model.estimators_[0], "decision_function") else 0.5
    above = graph.add("Cast", graph.add("Greater", score, graph.const(limit, np.float64)), to=7)
    return {
        "predict": graph.add("Gather", graph.const(plain(model.classes_)), above, axis=0),
        "decision_function": score,
    }
