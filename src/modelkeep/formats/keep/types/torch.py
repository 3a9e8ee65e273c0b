"""PyTorch's tensors, and its dtypes, devices and sizes.

``["tensor", array, dtype, requires_grad, attributes]``; a ``parameter`` is the same. Tensors over one piece of memory
come back over one. A fifth part, ``strides``, stands where axes of one element have strides of their own: kernels
choose by them which layout they see.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep import torch_tensors
from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.types.objects import check_keys

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_DEVICE = re.compile(r"(cpu|cuda|mps|xpu|meta)(:\d{1,3})?")
_MAX_STRIDE = 1 << 40


def encode_tensor(encoder: Encoder, tensor: Any) -> Node:
    refusal = torch_tensors.unkept(tensor)
    if refusal:
        raise Unsaveable(f"{refusal[0]} can't be kept", refusal[1])
    if tensor._backward_hooks:
        raise Unsaveable("a tensor with hooks can't be kept: they are code", "remove the hooks before saving")
    kind = "parameter" if type(tensor).__name__ == "Parameter" else "tensor"
    name, attributes = torch_tensors.dtype_name(tensor), vars(tensor)
    node = [kind, encoder.node(torch_tensors.array_of(tensor)), name, tensor.requires_grad, encoder.state(attributes)]
    strides = list(tensor.stride())
    if 1 in tensor.shape and strides != _packed(tensor.shape):
        node.append(strides)
    return node


def _packed(shape: Any) -> list[int]:
    """The strides of a tensor in C order."""
    strides, step = list[int](), 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return strides[::-1]


def decode_tensor(builder: Builder, node: Node) -> Any:
    torch = torch_tensors.library()
    if len(node) != 6:
        builder.arity(node, 5)
    array, name, grad, attributes = builder.build(node[1]), node[2], node[3], builder.a_dict(node[4])
    if type(array) is not np.ndarray or type(grad) is not bool or type(name) is not str:
        raise GraphError("a tensor needs an array, a dtype, and whether it takes gradients")
    tensor = torch_tensors.tensor_of(array, name)
    if len(node) == 6:
        tensor = _with_strides(tensor, node[5])
    if grad and not (tensor.is_floating_point() or tensor.is_complex()):
        raise GraphError(f"a tensor of {name} takes no gradients")
    made = torch.nn.Parameter(tensor, grad) if node[0] == "parameter" else tensor.requires_grad_(grad)
    if attributes:
        check_keys(type(made), attributes, set())
        for key, value in builder.fill_state(attributes).items():
            setattr(made, key, value)
    return made


def _with_strides(tensor: Any, strides: Any) -> Any:
    """Only those of axes with one element are taken from the file: they lead nowhere."""
    good = type(strides) is list and all(type(s) is int and 0 <= s < _MAX_STRIDE for s in strides)
    if not good or len(strides) != tensor.ndim:
        raise GraphError("a tensor's strides are one number for each axis")
    known = zip(tensor.shape, tensor.stride(), strides, strict=True)
    return tensor.as_strided(tensor.shape, [new if length == 1 else old for length, old, new in known])


# -- dtypes, devices, sizes ----------------------------------------------------------------------------------------


def encode_dtype(encoder: Encoder, dtype: Any) -> Node:
    name = str(dtype).removeprefix("torch.")
    if name not in torch_tensors.ARRAYS:
        raise Unsaveable(f"{dtype} is not a dtype that a file can keep", "take it out of the model")
    return ["torchdtype", name]


def decode_dtype(builder: Builder, node: Node) -> Any:
    torch = torch_tensors.library()
    name = builder.text(node)
    if name not in torch_tensors.ARRAYS:
        raise GraphError(f"{quote(name)} is not a dtype of tensors")
    return getattr(torch, name)


def encode_device(encoder: Encoder, device: Any) -> Node:
    return ["device", str(device)]


def decode_device(builder: Builder, node: Node) -> Any:
    torch = torch_tensors.library()
    text = builder.text(node)
    if not _DEVICE.fullmatch(text):
        raise GraphError(f"{quote(text)} is not a device")
    return torch.device(text)


def encode_size(encoder: Encoder, size: Any) -> Node:
    return ["torchsize", list(size)]


def decode_size(builder: Builder, node: Node) -> Any:
    torch = torch_tensors.library()
    builder.arity(node, 2)
    return torch.Size(builder.sizes(node[1]))


HANDLERS = [
    Handler("tensor", ("torch.Tensor",), encode_tensor, decode_tensor),
    Handler("parameter", ("torch.nn.parameter.Parameter",), encode_tensor, decode_tensor),
    Handler("torchdtype", ("torch.dtype",), encode_dtype, decode_dtype, atom=True),
    Handler("device", ("torch.device",), encode_device, decode_device, atom=True),
    Handler("torchsize", ("torch.Size",), encode_size, decode_size, atom=True),
]
