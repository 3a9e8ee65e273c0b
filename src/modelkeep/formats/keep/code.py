"""Source that travels inside an artifact, imported under a private name of that artifact.

The source is that of the user's own classes (``save(..., code=["mypkg/"])``) and runs only with
``Policy(allow_code=True)``. Its modules live under ``_modelkeep_<digest>``, and their absolute imports of one another
are led there, so that two artifacts with a module of the same name never meet.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from blake3 import blake3

from modelkeep.errors import GraphError, PolicyError, UsageError, quote
from modelkeep.policy import Policy
from modelkeep.ports import Part
from modelkeep.rope import Bytes

FOLDER = "code/"
_PREFIX = "_modelkeep_"
#: Artifacts whose code was imported in this process, by private name.
_LOADED: dict[str, _Source] = {}


def collect(paths: Iterable[str]) -> dict[str, bytes]:
    """The Python files of packages (folders) and modules (files), by their path below the folder that holds them."""
    files: dict[str, bytes] = {}
    for path in [paths] if isinstance(paths, str) else paths:
        top = Path(path)
        found = sorted(top.rglob("*.py")) if top.is_dir() else [top] if top.suffix == ".py" and top.is_file() else []
        if not found or not top.resolve().stem.isidentifier():
            raise UsageError(
                f"{quote(os.fspath(path))} is neither a package nor a module",
                hint="name a folder with .py files, or a .py file",
            )
        for file in found:
            files[file.resolve().relative_to(top.resolve().parent).as_posix()] = file.read_bytes()
    return files


def parts(files: Mapping[str, bytes], used: Iterable[str | None]) -> dict[str, Part]:
    """The files as parts of an artifact, with those of the loaded artifacts that the model's classes came from."""
    carried = dict(files)
    for private in used:
        if private is not None:
            source = _LOADED[private].files
            if any(carried.get(name, data) != data for name, data in source.items()):
                raise UsageError(
                    "the model has classes from two modules of the same name",
                    hint="load and save its parts apart, or give one of the modules another name",
                )
            carried |= source
    return {FOLDER + name: Part.of(data) for name, data in carried.items()}


def private_root(thing: Any) -> str | None:
    """The private name of the artifact whose source defines ``thing``, or None."""
    head = (getattr(thing, "__module__", None) or "").partition(".")[0]
    return head if head in _LOADED else None


def public_name(module: str) -> str:
    """The name that a module has in its own source: without the private prefix of an artifact."""
    head, _, rest = module.partition(".")
    return rest if head in _LOADED and rest else module


def modules(files: Mapping[str, Bytes], policy: Policy) -> dict[str, Callable[[str], ModuleType]]:
    """For each top-level module that travels in the artifact, the function that imports from it."""
    found = {name.removeprefix(FOLDER): bytes(data[:]) for name, data in files.items() if name.startswith(FOLDER)}
    if not found:
        return {}
    if not policy.allow_code:
        roots = sorted({_root(name) for name in found})
        raise PolicyError(
            f"the file carries source ({', '.join(map(quote, roots[:5]))}), and the policy does not allow code",
            hint="read the source with: modelkeep inspect FILE; then pass Policy(allow_code=True) or --allow-code",
        )
    source = _Source.of(found)
    return dict.fromkeys(source.roots, source.load)


def _root(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py")


class _Source:
    """The source of one artifact and the modules made of it."""

    def __init__(self, private: str, files: dict[str, bytes]) -> None:
        self.private, self.files = private, files
        self.roots = {_root(name) for name in files}

    @classmethod
    def of(cls, files: dict[str, bytes]) -> _Source:
        """The same files give the same modules: their private name is their digest."""
        hasher = blake3()
        for name, data in sorted(files.items()):
            hasher.update(f"{len(name)} {name} {len(data)} ".encode() + data)
        private = _PREFIX + hasher.hexdigest(16)
        return _LOADED.setdefault(private, cls(private, files))

    def load(self, name: str) -> ModuleType:
        """The module ``name`` (as its own source calls it), imported if it is not yet."""
        full = f"{self.private}.{name}"
        if full in sys.modules:
            return sys.modules[full]
        parent, _, leaf = name.rpartition(".")
        holder = self.load(parent) if parent else self._top()
        path = name.replace(".", "/")
        file = next((f for f in (f"{path}/__init__.py", f"{path}.py") if f in self.files), None)
        is_folder = any(f.startswith(path + "/") for f in self.files)
        if file is None and not is_folder:
            raise GraphError(f"the module {quote(name)} is not in the source that the file carries")
        module = ModuleType(full)
        module.__package__ = full if is_folder else full.rpartition(".")[0]
        if is_folder:
            module.__path__ = []
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        sys.modules[full] = module
        try:
            if file is not None:
                module.__file__ = f"<{self.private}>/{file}"
                exec(compile(self.files[file], module.__file__, "exec", dont_inherit=True), module.__dict__)
        except BaseException:
            del sys.modules[full]
            raise
        setattr(holder, leaf, module)
        return module

    def _top(self) -> ModuleType:
        top = sys.modules.setdefault(self.private, ModuleType(self.private))
        top.__path__ = []
        return top

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        """``__import__`` for the artifact's modules: its own names lead to its own modules."""
        if level:
            base = globals["__package__"].split(".")
            base = base[: len(base) - level + 1]
            name = ".".join([*base, name] if name else base)
            if not name.startswith(self.private + "."):
                raise ImportError("a relative import leaves the source that the file carries")
            name = name.removeprefix(self.private + ".")
        elif name.partition(".")[0] not in self.roots:
            return builtins.__import__(name, globals, locals, fromlist, level)
        module = self.load(name)
        for item in fromlist or ():
            if item != "*" and not hasattr(module, item) and self._has(f"{name}.{item}"):
                self.load(f"{name}.{item}")
        return module if fromlist or level else self.load(name.partition(".")[0])

    def _has(self, name: str) -> bool:
        path = name.replace(".", "/")
        return f"{path}.py" in self.files or any(f.startswith(path + "/") for f in self.files)
