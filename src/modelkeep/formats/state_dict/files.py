"""The tensors of a module by name: how they are written, and the arrays that a file of it must hold."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from modelkeep.errors import ExportError, UsageError, quote
from modelkeep.torch_tensors import ARRAYS, exact_array, tensor_of, unkept


def tensors(model: Any) -> dict[str, Any]:
    """The tensors of a module by name, or of a dictionary that holds nothing else."""
    import torch

    found = model if isinstance(model, dict) else model.state_dict() if hasattr(model, "state_dict") else None
    if not found:
        raise ExportError(f"a {type(model).__name__} has no state dict", hint=_HINT)
    found = {name: _as_tensor(each) for name, each in found.items()}
    for name, tensor in found.items():
        refusal = ("it is no tensor", "") if not isinstance(tensor, torch.Tensor) else unkept(tensor)
        if refusal:
            raise ExportError(
                f"the entry {quote(name)} of the state dict can't be written: {refusal[0]}", hint=refusal[1] or _HINT
            )
    return found


def _as_tensor(value: Any) -> Any:
    """An array of numpy as a tensor, by its bits where numpy needs ml_dtypes to name them."""
    name = value.dtype.name if isinstance(value, np.ndarray) else ""
    return tensor_of(np.asarray(value, order="C").view(ARRAYS[name]), name) if name in ARRAYS else value


_HINT = "save it as a .keep file"


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    import torch

    if recipe.options or recipe.compress is not None:
        raise UsageError("a state dict has no options and is not compressed", hint="leave them out")
    plain = {name: tensor.detach().cpu() for name, tensor in tensors(model).items()}
    torch.save(plain, file)


def arrays(model: Any) -> dict[str, Any]:
    """What a file of the module must hold, as arrays."""
    return {name: exact_array(tensor) for name, tensor in tensors(model).items()}
