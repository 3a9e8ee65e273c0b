"""What runs in the fresh process: a written file is opened by its own reader and asked."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

import modelkeep
from modelkeep import catalog, environment, loading
from modelkeep.artifact import digest
from modelkeep.loading import Rules
from modelkeep.policy import Policy
from modelkeep.probe.record import has_method, reason
from modelkeep.probe.rows import fresh
from modelkeep.torch_tensors import exact_array

_opened: dict[str, Any] = {}


def open_file(path: str, format: str, policy: dict[str, Any]) -> dict[str, Any]:
    """Open the file; which methods it answers, and what runs it."""
    model = loading.load(path, Rules(Policy(**policy), "ignore"), format)
    _opened["model"] = model
    reader = catalog.format_named(format).reader
    needs = list(reader.needs) if reader else []
    runtime = environment.capture([*needs, type(model).__module__])
    return {
        "methods": [method for method in catalog.methods_of(model) if has_method(model, method)],
        "runtime": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "packages": runtime["packages"],
        },
    }


def weights() -> dict[str, str]:
    """The arrays of a file that holds nothing else, each by what ``fingerprint`` says of it."""
    return {name: fingerprint(array) for name, array in _opened["model"].items()}


def graph() -> str:
    """The digest of the opened object as the safe format writes it."""
    return digest(modelkeep.dumps(_opened["model"], probe=False))


def fingerprint(array: Any) -> str:
    """An array's dtype, shape and the digest of its elements in C order."""
    if type(array).__module__.partition(".")[0] == "torch":
        array = exact_array(array)
    plain = np.ascontiguousarray(array)  # of a scalar it makes a vector
    return f"{plain.dtype} {np.shape(array)} {digest(plain.reshape(-1).view(np.uint8).data)}"


def answer(method: str, rows: Any) -> dict[str, Any]:
    """``{"answer": ...}``, or ``{"failed": why}``."""
    model = _opened["model"]
    try:
        return {"answer": catalog.ask_of(model)(model, method, fresh(rows))}
    except Exception as error:  # whatever the runtime raises, the certificate tells it
        return {"failed": reason(error)}
