"""joblib's files: a pickle with raw arrays in it, perhaps compressed. Reading runs whatever the file says."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    import joblib

    joblib.dump(model, file, compress=3 if recipe.compress else 0)


def read(data: memoryview, rules: Any) -> Any:
    """Only reached when ``Policy(allow_code=True)``: see ``Policy.check``."""
    import joblib

    return joblib.load(io.BytesIO(data))


FORMAT = Format(
    name="joblib",
    title="joblib's pickle with arrays: reading it can run any code",
    safety=Safety.CODE,
    suffixes=(".joblib",),
    magic=(
        b"\x80\x02",
        b"\x80\x03",
        b"\x80\x04",
        b"\x80\x05",
        b"\x78",
        b"\x1f\x8b",
        b"BZh",
        b"\xfd7zXZ",
        b"\x5d\x00",
        b"\x04\x22\x4d\x18",
    ),
    writers={"*": Cell("modelkeep.formats.joblib:write", ("joblib",))},
    reader=Cell("modelkeep.formats.joblib:read", ("joblib",)),
    inert=Cell("modelkeep.formats.unpickle.read:read", ("numpy",)),
    names=Cell("modelkeep.formats.unpickle.listing:names"),
)
