"""What this user's programs verified before, so that a large model need not be read whole to be opened again.

An entry holds for the very files that were compared: a fingerprint of each (inode, size, times) that changes whenever
somebody writes it. It is kept on the reader's side. What decays on a disk by itself is found by ``fsck``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec
from blake3 import blake3

import modelkeep
from modelkeep.registry.records import Stored, VersionRecord
from modelkeep.registry.seen import state_folder
from modelkeep.store import Store

#: A smaller model is verified at every load: that takes less than a millisecond.
FROM = 4 << 20

_PRINTS = msgspec.json.Decoder(dict[str, str])


def is_known(store: Store, record: VersionRecord) -> bool:
    """Whether the bytes of a version were verified here and were not written since."""
    if record.size < FROM:
        return False
    try:
        known = _PRINTS.decode(_path(store, record).read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return known == _prints(store, record.objects)


def remember(store: Store, record: VersionRecord) -> None:
    prints = _prints(store, record.objects)
    if record.size < FROM or prints is None:
        return
    path = _path(store, record)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    # Where nothing can be kept, a load takes longer, and is right all the same.
    with contextlib.suppress(OSError):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(prints))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _prints(store: Store, objects: Iterable[Stored]) -> dict[str, str] | None:
    """The fingerprint of each object; None where the store has none."""
    found = {stored.key: store.fingerprint(stored.key) for stored in objects}
    return None if None in found.values() else {key: text for key, text in found.items() if text}


def _path(store: Store, record: VersionRecord) -> Path:
    """Bound to the place, to how the files are put together, and to the version whose checks were run."""
    what = msgspec.json.encode([store.url, modelkeep.__version__, record.artifact, record.objects, record.files])
    return state_folder() / "verified" / blake3(what).hexdigest()
