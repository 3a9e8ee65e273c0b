"""Hard rows: those at which a model's answer is most likely to change when something about it has changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from modelkeep.probe.facts import Facts, spaced
from modelkeep.probe.rows import CELLS, MISSING, Edit, count, is_number, kind_of

#: Rows of each kind, 24 in all; with 32 chosen ones and 8 for a short block that is 64.
SPLIT_GROUPS = 2
MISSING_ROWS = 6
UNSEEN_ROWS = 4
#: Columns edited in one row of splits.
TOGETHER = 8
#: Columns of a frame that are edited at all.
EDITED = 256
EXTREMES = ("zero", "negate", "scatter", "large")

_UNSEEN_TEXT = "zzunseen qqword 中文 0123456789 a"


def propose(base: Any, facts: Facts, gaps: dict[int, bool] | None, *, extremes: tuple[str, ...]) -> list[Edit]:
    """Edits of rows of ``base``, by kind, in the order in which they are worth trying."""
    kind = kind_of(base)
    if count(base) == 0:
        return []
    if kind in ("list", "series") or getattr(base, "ndim", 2) == 1:
        return _lines(base, facts)
    if kind == "array" and (base.ndim != 2 or base.dtype.kind not in "fiuO"):
        return []
    width = base.shape[1]
    numbers = _numbers(base, kind)
    edits = _splits(base, facts, numbers) if len(numbers) else []
    edits += _missing(base, kind, gaps or {}, facts)
    edits += _unseen(base, kind, facts)
    if len(numbers) and (kind != "frame" or width <= EDITED):
        edits += _extremes(count(base), extremes)
    return edits[: max(0, CELLS // max(1, _row_cells(base, kind, width)) - count(base))]


def _row_cells(base: Any, kind: str, width: int) -> int:
    return int(base.nnz / count(base)) if kind == "sparse" else width


def _numbers(base: Any, kind: str) -> Collection[int]:
    if kind == "frame":
        return {i for i, dtype in enumerate(base.dtypes.tolist()) if is_number(dtype)}
    return range(base.shape[1]) if base.dtype.kind in "fiu" else ()


def _extremes(rows: int, names: tuple[str, ...]) -> list[Edit]:
    return [Edit(spaced(rows, 4)[i % min(rows, 4)], "extremes", whole=name) for i, name in enumerate(names)]


def _missing(base: Any, kind: str, gaps: dict[int, bool], facts: Facts) -> list[Edit]:
    """Every column that takes a gap gets one; in a wide table one row has gaps in several columns."""
    columns = [column for column, takes in gaps.items() if takes and _holds_gap(base, kind, column)]
    if not columns or kind == "sparse":
        return []
    if kind == "frame":  # one column of a frame takes as long to edit as a whole array
        columns = [columns[i] for i in spaced(len(columns), EDITED)]
    rows = min(len(columns), MISSING_ROWS)
    return [
        Edit(i * count(base) // rows, "missing", {column: _gap(facts, column) for column in columns[i::rows]})
        for i in range(rows)
    ]


def _gap(facts: Facts, column: int) -> Any:
    """The missing value that the column's encoder has seen, None, or else that of the column's dtype."""
    return None if any(value is None for value in facts.categories.get(column, ())[-2:]) else MISSING


def _holds_gap(base: Any, kind: str, column: int) -> bool:
    if kind != "frame":
        return base.dtype.kind in "fO"
    if column >= base.shape[1]:
        return False
    dtype = base.dtypes.iloc[column]
    return not isinstance(dtype, np.dtype) or dtype.kind in "fOmM"


def _unseen(base: Any, kind: str, facts: Facts) -> list[Edit]:
    """A category that the encoder has not seen, in each column whose encoder accepts one; unseen words in texts."""
    new: dict[int, Any] = {column: _stranger(facts.categories[column]) for column in sorted(facts.unseen)}
    columns = [column for column, value in new.items() if value is not None and _fits(base, kind, column, value)]
    rows = min(len(columns), UNSEEN_ROWS)
    edits = [
        Edit(i * count(base) // rows, "unseen", {column: new[column] for column in columns[i::rows]})
        for i in range(rows)
    ]
    for column in sorted(facts.texts)[:1]:
        if kind == "frame" and column < base.shape[1] and not is_number(base.dtypes.iloc[column]):
            edits += [Edit(0, "unseen", {column: text}) for text in ("", _UNSEEN_TEXT)]
    return edits[:UNSEEN_ROWS]


def _stranger(values: Any) -> Any:
    known = [value for value in values.tolist() if value is not None and value == value]
    if known and all(isinstance(value, str) for value in known):
        return "unseen " + max(known, key=len)[:40]
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return type(known[-1])(max(known) + 1)
    return None


def _fits(base: Any, kind: str, column: int, value: Any) -> bool:
    """Whether the column can hold ``value`` without another dtype."""
    if kind == "frame":
        if column >= base.shape[1]:
            return False
        dtype = base.dtypes.iloc[column]
        if isinstance(value, str):
            return hasattr(dtype, "categories") or getattr(dtype, "kind", "O") in "OTU"
        return is_number(dtype) or str(getattr(getattr(dtype, "categories", None), "dtype", "")).startswith(
            ("int", "float")
        )
    return kind == "array" and (base.dtype.kind == "O" or not isinstance(value, str))


def _splits(base: Any, facts: Facts, numbers: Collection[int]) -> list[Edit]:
    """Rows exactly at a threshold of a tree (or an edge of a bin) and at its four neighbours among floats.

    A node is only reached by a row that agrees with all nodes above it, so thresholds are taken along the path of a
    row that is in the base; one row carries thresholds of several trees where their columns differ.
    """
    start = count(base) // 2
    row = _dense_row(base, start)
    if row is None or not (facts.trees or facts.edges):
        return []
    waiting = [(f"tree{i}", *pair) for i, entry in enumerate(facts.trees) for pair in _path(*entry, row)]
    waiting += [(f"edge{i}", *pair, 0) for i, pair in enumerate(facts.edges)]
    waiting.sort(key=lambda found: found[3])  # the roots of all trees, then deeper nodes
    edits: list[Edit] = []
    for _ in range(SPLIT_GROUPS):
        group, used = dict[int, float](), set[str]()
        for entry in list(waiting):
            source, column, value, _ = entry
            if column in numbers and column not in group and source not in used and len(group) < TOGETHER:
                group[column] = value
                used.add(source)
                waiting.remove(entry)
        if group:
            edits += _around(start, group)
    return edits


def _around(row: int, group: dict[int, float]) -> list[Edit]:
    """At the value, and one float up and down in float64 and in float32."""
    values = np.array(list(group.values()), dtype=np.float64)
    narrow = values.astype(np.float32)
    five = (
        values,
        np.nextafter(values, np.inf),
        np.nextafter(values, -np.inf),
        np.nextafter(narrow, np.float32(np.inf)).astype(np.float64),
        np.nextafter(narrow, np.float32(-np.inf)).astype(np.float64),
    )
    return [Edit(row, "splits", dict(zip(group, each.tolist(), strict=True))) for each in five]


def _dense_row(base: Any, row: int) -> Any:
    kind = kind_of(base)
    if kind == "sparse":
        return base[[row]].toarray()[0] if base.shape[1] <= 4096 else None
    if kind == "frame":
        return np.array([_number(value) for value in base.iloc[row].tolist()])
    return base[row] if base.dtype.kind in "fiu" else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float | np.number) else np.nan


def _path(tree: Any, columns: Any, row: Any) -> list[tuple[int, float, int]]:
    """(column, threshold, depth) of the first, a middle and the last node on the way of ``row`` through ``tree``."""
    walk = _walk_nodes if hasattr(tree, "nodes") else _walk_columns
    found = [entry for entry in walk(tree, columns, row) if np.isfinite(entry[1])]
    return [found[i] for i in spaced(len(found), 3)]


def _walk_columns(tree: Any, columns: Any, row: Any) -> list[tuple[int, float, int]]:
    left, right, feature, threshold = tree.children_left, tree.children_right, tree.feature, tree.threshold
    node, found = 0, list[tuple[int, float, int]]()
    while left[node] != -1 and len(found) < 64 and feature[node] < len(columns):
        column = int(columns[feature[node]])
        found.append((column, float(threshold[node]), len(found)))
        node = left[node] if np.float32(row[column]) <= threshold[node] else right[node]
    return found


def _walk_nodes(tree: Any, columns: Any, row: Any) -> list[tuple[int, float, int]]:
    node, found = tree.nodes[0], list[tuple[int, float, int]]()
    while not node["is_leaf"] and len(found) < 64 and node["feature_idx"] < len(columns):
        column = int(columns[node["feature_idx"]])
        if node["is_categorical"]:
            break
        found.append((column, float(node["num_threshold"]), len(found)))
        node = tree.nodes[node["left"] if row[column] <= node["num_threshold"] else node["right"]]
    return found


def _lines(base: Any, facts: Facts) -> list[Edit]:
    """Hard rows of a list: texts and records; and of a 1-D array of numbers."""
    first = base[0] if kind_of(base) != "series" else base.iloc[0]
    if isinstance(first, str) and facts.text:
        upper = str(first).upper()[:2000]
        return [Edit(0, "unseen", value=text) for text in ("", " ", _UNSEEN_TEXT, upper)]
    if isinstance(first, dict):
        less = dict(list(first.items())[1:])
        return [Edit(0, "unseen", value=record) for record in ({}, less, {**first, "unseen": 1.0})]
    if isinstance(base, np.ndarray) and base.dtype.kind == "f" and facts.edges:
        return [*_around(0, {0: facts.edges[0][1]}), *_extremes(len(base), EXTREMES)]
    return []
