"""Keras's own file, ``.keras``: written by Keras, read by modelkeep, which runs none of Keras's loading.

The archive, the config and the weights are each checked; the model is built from the same tables as in a keep file.
"""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

FORMAT = Format(
    name="keras",
    title="Keras's own file, read as data",
    safety=Safety.DATA,
    suffixes=(".keras",),
    magic=(b"PK\x03\x04",),
    writers={
        "keras": Cell("modelkeep.formats.keras.write:write", ("keras", "h5py")),
        "onnx": Cell("modelkeep.formats.keras.write:cross", ("keras", "h5py")),
    },
    tolerances={"onnx": 1e-5},
    reader=Cell("modelkeep.formats.keras.read:read", ("keras", "h5py")),
)
