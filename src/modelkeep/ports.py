"""The ports: what a framework and a format are. Plug-ins are values of these types, read as data.

A format's file ends in ``FORMAT = Format(...)``, a framework's in ``FRAMEWORK = Framework(...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelkeep.policy import Safety

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Part:
    """One file of an artifact that is being written: its size, and its bytes piece by piece.

    The pieces are made when they are asked for, so that a writer never holds a second copy of a model.
    """

    size: int
    chunks: Callable[[], Iterable[Buffer]]

    @classmethod
    def of(cls, data: Buffer) -> Part:
        return cls(len(data), lambda: (data,))


@dataclass(frozen=True)
class Written:
    """What a writer made of a model: the files, and the facts for the manifest."""

    parts: Mapping[str, Part]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One function of a plug-in and the packages that it needs. ``call`` is ``"module:NAME"``, imported on use."""

    call: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """How a model becomes files and back.

    ``writers`` is the sparse row of the framework table: which frameworks this format can write, ``"*"`` for any.
    ``magic`` tells a file of this format by its first bytes; ``suffixes`` only choose the format of a new file.
    ``tolerance`` is the relative difference of float64 answers that this format states for itself: 0 is bit-equal.
    For formats that can run code: ``inert`` reads a file without running it (``read(data, policy, on_drift)`` gives
    the model and facts about the file), ``names`` lists what a file names, in the same way.
    """

    name: str
    title: str
    safety: Safety
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...]
    writers: Mapping[str, Cell]
    reader: Cell | None
    tolerance: float = 0.0
    inert: Cell | None = None
    names: Cell | None = None


@dataclass(frozen=True)
class Framework:
    """What a live model is: the classes it claims by dotted name, and how it answers.

    ``claims`` are prefixes of ``module.qualname`` looked for along a class's MRO, nearest first, so that a
    framework is recognised without importing it. ``methods`` are the output methods in the order of replay.
    ``distributions`` are the packages whose versions an answer depends on, besides those of the model's classes.
    """

    name: str
    title: str
    claims: tuple[str, ...]
    methods: tuple[str, ...]
    distributions: tuple[str, ...] = ()
