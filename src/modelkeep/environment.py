"""The environment that a model's answers depend on: Python, machine, and exact versions of what its classes need.

Read from folder names and the heads of METADATA files: no subprocess, no network, nothing imported.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from modelkeep.markers import holds

#: Import names that differ from the name of their distribution; the first that is installed counts.
DISTRIBUTIONS = {
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "cv2": ("opencv-python", "opencv-python-headless"),
    "skimage": ("scikit-image",),
    "imblearn": ("imbalanced-learn",),
    "PIL": ("pillow",),
    "yaml": ("pyyaml",),
    "dateutil": ("python-dateutil",),
}
#: Instruction sets by which numpy and its matrix product choose their inner loops, the best first.
_SIMD = ("AVX512_SPR", "AVX512_ICL", "AVX512_SKX", "AVX2", "SSE42", "SVE", "ASIMD", "VSX4", "VSX3", "VXE2", "RVV")

_SEPARATORS = re.compile("[-_.]+")
_LOCK = threading.Lock()
_captured: dict[tuple[tuple[str, ...], frozenset[str]], dict[str, Any]] = {}


def capture(names: Iterable[str]) -> dict[str, Any]:
    """What the answers of a model depend on, for classes or modules given by dotted ``names``.

    The result has ``python`` (version, implementation), ``machine`` (system, machine, byteorder, and simd when
    numpy is loaded) and ``packages``: the exact version of every distribution that the names come from and of
    what those need, without extras. It is taken once a process; the caller may change its copy.

    >>> capture(["sklearn.linear_model.LogisticRegression"])["python"]["implementation"]
    'CPython'
    """
    modules = frozenset(name.partition(".")[0] for name in names) - sys.stdlib_module_names
    key = (tuple(sys.path), modules)
    with _LOCK:
        if key not in _captured:
            backends = {keras_backend()} if "keras" in modules else set[str]()
            _captured[key] = {"python": _python(), "packages": _packages(modules | backends)}
        found = _captured[key]
        machine = _machine() | ({"keras": keras_backend()} if "keras" in modules else {})
        return {"python": dict(found["python"]), "machine": machine, "packages": dict(found["packages"])}


def now(recorded: dict[str, Any]) -> dict[str, Any]:
    """What ``capture`` would say, for the packages that ``recorded`` lists; their folders' names tell the versions.

    A load comes here with names from a file: they are only looked up, and nothing is opened.
    """
    packages = _installed_versions(tuple(recorded.get("packages", ())), tuple(sys.path))
    machine = _machine() | ({"keras": keras_backend()} if "keras" in recorded.get("machine", {}) else {})
    return {"python": dict(_python()), "machine": machine, "packages": dict(packages)}


@functools.lru_cache(64)  # names come from files: there is an end to what is remembered
def _installed_versions(names: tuple[str, ...], path: tuple[str, ...]) -> dict[str, str]:
    places = {name: _installed(name) for name in names}
    return {name: _version(place) for name, place in places.items() if place is not None}


def differences(recorded: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What differs so that the last bit of an answer may: one line each, empty when nothing does.

    A package that is only in ``current`` doesn't count, nor does Python's third number.
    """
    if recorded == current:
        return []
    lines: list[str] = []
    for key, old in recorded.get("python", {}).items():
        new = current.get("python", {}).get(key)
        if _minor(old) != _minor(new):
            lines.append(f"python {'' if key == 'version' else key + ' '}{old}, now {new}")
    for key, old in recorded.get("machine", {}).items():
        new = current.get("machine", {}).get(key)
        if new is not None and new != old:
            lines.append(f"{key} {old}, now {new}")
    for name, old in recorded.get("packages", {}).items():
        new = current.get("packages", {}).get(name)
        if new != old:
            lines.append(f"{name} {old}, now {new or 'not installed'}")
    return lines


def forget() -> None:
    """Look at the installed packages again at the next capture (after an install in the same process)."""
    with _LOCK:
        _captured.clear()
        _folder.cache_clear()
        _installed_versions.cache_clear()


def _minor(version: object) -> object:
    return tuple(version.split(".")[:2]) if isinstance(version, str) else version


@functools.cache
def _python() -> dict[str, str]:
    names = {"cpython": "CPython", "pypy": "PyPy"}
    name = sys.implementation.name
    version = ".".join(map(str, sys.version_info[:3]))
    return {"version": version, "implementation": names.get(name, name)}


def keras_backend() -> str:
    """The library that Keras computes with, or will once it is imported: each rounds in its own way.

    Source of the order: the page on Keras's configuration. The variable comes first, then the user's file.
    """
    loaded = sys.modules.get("keras.src.backend.config")
    if loaded is not None:
        return str(loaded.backend())
    named = os.environ.get("KERAS_BACKEND")
    if not named:
        home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
        try:
            named = json.loads(Path(home, "keras.json").read_bytes()).get("backend")
        except (OSError, ValueError, AttributeError):
            named = None  # there is none, or Keras can't read it either
    return named if isinstance(named, str) and named else "tensorflow"


def _machine() -> dict[str, str]:
    numpy = sys.modules.get("numpy._core._multiarray_umath")
    return _host() if numpy is None else _host_with(numpy)


@functools.cache
def _host_with(numpy: Any) -> dict[str, str]:
    has = numpy.__cpu_features__
    return _host() | {"simd": next((name for name in _SIMD if has.get(name)), "baseline")}


@functools.cache
def _host() -> dict[str, str]:
    # os.uname, not platform: on some systems platform starts a process to find out.
    if hasattr(os, "uname"):
        system, machine = os.uname().sysname, os.uname().machine
    else:
        system, machine = "Windows", os.environ.get("PROCESSOR_ARCHITECTURE", "")
    machine = {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}.get(machine, machine)
    return {"system": system, "machine": machine, "byteorder": sys.byteorder}


def _packages(modules: Iterable[str]) -> dict[str, str]:
    """Breadth first over what the distributions of ``modules`` need."""
    waiting = [name for module in sorted(modules) for name in _distribution(module)]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        place = _installed(name)
        if name in found or place is None:
            continue
        found[name] = _version(place)
        waiting.extend(_needs(place))
    return dict(sorted(found.items()))


def _distribution(module: str) -> Iterator[str]:
    for name in (*DISTRIBUTIONS.get(module, ()), _normal(module)):
        if _installed(name) is not None:
            yield name
            return
    yield from _owner(module)


def _owner(module: str) -> Iterator[str]:
    """The distribution whose list of files holds ``module``: the slow way, for names that tell nothing."""
    starts = (f"{module}/".encode(), f"{module}.py,".encode())
    for folder in dict.fromkeys(sys.path):
        if not (Path(folder, module).is_dir() or Path(folder, module + ".py").is_file()):
            continue
        for name, place in _folder(folder).items():
            record = Path(folder, place, "RECORD")
            lines = b"\n" + record.read_bytes() if record.is_file() else b""
            if any(b"\n" + start in lines for start in starts):
                yield name
                return


def _installed(name: str) -> Path | None:
    return next((Path(folder, found) for folder in sys.path if (found := _folder(folder).get(name))), None)


@functools.cache
def _folder(folder: str) -> dict[str, str]:
    """The metadata folders in ``folder`` by normal name; their own names hold name and version."""
    if not os.path.isdir(folder or "."):
        return {}
    with os.scandir(folder or ".") as entries:
        names = [entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    return {_normal(name.partition("-")[0].removesuffix(".egg")): name for name in sorted(names)}


def _version(place: Path) -> str:
    stem = place.name.removesuffix(".dist-info").removesuffix(".egg-info")
    if "-" in stem:
        return stem.split("-")[1]
    return next(iter(_fields(place, b"Version")), "")


def _needs(place: Path) -> Iterator[str]:
    for requirement in _fields(place, b"Requires-Dist"):
        text, _, marker = requirement.partition(";")
        name = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", text)
        if name and (not marker.strip() or holds(marker)):
            yield _normal(name[1])


def _fields(place: Path, name: bytes) -> Iterator[str]:
    """The values of one field in the head of a METADATA file, read without an e-mail parser."""
    for file in (place / "METADATA", place / "PKG-INFO", place):
        if file.is_file():
            data = file.read_bytes().replace(b"\r\n", b"\n")
            head = b"\n" + data.partition(b"\n\n")[0]
            for after in head.split(b"\n" + name + b":")[1:]:
                yield after.partition(b"\n")[0].decode("utf-8", "replace").strip()
            return


def _normal(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
