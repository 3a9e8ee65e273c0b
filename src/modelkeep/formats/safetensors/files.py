"""What is written of a model, and read: of a module or a Keras model its weights, of anything else all its arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from modelkeep import safetensors_file
from modelkeep.errors import ExportError, UsageError, quote
from modelkeep.safetensors_file import DTYPES, Piece
from modelkeep.torch_tensors import extended

_NAMES = {text: name for name, text in reversed(DTYPES.items())}
_MAX_DEPTH = 100


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """``options`` may have ``metadata``, texts by name."""
    options = dict(recipe.options)
    metadata = options.pop("metadata", {"format": "pt"} if _is_torch(model) else {})
    if options or recipe.compress is not None:
        raise UsageError("safetensors has no option but metadata, and is not compressed", hint="leave it out")
    if not isinstance(metadata, dict) or not all(type(text) is str for pair in metadata.items() for text in pair):
        raise UsageError("the metadata are no texts by name", hint='as in options={"metadata": {"author": "me"}}')
    for piece in safetensors_file.write(pieces(model), metadata):
        file.write(piece)


def read(data: memoryview, rules: Any) -> dict[str, np.ndarray]:
    """The arrays by name, over the file's own memory."""
    return {name: tensor.array() for name, tensor in safetensors_file.read(data).items()}


def arrays(model: Any) -> dict[str, np.ndarray]:
    """What a file of the model must hold."""
    return {name: _meant(piece) for name, piece in pieces(model).items()}


def _meant(piece: Piece) -> np.ndarray:
    name = safetensors_file.BEYOND_NUMPY.get(piece.dtype)
    return piece.array.view(extended(name)) if name else piece.array


def pieces(model: Any) -> dict[str, Piece]:
    """The arrays of a model by name."""
    if _is_torch(model):
        found = {name: _of_tensor(name, tensor) for name, tensor in model.state_dict().items()}
    elif _is_keras(model):
        found = dict(_of_keras(model))
    else:
        found = {}
        for name, array in _arrays(model, "", set(), 0):
            found[name or "array"] = (
                _of_array(name, array) if isinstance(array, np.ndarray) else _of_tensor(name, array)
            )
    if not found:
        raise ExportError("the model has no arrays of numbers", hint="save it as a .keep file")
    if "__metadata__" in found:
        raise ExportError("an array is called __metadata__, which safetensors keeps for notes", hint="rename it")
    return found


def _ancestors(model: Any) -> set[str]:
    return {f"{base.__module__}.{base.__qualname__}" for base in type(model).__mro__}


def _is_torch(model: Any) -> bool:
    return "torch.nn.modules.module.Module" in _ancestors(model) and not _is_keras(model)


def _is_keras(model: Any) -> bool:
    return "keras.src.models.model.Model" in _ancestors(model)


def _of_tensor(name: str, tensor: Any) -> Piece:
    from modelkeep import torch_tensors  # PyTorch is there: the model is of it

    refusal = torch_tensors.unkept(tensor) if hasattr(tensor, "untyped_storage") else ("it is no tensor", "")
    if refusal:
        raise ExportError(f"{quote(name)} can't be written: {refusal[0]}", hint=refusal[1] or "save it as a .keep file")
    array = torch_tensors.array_of(tensor)
    label = torch_tensors.label_of(array.dtype)
    if torch_tensors.dtype_name(tensor) in torch_tensors.LABELS and not label:
        raise ExportError(f"safetensors has no dtype for {quote(name)}, of {tensor.dtype}", hint=_CONVERT)
    return Piece(label, array.view(array.dtype.str)) if label else _of_array(name, array)


_CONVERT = "convert it first, or save the model as a .keep file"


def _of_keras(model: Any) -> Iterator[tuple[str, Piece]]:
    taken: dict[str, int] = {}
    for weight in model.weights:
        path = weight.path.removeprefix(f"{model.name}/")  # a name that counts the models of a process
        count = taken[path] = taken.get(path, -1) + 1
        name = path if not count else f"{path}:{count}"
        yield name, _of_array(name, _plain(weight))


def _plain(weight: Any) -> np.ndarray:
    value = weight.value.detach().cpu() if hasattr(weight.value, "detach") else weight.value
    return np.asarray(value)


def _of_array(name: str, array: np.ndarray) -> Piece:
    native = array.astype(array.dtype.newbyteorder("<"), copy=False)
    known = _NAMES.get(native.dtype.str)
    if native.dtype.kind == "V" and native.dtype.name in safetensors_file.BEYOND_NUMPY.values():
        label = next(label for label, each in safetensors_file.BEYOND_NUMPY.items() if each == native.dtype.name)
        return Piece(label, native.view(DTYPES[label]))
    if known is None:
        raise ExportError(f"safetensors has no dtype for {quote(name)}, of {array.dtype}", hint=_CONVERT)
    return Piece(known, native)


def _arrays(value: Any, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    """The arrays of numbers inside any value, and tensors of PyTorch, each with its path; texts and dates are none."""
    if hasattr(value, "untyped_storage"):
        yield path, value
        return
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            for name in value.dtype.names:
                yield from _arrays(value[name], f"{path}.{name}", seen, depth + 1)
        elif value.dtype.kind in "biufcV":
            yield path, np.asarray(value)
            return
        elif value.dtype.kind == "O":
            yield from _arrays(value.ravel().tolist(), path, seen, depth)
        return
    if isinstance(value, type | str | bytes) or id(value) in seen or depth > _MAX_DEPTH:
        return
    seen.add(id(value))
    for name, part in _parts(value):
        if isinstance(part, np.ndarray | list | tuple | dict) or hasattr(part, "__dict__") or _own_state(part):
            yield from _arrays(part, f"{path}{name}" if path else name.removeprefix("."), seen, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield f".{key}" if isinstance(key, str) else f"[{key!r}]", each
    elif _is_torch(value):
        yield from ((f".{name}", each) for name, each in value.state_dict().items())
    elif isinstance(value, list | tuple | set | frozenset):
        for number, each in enumerate(value):
            yield f"[{number}]", each
    else:
        for key, each in (_own_state(value) or getattr(value, "__dict__", {})).items():
            yield f".{key}", each


def _own_state(value: Any) -> dict[str, Any]:
    """The state of a compiled class that keeps its arrays to itself, as a tree of scikit-learn does."""
    if hasattr(value, "__dict__") or isinstance(value, int | float | complex | np.generic) or value is None:
        return {}
    state = value.__getstate__() if hasattr(value, "__getstate__") else None
    return state if isinstance(state, dict) else {}
