"""Convert a file between formats. A pickle or joblib file is read without running it, unless the policy allows code."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from modelkeep import foreign, loading, saving
from modelkeep.errors import UsageError
from modelkeep.loading import Opened, Rules
from modelkeep.policy import Safety
from modelkeep.ports import Format

Path = str | os.PathLike[str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Converted:
    """What a conversion did. ``notes`` say what the new file lacks; ``facts`` what was found in the old one.

    ``executed`` says that the old file was run to read it, which only ``Policy(allow_code=True)`` does.
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

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def convert(
    source: Path,
    target: Path,
    rules: Rules,
    format: Format,
    source_format: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Converted:
    """Read ``source``, write ``target`` in ``format``. Nothing is written unless all of the source was understood."""
    opened = loading.open_source(source, rules.policy, source_format)
    if opened.format.name == format.name:
        raise UsageError(
            f"both files are {format.name} files: there is nothing to convert",
            hint="copy the file, or name a target with another suffix",
        )
    model, facts = read(opened, rules)
    # No probe is recorded: nobody saw how the model answered when the old file was written, and answers taken now
    # would only prove that this library agrees with itself.
    recipe = saving.Recipe(probe=False, progress=progress)
    saved = saving.save(model, target, recipe, format)
    return Converted(
        source=os.fspath(source),
        target=os.fspath(target),
        source_format=opened.format.name,
        target_format=format.name,
        size=saved.size,
        digest=saved.digest,
        notes=_notes(opened.format, format),
        trust=saved.trust,
        facts=facts,
        executed=opened.format.safety is Safety.CODE and rules.policy.allow_code,
    )


def read(opened: Opened, rules: Rules) -> tuple[Any, dict[str, Any]]:
    """The model in a file and what is known of how it was written. Only a policy that allows code runs the file."""
    if opened.format.name == "keep":
        return loading.build(loading.open_artifact(opened), rules), {}
    return foreign.read(opened, rules)


def _notes(source: Format, target: Format) -> tuple[str, ...]:
    if target.name != "keep":
        return (
            f"the {target.name} file has no probe and no digest: nothing in it proves its answers",
            f"reading a {target.name} file can run any code: keep the original",
        )
    return (
        f"there is no probe: a {source.name} file does not hold answers to compare with; to have one, load the new "
        "file and save it again with sample=",
    )
