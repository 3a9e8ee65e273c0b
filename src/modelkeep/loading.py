"""The walk of a load: bytes, container, digests, policy, reader, and the probe where the environment differs."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

from modelkeep import atomic, bundle, catalog, environment, sealing
from modelkeep import probe as probes
from modelkeep.artifact import Artifact
from modelkeep.errors import ContainerError, DriftError, DriftWarning, LoadError, SignatureError, UsageError, quote
from modelkeep.formats.keep import files as keep
from modelkeep.policy import Policy
from modelkeep.ports import Format
from modelkeep.seals.age import NO_KEY, Unlock

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
OnDrift = Literal["raise", "warn", "ignore"]
Integrity = Literal["full", "trusted"]

#: The relative difference of float64 answers that another environment may show.
TOLERANCE = 1e-9


_PIECE = 16 << 20

#: For a file whose bytes are what its writer wrote, but that no modelkeep writes.
UNKNOWN_HINT = "don't use this file: it was made by another program, or to do harm; get the model from its maker"


@dataclass(frozen=True)
class Rules:
    """How to load: the keyword arguments of ``modelkeep.load``."""

    policy: Policy = field(default_factory=Policy)
    on_drift: OnDrift = "raise"
    integrity: Integrity = "full"
    unlock: Unlock = NO_KEY

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Policy):
            raise UsageError(f"{quote(repr(self.policy))} is not a policy", hint="pass modelkeep.Policy(...)")
        for name, value, known in (
            ("on_drift", self.on_drift, ("raise", "warn", "ignore")),
            ("integrity", self.integrity, ("full", "trusted")),
        ):
            if value not in known:
                raise UsageError(f"{name} is {quote(value)}", hint=f"use one of: {', '.join(known)}")


@dataclass(frozen=True)
class Opened:
    """A file whose format is known; nothing in it was interpreted yet."""

    data: memoryview
    format: Format
    name: str


def open_source(source: Source, policy: Policy, format: str | None = None, unlock: Unlock = NO_KEY) -> Opened:
    """The bytes of ``source``. Their first bytes tell the format, and must agree with what the caller asked for."""
    data, name = _bytes_of(source, policy)
    sealed = sealing.is_sealed(data)
    if sealed:
        data = sealing.unsealed_bytes(data, unlock, name=name)
    whole = False
    if policy.signers:
        from modelkeep import signing  # not before: most loads ask for no signature

        path = name.removesuffix(sealing.SUFFIX if sealed else "") if _is_path(source) else None
        whole = signing.require(data, path, policy.signers, sealed=sealed)
    found = _recognised(data, name, catalog.format_named(format) if format else _suffix_format(name))
    if policy.signers and not whole and found.name != "keep":
        # The end of any file can be made to look like that of a signed one; only a keep file is compared with it.
        raise SignatureError(f"{name}: what was signed is no {found.name} file", hint=UNKNOWN_HINT)
    return Opened(data, found, name)


def _recognised(data: memoryview, name: str, expected: Format | None) -> Format:
    """The format that the first bytes tell, which is the one that was asked for, if one was."""
    possible = catalog.formats_of(data)  # as far as it is looked at
    if expected is None:
        found = next(possible, None)
    elif expected.magic:
        found = expected if bytes(data[:16]).startswith(expected.magic) and not expected.folder else None
    else:
        found = expected if len(data) else None  # nothing but its name tells such a file
    if found is not None:
        return found
    if len(data) == 0:
        raise ContainerError(f"{name}: the file is empty", hint="save the model again")
    seen = next(possible, None)
    what = seen.a_file if seen else "not a file of a format that modelkeep reads"
    hint = f'pass format="{seen.name}" if that is what you expect' if seen else "run: modelkeep formats"
    wish = f", though {expected.name} is asked for" if expected else ""
    raise ContainerError(f"{name}: this is {what}{wish}", hint=hint)


def _is_path(source: Source) -> bool:
    return isinstance(source, str | os.PathLike)


def _bytes_of(source: Source, policy: Policy) -> tuple[memoryview, str]:
    if isinstance(source, str | os.PathLike):
        return atomic.read_whole(source, policy.max_bytes), os.fspath(source)
    if hasattr(source, "read"):
        return memoryview(_read(source, policy.max_bytes)), str(getattr(source, "name", "the file"))
    if not isinstance(source, bytes | bytearray | memoryview):
        raise UsageError(f"{quote(source)} is neither a path nor bytes", hint="pass a path, bytes or a binary file")
    if len(source) > policy.max_bytes:
        raise atomic.too_large(len(source), policy.max_bytes)
    # A copy of its own: arrays are writable, and the caller's buffer may change.
    return memoryview(bytearray(source)), "the bytes"


def _read(file: Any, most: int) -> bytearray:
    data = bytearray()
    while True:
        piece = None if isinstance(file, io.TextIOBase) else file.read(_PIECE)
        if not isinstance(piece, bytes | bytearray):
            raise UsageError(f"{quote(file)} does not give bytes", hint='open it with open(path, "rb")')
        if not piece:
            return data
        data += piece
        if len(data) > most:
            raise atomic.too_large(len(data), most)


def _suffix_format(name: str) -> Format | None:
    """By the suffix of a file's name; what has no name has none, and need not be looked for."""
    return catalog.suffixed(name.lower().removesuffix(sealing.SUFFIX)) if "." in os.path.basename(name) else None


def load(source: Source, rules: Rules, format: str | None = None) -> Any:
    """The model in ``source``, under ``rules``."""
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        from modelkeep import foreign

        return foreign.read_folder(os.fspath(source), rules, format)
    opened = open_source(source, rules.policy, format, rules.unlock)
    if opened.format.name != "keep":
        from modelkeep import foreign  # not before: most loads are of a keep file

        return foreign.read(opened, rules)[0]
    # A signature says nothing of bytes that are not compared.
    artifact = open_artifact(opened, "full" if rules.policy.signers else rules.integrity)
    return build(artifact, rules)


def open_artifact(opened: Opened, integrity: Integrity = "full") -> Artifact:
    """The artifact in a keep file, with every byte compared unless the caller vouches for them."""
    try:
        artifact = bundle.open_bundle(opened.data)
        keep.check_names(artifact.files)
        if integrity == "full":
            artifact.verify()
    except LoadError as error:
        raise error.within(opened.name) from None
    return artifact


def build(artifact: Artifact, rules: Rules) -> Any:
    """The model, with its probe replayed if the environment differs from the recorded one."""
    changes = changed(artifact)
    try:
        model = keep.read(artifact, rules.policy, check=rules.integrity == "full")
    except LoadError as error:
        hint = error.hint or ("load it where the same versions are installed" if changes else UNKNOWN_HINT)
        error.hint = f"{hint}; the file was {_told(changes)}" if changes else hint
        raise
    if changes and rules.on_drift != "ignore":
        try:
            replay(artifact, model, changes)
        except DriftError as error:
            if rules.on_drift == "raise":
                raise
            warnings.warn(str(error), DriftWarning, stacklevel=4)
    return model


def changed(artifact: Artifact) -> list[str]:
    """What differs between the recorded environment and this one, a line each."""
    recorded = artifact.manifest.environment
    return environment.differences(recorded, environment.now(recorded))


def _told(changes: list[str]) -> str:
    more = f"; and {len(changes) - 5} more" if len(changes) > 5 else ""
    return f"saved elsewhere: {'; '.join(changes[:5])}{more}"


def replay(artifact: Artifact, model: Any, changes: list[str]) -> probes.Probe:
    """Compare the model's answers with the probe's: to the last bit where nothing changed, else within tolerance."""
    versions = _told(changes) if changes else ""
    probe = read_probe(artifact)
    packages = [line for line in changes if line.split(" ")[0] in artifact.manifest.environment.get("packages", {})]
    if probe is None:
        notes = artifact.manifest.probe.get("notes", [])
        if packages and any("probe=False" in note for note in notes):
            raise DriftError(
                f"nothing proves that the model answers as it did: it has no probe, and {'; '.join(packages[:5])}",
                hint='install those versions, or load with on_drift="warn" and check its answers yourself',
            )
        return probes.Probe(notes=list(notes))
    methods = catalog.methods_of(model)  # a file must not choose what is called
    ask = catalog.ask_of(model)
    probes.replay(probe, model, exact=not changes, rtol=TOLERANCE, versions=versions, methods=methods, ask=ask)
    return probe


def read_probe(artifact: Artifact) -> probes.Probe | None:
    """The rows and answers inside the artifact, or None where it has none."""
    if "probe.json" not in artifact.files:
        return None
    # Without the source that the artifact may carry: rows and answers need none, and the policy here allows none.
    files = {name: data for name, data in artifact.files.items() if name.startswith("probe.")}
    found = keep.read_graph(files, Policy(), "probe")
    rows, answers = (found.get(key) if isinstance(found, Mapping) else None for key in ("rows", "answers"))
    if not isinstance(rows, list) or not isinstance(answers, list) or len(rows) != len(answers):
        raise ContainerError("the probe is not rows and answers", hint=UNKNOWN_HINT)
    if not all(map(_is_block, rows)) or not all(isinstance(block, dict) for block in answers):
        raise ContainerError("the probe is not rows and answers", hint=UNKNOWN_HINT)
    return probes.Probe(rows, answers, list(artifact.manifest.probe.get("notes", [])))


def _is_block(rows: object) -> bool:
    """Whether something can be counted by rows: a sequence, an array, a frame, a sparse matrix."""
    if isinstance(rows, dict):
        return bool(rows) and all(isinstance(name, str) and _is_block(each) for name, each in rows.items())
    if isinstance(rows, list | tuple):
        return True
    return type(rows).__module__.partition(".")[0] in ("numpy", "scipy", "pandas") and bool(getattr(rows, "shape", ()))
