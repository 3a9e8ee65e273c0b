"""The walk of a save: framework, writer, probe, schema, environment, manifest, and one atomic write."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from modelkeep import atomic, catalog, environment, schema
from modelkeep import probe as probes
from modelkeep.artifact import ARTIFACT_VERSION, Artifact, FileEntry, GraphFacts, Manifest, ProbeFacts, digest
from modelkeep.bundle_writer import write_bundle
from modelkeep.errors import UsageError, quote
from modelkeep.formats.keep import code
from modelkeep.formats.keep import files as keep
from modelkeep.ports import Format, Framework, Part
from modelkeep.rope import Bytes, Rope

Target = str | os.PathLike[str] | BinaryIO
Progress = Callable[[int, int], None]

PROBE = "probe"


@dataclass(frozen=True)
class Saved:
    """What a save did. ``notes`` say what the probe could not cover; ``trust`` lists what a reader must trust."""

    path: str | None
    format: str
    size: int
    digest: str | None
    probe_rows: int
    notes: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How to save: the keyword arguments of ``modelkeep.save``. ``options`` are the format's own."""

    sample: Any = None
    probe: bool = True
    compress: str | None = None
    code: Iterable[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = lambda done, total: None


def save(model: Any, target: Target, recipe: Recipe, format: Format) -> Saved:
    """Write ``model`` to a path (atomically) or to a seekable binary file."""
    if isinstance(target, str | os.PathLike):
        with atomic.replacing(target) as file:
            return _write(model, file, os.fspath(target), recipe, format)
    _check_file(target)
    try:
        return _write(model, target, None, recipe, format)
    except OSError as error:
        raise atomic.storage_error(error, target, "write to") from error


def _check_file(file: Any) -> None:
    """The parts of an artifact are written out of order, at places counted from the start."""
    if not hasattr(file, "write"):
        raise UsageError(f"{quote(repr(file))} is neither a path nor a binary file", hint="pass a path")
    seekable = getattr(file, "seekable", None)
    if isinstance(file, io.TextIOBase) or not callable(seekable) or not seekable():
        raise UsageError(
            f"{quote(repr(file))} is not a binary file with positions", hint="pass a path, or write what dumps() gives"
        )
    if "a" in str(getattr(file, "mode", "")):
        raise UsageError(f"{quote(repr(file))} is open for appending", hint='open it with open(path, "wb")')
    if file.tell() != 0:
        raise UsageError(f"{quote(repr(file))} is not at its start", hint="pass a fresh file, or write dumps()")


def _write(model: Any, file: BinaryIO, path: str | None, recipe: Recipe, format: Format) -> Saved:
    framework = catalog.framework_of(model)
    cell = format.writer_for(framework.name)
    if cell is None:
        raise UsageError(f"the format {format.name} can't hold a {framework.name} model", hint="run: modelkeep formats")
    if format.name != "keep":
        catalog.resolve(cell)(model, file, recipe)
        return Saved(path, format.name, file.tell(), None, 0, (f"{format.a_file} has no probe and no digest",))
    return _write_keep(model, file, path, recipe, framework)


def _write_keep(model: Any, file: BinaryIO, path: str | None, recipe: Recipe, framework: Framework) -> Saved:
    made = _compose(model, recipe, framework)
    manifest_digest, size = write_bundle(file, made.parts, made.manifest_of, recipe.progress, durable=path is not None)
    if file.seek(0, io.SEEK_END) > size:  # what was in there before was longer
        file.truncate(size)
    return Saved(path, "keep", size, manifest_digest, rows_of(made.probe), tuple(made.probe.notes), made.trust)


class _Composed(NamedTuple):
    """The files of an artifact that is about to be written, and its manifest once their digests are known."""

    parts: dict[str, Part]
    manifest_of: Callable[[dict[str, FileEntry]], Manifest]
    probe: probes.Probe
    trust: tuple[str, ...]


def _compose(model: Any, recipe: Recipe, framework: Framework) -> _Composed:
    # The graph comes first: what it takes from the model is taken before any method of the model runs.
    written = keep.write(model, compress=recipe.compress, source=recipe.code, options=recipe.options)
    rows = catalog.rows_of(model, recipe.sample)
    probe = _recorded(model, rows, recipe)
    parts = {**written.parts, **probe_parts(probe)}
    names = [name.replace(":", ".") for name in (*written.facts["classes"], *written.facts["own"])]
    names += [type(block).__module__ for block in probe.rows]  # frames answer by what pandas does

    def manifest_of(entries: dict[str, FileEntry]) -> Manifest:
        return Manifest(
            modelkeep=ARTIFACT_VERSION,
            format="keep",
            framework=framework.name,
            model=class_name(model),
            files=entries,
            environment=environment.capture([*names, *framework.claims]),
            schema=schema.of(model, rows, probe.outputs()).as_dict(),
            probe=probe_facts(probe),
            facts=GraphFacts(classes=written.facts["classes"], own=written.facts["own"]),
        )

    return _Composed(parts, manifest_of, probe, tuple(written.facts["own"]))


def artifact(model: Any, recipe: Recipe) -> Artifact:
    """The artifact of a model in memory. Large arrays are not copied: it is valid while the model does not change."""
    made = _compose(model, recipe, catalog.framework_of(model))
    files: dict[str, Bytes] = {}
    for name, part in made.parts.items():
        files[name] = Rope([memoryview(chunk).cast("B") for chunk in part.chunks() if len(chunk)])
    manifest = made.manifest_of({name: FileEntry(len(data), digest(data)) for name, data in files.items()})
    return Artifact(manifest, files, manifest.digest)


def record(model: Any, recipe: Recipe) -> probes.Probe:
    """The probe of a model, from the sample of a recipe."""
    return _recorded(model, catalog.rows_of(model, recipe.sample), recipe)


def _recorded(model: Any, rows: Any, recipe: Recipe) -> probes.Probe:
    if not recipe.probe:
        return probes.Probe(notes=["left out: saved with probe=False"])
    return probes.record(model, rows, catalog.methods_of(model), catalog.ask_of(model))


def probe_parts(probe: probes.Probe) -> dict[str, Part]:
    if probe.empty:
        return {}
    return keep.write_graph({"rows": probe.rows, "answers": probe.answers}, PROBE)


def probe_facts(probe: probes.Probe) -> ProbeFacts:
    """What the manifest says of the probe."""
    methods = sorted({method for block in probe.answers for method in block})
    return {"rows": rows_of(probe), "methods": methods, "notes": list(probe.notes)}


def rows_of(probe: probes.Probe) -> int:
    return sum(probes.count(block) for block, answers in zip(probe.rows, probe.answers, strict=True) if answers)


def class_name(model: Any) -> str:
    cls = type(model)
    return f"{code.public_name(cls.__module__)}.{cls.__qualname__}"
