"""onnxruntime, held short: no file but the model's own bytes, a bound on memory, nothing printed.

Bytes that this process sees for the first time are opened and asked one row in a child process before: whatever the
checks did not foresee ends that child, and not the process of the user.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, UsageError, WorkerError, quote, said
from modelkeep.onnx_checks.wire import HINT
from modelkeep.predictors.onnx_ports import Port
from modelkeep.workers import Worker

OPTIMIZATIONS = ("all", "basic", "none")
#: Seconds that opening a model and one row may take, and more for each byte.
_TIMEOUT = 60.0
_SECONDS_A_BYTE = 1e-7
_MOST_CELLS = 1 << 22
#: Memory for the first look at a model and one row.
FIRST_LOOK = 6 << 30
_LOCK = threading.Lock()
_tried: set[bytes] = set()


def open_session(data: bytes, optimization: str, threads: int) -> Any:
    """An ``InferenceSession`` over checked bytes. Raises CheckError where the runtime refuses the model."""
    import onnxruntime

    _bound_memory()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = {
        "all": levels.ORT_ENABLE_ALL,
        "basic": levels.ORT_ENABLE_BASIC,
        "none": levels.ORT_DISABLE_ALL,
    }[optimization]
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's errors have no common class but this
        locale = "locale" in str(error).lower()
        hint = "install the locale that the model names, as with: locale-gen en_US.UTF-8" if locale else HINT
        raise CheckError(f"onnxruntime refuses the model: {told(error)}", hint=hint) from None


def _half_of_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 if hasattr(os, "sysconf") else 4 << 30


@functools.cache
def _bound_memory() -> None:
    """All models of this process share one arena, of half of the machine's memory; less for a first look."""
    import onnxruntime

    most = min(_half_of_memory(), FIRST_LOOK) if _is_child() else _half_of_memory()
    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # It grows by what is asked for: doubling would refuse a half of what there is.
    settings = onnxruntime.OrtArenaCfg({"max_mem": most, "arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(place, settings)


def told(error: BaseException) -> str:
    """What the runtime says, from where it stops naming its own source files."""
    text = str(error).replace("\n", " ")
    for mark in ("Status Message: ", "[ONNXRuntimeError] : "):
        text = text.rpartition(mark)[2]
    return said(type(error)(text))


def attempt(data: bytes) -> str:
    """Open a model and ask it one row of zeros. Runs in the child; why the row was refused, if it was."""
    from modelkeep.onnx_checks import checked
    from modelkeep.predictors.onnx_ports import inputs_of

    session = open_session(data, "all", 1)
    ports = [port for port in inputs_of(checked(data)[1]) if not port.optional]
    if any(port.dtype is None for port in ports):
        return "its inputs are no arrays"
    try:
        session.run(None, {port.name: _zeros(port) for port in ports})
    except Exception as error:  # a row of zeros need not be one that the model takes
        if "Available memory" in str(error) or "bad_alloc" in str(error) or "allocate" in str(error):
            raise CheckError(f"one row takes more memory than there is: {told(error)}", hint=HINT) from None
        return told(error)
    return ""


def _zeros(port: Port) -> Any:
    shape = [size if isinstance(size, int) else 1 for size in port.shape or (1,)]
    if np.prod(shape, dtype=object) > _MOST_CELLS:
        raise UsageError("one row is too large to try", hint="pass rows")
    return np.full(shape, "", object) if port.dtype == object else np.zeros(shape, port.dtype)


def try_first(data: bytes) -> None:
    """Let a child process open the model first, unless this process has seen the bytes, or is such a child itself."""
    if _is_child():
        return
    key = hashlib.sha256(data).digest()
    with _LOCK:
        if key in _tried:
            return
    try:
        _child().call(f"{__name__}:attempt", data, timeout=_TIMEOUT + len(data) * _SECONDS_A_BYTE)
    except WorkerError as error:
        raise CheckError(f"onnxruntime does not survive the model: {error}", hint=HINT) from None
    with _LOCK:
        _tried.add(key)


def _is_child() -> bool:
    """Whether this process is one that modelkeep started for such work."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "modelkeep.workers"


@functools.cache
def _child() -> Worker:
    return Worker("a first look at an ONNX model")


def run(session: Any, names: Sequence[str], feeds: dict[str, Any]) -> dict[str, Any]:
    """The outputs ``names``. Raises UsageError with what the runtime says of the rows."""
    try:
        return dict(zip(names, session.run(list(names), feeds), strict=True))
    except Exception as error:  # the runtime's errors have no common class but this
        shapes = ", ".join(f"{name}: {np.shape(value)}" for name, value in feeds.items())
        raise UsageError(
            f"onnxruntime refuses the rows: {told(error)}", hint=f"check the rows, which are of {quote(shapes)}"
        ) from None
