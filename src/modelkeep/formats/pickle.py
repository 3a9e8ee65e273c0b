"""pickle as Python has it. The default policy reads it as data; only the policy's word lets it run what it says."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

from modelkeep.errors import ExportError, UsageError, quote, said
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

_PROTOCOLS = (2, 3, 4, 5)


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """The one option is the ``protocol``, 5 if it is not given."""
    options = dict(recipe.options)
    protocol = options.pop("protocol", 5)
    if options:
        raise UsageError(f"pickle has no option {quote(min(options))}", hint="its one option is protocol")
    if recipe.compress is not None:
        raise UsageError("a pickle file is not compressed", hint="write a .joblib file, or compress the file yourself")
    if protocol not in _PROTOCOLS:
        raise UsageError(f"protocol is {quote(repr(protocol))}", hint="use 2, 3, 4 or 5")
    try:
        pickle.dump(model, file, protocol=protocol)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        # Whatever the model's own code raises when it is asked for its state.
        raise ExportError(
            f"a part of the model can't be pickled: {said(error)}",
            hint="save it as a .keep file: its error names every such part and where it is",
        ) from error


def read(data: memoryview, rules: Any) -> Any:
    """Only reached when ``Policy(allow_code=True)``: see ``Policy.check``."""
    return pickle.loads(data)


FORMAT = Format(
    name="pickle",
    title="Python's pickle, read as data: running one can run any code",
    safety=Safety.CODE,
    suffixes=(".pkl", ".pickle"),
    magic=(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
    writers={"*": Cell("modelkeep.formats.pickle:write")},
    reader=Cell("modelkeep.formats.pickle:read"),
    inert=Cell("modelkeep.formats.unpickle.read:read", ("numpy",)),
    names=Cell("modelkeep.formats.unpickle.listing:names"),
)
