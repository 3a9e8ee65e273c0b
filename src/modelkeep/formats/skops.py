"""skops' files: a zip archive with a model as JSON, and its arrays. skops writes them; they are read as data.

skops writes addresses of memory and the time into its files: here they are numbered and dated anew, so that the same
model gives the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, BinaryIO

from modelkeep.errors import ExportError, UsageError, quote, said
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

_METHODS = {None: zipfile.ZIP_STORED, "zlib": zipfile.ZIP_DEFLATED}
_DATE = (1980, 1, 1, 0, 0, 0)


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """``recipe.compress`` is None or ``"zlib"``."""
    from skops import io as skops

    if recipe.options:
        raise UsageError(f"skops has no option {quote(min(recipe.options))}", hint="leave options out")
    if recipe.compress not in _METHODS:
        raise UsageError(f"{quote(str(recipe.compress))} is no compression of skops", hint='use "zlib", or none')
    try:
        data = skops.dumps(model)
    except MemoryError:
        raise
    except Exception as error:
        raise ExportError(
            f"skops can't hold a part of the model: {said(error)}",
            hint="save it as a .keep file, or export it to another format: modelkeep formats",
        ) from error
    _write_anew(data, file, _METHODS[recipe.compress])


def _write_anew(data: bytes, file: BinaryIO, method: int) -> None:
    """The same archive with its objects and files numbered in the order in which the tree names them."""
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", method) as new:
        schema = json.loads(old.read("schema.json"))
        files = _renumber(schema)
        members = {new_name: old.read(old_name) for old_name, new_name in files.items()}
        members["schema.json"] = json.dumps(schema, indent=1).encode()
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = method
            entry.external_attr = 0o600 << 16
            new.writestr(entry, content)


def _renumber(schema: dict[str, Any]) -> dict[str, str]:
    """Change numbers and names in place; the new name of each file by its old one."""
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict) and "__id__" in value and "__loader__" in value:
            value["__id__"] = numbers.setdefault(value["__id__"], len(numbers) + 1)
            if isinstance(value.get("file"), str):
                suffix = value["file"].rpartition(".")[2]
                value["file"] = files.setdefault(value["file"], f"{len(files) + 1}.{suffix}")
        inner = value.values() if isinstance(value, dict) else value
        waiting += reversed([each for each in inner if isinstance(each, dict | list)])
    return files


FORMAT = Format(
    name="skops",
    title="skops' archive of scikit-learn models, read as data and checked",
    safety=Safety.DATA,
    suffixes=(".skops",),
    magic=(b"PK\x03\x04",),
    writers=dict.fromkeys(("sklearn", "python"), Cell("modelkeep.formats.skops:write", ("skops",))),
    reader=Cell("modelkeep.formats.unpickle.skops:read", ("numpy",)),
    names=Cell("modelkeep.formats.unpickle.skops:names"),
)
