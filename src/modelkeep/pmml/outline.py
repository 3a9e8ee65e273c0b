"""What a checked PMML file says of itself: its inputs and outputs, its methods, and the answers it vouches for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Output:
    """One field of the model's ``Output``."""

    name: str
    feature: str
    value: str | None
    target: str | None


@dataclass(frozen=True)
class Expected:
    """One field of ``ModelVerification``: the column of its table, and what may differ."""

    name: str
    column: str
    precision: float
    zero: float


@dataclass
class Outline:
    """The facts of one file. ``types`` are data types of the fields of the data dictionary, by name."""

    model: str = ""
    types: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[str]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    contract: Mapping[str, Any] | None = None
    expected: list[Expected] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
