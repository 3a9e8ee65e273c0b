"""Processes of modelkeep's own: a child runs our functions, so that what may crash or hang does so there.

``Worker.call("module:function", ...)`` names a function of ours, never one that a file chose. Arguments and results
travel through pipes as keep files, which are data: a child that a hostile file has taken over can't run anything here.
A message is its length in 8 bytes, little-endian, and that many bytes.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from modelkeep import errors
from modelkeep.errors import ModelkeepError, WorkerError, said

#: Seconds that a call may take unless it says otherwise.
TIMEOUT = 300.0
#: How much of what a child printed goes into an error.
_TOLD = 2000
_PIECE = 1 << 20
_HEADER = 8


class Worker:
    """A child process, started at the first call and kept until ``close`` or the end of this process.

    A child that crashed, hung or was killed is an error of that call; the next one starts another.

    >>> with Worker("an example") as worker:
    ...     worker.call("math:hypot", 3.0, 4.0)
    5.0
    """

    def __init__(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._printed: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._heard = 0  # how much the child had printed when the call began

    @property
    def pid(self) -> int | None:
        """The child's number while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def call(self, function: str, *arguments: Any, timeout: float = TIMEOUT, **named: Any) -> Any:
        """What ``function`` (``"module:NAME"``) gives there. Its modelkeep errors are raised here as they are."""
        import modelkeep  # for dumps and loads: layers above this one

        message = modelkeep.dumps([function, list(arguments), named], probe=False)
        with self._lock:
            try:
                answer = self._exchange(message, time.monotonic() + timeout)
            except BaseException:
                self._stop()
                raise
        outcome, value = modelkeep.loads(answer)
        if outcome == "error":
            raise _error_of(value)
        return value

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115  closed with the child
        process = subprocess.Popen(
            [sys.executable, "-m", "modelkeep.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            env=self._environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # so that it ends with whatever it started
        )
        os.set_blocking(process.stdin.fileno(), False)  # type: ignore[union-attr]
        atexit.register(self._stop)
        return process

    def _exchange(self, message: bytes, deadline: float) -> bytes:
        if self._process is None or self._process.poll() is not None or self._owner != os.getpid():
            self._stop()
            self._owner, self._process = os.getpid(), self._start()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._printed is not None
        self._heard = self._printed.seek(0, os.SEEK_END)
        waiting = memoryview(len(message).to_bytes(_HEADER, "little") + message)
        answer = bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdin, selectors.EVENT_WRITE)
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while (wanted := _wanted(answer)) > len(answer):
                events = ready.select(max(0.0, deadline - time.monotonic()))
                if not events:
                    raise self._failed("took too long")
                for key, _ in events:
                    if key.fileobj is self._process.stdin:
                        waiting = waiting[_sent(key.fd, waiting) :]
                        if not waiting:
                            ready.unregister(self._process.stdin)
                        continue
                    piece = os.read(key.fd, min(_PIECE, wanted - len(answer)))
                    if not piece:
                        raise self._failed(self._ended())
                    answer += piece
        return bytes(answer[_HEADER:])

    def _ended(self) -> str:
        assert self._process is not None
        code = self._process.wait(10)
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"ended by {name}"

    def _failed(self, how: str) -> WorkerError:
        printed = b""
        if self._printed is not None:
            size = self._printed.seek(0, os.SEEK_END)
            self._printed.seek(max(self._heard, size - _TOLD))
            printed = self._printed.read()
        text = errors.quote(printed.decode(errors="replace").strip().splitlines()[-1]) if printed.strip() else ""
        return WorkerError(
            f"the process for {self.name} {how}" + (f"; it said {text}" if text else ""),
            hint="try again; if it happens each time, the file or the model is one that its library can't work with",
        )

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self._stop)
        if self._owner == os.getpid():  # after a fork the child belongs to the parent
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pipe in (process.stdin, process.stdout, self._printed):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _wanted(answer: bytearray) -> int:
    return _HEADER + int.from_bytes(answer[:_HEADER], "little") if len(answer) >= _HEADER else _HEADER


def _sent(pipe: int, data: memoryview) -> int:
    try:
        return os.write(pipe, data[:_PIECE])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)  # it ended: reading tells how


def _error_of(told: Mapping[str, Any]) -> ModelkeepError:
    """The child's error. Only classes of modelkeep's own tree are made again."""
    known = {
        cls.kind: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, ModelkeepError)
    }
    cls = known.get(told["kind"], WorkerError)
    error = cls.__new__(cls, told["error"])
    ModelkeepError.__init__(error, told["error"], hint=told["hint"])
    if hasattr(cls, "within"):
        error.path = told.get("path", "")  # type: ignore[attr-defined]
    return error


# -- in the child ------------------------------------------------------------------------------------------------------


def _answer(message: bytes) -> bytes:
    import modelkeep

    try:
        function, arguments, named = modelkeep.loads(message)
        module, _, name = function.partition(":")
        value = getattr(importlib.import_module(module), name)(*arguments, **named)
        return modelkeep.dumps(["value", value], probe=False)
    except ModelkeepError as error:
        return modelkeep.dumps(["error", error.as_dict()], probe=False)
    except Exception as error:
        import traceback

        traceback.print_exc()
        told = {"error": said(error), "hint": "see what its library says of this error", "kind": "worker"}
        return modelkeep.dumps(["error", told], probe=False)


def serve() -> None:
    """Answer calls until the parent closes the pipe."""
    # Libraries print; only answers may go where the parent reads.
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    incoming = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while len(header := incoming.read(_HEADER)) == _HEADER:
        answer = _answer(incoming.read(int.from_bytes(header, "little")))
        outgoing.write(len(answer).to_bytes(_HEADER, "little") + answer)
        outgoing.flush()


if __name__ == "__main__":
    serve()
