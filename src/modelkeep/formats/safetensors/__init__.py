"""Safetensors: arrays by name, and nothing else. Any reader of safetensors opens what is written here.

Of a module of PyTorch or Keras these are its weights, under the names that the framework has for them; of any other
model all arrays of numbers in it, under the path that leads to each.
"""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

_WRITE = Cell("modelkeep.formats.safetensors.files:write")
FORMAT = Format(
    name="safetensors",
    title="arrays by name, which every framework reads",
    safety=Safety.DATA,
    suffixes=(".safetensors",),
    magic=(),
    writers={"torch": _WRITE, "keras": _WRITE, "*": _WRITE},
    reader=Cell("modelkeep.formats.safetensors.files:read", ("numpy",)),
    gives="weights",
    arrays=Cell("modelkeep.formats.safetensors.files:arrays"),
)
