"""The one process with Java that all PMML models of this Python process share: started at the first question."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from modelkeep.errors import MissingPackageError
from modelkeep.pmml import java
from modelkeep.workers import Worker

#: Seconds that opening a file, or answering some rows, may take.
TIMEOUT = 300.0
#: An evaluator and the package that brings it, the better one first.
_PACKAGES = {"jpmml-evaluator": "jpmml_evaluator", "pypmml": "pypmml"}
_CHILD = "modelkeep.pmml.engines"


@functools.cache
def worker() -> Worker:
    return Worker("PMML files", java.ENVIRONMENT)


def engine() -> str:
    """The evaluator to use: jpmml-evaluator answers more models, and is used where it is installed."""
    if find_spec("jpype") is not None:
        for name, package in _PACKAGES.items():
            if find_spec(package) is not None:
                return name
    raise MissingPackageError(
        "no evaluator of PMML files is installed", hint="install it: pip install 'modelkeep[pmml]'"
    )


def digest(data: bytes) -> str:
    """What a file is called in the child."""
    return hashlib.sha256(data).hexdigest()


def ask(engine: str, data: bytes, name: str, columns: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Answers by field for ``count`` rows. ``name`` is the digest of ``data``, which is sent only where it must be."""
    java.find()
    asked = (f"{_CHILD}:ask", engine, name, dict(columns), count)
    told = worker().call(*asked, timeout=TIMEOUT)
    if not told:
        worker().call(f"{_CHILD}:open_file", engine, name, data, timeout=TIMEOUT)
        told = worker().call(*asked, timeout=TIMEOUT)
    fields: dict[str, Any] = told["fields"]
    return fields
