"""PyTorch's ``.pt`` and ``.pth`` files, read without PyTorch's unpickler: the inert machine, and tensors made here.

Such a file is an archive with a pickle ``data.pkl`` whose persistent ids name storages, ``data/0`` and so on. What it
may hold are tensors, and containers and plain values around them; all else is refused by name. Tensors lie in the
file's own memory, and those of one storage share it.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, ContainerError, GraphError, LoadError, PolicyError, quote
from modelkeep.formats.unpickle.machine import Machine
from modelkeep.formats.unpickle.raw import is_encoding, raw_bytes
from modelkeep.formats.unpickle.records import ABSENT, Call, Global
from modelkeep.torch_archives import TorchArchive, open_torch
from modelkeep.torch_tensors import ARRAYS, tensor_of

_STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}  # fmt: skip
_FACTS = frozenset(
    ("data.pkl", "byteorder", "version", ".format_version", ".storage_alignment", ".data/serialization_id")
)
_KEY = re.compile(r"\d{1,9}")
_MAX_DEPTH = 100
#: An expanded tensor may have more elements than its storage up to this many.
_MAX_REPEATED = 1 << 26
_HINT = (
    "open it with PyTorch where its classes are, if you trust whoever made it, and save model.state_dict(), or the "
    "module as a .keep file"
)


class _Stored:
    """A storage that the pickle names: its bytes, the dtype that they have, and how many items."""

    __slots__ = ("data", "dtype")

    def __init__(self, data: np.ndarray, dtype: str | None) -> None:
        self.data, self.dtype = data, dtype


class _TorchMachine(Machine):
    """A machine for which a persistent id is a storage of the archive."""

    __slots__ = ("_archive", "_stored", "used")

    def __init__(self, archive: TorchArchive) -> None:
        super().__init__(archive.read("data.pkl"))
        self._archive = archive
        self._stored: dict[str, np.ndarray] = {}
        self.used: set[str] = set()

    def refuse(self, what: str) -> None:
        if self.data[self.pos - 1] != ord("Q"):
            super().refuse(what)
        named = self.stack.pop()
        good = type(named) is tuple and len(named) == 5 and named[0] == "storage" and type(named[1]) is Global
        if not good or type(named[2]) is not str or not _KEY.fullmatch(named[2]) or type(named[4]) is not int:
            raise self.fault("a persistent id names no storage")
        kind, key, items = str(named[1]), named[2], named[4]
        dtype = _STORAGES.get(kind.removeprefix("torch."))
        if dtype is None and kind != "torch.storage.UntypedStorage":
            raise PolicyError(f"the file has a storage of the kind {quote(kind)}", hint=_HINT)
        data = self._bytes(key)
        if len(data) != items * (np.dtype(ARRAYS[dtype]).itemsize if dtype else 1):
            raise CheckError(f"the storage {key} has {len(data)} bytes and is said to have {items} items")
        self.stack.append(_Stored(data, dtype))

    def _bytes(self, key: str) -> np.ndarray:
        """The bytes of a storage, one array for all that share it."""
        if key not in self._stored:
            part = self._archive.read(f"data/{key}")
            raw = np.frombuffer(part, np.uint8) if len(part) else np.zeros(0, np.uint8)
            fit = raw.flags.writeable and raw.__array_interface__["data"][0] % 16 == 0
            self._stored[key] = raw if fit else raw.copy()
            self.used.add(f"data/{key}")
        return self._stored[key]


def read(data: memoryview, rules: Any) -> Any:
    """The state dict in the file, or what else of tensors and plain values it holds."""
    try:
        archive = open_torch(data, rules.policy.max_bytes)
        _refuse_others(archive)
        machine = _TorchMachine(archive)
        root = machine.run()
        if machine.pos != len(machine.data):
            raise GraphError("bytes follow the end of the pickle")
        if idle := sorted(set(archive.names) - machine.used - _FACTS):
            raise ContainerError(f"{quote(idle[0])} in the archive is named by nothing")
        return _Rebuilder().value(root, 0)
    except LoadError as error:
        error.hint = error.hint or "get the file again from where it came from: no PyTorch writes this"
        raise
    except RecursionError:
        raise GraphError("the file is nested too deep", hint=_HINT) from None


def _refuse_others(archive: TorchArchive) -> None:
    if "constants.pkl" in archive.names or any(name.startswith("code/") for name in archive.names):
        raise ContainerError(
            "the file is TorchScript, which is code", hint='pass format="torchscript" and a policy that allows code'
        )
    if any(name.startswith("models/") for name in archive.names):
        raise ContainerError("the file is an exported program", hint='pass format="pt2"')
    if "byteorder" in archive.names and bytes(archive.read("byteorder")) != b"little":
        raise ContainerError("the file has the bytes of its numbers the other way round", hint=_HINT)


class _Rebuilder:
    """Records to values. One record is one object wherever the pickle shares it."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def value(self, record: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise GraphError("the file is nested too deep")
        kind = type(record)
        if record is None or kind in (bool, int, float, str, bytes):
            return record
        if kind is memoryview:
            return bytes(record)
        if id(record) not in self._made:
            self._made[id(record)] = self._new(record, kind, depth)
        return self._made[id(record)]

    def _new(self, record: Any, kind: type, depth: int) -> Any:
        if kind is dict:
            return self._pairs(record, record.items(), {}, depth)
        if kind is list:
            made: list[Any] = []
            self._made[id(record)] = made
            made.extend(self.value(each, depth + 1) for each in record)
            return made
        if kind in (tuple, set, frozenset):
            return kind([self.value(each, depth + 1) for each in record])
        if kind is Global:
            return self._constant(record)
        if kind is Call and type(record.callee) is Global:
            return self._call(record, str(record.callee), depth)
        raise GraphError(f"the file holds a {kind.__name__.strip('_')} where a value is needed")

    def _pairs(self, record: Any, pairs: Any, made: Any, depth: int) -> Any:
        self._made[id(record)] = made
        for key, value in pairs:
            if type(key) not in (str, int, bool, float, type(None)):
                raise GraphError(f"a {type(key).__name__} is used as a key")
            try:
                made[key] = self.value(value, depth + 1)
            except LoadError as error:
                raise error.within(f"[{quote(key, 80)}]") from None
        return made

    def _constant(self, name: Global) -> Any:
        import torch

        if name.module == "torch" and name.name in ARRAYS:
            return getattr(torch, name.name)
        raise _refusal(str(name))

    def _call(self, call: Call, name: str, depth: int) -> Any:
        if call.how != "reduce" or call.kwargs or call.items is not None or call.payload is not ABSENT:
            raise _refusal(name)
        if name == "collections.OrderedDict" and call.args == ():
            return self._pairs(call, call.pairs or (), OrderedDict(), depth)  # its state are notes of PyTorch's
        if is_encoding(call):
            return bytes(raw_bytes(call))
        if call.state is not ABSENT or call.pairs is not None or name not in _MAKERS:
            raise _refusal(name)
        return _MAKERS[name](self, call.args, depth)


def _refusal(name: str) -> PolicyError:
    return PolicyError(f"the file needs {quote(name)}: it holds more than tensors and plain values", hint=_HINT)


def _tensor(rebuilder: _Rebuilder, args: tuple[Any, ...], depth: int) -> Any:
    """``_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)``; v3 has the dtype behind them."""
    if len(args) not in (6, 7, 8):
        raise GraphError("a tensor is described by another number of parts")
    stored, offset, size, stride, grad, hooks = args[:6]
    dtype = getattr(stored, "dtype", None)
    if dtype is None and len(args) >= 7 and type(args[6]) is Global and args[6].module == "torch":
        dtype = args[6].name
    if type(stored) is not _Stored or type(grad) is not bool or dtype not in ARRAYS or not _is_empty(hooks):
        raise GraphError("a tensor needs a storage, a dtype, whether it takes gradients, and no hooks")
    if any(part is not None and not _is_empty(part) and type(part) is not Global for part in args[6:]):
        raise GraphError("a tensor has notes that nothing here reads")
    tensor = tensor_of(_view(stored.data, np.dtype(ARRAYS[dtype]), offset, size, stride), dtype)
    if grad and not (tensor.is_floating_point() or tensor.is_complex()):
        raise GraphError(f"a tensor of {dtype} takes no gradients")
    return tensor.requires_grad_(grad)


def _is_empty(hooks: Any) -> bool:
    if hooks is None or hooks == {}:
        return True
    return type(hooks) is Call and str(hooks.callee) == "collections.OrderedDict" and not (hooks.args or hooks.pairs)


def _view(data: np.ndarray, dtype: np.dtype[Any], offset: Any, size: Any, stride: Any) -> np.ndarray:
    """The elements of a storage that a tensor shows, which all lie inside."""
    whole = type(size) is tuple and type(stride) is tuple and len(size) == len(stride) <= 32
    if not whole or not all(type(n) is int and 0 <= n < 1 << 40 for n in (*size, *stride, offset)):
        raise CheckError("a tensor's sizes, strides and offset are no lengths")
    items = len(data) // dtype.itemsize
    if len(data) % dtype.itemsize:
        raise CheckError(f"a storage of {len(data)} bytes does not hold whole items of {dtype}")
    total = math.prod(size)
    if total == 0:
        return np.zeros(size, dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= items:
        raise CheckError(f"a tensor reaches to item {last} of a storage of {items}")
    if total > max(items, _MAX_REPEATED):
        raise CheckError("a tensor repeats its elements too often")
    strides = [step * dtype.itemsize for step in stride]
    made: np.ndarray = np.ndarray(size, dtype, data, offset * dtype.itemsize, strides)
    return made


def _parameter(rebuilder: _Rebuilder, args: tuple[Any, ...], depth: int) -> Any:
    import torch

    if len(args) != 3 or type(args[1]) is not bool or not _is_empty(args[2]):
        raise GraphError("a parameter needs a tensor, whether it takes gradients, and no hooks")
    tensor = rebuilder.value(args[0], depth + 1)
    if not isinstance(tensor, torch.Tensor) or (args[1] and not (tensor.is_floating_point() or tensor.is_complex())):
        raise GraphError("a parameter is of no tensor")
    return torch.nn.Parameter(tensor.detach(), args[1])


def _size(rebuilder: _Rebuilder, args: tuple[Any, ...], depth: int) -> Any:
    import torch

    if len(args) != 1 or type(args[0]) is not tuple or not all(type(n) is int and 0 <= n < 1 << 40 for n in args[0]):
        raise GraphError("a size is no lengths")
    return torch.Size(args[0])


def _set_of(rebuilder: _Rebuilder, args: tuple[Any, ...], depth: int) -> Any:
    if len(args) != 1 or type(args[0]) is not list or not all(type(each) in (str, int, bool) for each in args[0]):
        raise GraphError("a set has members that nothing here reads")
    return set(args[0])


_MAKERS: dict[str, Any] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "builtins.set": _set_of,
    "__builtin__.set": _set_of,
}
