"""Where a registry keeps its bytes: the table of stores by the scheme of their URL, and what all of them share."""

from __future__ import annotations

import functools
import importlib
import os
import re
from collections.abc import Callable
from typing import cast

from modelkeep.errors import UsageError, quote
from modelkeep.ports import Buffer
from modelkeep.store import Store

#: By scheme; without one it is a path. Each is called as ``(url, create=...)``. Other schemes come from installed
#: packages, by their entry points in the group ``modelkeep.stores``.
STORES = {
    "": "modelkeep.stores.local:LocalStore",
    "file": "modelkeep.stores.local:LocalStore",
    "memory": "modelkeep.stores.memory:MemoryStore",
    "s3": "modelkeep.stores.bucket:BucketStore",
    "gs": "modelkeep.stores.bucket:BucketStore",
    "az": "modelkeep.stores.bucket:BucketStore",
}

# A scheme has two letters or more: with one it is a drive of Windows.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}")
_KEY = re.compile(rf"{_PART.pattern}(?:/{_PART.pattern})*")


def open_store(url: str | os.PathLike[str], *, create: bool = True) -> Store:
    """The store that ``url`` names: a path, ``file://``, ``memory://NAME``, ``s3://BUCKET/PREFIX``, ``gs://``, ``az://``.

    With ``create`` a folder is made where there is none; a bucket never is. ``memory://NAME`` is the same store each
    time within a process, and ``memory://`` a new one.

    >>> store = open_store("memory://")
    >>> store.create("models/iris", b"1"), store.create("models/iris", b"2")
    (True, False)
    >>> bytes(store.get("models/iris"))
    b'1'
    """
    text = os.fspath(url)
    if not isinstance(text, str) or not text:
        raise UsageError(f"{quote(url)} names no store", hint="name a folder or a URL, as in s3://bucket/models")
    found = _SCHEME.match(text) if isinstance(url, str) else None
    return _place_of(found[1].lower() if found else "")(text, create=create)


@functools.cache
def _place_of(scheme: str) -> Callable[..., Store]:
    place = STORES.get(scheme)
    if place is None:
        from importlib.metadata import entry_points  # takes longer to import than a small model to read

        found = entry_points(group="modelkeep.stores", name=scheme)
        place = next((entry.value for entry in found), None)
    if place is None:
        known = ", ".join(f"{name}://" for name in STORES if name)
        raise UsageError(f"there is no store for {quote(scheme + '://')}", hint=f"use a path, or one of: {known}")
    module, _, attribute = place.partition(":")
    return cast(Callable[..., Store], getattr(importlib.import_module(module), attribute))


def is_part(name: str) -> bool:
    """Whether a key may have ``name`` between two slashes."""
    return _PART.fullmatch(name) is not None


def check_key(key: str) -> str:
    """``key``, if the port allows it: nothing else reaches a file system or a URL."""
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise UsageError(
            f"{quote(key)} is not a key of a store",
            hint="join parts by '/': at most 255 letters, digits, '.', '_' and '-', and a letter, a digit or '_' first",
        )
    return key


def check_folder(folder: str) -> str:
    """The name of a folder, which is that of a key, or empty for the top."""
    return folder if folder == "" else check_key(folder)


def check_range(start: int, size: int) -> None:
    if start < 0 or size < 0:
        raise UsageError(f"there are no bytes from {start} on, {size} long", hint="pass numbers that are not negative")


def flat(data: Buffer) -> memoryview:
    """The bytes of ``data`` one behind the other, whatever its items are; copied only where they don't lie so."""
    view = memoryview(data)
    if view.nbytes == 0:
        return memoryview(b"")  # a shape with a zero in it can't be cast
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
