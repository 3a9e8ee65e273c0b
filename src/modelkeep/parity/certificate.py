"""The certificate of a conversion: what was asked, what changed, where, and what ran it. It lies beside the file."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from modelkeep import atomic
from modelkeep.parity.judging import Output, Tolerance

SUFFIX = ".parity.json"
_VERSION = 1


def beside_of(path: str) -> str:
    """Where the certificate of a file or folder is."""
    return os.fspath(path).rstrip("/") + SUFFIX


@dataclass(frozen=True)
class Certificate:
    """What was asked of a written file and how far its answers are from the model's.

    ``rows`` counts the rows tried by kind. ``outputs`` has for each output the rows ``asked``, the ``labels`` that
    changed, the rows ``beyond`` the tolerance, and the largest ``absolute`` and ``relative`` difference. ``accepted``
    is the tolerance that somebody accepted knowingly, or None. ``notes`` say what was not asked.
    """

    format: str
    model: str
    digest: str
    size: int
    passed: bool
    tolerance: Tolerance
    accepted: Tolerance | None
    rows: dict[str, int]
    outputs: dict[str, Output]
    notes: tuple[str, ...]
    runtime: dict[str, Any]
    source: str = ""

    @property
    def labels(self) -> int:
        """Labels that changed, over all outputs."""
        return sum(output.labels for output in self.outputs.values())

    @property
    def largest(self) -> float:
        """The largest absolute difference of a number, over all outputs."""
        return max((output.absolute for output in self.outputs.values()), default=0.0)

    @property
    def asked(self) -> int:
        """Rows tried."""
        return sum(self.rows.values())

    @property
    def clean(self) -> bool:
        """Whether it passed by the format's own tolerance."""
        return self.passed and self.accepted is None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as the file and ``--json`` show them. JSON has no infinity: there it is a text."""
        plain = {"certificate": _VERSION, **asdict(self)}
        for output in plain["outputs"].values():
            for name in ("absolute", "relative"):
                output[name] = output[name] if output[name] < float("inf") else "inf"
        return plain

    def write(self, path: str) -> str:
        """Write it beside the file at ``path``; gives its own path."""
        beside = beside_of(path)
        with atomic.replacing(beside) as file:
            file.write(msgspec.json.format(msgspec.json.encode(self.as_dict()), indent=1) + b"\n")
        return beside
