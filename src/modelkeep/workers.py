"""Processes of modelkeep's own: a child runs our functions, so that what may crash or hang does so there.

``Worker.call("module:function", ...)`` names a function of ours, never one that a file chose. Arguments and results
travel through pipes as keep files, which are data: a child that a hostile file has taken over can't run anything here.
A message is its length in 8 bytes, little-endian, and that many bytes.

A child outlives nobody: it holds the reading end of a pipe whose other end only its parent has. When that closes,
however the parent ended, the kernel signals the child and what it started, even where they hang in compiled code.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import select
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
from modelkeep.errors import ModelkeepError, SaveError, SaveErrors, WorkerError, said

#: Seconds that a call may take unless it says otherwise.
TIMEOUT = 300.0
#: How much of what a child printed goes into an error.
_TOLD = 2000
_PIECE = 1 << 20
_HEADER = 8
#: Seconds that a child may live on without its pipe.
_LAST = 10.0
_AGAIN = "try again; if it happens each time, the file or the model is one that its library can't work with"


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
        self._lifeline: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._given_up = False
        self._heard = 0  # how much the child had printed when the call began

    @property
    def pid(self) -> int | None:
        """The child's number while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def call(self, function: str, *arguments: Any, timeout: float = TIMEOUT, **named: Any) -> Any:
        """What ``function`` (``"module:NAME"``) gives there. Its modelkeep errors are raised here as they are."""
        import modelkeep  # for dumps and loads: layers above this one

        message = modelkeep.dumps([function, list(arguments), named], probe=False)
        self._adopt()
        with self._lock:
            try:
                answer = self._exchange(message, time.monotonic() + timeout)
            except BaseException:
                self._stop()
                raise
        match modelkeep.loads(answer):
            case ["value", value]:
                return value
            case ["error", {"kind": str(kind), "error": str(text), "hint": str(hint), **more}]:
                raise _error_of(kind, text, hint, str(more.get("path", "")))
        raise WorkerError(f"the process for {self.name} gave no answer", hint=_AGAIN)

    def close(self) -> None:
        """End the child."""
        self._adopt()
        with self._lock:
            self._stop()

    def give_up(self) -> None:
        """End the child while another thread waits for it, which gets an error; no other child is started."""
        self._given_up = True
        process = self._process
        if process is not None and process.poll() is None and self._owner == os.getpid():
            _kill(process)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _adopt(self) -> None:
        """After a fork: the child is the parent's, and so may be the lock, held by a thread that is not here."""
        if self._owner != os.getpid():
            self._lock = threading.Lock()
            self._stop()
            self._owner = os.getpid()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return self._started()
        except OSError as error:  # no memory, no process, no file descriptor, no room
            hint = "close other programs, or make room for temporary files, and try again"
            raise WorkerError(f"a process for {self.name} can't be started: {said(error)}", hint=hint) from error

    def _started(self) -> subprocess.Popen[bytes]:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115  closed with the child
        inner, outer = os.pipe()
        self._lifeline = os.fdopen(outer, "wb")
        inner = _above_streams(inner)
        try:
            process = subprocess.Popen(
                # Without -P the folder that the user is in, with whatever was downloaded there, would be imported from.
                [sys.executable, "-P", "-m", "modelkeep.workers", str(inner), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                pass_fds=(inner,),
                env=self._environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # so that it ends with whatever it started
            )
        finally:
            os.close(inner)
        os.set_blocking(process.stdin.fileno(), False)  # type: ignore[union-attr]
        atexit.register(self._stop)
        return process

    def _exchange(self, message: bytes, deadline: float) -> bytes:
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._process = self._start()
        if self._given_up:
            raise self._failed("was given up")
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
        try:
            code = self._process.wait(_LAST)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
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
            hint=_AGAIN,
        )

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self._stop)
        if process is not None and self._owner == os.getpid():  # after a fork the child belongs to the parent
            _kill(process)
            process.wait()
        pipes = (process.stdin, process.stdout) if process is not None else ()
        for pipe in (*pipes, self._printed, self._lifeline):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _above_streams(number: int) -> int:
    """The same open file under a number that is none of a stream: a parent without them gets those numbers first."""
    taken = []
    while number <= 2:
        taken.append(number)
        number = os.dup(number)
    for each in taken:
        os.close(each)
    return number


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _wanted(answer: bytearray) -> int:
    return _HEADER + int.from_bytes(answer[:_HEADER], "little") if len(answer) >= _HEADER else _HEADER


def _sent(pipe: int, data: memoryview) -> int:
    try:
        return os.write(pipe, data[:_PIECE])
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)  # it ended: reading tells how


def _error_of(kind: str, text: str, hint: str, path: str) -> ModelkeepError:
    """The child's error. Only classes of modelkeep's own tree are made again."""
    known = {
        cls.kind: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, ModelkeepError)
    }
    cls = known.get(kind, WorkerError)
    if issubclass(cls, SaveErrors):  # a group needs its parts, and its text has them all
        cls = SaveError
    error = cls.__new__(cls, text)
    ModelkeepError.__init__(error, text, hint=hint)
    if hasattr(cls, "within"):
        error.path = path  # type: ignore[attr-defined]
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


def _end_with_parent(lifeline: int) -> None:
    """Let the kernel end this process and those that it starts as soon as the parent is gone."""
    import fcntl  # not on Windows, where the rest of modelkeep is to be imported all the same

    signal.signal(signal.SIGIO, signal.SIG_DFL)  # which is to end
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it was gone before
        os._exit(1)


def serve(lifeline: int, path: list[str]) -> None:
    """Answer calls until the parent closes the pipe; modules are looked for where the parent looks."""
    _end_with_parent(lifeline)
    sys.path[:], sys.argv[1:] = path, []
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
    serve(int(sys.argv[1]), sys.argv[2:])
