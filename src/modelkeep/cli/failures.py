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
#: The exit code of a command that was interrupted, as shells have it.
_INTERRUPTED = 130


def guarded(arguments: list[str]) -> int:
    """Run the command line; the exit code. Errors go to stderr, and with ``--json`` as one object to stdout."""
    as_json = "--json" in arguments
    _open_streams()
    warnings.showwarning = _show_warning
    if hasattr(sys.stdout, "reconfigure"):  # a letter that its encoding lacks is no reason to end: stderr has this too
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from modelkeep.cli.app import app_for

        code = app_for(arguments)(arguments, prog_name="modelkeep", standalone_mode=False)
        _flush()
        if code == _INTERRUPTED:  # typer has made an exit code of it
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except ModelkeepError as error:
        trouble = _debugged(error.as_dict())
        return _told(trouble, as_json, _exit_code(error.exit_code, arguments))
    except KeyboardInterrupt:
        return _told({"error": "interrupted", "hint": "", "kind": "interrupted"}, as_json, _INTERRUPTED)
    except BrokenPipeError:
        _silence()  # whoever read our output has seen enough, as in `| head`
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own errors, whichever version of it: a wrong call
            return _told(_usage(error), as_json, 2)
        if isinstance(error, OSError) and (lost := _lost_output()):
            return _told(lost, False, _exit_code(1, arguments))
        # What typer makes of the end of a file is an exception without a word.
        first = error.__cause__ if type(error).__name__ == "Abort" else None
        return _told(_unexpected(first or error), as_json, _exit_code(1, arguments))


def _open_streams() -> None:
    """A daemon may have closed its streams: the next files would get their numbers, and be printed into."""
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        os.set_inheritable(number, True)
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  as long as the process
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _lost_output() -> dict[str, str] | None:
    """What to say, on stderr, where stdout can't be written any more, as on a full disk."""
    try:
        print(flush=True)
    except OSError as error:
        _silence()
        text = (error.strerror or "it is closed").lower()
        return {"error": f"can't write the answer to stdout: {text}", "hint": "make room there", "kind": "storage"}
    return None


def _silence() -> None:
    """What is left in the buffer of stdout has no reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def _unexpected(error: BaseException) -> dict[str, str]:
    _debugged({})
    return {
        "error": f"something that modelkeep did not foresee: {type(error).__name__}: {error}",
        "hint": f"please report it, with the command and what it prints with {DEBUG}=1 set, and: modelkeep doctor",
        "kind": "internal",
    }


def _told(trouble: dict[str, str], as_json: bool, code: int) -> int:
    if as_json:
        try:
            print(json.dumps(trouble), flush=True)
        except OSError:
            _silence()  # and stderr is told
        else:
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
