"""How Keras is asked: as in inference, in batches of one size."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkeep.errors import UsageError

#: Rows that are asked at once. The size of a batch may decide the last bit of an answer.
BATCH = 64
#: Elements of the largest variable that is taken for a state.
STATE = 1 << 20


def ask(model: Any, method: str, rows: Any) -> Any:
    """The answer for rows: an array for the one input of a model, or a dict of its inputs by name.

    Inputs named "0", "1"... are those of the model in its own order. Several outputs are a tuple, or a dict by name.
    """
    inputs = _by_name(model, rows) if isinstance(rows, dict) else rows
    starts = range(0, max(_count(inputs), 1), BATCH)
    with _unmoved(model):
        answers = [_answer(model, _part(inputs, start)) for start in starts]
    return answers[0] if len(answers) == 1 else _joined(answers)


@contextlib.contextmanager
def _unmoved(model: Any) -> Iterator[None]:
    """States that an answer may move, as those of random seeds and stateful layers, are put back."""
    kept = [v for v in model.variables if not v.trainable and math.prod(v.shape) <= STATE]
    stateful = [layer for layer in model._flatten_layers() if getattr(layer, "stateful", False)]
    states = [v for layer in stateful for v in _leaves(getattr(layer, "states", None))]
    kept += states
    before = [v.value + 0 if v.dtype != "bool" else None for v in kept]
    for variable in states:  # an answer is that to the first rows, whatever came before
        variable.assign(variable.value * 0)
    try:
        yield
    finally:
        for variable, value in zip(kept, before, strict=True):
            if value is not None:
                variable.assign(value)


def _leaves(states: Any) -> list[Any]:
    """The variables in the states of a layer."""
    if isinstance(states, list | tuple):
        return [variable for each in states for variable in _leaves(each)]
    return [] if states is None else [states]


def _by_name(model: Any, rows: dict[str, Any]) -> Any:
    """Inputs as the model takes them: a dict where it has one, a list where it counts them."""
    if set(rows) == {str(number) for number in range(len(rows))}:
        values = [rows[str(number)] for number in range(len(rows))]
        return values if len(values) > 1 else values[0]
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, dict) or struct is None:
        return rows
    names = [tensor.name for tensor in model.inputs]
    if set(names) != set(rows):
        told = ", ".join(names)
        raise UsageError(f"the inputs of the model are {told}", hint="name each of them, and no other")
    return [rows[name] for name in names] if isinstance(struct, list | tuple) else rows[names[0]]


def _count(inputs: Any) -> int:
    first = inputs
    while isinstance(first, dict | list) and len(first) and not _is_rows(first):
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    return len(first)


def _is_rows(value: Any) -> bool:
    """A list of plain rows, not of inputs."""
    return isinstance(value, list) and not hasattr(value[0], "shape")


def _part(inputs: Any, start: int) -> Any:
    if isinstance(inputs, dict):
        return {name: _part(each, start) for name, each in inputs.items()}
    if isinstance(inputs, list) and not _is_rows(inputs):
        return [_part(each, start) for each in inputs]
    rows = inputs.to_numpy() if hasattr(inputs, "to_numpy") else np.asarray(inputs)
    return _tensor(rows[start : start + BATCH])


def _tensor(rows: np.ndarray) -> Any:
    import keras

    if rows.dtype.kind in "OUS":
        if rows.dtype.kind == "O" and not all(isinstance(each, str | bytes) for each in rows.ravel().tolist()):
            rows = rows.astype(np.float64)
        elif keras.backend.backend() == "tensorflow":
            return keras.ops.convert_to_tensor(rows.astype(object))
        else:
            return rows
    if rows.dtype == np.float64:
        rows = rows.astype(keras.config.floatx())
    return keras.ops.convert_to_tensor(np.ascontiguousarray(rows))


def _answer(model: Any, inputs: Any) -> Any:
    import keras

    if keras.backend.backend() != "torch":
        return _plain(model(inputs, training=False))
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            return _plain(model(inputs, training=False))
    finally:
        torch.set_num_threads(threads)


def _plain(value: Any) -> Any:
    import keras

    if isinstance(value, dict):
        return {str(name): _plain(value[name]) for name in sorted(value)}  # in which order differs by backend
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    if type(value).__name__ == "RaggedTensor":
        value = value.to_tensor()
    found = np.asarray(keras.ops.convert_to_numpy(value))
    # numpy has no bfloat16 of its own; float32 holds each of its values.
    return found.astype(np.float32) if found.dtype.kind == "V" or found.dtype.name == "bfloat16" else found


def _joined(answers: list[Any]) -> Any:
    first = answers[0]
    if isinstance(first, dict):
        return {name: _joined([each[name] for each in answers]) for name in first}
    if isinstance(first, tuple):
        return tuple(_joined(list(parts)) for parts in zip(*answers, strict=True))
    return np.concatenate(answers)


def rows(sample: Any) -> Any:
    """A sample as rows: an array or a tensor, a dict of them by name, a list or tuple of them in order."""
    if isinstance(sample, dict):
        return {str(name): _array(each) for name, each in sample.items()}
    if isinstance(sample, list | tuple) and len(sample) and all(hasattr(each, "shape") for each in sample):
        if len(sample) == 1:
            return _array(sample[0])
        return {str(number): _array(each) for number, each in enumerate(sample)}
    return _array(sample)


def _array(value: Any) -> Any:
    root = type(value).__module__.partition(".")[0]
    if root not in ("tensorflow", "torch", "keras"):
        return np.asarray(value) if isinstance(value, list | tuple) else value
    import keras

    found = np.asarray(keras.ops.convert_to_numpy(value))
    return np.array([each.decode() for each in found.ravel()]).reshape(found.shape) if found.dtype == object else found
