"""Writers of a registry that are killed, disks that fail, bits that flip: what was acknowledged is there, always.

The full measure (500 kills, every call with every error): ``make kill``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import modelkeep as mk
from modelkeep.errors import ModelkeepError, StorageError
from modelkeep.registry.pins import FORGOTTEN
from modelkeep.stores.cached import CachedStore
from modelkeep.stores.local import LocalStore
from registry_workers import Workers, await_line, fresh_state, is_model, model, told, workers

FULL = os.environ.get("MODELKEEP_FULL") == "1"
KILLS = 500 if FULL else 24


@pytest.fixture(scope="module")
def forked() -> Iterator[Workers]:
    with workers() as made:
        yield made


# -- SIGKILL -----------------------------------------------------------------------------------------------------------


@dataclass
class Expected:
    """What a name must be by what its writer said."""

    versions: dict[int, tuple[int, int]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    tagged: dict[int, str] = field(default_factory=dict)
    count: int = 0

    def apply(self, kind: str, *what: Any) -> Expected:
        made = Expected(dict(self.versions), dict(self.aliases), dict(self.tagged), self.count)
        if kind == "save":
            made.count += 1
            made.versions[made.count] = (what[0], what[1])
        elif kind == "alias":
            made.aliases[what[0]] = what[1]
        elif kind == "tag":
            made.tagged[what[0]] = str(what[1])
        elif kind == "delete":
            for number in what:
                made.versions.pop(number), made.tagged.pop(number, None)
        return made


def found(registry: mk.Registry, name: str, count: int) -> Expected:
    """What a name is. Every version is loaded."""
    versions, tagged = {}, {}
    for version in registry.versions(name):
        mark, content = int(version.tags["mark"]), int(version.tags["content"])
        assert is_model(registry.load(version), mark, content)
        versions[version.number] = (mark, content)
        if "tagged" in version.tags:
            tagged[version.number] = version.tags["tagged"]
    return Expected(versions, registry.aliases(name), tagged, max([*versions, count]))


def test_killed_writers_and_collectors_lose_nothing(tmp_path: Path, forked: Workers) -> None:
    """Two at a time, each on a name of its own; they share objects, and collect one another's garbage."""
    rng, torn, round_of, names = random.Random(0), Counter[str](), 20, ("a", "b")
    for kill in range(0, KILLS, 2):
        place = tmp_path / f"r{kill // round_of}"
        if not place.exists():
            expected = {name: Expected() for name in names}
        files = {name: tmp_path / f"{kill}.{name}" for name in names}
        pids = [forked.start("change", place, path, name, 1000 * kill + ord(name)) for name, path in files.items()]
        for path in files.values():
            await_line(path, 4)
        time.sleep(rng.uniform(0.0, 0.06))
        forked.kill(*pids)
        with fresh_state():  # and so without what a killed process remembered
            registry = mk.Registry(place)
            for name in names:
                expected[name] = judge(registry, name, expected[name], told(files[name]), torn)
            judge_summaries(registry, expected)
            assert registry.fsck().problems == ()
            for name in names:  # the next writer works
                registry.save(name, model(kill + 1, 0), probe=False, tags={"mark": str(kill + 1), "content": "0"})
                expected[name] = expected[name].apply("save", kill + 1, 0)
            if rng.random() < 0.3:
                registry.gc()
                assert found(registry, "a", 0).versions == expected["a"].versions
    middle = sum(torn.values())
    print(f"{KILLS} kills, {middle} in the middle of a call ({dict(sorted(torn.items()))}), nothing lost, nothing torn")
    assert middle >= KILLS // 3  # the kills came at moments that matter


def judge(registry: mk.Registry, name: str, before: Expected, lines: list[Any], torn: Counter[str]) -> Expected:
    """The name is as it was after the last call that returned, or as after the one that was about to."""
    for what, *rest in lines:
        before = before.apply(*rest) if what == "done" else before
    there = found(registry, name, before.count)
    if lines[-1][0] != "begins":
        assert there == before
        return before
    torn[lines[-1][1]] += 1
    assert there in (before, before.apply(*lines[-1][1:]))
    return there


def judge_summaries(registry: mk.Registry, expected: dict[str, Expected]) -> None:
    """The list says what is there, also where the writer came to its record but not to the list."""
    shown = {s.name: (s.versions, int(s.latest or 0), s.aliases) for s in registry.summaries()}
    assert shown == {
        n: (len(e.versions), max(e.versions, default=0), e.aliases) for n, e in expected.items() if e.versions
    }


# -- the n-th call fails -----------------------------------------------------------------------------------------------


class Failing:
    """Counts what is asked of the operating system about files below ``root``, and lets the n-th call fail."""

    NAMES = ("open", "write", "writev", "fsync", "link", "rename", "replace", "unlink", "mkdir", "rmdir", "scandir")

    def __init__(self, root: Path, at: int, code: int) -> None:
        self.root, self.at, self.code = str(root), at, code
        self.calls: list[str] = []
        self._open: set[int] = set()

    def wrap(self, name: str) -> Callable[..., Any]:
        call = getattr(os, name)

        def wrapped(first: Any, *args: Any, **options: Any) -> Any:
            if first in self._open if isinstance(first, int) else str(first).startswith(self.root):
                self.calls.append(name)
                if len(self.calls) == self.at:
                    raise OSError(self.code, os.strerror(self.code))
            made = call(first, *args, **options)
            if name == "open" and str(first).startswith(self.root):
                self._open.add(made)
            elif name == "open":
                self._open.discard(made)
            return made

        return wrapped

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Failing]:
        patch = pytest.MonkeyPatch()
        for name in self.NAMES:
            patch.setattr(os, name, self.wrap(name))
        try:
            yield self
        finally:
            patch.undo()

    @property
    def failed(self) -> str:
        return self.calls[self.at - 1] if len(self.calls) >= self.at else ""


def start(place: Path) -> None:
    """Three versions, of which the first is garbage that the next registration needs, and an alias."""
    registry = mk.Registry(place)
    for mark in (0, 1, 2):
        registry.save("m", model(mark, mark), probe=False)
    registry.remove("m:1")
    registry.set_alias("m", "production", 2)


def state(place: Path) -> tuple[Any, ...]:
    """All that a user sees of the registry; every version is loaded."""
    with fresh_state():
        registry = mk.Registry(place)
        if "m" not in registry.names():
            return ()
        versions = registry.versions("m")
        for version in versions:
            mark = registry.load(version)["small"]["mark"]
            assert is_model(registry.load(version), mark, mark)
        [summary] = registry.summaries()
        shown = (summary.versions, summary.latest, summary.aliases)
        assert shown == (len(versions), versions[-1], registry.aliases("m"))
        return tuple((v.number, v.digest, v.tags, v.aliases) for v in versions), registry.aliases("m")


CALLS: dict[str, Callable[[mk.Registry], Any]] = {
    "registration": lambda registry: registry.save("m", model(0, 0), probe=False),
    "alias": lambda registry: registry.set_alias("m", "production", 3),
    "rollback": lambda registry: registry.rollback("m", "production"),
    "tag": lambda registry: registry.tag("m:2", {"stage": "old"}),
    "removal": lambda registry: registry.remove("m:3"),
    "collection": lambda registry: registry.gc(),
}
CODES = [errno.EIO, errno.ENOSPC]


@pytest.mark.parametrize("code", CODES if FULL else CODES[:1], ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("name", CALLS)
def test_the_nth_call_fails(tmp_path: Path, name: str, code: int) -> None:
    call, ready, place = CALLS[name], tmp_path / "start", tmp_path / "r"
    start(ready)
    if name == "rollback":
        mk.Registry(ready).set_alias("m", "production", 3)
    shutil.copytree(ready, place)
    before = state(place)
    with Failing(place, 0, code)() as plan:
        call(mk.Registry(place))
    after, total = state(place), len(plan.calls)
    outcomes: Counter[str] = Counter()
    step = 1 if FULL else 2
    for at in range(1, total + 1, step):
        shutil.rmtree(place)
        shutil.copytree(ready, place)
        with fresh_state():
            outcomes[fail_once(place, call, at, code, (before, after))] += 1
    print(f"{name}, {errno.errorcode[code]}: {total} calls, {dict(outcomes)}")
    assert outcomes["as before"]


def fail_once(place: Path, call: Callable[[mk.Registry], Any], at: int, code: int, allowed: tuple[Any, Any]) -> str:
    with Failing(place, at, code)() as plan:
        try:
            call(mk.Registry(place))
            refused = None
        except ModelkeepError as error:
            refused = error
    assert plan.failed, "the calls are others each time"
    there = state(place)
    assert there in allowed, plan.failed
    if refused is None:
        assert there == allowed[1], f"{plan.failed} failed without an error"
    else:
        assert isinstance(refused, StorageError), plan.failed
        assert refused.hint
    retried = again(place, call, there == allowed[1])
    assert retried, plan.failed
    nothing_left(place)
    return "done all the same" if refused is None else "as before" if there == allowed[0] else "as after"


def again(place: Path, call: Callable[[mk.Registry], Any], was_done: bool) -> bool:
    """The same call now succeeds; where it was done before, it may say so."""
    try:
        call(mk.Registry(place))
    except ModelkeepError:
        return was_done
    return mk.Registry(place).fsck().problems == ()


def nothing_left(place: Path) -> None:
    """A collection a day later leaves what versions need, and no file that is being written."""
    old = time.time() - 2 * FORGOTTEN
    for folder in ("pins", ".tmp"):
        for path in (place / folder).glob("*"):
            os.utime(path, (old, old))
    for run in (place / "trash").glob("*"):
        run.rename(run.with_name("20200101T000000.000Z-" + run.name.rpartition("-")[2]))
    registry = mk.Registry(place)
    registry.gc()
    needed = {f"{place}/{stored.key}" for v in registry.versions("m") for stored in objects_of(registry, v.number)}
    kinds = Counter(path.relative_to(place).parts[0] for path in place.rglob("*") if path.is_file())
    assert {str(path) for path in (place / "objects").iterdir()} == needed
    assert not kinds.keys() & {".tmp", "pins", "trash"}, kinds


def objects_of(registry: mk.Registry, number: int) -> list[Any]:
    return list(registry._book("m").record(number).objects)


# -- flipped bits ------------------------------------------------------------------------------------------------------


def test_a_flipped_bit_is_noticed_and_repaired(tmp_path: Path) -> None:
    """Whatever flips in a file of a registry: a load gives the very same model or an error, and fsck says where."""
    place, copy = tmp_path / "r", tmp_path / "copy"
    start(place)
    registry = mk.Registry(place)
    registry.tag("m:2", {"stage": "old"})
    registry.gc()
    shutil.copytree(place, copy)
    rng, counts = random.Random(0), Counter[str]()
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        key = path.relative_to(place).as_posix()
        if key.startswith(("registry.json", "objects/", "models/")):
            for at, bit in flips(path.stat().st_size, rng):
                counts += flipped(place, key, copy, at, bit)
    assert not counts["WRONG"]
    print(dict(counts))


def flips(size: int, rng: random.Random) -> list[tuple[int, int]]:
    """Every byte of a small file, and many of a large one; one bit of each."""
    places = range(size) if size < 4000 else [*range(100), *rng.sample(range(size), 300), size - 1]
    every = [(place, rng.randrange(8)) for place in places]
    return every if FULL else rng.sample(every, min(len(every), 25))


def flipped(place: Path, key: str, copy: Path, at: int, bit: int) -> Counter[str]:
    whole = (place / key).read_bytes()
    damaged = bytearray(whole)
    damaged[at] ^= 1 << bit
    (place / key).write_bytes(damaged)
    with fresh_state():  # a reader that was here before would notice more
        outcomes = Counter(answer(place, ref, mark) for ref, mark in (("m:2", 1), ("m:3", 2), ("m@production", 1)))
        noticed = any(name in text for text in problems(place) for name in (key, f"m:{Path(key).stem.strip('0')}"))
        problems(place, copy)
        repaired = (place / key).read_bytes() == whole
    (place / key).write_bytes(whole)
    if key.endswith(".z") and not noticed:  # the last bits of a deflated stream mean nothing
        assert outcomes == {"same": 3}, (key, at, bit)
        return outcomes + Counter({"without effect": 1})
    assert noticed, (key, at, bit)
    assert repaired or key == "registry.json", (key, at, bit)
    assert not outcomes["another version"]
    return outcomes + Counter({"noticed and repaired" if repaired else "noticed": 1})


def answer(place: Path, ref: str, mark: int) -> str:
    """The model must be the one that was registered, or none; an alias may lead to another of the registry's."""
    try:
        model = mk.Registry(place).load(ref)
    except ModelkeepError:
        return "refused"
    if is_model(model, mark, mark):
        return "same"
    return "another version" if "@" in ref and is_model(model, 2, 2) else "WRONG"


def problems(place: Path, source: Path | None = None) -> list[str]:
    try:
        return [problem.key for problem in mk.Registry(place).fsck(source).problems]
    except ModelkeepError as error:
        return [str(error), "registry.json"]


def test_fsck_looks_past_the_cache(tmp_path: Path) -> None:
    """What was loaded before lies in a cache here; the damage is there."""
    start(tmp_path / "r")
    shutil.copytree(tmp_path / "r", tmp_path / "copy")
    registry = mk.Registry(CachedStore(LocalStore(tmp_path / "r"), tmp_path / "cache", 1 << 30))
    registry.load("m:2")
    for stored in objects_of(registry, 2):
        path = tmp_path / "r" / stored.key
        path.write_bytes(b"?" + path.read_bytes()[1:])
    assert {problem.key for problem in registry.fsck().problems} == {s.key for s in objects_of(registry, 2)}
    assert registry.fsck(tmp_path / "copy")
    assert registry.fsck().problems == ()
    assert is_model(registry.load("m:2"), 1, 1)
