"""How the models of the zoo fare as PMML: written, read back, and compared on the rows that an export compares."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from typing import Any

import modelkeep as mk
from modelkeep import catalog, parity, saving
from modelkeep.errors import ModelkeepError
from modelkeep.parity.judging import Output, Tolerance, judge
from modelkeep.probe.rows import count, fresh

FORMAT = catalog.format_named("pmml")
OWN = Tolerance.of(FORMAT.tolerance)


def fare(model: Any, rows: Any, sample_rows: int = 60) -> tuple[str, str]:
    """(``"clean"``, ``"refused"`` at the writing, or ``"differs"``, and why)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(RecursionError):  # then the model itself is asked
            model = copy.deepcopy(model)
        probe = saving.record(model, saving.Recipe(rows))
        try:
            trials, _ = parity.trials(model, probe)
        except IndexError:  # answers whose first axis is not the rows
            return "refused", "its answers are not rows"
        if not trials:
            return "refused", "it answers no rows"
        file = io.BytesIO()
        try:
            saving.save(model, file, saving.Recipe(probe.rows[0]), catalog.format_named("pmml"))
        except ModelkeepError as error:
            return "refused", str(error)
        try:
            return compared(model, mk.load(file.getvalue()), trials)
        except ModelkeepError as error:
            return "differs", str(error)


def compared(model: Any, read: Any, trials: list[Any]) -> tuple[str, str]:
    """Every row of the trials, by every method that the file has."""
    outputs: dict[str, Output] = {}
    for trial in trials:
        for method, expected in trial.answers.items():
            if not hasattr(read, method):
                continue
            try:
                got = getattr(read, method)(fresh(trial.rows))
            except Exception as error:  # whatever the runtime raises is a failure of the file
                return "differs", f"{method}, {trial.kind} rows: {error}"
            labels = method == "predict" and parity._has_labels(model)
            judge(outputs, trial.kind, method, expected, got, (OWN, OWN), labels=labels)
    if not outputs:
        return "differs", "it answers by no method"
    for method, output in outputs.items():
        if output.other or output.labels or output.beyond:
            first = output.rows[0] if output.rows else {}
            told = output.other or f"{output.labels} labels, {output.beyond} numbers by {output.absolute:.1e}"
            return "differs", f"{method}: {told} of {output.asked}, {first}"
    methods = "+".join(outputs)
    return "clean", f"{methods}, {sum(count(trial.rows) for trial in trials)} rows"
