"""What this user's programs verified before, so that a large model need not be read whole to be opened again.

An entry holds for the very files that were compared: a fingerprint of each (inode, size, times) that changes whenever
somebody writes it. It is kept on the reader's side. What decays on a disk by itself is found by ``fsck``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from blake3 import blake3

import modelkeep
from modelkeep.registry.records import Stored, VersionRecord
from modelkeep.registry.seen import keep, state_folder
from modelkeep.store import Store

#: A smaller model is verified at every load: that takes less than a millisecond.
FROM = 4 << 20

_PRINTS = msgspec.json.Decoder(dict[str, str])


class Entry:
    """What is known of one version's bytes. The fingerprints are taken first, and the bytes compared after that."""

    def __init__(self, store: Store, record: VersionRecord) -> None:
        self._prints = _prints(store, record.objects) if record.size >= FROM else None
        self._path = _path(store, record) if self._prints is not None else None

    @property
    def is_known(self) -> bool:
        """Whether the bytes were verified here and were not written since."""
        if self._path is None:
            return False
        try:
            return _PRINTS.decode(self._path.read_bytes()) == self._prints
        except (OSError, msgspec.DecodeError):  # nothing is known, or nothing usable
            return False

    def remember(self) -> None:
        """The bytes were compared and their inside was checked."""
        if self._path is not None:
            keep(self._path, msgspec.json.encode(self._prints))


def _prints(store: Store, objects: Iterable[Stored]) -> dict[str, str] | None:
    """The fingerprint of each object; None where the store has none."""
    found = {stored.key: store.fingerprint(stored.key) for stored in objects}
    return None if None in found.values() else {key: text for key, text in found.items() if text}


def _path(store: Store, record: VersionRecord) -> Path:
    """Bound to the place, to how the files are put together, and to the version whose checks were run."""
    what = msgspec.json.encode([store.url, modelkeep.__version__, record.artifact, record.objects, record.files])
    return state_folder() / "verified" / blake3(what).hexdigest()
