"""From the bytes of a pickle or joblib file to a model, through records, graph, audit and every check."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from modelkeep.errors import (
    CheckError,
    ContainerError,
    DriftError,
    DriftWarning,
    GraphError,
    LoadError,
    ModelkeepError,
    UsageError,
    quote,
    said,
)
from modelkeep.formats.unpickle.joblib import take_array
from modelkeep.formats.unpickle.machine import Machine
from modelkeep.policy import Policy
from modelkeep.rope import Rope
from modelkeep.unpacking import packing_of, unpacked

OnDrift = Literal["raise", "warn", "ignore"]


@dataclass(frozen=True)
class Facts:
    """What the file says of itself: the versions of scikit-learn that wrote its estimators, and its compression."""

    sklearn_versions: tuple[str, ...]
    compression: str | None


def records(data: bytes | bytearray | memoryview, policy: Policy) -> Any:
    """What a file says, as inert records. Imports, calls and opens nothing that the file names."""
    return _records(_content(data, policy))


def _content(data: bytes | bytearray | memoryview, policy: Policy) -> memoryview:
    """The pickle in a file, unpacked."""
    view = memoryview(data).cast("B")
    if len(view) > policy.max_bytes:
        raise ContainerError(f"the file has {len(view)} bytes, more than the policy allows", hint="raise max_bytes")
    _refuse_others(view)
    return unpacked(view, policy)


def _records(view: memoryview) -> Any:
    machine = Machine(view, 0, take_array)
    root = machine.run()
    if machine.pos != len(view):
        raise GraphError(
            f"{len(view) - machine.pos} bytes follow the end of the pickle", hint="keep one model in a file"
        )
    return root


def _refuse_others(view: memoryview) -> None:
    if not len(view):
        raise ContainerError("the file is empty", hint="check that writing it ended well")
    if bytes(view[:2]) == b"ZF":
        raise ContainerError(
            "the file was written by a joblib before 0.10, in a form that nothing writes any more",
            hint="open it with that joblib, and save the model again with a newer one",
        )
    if bytes(view[:4]) == b"PK\x03\x04":
        raise ContainerError("the file is a zip archive, not a pickle", hint="name its own format")
    if view[-1] != ord(".") and packing_of(view) is None:
        raise ContainerError(
            "the file does not end as a pickle does",
            hint="it is cut off, or no pickle: get it again from where it came from",
        )


def read(
    data: bytes | bytearray | memoryview, policy: Policy | None = None, on_drift: OnDrift = "raise"
) -> tuple[Any, Facts]:
    """The model in a pickle or joblib file, and what the file says of itself. No code of the file runs.

    Raises a ``LoadError`` with the path of whatever is refused, and ``DriftError`` if another version of scikit-learn
    wrote the file: nothing proves then that the model still answers the same.
    """
    if on_drift not in ("raise", "warn", "ignore"):
        raise UsageError(f"{quote(str(on_drift))} is no choice", hint='pass on_drift="raise", "warn" or "ignore"')
    policy = policy or Policy()
    try:
        return _read(data, policy, on_drift)
    except LoadError as error:
        error.hint = error.hint or "no pickler writes this: get the file again from where it came from"
        raise
    except MemoryError:
        raise GraphError(
            "the file asks for more memory than there is", hint="read it on a machine with more memory"
        ) from None


def _read(data: bytes | bytearray | memoryview, policy: Policy, on_drift: OnDrift) -> tuple[Any, Facts]:
    view = _content(data, policy)
    model, versions = build(_records(view), len(view), policy, on_drift)
    return model, Facts(versions, packing_of(memoryview(data).cast("B")))


def build(root: Any, size: int, policy: Policy, on_drift: OnDrift) -> tuple[Any, tuple[str, ...]]:
    """The model that records stand for, and the versions of scikit-learn that wrote it. The file has ``size`` bytes."""
    from modelkeep.formats.keep.files import read_graph
    from modelkeep.formats.unpickle.mapping import Transcriber
    from modelkeep.formats.unpickle.names import UnknownPartError, UnmappedError

    transcriber = Transcriber(policy, size)
    try:
        files = {name: _pieces(part) for name, part in transcriber.files(root).items()}
    except (UnmappedError, CheckError) as error:
        if isinstance(error, UnknownPartError | CheckError):
            # Another version is the likelier reason, and the one that says what to do.
            _check_drift(transcriber.versions, on_drift)
        raise error.plain() if isinstance(error, UnmappedError) else error from None
    except ModelkeepError:
        raise
    except Exception as error:
        # A mapping met a value that no writer makes; what it raised is not the reader's to understand.
        raise GraphError(f"the file can't be mapped: {said(error)}") from error
    _check_drift(transcriber.versions, on_drift)
    return read_graph(files, policy), tuple(sorted(transcriber.versions))


def _pieces(part: Any) -> Rope:
    """A part of the graph in memory that belongs to the model from then on: large arrays stay where the file has them.

    A large file that is not compressed is mapped copy-on-write: what lies in it costs nothing until it is used.
    """
    views = [memoryview(chunk).cast("B") for chunk in part.chunks() if len(chunk)]
    return Rope([memoryview(bytearray(view)) if view.readonly else view for view in views])


def _check_drift(versions: Collection[str], on_drift: OnDrift) -> None:
    if not versions:
        return
    import sklearn

    others = sorted(version for version in versions if version != sklearn.__version__)
    if not others or on_drift == "ignore":
        return
    found = " and ".join(quote(version, 40).strip("'") for version in others[:3])
    message = (
        f"the file was written by scikit-learn {found}, and {sklearn.__version__} is installed: nothing proves that "
        "the model still answers the same"
    )
    if on_drift == "raise":
        hint = 'open it where that version is installed and save it with modelkeep there; or pass on_drift="warn"'
        raise DriftError(message, hint=hint)
    warnings.warn(message, DriftWarning, stacklevel=7)
