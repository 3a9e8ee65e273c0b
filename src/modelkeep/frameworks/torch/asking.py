"""How PyTorch is asked: in eval mode, without gradients, on one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import UsageError, quote
from modelkeep.torch_tensors import ARRAYS, LABELS, answer_of, array_of, dtype_name, evaluating

_NARROW = ("bfloat16", "float16", "float64")


def ask(model: Any, method: str, rows: Any) -> Any:
    """The answer of ``model`` for rows: an array for its one input, or a dict of its inputs by name.

    Inputs named "0", "1"... are positional. Fractions become what the module's own floating weights are, if they are
    all of one type; whole numbers stay as they are.
    """
    import torch

    call = model.module() if type(model).__name__ == "ExportedProgram" else model
    cast = _floating(call)
    inputs = {"0": rows} if not isinstance(rows, dict) else rows
    tensors = {name: _tensor(each, cast) for name, each in inputs.items()}
    positional = [tensors.pop(str(number)) for number in range(len(tensors)) if str(number) in tensors]
    function = call if method == "forward" else getattr(call, method)
    with evaluating(call), torch.no_grad():
        return answer_of(function(*positional, **tensors))


def _floating(model: Any) -> str | None:
    """The type that fractions are cast to: that of the model's floating weights, where they agree on one."""
    kinds = {dtype_name(p) for p in model.parameters() if p.is_floating_point()}
    return kinds.pop() if len(kinds) == 1 and next(iter(kinds)) in _NARROW else None


def _tensor(rows: Any, cast: str | None) -> Any:
    import torch

    array = np.asarray(rows.to_numpy() if hasattr(rows, "to_numpy") else rows)
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > 16:
        raise UsageError(f"rows of {array.dtype} are no tensor", hint="pass numbers")
    tensor = torch.tensor(np.ascontiguousarray(array))
    if array.dtype.kind == "f":
        if cast is not None:
            tensor = tensor.to(getattr(torch, cast))
        elif array.dtype == np.float64:
            # Modules are float32 unless they say otherwise, and lists of numbers are float64 without being asked.
            tensor = tensor.to(torch.get_default_dtype())
    return tensor


def rows(sample: Any) -> Any:
    """A sample as rows: a tensor as its array, a tuple of them as inputs named "0", "1"..., a dict by name."""
    if isinstance(sample, dict):
        return {str(name): _array(each) for name, each in sample.items()}
    if isinstance(sample, tuple):
        if len(sample) == 1:
            return _array(sample[0])
        return {str(number): _array(each) for number, each in enumerate(sample)}
    return _array(sample)


def _array(value: Any) -> Any:
    if type(value).__module__.partition(".")[0] != "torch":
        return value
    name = dtype_name(value)
    if name not in ARRAYS:
        raise UsageError(f"a sample of {quote(name)} has no rows", hint="pass plain numbers")
    return answer_of(value) if name in LABELS else array_of(value).copy(order="C")
