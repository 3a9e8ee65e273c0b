"""Models from files of other formats: read as data where there is a way to, run only where the policy allows it."""

from __future__ import annotations

import errno
import os
import warnings
from dataclasses import asdict
from typing import Any

from modelkeep import atomic, catalog, loading
from modelkeep.errors import (
    DriftError,
    DriftWarning,
    LoadError,
    PolicyError,
    SignatureError,
    UsageError,
)
from modelkeep.loading import Opened, Rules
from modelkeep.policy import Policy, Safety
from modelkeep.ports import Format
from modelkeep.verification import in_file

_RUN = "; or, if you trust whoever made the file, pass Policy(allow_code=True) or --allow-code, which runs it"


def read(opened: Opened, rules: Rules) -> tuple[Any, dict[str, Any]]:
    """The model, and what the file says of how it was written.

    A file that can run code is read without running it, through the format's ``inert`` cell, unless the policy allows
    code: whoever allows that wants all that the file says, parts that are on no list included.
    """
    if opened.format.safety is Safety.CODE and not rules.policy.allow_code:
        return _inert(opened, rules)
    if opened.format.reader is None:
        raise UsageError(f"{opened.format.a_file} can only be written", hint="run: modelkeep formats")
    reader = catalog.resolve(opened.format.reader)
    if opened.format.safety is Safety.CODE:
        return _executed(opened, rules, reader), {}
    try:
        return reader(opened.data, rules), {}
    except LoadError as error:
        raise in_file(error, opened.name) from None


def format_at(path: str, policy: Policy) -> Format:
    """The format of the file or folder at ``path``."""
    return _folder_format(path, None) if os.path.isdir(path) else loading.open_source(path, policy).format


def read_folder(path: str, rules: Rules, format: str | None) -> Any:
    """The model in a folder of files, for formats that are one."""
    chosen = _folder_format(path, format)
    if rules.policy.signers:
        raise SignatureError(
            f"{path}: a folder has no signature",
            hint="save the model as a keep file, and sign that; or pass no signers",
        )
    rules.policy.check(chosen.name, chosen.safety)
    if chosen.reader is None:
        raise UsageError(f"{chosen.a_file} can only be written", hint="run: modelkeep formats")
    try:
        return catalog.resolve(chosen.reader)(path, rules)
    except LoadError as error:
        raise in_file(error, path) from None


def _folder_format(path: str, format: str | None) -> Format:
    """A folder's format is told by the name of a file in it: that is what ``magic`` is there."""
    for each in catalog.formats():
        marked = any(os.path.isfile(os.path.join(path, name.decode())) for name in each.magic) if each.folder else False
        if marked and format in (None, each.name):
            return each
    raise atomic.storage_error(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)), path, "read")


def _inert(opened: Opened, rules: Rules) -> tuple[Any, dict[str, Any]]:
    if opened.format.inert is None:
        raise PolicyError(
            f"{opened.format.a_file} can run any code when it is read, and the policy does not allow that",
            hint="if you trust whoever made it, pass Policy(allow_code=True) or --allow-code",
        )
    try:
        model, facts = catalog.resolve(opened.format.inert)(opened.data, rules.policy, rules.on_drift)
    except LoadError as error:
        if isinstance(error, PolicyError) and "Policy(trust" in error.hint:
            error.hint += _RUN
        raise in_file(error, opened.name) from None
    return model, asdict(facts)


def _executed(opened: Opened, rules: Rules, reader: Any) -> Any:
    """The model by the format's own reader. scikit-learn warns there of files of another version: that is drift."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = reader(opened.data, rules)
    drift = [each for each in caught if each.category.__name__ == "InconsistentVersionWarning"]
    said = str(drift[0].message).splitlines()[0] if drift else ""
    if drift and rules.on_drift == "raise":
        raise DriftError(
            f"nothing proves that the model answers as it did: {said}",
            hint='open it where that version is installed; on_drift="warn" reads it all the same',
        )
    if drift and rules.on_drift == "warn":
        warnings.warn(said, DriftWarning, stacklevel=5)
    for each in caught:  # what other libraries said is not for this module to keep to itself
        if each not in drift:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return model
