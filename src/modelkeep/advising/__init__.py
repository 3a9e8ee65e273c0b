"""Advice: every format that a model can take is tried, each in a process of its own, and one is recommended.

child writes and measures in those processes, places knows where a file runs, choice recommends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from modelkeep import catalog, exporting, saving
from modelkeep.advising import choice
from modelkeep.advising.places import install_of, runs_on
from modelkeep.errors import ModelkeepError, UsageError
from modelkeep.exporting import Order, Subject
from modelkeep.parity import vars_of
from modelkeep.parity.trials import PLAIN
from modelkeep.policy import Safety
from modelkeep.ports import Format
from modelkeep.probe.rows import count, take
from modelkeep.workers import Worker

Progress = Callable[[int, int], None]

#: Seconds that one format may take to be written and proved, and then to be measured.
TIMEOUT = 180.0
#: Rows of the larger prediction.
MANY = 1000
#: The methods that are timed, the first that a file has.
_TIMED = ("predict", "forward", "predict_proba", "decision_function", "transform", "score_samples")


@dataclass(frozen=True)
class Tried:
    """What came of one format; times are in seconds, sizes in bytes, what could not be measured is None.

    ``load`` is that of a fresh process with the imports that it needs, ``reload`` without; ``first`` is the first
    prediction, ``one`` and ``many`` the median of later ones for one row and for 1,000. ``difference`` is the largest
    of a number, ``labels`` how many changed.
    """

    format: str
    works: bool
    reason: str = ""
    size: int | None = None
    save: float | None = None
    load: float | None = None
    reload: float | None = None
    first: float | None = None
    one: float | None = None
    many: float | None = None
    difference: float | None = None
    labels: int | None = None
    runs_code: bool = False
    runs_on: tuple[str, ...] = ()
    install: str = ""


@dataclass(frozen=True)
class Advice:
    """What was tried, and for a purpose the ``format`` that is recommended with a sentence that says why."""

    model: str
    purpose: str
    format: str | None
    recommendation: str
    tried: tuple[Tried, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def advise(what: Subject, purpose: str, order: Order) -> Advice:
    """Try every format that the model can take, and recommend one for ``purpose``."""
    if purpose not in choice.PURPOSES:
        raise UsageError(f"{purpose!r} is no purpose", hint=f"choose one of: {', '.join(choice.PURPOSES)}")
    candidates = _candidates(what.model)
    done = 0

    def moved(result: Tried) -> Tried:
        nonlocal done
        done += 1
        order.progress(done, 2 * len(candidates))
        return result

    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        source = os.path.join(folder, "model.keep")
        rows = exporting.rows_of(what, order)
        saving.save(what.model, source, saving.Recipe(rows), catalog.format_named("keep"))
        written = _all_written(candidates, source, folder, order, moved)
        # One after the other: they are timed.
        tried = [
            moved(_measured(each, row, folder, rows, order)) for each, row in zip(candidates, written, strict=True)
        ]
    format, told = choice.recommend(purpose, tried)
    return Advice(saving.class_name(what.model), purpose, format, told, tuple(tried))


def _all_written(
    candidates: list[Format], source: str, folder: str, order: Order, moved: Callable[[Tried], Tried]
) -> list[Tried]:
    """Every format, written and proved. Whoever interrupts does not wait for those that are under way."""
    workers = [Worker(each.name) for each in candidates]

    def write(format: Format, worker: Worker) -> Tried:
        return moved(_written(format, worker, source, folder, order))

    with ThreadPoolExecutor(2) as pool:  # a proof waits for another process most of the time
        try:
            return list(pool.map(write, candidates, workers))
        except BaseException:
            for worker in workers:
                worker.give_up()
            raise


def _candidates(model: Any) -> list[Format]:
    name = catalog.framework_of(model).name
    return [each for each in catalog.formats() if each.writer_for(name)]


def _place(format: Format, folder: str) -> str:
    return os.path.join(folder, f"{format.name}{format.suffixes[0]}")


def _written(format: Format, worker: Worker, source: str, folder: str, order: Order) -> Tried:
    """The file is written and proved, or the reason why not."""
    known = Tried(
        format.name, False, runs_code=format.safety is Safety.CODE, runs_on=runs_on(format), install=install_of(format)
    )
    try:
        with worker:
            arguments = (source, _place(format, folder), format.name, vars_of(order.policy), order.check)
            found = worker.call(f"{__name__}.child:write", *arguments, timeout=TIMEOUT)
    except ModelkeepError as error:
        return replace(known, reason=str(error).splitlines()[0])
    return replace(known, works=True, **found)


def _measured(format: Format, known: Tried, folder: str, rows: Any, order: Order) -> Tried:
    """The times of a file that works; a fresh process for each."""
    if not known.works:
        return known
    one = take(rows, [0]) if rows is not None else None
    # What a probe begins with are plain rows; hard ones follow.
    many = take(rows, np.resize(np.arange(min(PLAIN, count(rows))), MANY).tolist()) if rows is not None else None
    allowed = vars_of(replace(order.policy, allow_code=True, signers=()))  # it was written a moment ago
    try:
        with Worker(format.name) as worker:
            arguments = (_place(format, folder), format.name, allowed, list(_TIMED), one, many)
            found = worker.call(f"{__name__}.child:measure", *arguments, timeout=TIMEOUT)
    except ModelkeepError as error:
        return replace(known, works=False, reason=str(error).splitlines()[0])
    return replace(known, **found)
