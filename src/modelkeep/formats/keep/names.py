"""Names in a graph: from a class or a function to its stable name, and back through the loader's own tables.

A name of the tables is ``module.attr``; a user's own is ``module:qualname``, so that the two can't be confused.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType
from typing import Any

from modelkeep.errors import GraphError, MissingPackageError, PolicyError, quote
from modelkeep.formats.keep import code, names_torch
from modelkeep.formats.keep.handlers import Unsaveable
from modelkeep.formats.keep.names_table import FUNCTIONS, OBJECTS, PLACES, VALUES
from modelkeep.policy import Policy

#: What to install for a package that a table names.
EXTRAS = {
    **dict.fromkeys(("sklearn", "scipy", "pandas"), "modelkeep[sklearn]"),
    **{name: f"modelkeep[{name}]" for name in ("torch", "keras", "tensorflow", "xgboost", "lightgbm", "catboost")},
}


def _index(table: Mapping[str, str]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module, text in table.items() for name in text.split())


OBJECT_NAMES = _index(OBJECTS)
VALUE_NAMES = _index(VALUES)
FUNCTION_NAMES = _index(FUNCTIONS) | _index(names_torch.FUNCTIONS)
#: Kept as modules, never as plain objects: see types/torch_modules.py.
MODULE_NAMES = _index(names_torch.MODULES)
_CLASS_NAMES = OBJECT_NAMES | VALUE_NAMES | MODULE_NAMES
_MAX_NAME = 500
_UFUNC_MODULES = ("numpy", "scipy.special")


def public_module(module: str) -> str:
    """``module`` up to its first private part.

    >>> public_module("sklearn.linear_model._logistic")
    'sklearn.linear_model'
    """
    parts = module.split(".")
    private = next((i for i, part in enumerate(parts) if part.startswith("_")), len(parts))
    return ".".join(parts[:private]) or module


def of_class(cls: type) -> str:
    """The name of a class. A class that is in no table and can't be imported by its own name is refused."""
    published = ("torch.nn",) if cls.__module__.startswith("torch.nn.modules.") else ()
    for module in (*published, public_module(cls.__module__), cls.__module__):
        name = f"{module}.{cls.__qualname__}"
        if name in _CLASS_NAMES:
            return _same(name, _import(name), cls)
    return _own(cls)


def of_function(function: Any) -> str:
    """The name of a function: listed, or a module-level one that can be imported by its own name."""
    name = getattr(function, "__name__", "")
    modules = [getattr(function, "__module__", None) or "", *_UFUNC_MODULES]
    if modules[0].partition(".")[0] == "torch":
        modules, name = [*names_torch.FUNCTIONS], names_torch.ALIASES.get(name, name)
    for module in dict.fromkeys([public_module(modules[0]), *modules]):
        if (full := f"{module}.{name}") in FUNCTION_NAMES and _import(full) is function:
            return full
    if isinstance(function, FunctionType | BuiltinFunctionType) or hasattr(function, "__wrapped__"):
        return _own(function)
    raise Unsaveable("this callable has no name that a file could keep", _NAME_HINT)


_NAME_HINT = "define it at the top of a module and use it from there, or pass code=[...] to save its source too"


def _own(thing: Any) -> str:
    """``module:qualname`` of a user's class or function, if that leads back to it."""
    if not isinstance(getattr(thing, "__self__", None), ModuleType | NoneType):
        raise Unsaveable("a bound method can't be kept", "use a function at the top of a module instead")
    qualname, module = thing.__qualname__, code.public_name(thing.__module__ or "")
    kind = "class" if isinstance(thing, type) else "function"
    if "<lambda>" in qualname:
        raise Unsaveable("a lambda has no name that a file could keep", _NAME_HINT)
    if "<locals>" in qualname:
        raise Unsaveable(f"the {kind} {quote(qualname)} is defined inside a function", _NAME_HINT)
    if module.partition(".")[0] in sys.stdlib_module_names and module != "__main__":
        raise Unsaveable(f"the {kind} {module}.{qualname} is not model data", "take it out of the model, then save")
    if _walk(sys.modules.get(thing.__module__), qualname) is not thing:
        raise Unsaveable(f"{module}.{qualname} is not this {kind} any more", "import its module again and refit")
    return f"{module}:{qualname}"


def _walk(start: Any, qualname: str) -> Any:
    return functools.reduce(lambda found, part: getattr(found, part, None), qualname.split("."), start)


def _same(name: str, found: Any, expected: type) -> str:
    if found is not expected:
        raise Unsaveable(f"{name} is not the class that the library published", "remove what replaced it")
    return name


@functools.cache
def _import(name: str) -> Any:
    """What a listed name stands for. Only names of the tables come here."""
    module, _, attribute = name.rpartition(".")
    place = PLACES.get(name, module)
    try:
        found = getattr(importlib.import_module(place), attribute)
    except ModuleNotFoundError as error:
        root = place.partition(".")[0]
        if error.name == root:
            hint = f"install it: pip install '{EXTRAS.get(root, root)}'"
            raise MissingPackageError(f"the model needs {root}, which is not installed", hint=hint) from None
        raise GraphError(f"the installed {root} has no {name}", hint=f"install the {root} that wrote it") from None
    except AttributeError:
        root = place.partition(".")[0]
        raise GraphError(f"the installed {root} has no {name}", hint=f"install the {root} that wrote it") from None
    return found


def resolve_class(name: str, policy: Policy, own: Mapping[str, Any]) -> type:
    """The class that ``name`` stands for: listed, or trusted by the policy. ``own`` holds an artifact's own modules."""
    if name in _CLASS_NAMES:
        found = _import(name)
    elif ":" in name:
        found = _resolve_own(name, "class", policy, own)
    else:
        raise GraphError(f"the class {quote(name)} is on no list", hint="install a newer modelkeep, which may know it")
    if not isinstance(found, type):
        raise GraphError(f"{quote(name)} is not a class", hint="get the file again from where it came from")
    return found


def resolve_function(name: str, policy: Policy, own: Mapping[str, Any]) -> Any:
    """The function that ``name`` stands for, by the same rules."""
    if name in FUNCTION_NAMES:
        return _import(name)
    if ":" not in name:
        raise GraphError(
            f"the function {quote(name)} is on no list", hint="install a newer modelkeep, which may know it"
        )
    found = _resolve_own(name, "function", policy, own)
    if isinstance(found, type) or not callable(found):
        raise GraphError(f"{quote(name)} is not a function", hint="get the file again from where it came from")
    return found


def _resolve_own(name: str, kind: str, policy: Policy, own: Mapping[str, Any]) -> Any:
    module, _, qualname = name.partition(":")
    if len(name) > _MAX_NAME or not all(part.isidentifier() for part in (*module.split("."), *qualname.split("."))):
        raise GraphError(f"{quote(name)} is not a dotted name")
    if module.partition(".")[0] in own:
        return _walk(own[module.partition(".")[0]](module), qualname)
    dotted = f"{module}.{qualname}"
    if policy.trusts(dotted):
        return _found(_walk(_import_trusted(module), qualname), dotted)
    for trusted in policy.trust:  # the reader may know it by another name than the module that defines it
        if trusted.rpartition(".")[2] == qualname.rpartition(".")[2]:
            found = _walk(_import_trusted(trusted.rpartition(".")[0]), trusted.rpartition(".")[2])
            if getattr(found, "__module__", None) == module and getattr(found, "__qualname__", None) == qualname:
                return found
    raise PolicyError(
        f"the model needs the {kind} {quote(dotted)}, which the policy does not trust",
        hint=f'if you know it, pass Policy(trust=["{dotted}"]) or --trust {dotted}',
    )


def _import_trusted(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"the trusted module {quote(module)} can't be imported: {error}",
            hint="install it, or put its folder on the Python path",
        ) from error


def _found(thing: Any, name: str) -> Any:
    if thing is None:
        raise GraphError(f"{quote(name)} is not there any more", hint="use the version of the module that wrote it")
    return thing
