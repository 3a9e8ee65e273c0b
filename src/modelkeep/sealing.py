"""Seal files with age, so that only the holders of a key read them, and open sealed files: whole or not at all."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from modelkeep import atomic
from modelkeep.errors import SealError, StorageError, UsageError, quote
from modelkeep.keys import Secret
from modelkeep.ports import Buffer
from modelkeep.seals import age
from modelkeep.seals.age import Unlock

if TYPE_CHECKING:
    from concurrent.futures import Future

Path = str | os.PathLike[str]
Progress = Callable[[int, int], None]

#: What a sealed file's name has at its end.
SUFFIX = ".age"
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_RECIPIENTS_LIMIT = 1 << 20
_SYNC_EVERY = 32 << 20


@dataclass(frozen=True)
class Sealed:
    """A sealed file that was written. ``recipients`` are public keys; there is none where a passphrase opens it."""

    path: str
    target: str
    size: int
    recipients: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


@dataclass(frozen=True)
class Unsealed:
    """A sealed file that was opened: every byte of ``target`` is what was sealed."""

    path: str
    target: str
    size: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def seal(
    path: Path,
    target: Path | None = None,
    *,
    to: str | Sequence[str] = (),
    passphrase: Secret | None = None,
    progress: Progress = lambda done, total: None,
) -> Sealed:
    """Write the file as a standard age file, which ``age --decrypt`` opens, too.

    target: the new file; by default the name with ``.age`` behind it.
    to: who can open it: recipients ``age1...``, and paths of files with one on each line (``@`` before the path
        says that it is one).
    passphrase: in place of recipients: a path, ``"env:NAME"``, or a function that returns it.

    Memory does not grow with the file, but scrypt takes 256 MB to make a passphrase hard to guess, as in age.
    """
    recipients = recipients_of(to)
    text = age.read_passphrase(passphrase) if passphrase is not None else None
    source, aim = os.fspath(path), os.fspath(target) if target is not None else os.fspath(path) + SUFFIX
    with _reading(source, aim) as (file, total):
        pieces = _named(age.seal_stream(file, recipients, text), source)
        size = _write(aim, pieces, lambda done: progress(min(done, total), total))
    return Sealed(source, aim, size, tuple(recipient.text for recipient in recipients))


def unseal(
    path: Path,
    target: Path | None = None,
    *,
    identity: Secret | None = None,
    passphrase: Secret | None = None,
    progress: Progress = lambda done, total: None,
) -> Unsealed:
    """Write what is sealed in the file. The target appears when its last byte is proved, or never.

    target: the new file; by default the name without ``.age``.
    identity: the secret key of a recipient: the path of a key file, ``"env:NAME"``, or a function that returns it.
    passphrase: the same for a file that is sealed with one.
    """
    source = os.fspath(path)
    if target is None and not source.endswith(SUFFIX):
        raise UsageError(f"{quote(source, 300)} has no suffix {SUFFIX} to leave out", hint="name the target, too")
    aim = os.fspath(target) if target is not None else source.removesuffix(SUFFIX)
    with _reading(source, aim) as (file, total):
        pieces = _named(age.open_stream(file, Unlock(identity, passphrase)), source)
        size = _write(aim, pieces, lambda done: progress(done, total))
    return Unsealed(source, aim, size)


def is_sealed(data: Buffer) -> bool:
    """Whether the bytes begin as an age file does, of whatever version, in binary or as text."""
    start = bytes(data[:32])
    return start.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE"))


def unsealed_bytes(
    source: Path | Buffer, unlock: Unlock, max_bytes: int = 1 << 40, name: str = "the bytes"
) -> memoryview:
    """What is sealed in a file or in bytes, every byte of it proved before any is returned.

    It is in memory alone: a plaintext that passes through a disk leaves traces there.
    """
    if isinstance(source, str | os.PathLike):
        sealed, name = atomic.read_whole(source, max_bytes), os.fspath(source)
    else:
        sealed = memoryview(source)
    plain = memoryview(bytearray(len(sealed)))  # a little too long: what seals it goes
    size = 0
    for piece in _named(age.open_stream(io.BufferedReader(_View(sealed)), unlock), name):
        plain[size : size + len(piece)] = piece
        size += len(piece)
    return plain[:size]


def new_identity() -> tuple[str, str]:
    """The text of a new key file, as age-keygen writes it, and its recipient: ``age1...``, which is public."""
    identity, recipient = age.new_identity()
    created = dt.datetime.now().astimezone().isoformat(timespec="seconds")
    return f"# created: {created}\n# public key: {recipient}\n{identity}\n", recipient


def recipients_of(to: str | Sequence[str]) -> list[age.Recipient]:
    """The recipients that are meant: each given by itself or in a file, and none of them twice."""
    found: list[age.Recipient] = []
    for text in [to] if isinstance(to, str) else to:
        if text.startswith("@"):
            found += _recipients_file(text[1:])
        elif text.lower().startswith(("age1", "age-secret-key-")) and not os.path.exists(text):
            found.append(age.read_recipient(text))
        elif text.startswith(("ssh-", "ecdsa-")):
            raise SealError(
                f"{quote(text)} is an SSH key, and modelkeep seals to age keys only",
                hint="make an age key: modelkeep keygen; or use age itself",
            )
        else:
            found += _recipients_file(text)
    return list(dict.fromkeys(found))


def _recipients_file(path: str) -> list[age.Recipient]:
    data = bytes(atomic.read_whole(path, _RECIPIENTS_LIMIT))
    return age.read_recipients(data.decode("utf-8", "replace"), path)


@contextlib.contextmanager
def _reading(path: str, target: str) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file and its size."""
    try:
        opened = open(path, "rb", opener=lambda name, _: os.open(name, _FLAGS))  # noqa: SIM115  closed below
    except OSError as error:
        raise atomic.storage_error(error, path, "read") from error
    except ValueError:
        raise StorageError(f"{quote(path)} can't be a path: it holds a NUL", hint="check the path") from None
    with opened as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise StorageError(f"can't read {quote(path, 300)}: not a regular file", hint="name a file")
        with contextlib.suppress(OSError, ValueError):  # it is not there yet; what can't be written is told below
            if os.path.samestat(status, os.stat(target)):
                raise UsageError("source and target are the same file", hint="name another target")
        yield file, status.st_size


class _View(io.RawIOBase):
    """Bytes in memory as a file, without a copy."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.data[self.at : self.at + len(buffer)]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


def _named(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The same pieces; an error on the way names the file that it is about."""
    try:
        yield from pieces
    except SealError as error:
        raise SealError(f"{name}: {error}", hint=error.hint) from None
    except OSError as error:  # from reading: what is written is written elsewhere
        raise atomic.storage_error(error, name, "read") from error


def _write(target: str, pieces: Iterable[bytes], progress: Callable[[int], None]) -> int:
    from concurrent.futures import ThreadPoolExecutor  # not before: every load imports this module

    size = synced = 0
    with atomic.replacing(target) as file, ThreadPoolExecutor(1) as disk:
        syncs: list[Future[None]] = []
        for piece in pieces:
            view = memoryview(piece)
            while view:  # a write may take less than it was given
                view = view[file.write(view) :]
            size += len(piece)
            progress(size)
            if size - synced >= _SYNC_EVERY and all(sync.done() for sync in syncs):
                # The disk works beside the cipher, so that little is left to wait for at the end.
                syncs.append(disk.submit(os.fsync, file.fileno()))
                synced = size
        for sync in syncs:
            sync.result()  # an error of the disk is told once, to whoever asked
    return size
