"""Interpreters of Python on this machine: each is asked what it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from modelkeep.errors import UsageError, quote

_COMMANDS = {"CPython": "python", "PyPy": "pypy"}
_ASK = "import json, sys; print(json.dumps([sys.implementation.name, '.'.join(map(str, sys.version_info[:3]))]))"


@dataclass(frozen=True)
class Interpreter:
    path: str
    implementation: str
    version: str

    def is_of(self, implementation: str, version: str) -> bool:
        return (self.implementation, _minor(self.version)) == (implementation.lower(), _minor(version))


def matching(implementation: str, version: str) -> Interpreter:
    """An interpreter of the same minor version: this one, or one on the path."""
    command = f"{_COMMANDS.get(implementation, 'python')}{_minor(version)}"
    names = [sys.executable, command, "python3", "python"]
    for name in dict.fromkeys(filter(None, names)):
        found = _asked(name)
        if found is not None and found.is_of(implementation, version):
            return found
    raise UsageError(
        f"the model was saved with {implementation} {version}, and there is no {command} on the path",
        hint=f"install Python {_minor(version)} (for example: uv python install {_minor(version)}), "
        "or choose another with --python PATH (python=...)",
    )


def named(name: str) -> Interpreter:
    found = _asked(name)
    if found is None:
        raise UsageError(f"{quote(name)} is not a Python that runs", hint="name the path of an interpreter")
    return found


def _asked(name: str) -> Interpreter | None:
    """What an interpreter says of itself. A name on the path may be a shim with nothing behind it: None."""
    path = shutil.which(name)
    if path is None:
        return None
    try:
        done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=60, check=True)
        implementation, version = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(os.path.abspath(path), implementation, version)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
