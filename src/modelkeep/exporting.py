"""The walk of an export: the model, its probe, the written file, its certificate, and only then the file's name."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from modelkeep import atomic, catalog, foreign, loading, parity, saving
from modelkeep.errors import ExportError, UsageError, quote
from modelkeep.loading import Rules
from modelkeep.parity import Certificate, Proof, Tolerance, Trial
from modelkeep.parity.certificate import beside_of
from modelkeep.policy import Policy, Safety
from modelkeep.ports import Format
from modelkeep.probe import Probe

Path = str | os.PathLike[str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Order:
    """What is asked of an export: the keyword arguments of ``modelkeep.export``."""

    sample: Any = None
    check: Any = None
    accept: Tolerance | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    compress: str | None = None
    policy: Policy = field(default_factory=Policy)
    progress: Progress = lambda done, total: None


@dataclass(frozen=True)
class Exported:
    """What an export did: the file, and the certificate that lies beside it; ``seconds`` is how long writing took."""

    path: str
    format: str
    size: int
    certificate: Certificate
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {**vars(self), "certificate": self.certificate.as_dict()}


@dataclass(frozen=True)
class Subject:
    """A model that is to be exported, with rows and the answers that it gave, and what it is called."""

    model: Any
    probe: Probe
    name: str = ""


@dataclass(frozen=True)
class Opened:
    """A file or folder with a model: its probe where it has one, and what is known of how it was written."""

    format: Format
    model: Any
    probe: Probe | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def opened(path: Path, rules: Rules, format: str | None = None) -> Opened:
    """The model at ``path``, of any format. Only a policy that allows code runs a file."""
    if os.path.isdir(path):
        name = os.fspath(path)
        return Opened(foreign.format_at(name, rules.policy), foreign.read_folder(name, rules, format))
    source = loading.open_source(path, rules.policy, format)
    if source.format.name != "keep":
        model, facts = foreign.read(source, rules)
        return Opened(source.format, model, None, facts)
    artifact = loading.open_artifact(source)
    return Opened(source.format, loading.build(artifact, rules), loading.read_probe(artifact))


def subject(model: Any, order: Order, probe: Probe | None = None, name: str = "") -> Subject:
    """The model, or the one in the file that ``model`` names, with its probe; ``sample`` makes a new one."""
    if isinstance(model, str | os.PathLike):
        source = opened(model, Rules(order.policy))
        return subject(source.model, order, source.probe, os.fspath(model))
    kept = None if order.sample is not None or (probe and probe.empty) else probe
    return Subject(model, kept or _probe(model, order), name)


def _probe(model: Any, order: Order) -> Probe:
    return saving.record(model, saving.Recipe(order.sample))


def export(what: Subject, target: Path, format: Format, order: Order) -> Exported:
    """Write the model to ``target`` and prove the file. What does not pass is a ParityError, and leaves no file."""
    cell = _writer(what.model, format)
    trials, notes = parity.trials(what.model, what.probe, order.check)
    if not trials and format.gives == "predictor":
        raise ExportError(
            f"nothing can be compared, so nothing would prove the {format.name} file: {_why_silent(what)}",
            hint="pass sample=, rows as the fitted model takes them",
        )
    recipe = saving.Recipe(rows_of(what, order), compress=order.compress, options=order.options)
    path = os.fspath(target)
    with _fresh(path, format) as place:
        started = time.perf_counter()
        _write(cell, what.model, place, recipe, format)
        seconds = time.perf_counter() - started
        # The file was made here, from a model that is trusted already: running it is no new risk.
        allowed = replace(order.policy, signers=(), allow_code=order.policy.allow_code or format.safety is Safety.CODE)
        proof = Proof(format, allowed, order.accept, tuple(notes), order.progress)
        certificate = _certified(what, place, trials, proof, ", so it is not kept")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside_of(path))  # that of a file that was here before: if all ends now, there is none
    certificate.write(path)
    return Exported(path, format.name, certificate.size, certificate, seconds)


def rows_of(what: Subject, order: Order) -> Any:
    """Rows as the model takes them: those of its probe, or of the sample; None where nothing tells any."""
    return what.probe.rows[0] if what.probe.rows else catalog.rows_of(what.model, order.sample)


def _why_silent(what: Subject) -> str:
    return "; ".join(what.probe.notes) or "the model answers no rows"


def _writer(model: Any, format: Format) -> Any:
    framework = catalog.framework_of(model)
    cell = format.writer_for(framework.name)
    if format.name == "keep":
        raise UsageError("a keep file is saved, not exported", hint='call modelkeep.save(model, "model.keep")')
    if cell is None:
        able = [other.name for other in catalog.formats() if other.writer_for(framework.name)]
        raise ExportError(
            f"the format {format.name} can't hold a model of {framework.title}",
            hint=f"formats that can: {', '.join(able)}",
        )
    return catalog.resolve(cell)


def _write(write: Any, model: Any, place: str, recipe: saving.Recipe, format: Format) -> None:
    if format.folder:
        write(model, place, recipe)
        return
    with open(place, "w+b") as file:
        write(model, file, recipe)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _fresh(path: str, format: Format) -> Iterator[str]:
    """A place beside ``path`` to write to; at the end, if nothing was raised, it becomes ``path``."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder {quote(folder)}", hint="create it, or choose another one")
    if os.path.isdir(path) != (format.folder and os.path.lexists(path)):
        kind = "folder" if format.folder else "file"
        raise UsageError(f"{quote(path)} is there, and is no {kind}", hint="choose another name")
    if os.path.isdir(beside_of(path)):
        raise UsageError(f"{quote(beside_of(path))} is a folder: the certificate has no place", hint="move it away")
    with contextlib.ExitStack() as stack:
        try:
            private = stack.enter_context(tempfile.TemporaryDirectory(prefix=".modelkeep-", dir=folder))
        except OSError as error:  # a folder that can't be written
            raise atomic.storage_error(error, path, "write") from error
        place = os.path.join(private, os.path.basename(os.path.abspath(path)))
        if format.folder:
            os.mkdir(place)
        yield place
        try:
            atomic.install(place, path)
        except OSError as error:
            raise atomic.storage_error(error, path, "write") from error


def verify(path: Path, what: Subject, order: Order, format: str | None = None) -> Certificate:
    """Ask a written file again: the certificate as it is now. What does not pass is a ParityError."""
    name = os.fspath(path)
    chosen = catalog.format_named(format) if format else foreign.format_at(name, order.policy)
    if chosen.name == "keep":
        raise UsageError(f"{name} is a keep file: it proves itself", hint="verify it alone, or compare two with diff")
    trials, notes = parity.trials(what.model, what.probe, order.check)
    if not trials and chosen.gives == "predictor":
        raise UsageError(
            f"nothing can be compared: {_why_silent(what)}", hint="pass check=, rows as the model takes them"
        )
    proof = Proof(chosen, order.policy, order.accept, tuple(notes), order.progress)
    return _certified(what, name, trials, proof, "")


def _certified(what: Subject, path: str, trials: list[Trial], proof: Proof, what_now: str) -> Certificate:
    """The certificate of a file, which must pass."""
    certificate = replace(parity.prove(what.model, path, trials, proof), source=what.name)
    if not certificate.passed:
        raise parity.refuse(certificate, what_now)
    return certificate
