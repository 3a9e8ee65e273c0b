"""A SavedModel as a predictor: the folder is read once, checked, and only what was checked is given to TensorFlow."""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from modelkeep.errors import CheckError, ContainerError, PolicyError, StorageError, quote
from modelkeep.formats.savedmodel.audit import audit
from modelkeep.policy import Policy
from modelkeep.predictors.savedmodel import SavedModel

_GRAPH = "saved_model.pb"
_VARIABLES = re.compile(r"variables\.(index|data-\d{5}-of-\d{5})")
_MOST_GRAPH = 2 << 30
_SHOWN = 5


def read(path: str, rules: Any) -> SavedModel:
    """The predictor. Its process starts at the first question."""
    policy: Policy = rules.policy
    if policy.allow_code:
        return SavedModel.at(path)
    graph = _bytes(os.path.join(path, _GRAPH), min(policy.max_bytes, _MOST_GRAPH))
    found = audit(memoryview(graph))
    if found.impure:
        shown = ", ".join(quote(name, 60) for name in found.impure[:_SHOWN])
        more = f" and {len(found.impure) - _SHOWN} more" if len(found.impure) > _SHOWN else ""
        raise PolicyError(
            f"its graph may do more than compute: {shown}{more}, and the policy does not allow code",
            hint="save the model without it; or, if you trust whoever made it, pass Policy(allow_code=True)",
        )
    return SavedModel({_GRAPH: found.clean, **_variables(path, policy.max_bytes - len(graph))})


def _variables(path: str, most: int) -> dict[str, bytes]:
    folder = os.path.join(path, "variables")
    if not os.path.lexists(folder):
        return {}
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise ContainerError("variables is no folder", hint="get the folder again from where it came from")
    files = {}
    for name in sorted(os.listdir(folder)):
        if not _VARIABLES.fullmatch(name):
            continue  # left behind by whoever copied it; nothing reads it
        files[f"variables/{name}"] = _bytes(os.path.join(folder, name), most)
        most -= len(files[f"variables/{name}"])
    return files


def _bytes(path: str, most: int) -> bytes:
    """The bytes of a plain file. A link would lead out of the folder."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        hint = "copy the whole folder, without links"
        raise StorageError(f"can't read {quote(path)}: {error.strerror}", hint=hint) from error
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise CheckError(f"{quote(os.path.basename(path))} is a link, or no plain file", hint="copy the folder")
        if facts.st_size > most:
            raise ContainerError(f"the folder has more than {most:,} bytes", hint="raise Policy(max_bytes=...)")
        data = file.read(facts.st_size + 1)
    if len(data) != facts.st_size:
        raise ContainerError(f"{quote(os.path.basename(path))} changes while it is read", hint="copy the folder first")
    return data
