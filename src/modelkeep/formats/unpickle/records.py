"""What a pickle holds when nothing in it is called: names, calls that were asked for, and plain Python values.

``None``, ``bool``, ``int``, ``float``, ``str``, ``bytes``, ``list``, ``tuple``, ``dict``, ``set`` and ``frozenset``
stand for themselves; long byte strings are a ``memoryview`` into the file. A record is one object wherever the pickle
shares it. Records hash and compare by identity, so no file can make that slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

How = Literal["reduce", "new", "instance"]


class Absent:
    """The type of ``ABSENT``: no state was given, which differs from the state ``None``."""

    __slots__ = ()


ABSENT = Absent()


class Global:
    """A name that the pickle refers to. It is never imported."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __repr__(self) -> str:
        return f"{self.module}.{self.name}"


class Call:
    """A call that the pickle asks for and that never happens.

    how: ``reduce`` for ``callee(*args)``, ``new`` for ``callee.__new__(callee, *args, **kwargs)``, ``instance`` for
        the forms of Python 2.
    state, items, pairs: what the pickle then hands to the object as its state, as elements, as keys and values.
    payload: what follows the record outside of the pickle's own opcodes (the bytes of a joblib array).
    offset: where in the stream the call stands.
    """

    __slots__ = ("args", "callee", "how", "items", "kwargs", "offset", "pairs", "payload", "state")

    def __init__(
        self, callee: Any, args: tuple[Any, ...], how: How, offset: int, kwargs: dict[Any, Any] | None = None
    ) -> None:
        self.callee, self.args, self.how, self.offset, self.kwargs = callee, args, how, offset, kwargs
        self.state: Any = ABSENT
        self.items: list[Any] | None = None
        self.pairs: list[tuple[Any, Any]] | None = None
        self.payload: Any = ABSENT

    def __repr__(self) -> str:
        return f"<{self.how} of {self.callee if isinstance(self.callee, Global) else 'a value'} at {self.offset}>"


class OldText:
    """Text of Python 2 that is not ASCII: bytes or characters, the pickle doesn't say which."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class ByteArray:
    """A ``bytearray``, as a view into the file."""

    __slots__ = ("data",)

    def __init__(self, data: memoryview) -> None:
        self.data = data


def parts(value: Any) -> Iterator[Any]:
    """What ``value`` holds directly."""
    if isinstance(value, Call):
        yield value.callee
        yield value.args
        yield from (part for part in (value.kwargs, value.state, value.items, value.payload) if part is not None)
        yield from (part for pair in value.pairs or () for part in pair)
    elif isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value


def walk(root: Any) -> Iterator[Any]:
    """``root`` and all that it holds, each object once, without recursion."""
    seen: dict[int, Any] = {}
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Call | dict | list | tuple | set | frozenset):
            if id(value) in seen:
                continue
            seen[id(value)] = value
            waiting.extend(parts(value))
        yield value
