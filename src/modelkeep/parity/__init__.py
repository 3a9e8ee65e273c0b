"""Parity: a written file is opened in its own runtime, in a fresh process, and must answer as the model does.

trials makes the rows, child asks the file, judging compares, certificate is what is told of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import modelkeep
from modelkeep import artifact, atomic, catalog, saving
from modelkeep.errors import ParityError, quote
from modelkeep.parity import child
from modelkeep.parity.certificate import SUFFIX as SUFFIX
from modelkeep.parity.certificate import Certificate as Certificate
from modelkeep.parity.judging import Output as Output
from modelkeep.parity.judging import Tolerance as Tolerance
from modelkeep.parity.judging import judge
from modelkeep.parity.trials import Trial as Trial
from modelkeep.parity.trials import trials as trials
from modelkeep.policy import Policy
from modelkeep.ports import Format
from modelkeep.probe.rows import count
from modelkeep.workers import Worker

Progress = Callable[[int, int], None]
#: Seconds that opening the file, or one block of rows, may take.
TIMEOUT = 600.0


@dataclass(frozen=True)
class Proof:
    """How a file is to be proved: its format, what may be loaded, and what is accepted knowingly."""

    format: Format
    policy: Policy
    accept: Tolerance | None = None
    notes: tuple[str, ...] = ()
    progress: Progress = lambda done, total: None


def prove(model: Any, path: str, asked: list[Trial], proof: Proof) -> Certificate:
    """The certificate of the file at ``path``: every trial asked of it, in a fresh process.

    What does not pass is told by ``passed``; nothing is raised for it.
    """
    outputs: dict[str, Output] = {}
    with Worker(f"the {proof.format.name} file") as worker:
        opened = (f"{__name__}.child:open_file", path, proof.format.name, vars_of(proof.policy))
        about = worker.call(*opened, timeout=TIMEOUT)
        if proof.format.gives == "weights":
            left = _compare_weights(model, worker, outputs, proof)
        elif not asked:
            left = _compare_graphs(model, worker, outputs)
        else:
            left = _compare(model, worker, outputs, asked, about["methods"], proof)
    own = _stated(model, proof)
    clean = _passed(outputs, own, "beyond")
    tried: dict[str, int] = {}
    for trial in asked if proof.format.gives != "weights" else ():
        tried[trial.kind] = tried.get(trial.kind, 0) + count(trial.rows)
    return Certificate(
        format=proof.format.name,
        model=saving.class_name(model),
        digest=_digest(path),
        size=_size(path),
        passed=clean or _passed(outputs, proof.accept or own, "refused"),
        tolerance=own,
        accepted=None if clean else proof.accept,
        rows=tried,
        outputs=outputs,
        notes=(*proof.notes, *left),
        runtime=about["runtime"],
    )


def _stated(model: Any, proof: Proof) -> Tolerance:
    return Tolerance.of(proof.format.tolerance_for(catalog.framework_of(model).name))


def _compare(
    model: Any, worker: Worker, outputs: dict[str, Output], asked: list[Trial], methods: list[str], proof: Proof
) -> list[str]:
    """Ask every trial; gives a note for each method that the file does not have."""
    own = _stated(model, proof)
    labels, silent = _has_labels(model), set[str]()
    for number, trial in enumerate(asked):
        proof.progress(number, len(asked))
        for method, expected in trial.answers.items():
            if method not in methods:
                silent.add(method)
                continue
            told = worker.call(f"{__name__}.child:answer", method, trial.rows, timeout=TIMEOUT)
            if "failed" in told:
                output = outputs.setdefault(method, Output())
                output.other = output.other or f"the file fails on {trial.kind} rows: {told['failed']}"
                continue
            is_label = method == "predict" and (labels or not _is_float(expected))
            rules = (own, proof.accept or own)
            judge(outputs, trial.kind, method, expected, told["answer"], rules, labels=is_label)
    return [f"{method} is not in this model's file of {proof.format.name}" for method in sorted(silent)]


def _compare_graphs(model: Any, worker: Worker, outputs: dict[str, Output]) -> list[str]:
    """What answers no rows is the same where the safe format writes the same bytes for it."""
    expected = artifact.digest(modelkeep.dumps(model, probe=False))
    output = outputs.setdefault("graph", Output(asked=1))
    if worker.call(f"{__name__}.child:graph", timeout=TIMEOUT) != expected:
        output.other = "the file holds another object"
    return ["it answers no rows: the objects were compared"]


def _compare_weights(model: Any, worker: Worker, outputs: dict[str, Output], proof: Proof) -> list[str]:
    """A file of arrays must hold those of the model, to the last bit."""
    arrays = catalog.resolve(proof.format.arrays)(model) if proof.format.arrays else {}
    expected = {name: child.fingerprint(array) for name, array in arrays.items()}
    held = worker.call(f"{__name__}.child:weights", timeout=TIMEOUT)
    output = outputs.setdefault("weights", Output(asked=len(expected)))
    wrong = sorted(name for name in expected.keys() | held.keys() if expected.get(name) != held.get(name))
    if wrong:
        output.other = f"{len(wrong)} arrays are not those of the model, the first is {quote(wrong[0])}"
    return ["a file of arrays does not answer: load them into the model with load_weights"]


def refuse(certificate: Certificate, what_now: str = "") -> ParityError:
    """The error of a certificate that did not pass."""
    lines = [f"the {certificate.format} file answers differently from the model{what_now}"]
    for name, output in certificate.outputs.items():
        if output.other:
            lines.append(f"  {name}: {output.other}")
        if output.labels:
            lines.append(f"  {name}: {output.labels} of {output.asked} labels changed")
        if output.beyond:
            lines.append(f"  {name}: {output.beyond} of {output.asked} rows differ, by up to {output.absolute:.3g}")
        lines += [
            f"    {row['block']} row {row['row']}: expected {row['expected']}, got {row['got']}"
            for row in output.rows[:3]
        ]
    if not certificate.outputs:
        lines.append("  it answers by no method that the model answers by")
    error = ParityError(
        "\n".join(lines),
        hint="choose another format (modelkeep advise shows them), or accept it knowingly, as in "
        "accept=mk.Tolerance(labels=3, atol=1e-3)",
    )
    error.certificate = certificate
    return error


def vars_of(policy: Policy) -> dict[str, Any]:
    """A policy as plain values, for another process."""
    return {
        "trust": list(policy.trust),
        "allow_code": policy.allow_code,
        "allow_regex": policy.allow_regex,
        "max_bytes": policy.max_bytes,
    }


def _passed(outputs: dict[str, Output], rule: Tolerance, outside: str) -> bool:
    if not outputs or any(output.other for output in outputs.values()):
        return False
    labels = sum(output.labels for output in outputs.values())
    return labels <= rule.labels and not any(getattr(output, outside) for output in outputs.values())


def _has_labels(model: Any) -> bool:
    """Whether ``predict`` gives labels, whatever their type."""
    try:
        classes = getattr(model, "classes_", None)
        return classes is not None and len(classes) > 0  # CatBoost's regressors have an empty one
    except Exception:  # a property of somebody's class may raise anything
        return False


def _is_float(answer: Any) -> bool:
    return np.asarray(answer).dtype.kind in "fc" if not isinstance(answer, list | tuple | dict) else True


def _files(path: str) -> list[str]:
    """The file, or all files of the folder in order."""
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def _size(path: str) -> int:
    return sum(os.path.getsize(each) for each in _files(path))


def _digest(path: str) -> str:
    """Of a folder: that of the digests of its files, each with its name."""
    told = [(os.path.relpath(each, path), artifact.digest(atomic.read_whole(each, 1 << 62))) for each in _files(path)]
    if not os.path.isdir(path):
        return told[0][1]
    return artifact.digest("".join(f"{name}\n{digest}\n" for name, digest in told).encode())
