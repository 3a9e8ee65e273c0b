"""Programs of ``torch.export``: a graph of operators with its weights, which needs no class of Python."""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

FORMAT = Format(
    name="pt2",
    title="PyTorch's exported program: a graph of operators, checked",
    safety=Safety.DATA,
    suffixes=(".pt2",),
    magic=(b"PK\x03\x04",),
    writers={
        "torch": Cell("modelkeep.formats.pt2.files:write", ("torch",)),
        "onnx": Cell("modelkeep.formats.pt2.files:cross", ("torch",)),
    },
    reader=Cell("modelkeep.formats.pt2.files:read", ("torch",)),
    tolerance=1e-5,
    gives="predictor",
)
