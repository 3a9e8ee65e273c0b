"""Writers, collectors and readers at once: nothing is lost, whoever comes first.

The full measure (2,000 registrations, every interleaving of three turns): ``make kill``.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelkeep as mk
from modelkeep import errors
from modelkeep.stores.memory import MemoryStore
from registry_workers import Workers, fresh_state, is_model, model, told, workers

FULL = os.environ.get("MODELKEEP_FULL") == "1"
END = 1_000_000  # more operations than anything here takes


@pytest.fixture(scope="module")
def forked() -> Iterator[Workers]:
    with workers() as made:
        yield made


# -- many processes ----------------------------------------------------------------------------------------------------


def test_many_writers_beside_collectors(tmp_path: Path, forked: Workers) -> None:
    writers, each = (8, 250) if FULL else (4, 15)
    run(forked, str(tmp_path / "r"), tmp_path, writers, each, {})


def test_many_writers_of_a_bucket(tmp_path: Path, forked: Workers) -> None:
    pytest.importorskip("obstore")
    from s3_server import environment, s3_server

    with s3_server() as server:
        place = f"s3://{server.bucket()}/models"
        run(forked, place, tmp_path, *((6, 20) if FULL else (3, 4)), environment(server.endpoint))


def run(forked: Workers, place: str, folder: Path, writers: int, each: int, environment: dict[str, str]) -> None:
    stop = folder / "stop"
    others = [forked.start(what, place, folder / what, stop, environment=environment) for what in ("collect", "delete")]
    pids = [forked.start("register", place, folder / f"w{i}", i, each, environment=environment) for i in range(writers)]
    assert [forked.wait(pid) for pid in pids] == [0] * writers
    stop.touch()
    assert [forked.wait(pid) for pid in others] == [0, 0]
    lines = list(itertools.chain.from_iterable(told(folder / f"w{i}") for i in range(writers)))
    told_of = {line[1]: line[2:] for line in lines if line[0] == "registered"}
    deleted = {number for line in told(folder / "delete") for number in line[1:]}
    with fresh_state():
        registry = mk.Registry(place)
        check(registry, told_of, deleted, writers * each)
        assert registry.fsck().problems == ()
        registry.gc()
        check(registry, told_of, deleted, writers * each)
    [[_, runs, removed, restored]] = told(folder / "collect")
    again = sum(line[1] for line in lines if line[0] == "again")
    print(
        f"{'bucket' if '://' in place else 'folder'}: {writers} writers, {len(told_of)} versions without a gap, "
        f"0 lost; {len(deleted)} deleted; {runs} collections removed {removed} objects and brought back {restored}; "
        f"{again} registrations began again"
    )


def check(registry: mk.Registry, told_of: dict[int, list[int]], deleted: set[int], count: int) -> None:
    assert sorted(told_of) == list(range(1, count + 1))
    there = [version.number for version in registry.versions("m")]
    assert there == [number for number in range(1, count + 1) if number not in deleted]
    for number in there:
        assert is_model(registry.load(f"m:{number}"), *told_of[number])
    shown = [(summary.versions, summary.latest and summary.latest.number) for summary in registry.summaries()]
    assert shown == ([(len(there), there[-1])] if there else [])  # on a slow machine all may be deleted in the end


def test_one_alias_moved_by_many(tmp_path: Path, forked: Workers) -> None:
    movers, each, place = 4, 100 if FULL else 10, str(tmp_path / "r")
    registry = mk.Registry(place)
    for i in range(9):
        registry.save("m", {"i": i}, probe=False)
    pids = [forked.start("move", place, tmp_path / f"w{i}", i, each) for i in range(movers)]
    assert [forked.wait(pid) for pid in pids] == [0] * movers
    moves = [event for event in registry.history("m") if event.event == "alias"]
    assert Counter(event.message for event in moves) == {f"{i}.{j}": 1 for i in range(movers) for j in range(each)}
    assert [event.old for event in moves] == [0, *(event.new for event in moves)][:-1]
    assert registry.aliases("m") == {"production": moves[-1].new}
    print(f"{len(moves)} moves of one alias by {movers} processes, each once, each from where the one before led")


def test_an_alias_never_points_at_a_deleted_version(tmp_path: Path, forked: Workers) -> None:
    count, place = 200 if FULL else 30, str(tmp_path / "r")
    registry = mk.Registry(place)
    for i in range(count):
        registry.save("m", {"i": i}, probe=False)
    pids = [forked.start(what, place, tmp_path / what, 1, count) for what in ("point", "take")]
    assert [forked.wait(pid) for pid in pids] == [0, 0]
    aliases: dict[str, int] = {}
    deleted: set[int] = set()
    for event in registry.history("m"):
        if event.event == "alias":
            aliases[event.alias] = event.new
        elif event.event == "delete":
            deleted |= set(event.versions)
        assert not deleted & set(aliases.values())
    assert deleted == {line[1] for line in told(tmp_path / "take") if line[0] == "deleted"}
    assert len([line for line in told(tmp_path / "point") if line[0] == "pointed"]) > 0
    print(f"{len(deleted)} of {count} versions deleted while an alias went over them: it never pointed at one of those")


# -- threads -----------------------------------------------------------------------------------------------------------


def test_threads_share_a_registry(tmp_path: Path) -> None:
    registry, count = mk.Registry(tmp_path / "r"), 30 if FULL else 5

    def work(worker: int) -> list[tuple[int, int]]:
        made = []
        for i in range(count):
            mark = worker * 1000 + i + 1
            version = registry.save("m", model(mark, i % 3), probe=False)
            registry.set_alias("m", f"a{worker}", version)
            assert is_model(registry.load(f"m@a{worker}"), mark, i % 3)
            assert is_model(registry.load(version), mark, i % 3)
            made.append((version.number, mark))
            if i % 3 == 2:
                registry.remove(f"m:{made[-2][0]}")
            if worker == 0:
                registry.gc()
        return made

    with ThreadPoolExecutor(16) as pool:
        numbers = sorted(number for made in pool.map(work, range(16)) for number, _ in made)
    assert numbers == list(range(1, 16 * count + 1))
    assert registry.fsck().problems == ()
    print(f"16 threads, {len(numbers)} versions without a gap, each loaded as it was saved")


# -- every interleaving ------------------------------------------------------------------------------------------------


class Watched:
    """A store that calls ``before`` ahead of each operation."""

    def __init__(self, store: MemoryStore, before: Callable[[], None]) -> None:
        self.url, self._store, self._before = store.url, store, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        def call(*args: Any) -> Any:
            self._before()
            return found(*args)

        return call


class Turn:
    """Work that goes on a given number of operations at a time, in a thread of its own."""

    def __init__(self, store: MemoryStore, work: Callable[[mk.Registry], Any]) -> None:
        self.steps, self.error = 0, None
        self._left, self._changed, self._ended = 0, threading.Condition(), False
        self._thread = threading.Thread(target=self._run, args=(Watched(store, self._step), work), daemon=True)
        self._waiting = 0
        self._thread.start()

    def go(self, steps: int) -> bool:
        """Let it do so many operations more; whether it is at its end."""
        with self._changed:
            self._left += steps
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._ended or (not self._left and self._waiting), 20)
            return self._ended

    def finish(self) -> None:
        self.go(END)
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self, store: Any, work: Callable[[mk.Registry], Any]) -> None:
        try:
            work(mk.Registry(store))
        except BaseException as error:
            self.error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _step(self) -> None:
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._left)
            self._waiting -= 1
            self._left -= 1
            self.steps += 1


def copied(store: MemoryStore) -> MemoryStore:
    made = MemoryStore()
    made._values.update(store._values)
    return made


@pytest.fixture(scope="module")
def before() -> MemoryStore:
    """What the writer will register lies there as garbage; some of it only in what the latest version still needs."""
    store = MemoryStore()
    registry = mk.Registry(store)
    registry.save("m", model(0, 1), probe=False)
    registry.save("m", model(7, 1), probe=False)
    registry.remove("m:1")
    registry.save("other", model(0, 2), probe=False)
    return store


def writes(registry: mk.Registry) -> None:
    registry.save("m", model(0, 1), probe=False)


def deletes_and_collects(registry: mk.Registry) -> None:
    registry.remove("m:2")
    registry.gc()


def points(registry: mk.Registry) -> None:
    registry.set_alias("m", "production", 2)


def collects(registry: mk.Registry) -> None:
    registry.gc()


WORKS = {
    "a deletion and a collection": [writes, deletes_and_collects],
    "two writers": [writes, writes],
    "a writer and an alias": [writes, points],
    "two collectors": [writes, collects, deletes_and_collects],
}


def lengths(store: MemoryStore, works: list[Callable[[mk.Registry], Any]]) -> list[int]:
    """The operations that each needs when it is alone, and some more, for it may have to begin again."""
    found = []
    for work in works:
        turn = Turn(copied(store), work)
        turn.finish()
        found.append(turn.steps)
    return found


@pytest.mark.parametrize("name", WORKS)
def test_every_interleaving(before: MemoryStore, name: str) -> None:
    works = WORKS[name]
    steps = lengths(before, works)
    schedules = 0
    for schedule in turns(steps):
        store = copied(before)
        running = [Turn(store, work) for work in works]
        for who, count in schedule:
            running[who].go(count)
        for turn in running:
            turn.finish()
        judge(store, works, schedule)
        schedules += 1
    print(f"{name}: {schedules} interleavings, every version that was acknowledged loads")


def turns(steps: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Who goes on by how many operations, in turn; then all go to their ends, the first one first.

    Two: the one stops at each of its operations, and the other goes to each of its own; fully, the first one then goes
    on to each later one before the other ends. Three: each stops at each of its operations, once.
    """
    first, second = steps[:2]
    if len(steps) == 3:
        for i, j, k in itertools.product(*(range(count + 1) for count in steps)):
            if (i + 3 * j + 7 * k) % (29 if FULL else 397) == 0:
                yield [(0, i), (1, j), (2, k)]
                yield [(2, k), (1, j), (0, i), (2, 3)]
        return
    for i, j in itertools.product(range(first + 1), range(second + 1)):
        if FULL or (3 * i + 5 * j) % 16 == 0:
            yield [(0, i), (1, j)]
            yield [(1, j), (0, i), (1, END)]
        for k in range(1, first - i) if FULL else ():
            yield [(0, i), (1, j), (0, k), (1, END)]


def judge(store: MemoryStore, works: list[Callable[[mk.Registry], Any]], schedule: list[tuple[int, int]]) -> None:
    registry = mk.Registry(store)
    added = works.count(writes)
    there = [*([] if deletes_and_collects in works else [2]), *range(3, 3 + added)]
    assert [version.number for version in registry.versions("m")] == there, schedule
    latest = {summary.name: summary.latest and summary.latest.number for summary in registry.summaries()}
    assert latest == {"m": there[-1], "other": 1}, schedule
    assert registry.aliases("m") == ({"production": 2} if points in works else {}), schedule
    load_all(registry, there, schedule)
    registry.gc()
    load_all(registry, there, schedule)
    assert is_model(registry.load("other"), 0, 2), schedule
    assert registry.fsck().problems == (), schedule


def load_all(registry: mk.Registry, numbers: list[int], schedule: list[tuple[int, int]]) -> None:
    for number in numbers:
        assert is_model(registry.load(f"m:{number}"), 7 if number == 2 else 0, 1), schedule


def test_two_first_writers() -> None:
    """Both find no registry; one creates it at any moment of the other."""
    for i, j in itertools.product(range(12), range(12)):
        store = MemoryStore()
        running = [Turn(store, writes) for _ in range(2)]
        running[0].go(i)
        running[1].go(j)
        for turn in running:
            turn.finish()
        assert [version.number for version in mk.Registry(store).versions("m")] == [1, 2]


def test_the_interleavings_would_show_a_writer_without_pins(
    before: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modelkeep.registry import pins

    monkeypatch.setattr(pins, "held", lambda store: [])
    with pytest.raises((AssertionError, errors.IntegrityError)):
        test_every_interleaving(before, "a deletion and a collection")


def test_a_reader_at_every_step_of_a_collection() -> None:
    """A version that is there loads at every moment, also when the collector has moved what it needs."""
    store = MemoryStore()
    mk.Registry(store).save("m", model(0, 1), probe=False)
    mk.Registry(store).remove("m:1")
    start = copied(store)
    [total] = lengths(start, [collects])
    loads = 0
    for i in range(total + 1):
        for j in range(total - i + 1):
            store = copied(start)
            turn = Turn(store, collects)
            turn.go(i)
            version = mk.Registry(store).save("m", model(0, 1), probe=False)
            turn.go(j)
            found = mk.Registry(store).load(version)
            assert np.array_equal(found["alone"], model(0, 1)["alone"])
            turn.finish()
            assert is_model(mk.Registry(store).load(version), 0, 1)
            loads += 2
    print(f"{loads} loads at every step of a collection, none refused")
