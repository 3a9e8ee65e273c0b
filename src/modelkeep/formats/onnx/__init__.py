"""ONNX: a graph of operators that onnxruntime runs anywhere. Files are read as data, and checked before it sees them.

Tree ensembles and pipelines are written by modelkeep's own emitters, torch and keras models by their own exporters.
"""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

_CLASSIC = "modelkeep.formats.onnx.write:write"

FORMAT = Format(
    name="onnx",
    title="ONNX, run by onnxruntime: a predictor",
    safety=Safety.DATA,
    suffixes=(".onnx",),
    # The first field of a model is the version of its intermediate representation, 3 to 15.
    magic=tuple(bytes([8, version]) for version in range(3, 16)),
    writers={
        "sklearn": Cell(_CLASSIC, ("onnx", "onnxruntime")),
        "xgboost": Cell(_CLASSIC, ("onnx", "onnxruntime")),
        "lightgbm": Cell(_CLASSIC, ("onnx", "onnxruntime")),
        "catboost": Cell(_CLASSIC, ("onnx", "onnxruntime")),
        "torch": Cell("modelkeep.formats.onnx.deep_torch:write", ("torch", "onnx", "onnxscript")),
        "keras": Cell("modelkeep.formats.onnx.deep_keras:write", ("keras", "onnx")),
        "onnx": Cell("modelkeep.formats.onnx.read:rewrite"),
    },
    reader=Cell("modelkeep.formats.onnx.read:read", ("onnxruntime",)),
    tolerance=1e-5,
    gives="predictor",
)
