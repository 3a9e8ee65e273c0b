"""Asks a model for the answers of its probe, and leaves out with a note what can't be recorded.

A second run of the output methods is the only general way to see that an answer is drawn at random, and it would
double the price. It is made only where there is a reason: a random state inside the model or numpy's own has moved
during the first run, or the model holds a class or function of a package that is not in ``guard.KNOWN``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkeep.catalog import Ask
from modelkeep.errors import quote
from modelkeep.probe.facts import Facts, look
from modelkeep.probe.guard import Still
from modelkeep.probe.hard import propose
from modelkeep.probe.made import extremes_for, made
from modelkeep.probe.rows import CELLS, Edit, build, choose, count, fresh, kind_of, module, take
from modelkeep.probe.same import Rule, gap
from modelkeep.schema import missing_columns

#: Rows of the short block: for methods that refuse the hard rows or whose answers are bulky.
SHORT = 8
#: Methods whose answers restate at length what other methods say (a number for each tree).
BULKY = frozenset({"apply"})
#: Rows of one kind are tried alone after the block with all of them was refused.
_KINDS = ("splits", "missing", "unseen", "extremes")


class NotFittedError(Exception):
    """The model says that it was never fitted."""


@dataclass
class Recording:
    model: Any
    methods: list[str]
    ask_model: Ask
    notes: list[str] = field(default_factory=list)

    def ask(self, method: str, block: Any) -> Any:
        return self.ask_model(self.model, method, fresh(block))

    def attempt(self, method: str, block: Any) -> tuple[Any, str]:
        """The answer, or why there is none. Only a model that isn't fitted ends the recording."""
        try:
            return self.ask(method, block), ""
        except Exception as error:
            if any(cls.__name__ == "NotFittedError" for cls in type(error).__mro__) and method != "inverse_transform":
                raise NotFittedError from error
            return None, reason(error)


Blocks = list[tuple[Any, dict[str, Any]]]


def recorded(recording: Recording, sample: Any, picture: Still) -> Blocks:
    """Blocks of rows, each with the answers by method."""
    rows = choose(sample)
    if sample is not None and rows is None:
        recording.notes.append("the sample has no rows")
    sample = rows
    facts = _facts(recording, sample)
    base, block, first = _accepted(recording, sample, facts)
    if block is None:
        return []
    answers, refused = _answers(recording, block, first)
    blocks = [(block, answers)]
    if refused:
        few = take(base, range(min(SHORT, count(base))))
        blocks.append((few, _short_answers(recording, few, refused)))
    blocks = [(rows, found) for rows, found in blocks if found]
    if picture.foreign or picture.moved():
        blocks = _repeated(recording, blocks)
    return blocks


def _accepted(recording: Recording, sample: Any, facts: Facts) -> tuple[Any, Any, Any]:
    """The plain rows, the block of all rows that the model takes, and the first method's answer for it."""
    refused = ""
    for base in [sample] if sample is not None else made(recording.model, facts):
        edits = _edits(recording, base, facts)
        block = build(base, edits)
        method, answer, why = _first(recording, block)
        if why and edits:
            block, answer, why = _without_refused(recording, method, base, edits, why)
        if not why:
            return base, block, {method: answer}
        refused = refused or f"{method}: {why}"
    recording.notes.append(f"{'the sample' if sample is not None else 'made rows'} not accepted by {refused}")
    return None, None, None


def _first(recording: Recording, block: Any) -> tuple[str, Any, str]:
    """The first method that the model really has, its answer, or why there is none."""
    for method in list(recording.methods):
        answer, why = recording.attempt(method, block) if method not in BULKY else (None, "")
        if why.startswith(("NotImplementedError", "AttributeError")):
            recording.methods.remove(method)
            recording.notes.append(f"{method} is left out: {why}")
        elif method not in BULKY or recording.methods == [method]:
            return method, answer, why
    return "any method", None, "none of them is implemented"


def _facts(recording: Recording, sample: Any) -> Facts:
    # What a model says of itself is a hint, and a stranger's class may say anything: a probe with fewer rows is better
    # than a model that can't be saved.
    try:
        return look(recording.model, values=sample is None)
    except Exception as error:
        recording.notes.append(f"the model's columns could not be read: {reason(error)}")
        return Facts()


def _edits(recording: Recording, base: Any, facts: Facts) -> list[Edit]:
    try:
        return propose(base, facts, missing_columns(recording.model), extremes=extremes_for(recording.model))
    except Exception as error:  # for the same reason
        recording.notes.append(f"hard rows could not be made: {reason(error)}")
        return []


def _without_refused(recording: Recording, method: str, base: Any, edits: list[Edit], why: str) -> tuple[Any, Any, str]:
    """The rows without the hard ones that are refused, and the answer for them; or why even the plain ones are."""
    milder = [edit for edit in edits if edit.kind != "extremes"]  # the usual culprits
    if milder and len(milder) < len(edits):
        block = build(base, milder)
        answer, again = recording.attempt(method, block)
        if not again:
            recording.notes.append(f"hard rows (extremes) not accepted by {method}: {why}")
            return block, answer, ""
    plain, again = recording.attempt(method, base)
    if again:
        return base, None, again
    kept = [edit for kind in _KINDS for edit in _accepted_kind(recording, method, base, edits, kind)]
    if kept:
        block = build(base, kept)
        answer, again = recording.attempt(method, block)
        if not again:
            return block, answer, ""
        recording.notes.append(f"hard rows not accepted together by {method}: {again}")
    return base, plain, ""


def _accepted_kind(recording: Recording, method: str, base: Any, edits: list[Edit], kind: str) -> list[Edit]:
    group = [edit for edit in edits if edit.kind == kind]
    why = recording.attempt(method, build(base, group, alone=True))[1] if group else ""
    if why:
        recording.notes.append(f"hard rows ({kind}) not accepted by {method}: {why}")
    return [] if why else group


def _answers(recording: Recording, block: Any, first: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The answers for the main block, and the methods that need a short one, with the reason."""
    answers, refused = dict[str, Any](), dict[str, str]()
    for method in recording.methods:
        if method in BULKY:
            refused[method] = ""
        elif method == "inverse_transform" and "transform" not in answers:
            if "transform" in refused:
                refused[method] = ""
        else:
            if method in first:
                answer, why = first[method], _unfit(first[method])
            else:
                answer, why = _answer(recording, method, block, answers)
            if why:
                refused[method] = why
            else:
                answers[method] = answer
    return answers, refused


def _answer(recording: Recording, method: str, rows: Any, answers: dict[str, Any]) -> tuple[Any, str]:
    answer, why = recording.attempt(method, asked(method, rows, answers))
    return answer, why or _unfit(answer)


def _unfit(answer: Any) -> str:
    """Why an answer can't be kept, or nothing."""
    if not _kept(answer):
        return f"a {type(answer).__name__} can't be kept"
    return "its answer is too large" if cells(answer) > CELLS else ""


def _short_answers(recording: Recording, few: Any, refused: dict[str, str]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for method, before in refused.items():
        if method == "inverse_transform" and "transform" not in answers:
            answer, why = _answer(recording, "transform", few, answers)
            if why:
                continue
            answers["transform"] = answer
        answer, why = _answer(recording, method, few, answers)
        if why:
            recording.notes.append(f"{method} is left out: {why}")
        else:
            answers[method] = answer
            if before:
                recording.notes.append(f"{method} is asked for the first rows only: {before}")
    return answers


def _repeated(recording: Recording, blocks: Blocks) -> Blocks:
    """The answers that a second run gives again, to the last bit."""
    kept = []
    for rows, answers in blocks:
        same: dict[str, Any] = {}
        for method, answer in answers.items():
            if method == "inverse_transform" and "transform" not in same:
                continue
            again, why = recording.attempt(method, asked(method, rows, answers))
            if why or gap(answer, again, Rule(exact=True)) is not None:
                recording.notes.append(f"{method} is left out: it answers differently each time")
            else:
                same[method] = answer
        if same:
            kept.append((rows, same))
    return kept


def asked(method: str, rows: Any, answers: dict[str, Any]) -> Any:
    return answers["transform"] if method == "inverse_transform" else rows


def has_method(model: Any, name: str) -> bool:
    try:
        return callable(getattr(model, name, None))
    except Exception:  # a property of someone's class may raise anything; then it isn't a method
        return False


def reason(error: Exception) -> str:
    """One line that is the same on every run: without addresses in memory."""
    try:
        text = str(error)
    except Exception:  # it is made of objects that a mutated model holds
        text = ""
    line = re.sub(r"0x[0-9a-fA-F]+", "0x...", next(iter(text.strip().splitlines()), ""))
    return f"{type(error).__name__} {quote(line, 150)}"


def cells(answer: Any) -> int:
    """How many values an answer holds; text counts by its length in fours."""
    if isinstance(answer, list | tuple):
        return sum(cells(part) for part in answer)
    if isinstance(answer, dict):
        return sum(cells(part) for part in answer.values())
    if kind_of(answer) == "sparse":
        return int(answer.nnz)
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "O":
        return sum(cells(item) for item in answer.ravel().tolist())
    if isinstance(answer, str):
        return len(answer) // 4 + 1
    return int(np.prod(answer.shape)) if hasattr(answer, "shape") else 1


def _kept(answer: Any) -> bool:
    """Whether an answer is made of what an artifact can hold: arrays, frames, sparse rows and plain values."""
    if isinstance(answer, list | tuple):
        return all(_kept(part) for part in answer)
    if isinstance(answer, dict):
        return all(_kept(part) for pair in answer.items() for part in pair)
    if isinstance(answer, np.ndarray):
        return answer.dtype.kind != "O" or all(_kept(item) for item in answer.ravel().tolist())
    frames = (module("pandas", "DataFrame"), module("pandas", "Series"), module("pandas", "Index"))
    if any(each and isinstance(answer, each) for each in frames):
        return True
    plain = isinstance(answer, str | bytes | int | float | complex | np.generic | type(None))
    return plain or kind_of(answer) == "sparse"
