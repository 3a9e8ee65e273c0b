"""ONNX predictors: the bytes of the file, through the same checks as a file of its own.

``["onnx", bytes, optimization, threads]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import CheckError, GraphError, UsageError
from modelkeep.formats.keep.handlers import Handler, Node

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_MAX_THREADS = 1024


def encode_onnx(encoder: Encoder, model: Any) -> Node:
    return ["onnx", encoder.node(model.data), model.optimization, model.threads]


def decode_onnx(builder: Builder, node: Node) -> Any:
    from modelkeep.predictors.onnx import OnnxModel

    builder.arity(node, 4)
    data, optimization, threads = builder.build(node[1]), builder.text([node[0], node[2]]), node[3]
    if type(data) is not bytes or type(threads) is not int or not 0 <= threads <= _MAX_THREADS:
        raise GraphError("an ONNX predictor is bytes, an optimization and a number of threads")
    try:
        return OnnxModel(data, optimization=optimization, threads=threads)
    except UsageError as error:
        raise CheckError(f"an ONNX predictor is not usable: {error}", hint=error.hint) from None


HANDLERS = [Handler("onnx", ("modelkeep.predictors.onnx.OnnxModel",), encode_onnx, decode_onnx)]
