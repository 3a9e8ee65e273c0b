"""Convert a file between formats. A pickle or joblib file is read without running it, unless the policy allows code."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from modelkeep import exporting, saving
from modelkeep.errors import UsageError
from modelkeep.exporting import Opened, Order
from modelkeep.loading import Rules
from modelkeep.parity import Certificate
from modelkeep.policy import Safety
from modelkeep.ports import Format

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class Converted:
    """What a conversion did. ``notes`` say what the new file lacks; ``facts`` what was found in the old one.

    ``executed`` says that the old file was run to read it, which only ``Policy(allow_code=True)`` does.
    ``certificate`` lies beside the new file too; a keep file has none, since it is what was read.
    """

    source: str
    target: str
    source_format: str
    target_format: str
    size: int
    digest: str | None
    notes: tuple[str, ...]
    trust: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    executed: bool = False
    certificate: Certificate | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        certificate = self.certificate.as_dict() if self.certificate else None
        return {**asdict(replace(self, certificate=None)), "certificate": certificate}


def convert(
    source: Path, target: Path, rules: Rules, format: Format, source_format: str | None, order: Order
) -> Converted:
    """Read ``source``, write ``target`` in ``format``. Nothing is written unless all of the source was understood."""
    old = exporting.opened(source, rules, source_format)
    if old.format.name == format.name:
        raise UsageError(
            f"both files are {format.name} files: there is nothing to convert",
            hint="copy the file, or name a target with another suffix",
        )
    made = Converted(
        source=os.fspath(source),
        target=os.fspath(target),
        source_format=old.format.name,
        target_format=format.name,
        size=0,
        digest=None,
        notes=_notes(old, format),
        facts=old.facts,
        executed=old.format.safety is Safety.CODE and rules.policy.allow_code,
    )
    if format.name == "keep":
        # No probe is recorded: nobody saw how the model answered when the old file was written, and answers taken
        # now would only prove that this library agrees with itself.
        saved = saving.save(old.model, target, saving.Recipe(probe=False, progress=order.progress), format)
        return replace(made, size=saved.size, digest=saved.digest, trust=saved.trust)
    subject = exporting.subject(old.model, order, old.probe, os.fspath(source))
    exported = exporting.export(subject, target, format, order)
    return replace(made, size=exported.size, certificate=exported.certificate)


def _notes(old: Opened, target: Format) -> tuple[str, ...]:
    notes = []
    if target.name == "keep":
        notes.append(
            f"there is no probe: {old.format.a_file} does not hold answers to compare with; to have one, load the "
            "new file and save it again with sample="
        )
    if target.safety is Safety.CODE:
        notes.append(f"reading {target.a_file} can run any code: keep the original")
    return tuple(notes)
