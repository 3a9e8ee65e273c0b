"""What this user has seen of a registry's histories, so that one which went backwards is noticed.

It is kept on the reader's side: whoever can change the registry must not be able to change it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

import msgspec

from modelkeep.errors import HistoryError


class Mark(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The highest number that was seen in a sequence, and the digest of that record ("" if it was not read)."""

    number: int = 0
    digest: str = ""


_MARKS = msgspec.json.Decoder(dict[str, Mark])


def state_folder() -> Path:
    """Where a user's programs keep what they remember: ``MODELKEEP_STATE``, or the system's place for it."""
    if own := os.environ.get("MODELKEEP_STATE"):
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "modelkeep"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "modelkeep"


def keep(path: Path, data: bytes) -> None:
    """Write what this user's programs remember; where nothing can be kept (no home, a read-only one), nothing is."""
    temporary = path.with_name(f".{path.name[:50]}.{secrets.token_hex(6)}")
    with contextlib.suppress(OSError):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


class Seen:
    """The marks of one registry, by name and sequence, in one small file a name; only in memory unless ``keep``."""

    def __init__(self, registry: str, *, keep: bool = True) -> None:
        self.registry, self._keep = registry, keep
        self._known: dict[str, dict[str, Mark]] = {}

    def mark(self, name: str, kind: str) -> Mark:
        """What was seen before now. It is asked for before the store is: what others add meanwhile is no surprise."""
        return self._marks(name).get(kind, Mark())

    def compare(self, name: str, kind: str, mark: Mark, number: int, digest: str = "", previous: str = "") -> None:
        """Refuse a sequence that is shorter than at ``mark``, or whose last record is another one; else remember it.

        ``digest`` is that of record ``number`` where it was read, ``previous`` what it says of the one before.
        """
        known = mark.digest and digest
        if number < mark.number:
            self._refuse(name, f"it had {mark.number} records of its {kind}, and has {number}")
        elif known and number == mark.number and digest != mark.digest:
            self._refuse(name, f"record {number} of its {kind} is not the one that was there")
        elif known and number == mark.number + 1 and previous != mark.digest:
            self._refuse(name, f"record {mark.number} of its {kind} is not the one that was there")
        self._remember(name, kind, Mark(number, digest))

    def _remember(self, name: str, kind: str, mark: Mark) -> None:
        marks = self._marks(name)
        known = marks.get(kind, Mark())
        if mark.number > known.number or (mark.number == known.number and mark.digest and not known.digest):
            marks[kind] = mark
            if self._keep:
                self._write(name, marks)

    def forget(self, name: str) -> None:
        """Take the history as it is now."""
        self._known.pop(name, None)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))

    def _refuse(self, name: str, what: str) -> None:
        raise HistoryError(
            f"the history of {name} went backwards: {what}",
            hint="ask who keeps the registry; if an older copy was put back on purpose, "
            f"run: modelkeep fsck --accept {name}",
        )

    def _path(self, name: str) -> Path:
        return state_folder() / "seen" / self.registry / f"{name}.json"

    def _marks(self, name: str) -> dict[str, Mark]:
        if name not in self._known:
            try:
                self._known[name] = _MARKS.decode(self._path(name).read_bytes())
            except (OSError, msgspec.DecodeError):  # nothing remembered, or nothing usable: it begins anew
                self._known[name] = {}
        return self._known[name]

    def _write(self, name: str, marks: dict[str, Mark]) -> None:
        keep(self._path(name), msgspec.json.encode(marks))
