"""A predictor over an ONNX file: named inputs and outputs, and the methods that the file holds."""

from __future__ import annotations

from typing import Any


class OnnxModel:
    """What ``modelkeep.load("model.onnx")`` gives."""

    def __init__(self, data: bytes, policy: Any = None) -> None:
        self.data = data
