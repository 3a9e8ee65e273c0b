"""Every error that modelkeep raises on purpose, in one tree.

    ModelkeepError                  exit code 1; carries a hint
    |-- UsageError                  the call is wrong (exit code 2)
    |-- MissingPackageError         an extra is not installed
    |-- StorageError                the file can't be read or written (missing, folder, full disk)
    |-- SaveError                   a part of the model can't be saved; has the path of that part
    |-- ExportError                 the format can't hold this model; says which part, and why
    |   `-- ParityError             the written file answers differently from the model; has the certificate
    |-- WorkerError                 a process of modelkeep's own ended, or took too long
    |-- LoadError                   the file was refused; has the stage, and the path inside the model
    |   |-- ContainerError          not a keep file, or its outer structure is damaged
    |   |-- IntegrityError          a byte is not what it was when it was saved
    |   |-- VersionError            written by a newer version of modelkeep
    |   |-- GraphError              the object graph is not well-formed
    |   |-- CheckError              well-formed, but its inside would misuse compiled code
    |   |-- PolicyError             the loader's policy does not allow it
    |   `-- SignatureError          there is no valid signature of a signer that the policy asks for
    |-- DriftError                  the model opens, but answers differently
    |-- RegistryError               the registry does not allow it (an alias points there, a newer layout...)
    |   |-- NotFoundError           no such model, version or alias; says which there are
    |   |-- HistoryError            the history of a name went backwards, or is not what was seen before
    |   `-- GateError               a promotion was refused; says by which gates and by how much
    `-- SealError                   it can't be opened: another key, a wrong passphrase, a changed byte

    SaveErrors                      an ExceptionGroup of SaveError: all that can't be saved, at once

Texts are lower case and have no full stop; the hint says what to do, in the imperative.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import ClassVar

#: An error quotes at most this many characters of a file's text.
QUOTE_LIMIT = 200
#: The path inside a model that an error names is cut behind so many characters.
PATH_LIMIT = 500


def quote(value: object, limit: int = QUOTE_LIMIT) -> str:
    """``value`` as text that is safe to print: control characters are escaped, long text is cut.

    >>> quote("a\\x1b[31m")
    "'a\\\\x1b[31m'"
    """
    text = value if isinstance(value, str) else _told(repr, value)
    shown = "".join(_printable(c) for c in text[:limit])
    return f"'{shown}'" + ("..." if len(text) > limit else "")


def said(error: BaseException) -> str:
    """What another library's error says, on one line that is safe to print."""
    text = f"{type(error).__name__}: {_told(str, error)}"
    return "".join(map(_printable, text[:QUOTE_LIMIT])) + ("..." if len(text) > QUOTE_LIMIT else "")


def _told(how: Callable[[object], str], value: object) -> str:
    """A text that is made by the thing itself: where that fails, as it may for a part of a hostile file, its class."""
    try:
        return how(value)
    except Exception:
        return f"a {type(value).__name__} without a text"


def _printable(char: str) -> str:
    if unicodedata.category(char)[0] == "C":  # controls, formats (bidi overrides), surrogates
        return ascii(char)[1:-1]
    return char


class ModelkeepError(Exception):
    """The root of the tree. ``str(error)`` is the message, ``error.hint`` what to do about it."""

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def as_dict(self) -> dict[str, str]:
        """The same three fields that ``--json`` and HTTP show."""
        return {"error": str(self), "hint": self.hint, "kind": self.kind}

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only fields would be lost when a process pool sends the error back.
        return (_restore, (type(self), self.args, self.__dict__.copy()))


def _restore(cls: type[ModelkeepError], args: tuple[object, ...], state: dict[str, object]) -> ModelkeepError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(ModelkeepError):
    kind = "usage"
    exit_code = 2


class MissingPackageError(ModelkeepError):
    kind = "missing-package"


class StorageError(ModelkeepError):
    kind = "storage"


class _PlacedError(ModelkeepError):
    """An error at a place inside the model; the message begins with that place."""

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message, hint=hint)
        self.path = path


class SaveError(_PlacedError):
    kind = "save"


class SaveErrors(ExceptionGroup[SaveError], ModelkeepError):  # noqa: N818  a group is named as one
    """All parts of one model that can't be saved."""

    kind = "save"

    def __new__(cls, message: str, errors: Sequence[SaveError]) -> SaveErrors:
        return super().__new__(cls, message, list(errors))

    def __init__(self, message: str, errors: Sequence[SaveError]) -> None:
        self.hint = errors[0].hint

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {error}" for error in self.exceptions)])

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message, list(self.exceptions)))

    def derive(self, excs: Sequence[SaveError]) -> SaveErrors:  # type: ignore[override]
        return SaveErrors(self.message, excs)


class ExportError(ModelkeepError):
    kind = "export"


class ParityError(ExportError):
    """The written file, asked in its own runtime, answers differently. ``certificate`` says on which rows."""

    kind = "parity"
    certificate: object = None


class WorkerError(ModelkeepError):
    kind = "worker"


class LoadError(_PlacedError):
    """A file was refused. ``stage`` says how far the reader had come."""

    kind = "load"
    stage: ClassVar[str] = "load"

    def within(self, place: str) -> LoadError:
        """The same error, one level further out: ``place`` goes before the path that it has."""
        message = str(self)[len(self.path) + 2 :] if self.path else str(self)
        joint = "." if self.path and self.path[0] not in ".[" else ""
        inner = self.path if len(self.path) <= PATH_LIMIT else self.path[:PATH_LIMIT] + "..."
        self.path = f"{place}{joint}{inner}"
        self.args = (f"{self.path}: {message}",)
        return self

    def as_dict(self) -> dict[str, str]:
        return {**super().as_dict(), "stage": self.stage, "path": self.path}


class ContainerError(LoadError):
    kind = "container"
    stage = "container"


class IntegrityError(LoadError):
    kind = "integrity"
    stage = "integrity"


class VersionError(LoadError):
    kind = "version"
    stage = "manifest"


class GraphError(LoadError):
    kind = "graph"
    stage = "parse"


class CheckError(LoadError):
    kind = "check"
    stage = "check"


class PolicyError(LoadError):
    kind = "policy"
    stage = "policy"


class DriftError(ModelkeepError):
    """A model answers differently from what its probe recorded, or nothing proves that it doesn't."""

    kind = "drift"


class DriftWarning(UserWarning):
    """A model was loaded with ``on_drift="warn"`` although it answers differently, or may."""


class SignatureError(LoadError):
    kind = "signature"
    stage = "signature"


class RegistryError(ModelkeepError):
    kind = "registry"


class NotFoundError(RegistryError):
    kind = "not-found"


class HistoryError(RegistryError):
    kind = "history"


class GateError(RegistryError):
    kind = "gate"


class SealError(ModelkeepError):
    kind = "seal"
