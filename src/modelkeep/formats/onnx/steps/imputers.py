"""Imputers: gaps are filled with what was learned, and perhaps told in columns of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.encoders import MARKS, mark_of
from modelkeep.formats.onnx.table import Part, Table, joined, of_numbers, row


def _gaps(graph: Graph, part: Part, missing: Any) -> str:
    """Where a part has what counts as missing."""
    every = type(missing).__name__ == "NAType"  # to the imputer of pandas' missing value None and NaN are missing too
    nothing = every or missing is None or (isinstance(missing, float) and missing != missing)
    if part.text:
        texts = list(MARKS.values()) if every else [mark_of(missing) if nothing else str(missing)]
        same = [graph.add("Equal", part.name, graph.const(np.array(each, dtype=object))) for each in texts]
        return same[0] if len(same) == 1 else graph.add("Or", graph.add("Or", same[0], same[1]), same[2])
    if nothing:
        return graph.add("IsNaN", part.name)
    return graph.add("Equal", part.name, graph.const(float(missing), np.float64))


def simple(model: Any, graph: Graph, table: Table) -> Outputs:
    statistics = np.asarray(model.statistics_, dtype=object)
    kept = np.arange(len(statistics))
    if model.strategy != "constant" and not model.keep_empty_features:
        kept = np.array(
            [i for i, each in enumerate(statistics.tolist()) if each is not None and each == each], dtype=int
        )
    chosen = table.columns(graph, kept.tolist())
    parts, start = [], 0
    for part in chosen.parts:
        fill = statistics[kept[start : start + part.width]]
        start += part.width
        values = (
            graph.const(np.array(fill.tolist(), dtype=object).reshape(1, -1)) if part.text else graph.const(row(fill))
        )
        found = graph.add("Where", _gaps(graph, part, model.missing_values), values, part.name)
        if part.narrow:
            found = graph.narrowed(found)
        parts.append(Part(found, part.width, part.text, part.narrow))
    filled = Table(tuple(parts), chosen.names)
    if model.indicator_ is None:
        return {"transform": filled}
    return {"transform": joined([filled, indicator(model.indicator_, graph, table)["transform"]])}


def indicator(model: Any, graph: Graph, table: Table) -> Outputs:
    chosen = table.columns(graph, np.asarray(model.features_).tolist())
    parts = [
        Part(graph.add("Cast", _gaps(graph, part, model.missing_values), to=11), part.width) for part in chosen.parts
    ]
    return {"transform": Table(tuple(parts))}


def nearest(model: Any, graph: Graph, table: Table) -> Outputs:
    """The mean of the nearest rows that have the column, by the distance over the columns that both have."""
    if model.metric != "nan_euclidean" or model.weights not in ("uniform", "distance"):
        raise ExportError("its metric or its weights are a function", hint="use nan_euclidean, and uniform or distance")
    rows = table.numbers(graph)
    missing = model.missing_values
    gap = _gaps(graph, Part(rows, table.width), missing)
    plain = graph.add("Where", gap, graph.const(0.0, np.float64), rows)
    there = graph.add("Cast", graph.add("Not", gap), to=11)
    distance = _distances(model, graph, plain, there)
    fitted, holes = np.asarray(model._fit_X, dtype=np.float64), np.asarray(model._mask_fit_X)
    kept = np.flatnonzero(np.asarray(model._valid_mask) | model.keep_empty_features)
    found = []
    for column in kept.tolist():
        value = graph.add("Gather", rows, graph.const([column], np.int64), axis=1)
        empty = graph.add("Gather", gap, graph.const([column], np.int64), axis=1)
        guess = _guess(model, graph, distance, fitted, holes, column)
        found.append(graph.add("Where", empty, guess, value))
    filled = of_numbers(graph.add("Concat", *found, axis=1), len(kept))
    if model.indicator_ is None:
        return {"transform": filled}
    return {"transform": joined([filled, indicator(model.indicator_, graph, table)["transform"]])}


def _distances(model: Any, graph: Graph, plain: str, there: str) -> str:
    """Squared distances to the fitted rows, scaled up for columns that are missing; infinite where none is shared."""
    holes = np.asarray(model._mask_fit_X)
    fitted = np.where(holes, 0.0, np.asarray(model._fit_X, dtype=np.float64))
    present = (~holes).astype(np.float64)
    own, two = graph.add("Mul", plain, plain), graph.const(-2.0, np.float64)
    # In the order in which scikit-learn adds and takes away, so that what rounding leaves is the same.
    total = graph.add("Mul", graph.add("MatMul", plain, graph.const(fitted.T)), two)
    total = graph.add("Add", total, graph.add("ReduceSum", own, graph.const([1], np.int64), keepdims=1))
    total = graph.add("Add", total, graph.const(row(np.einsum("ij,ij->i", fitted, fitted))))
    total = graph.add("Max", total, graph.const(0.0, np.float64))
    total = graph.add("Sub", total, graph.add("MatMul", own, graph.const(1.0 - present.T)))
    gone = graph.add("Sub", graph.const(1.0, np.float64), there)
    total = graph.add("Sub", total, graph.add("MatMul", gone, graph.const((fitted * fitted).T)))
    total = graph.add("Max", total, graph.const(0.0, np.float64))
    shared = graph.add("MatMul", there, graph.const(present.T))
    width = graph.const(float(fitted.shape[1]), np.float64)
    scaled = graph.add("Mul", graph.add("Div", total, shared), width)
    none = graph.add("Equal", shared, graph.const(0.0, np.float64))
    return graph.add("Where", none, graph.const(np.inf, np.float64), scaled)


def _guess(model: Any, graph: Graph, distance: str, fitted: Any, holes: Any, column: int) -> str:
    donors = np.flatnonzero(~holes[:, column])
    if not len(donors):
        return graph.const([[0.0]])
    near = graph.add("Gather", distance, graph.const(donors, np.int64), axis=1)
    count = min(int(model.n_neighbors), len(donors))
    shortest, place = graph.several("TopK", [near, graph.const([count], np.int64)], 2, axis=1, largest=0, sorted=1)
    values = graph.add("Gather", graph.const(fitted[donors, column]), place, axis=0)
    far = graph.add("IsInf", shortest)
    weight = graph.add("Where", far, graph.const(0.0, np.float64), _weights(model, graph, shortest))
    axes = graph.const([1], np.int64)
    total = graph.add("ReduceSum", weight, axes, keepdims=1)
    mean = graph.add("Div", graph.add("ReduceSum", graph.add("Mul", values, weight), axes, keepdims=1), total)
    alone = graph.add("Equal", total, graph.const(0.0, np.float64))
    return graph.add("Where", alone, graph.const(float(fitted[donors, column].mean()), np.float64), mean)


def _weights(model: Any, graph: Graph, squared: str) -> str:
    """One for each neighbour, or one over the distance; where one lies at the very place, only such count."""
    one, zero = graph.const(1.0, np.float64), graph.const(0.0, np.float64)
    if model.weights == "uniform":
        return graph.add(
            "Add", graph.add("Mul", graph.add("Where", graph.add("IsInf", squared), zero, squared), zero), one
        )
    distance = graph.add("Sqrt", squared)
    same = graph.add("Cast", graph.add("Equal", distance, zero), to=11)
    any_same = graph.add("ReduceMax", same, graph.const([1], np.int64), keepdims=1)
    return graph.add("Where", graph.add("Cast", any_same, to=9), same, graph.add("Div", one, distance))


def iterative(model: Any, graph: Graph, table: Table) -> Outputs:
    """Gaps are guessed from the other columns, in the rounds of its fit; its estimators are those fitted then."""
    if model.sample_posterior:
        raise ExportError("it draws what it fills in", hint="fit it with sample_posterior=False")
    started = simple(model.initial_imputer_, graph, table)["transform"]
    empty = _empty(model)
    kept = np.flatnonzero(model.keep_empty_features | ~empty)
    rows = Part(table.columns(graph, kept.tolist()).numbers(graph), len(kept))
    filled, all_gaps = started.numbers(graph), _gaps(graph, rows, model.missing_values)
    if model.n_iter_ and len(kept) > 1:
        filled = _guessed(model, graph, filled, all_gaps, empty[kept], table)
    found = Table((Part(filled, len(kept), narrow=table.narrow),), started.names)
    if model.indicator_ is None:
        return {"transform": found}
    return {"transform": joined([found, indicator(model.indicator_, graph, table)["transform"]])}


def _empty(model: Any) -> Any:
    """Columns that had nothing but gaps when it was fitted; before scikit-learn 1.6 its beginning alone says so."""
    found = getattr(model, "_is_empty_feature", None)
    return np.isnan(model.initial_imputer_.statistics_) if found is None else np.asarray(found)


def _guessed(model: Any, graph: Graph, started: str, gaps: str, empty: Any, table: Table) -> str:
    """Column by column in the order of the fit. Rows that are nothing but gaps, all of them, stay as they started."""
    from modelkeep.formats.onnx.steps import converted

    columns = [graph.add("Gather", started, graph.const([i], np.int64), axis=1) for i in range(len(empty))]
    for place, (column, others, estimator) in enumerate(model.imputation_sequence_):
        if empty[column]:
            continue
        chosen = graph.add("Concat", *(columns[int(i)] for i in others), axis=1)
        near = Table((Part(chosen, len(others), narrow=table.narrow),))
        guess = converted(estimator, graph, near, f"imputation_sequence_[{place}].estimator")["predict"]
        guess = graph.add("Max", guess, graph.const(float(model._min_value[column]), np.float64))
        guess = graph.add("Min", guess, graph.const(float(model._max_value[column]), np.float64))
        guess = graph.add("Unsqueeze", graph.narrowed(guess) if table.narrow else guess, graph.const([1], np.int64))
        gap = graph.add("Gather", gaps, graph.const([int(column)], np.int64), axis=1)
        columns[int(column)] = graph.add("Where", gap, guess, columns[int(column)])
    found = graph.add("Concat", *columns, axis=1)
    there = graph.add("Or", graph.add("Not", gaps), graph.const(empty[None, :]))
    there = graph.add("ReduceSum", graph.add("Cast", there, to=11), keepdims=0)
    return graph.add("Where", graph.add("Greater", there, graph.const(0.0, np.float64)), found, started)
