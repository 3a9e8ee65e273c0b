"""The probe: rows and the answers that a model gave for them, kept with it and replayed to prove that it is the same.

The rows are chosen from a sample (rows) or made from what the model knows (made, facts), and hard
rows are added (hard). record asks, guard keeps the model as it was, same compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from modelkeep.catalog import Ask, call
from modelkeep.errors import CheckError, DriftError, quote
from modelkeep.frameworks.sklearn import FRAMEWORK
from modelkeep.probe.guard import still
from modelkeep.probe.record import NotFittedError, Recording, asked, has_method, reason, recorded
from modelkeep.probe.rows import count as count
from modelkeep.probe.rows import fresh
from modelkeep.probe.same import Gap, Rule, gap

_HINT = (
    "load it where the same versions are installed, or train and save it again here; "
    'on_drift="warn" loads it all the same'
)


@dataclass(frozen=True)
class Probe:
    """``answers[i][method]`` is what the model answered for the block ``rows[i]``; ``notes`` say what is left out.

    ``inverse_transform`` was asked with the answer of ``transform`` in the same block.
    """

    rows: list[Any] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not any(self.answers)

    def outputs(self) -> dict[str, Any]:
        """One answer of each method, for the schema."""
        return {method: answer for block in reversed(self.answers) for method, answer in block.items()}


def record(model: Any, sample: Any = None, methods: Iterable[str] = FRAMEWORK.methods, ask: Ask = call) -> Probe:
    """The probe of ``model``: up to 64 rows, and what each of its ``methods`` answers for them.

    ``sample`` is input as the model takes it: an array, a frame, sparse rows, texts, records, or a dict of arrays where
    it has several inputs. ``ask`` is how it is asked. The model is left as it was. What can't be recorded is left out
    with a note; a model that isn't fitted has an empty probe.

    >>> record(object()).notes
    ['the model has no output method that answers from rows']
    """
    with still(model) as picture:
        recording = Recording(model, [name for name in methods if has_method(model, name)], ask)
        if not recording.methods:
            return Probe(notes=[_no_method(model)])
        try:
            blocks = recorded(recording, sample, picture)
        except NotFittedError:
            return Probe(notes=["the model is not fitted"])
        return Probe([rows for rows, _ in blocks], [answers for _, answers in blocks], recording.notes)


def replay(
    probe: Probe,
    model: Any,
    *,
    exact: bool,
    rtol: float = 1e-9,
    versions: str = "",
    methods: Iterable[str] = FRAMEWORK.methods,
    ask: Ask = call,
) -> None:
    """Ask ``model`` again and compare with the probe; ``same.Rule`` says what counts as the same.

    ``versions`` goes into the error's text: what the probe was recorded with, and what runs now. The model is left
    as it was. Raises :class:`~modelkeep.errors.DriftError` when any answer differs or a method now fails, and
    CheckError when the probe, which may come out of a file, names a method that is not one of ``methods``.
    """
    allowed = frozenset(methods)
    for name in {name for answers in probe.answers for name in answers} - allowed:
        raise CheckError(f"the probe asks for {quote(name)}, which is not an output method", path="probe")
    with still(model):
        drifts = list(_drifts(probe, model, Rule(exact, rtol), ask))
    if drifts:
        lines = ["the model answers differently from when it was saved", *drifts, *([versions] if versions else [])]
        raise DriftError("\n".join(lines), hint=_HINT)


def _drifts(probe: Probe, model: Any, rule: Rule, ask: Ask) -> Iterator[str]:
    for rows, answers in zip(probe.rows, probe.answers, strict=True):
        rule = rule.among(rows)
        for method, expected in answers.items():
            try:
                actual = ask(model, method, fresh(asked(method, rows, answers)))
            except Exception as error:  # whatever it is: it answered when it was saved
                yield f"  {method} fails now: {reason(error)}"
                continue
            found = gap(expected, actual, rule)
            if found is not None:
                yield _told(method, found)


def _told(method: str, found: Gap) -> str:
    if found.what:
        return f"  {method}: {found.what}"
    largest = f", by up to {found.largest:.3g}" if found.largest else ""
    lines = [f"  {method}: {len(found.rows)} of {found.total} rows differ{largest}"]
    lines += [f"    row {row}{place}: expected {a}, got {b}" for row, place, a, b in found.cells]
    return "\n".join(lines)


def _no_method(model: Any) -> str:
    if hasattr(model, "fit") and not any(
        name.endswith("_") and name[0] != "_" for name in getattr(model, "__dict__", {})
    ):
        return "the model is not fitted"
    return "the model has no output method that answers from rows"
