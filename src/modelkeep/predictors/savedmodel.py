"""A predictor over a SavedModel, whose graph runs in a process of its own: TensorFlow never sees it here."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from modelkeep.errors import UsageError
from modelkeep.workers import Worker

_CHILD = "modelkeep.predictors.savedmodel_child"
_DEFAULT = ("serving_default", "serve", "predict")
#: Seconds: TensorFlow alone takes ten to start on a slow machine.
TIMEOUT = 600.0


class SavedModel:
    """What ``modelkeep.load("model.savedmodel")`` gives.

    ``predict(rows)`` asks the signature ``serving_default``; ``signatures`` has all of them by name, each a function
    of rows. Rows are an array for a model of one input, or a dict of arrays by the names of its inputs. The answer is
    an array, a tuple where outputs are counted, or a dict of them by name.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self._room = tempfile.TemporaryDirectory(prefix="modelkeep-")
        for name, data in self.files.items():
            place = os.path.join(self._room.name, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                file.write(data)
        self._start(self._room.name)

    @classmethod
    def at(cls, folder: str) -> SavedModel:
        """Over a folder that was not checked: only where the policy allows code."""
        model = cls.__new__(cls)
        model._start(os.path.abspath(folder))
        return model

    def _start(self, folder: str) -> None:
        self.folder = folder
        self._worker = Worker("a SavedModel", {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"})
        self._closing = weakref.finalize(self, self._worker.close)
        self._facts: dict[str, Any] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """By signature: inputs and outputs by name, each a dtype and a shape."""
        if self._facts is None:
            self._facts = self._worker.call(f"{_CHILD}:describe", self.folder, timeout=TIMEOUT)
        return self._facts

    @property
    def signatures(self) -> dict[str, Signature]:
        return {name: Signature(self, name) for name in self.facts}

    def predict(self, rows: Any) -> Any:
        """The answers for rows."""
        found = next((name for name in _DEFAULT if name in self.facts), None) or next(iter(self.facts), None)
        if found is None:
            raise UsageError("the model has no signature, so nothing can be asked", hint="save it with signatures")
        return self.ask(found, rows)

    def ask(self, signature: str, rows: Any) -> Any:
        inputs = _named(rows, list(self.facts[signature]["inputs"]))
        found = self._worker.call(f"{_CHILD}:answer", self.folder, signature, inputs, timeout=TIMEOUT)
        return _answer(found)

    def close(self) -> None:
        """End the process; the next question starts another."""
        self._worker.close()


class Signature:
    """One signature of a SavedModel: call it with rows."""

    def __init__(self, model: SavedModel, name: str) -> None:
        self._model, self.name = model, name

    def __call__(self, rows: Any) -> Any:
        return self._model.ask(self.name, rows)

    @property
    def inputs(self) -> dict[str, Any]:
        found: dict[str, Any] = self._model.facts[self.name]["inputs"]
        return found

    @property
    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = self._model.facts[self.name]["outputs"]
        return found


def _named(rows: Any, names: list[str]) -> dict[str, Any]:
    """Rows by the names of the inputs. Inputs that are only counted fit where there is one order of them."""
    if isinstance(rows, dict):
        if set(rows) == set(names):
            return {name: _array(rows[name]) for name in names}
        if set(rows) == {str(number) for number in range(len(names))}:
            return {name: _array(rows[name]) for name in rows}
        raise UsageError(f"the inputs are {', '.join(names)}", hint="name each of them, and no other")
    if len(names) == 1:
        return {names[0]: _array(rows)}
    if hasattr(rows, "columns") and set(names) <= set(rows.columns):
        return {name: _array(rows[name]).reshape(-1, 1) for name in names}
    raise UsageError(f"the model has {len(names)} inputs: {', '.join(names)}", hint="pass a dict of arrays by name")


def _array(rows: Any) -> np.ndarray:
    found = np.asarray(rows.to_numpy() if hasattr(rows, "to_numpy") else rows)
    return found.astype(str) if found.dtype == object else found


def _answer(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        return next(iter(found.values()))
    counted = [f"output_{number}" for number in range(len(found))]
    return (
        tuple(found[name] for name in counted) if set(found) == set(counted) else {k: found[k] for k in sorted(found)}
    )
