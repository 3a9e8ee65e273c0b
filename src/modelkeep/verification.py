"""Verify a file: every digest, every structural check, and the probe's answers asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from modelkeep import loading
from modelkeep import probe as probes
from modelkeep.artifact import DAMAGED_HINT, DIGEST_PREFIX, Artifact, new_hasher
from modelkeep.errors import DriftError, IntegrityError, LoadError, UsageError
from modelkeep.loading import Rules, Source
from modelkeep.policy import Policy
from modelkeep.seals.age import NO_KEY, Unlock

Progress = Callable[[int, int], None]

_PIECE = 64 << 20


@dataclass(frozen=True)
class Verified:
    """A file that passed. ``changes`` is what differs between the recorded environment and this one, a line each.

    ``exact`` says that the answers are equal to the last bit, else they are within ``tolerance``; it is None where
    the file has no probe. ``digests`` counts the files in the artifact whose bytes were compared.
    """

    path: str
    digest: str
    size: int
    digests: int
    changes: tuple[str, ...]
    rows: int
    methods: tuple[str, ...]
    exact: bool | None
    tolerance: float
    notes: tuple[str, ...]

    @property
    def same_environment(self) -> bool:
        return not self.changes

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {**asdict(self), "same_environment": self.same_environment}


def verify(
    source: Source, policy: Policy, progress: Progress = lambda done, total: None, unlock: Unlock = NO_KEY
) -> Verified:
    """Raises the error of what is wrong; returns what was found in order. ``progress`` is told the bytes compared."""
    opened = loading.open_source(source, policy, unlock=unlock)
    if opened.format.name != "keep":
        raise UsageError(
            f"{opened.name}: {opened.format.a_file} has no digest and no probe, so nothing in it can be verified",
            hint="compare it with its model: modelkeep verify FILE --against MODEL; or convert it first: "
            "modelkeep convert OLD NEW.keep",
        )
    artifact = loading.open_artifact(opened, "trusted")
    return of_artifact(artifact, opened.name, len(opened.data), policy, progress)


def of_artifact(artifact: Artifact, name: str, size: int, policy: Policy, progress: Progress) -> Verified:
    """The same for an artifact that is open; ``name`` is what errors call it, ``size`` its bytes."""
    try:
        compare_digests(artifact, progress)
        model = loading.build(artifact, Rules(policy, on_drift="ignore"))  # what it answers is asked below, always
    except LoadError as error:
        raise in_file(error, name) from None
    changes = loading.changed(artifact)
    probe, exact = _replay(artifact, model, changes)
    return _verified(name, size, artifact, changes, probe, exact)


def in_file(error: LoadError, name: str) -> LoadError:
    """The same error with the name of the file before the place inside the model."""
    error.args = (f"{name}: {error}",)
    error.hint = error.hint or loading.UNKNOWN_HINT
    return error


def _replay(artifact: Artifact, model: Any, changes: list[str]) -> tuple[probes.Probe, bool]:
    """Equal to the last bit where the environment is the same; elsewhere that is tried first, then the tolerance."""
    try:
        return loading.replay(artifact, model, []), True
    except DriftError:
        if not changes:
            raise
        return loading.replay(artifact, model, changes), False


def _verified(
    name: str, size: int, artifact: Artifact, changes: list[str], probe: probes.Probe, exact: bool
) -> Verified:
    facts = artifact.manifest.probe
    return Verified(
        path=name,
        digest=artifact.digest,
        size=size,
        digests=len(artifact.manifest.files) + 1,
        changes=tuple(changes),
        rows=int(facts.get("rows", 0)),
        methods=tuple(facts.get("methods", ())),
        exact=None if probe.empty else exact,
        tolerance=loading.TOLERANCE,
        notes=tuple(facts.get("notes", ())),
    )


def compare_digests(artifact: Artifact, progress: Progress) -> None:
    """``Artifact.verify`` in pieces, so that a bar can move."""
    entries = artifact.manifest.files
    total, done = sum(entry.size for entry in entries.values()), 0
    for name, entry in entries.items():
        hasher = new_hasher(entry.size)
        for start in range(0, entry.size, _PIECE):
            piece = artifact.files[name][start : start + _PIECE]
            hasher.update(piece)
            done += len(piece)
            progress(done, total)
        if DIGEST_PREFIX + hasher.hexdigest() != entry.digest:
            raise IntegrityError(f"{name} is not what was saved", hint=DAMAGED_HINT)
