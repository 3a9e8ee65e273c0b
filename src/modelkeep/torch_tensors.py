"""Tensors of PyTorch as arrays over the same memory and back, and the names that their dtypes have in files.

numpy has no bfloat16, no float8 and no complex half: such a tensor's array has whole numbers of the same size, and its
dtype carries the name that safetensors has for it (``label_of``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, MissingPackageError, quote

#: Names of torch's dtypes that a file may hold, and numpy's dtype with the same bits.
ARRAYS = {
    "bool": "|b1", "uint8": "|u1", "int8": "|i1", "uint16": "<u2", "int16": "<i2", "uint32": "<u4", "int32": "<i4",
    "uint64": "<u8", "int64": "<i8", "float16": "<f2", "float32": "<f4", "float64": "<f8", "complex64": "<c8",
    "complex128": "<c16", "bfloat16": "<u2", "complex32": "<i4", "float8_e4m3fn": "|u1", "float8_e5m2": "|u1",
    "float8_e4m3fnuz": "|u1", "float8_e5m2fnuz": "|u1", "float8_e8m0fnu": "|u1",
}  # fmt: skip
#: Those that numpy lacks, with the name that safetensors has for them, if it has one.
LABELS = {
    "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0",
    "float8_e4m3fnuz": "", "float8_e5m2fnuz": "", "complex32": "",
}  # fmt: skip
_KEY = "modelkeep.safetensors"
_BITS = {1: "uint8", 2: "uint16", 4: "int32"}


def library() -> Any:
    """PyTorch; if it is not there, an error that says what to install."""
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingPackageError(
            "the file holds tensors of PyTorch, which is not installed",
            hint="install it: pip install 'modelkeep[torch]'",
        ) from None
    return torch


def label_of(dtype: np.dtype[Any]) -> str | None:
    """The safetensors name that an array's dtype carries beyond what numpy knows."""
    return dtype.metadata.get(_KEY) if dtype.metadata else None


def labelled(array: np.ndarray, label: str) -> np.ndarray:
    """``array`` with a dtype that carries ``label``."""
    return array.view(np.dtype(array.dtype.str, metadata={_KEY: label}))


def dtype_name(tensor: Any) -> str:
    """The name of a tensor's dtype, as ``bfloat16``."""
    return str(tensor.dtype).removeprefix("torch.")


def unkept(tensor: Any) -> tuple[str, str] | None:
    """Why a tensor has no array, and what to do; None if it has one."""
    import torch

    if tensor.is_quantized:
        return "a quantized tensor", "keep the model before it is quantized, or tensor.dequantize()"
    if tensor.layout is not torch.strided or tensor.is_nested:
        return f"a tensor of layout {tensor.layout}", "keep tensor.to_dense()"
    if tensor.device.type == "meta" or hasattr(tensor, "cls_to_become"):
        return "a tensor without values", "load or initialize the weights first, then save"
    if type(tensor).__module__ not in ("torch", "torch.nn.parameter"):
        return f"a tensor of the class {type(tensor).__qualname__}", "keep it as a plain tensor"
    if any(getattr(tensor, "names", ())):  # newer versions have none
        return "a tensor whose axes have names", "keep tensor.rename(None)"
    if dtype_name(tensor) not in ARRAYS:
        return f"a tensor of {tensor.dtype}", "convert it to a dtype that files have"
    return None


def array_of(tensor: Any) -> np.ndarray:
    """The array over a tensor's memory, with its strides; from another device or a lazy conjugate, of a copy."""
    import torch

    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    name = dtype_name(plain)
    if name not in LABELS:
        found: np.ndarray = plain.numpy()
        return found
    bits: np.ndarray = plain.view(getattr(torch, _BITS[plain.element_size()])).numpy()
    return labelled(bits, LABELS[name]) if LABELS[name] else bits


def tensor_of(array: np.ndarray, name: str) -> Any:
    """The tensor of dtype ``name`` over an array's memory. Memory that can't be written to is copied."""
    torch = library()
    if name not in ARRAYS:
        raise GraphError(f"{quote(name)} is not a dtype of tensors")
    if array.dtype.str != ARRAYS[name]:
        raise GraphError(f"a tensor of {name} has an array of {array.dtype}")
    if not array.flags.writeable or not array.flags.aligned:
        array = array.copy(order="K")
    try:
        tensor = torch.from_numpy(array if array.dtype.metadata is None else array.view(array.dtype.str))
        return tensor.view(getattr(torch, name)) if name in LABELS else tensor
    except (ValueError, RuntimeError, TypeError, AttributeError) as error:
        raise GraphError(f"an array is no tensor: {quote(str(error))}") from None


def answer_of(value: Any) -> Any:
    """An answer of PyTorch as numpy has it, parts of parts too. What numpy lacks becomes float32, which is exact."""
    import torch

    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu()
        plain = plain.to_dense() if plain.layout is not torch.strided else plain
        plain = plain.dequantize() if plain.is_quantized else plain
        name = dtype_name(plain)
        if name == "complex32":
            plain = plain.to(torch.complex64)
        elif name in LABELS:
            plain = plain.to(torch.float32)
        return plain.resolve_conj().resolve_neg().numpy().copy(order="C")
    if isinstance(value, dict) or hasattr(value, "to_tuple"):  # and the outputs of Hugging Face
        return {str(key): answer_of(each) for key, each in dict(value).items()}
    if isinstance(value, list | tuple):
        return tuple(map(answer_of, value))
    fields = getattr(type(value), "__dataclass_fields__", None)
    return {key: answer_of(getattr(value, key)) for key in fields} if fields else value


def exact_array(tensor: Any) -> np.ndarray:
    """A tensor's values as an array that says what they are; bfloat16 and float8 need the package ml_dtypes."""
    array, name = array_of(tensor), dtype_name(tensor)
    return array.view(extended(name)) if name in LABELS else array


def extended(name: str) -> np.dtype[Any]:
    """The numpy dtype of a name that numpy itself lacks."""
    try:
        import ml_dtypes
    except ModuleNotFoundError:
        raise MissingPackageError(
            f"numpy has no {name} of its own", hint="install its small numbers: pip install ml_dtypes"
        ) from None
    found = getattr(ml_dtypes, name, None)
    if found is None:
        raise GraphError(f"no array has the dtype {name}", hint="convert the tensor to float32 or complex64 first")
    made: np.dtype[Any] = np.dtype(found)
    return made


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Every module inside in eval mode and on one thread; at the end each in its own mode, with the buffers it had."""
    import torch

    modules = [each for each in model.modules() if each.training]
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    threads, fused = torch.get_num_threads(), torch.backends.mha.get_fastpath_enabled()
    for each in modules:
        each.training = False
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)  # attention sums in another order there, and not always
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.mha.set_fastpath_enabled(fused)
        for each in modules:
            each.training = True
        for buffer, before in kept:
            if unkept(buffer) is None and array_of(buffer).tobytes() != array_of(before).tobytes():
                buffer.copy_(before)
