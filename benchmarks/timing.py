"""Times of one model: every peer in turn, round after round, so that a slow moment of the machine hits all alike."""

from __future__ import annotations

import gc
import os
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.models import SPECS, cached, first_answer, load
from benchmarks.peers import PEERS, Peer, file_name, warm_up

#: Operations that take less than this many seconds are repeated more often: their noise is larger.
QUICK, MORE = 0.05, 3


@dataclass
class Times:
    """Seconds of one peer, a value a round, and the size of its file."""

    save: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    predict: list[float] = field(default_factory=list)
    size: int = 0

    @property
    def spent(self) -> float:
        return sum(self.save) + sum(self.predict)

    def summary(self) -> dict[str, float | None]:
        return {
            "save": statistics.median(self.save) if self.save else None,
            "load": statistics.median(self.load),
            "predict": statistics.median(self.predict),
            "size": self.size,
            "rounds": len(self.load),
        }


def measure(model_name: str, peer_names: list[str], folder: str, repeats: int, budget: float) -> dict[str, Any]:
    """Medians by peer. A peer that has used up ``budget`` seconds sits out the rounds that are left."""
    model, rows = load(cached(SPECS[model_name]))
    expected = first_answer(model, rows)
    peers = [PEERS[name] for name in peer_names]
    for peer in peers:
        warm_up(peer, folder)
    times = {peer.name: Times() for peer in peers}
    rounds = repeats
    done = 0
    while done < rounds:
        for peer in peers:
            if not times[peer.name].load or times[peer.name].spent < budget:
                _one_round(peer, model, rows, expected, folder, times[peer.name])
        done += 1
        if done == 1 and max(t.spent for t in times.values()) < QUICK:
            rounds = repeats * MORE
    return {name: t.summary() for name, t in times.items()}


def _one_round(peer: Peer, model: Any, rows: Any, expected: Any, folder: str, times: Times) -> None:
    path = os.path.join(folder, file_name(peer))
    if peer.save is not None:
        if os.path.exists(path):
            os.unlink(path)
        gc.collect()
        start = time.perf_counter()
        peer.save(model, path)
        times.save.append(time.perf_counter() - start)
    gc.collect()
    start = time.perf_counter()
    again = peer.load(path)
    loaded = time.perf_counter()
    answer = first_answer(again, rows)
    times.load.append(loaded - start)
    times.predict.append(time.perf_counter() - start)
    times.size = os.path.getsize(path)
    # A peer that gives back another model has no time worth printing.
    assert (answer == expected).all(), f"{peer.name} answers differently"
