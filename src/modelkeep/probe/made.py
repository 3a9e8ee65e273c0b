"""Rows made from what a model knows, for a probe without a sample."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkeep.probe.facts import Facts, spaced
from modelkeep.probe.hard import EXTREMES
from modelkeep.probe.rows import CELLS, CHOSEN

_GOLDEN = 0.6180339887498949
_WORDS = ["the quick brown fox", "a lazy dog", "Hello, world", "1984 was a year", "naïve café"]


def made(model: Any, facts: Facts) -> Iterator[Any]:
    """Blocks of rows that the model may accept, the likeliest first."""
    tags = _tags(model)
    if facts.records is not None:
        yield _records(facts.records)
    if facts.text:
        yield _texts(facts.vocabulary)
    if facts.width is None:
        yield from _without_width(model, tags)
    if getattr(tags, "one_d_array", False):
        yield _ladder(model, facts)
    if facts.width is not None or not facts.text:
        yield from _tables(facts, tags)
    yield _ladder(model, facts)
    yield _texts(facts.vocabulary)


def extremes_for(model: Any) -> tuple[str, ...]:
    """The extreme rows that suit the model: not a row of zero distances, in which all neighbours tie."""
    tags = _tags(model)
    if getattr(tags, "pairwise", False):
        return ("wide",)
    return ("zero", "wide", "large") if getattr(tags, "positive_only", False) else EXTREMES


def _tags(model: Any) -> Any:
    """The input tags, of the first step of a pipeline."""
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps and hasattr(steps[0][1], "__sklearn_tags__"):
        return _tags(steps[0][1])
    tags = getattr(model, "__sklearn_tags__", None)
    return tags().input_tags if tags is not None else None


def _without_width(model: Any, tags: Any) -> Iterator[Any]:
    """Labels for encoders of targets, and what stateless transformers take."""
    classes = getattr(model, "classes_", None)
    if isinstance(classes, np.ndarray) and len(classes):
        labels = classes[: CHOSEN * 8]
        if "MultiLabel" in type(model).__name__:
            yield [tuple(labels[i % len(labels) : i % len(labels) + i % 3].tolist()) for i in range(min(CHOSEN, 8))]
        else:
            yield labels[np.arange(min(CHOSEN, 2 * len(labels))) % len(labels)]
    if getattr(tags, "three_d_array", False):
        yield _weyl(3, 10 * 10).reshape(3, 10, 10)
    kind = getattr(model, "input_type", None)
    if kind in ("dict", "pair", "string"):
        record = {"a": 1.0, "b": -2.0, "city": 3.0}
        yield [{"dict": record, "pair": list(record.items()), "string": list(record)}[kind]]
    if getattr(tags, "dict", False):
        yield _records(["a", "b=c"])


def _tables(facts: Facts, tags: Any) -> Iterator[Any]:
    """The same table in several guises: as scaled by the model, without negative numbers, whole, and binary."""
    width = 3 if facts.width is None else facts.width
    rows = max(1, min(CHOSEN, CELLS // 2 // max(width, 1)))
    values = _weyl(rows, width)
    if len(facts.centre) == width:
        values = values * facts.spread + np.where(np.isnan(facts.centre), 0.0, facts.centre)
    if facts.fitted is not None:  # near rows that the model knows: far from them a neighbour search is slow
        near = facts.fitted[np.resize(spaced(len(facts.fitted), rows), rows)]
        values = near + 0.1 * _weyl(rows, width) * facts.spread
    if not getattr(tags, "positive_only", False) and not getattr(tags, "pairwise", False):
        yield _table(values, facts)
    yield _table(np.abs(values), facts)
    yield _table(np.abs(np.round(values)), facts)
    yield _table((values > 0).astype(np.float64), facts)
    if len(facts.categories) == 0:
        yield _table(np.round(values).astype(np.int64), facts)


def _table(values: Any, facts: Facts) -> Any:
    known = {column: each for column, each in facts.categories.items() if column < values.shape[1] and len(each)}
    known.update({column: np.array(_WORDS, dtype=object) for column in facts.texts if column < values.shape[1]})
    if facts.names is None or (pandas := _pandas()) is None:
        return _array_table(values, known)
    if not known:
        return pandas.DataFrame(values, columns=facts.names)
    columns = {i: values[:, i] for i in range(values.shape[1])}
    for column, each in known.items():
        columns[column] = each[np.arange(len(values)) % len(each)]
    frame = pandas.DataFrame(columns)
    frame.columns = facts.names
    return frame.infer_objects()


def _array_table(values: Any, known: dict[int, Any]) -> Any:
    if any(each.dtype.kind not in "fiub" for each in known.values()):
        values = values.astype(object)
    for column, each in known.items():
        values[:, column] = each[np.arange(len(values)) % len(each)]
    return values


def _weyl(rows: int, width: int) -> Any:
    """Numbers spread evenly over (-2, 2), the same on every platform: multiples of the golden ratio, modulo one."""
    steps = np.arange(1, width + 1) * _GOLDEN
    steps -= np.floor(steps)
    table = np.outer(np.arange(1, rows + 1), steps)
    table -= np.floor(table)
    return 4 * table - 2


def _ladder(model: Any, facts: Facts) -> Any:
    """A 1-D array over the range that the model knows."""
    low, high = getattr(model, "X_min_", 0.0), getattr(model, "X_max_", 1.0)
    return np.linspace(float(low), float(high), CHOSEN)


def _texts(vocabulary: list[str]) -> list[str]:
    if not vocabulary:
        return list(_WORDS)
    words = vocabulary
    return [" ".join(words[(i * 3 + j * (i + 1)) % len(words)] for j in range(i % 7 + 1)) for i in range(CHOSEN)]


def _records(names: list[str]) -> list[dict[str, Any]]:
    """Records for feature names such as ``city=London`` and ``age``."""
    pairs = [name.partition("=") for name in names]
    values = [(key, value) if sign else (key, 1.5) for key, sign, value in pairs]
    return [dict(values[i : i + 3]) for i in range(min(len(values), CHOSEN))]


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ModuleNotFoundError:
        return None
