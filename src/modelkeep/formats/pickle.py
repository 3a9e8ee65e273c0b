"""pickle as Python has it. Writing is plain; reading runs whatever the file says, so it needs the policy's word."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    pickle.dump(model, file, protocol=5)


def read(data: memoryview, rules: Any) -> Any:
    """Only reached when ``Policy(allow_code=True)``: see ``Policy.check``."""
    return pickle.loads(data)


FORMAT = Format(
    name="pickle",
    title="Python's pickle: reading it can run any code",
    safety=Safety.CODE,
    suffixes=(".pkl", ".pickle"),
    magic=(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
    writers={"*": Cell("modelkeep.formats.pickle:write")},
    reader=Cell("modelkeep.formats.pickle:read"),
    inert=Cell("modelkeep.formats.unpickle.read:read", ("numpy",)),
    names=Cell("modelkeep.formats.unpickle.listing:names"),
)
