"""The rows that a written file is asked, in blocks by what is hard about them, with the model's own answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelkeep import catalog
from modelkeep.errors import UsageError
from modelkeep.parity import thresholds
from modelkeep.probe import Probe
from modelkeep.probe.facts import look
from modelkeep.probe.guard import still
from modelkeep.probe.hard import propose
from modelkeep.probe.record import has_method, reason
from modelkeep.probe.rows import CELLS, Edit, build, count, fresh, kind_of, take
from modelkeep.probe.same import vast_rows
from modelkeep.schema import missing_columns

#: Columns that get a gap or an infinity of their own.
COLUMNS = 256
#: The rows that edited copies are made of.
PLAIN = 16
#: Methods that restate at length what others say, and one that does not answer rows.
_UNASKED = ("apply", "kneighbors", "inverse_transform")
#: Rows of ``check=`` are asked in pieces of so many cells.
_PIECE = CELLS


@dataclass(frozen=True)
class Trial:
    """One block: ``kind`` is probe, splits, missing, unseen, infinite or check; ``answers`` are the model's."""

    kind: str
    rows: Any
    answers: Mapping[str, Any]


def trials(model: Any, probe: Probe, check: Any = None) -> tuple[list[Trial], list[str]]:
    """The blocks that ``model`` answers, and notes on what it does not take."""
    notes: list[str] = []
    found = [Trial("probe", rows, answers) for rows, answers in zip(probe.rows, probe.answers, strict=True) if answers]
    with still(model):
        hard = list(_hard(model, found[0].rows, notes)) if found else []
        takes_infinity = any(trial.kind == "infinite" for trial in hard)
        found = [tamed for trial in found if (tamed := trial if takes_infinity else _without_vast(trial)) is not None]
        return found + hard + list(_checked(model, check)), notes


def _hard(model: Any, rows: Any, notes: list[str]) -> Iterator[Trial]:
    base = _plain(rows)
    for kind, block in _blocks(model, base):
        answers, why = _answers(model, block)
        if why:
            notes.append(f"{kind} rows are not tried: the model refuses them: {why}")
            continue
        if kind == "infinite" and (undefined := _undefined(answers, count(block))).any():
            # inf - inf and the like: which of the numbers of a row that comes to is the affair of each runtime.
            notes.append("infinite rows are tried where the model answers with numbers")
            if undefined.all():
                continue
            block = take(block, np.flatnonzero(~undefined).tolist())
            answers, _ = _answers(model, block)
        yield Trial(kind, block, answers)


def _undefined(answer: Any, rows: int) -> Any:
    """The rows with a NaN among their numbers, in answers of any depth."""
    if isinstance(answer, dict | list | tuple):
        parts = [_undefined(each, rows) for each in (answer.values() if isinstance(answer, dict) else answer)]
        return np.logical_or.reduce([np.zeros(rows, dtype=bool), *parts])
    found = np.asarray(answer)
    if found.dtype.kind not in "fc" or found.shape[:1] != (rows,):
        return np.zeros(rows, dtype=bool)
    return np.isnan(found.reshape(rows, -1)).any(axis=1)


def _plain(rows: Any) -> Any:
    """The first rows: what a probe begins with are rows of its sample, as they came."""
    return take(rows, range(min(PLAIN, count(rows))))


def _blocks(model: Any, base: Any) -> Iterator[tuple[str, Any]]:
    """Blocks of edited rows by kind. One that the model refuses whole says that it does not take such rows."""
    if kind_of(base) == "inputs":
        return
    splits = thresholds.edits(model, base)
    yield from _built("splits", base, splits)
    behind = thresholds.behind(model, base)
    if behind is not None:
        yield "splits", behind
    gaps = missing_columns(model)
    proposed = propose(base, look(model, values=False), gaps, extremes=())
    yield from _built("unseen", base, _spread(base, [edit for edit in proposed if edit.kind == "unseen"]))
    if kind_of(base) in ("array", "frame") and getattr(base, "ndim", 0) == 2:
        edits = [edit for edit in proposed if edit.kind == "missing"]
        if kind_of(base) == "array" and base.dtype.kind == "f":
            columns = [column for column, takes in (gaps or {}).items() if takes][:COLUMNS]
            edits = [Edit(i % count(base), "missing", {column: np.nan}) for i, column in enumerate(columns)]
        yield from _built("missing", base, _spread(base, edits))
        yield from _built("infinite", base, _infinite(base))


def _spread(base: Any, edits: list[Edit]) -> list[Edit]:
    """Each edit of a cell in several rows: what a gap leads to depends on all that is beside it."""
    rows = max(1, min(count(base), COLUMNS // max(1, len(edits))))
    return [replace(edit, row=(edit.row + step) % count(base)) for step in range(rows) for edit in edits]


def _built(kind: str, base: Any, edits: list[Edit]) -> Iterator[tuple[str, Any]]:
    width = max(1, base.shape[1] if getattr(base, "ndim", 1) > 1 else 1)
    edits = edits[: max(1, CELLS // width)]
    if edits:
        yield kind, build(base, edits, alone=True)


def _infinite(base: Any) -> list[Edit]:
    if kind_of(base) != "array" or base.dtype.kind != "f":
        return []
    return [
        Edit(i % count(base), "infinite", {column: value})
        for i, column in enumerate(range(min(base.shape[1], COLUMNS)))
        for value in (np.inf, -np.inf)
    ]


def _answers(model: Any, rows: Any) -> tuple[dict[str, Any], str]:
    """By method; or why the model refuses the rows."""
    ask = catalog.ask_of(model)
    answers: dict[str, Any] = {}
    refused = ""
    for method in catalog.methods_of(model):
        if method in _UNASKED or not has_method(model, method):
            continue
        try:
            answers[method] = ask(model, method, fresh(rows))
        except Exception as error:  # a refusal of the model: the caller notes it
            refused = reason(error)
    return answers, "" if answers else refused


def _without_vast(trial: Trial) -> Trial | None:
    """Without rows beyond 1e30, of a model that takes no infinity: there the order of a sum decides every digit."""
    vast = vast_rows(trial.rows)
    if vast is None or not np.any(vast):
        return trial
    kept = np.flatnonzero(~np.asarray(vast)).tolist()
    if not kept:
        return None
    # An answer that is not by rows can't be cut; the method is asked in the other blocks.
    cut = {method: _cut(answer, kept, count(trial.rows)) for method, answer in trial.answers.items()}
    answers = {method: answer for method, answer in cut.items() if answer is not None}
    return Trial(trial.kind, take(trial.rows, kept), answers) if answers else None


def _cut(answer: Any, kept: list[int], total: int) -> Any:
    """Some rows of an answer, or None of one that has not one entry for each row."""
    if isinstance(answer, dict):
        parts = {name: _cut(each, kept, total) for name, each in answer.items()}
        return None if any(each is None for each in parts.values()) else parts
    if isinstance(answer, tuple) or (isinstance(answer, list) and any(isinstance(x, np.ndarray) for x in answer)):
        several = [_cut(each, kept, total) for each in answer]
        if any(each is None for each in several):
            return None
        return tuple(several) if isinstance(answer, tuple) else several
    return take(answer, kept) if hasattr(answer, "shape") and count(answer) == total else None


def _checked(model: Any, check: Any) -> Iterator[Trial]:
    """The user's rows, all of them. Rows that the model itself refuses can't check anything: that is said at once."""
    rows = catalog.rows_of(model, check)
    if rows is None:
        return
    total = count(rows)
    if not total:
        raise UsageError("check has no rows", hint="pass rows as the model takes them, or leave check out")
    width = max(1, int(np.prod(rows.shape[1:])) if hasattr(rows, "shape") else 1)
    size = max(1, _PIECE // width)
    for start in range(0, total, size):
        block = take(rows, range(start, min(start + size, total)))
        answers, why = _answers(model, block)
        if why:
            raise UsageError(f"the model refuses the rows of check: {why}", hint="pass rows as the model takes them")
        yield Trial("check", block, answers)
