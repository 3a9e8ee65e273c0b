"""The verbs on files: save, load, inspect, verify, compare and convert."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from modelkeep import catalog, comparison, conversion, exporting, inspection, loading, matrix, saving, verification
from modelkeep.comparison import Diff
from modelkeep.conversion import Converted
from modelkeep.errors import UsageError
from modelkeep.exporting import Order
from modelkeep.inspection import Inspection
from modelkeep.keys import Secret
from modelkeep.loading import Integrity, OnDrift, Rules, Source
from modelkeep.parity import Certificate, Tolerance
from modelkeep.policy import Policy
from modelkeep.saving import Progress, Recipe, Saved, Target
from modelkeep.seals.age import Unlock
from modelkeep.verification import Verified

if TYPE_CHECKING:
    from modelkeep.doctor import Report


def save(
    model: Any,
    path: Target,
    *,
    sample: Any = None,
    probe: bool = True,
    compress: str | None = None,
    code: Iterable[str] = (),
    example: Any = None,
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress = lambda done, total: None,
) -> Saved:
    """Save ``model`` to ``path``, atomically: what was there before stays until all of the new file is durable.

    sample: some rows as the model takes them (array, DataFrame, texts...); the probe and the schema come from them.
    probe: whether to keep rows and answers inside the file, so that a later change of answer is noticed.
    compress: ``"zstd"`` compresses the arrays.
    code: packages and modules of your own whose source is to travel inside the file.
    example: inputs of a PyTorch module: its exported program is kept beside the weights, for readers without its class.
    format: ``"keep"``, ``"pickle"``, ``"joblib"``...; by default what the suffix says.
    options: those of the format, as in ``{"level": 9}``.

    Raises ``SaveErrors`` (everything that can't be saved, with its place in the model) and ``StorageError``.

    >>> save({"weights": [1.0, 2.0]}, "weights.keep").format
    'keep'
    """
    known = format or ("keep" if hasattr(path, "write") else None)
    chosen = catalog.format_named(known) if known else catalog.format_for(str(path))
    if chosen.gives == "predictor":
        raise UsageError(
            f"{chosen.name} is another form of the model, and nothing would prove that it answers the same",
            hint="call modelkeep.export(model, path), which asks the written file before it leaves it",
        )
    own = dict(options or {}) | ({} if example is None else {"example": example})
    recipe = Recipe(example if sample is None else sample, probe, compress, code, own, progress)
    return saving.save(model, path, recipe, chosen)


def load(
    path: Source,
    *,
    policy: Policy | None = None,
    on_drift: OnDrift = "raise",
    integrity: Integrity = "full",
    format: str | None = None,
    identity: Secret | None = None,
    passphrase: Secret | None = None,
) -> Any:
    """The model in ``path`` (a path, bytes, or a binary file): the same object, checked.

    policy: what the load may do, by default only read data.
    on_drift: what to do when the environment differs and the model answers differently from its probe.
    integrity: ``"trusted"`` says that these bytes were verified and checked when they came here.
    format: the format that the file must have; by default what the suffix says.
    identity, passphrase: what opens a sealed file: a path, ``"env:NAME"``, or a function that returns the secret.

    Raises ``LoadError`` with the stage that refused the file, ``DriftError``, ``StorageError``.

    >>> load(dumps([1, 2.5, "three"]))
    [1, 2.5, 'three']
    """
    return loading.load(path, Rules(policy or Policy(), on_drift, integrity, Unlock(identity, passphrase)), format)


def dumps(model: Any, **options: Any) -> bytes:
    """The bytes of a keep file; options as for ``save``."""
    memory = io.BytesIO()
    save(model, memory, **options)
    return memory.getvalue()


def loads(data: bytes | bytearray | memoryview, **options: Any) -> Any:
    """The model in the bytes of a keep file; options as for ``load``."""
    return load(data, **options)


def inspect(path: Source, *, policy: Policy | None = None, format: str | None = None) -> Inspection:
    """What is in a file: classes, parameters, sizes, schema, environment, probe. Nothing is built, imported or run.

    >>> inspect(dumps({"weights": [1.0, 2.0]})).format
    'keep'
    """
    return inspection.inspect(path, policy or Policy(), format)


def verify(
    path: Source,
    *,
    against: Any = None,
    check: Any = None,
    accept: Tolerance | None = None,
    format: str | None = None,
    policy: Policy | None = None,
    identity: Secret | None = None,
    progress: Progress = lambda *_: None,
) -> Verified | Certificate:
    """Compare every byte of a keep file with its digest, run every structural check, and ask the probe's rows again.

    against: a model, or the path of a keep file with it: then ``path`` is a file of another format, which is opened in
    a fresh process and must answer as the model does, for example after an upgrade of its runtime. check, accept and
    format are as for ``export``; the new certificate is returned.

    Raises the error of the first thing that is wrong: ``IntegrityError``, ``CheckError``, ``DriftError``,
    ``ParityError``...
    """
    allowed = policy or Policy()
    if against is None:
        return verification.verify(path, allowed, progress, Unlock(identity))
    if not isinstance(path, str | os.PathLike):
        raise UsageError("only a file can be asked in a fresh process", hint="pass the path of the file")
    order = Order(None, check, accept, policy=allowed, progress=progress)
    return exporting.verify(path, exporting.subject(against, order), order, format)


def diff(first: Source, second: Source, *, policy: Policy | None = None) -> Diff:
    """What differs between two keep files, and on which rows their models answer differently. False if nothing does.

    >>> bool(diff(dumps([1, 2]), dumps([1, 2])))
    False
    """
    return comparison.diff(first, second, policy or Policy())


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    policy: Policy | None = None,
    on_drift: OnDrift = "raise",
    format: str | None = None,
    source_format: str | None = None,
    sample: Any = None,
    check: Any = None,
    accept: Tolerance | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Progress = lambda done, total: None,
) -> Converted:
    """Write the model of one file in another format. Pickle and joblib run only if the policy allows code.

    Any format but keep gets a certificate: sample, check, accept and options are as for ``export``.

    on_drift: ``"warn"`` converts a file that another version of scikit-learn wrote, which may answer differently.
    format, source_format: those of the new and of the old file; by default what their suffixes say.
    """
    chosen = catalog.format_named(format) if format else catalog.format_for(os.fspath(target))
    rules = Rules(policy or Policy(), on_drift)
    order = Order(sample, check, accept, options or {}, policy=rules.policy, progress=progress)
    return conversion.convert(source, target, rules, chosen, source_format, order)


def formats() -> tuple[matrix.Row, ...]:
    """Every format with its safety, suffixes, and which frameworks it can write and read."""
    return matrix.table()


def doctor() -> Report:
    """What is installed, what is missing, and whether saving, loading and noticing damage work here."""
    from modelkeep.doctor import examine  # what it needs takes longer to import than a small model to load

    return examine()
