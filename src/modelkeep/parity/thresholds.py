"""Rows at the thresholds of a model: where its answer jumps, and one step beside it in float32 and in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep import catalog
from modelkeep.probe.facts import DEPTH, Columns, parts, spaced
from modelkeep.probe.rows import Edit, count, kind_of

#: The most thresholds that are tried, and the trees of an ensemble that are asked for theirs.
THRESHOLDS = 600
MEMBERS = 1000


def edges(model: Any, width: int) -> list[tuple[int, float]]:
    """(column, value) of the thresholds that a model compares raw columns with, evenly spaced where there are many."""
    found: dict[int, list[Any]] = {}
    _visit(model, np.arange(width), found, 0)
    pairs = [
        (column, value)
        for column in sorted(found)
        for value in np.unique(np.concatenate([np.ravel(values) for values in found[column]])).tolist()
        if np.isfinite(value)
    ]
    return [pairs[i] for i in spaced(len(pairs), THRESHOLDS)]


def _visit(model: Any, columns: Columns, found: dict[int, list[Any]], depth: int) -> None:
    state = getattr(model, "__dict__", None)
    if state is None or depth > DEPTH or isinstance(model, type):
        return
    for column, values in _own(model, state, len(columns)):
        if 0 <= column < len(columns):
            found.setdefault(int(columns[column]), []).append(values)
    if "_predictors" in state and state.get("is_categorical_") is not None:
        return  # its parts see other columns than it does
    for part, seen in parts(model, state, columns, MEMBERS):
        _visit(part, seen, found, depth + 1)


def _own(model: Any, state: dict[str, Any], width: int) -> list[tuple[int, Any]]:
    """(column, thresholds) of one estimator, columns as it counts them."""
    tree = state.get("tree_")
    if tree is not None and hasattr(tree, "children_left"):
        split = tree.children_left != -1
        return _by_column(tree.feature[split], tree.threshold[split])
    predictors = state.get("_predictors")
    if isinstance(predictors, list) and predictors:
        nodes = np.concatenate([each.nodes for some in predictors[:MEMBERS] for each in some])
        nodes = nodes[(nodes["is_leaf"] == 0) & (nodes["is_categorical"] == 0)]
        return _by_column(_raw_columns(state, width)[nodes["feature_idx"]], nodes["num_threshold"])
    cell = catalog.framework_of(model).edges
    return _by_column(*catalog.resolve(cell)(model)) if cell else []


def _raw_columns(state: dict[str, Any], width: int) -> Columns:
    """Histogram boosting puts the categorical columns first."""
    categorical = state.get("is_categorical_")
    if categorical is None or len(categorical) != width:
        return np.arange(width)
    return np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])


def _by_column(columns: Any, values: Any) -> list[tuple[int, Any]]:
    columns, values = np.asarray(columns, dtype=np.int64), np.asarray(values, dtype=np.float64)
    return [(int(column), np.unique(values[columns == column])) for column in np.unique(columns)]


def neighbours(value: float) -> list[float]:
    """A value, and the floats next to it, in float64 and in float32."""
    narrow = np.float32(value)
    with np.errstate(over="ignore"):
        beside = [np.nextafter(value, np.inf), np.nextafter(value, -np.inf), narrow]
        beside += [np.nextafter(narrow, np.float32(np.inf)), np.nextafter(narrow, np.float32(-np.inf))]
    return [value, *(float(each) for each in beside if np.isfinite(each))]


def edits(model: Any, base: Any) -> list[Edit]:
    """Copies of rows of ``base`` with one number at or beside a threshold."""
    if kind_of(base) not in ("array", "frame") or base.ndim != 2 or not count(base):
        return []
    pairs = edges(model, base.shape[1])
    rows = count(base)
    return [
        Edit(i % rows, "splits", {column: near})
        for i, (column, value) in enumerate(pairs)
        for near in neighbours(value)
    ]


def behind(model: Any, base: Any) -> Any:
    """Raw rows whose *scaled* numbers are at or beside thresholds of the last step of a pipeline, or None.

    They exist where all steps before the last can be undone. Undoing rounds, so the neighbours of the raw numbers
    are taken too.
    """
    steps = [step for _, step in getattr(model, "steps", ()) if step is not None and step != "passthrough"]
    if len(steps) < 2 or kind_of(base) != "array" or base.ndim != 2 or base.dtype.kind != "f":
        return None
    if not all(hasattr(step, "inverse_transform") for step in steps[:-1]):
        return None
    inner = base
    for step in steps[:-1]:
        inner = step.transform(inner)
    if not isinstance(inner, np.ndarray) or inner.shape != base.shape:
        return None
    made = []
    for i, (column, value) in enumerate(edges(steps[-1], inner.shape[1])):
        row = inner[i % len(inner)].astype(np.float64)
        row[column] = value
        undone = row[None, :]
        for step in reversed(steps[:-1]):
            undone = step.inverse_transform(undone)
        for near in neighbours(float(undone[0, column])):
            made.append(base[i % len(inner)].copy())
            made[-1][column] = near
    return np.array(made, dtype=base.dtype) if made else None
