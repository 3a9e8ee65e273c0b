"""Processes of modelkeep's own: what they give back, and how they fail."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from modelkeep.errors import LoadError, UsageError, WorkerError
from modelkeep.workers import Worker


@pytest.fixture(scope="module")
def worker():
    with Worker("a test") as made:
        yield made


def test_values_travel_both_ways(worker):
    rows = np.arange(2_000_000, dtype=np.float64)  # more than a pipe holds
    assert np.array_equal(worker.call("numpy:negative", rows), -rows)
    assert worker.call("builtins:dict", a=1.5, b=["x", None]) == {"a": 1.5, "b": ["x", None]}


def test_what_a_library_prints_is_no_answer(worker):
    assert worker.call("builtins:print", "noise on stdout") is None
    assert worker.call("math:hypot", 3.0, 4.0) == 5.0


def test_a_modelkeep_error_comes_as_it_is(worker):
    with pytest.raises(UsageError, match="there is no format 'zz'") as caught:
        worker.call("modelkeep.catalog:format_named", "zz")
    assert "choose one of" in caught.value.hint
    with pytest.raises(LoadError) as refused:
        worker.call("modelkeep:loads", b"not a file")
    assert type(refused.value).__name__ == "ContainerError"


def test_another_error_is_told(worker):
    with pytest.raises(WorkerError, match="ValueError: math domain error"):
        worker.call("math:sqrt", -1.0)


@pytest.mark.parametrize(
    ("function", "arguments", "told"), [("os:abort", (), "SIGABRT"), ("os:_exit", (3,), "exit code 3")]
)
def test_a_crash_is_an_error_and_the_next_call_works(worker, function, arguments, told):
    with pytest.raises(WorkerError, match=f"ended by {told}"):
        worker.call(function, *arguments)
    assert worker.call("math:hypot", 3.0, 4.0) == 5.0


def test_a_hang_ends_in_time(worker):
    started = time.monotonic()
    with pytest.raises(WorkerError, match="took too long"):
        worker.call("time:sleep", 60.0, timeout=1.0)
    assert time.monotonic() - started < 10
    assert worker.pid is None


def test_a_killed_child_is_an_error(worker):
    assert worker.call("os:getpid") == worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert worker.call("os:getpid") == worker.pid  # one that ended between calls is not missed


def test_nothing_is_left_running():
    with Worker("a short one") as made:
        pid = made.call("os:getpid")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_error_does_not_quote_what_an_earlier_call_printed(worker):
    with pytest.raises(WorkerError):
        worker.call("math:sqrt", -1.0)
    with pytest.raises(WorkerError) as caught:
        worker.call("os:_exit", 3)
    assert "math domain" not in str(caught.value)


def test_nothing_is_imported_from_the_folder_that_the_user_is_in(tmp_path, monkeypatch):
    """A folder of downloads may hold a random.py: no process of ours runs it."""
    for name in ("random", "tempfile", "msgspec", "modelkeep"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.chdir(tmp_path)
    with Worker("a test") as made:
        assert made.call("math:hypot", 3.0, 4.0) == 5.0


def test_modules_are_looked_for_where_the_parent_looks(tmp_path, monkeypatch):
    beside = tmp_path / "with:colon"
    beside.mkdir()
    (beside / "only_here.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(str(beside))
    with Worker("a test") as made:
        assert made.call("only_here:twice", 21) == 42


#: The worker's process hangs in compiled code with the interpreter's lock, and has a process of its own that hangs too.
_HANGING = """
import os, re, subprocess
def hang():
    subprocess.Popen(["sleep", "60"])
    with open(os.environ["GROUP"], "w") as file:
        file.write(str(os.getpgrp()))
    re.match(r"(a+)+$", "a" * 40 + "b")
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_hanging_child_ends_with_its_parent_however_that_ends(tmp_path, how):
    (tmp_path / "hanging.py").write_text(_HANGING)
    told = tmp_path / "group"
    script = "from modelkeep.workers import Worker\nWorker('a test').call('hanging:hang')"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "GROUP": str(told)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as parent:
        assert _within(30, lambda: told.exists() and told.read_text())
        time.sleep(0.2)
        parent.send_signal(how)
    assert _within(10, lambda: not _runs(int(told.read_text())))


def _within(seconds, true):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _runs(group):
    """Whether a process of the group is there that has not ended."""
    states = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                states.append(fields[0])
    return any(state not in "ZX" for state in states)


def test_a_fork_in_the_middle_of_a_call_has_a_process_of_its_own(worker):
    """The lock that another thread held is not held there, and the parent's process is left alone."""
    busy = threading.Thread(target=worker.call, args=("time:sleep", 1.5))
    busy.start()
    time.sleep(0.5)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a deadlock ends the test, not the day
        with contextlib.suppress(BaseException):
            os._exit(0 if worker.call("math:hypot", 3.0, 4.0) == 5.0 else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    busy.join()
    assert worker.call("os:getpid") == worker.pid


def test_a_child_that_closes_its_pipe_and_lives_on_is_an_error(monkeypatch):
    monkeypatch.setattr("modelkeep.workers._LAST", 0.2)
    with Worker("a test") as made, pytest.raises(WorkerError, match="closed its pipe"):
        made.call("test_workers:_close_all")


def _close_all():
    os.closerange(3, 100)
    time.sleep(30)


def test_a_process_that_cannot_be_started_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Worker("a test") as made:
        with pytest.raises(WorkerError, match="a process for a test can't be started: FileNotFoundError"):
            made.call("math:hypot", 3.0, 4.0)
        monkeypatch.undo()
        assert made.call("math:hypot", 3.0, 4.0) == 5.0


@pytest.mark.parametrize("answer", [[], ["error", {}], ["value"], 7, {"a": 1}, ["error", 3]])
def test_an_answer_of_no_known_form_is_an_error(answer, monkeypatch):
    """A child that a hostile file has taken over may say anything."""
    import modelkeep

    with Worker("a test") as made:
        monkeypatch.setattr(made, "_exchange", lambda *_: modelkeep.dumps(answer, probe=False))
        with pytest.raises(WorkerError, match="gave no answer"):
            made.call("math:hypot", 3.0, 4.0)
