"""A module's weights by name, as ``torch.save(module.state_dict(), ...)`` writes them. Read as data, by our own reader.

PyTorch's own ``weights_only=True`` is not relied on: see formats/unpickle/torch.py.
"""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

FORMAT = Format(
    name="state_dict",
    title="PyTorch's weights by name, read as data",
    safety=Safety.DATA,
    suffixes=(".pt", ".pth"),
    magic=(b"PK\x03\x04",),
    writers=dict.fromkeys(("torch", "python"), Cell("modelkeep.formats.state_dict.files:write", ("torch",))),
    reader=Cell("modelkeep.formats.unpickle.torch:read", ("torch",)),
    gives="weights",
    arrays=Cell("modelkeep.formats.state_dict.files:arrays", ("torch",)),
)
