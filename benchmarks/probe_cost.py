"""What making the probe costs, beside one pass of the model's own output methods over the probe's rows.

The making is timed by itself: as the difference of two saves it would drown in the noise of writing a large model.
"""

from __future__ import annotations

import gc
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.models import SPECS, cached, load

Calls = list[tuple[str, Any]]


def measure(model_name: str, repeats: int) -> dict[str, float]:
    """Median seconds: ``probe`` to choose the rows, ask for the answers and encode both, ``pass`` to ask once."""
    model, rows = load(cached(SPECS[model_name]))
    calls = _calls(_made(model, rows))  # the first making pays for imports
    probes, passes = [], []
    for _ in range(repeats):
        probes.append(_seconds(lambda: _made(model, rows)))
        passes.append(_seconds(lambda: _one_pass(model, calls)))
    return {"probe": statistics.median(probes), "pass": statistics.median(passes)}


def _made(model: Any, rows: Any) -> Any:
    """The probe, made and encoded as ``save`` does it."""
    from modelkeep import saving

    probe = saving.record(model, saving.Recipe(sample=rows))
    for part in saving.probe_parts(probe).values():
        for chunk in part.chunks():
            assert chunk is not None
    return probe


def _calls(probe: Any) -> Calls:
    """Every method of the probe with the rows that it is asked for."""
    from modelkeep.probe.record import asked

    blocks = zip(probe.rows, probe.answers, strict=True)
    return [(method, asked(method, rows, answers)) for rows, answers in blocks for method in answers]


def _one_pass(model: Any, calls: Calls) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, rows in calls:
            getattr(model, method)(rows)


def _seconds(call: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
