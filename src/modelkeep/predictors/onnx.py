"""A predictor over an ONNX file: named inputs and outputs, and the methods that the file holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, UsageError, quote
from modelkeep.onnx_checks import checked
from modelkeep.onnx_checks.wire import HINT
from modelkeep.predictors import METHODS, onnx_methods, onnx_session, refusals
from modelkeep.predictors.onnx_ports import Port, inputs_of, outputs_of
from modelkeep.predictors.onnx_rows import Marks, bind


class OnnxModel:
    """What ``modelkeep.load("model.onnx")`` gives.

    It has the methods that the file holds, and no others: ``predict``, ``predict_proba``, ``decision_function``,
    ``transform``, ``score_samples``, ``forward``. They take rows as the model itself does: an array, a table whose
    columns are the inputs by name, a list of texts, or a dict of inputs.

    data: the bytes of the file. They are checked at once, and run when they are first asked.
    optimization: what the runtime may rearrange: "all", "basic" or "none".
    threads: how many it may use for one operator; 0 lets it choose.

    ``inputs`` and ``outputs`` say names, dtypes and shapes; ``run`` gives any outputs as they are. Raises LoadErrors
    for bytes that are no usable model, UsageError for rows that don't fit.
    """

    def __init__(self, data: bytes, *, optimization: str = "all", threads: int = 0) -> None:
        if optimization not in onnx_session.OPTIMIZATIONS:
            raise UsageError(f"optimization is {quote(optimization)}", hint='use "all", "basic" or "none"')
        self.data = bytes(data)
        self.optimization = optimization
        self.threads = threads
        model, graph = checked(self.data)
        self.inputs: tuple[Port, ...] = inputs_of(graph)
        self.outputs: tuple[Port, ...] = outputs_of(graph)
        self.metadata: dict[str, str] = model.metadata()
        self.producer = model.producer_name or ""
        self._answers = onnx_methods.methods_of(model, graph, self.outputs)
        self._columns = _columns(self.metadata)
        self._marks = Marks.of(self.metadata)
        self._refused = _refused(self.metadata)
        self._session: Any = None
        self._lock = threading.Lock()

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the file holds."""
        return tuple(name for name in METHODS if name in self._answers)

    @property
    def n_features_in_(self) -> int:
        """The columns of the one input, where it is a table."""
        width = self.inputs[0].width if len(self.inputs) == 1 else None
        if width is None:
            raise AttributeError("n_features_in_")
        return width

    def open(self) -> OnnxModel:
        """Open the model in the runtime now, rather than at the first call."""
        with self._lock:
            if self._session is None:
                onnx_session.try_first(self.data)
                self._session = onnx_session.open_session(self.data, self.optimization, self.threads)
        return self

    def run(self, rows: Any, outputs: Sequence[str] | None = None) -> dict[str, Any]:
        """The outputs by name (all, or those named), as the runtime gives them.

        rows: as for ``predict``. A model that was exported for a fixed number of rows is asked as often as it takes.
        """
        names = [port.name for port in self.outputs] if outputs is None else list(outputs)
        unknown = [name for name in names if name not in {port.name for port in self.outputs}]
        if unknown:
            known = ", ".join(quote(port.name) for port in self.outputs)
            raise UsageError(f"the model has no output {quote(unknown[0])}", hint=f"it has {known}")
        return self._run(bind(self.inputs, rows, self._columns, self._marks), names)

    def _run(self, feeds: dict[str, Any], names: list[str]) -> dict[str, Any]:
        refusals.check(self._refused, feeds)
        session = self.open()._session
        pieces = [onnx_session.run(session, names, piece) for piece in self._pieces(feeds)]
        if len(pieces) == 1:
            return pieces[0]
        return {name: _joined([piece[name] for piece in pieces]) for name in names}

    def _pieces(self, feeds: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows in batches as large as the file fixes them; all at once if it does not."""
        fixed = {port.batch for port in self.inputs if port.name in feeds}
        counts = {len(value) for value in feeds.values() if np.ndim(value)}
        batch = fixed.pop() if len(fixed) == 1 else None
        if batch is None or len(counts) != 1 or counts == {batch}:
            return [feeds]
        count = counts.pop()
        if count % batch or not count:
            raise UsageError(
                f"the model takes {batch} rows at a time, and there are {count}",
                hint="pass a multiple, or export the model for any number of rows",
            )
        starts = range(0, count, batch)
        return [{name: value[start : start + batch] for name, value in feeds.items()} for start in starts]

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        answer = self.__dict__.get("_answers", {}).get(name)
        if answer is None:
            raise AttributeError(f"{type(self).__name__} has no {name}: the file does not hold it")

        def method(rows: Any) -> Any:
            feeds = bind(self.inputs, rows, self._columns, self._marks)
            outputs = self._run(feeds, onnx_methods.names_in(answer.outputs))
            found = onnx_methods.shape(answer, {key: self._marks.back(value) for key, value in outputs.items()})
            onnx_methods.check(name, answer, found, {len(value) for value in feeds.values() if np.ndim(value)})
            # Several targets have a list of shares, as in scikit-learn.
            return list(found) if name == "predict_proba" and isinstance(found, tuple) else found

        method.__name__ = name
        return method

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.methods]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (self.data, self.optimization, self.threads))

    def __repr__(self) -> str:
        return f"OnnxModel({len(self.data)} bytes, methods: {', '.join(self.methods) or 'none'})"


def _again(data: bytes, optimization: str, threads: int) -> OnnxModel:
    return OnnxModel(data, optimization=optimization, threads=threads)


def _columns(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the columns of a single input: the metadata ``modelkeep.columns``, a list in JSON."""
    told = metadata.get("modelkeep.columns")
    if told is None:
        return ()
    try:
        names = json.loads(told)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise GraphError("its modelkeep.columns is not a list of names", hint=HINT)
    return tuple(names)


def _refused(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the model refuses: the metadata ``modelkeep.refuses``, as JSON."""
    told = metadata.get("modelkeep.refuses")
    try:
        found: Any = {} if told is None else json.loads(told)
    except (ValueError, RecursionError):
        found = None
    if not refusals.is_told(found):
        raise GraphError("its modelkeep.refuses is not what a model refuses", hint=HINT)
    return dict(found)


def _joined(pieces: list[Any]) -> Any:
    if isinstance(pieces[0], list):
        return [each for piece in pieces for each in piece]
    return np.concatenate(pieces)
