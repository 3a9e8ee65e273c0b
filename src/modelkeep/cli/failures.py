"""Every way in which a command can end badly, in the same few words: what was wrong, and what to do."""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from typing import Any, TextIO

from modelkeep.cli.text import clean
from modelkeep.errors import ModelkeepError

DEBUG = "MODELKEEP_DEBUG"


def guarded(arguments: list[str]) -> int:
    """Run the command line; the exit code. Errors go to stderr, and with ``--json`` as one object to stdout."""
    as_json = "--json" in arguments
    warnings.showwarning = _show_warning
    if hasattr(sys.stdout, "reconfigure"):  # a letter that its encoding lacks is no reason to end: stderr has this too
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from modelkeep.cli.app import app_for

        code = app_for(arguments)(arguments, prog_name="modelkeep", standalone_mode=False)
        _flush()
        return code if isinstance(code, int) else 0
    except ModelkeepError as error:
        trouble = _debugged(error.as_dict())
        return _told(trouble, as_json, _exit_code(error.exit_code, arguments))
    except KeyboardInterrupt:
        return _told({"error": "interrupted", "hint": "", "kind": "interrupted"}, as_json, 130)
    except BrokenPipeError:
        # Whoever read our output has seen enough (as in `| head`); what is left in the buffer has no reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own errors, whichever version of it: a wrong call
            return _told(_usage(error), as_json, 2)
        return _told(_unexpected(error), as_json, _exit_code(1, arguments))


def _exit_code(code: int, arguments: list[str]) -> int:
    # As in diff and cmp: 1 says that the files differ, so trouble has to be 2.
    return 2 if arguments[:1] == ["diff"] else code


def _flush() -> None:
    """Here, so that a closed pipe is met where it is handled, not at the end of the interpreter."""
    sys.stdout.flush()


def _debugged(trouble: dict[str, str]) -> dict[str, str]:
    if os.environ.get(DEBUG):
        traceback.print_exc()
    return trouble


def _usage(error: Any) -> dict[str, str]:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "modelkeep"
    text = str(error.format_message()).strip().rstrip(".")
    return {"error": text[:1].lower() + text[1:], "hint": f"see: {command} --help", "kind": "usage"}


def _unexpected(error: Exception) -> dict[str, str]:
    _debugged({})
    return {
        "error": f"something that modelkeep did not foresee: {type(error).__name__}: {error}",
        "hint": f"please report it, with the command and what it prints with {DEBUG}=1 set, and: modelkeep doctor",
        "kind": "internal",
    }


def _told(trouble: dict[str, str], as_json: bool, code: int) -> int:
    if as_json:
        print(json.dumps(trouble))
        return code
    first, *rest = trouble["error"].splitlines() or [""]
    _print(f"modelkeep: error: {first}")
    for line in rest:
        _print(line)
    if trouble["hint"]:
        _print(f"modelkeep: hint: {trouble['hint']}")
    return code


def _print(line: str) -> None:
    print(clean(line), file=sys.stderr)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning in the same form as an error; where it came from is of use only to those who debug."""
    first, *rest = str(message).splitlines() or [""]
    _print(f"modelkeep: warning: {first}")
    for each in rest:
        _print(each)
    if os.environ.get(DEBUG):
        _print(f"  from {filename}:{lineno} ({category.__name__})")
