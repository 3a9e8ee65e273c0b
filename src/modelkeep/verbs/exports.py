"""The verbs on other formats: export with a certificate, and advise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from modelkeep import advising, catalog, exporting
from modelkeep.advising import Advice
from modelkeep.exporting import Exported, Order, Path, Progress
from modelkeep.parity import Tolerance
from modelkeep.policy import Policy


def export(
    model: Any,
    path: Path,
    *,
    sample: Any = None,
    check: Any = None,
    accept: Tolerance | None = None,
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    compress: str | None = None,
    policy: Policy | None = None,
    progress: Progress = lambda done, total: None,
) -> Exported:
    """Write a model in another format, and prove the file: in a fresh process its own runtime must answer the same.

    model: a live model, or the path of a file with one.
    sample: rows as the model takes them; without, the probe of the file, or rows made from what the model knows.
    check: rows of yours that are asked too, all of them.
    accept: a tolerance that you accept knowingly instead of the format's own; the certificate tells that you did.
    format: by default what the suffix says. options: those of the format, as in ``{"opset": 18}``.
    policy: what may be loaded, where ``model`` is a path.

    The certificate lies beside the file, as ``PATH.parity.json``. Raises ``ExportError`` where the format can't hold
    the model, and ``ParityError`` where the file answers differently: then no file is left, and an old one stays.

    >>> import tempfile
    >>> from sklearn.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(model, f"{folder}/line.joblib").certificate.clean
    True
    """
    chosen = catalog.format_named(format) if format else catalog.format_for(os.fspath(path))
    order = Order(sample, check, accept, options or {}, compress, policy or Policy(), progress)
    return exporting.export(exporting.subject(model, order), path, chosen, order)


def advise(
    model: Any,
    purpose: str = "share",
    *,
    sample: Any = None,
    check: Any = None,
    policy: Policy | None = None,
    progress: Progress = lambda done, total: None,
) -> Advice:
    """Try every format that a model can take, each in a process of its own, and recommend one for ``purpose``.

    model: a live model, or the path of a file with one. sample, check, policy: as for ``export``.
    purpose: share, archive, web, mobile, embedded, browser, java or deep-learning.
    """
    order = Order(sample, check, policy=policy or Policy(), progress=progress)
    return advising.advise(exporting.subject(model, order), purpose, order)
