"""What differs between two files: places of the model, arrays, trees, names, schema, environment, and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import msgspec

from modelkeep import loading
from modelkeep.artifact import Artifact
from modelkeep.comparison.answers import AnswerChange, compare_answers
from modelkeep.comparison.arrays import ArrayChange, NamesChange
from modelkeep.comparison.trees import TreeChange
from modelkeep.comparison.values import Compared, compare_places
from modelkeep.errors import GraphError, ModelkeepError, UsageError, said
from modelkeep.formats.keep import files as keep
from modelkeep.loading import Source
from modelkeep.outline import Outline, outline
from modelkeep.policy import Policy

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class Change:
    """One place that only the second file has, only the first, or both with another value. Values are texts."""

    path: str
    kind: Kind
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Diff:
    """What differs from the first file to the second; false when nothing does.

    ``parameters`` were given to the model, ``attributes`` are what it learned besides arrays, trees and names.
    ``answers`` are the rows of both probes on which the two models now answer differently; where they could not be
    asked, ``unanswered`` says why (that alone is no difference).
    """

    first: str
    second: str
    first_digest: str
    second_digest: str
    classes: tuple[Change, ...] = ()
    parameters: tuple[Change, ...] = ()
    attributes: tuple[Change, ...] = ()
    arrays: tuple[ArrayChange, ...] = ()
    trees: tuple[TreeChange, ...] = ()
    names: tuple[NamesChange, ...] = ()
    schema: tuple[Change, ...] = ()
    environment: tuple[Change, ...] = ()
    probe: tuple[Change, ...] = ()
    answers: tuple[AnswerChange, ...] = ()
    asked: int = 0
    unanswered: str = ""

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self) if part.type.startswith("tuple["))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {"different": bool(self), **asdict(self)}


def diff(first: Source, second: Source, policy: Policy) -> Diff:
    """Compare two keep files. Their places are compared without building; then, if both load, their answers."""
    return of_artifacts(opened(first, policy), opened(second, policy), policy)


def of_artifacts(first: tuple[str, Artifact], second: tuple[str, Artifact], policy: Policy) -> Diff:
    """Compare two artifacts, each with the name it is to be shown by."""
    (name_a, a), (name_b, b) = first, second
    if a.digest == b.digest:
        return Diff(name_a, name_b, a.digest, b.digest)
    compared = _places(a, b)
    answers, asked, unanswered = compare_answers(a, b, policy)
    return Diff(
        first=name_a,
        second=name_b,
        first_digest=a.digest,
        second_digest=b.digest,
        classes=tuple(Change(*entry) for entry in compared.classes),
        parameters=tuple(Change(*entry) for entry in compared.parameters),
        attributes=tuple(Change(*entry) for entry in compared.attributes),
        arrays=tuple(compared.arrays),
        trees=tuple(compared.trees),
        names=tuple(compared.names),
        schema=tuple(changes(a.manifest.schema, b.manifest.schema)),
        environment=tuple(changes(a.manifest.environment, b.manifest.environment)),
        probe=tuple(changes(a.manifest.probe, b.manifest.probe)),
        answers=answers,
        asked=asked,
        unanswered=unanswered,
    )


def opened(source: Source, policy: Policy) -> tuple[str, Artifact]:
    """The artifact in a keep file, every byte compared, and what to call it."""
    found = loading.open_source(source, policy)
    if found.format.name != "keep":
        raise UsageError(
            f"{found.name}: only keep files can be compared, and this is {found.format.a_file}",
            hint="convert it first: modelkeep convert OLD NEW.keep",
        )
    return found.name, loading.open_artifact(found)


def _places(a: Artifact, b: Artifact) -> Compared:
    try:
        outlines: list[Outline] = [outline(keep.plan(artifact.files)) for artifact in (a, b)]
        return compare_places(*outlines)
    except ModelkeepError:
        raise
    except Exception as error:
        raise GraphError(f"the graphs can't be compared: {said(error)}", hint=loading.UNKNOWN_HINT) from error


def changes(old: Any, new: Any, path: str = "") -> list[Change]:
    """Differences of two JSON values, place by place. Lists of named entries are matched by name."""
    if msgspec.json.encode(old, order="sorted") == msgspec.json.encode(new, order="sorted"):
        return []  # compared as text: in Python 1 equals True
    old_parts, new_parts = _parts(old), _parts(new)
    if old_parts is None or new_parts is None:
        return [Change(path, "changed", _text(old), _text(new))]
    found: list[Change] = []
    for key in dict.fromkeys([*old_parts, *new_parts]):
        place = f"{path}.{key}" if path else key
        if key not in new_parts:
            found.append(Change(place, "removed", old=_text(old_parts[key])))
        elif key not in old_parts:
            found.append(Change(place, "added", new=_text(new_parts[key])))
        else:
            found += changes(old_parts[key], new_parts[key], place)
    return found


def _parts(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    named = isinstance(value, list) and value and all(isinstance(entry, Mapping) and "name" in entry for entry in value)
    if named:
        parts = {str(entry["name"]): {k: v for k, v in entry.items() if k != "name"} for entry in value}
        return parts if len(parts) == len(value) else None
    return None


def _text(value: Any) -> str:
    shown = str(value) if not isinstance(value, Mapping) else ", ".join(f"{k}: {v}" for k, v in value.items())
    return shown if len(shown) <= 120 else shown[:117] + "..."
