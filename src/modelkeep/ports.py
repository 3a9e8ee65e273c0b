"""The ports: what a framework and a format are. Plug-ins are values of these types, read as data.

A format's file ends in ``FORMAT = Format(...)``, a framework's in ``FRAMEWORK = Framework(...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
    ``tolerance`` is what this format states for itself: answers a and b are the same where
    ``|a - b| <= tolerance * (1 + |a|)``; 0 is bit-equal, and labels must always be equal. ``tolerances`` has that for
    models of a framework whose numbers another library computes in this format.
    ``folder`` says that a model is a folder of files: the writer and the reader get its path.
    ``gives`` says what the reader makes: the same object, a predictor that only answers, or arrays by name; then
    ``arrays(model)`` gives those that a file of the model must hold.
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
    folder: bool = False
    gives: Literal["model", "predictor", "weights"] = "model"
    arrays: Cell | None = None
    tolerances: Mapping[str, float] = field(default_factory=dict)

    def tolerance_for(self, framework: str) -> float:
        """What this format states for models of a framework."""
        return self.tolerances.get(framework, self.tolerance)

    @property
    def a_file(self) -> str:
        """As a sentence has it: "an onnx file"."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name} {'folder' if self.folder else 'file'}"

    def writer_for(self, framework: str) -> Cell | None:
        """What writes models of a framework: its own cell, or that for any."""
        return self.writers.get(framework) or self.writers.get("*")


@dataclass(frozen=True)
class Framework:
    """What a live model is: the classes it claims by dotted name, and how it answers.

    ``claims`` are prefixes of ``module.qualname`` looked for along a class's MRO, nearest first, so that a
    framework is recognised without importing it. ``methods`` are the output methods in the order of replay.
    ``distributions`` are the packages whose versions an answer depends on, besides those of the model's classes.
    ``ask(model, method, rows)`` gives the answer of a model that is not asked by calling the method with the rows;
    ``edges(model)`` gives (columns, values) at which an answer jumps, such as the thresholds of trees;
    ``rows(sample)`` turns a sample into rows: arrays, frames, sparse rows, lists, or a dict of inputs by name.
    """

    name: str
    title: str
    claims: tuple[str, ...]
    methods: tuple[str, ...]
    distributions: tuple[str, ...] = ()
    ask: Cell | None = None
    rows: Cell | None = None
    edges: Cell | None = None
