"""pickle as Python has it. The default policy reads it as data; only the policy's word lets it run what it says."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

from modelkeep import pickling
from modelkeep.errors import UsageError, quote
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """The one option is the ``protocol``, 5 if it is not given."""
    if unknown := recipe.options.keys() - {"protocol"}:
        raise UsageError(f"pickle has no option {quote(min(unknown))}", hint="its one option is protocol")
    if recipe.compress is not None:
        raise UsageError("a pickle file is not compressed", hint="write a .joblib file, or compress the file yourself")
    protocol = pickling.protocol_of(recipe.options)
    with pickling.told():
        pickle.dump(model, file, protocol=protocol)


def read(data: memoryview, rules: Any) -> Any:
    """Only reached when ``Policy(allow_code=True)``: see ``Policy.check``."""
    return pickle.loads(data)


FORMAT = Format(
    name="pickle",
    title="Python's pickle, read as data: running one can run any code",
    safety=Safety.CODE,
    suffixes=(".pkl", ".pickle"),
    # Protocols 0 and 1 have no sign of their own, but this is how an object begins in them.
    magic=(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"ccopy_reg\n", b"ccopyreg\n"),
    writers={"*": Cell("modelkeep.formats.pickle:write")},
    reader=Cell("modelkeep.formats.pickle:read"),
    inert=Cell("modelkeep.formats.unpickle.read:read", ("numpy",)),
    names=Cell("modelkeep.formats.unpickle.listing:names"),
)
