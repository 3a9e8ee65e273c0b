"""An ONNX file as a predictor, and a predictor as the file that it came from."""

from __future__ import annotations

from typing import Any, BinaryIO

from modelkeep.predictors.onnx import OnnxModel


def read(data: memoryview, rules: Any) -> OnnxModel:
    """The predictor, once the bytes are checked and the runtime has opened them."""
    return OnnxModel(bytes(data)).open()


def rewrite(model: OnnxModel, file: BinaryIO, recipe: Any) -> None:
    """The same bytes again."""
    file.write(model.data)
