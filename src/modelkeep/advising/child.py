"""What runs in the processes of an advice: one writes and proves a file, another times it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from modelkeep import catalog, exporting, loading, saving
from modelkeep.exporting import Order
from modelkeep.loading import Rules
from modelkeep.policy import Policy
from modelkeep.probe.record import has_method

#: Seconds and repeats within which a median is taken.
_BUDGET = 0.4
_REPEATS = 200


def write(source: str, target: str, format: str, policy: dict[str, Any], check: Any) -> dict[str, Any]:
    """Write the model of a keep file as ``format``, proved; its size, the time and the differences."""
    order = Order(check=check, policy=Policy(**policy))
    what = exporting.subject(source, order)
    if format == "keep":
        recipe = saving.Recipe(what.probe.rows[0] if what.probe.rows else None)
        started = time.perf_counter()
        saved = saving.save(what.model, target, recipe, catalog.format_named("keep"))
        return {"save": time.perf_counter() - started, "size": saved.size, "difference": 0.0, "labels": 0}
    made = exporting.export(what, target, catalog.format_named(format), order)
    return {
        "save": made.seconds,
        "size": made.size,
        "difference": made.certificate.largest,
        "labels": made.certificate.labels,
    }


def measure(path: str, format: str, policy: dict[str, Any], methods: list[str], one: Any, many: Any) -> dict[str, Any]:
    """The times of a file in this fresh process."""
    rules = Rules(Policy(**policy), "ignore")
    started = time.perf_counter()
    model = loading.load(path, rules, format)
    found: dict[str, Any] = {"load": time.perf_counter() - started}
    method = next((name for name in methods if has_method(model, name)), None)
    if method is not None and one is not None:
        ask = catalog.ask_of(model)
        started = time.perf_counter()
        ask(model, method, one)
        found["first"] = time.perf_counter() - started
        found["one"] = _median(lambda: ask(model, method, one))
        found["many"] = _median(lambda: ask(model, method, many))
    found["reload"] = _median(lambda: loading.load(path, rules, format), 5)
    return found


def _median(work: Callable[[], Any], most: int = _REPEATS) -> float:
    times: list[float] = []
    end = time.perf_counter() + _BUDGET
    while not times or (len(times) < most and time.perf_counter() < end):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)
