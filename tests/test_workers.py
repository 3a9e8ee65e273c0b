"""Processes of modelkeep's own: what they give back, and how they fail."""

from __future__ import annotations

import os
import signal
import time

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
