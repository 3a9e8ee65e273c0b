"""Versions as files: the very bytes of a keep file, or another format with its certificate."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelkeep import catalog, exporting, loading, weights
from modelkeep.bundle_writer import write_artifact
from modelkeep.errors import RegistryError, StorageError, UsageError, quote
from modelkeep.exporting import Exported, Order
from modelkeep.loading import Rules
from modelkeep.policy import Policy
from modelkeep.registry import vouching
from modelkeep.registry.version import Version
from modelkeep.weights import Weights

if TYPE_CHECKING:
    from modelkeep.registry.reader import Reader, Reference

_OPTIONS = {"sample", "check", "accept", "options", "compress", "progress"}


def export(
    registry: Reader, ref: Reference, path: str, policy: Policy, format: str | None, how: Mapping[str, Any]
) -> Version | Exported:
    """Write a version to ``path``."""
    version = registry.version(ref)
    suffixed = catalog.suffixed(path)
    chosen = format or (suffixed.name if suffixed else "keep")
    unknown = sorted(how.keys() - _OPTIONS)
    if unknown:
        raise UsageError(f"export has no argument {quote(unknown[0])}", hint=f"use: {', '.join(sorted(_OPTIONS))}")
    artifact = registry.artifact(version, policy=policy)
    if chosen == "keep":
        write_artifact(artifact, path)
        if version.signatures:
            vouching.write_beside(registry._book(version.name), version.number, path)
        return version
    order = Order(**{name: value for name, value in how.items() if value is not None}, policy=policy)
    model = loading.build(artifact, Rules(policy))
    subject = exporting.subject(model, order, loading.read_probe(artifact), version.ref)
    made = exporting.export(subject, path, catalog.format_named(chosen), order)
    return _certified(registry, version, made)


def load_weights(registry: Reader, ref: Reference, into: Any, strict: bool, policy: Policy) -> Weights:
    """The weights of a version into a model that is there. The policy's signers were asked for with the version."""
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        path = os.path.join(folder, "version.keep")
        write_artifact(registry.artifact(ref, policy=policy), path)
        return weights.load(path, into, Rules(replace(policy, signers=())), strict=strict, format=None)


def _certified(registry: Reader, version: Version, made: Exported) -> Exported:
    """Keep the certificate with the version. A registry that can't be written is no reason to lose the file."""
    try:
        registry.certify(version, made.certificate.as_dict())  # type: ignore[attr-defined]
    except (RegistryError, StorageError) as error:
        notes = (*made.certificate.notes, f"the certificate is not kept with {version.ref}: {error}")
        return replace(made, certificate=replace(made.certificate, notes=notes))
    return made
