"""The rows of two files' probes on which their models now answer differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modelkeep import catalog, loading
from modelkeep.artifact import Artifact
from modelkeep.errors import ModelkeepError, said
from modelkeep.loading import Rules
from modelkeep.policy import Policy
from modelkeep.probe import Probe
from modelkeep.probe.guard import still
from modelkeep.probe.rows import count, fresh
from modelkeep.probe.same import Rule, gap


@dataclass(frozen=True)
class AnswerChange:
    """One method on the rows of one probe: how many answers differ, the first such rows, and some values of each.

    ``probe`` says whose rows they are, ``"first"`` or ``"second"``. ``values`` are (row, place, first, second).
    ``what`` says in words what differs where rows can't be compared (another shape, a method that fails now).
    """

    method: str
    probe: str
    total: int
    count: int
    rows: tuple[int, ...] = ()
    values: tuple[tuple[int, str, str, str], ...] = ()
    largest: float = 0.0
    what: str = ""


#: Rows that are listed of those that differ.
LISTED = 10


def compare_answers(a: Artifact, b: Artifact, policy: Policy) -> tuple[tuple[AnswerChange, ...], int, str]:
    """What differs, the number of rows that both models were asked for, and why they could not be asked."""
    rules = Rules(policy, on_drift="ignore")
    try:
        probes = [loading.read_probe(artifact) for artifact in (a, b)]
        if not any(probes):
            return (), 0, "neither file has a probe"
        models = [loading.build(artifact, rules) for artifact in (a, b)]
    except ModelkeepError as error:
        return (), 0, str(error)
    found: list[AnswerChange] = []
    asked = 0
    questions = [None if probe is None else _questions(probe) for probe in probes]
    if questions[0] is not None and gap(questions[0], questions[1], Rule(exact=True)) is None:
        probes = probes[:1]  # both ask the same
    for whose, probe in zip(("first", "second"), probes, strict=False):
        if probe is not None:
            changes, rows = _ask(models, probe, whose)
            found, asked = found + changes, asked + rows
    return tuple(found), asked, ""


def _questions(probe: Probe) -> list[Any]:
    """The rows of a probe, and what each block of them is asked."""
    return [[rows, sorted(answers)] for rows, answers in zip(probe.rows, probe.answers, strict=True)]


def _ask(models: list[Any], probe: Probe, whose: str) -> tuple[list[AnswerChange], int]:
    found: list[AnswerChange] = []
    asked = 0
    # A file must not choose what is called: only the methods that the frameworks' own tables name.
    known = set(catalog.methods_of(models[0])) & set(catalog.methods_of(models[1]))
    with still(models[0]), still(models[1]):
        for rows, answers in zip(probe.rows, probe.answers, strict=True):
            asked += count(rows)
            for method in (name for name in answers if name in known):
                question = answers["transform"] if method == "inverse_transform" else rows
                change = _compare(models, method, question, whose, count(rows))
                if change is not None:
                    found.append(change)
    return found, asked


def _compare(models: list[Any], method: str, question: Any, whose: str, total: int) -> AnswerChange | None:
    answers, failures = [], []
    for model in models:
        try:
            answers.append(catalog.ask_of(model)(model, method, fresh(question)))
            failures.append("")
        except Exception as error:
            # A model of another width refuses the rows of the other one: that is a difference to tell, not a fault.
            failures.append(said(error))
    if all(failures):
        return None
    if any(failures):
        place = "first" if failures[0] else "second"
        return AnswerChange(method, whose, total, total, what=f"the {place} model can't answer: {max(failures)}")
    apart = gap(answers[0], answers[1], Rule(exact=True))
    if apart is None:
        return None
    return AnswerChange(
        method,
        whose,
        apart.total or total,
        len(apart.rows) or total,
        apart.rows[:LISTED],
        tuple((row, place.strip(), old, new) for row, place, old, new in apart.cells),
        apart.largest,
        apart.what.replace("was expected, got", "in the first, in the second") if apart.what else "",
    )
