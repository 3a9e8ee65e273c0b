from __future__ import annotations

from modelkeep.formats.keep.handlers import Handler

HANDLERS: list[Handler] = []
