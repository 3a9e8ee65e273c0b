"""What a type module gives to the format: rows of (kind, claims, encode, decode)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

Node = list[Any]
Decode = Callable[["Builder", Node], Any]


class Unsaveable(Exception):  # noqa: N818  never leaves the encoder
    """Raised by a handler for an object that it can't write; the encoder adds the place."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Handler(NamedTuple):
    """One node kind.

    ``claims`` are the classes that it writes, as ``module.qualname`` (what the class says of itself), exactly: a
    subclass is another type. ``encode(encoder, obj)`` gives the node; ``decode(builder, node)`` the object again,
    checked. A handler that shares no identity (an ``atom``) is written anew wherever its object occurs. A ``cyclic``
    one registers its object before it builds the parts, so that they may lead back to it.
    """

    kind: str
    claims: tuple[str, ...]
    encode: Callable[[Encoder, Any], Node]
    decode: Decode
    atom: bool = False
    cyclic: bool = False
