"""The bars that the project sets itself, judged from one run's figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: {model: {peer: {"save", "load", "predict", "size"}}} in seconds and bytes, as timing.measure gives them.
Times = dict[str, dict[str, dict[str, Any]]]

#: Ratios to pickle are judged one by one only where pickle takes longer than this many seconds.
LONG = 0.001
TINY, LARGE = "iris", "dense"
MS, MB = 1000.0, float(2**20)


@dataclass(frozen=True)
class Bar:
    """``measured`` is None where the run did not include what the bar needs."""

    what: str
    required: str
    measured: str | None
    passed: bool | None


def judged(times: Times, memory: dict[str, Any], probes: dict[str, Any]) -> list[Bar]:
    return [
        *_against_pickle(times, "load", "keep", "load, every byte verified and checked", 1.2, 2.5, 0.7),
        _tiny(times, "load", "keep", 3.0),
        *_against_pickle(times, "load", "keep-trusted", 'load, integrity="trusted"', 0.8, 1.3, None),
        _opens_at_once(times),
        *_against_pickle(times, "save", "keep", "save, durable, no probe", 1.2, 2.0, None),
        _tiny(times, "save", "keep", 10.0),
        _probe(probes),
        *_beside(times, "skops", "keep", {"save": 10.0, "load": 10.0}),
        *_beside(times, "joblib3", "keep-zstd", {"size": 1.0, "save": 10.0, "load": 3.0}),
        *_memory(memory),
    ]


def ratios(times: Times, verb: str, first: str, second: str, long: bool = False) -> dict[str, float]:
    """``first / second`` by model, where both were measured."""
    found = {}
    for model, peers in times.items():
        a, b = peers.get(first, {}).get(verb), peers.get(second, {}).get(verb)
        if a is not None and b and not (long and b <= LONG):
            found[model] = a / b
    return found


def _against_pickle(
    times: Times, verb: str, peer: str, what: str, median: float, worst: float, large: float | None
) -> Iterable[Bar]:
    every, long = ratios(times, verb, peer, "pickle"), ratios(times, verb, peer, "pickle", long=True)
    yield _at_most(f"{what}: median ratio to pickle", median, statistics.median(every.values()) if every else None)
    model = max(long, key=long.__getitem__, default=None)
    yield _at_most(
        f"{what}: worst ratio where pickle takes over 1 ms", worst, long[model] if model else None, f" ({model})"
    )
    if large is not None:
        yield _at_most(f"{what}: ratio of the 512 MB model", large, every.get(LARGE))


def _at_most(what: str, limit: float, value: float | None, note: str = "") -> Bar:
    if value is None:
        return Bar(what, f"at most {limit:g}", None, None)
    return Bar(what, f"at most {limit:g}", f"{value:.2f}{note}", value <= limit)


def _tiny(times: Times, verb: str, peer: str, limit: float) -> Bar:
    value = times.get(TINY, {}).get(peer, {}).get(verb)
    what = f"a tiny model's {verb}"
    if value is None:
        return Bar(what, f"under {limit:g} ms", None, None)
    return Bar(what, f"under {limit:g} ms", f"{value * MS:.2f} ms", value * MS < limit)


def _opens_at_once(times: Times) -> Bar:
    value = times.get(LARGE, {}).get("keep-trusted", {}).get("predict")
    what, required = '512 MB model, integrity="trusted": open and predict one row', "under 20 ms"
    if value is None:
        return Bar(what, required, None, None)
    return Bar(what, required, f"{value * MS:.1f} ms", value * MS < 20)


def _probe(probes: dict[str, Any]) -> Bar:
    what, required = "making the probe, in passes of the model's methods: worst model", "at most 3"
    found = {model: p["probe"] / p["pass"] for model, p in probes.items() if p["pass"] > 0}
    if not found:
        return Bar(what, required, None, None)
    model = max(found, key=found.__getitem__)
    middle = statistics.median(found.values())
    return Bar(what, required, f"{found[model]:.2f} ({model}; median {middle:.2f})", found[model] <= 3)


def _beside(times: Times, peer: str, own: str, wanted: dict[str, float]) -> Iterable[Bar]:
    for verb, limit in wanted.items():
        found = ratios(times, verb, peer, own)
        words = "smaller" if verb == "size" else f"times faster to {verb}"
        required = "over 1" if verb == "size" else f"at least {limit:g}"
        what = f"{own} against {peer}: {words}, median"
        if not found:
            yield Bar(what, required, None, None)
            continue
        value = statistics.median(found.values())
        yield Bar(what, required, f"{value:.2f}", value > limit if verb == "size" else value >= limit)


def _memory(memory: dict[str, Any]) -> Iterable[Bar]:
    for verb, peer in (("save", "keep"), ("load", "keep"), ("load", "keep-trusted")):
        found = memory.get(LARGE, {}).get(peer, {}).get(verb)
        what = f"{peer}: extra memory to {verb} the 512 MB model"
        if found is None:
            yield Bar(what, "at most 5 %", None, None)
            continue
        share = found["anonymous"] / (512 * MB)
        yield Bar(what, "at most 5 %", f"{share:.1%} ({found['anonymous'] / MB:.0f} MB)", share <= 0.05)
