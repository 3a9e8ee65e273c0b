"""What is installed, what is missing with the command to type, and whether saving works here."""

from __future__ import annotations

import importlib
import io
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from modelkeep import environment, loading, saving
from modelkeep.catalog import format_named
from modelkeep.errors import LoadError, ModelkeepError
from modelkeep.loading import Rules

#: The newest versions that modelkeep's tests have run with; what it needs at least is in its package metadata.
TESTED = {
    "numpy": "2.4",
    "msgspec": "0.22",
    "blake3": "1.0",
    "typer": "0.29",
    "rich": "15.0",
    "scikit-learn": "1.9",
    "scipy": "1.17",
    "pandas": "3.1",
    "joblib": "1.6",
    "zstandard": "0.25",
    "obstore": "0.12",
    "cryptography": "50.0",
    "model-signing": "1.1",
    "pyopenssl": "26.4",
    "oras": "0.2",
}


@dataclass(frozen=True)
class Package:
    """One package. ``state`` is ok, missing, too old, or newer than tested; ``install`` is what to type then.

    ``extra`` names the extra that brings it, empty for what modelkeep always needs.
    """

    name: str
    version: str
    needed: str
    tested: str
    state: str
    extra: str = ""
    install: str = ""


@dataclass(frozen=True)
class Check:
    """One thing that was tried here, and what came of it."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Report:
    """What ``doctor`` found. ``healthy`` is false if a needed package is missing or too old, or a check failed."""

    modelkeep: str
    python: str
    executable: str
    system: str
    cpus: int
    threads: tuple[str, ...]
    simd: str
    packages: tuple[Package, ...]
    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        bad = any(p.state == "too old" or (p.state == "missing" and not p.extra) for p in self.packages)
        return not bad and all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {"healthy": self.healthy, **asdict(self)}


def examine() -> Report:
    """Look at this machine. It takes about as long as importing numpy."""
    checks = tuple(_tried(name, check) for name, check in _CHECKS.items())
    return Report(
        modelkeep=_version("modelkeep") or "not installed as a package",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        executable=sys.executable,
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cpus=_cpus(),
        threads=tuple(_threads()),
        simd=str(environment.capture(["numpy"])["machine"].get("simd", "")),
        packages=tuple(_packages()),
        checks=checks,
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _cpus() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads() -> list[str]:
    """The thread pools of numpy's matrix product and of OpenMP, where threadpoolctl can tell."""
    variables = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
                 if name in os.environ]  # fmt: skip
    if find_spec("threadpoolctl") is None:
        return variables
    threadpool_info = importlib.import_module("threadpoolctl").threadpool_info
    pools = (
        f"{pool.get('internal_api')} {pool.get('version') or ''}: {pool.get('num_threads')} threads".replace(" :", ":")
        for pool in threadpool_info()
    )
    return [*dict.fromkeys(pools), *variables]


# -- packages ----------------------------------------------------------------------------------------------------------


def _packages() -> list[Package]:
    needed = _requirements()
    # scikit-learn brings these two along; their versions change answers as well.
    for name in ("scipy", "joblib"):
        needed.setdefault(name, ("", "sklearn"))
    return [_package(name, floor, extra) for name, (floor, extra) in needed.items() if name in TESTED]


def _requirements() -> dict[str, tuple[str, str]]:
    """The least version and the extra of each package that modelkeep names, from its own metadata."""
    try:
        lines = metadata.requires("modelkeep") or []
    except metadata.PackageNotFoundError:
        lines = []
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*([^;]*)(?:;.*extra\s*==\s*['\"](\w+)['\"])?", line)
        if match and match[1] != "modelkeep" and match[3] != "all":
            floor = re.search(r">=\s*([0-9.]+)", match[2])
            found.setdefault(match[1], (floor[1] if floor else "", match[3] or ""))
    return found


def _package(name: str, floor: str, extra: str) -> Package:
    version, tested = _version(name), TESTED[name]
    install = f"pip install 'modelkeep[{extra}]'" if extra else f"pip install '{name}>={floor}'"
    if not version:
        return Package(name, "", floor, tested, "missing", extra, install)
    if floor and _numbers(version) < _numbers(floor):
        return Package(name, version, floor, tested, "too old", extra, f"pip install -U '{name}>={floor}'")
    newer = _numbers(version)[:2] > _numbers(tested)
    return Package(name, version, floor, tested, "newer than tested" if newer else "ok", extra)


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, at least two.

    >>> _numbers("2.4.6rc1"), _numbers("3")
    ((2, 4, 6), (3, 0))
    """
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = tuple(map(int, match[0].split("."))) if match else (0,)
    return numbers if len(numbers) > 1 else (*numbers, 0)


# -- checks ------------------------------------------------------------------------------------------------------------


def _tried(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except (ModelkeepError, OSError, AssertionError) as error:
        return Check(name, False, str(error))


def _sample() -> dict[str, Any]:
    import numpy as np

    return {"weights": np.linspace(-1, 1, 1000).reshape(20, 50), "names": ["a", "b"], "rate": 0.1}


def _save_and_load() -> str:
    """Through a file in the temporary folder, so that the disk takes part."""
    import numpy as np

    model = _sample()
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        path = Path(folder, "check.keep")
        saved = saving.save(model, path, saving.Recipe(), format_named("keep"))
        again = loading.load(path, Rules())
    same = again.keys() == model.keys() and again["names"] == model["names"] and again["rate"] == model["rate"]
    if not (same and np.array_equal(again["weights"].view(np.uint8), model["weights"].view(np.uint8))):
        raise AssertionError("what was loaded is not what was saved")
    return f"{saved.size:,} bytes came back equal to the last bit"


def _notice_damage() -> str:
    """One flipped bit in each of many places of a file in memory."""
    memory = io.BytesIO()
    saving.save(_sample(), memory, saving.Recipe(), format_named("keep"))
    good = memory.getvalue()
    places = range(0, len(good), max(1, len(good) // 100))
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        try:
            loading.load(bytes(bad), Rules())
        except LoadError:
            continue
        raise AssertionError(f"a flipped bit at byte {place} was not noticed")
    return f"{len(places)} flipped bits, each refused"


_CHECKS = {"save and load": _save_and_load, "notice damage": _notice_damage}
