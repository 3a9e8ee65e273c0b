"""Models that answer by the nearest of some points."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import labels_of, plain
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.kernels import squared_distances
from modelkeep.formats.onnx.steps.linear import dense, flat
from modelkeep.formats.onnx.table import Table, of_numbers

#: Points times columns that are compared one by one, without the rounding of a product.
_DIRECT = 1 << 18
#: Rows times points times columns that are tried for ties.
_TRIED = 1 << 26
_POWERS = {"euclidean": 2.0, "manhattan": 1.0}


def distances(graph: Graph, rows: str, points: Any, metric: str = "euclidean", p: float = 2.0) -> str:
    """Distances (squared for the euclidean one) from rows to points, each difference taken by itself."""
    points = dense(points)
    if points.size > _DIRECT and metric == "euclidean":
        return squared_distances(graph, rows, points)
    apart = graph.add(
        "Abs", graph.add("Sub", graph.add("Unsqueeze", rows, graph.const([1], np.int64)), graph.const(points[None]))
    )
    axes = graph.const([2], np.int64)
    if metric == "chebyshev":
        return graph.add("ReduceMax", apart, axes, keepdims=0)
    if metric == "manhattan":
        return graph.add("ReduceSum", apart, axes, keepdims=0)
    if metric == "minkowski":
        apart = graph.add("Pow", apart, graph.const(float(p), np.float64))
    else:
        apart = graph.add("Mul", apart, apart)
    return graph.add("ReduceSum", apart, axes, keepdims=0)


def _metric(model: Any) -> tuple[str, float]:
    name, p = model.effective_metric_, float((model.effective_metric_params_ or {}).get("p", 2.0))
    name = {"l1": "manhattan", "cityblock": "manhattan", "l2": "euclidean", "infinity": "chebyshev"}.get(name, name)
    known = ("euclidean", "manhattan", "chebyshev", "minkowski")
    own = {key for key, value in (model.effective_metric_params_ or {}).items() if value is not None}
    if name not in known or own - {"p"}:
        raise ExportError(f"its metric {name!r} has no ONNX form", hint=f"use one of: {', '.join(known)}")
    return name, p


def _check_ties(model: Any, metric: str, p: float) -> None:
    """Points equally far from a row: scikit-learn takes those that its search meets first, the graph the first ones.

    Rows on the points and on their columns' values are tried: where values repeat, as whole numbers do, they show it.
    """
    points = dense(model._fit_X)
    rows = np.vstack([points, np.column_stack([np.roll(column, at + 1) for at, column in enumerate(points.T)])])
    rows = rows[:: max(1, -(-len(rows) * points.size // _TRIED))].astype(np.asarray(model._fit_X[:1]).dtype)
    targets = np.asarray(model._y, dtype=np.float64).reshape(len(points), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the names of columns, which the points do not have
        met = model.kneighbors(rows, return_distance=False)
    for at, row in enumerate(rows):
        apart = np.abs(points - row)
        far = apart.max(axis=1) if metric == "chebyshev" else (apart ** _POWERS.get(metric, p)).sum(axis=1)
        first = np.argsort(far, kind="stable")[: met.shape[1]]
        if not np.allclose(np.sort(targets[first], axis=0), np.sort(targets[met[at]], axis=0)):
            raise ExportError(
                "some rows are equally far from several of its points, and the order of its search settles which count",
                hint="keep, pickle and joblib files give back the model itself",
            )


def _near(model: Any, graph: Graph, table: Table) -> tuple[str, str]:
    """The weights of the nearest points, and their places."""
    name, p = _metric(model)
    if model.weights not in ("uniform", "distance", None):
        raise ExportError("its weights are a function", hint="use uniform or distance")
    _check_ties(model, name, p)
    found = distances(graph, table.numbers(graph), model._fit_X, name, p)
    count = graph.const([int(model.n_neighbors)], np.int64)
    nearest, place = graph.several("TopK", [found, count], 2, axis=1, largest=0, sorted=1)
    zero, one = graph.const(0.0, np.float64), graph.const(1.0, np.float64)
    if model.weights != "distance":
        return graph.add("Add", graph.add("Mul", nearest, zero), one), place
    if name == "euclidean":
        nearest = graph.add("Sqrt", nearest)
    elif name == "minkowski":
        nearest = graph.add("Pow", nearest, graph.const(1.0 / p, np.float64))
    same = graph.add("Cast", graph.add("Equal", nearest, zero), to=11)
    met = graph.add("Cast", graph.add("ReduceMax", same, graph.const([1], np.int64), keepdims=1), to=9)
    return graph.add("Where", met, same, graph.add("Div", one, nearest)), place


def k_classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    weights, place = _near(model, graph, table)
    several = isinstance(model.classes_, list)
    targets = np.asarray(model._y).reshape(len(model._y), -1)
    shares, labels = [], []
    for number, classes in enumerate(model.classes_ if several else [model.classes_]):
        own = np.eye(len(classes))[targets[:, number]]
        votes = graph.add("Gather", graph.const(own), place, axis=0)
        column = graph.add("Unsqueeze", weights, graph.const([2], np.int64))
        total = graph.add("ReduceSum", graph.add("Mul", votes, column), graph.const([1], np.int64), keepdims=0)
        labels.append(labels_of(graph, total, classes))
        whole = graph.add("ReduceSum", total, graph.const([1], np.int64), keepdims=1)
        shares.append(graph.add("Div", total, whole))
    if not several:
        return {"predict": labels[0], "predict_proba": shares[0]}
    columns = [graph.add("Unsqueeze", each, graph.const([1], np.int64)) for each in labels]
    return {"predict": graph.add("Concat", *columns, axis=1), "predict_proba": shares}


def k_regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    weights, place = _near(model, graph, table)
    targets = np.asarray(model._y, dtype=np.float64)
    values = graph.add("Gather", graph.const(targets.reshape(len(targets), -1)), place, axis=0)
    column = graph.add("Unsqueeze", weights, graph.const([2], np.int64))
    axes = graph.const([1], np.int64)
    total = graph.add("ReduceSum", graph.add("Mul", values, column), axes, keepdims=0)
    found = graph.add("Div", total, graph.add("ReduceSum", weights, axes, keepdims=1))
    return {"predict": flat(graph, found) if targets.ndim == 1 else found}


def _nearest(graph: Graph, found: str) -> str:
    return graph.add("ArgMin", found, axis=1, keepdims=0, select_last_index=0)


def k_means(model: Any, graph: Graph, table: Table) -> Outputs:
    found = distances(graph, table.numbers(graph), model.cluster_centers_)
    place = graph.add("Cast", _nearest(graph, found), to=6)
    return {"predict": place, "transform": of_numbers(graph.add("Sqrt", found), len(model.cluster_centers_))}


def nearest_centre(model: Any, graph: Graph, table: Table) -> Outputs:
    centres = model.cluster_centers_
    if not len(centres):
        raise ExportError("it has no centres", hint="fit it until it converges")
    return {"predict": _nearest(graph, distances(graph, table.numbers(graph), centres))}


def nearest_centroid(model: Any, graph: Graph, table: Table) -> Outputs:
    if model.metric not in ("euclidean", "manhattan") or model.shrink_threshold:
        raise ExportError("its metric has no ONNX form", hint="use euclidean or manhattan, and no shrink_threshold")
    if not np.allclose(model.class_prior_, 1 / len(model.classes_)):
        raise ExportError("it weighs classes by their priors", hint='fit it with priors="uniform"')
    found = distances(graph, table.numbers(graph), model.centroids_, model.metric)
    label = graph.add("Gather", graph.const(plain(model.classes_)), _nearest(graph, found), axis=0)
    return {"predict": label}
