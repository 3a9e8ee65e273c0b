"""The variables of a model: listed by path, and given the values of a file's arrays once these are found to fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, quote
from modelkeep.torch_tensors import extended, label_of, labelled

_COUNTER = re.compile(r"_\d+$")
#: What numpy has no dtype for, with the name that safetensors has for it, and a dtype of the same size.
LABELS = {"bfloat16": ("BF16", "<u2"), "float8_e4m3fn": ("F8_E4M3", "|u1"), "float8_e5m2": ("F8_E5M2", "|u1")}


def paths(variables: Sequence[Any], names: frozenset[str]) -> list[str]:
    """The path of each, without the counters that Keras gives to what has none of the model's own ``names``."""
    return [
        "/".join(part if part in names else _COUNTER.sub("", part) for part in v.path.split("/")) for v in variables
    ]


def is_seed(variable: Any) -> bool:
    """Whether it is the state of a random layer, which Keras's own files leave out."""
    return str(variable.path).rpartition("/")[2] == "seed_generator_state"


def array(variable: Any) -> np.ndarray:
    """The value of a variable; what numpy has no dtype for is labelled (see ``torch_tensors``)."""
    import keras

    name = keras.backend.standardize_dtype(variable.dtype)
    if name in LABELS and keras.backend.backend() == "torch":
        from modelkeep.torch_tensors import array_of

        return np.array(array_of(variable.value))
    found = np.asarray(keras.ops.convert_to_numpy(variable.value))
    if name in LABELS:
        label, bits = LABELS[name]
        return labelled(np.ascontiguousarray(found).view(bits), label)
    return found


def fit(variables: Sequence[Any], found: Sequence[tuple[str, np.ndarray]], what: str) -> None:
    """Refuse arrays that are not those of ``variables``: one for each, in their order, of their shapes and dtypes."""
    import keras

    if len(variables) != len(found):
        raise CheckError(f"the file has {len(found)} arrays, and {what} has {len(variables)} variables", hint=_HINT)
    for variable, (path, value) in zip(variables, found, strict=True):
        name = keras.backend.standardize_dtype(variable.dtype)
        own = variable.path.rpartition("/")[2]
        told = path.rpartition("/")[2]
        if _COUNTER.sub("", own) != _COUNTER.sub("", told) and not told.isdecimal():
            raise CheckError(f"an array for {quote(path)} stands where {quote(variable.path)} is", hint=_HINT)
        same = name == dtype_of(value) or _holds(name, value)
        if tuple(variable.shape) != value.shape or not same:
            shown = f"{dtype_of(value)} {value.shape}"
            raise CheckError(
                f"the array is {shown}, not {name} {tuple(variable.shape)}", path=f"{what}[{quote(path)}]", hint=_HINT
            )


def _holds(name: str, value: np.ndarray) -> bool:
    """Whether a variable of whole numbers has room for those of an array: backends count in widths of their own."""
    if not name.startswith(("int", "uint")) or value.dtype.kind not in "iu" or value.dtype.metadata:
        return False
    info = np.iinfo(name)
    return not value.size or (int(value.min()) >= info.min and int(value.max()) <= info.max)


_HINT = "get the file again from where it came from, or open it with the version of Keras that saved it"


def read_as(value: np.ndarray, name: Any) -> np.ndarray:
    """An array of bits as one of a dtype that numpy lacks."""
    label, bits = LABELS.get(name, ("", "")) if type(name) is str else ("", "")
    if not label or value.dtype != np.dtype(bits):
        raise CheckError(f"an array of {value.dtype} is none of {quote(repr(name), 40)}", hint=_HINT)
    return labelled(np.ascontiguousarray(value).view(bits), label)


def dtype_of(value: np.ndarray) -> str:
    label = label_of(value.dtype)
    return next((name for name, (known, _) in LABELS.items() if known == label), value.dtype.name)


def assign(variables: Sequence[Any], found: Sequence[tuple[str, np.ndarray]]) -> None:
    """Give each variable its value, whether it has one yet or not."""
    for variable, (_, value) in zip(variables, found, strict=True):
        plain = value
        if label_of(value.dtype):
            plain = np.ascontiguousarray(value).view(extended(dtype_of(value)))
        _give(variable, _tensor(plain, dtype_of(value) if label_of(value.dtype) else None, variable))


def _tensor(value: np.ndarray, labelled_as: str | None, variable: Any) -> Any:
    import keras

    name = keras.backend.standardize_dtype(variable.dtype)
    if labelled_as and keras.backend.backend() == "torch":
        from modelkeep.torch_tensors import tensor_of

        return tensor_of(np.array(value.view(LABELS[labelled_as][1])), labelled_as)
    return keras.ops.convert_to_tensor(np.array(value), dtype=name)


def _give(variable: Any, tensor: Any) -> None:
    if variable._value is not None:
        variable.assign(tensor)
        return
    variable._initializer = lambda shape, dtype=None: tensor
    variable._deferred_initialize()
