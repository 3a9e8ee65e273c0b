"""What making the probe costs, beside one pass of the model's own output methods over the probe's rows."""

from __future__ import annotations

import gc
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.models import SPECS, cached, load


def measure(model_name: str, folder: str, repeats: int) -> dict[str, float]:
    """Median seconds: ``probe`` is a save with a probe minus one without, ``passes`` one pass of the methods."""
    import modelkeep as mk

    model, rows = load(cached(SPECS[model_name]))
    path = os.path.join(folder, "probe.keep")
    blocks = _probe_of(model, rows)
    with_probe, without, passes = [], [], []
    for _ in range(repeats + 1):
        without.append(_seconds(lambda: mk.save(model, path, probe=False)))
        with_probe.append(_seconds(lambda: mk.save(model, path, sample=rows)))
        passes.append(_seconds(lambda: _one_pass(model, blocks)))
    # The first round pays for imports.
    pairs = zip(with_probe[1:], without[1:], strict=True)
    cost = statistics.median(a - b for a, b in pairs)
    return {"probe": cost, "pass": statistics.median(passes[1:]), "rows": sum(len(b[2]) for b in blocks[:1])}


def _probe_of(model: Any, rows: Any) -> list[tuple[str, Any, Any]]:
    """``(method, rows, rows as asked)`` of every answer that the probe of a save would hold."""
    from modelkeep import probe as probes
    from modelkeep.probe_record import asked

    made = probes.record(model, rows)
    return [
        (method, block, asked(method, block, answers))
        for block, answers in zip(made.rows, made.answers, strict=True)
        for method in answers
    ]


def _one_pass(model: Any, blocks: list[tuple[str, Any, Any]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, _, rows in blocks:
            getattr(model, method)(rows)


def _seconds(call: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
