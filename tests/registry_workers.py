"""Processes that work on one registry: each is forked from one that has everything imported, and may be killed.

What a process did is told by a file: a line when a call begins, and a line when it has returned.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import modelkeep as mk
from fuzz.run import child_environment
from modelkeep import errors
from modelkeep.registry import collecting, objects

# -- models ------------------------------------------------------------------------------------------------------------

#: So many different contents; the same ones over and over, so that what was just collected is registered again.
CONTENTS = 5


def model(mark: int, content: int) -> dict[str, Any]:
    """A tensor that is an object of its own, one that lies in a pack with others, and the rest.

    With ``mark`` 0 the whole is the same each time, else only the tensors are.
    """
    return {
        "alone": np.full(9000, float(content)),
        "packed": np.full(800, float(content)),
        "small": {"mark": mark, "content": content},
    }


def is_model(found: Any, mark: int, content: int) -> bool:
    wanted = model(mark, content)
    same = all(np.array_equal(found[key], wanted[key]) for key in ("alone", "packed"))
    return same and found["small"] == wanted["small"]


# -- the process that forks --------------------------------------------------------------------------------------------


class Workers:
    """Starts functions of this module in processes of their own, without the seconds that imports take."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "registry_workers"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=child_environment(), stdin=pipe, stdout=pipe, text=True)

    def start(self, function: str, *args: Any, environment: dict[str, str] | None = None) -> int:
        return int(self._ask("start", function, [str(a) if isinstance(a, Path) else a for a in args], environment))

    def wait(self, pid: int) -> int:
        """0, or what ended it: a negative signal, as subprocess has it."""
        return int(self._ask("wait", pid))

    def kill(self, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            assert self.wait(pid) == -signal.SIGKILL

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, *what: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def main() -> None:
    for line in iter(sys.stdin.readline, ""):
        what, first, *rest = json.loads(line)
        answer = _forked(first, *rest) if what == "start" else os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def _forked(function: str, args: list[Any], environment: dict[str, str] | None) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.close(0)
        os.dup2(2, 1)
        os.environ.update(environment or {})
        random.seed()
        globals()[function](*args)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class Told:
    """The file in which a process says what it does: a line is written at once or not at all."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, *what: Any) -> None:
        os.write(self._descriptor, json.dumps(what).encode() + b"\n")


def told(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def await_line(path: Path, count: int = 1) -> None:
    deadline = time.monotonic() + 60
    while len(told(path)) < count:
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.001)


# -- races -------------------------------------------------------------------------------------------------------------


def register(place: str, path: str, worker: int, count: int) -> None:
    """Register one name ``count`` times, and say what became of each call. Two writers may have the same content."""
    rng, say, again = random.Random(worker), Told(path).say, 0
    looked = objects.lacking

    def counted(store: Any, keys: Any) -> list[str]:
        nonlocal again
        gone = looked(store, keys)
        again += bool(gone)
        return gone

    objects.lacking = counted
    registry = mk.Registry(place)
    for i in range(count):
        mark, content = rng.choice([0, worker * 1000 + i + 1]), rng.randrange(CONTENTS)
        tags = {"mark": str(mark), "content": str(content)}
        version = registry.save("m", model(mark, content), probe=False, tags=tags)
        say("registered", version.number, mark, content)
    say("again", again)


def collect(place: str, path: str, stop: str) -> None:
    """Delete versions by content, so that there is garbage, and collect it, until the file ``stop`` is there."""
    say, registry, restored, runs, removed = Told(path).say, mk.Registry(place), 0, 0, 0
    restore = collecting._restore

    def counted(*args: Any) -> None:
        nonlocal restored
        restored += 1
        restore(*args)

    collecting._restore = counted
    while not os.path.exists(stop):
        with contextlib.suppress(errors.NotFoundError):  # nothing is there yet
            removed += registry.gc().objects
            runs += 1
    say("collected", runs, removed, restored)


def delete(place: str, path: str, stop: str) -> None:
    """Delete every version with one content, and then those with another, until the file ``stop`` is there."""
    say, registry, rng = Told(path).say, mk.Registry(place), random.Random(1)
    while not os.path.exists(stop):
        content = str(rng.randrange(CONTENTS))
        with contextlib.suppress(errors.NotFoundError):
            found = [v for v in registry.versions("m") if v.tags["content"] == content]
            if found:
                registry.remove(*found)
                say("deleted", *(v.number for v in found))
        time.sleep(0.005)


def move(place: str, path: str, worker: int, count: int) -> None:
    """Move one alias ``count`` times. The message says who did it."""
    registry, rng = mk.Registry(place), random.Random(worker)
    for i in range(count):
        registry.set_alias("m", "production", rng.randint(1, 9), message=f"{worker}.{i}")


def point(place: str, path: str, worker: int, count: int) -> None:
    """Let an alias of one's own point at each version that still lets it, one after the other."""
    registry, say = mk.Registry(place), Told(path).say
    for number in range(1, count + 1):
        try:
            registry.set_alias("m", f"a{worker}", number)
            say("pointed", number)
        except errors.NotFoundError:
            say("refused", number)


def take(place: str, path: str, worker: int, count: int) -> None:
    """Delete each version that no alias points at, one after the other."""
    registry, say = mk.Registry(place), Told(path).say
    for number in range(1, count + 1):
        try:
            registry.remove(f"m:{number}")
            say("deleted", number)
        except errors.RegistryError:
            say("refused", number)


# -- kills -------------------------------------------------------------------------------------------------------------


def change(place: str, path: str, name: str, seed: int) -> None:
    """Change a name at random for ever, saying what is about to be done, and that it was done."""
    registry, say, rng = mk.Registry(place), Told(path).say, random.Random(seed)
    say("ready")
    for i in itertools.count(1):
        what, call = _next(registry, rng, name, seed * 1000 + i)
        say("begins", *what)
        call()
        say("done", *what)


def _next(registry: mk.Registry, rng: random.Random, name: str, number: int) -> tuple[list[Any], Any]:
    there = []
    with contextlib.suppress(errors.NotFoundError):  # nothing is there yet, or all is deleted
        there = [v.number for v in registry.versions(name)]
    free = sorted(set(there) - set(registry.aliases(name).values())) if there else []
    kind = rng.choice(["save", "save", "alias", "tag", "delete", "gc"]) if len(free) > 1 else "save"
    if kind == "save":
        mark, content = rng.choice([0, number]), rng.randrange(CONTENTS)
        tags = {"mark": str(mark), "content": str(content)}
        return ["save", mark, content], lambda: registry.save(name, model(mark, content), probe=False, tags=tags)
    if kind == "alias":
        alias, to = rng.choice("ab"), rng.choice(there)
        return ["alias", alias, to], lambda: registry.set_alias(name, alias, to)
    if kind == "tag":
        to = rng.choice(there)
        return ["tag", to, number], lambda: registry.tag(f"{name}:{to}", {"tagged": str(number)})
    if kind == "delete":
        gone = sorted(rng.sample(free, rng.randint(1, len(free) // 2 + 1)))
        return ["delete", *gone], lambda: registry.remove(*(f"{name}:{n}" for n in gone))
    return ["gc"], registry.gc


@contextlib.contextmanager
def workers() -> Iterator[Workers]:
    made = Workers()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def fresh_state() -> Iterator[None]:
    """Inside, nothing is remembered of any registry."""
    before = os.environ["MODELKEEP_STATE"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MODELKEEP_STATE"] = folder
        try:
            yield
        finally:
            os.environ["MODELKEEP_STATE"] = before


if __name__ == "__main__":
    main()
