"""The table of types: which handler writes a class, and which one reads a kind of node."""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from modelkeep.formats.keep.decode import Builder
from modelkeep.formats.keep.handlers import Decode, Handler, Unsaveable
from modelkeep.formats.keep.names import OBJECT_NAMES, public_module
from modelkeep.formats.keep.types import (
    birch,
    boosters,
    cython,
    keras,
    masked,
    numpy,
    objects,
    onnx,
    pandas,
    python,
    random,
    reduced,
    scipy,
    sktrees,
    torch,
    torch_modules,
    values,
)

_MODULES = (
    python,
    values,
    numpy,
    masked,
    random,
    objects,
    reduced,
    birch,
    scipy,
    pandas,
    cython,
    sktrees,
    torch,
    torch_modules,
    keras,
    onnx,
    boosters,
)

KINDS: Mapping[str, Handler] = {handler.kind: handler for module in _MODULES for handler in module.HANDLERS}
DECODERS: Mapping[str, Decode] = {
    **{kind: handler.decode for kind, handler in KINDS.items()},
    "def": Builder.define,
    "ref": Builder.resolve,
}
_CLAIMS: Mapping[str, Handler] = {claim: handler for handler in KINDS.values() for claim in handler.claims}
POOLS = {kind: build for module in _MODULES for kind, build in getattr(module, "POOLS", {}).items()}

# These claim by an ancestor: every numpy scalar, every dtype, every class.
# A layer of Keras on PyTorch is a module, too.
_FAMILIES = (
    "numpy.generic",
    "numpy.dtype",
    "enum.Enum",
    "builtins.type",
    "keras.src.layers.layer.Layer",
    "torch.nn.modules.module.Module",
)
_FUNCTIONS = (
    "builtins.function",
    "builtins.builtin_function_or_method",
    "numpy.ufunc",
    "numpy._ArrayFunctionDispatcher",
    "_cython_function_or_method",
    "cython_function_or_method",
)


@functools.cache
def handler_of(cls: type) -> Handler:
    """The handler that writes objects of ``cls``."""
    ancestors = [objects.full_name(base) for base in cls.__mro__]
    if ancestors[0] in _CLAIMS:
        return _CLAIMS[ancestors[0]]
    for family in _FAMILIES:
        if family in ancestors:
            return _CLAIMS[family]
    if cls.__name__ in ("function", "builtin_function_or_method", "ufunc") or any(
        ancestors[0].endswith(name) for name in _FUNCTIONS
    ):
        return KINDS["function"]
    if issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple):
        return KINDS["namedtuple"]
    for module in (public_module(cls.__module__), cls.__module__):
        if f"{module}.{cls.__qualname__}" in OBJECT_NAMES:
            return KINDS["object"]
    return _own_handler(cls)


def _own_handler(cls: type) -> Handler:
    """For a class that no table has: the user's own, if Python could make its objects anew."""
    import copyreg

    heap_type = bool(cls.__flags__ & (1 << 9))
    root = cls.__module__.partition(".")[0]
    if not heap_type or objects.is_standard(cls) or root in ("numpy", "scipy", "pandas"):
        raise Unsaveable(*_refusal(cls))
    _refuse_arguments(cls)
    plain = all(
        getattr(cls, name) is getattr(object, name, None) or _from_sklearn(cls, name)
        for name in ("__reduce__", "__reduce_ex__", "__getstate__")
    ) and not hasattr(cls, "__getnewargs__")
    own_setstate = hasattr(cls, "__setstate__") and not _from_sklearn(cls, "__setstate__")
    slots = any(vars(base).get("__slots__") for base in cls.__mro__) or cls in copyreg.dispatch_table
    builtin_base = next((b for b in cls.__mro__ if not b.__flags__ & (1 << 9) and b is not object), None)
    if plain and not own_setstate and not slots and builtin_base is None:
        return KINDS["object"]
    return KINDS["reduced"]


def _refuse_arguments(cls: type) -> None:
    """A reader makes an object without arguments, unless its class says which it needs."""
    new: Any = cls.__new__
    if new is object.__new__ or hasattr(cls, "__getnewargs__") or not isinstance(new, FunctionType):
        return
    try:
        inspect.signature(new).bind(cls)
    except TypeError as error:
        message = f"a {objects.full_name(cls)} can't be made anew: its __new__ is {error}"
        raise Unsaveable(message, "give the arguments of __new__ defaults, or define __getnewargs__") from None


def _from_sklearn(cls: type, name: str) -> bool:
    """Whether a class has the method only from scikit-learn's base class, which adds nothing but the version."""
    owner = next((base for base in cls.__mro__ if name in vars(base)), None)
    return owner is not None and objects.full_name(owner) == "sklearn.base.BaseEstimator"


def _refusal(cls: type) -> tuple[str, str]:
    name = objects.full_name(cls)
    known = {
        "generator": ("a generator can't be kept: it is code in the middle of its work", "make it a list"),
        "lock": ("a lock can't be kept: it belongs to one process", "take it out of the model before saving"),
        "RLock": ("a lock can't be kept: it belongs to one process", "take it out of the model before saving"),
        "TextIOWrapper": ("an open file can't be kept", "keep its path, or its content"),
        "BufferedReader": ("an open file can't be kept", "keep its path, or its content"),
        "BufferedWriter": ("an open file can't be kept", "keep its path, or its content"),
        "FileIO": ("an open file can't be kept", "keep its path, or its content"),
        "module": ("a module can't be kept", "keep the values that the model needs from it"),
        "method": ("a bound method can't be kept", "use a function at the top of a module instead"),
        "method_descriptor": ("a method of a class can't be kept", "use a function at the top of a module instead"),
    }
    if issubclass(cls, enum.Enum):
        return (f"an enum of {cls.__module__} can't be kept", "keep its value")
    return known.get(
        cls.__name__, (f"modelkeep has no way to keep a {name}", "take it out of the model, or keep it as plain data")
    )
