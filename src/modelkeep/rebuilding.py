"""The environment that a model was saved in, as a requirements file, and made again as a virtual environment.

The names and versions come from somebody's file. Each must have the form of one, so that no line of the requirements
can be an option, an address or a path. Which packages they name is the file's choice: look before you install.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import modelkeep
from modelkeep import interpreters
from modelkeep.errors import ModelkeepError, PolicyError, StorageError, UsageError, quote
from modelkeep.interpreters import Interpreter

Said = Callable[[str], None]

#: A name in its normal form (PEP 503), as it is recorded: one package has one spelling.
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
#: A version (PEP 440, appendix B): what an index knows, and what a builder adds behind a plus sign.
_VERSION = re.compile(
    r"(?P<public>(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*"
    r"(?:[._-]?(?:alpha|a|beta|b|preview|pre|c|rc)[._-]?[0-9]*)?"
    r"(?:-[0-9]+|[._-]?(?:post|rev|r)[._-]?[0-9]*)?"
    r"(?P<dev>[._-]?dev[._-]?[0-9]*)?)"
    r"(?P<local>\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?",
    re.IGNORECASE | re.ASCII,
)
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,40}")
#: So many lines of pip's output go along with an error.
_LAST = 12
_TRY = "import json, modelkeep; print(json.dumps(modelkeep.__version__))"


@dataclass(frozen=True)
class Created:
    """A virtual environment: its folder, its interpreter, the versions of Python and modelkeep in it.

    ``packages`` counts those that were recorded; ``notes`` say what differs from the record.
    """

    path: str
    python: str
    version: str
    modelkeep: str
    packages: int
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def requirements(recorded: Mapping[str, Any]) -> str:
    """A requirements file of what ``manifest.environment`` records, with the exact version of each package.

    Of a version such as ``2.13.0+cpu`` the public part is asked for, which every build of it satisfies: the index may
    not have that one. modelkeep, which reads the model, is asked for as it is here.

    >>> print(requirements({"packages": {"numpy": "2.4.6"}}).splitlines()[-2])
    numpy==2.4.6
    """
    own, *_ = _pinned("modelkeep", modelkeep.__version__)
    return "\n".join([*_header(recorded), *_lines(recorded), f"{own}  # reads the model", ""])


def create(
    recorded: Mapping[str, Any],
    folder: str | os.PathLike[str],
    *,
    python: str | None = None,
    modelkeep_source: str | os.PathLike[str] | None = None,
    progress: Said = lambda line: None,
) -> Created:
    """Make a virtual environment in ``folder`` from what ``manifest.environment`` records.

    python: the interpreter to use; by default one of the recorded minor version, which must be found.
    modelkeep_source: a folder, a wheel or a requirement to install modelkeep from; by default what is installed here.
    progress: is told every line that pip says.

    What was half made is removed again if anything fails. Raises ``PolicyError`` for a record that is not one of names
    and versions, ``UsageError``, ``StorageError``.
    """
    lines = [*_header(recorded), *_lines(recorded), ""]
    source = os.fspath(modelkeep_source) if modelkeep_source is not None else _own_source()
    interpreter = interpreters.named(python) if python else _matching(recorded)
    path = Path(os.path.abspath(folder))
    was_there = _claim(path)
    try:
        return _filled(path, interpreter, "\n".join(lines), source, recorded, progress)
    except BaseException:  # an interrupt, too, leaves nothing behind
        shutil.rmtree(path)
        if was_there:
            path.mkdir()
        raise


# -- the lines ---------------------------------------------------------------------------------------------------------


def _header(recorded: Mapping[str, Any]) -> list[str]:
    python, machine = _python(recorded), recorded.get("machine", {})
    words = [_checked(_WORD, machine[key], f"the {key}")[0] for key in ("system", "machine") if machine.get(key)]
    told = f"Python {python[1]} ({python[0]})" if python else "an unknown Python"
    return [f"# saved with {told}{' on ' + ' '.join(words) if words else ''}"]


def _python(recorded: Mapping[str, Any]) -> tuple[str, str] | None:
    """The implementation and the version, None where they are not recorded."""
    python = recorded.get("python", {})
    if not python.get("version"):
        return None
    version = _checked(_VERSION, python["version"], "the version of Python")[0]
    return _checked(_WORD, python.get("implementation", "CPython"), "the implementation of Python")[0], version


def _lines(recorded: Mapping[str, Any]) -> list[str]:
    packages = recorded.get("packages", {})
    made = [_pinned(name, version) for name, version in sorted(packages.items()) if name != "modelkeep"]
    return [line if not note else f"{line}  # {note}" for line, note in made]


def _pinned(name: object, version: object) -> tuple[str, str]:
    """The line of one package, and what is to be said of it."""
    known = _checked(_NAME, name, "the name of a package")[0]
    found = _checked(_VERSION, version, f"the version of {known}")
    note = f"recorded as {found[0]}" if found["local"] else ""
    if found["dev"]:
        note = f"{note or 'a development version'}; an index may not have it"
    return f"{known}=={found['public']}", note


def _checked(form: re.Pattern[str], value: object, what: str) -> re.Match[str]:
    found = form.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PolicyError(
            f"{what} is recorded as {quote(value, 80)}, which is not one",
            hint="don't install from this record: it was made by another program, or to do harm",
        )
    return found


def _matching(recorded: Mapping[str, Any]) -> Interpreter:
    wanted = _python(recorded)
    if wanted is None:
        raise UsageError("no version of Python is recorded", hint="name an interpreter with --python PATH (python=...)")
    return interpreters.matching(*wanted)


# -- the folder --------------------------------------------------------------------------------------------------------


def _claim(path: Path) -> bool:
    """Whether the folder was there before, empty; now it is."""
    try:
        if path.is_dir() and not any(path.iterdir()):
            return True
        if os.path.lexists(path):
            raise UsageError(f"{quote(str(path))} is there, and is not an empty folder", hint="name a new folder")
        path.mkdir(parents=True)
    except OSError as error:
        raise StorageError(f"can't make {quote(str(path))}: {error.strerror}", hint="name another folder") from error
    return False


def _filled(
    path: Path, interpreter: Interpreter, text: str, source: str, recorded: Mapping[str, Any], progress: Said
) -> Created:
    _run(
        [interpreter.path, "-I", "-m", "venv", str(path)],
        progress,
        "make a virtual environment",
        "see that this Python has the modules venv and ensurepip (on Debian: apt-get install python3-venv)",
    )
    python = str(path / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    file = path / "requirements.txt"
    file.write_text(text, encoding="utf-8")
    pip = ["-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    # Behind the two dashes pip takes nothing for an option.
    _run(
        [python, *pip, "-r", str(file), "--", source],
        progress,
        "install what was recorded",
        "see which package it names: print the list with modelkeep env REF, and install what your index has of it",
    )
    tried = [python, "-I", "-c", _TRY]
    last = _run(tried, lambda line: None, "import modelkeep there", "pass a source of modelkeep that runs")
    wanted = _python(recorded)
    differs = wanted is not None and not interpreter.is_of(*wanted)
    note = f"python {interpreter.version}, recorded {wanted[1]}" if wanted and differs else ""
    return Created(
        path=str(path),
        python=python,
        version=interpreter.version,
        modelkeep=json.loads(last),
        packages=len(recorded.get("packages", {})),
        notes=(note,) if note else (),
    )


def _run(command: Sequence[str], progress: Said, what: str, hint: str) -> str:
    """Run a command to its end, passing its lines on; the last of them."""
    last: deque[str] = deque(maxlen=_LAST)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                last.append(line.rstrip())
                progress(line.rstrip())
        except BaseException:
            process.kill()  # else it would go on writing where we clean up
            raise
    if process.returncode:
        shown = "\n".join(f"  {quote(line)[1:-1]}" for line in last if line)
        raise ModelkeepError(f"could not {what}:\n{shown}", hint=hint)
    return last[-1] if last else ""


def _own_source() -> str:
    """What installs this modelkeep again: the place that it was installed from (PEP 610), else its version."""
    from importlib import metadata
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    try:
        text = metadata.distribution("modelkeep").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    origin = json.loads(text) if text else {}
    url = origin.get("url", "")
    if vcs := origin.get("vcs_info"):
        return f"modelkeep @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    if url.startswith("file:"):
        path = url2pathname(urlsplit(url).path)
        return path if os.path.exists(path) else f"modelkeep=={modelkeep.__version__}"
    return f"modelkeep @ {url}" if url else f"modelkeep=={modelkeep.__version__}"
