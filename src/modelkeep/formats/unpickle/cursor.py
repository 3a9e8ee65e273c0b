"""A position in bytes: every length is checked against what is left before anything is taken."""

from __future__ import annotations

import struct

from modelkeep.errors import GraphError

_AGAIN = "get the file again from where it came from"

_LAYOUTS = {layout: struct.Struct(layout) for layout in ("<H", "<i", "<I", "<Q")}


class Cursor:
    """Reads forward through ``data``, from ``pos`` to ``end``."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: memoryview, pos: int = 0) -> None:
        self.data, self.pos, self.end = data, pos, len(data)

    def fault(self, message: str, hint: str = _AGAIN) -> GraphError:
        return GraphError(f"the pickle is not well-formed at byte {self.pos}: {message}", hint=hint)

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes, as a view."""
        start = self.pos
        end = start + size
        if size < 0 or end > self.end:
            raise self.fault(f"{size} bytes are announced and {self.end - start} are left")
        self.pos = end
        return self.data[start:end]

    def byte(self) -> int:
        if self.pos >= self.end:
            raise self.fault("it ends too early")
        self.pos += 1
        return self.data[self.pos - 1]

    def number(self, layout: str) -> int:
        """One integer of a ``struct`` layout."""
        reader = _LAYOUTS[layout]
        if self.pos + reader.size > self.end:
            raise self.fault("it ends inside a number")
        found: int = reader.unpack_from(self.data, self.pos)[0]
        self.pos += reader.size
        return found

    def line(self, limit: int) -> bytes:
        """The bytes up to the next end of line, which is skipped."""
        width = 64
        while True:
            width = min(width, limit + 1)
            window = bytes(self.data[self.pos : min(self.end, self.pos + width)])
            length = window.find(b"\n")
            if length >= 0:
                self.pos += length + 1
                return window[:length]
            if len(window) < width:
                raise self.fault("it ends inside a line")
            if width > limit:
                raise self.fault(f"a line has more than {limit} characters")
            width *= 4  # so that all the looking together stays linear in the length of the line
