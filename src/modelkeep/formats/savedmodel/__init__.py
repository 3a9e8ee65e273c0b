"""TensorFlow's SavedModel: a folder with a graph and its variables. It runs in a process of its own.

A graph whose operators all only compute is data, and is made anew from what was checked. Any other is code: it is
read only where the policy allows that.
"""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

FORMAT = Format(
    name="savedmodel",
    title="TensorFlow's SavedModel: a predictor in its own process",
    safety=Safety.DATA,
    suffixes=(".savedmodel",),
    magic=(b"saved_model.pb",),
    writers={
        "keras": Cell("modelkeep.formats.savedmodel.write:write_keras", ("keras", "tensorflow")),
        "onnx": Cell("modelkeep.formats.savedmodel.write:cross", ("keras", "tensorflow")),
        "tensorflow": Cell("modelkeep.formats.savedmodel.write:write_tensorflow", ("tensorflow",)),
    },
    reader=Cell("modelkeep.formats.savedmodel.read:read", ("tensorflow",)),
    tolerance=1e-5,
    folder=True,
    gives="predictor",
)
