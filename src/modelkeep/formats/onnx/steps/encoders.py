"""Encoders of categories: each column is compared with the categories that its encoder knows."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Part, Table, of_numbers, row

#: What a missing text is inside the graph; whoever feeds it says so. scikit-learn tells the three kinds apart: an
#: encoder that knows NaN does not know None, and no encoder knows the missing value of pandas.
MARKS = {"missing": "modelkeep:missing", "none": "modelkeep:none", "na": "modelkeep:na"}
#: Integers up to here are each a float64 of their own.
_EXACT = 1 << 53


def _is_gap(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def mark_of(value: object) -> str:
    """The text that stands for a missing value: None, NaN, or that of pandas."""
    if type(value).__name__ == "NAType":
        return MARKS["na"]
    return MARKS["none" if value is None else "missing"]


def is_one_of(graph: Graph, part: Part, categories: Any) -> str:
    """Whether a row's value is each of the categories: rows x categories, true or false."""
    values = list(np.asarray(categories, dtype=object).tolist())
    gaps = np.array([_is_gap(each) for each in values])
    if part.text:
        if any(not isinstance(each, str) for each, gap in zip(values, gaps, strict=True) if not gap):
            raise ExportError("its categories are of several types", hint="make them all texts, or all numbers")
        texts = [mark_of(each) if gap else each for each, gap in zip(values, gaps, strict=True)]
        return graph.add("Equal", part.name, graph.const(np.array(texts, dtype=object).reshape(1, -1)))
    if any(isinstance(each, str) for each in values):
        raise ExportError(
            "its categories are texts, and it gets numbers", hint="pass sample=, rows as it was fitted on"
        )
    if any(isinstance(each, int) and abs(each) > _EXACT for each in values):
        raise ExportError("its categories are integers that float64 does not have", hint="make them texts")
    if gaps.sum() > 1:
        raise ExportError("its categories have both None and NaN, which a number can't tell", hint="make them one")
    numbers = np.array([0.0 if gap else float(each) for each, gap in zip(values, gaps, strict=True)])
    same = graph.add("Equal", part.name, graph.const(row(numbers)))
    if not gaps.any():
        return same
    missing = graph.add("And", graph.add("IsNaN", part.name), graph.const(gaps.reshape(1, -1)))
    plain = graph.add("And", same, graph.const(~gaps.reshape(1, -1)))
    return graph.add("Or", plain, missing)


def _columns(graph: Graph, table: Table, count: int) -> list[Part]:
    """One part for each column."""
    if table.width != count:
        raise ExportError(
            f"it gets {table.width} columns and knows {count}", hint="pass sample=, rows as it was fitted on"
        )
    return [table.columns(graph, [i]).parts[0] for i in range(count)]


def _grouped(model: Any, place: int, count: int) -> Any:
    """The place of each category after rare ones were put together at the end."""
    mappings = getattr(model, "_default_to_infrequent_mappings", None)
    found = mappings[place] if mappings is not None else None
    return np.arange(count) if found is None else np.asarray(found)


def _has_rare(model: Any, place: int) -> bool:
    mappings = getattr(model, "_default_to_infrequent_mappings", None)
    return mappings is not None and mappings[place] is not None


def one_hot(model: Any, graph: Graph, table: Table) -> Outputs:
    parts = []
    for place, (part, known) in enumerate(
        zip(_columns(graph, table, len(model.categories_)), model.categories_, strict=True)
    ):
        places = _grouped(model, place, len(known))
        width = int(places.max(initial=-1)) + 1
        wide = np.zeros((len(known), width))
        wide[np.arange(len(known)), places] = 1.0
        same = graph.add("Cast", is_one_of(graph, part, known), to=11)
        found = graph.add("MatMul", same, graph.const(wide))
        if _has_rare(model, place) and model.handle_unknown in ("infrequent_if_exist", "warn"):
            met = graph.add("ReduceSum", same, graph.const([1], np.int64), keepdims=1)
            new = graph.add("Sub", graph.const(1.0, np.float64), met)
            rare = np.zeros((1, width))
            rare[0, -1] = 1.0
            found = graph.add("Add", found, graph.add("Mul", new, graph.const(rare)))
        dropped = None if model.drop_idx_ is None else model._drop_idx_after_grouping[place]
        if dropped is not None:
            kept = np.delete(np.arange(width), int(dropped))
            width = len(kept)
            found = graph.add("Gather", found, graph.const(kept, np.int64), axis=1)
        if width:
            parts.append(Part(found, width))
    return {"transform": Table(tuple(parts))}


def _chosen(graph: Graph, part: Part, known: Any, values: Any, other: float) -> str:
    """The value of the category that a row has, or ``other`` of one that is not known: rows x 1."""
    same = graph.add("Cast", is_one_of(graph, part, known), to=6)
    met = graph.add("ReduceMax", same, graph.const([1], np.int64), keepdims=1)
    place = graph.add("ArgMax", same, axis=1, keepdims=1)
    value = graph.add("Gather", graph.const(values, np.float64), place, axis=0)
    return graph.add("Where", graph.add("Cast", met, to=9), value, graph.const(other, np.float64))


def _codes(model: Any, place: int, count: int) -> Any:
    """The number of each category. NaN has one of its own, and is not among those that were grouped; None is."""
    missing = model._missing_indices.get(place)
    plain = np.delete(np.arange(count), [] if missing is None else [int(missing)])
    codes = np.full(count, model.encoded_missing_value, dtype=np.float64)
    codes[plain] = _grouped(model, place, count)[: len(plain)]
    return codes


def ordinal(model: Any, graph: Graph, table: Table) -> Outputs:
    parts = []
    for place, (part, known) in enumerate(
        zip(_columns(graph, table, len(model.categories_)), model.categories_, strict=True)
    ):
        codes = _codes(model, place, len(known))
        other = np.nan if model.handle_unknown == "error" else float(model.unknown_value)
        parts.append(Part(_chosen(graph, part, known, codes, other), 1))
    return {"transform": Table(tuple(parts))}


def target(model: Any, graph: Graph, table: Table) -> Outputs:
    """The mean of the target for each category; for several classes one column each."""
    means = np.atleast_1d(np.asarray(model.target_mean_, dtype=np.float64))
    each_column = len(model.encodings_) // len(model.categories_)
    parts = []
    for place, part in enumerate(_columns(graph, table, len(model.categories_))):
        for number in range(each_column):
            values = model.encodings_[place * each_column + number]
            other = float(means[number if len(means) > 1 else 0])
            parts.append(Part(_chosen(graph, part, model.categories_[place], values, other), 1))
    found = Table(tuple(parts))
    return {"transform": of_numbers(found.numbers(graph), found.width)}
