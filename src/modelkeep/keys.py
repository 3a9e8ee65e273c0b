"""Where secrets come from: a file, an environment variable, or a function. Never from a text that others can see."""

from __future__ import annotations

import os
from collections.abc import Callable

from modelkeep.errors import MissingPackageError, SealError, StorageError, UsageError, quote

#: A path, ``"env:NAME"``, or a function without arguments that returns the secret.
Secret = str | os.PathLike[str] | Callable[[], str]

_LIMIT = 1 << 16


def secret(source: Secret, what: str) -> str:
    """The text of a secret, without the white space around it. ``what`` names it in errors; its text never is.

    >>> secret(lambda: "hunter2\\n", "the passphrase")
    'hunter2'
    """
    if callable(source):
        text = source()
        if not isinstance(text, str):
            raise UsageError(f"the function for {what} gave no text", hint="return the secret as a str")
    elif isinstance(source, str) and source.startswith("env:"):
        name = source.removeprefix("env:")
        text = os.environ.get(name, "")
        if not text:
            raise SealError(f"{what} is to come from the environment, and {quote(name)} is not set", hint="set it")
    else:
        text = _in_file(source, what)
    if not text.strip():
        raise SealError(f"{what} is empty", hint="check where it comes from")
    return text.strip()


def _in_file(path: str | os.PathLike[str], what: str) -> str:
    shown = os.fspath(path)
    if not isinstance(shown, str) or "AGE-SECRET-KEY-" in shown.upper() or "PRIVATE KEY" in shown:
        raise UsageError(
            f"{what} was given in clear, where others can see it",
            hint='pass the path of a file that holds it, "env:NAME", or a function',
        )
    try:
        with open(shown, encoding="utf-8") as file:
            return file.read(_LIMIT)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"can't read {what} from {quote(shown, 300)}: {type(error).__name__}", hint="name a file that holds it"
        ) from None


def need_cryptography(what: str, extra: str) -> None:
    """Refuse with the command to type where the library is missing that ``what`` needs."""
    try:
        import cryptography  # noqa: F401
    except ModuleNotFoundError:
        raise MissingPackageError(
            f"{what} need the package cryptography", hint=f"install it: pip install 'modelkeep[{extra}]'"
        ) from None
