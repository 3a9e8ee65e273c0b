"""ONNX files as untrusted data: read by a small reader of its own, and checked before any native library sees them."""

from __future__ import annotations

from modelkeep.errors import ContainerError, GraphError
from modelkeep.onnx_checks import structure, wire
from modelkeep.onnx_checks.model import Graph, Model

#: Protocol buffers end here, and with them any model in one file.
MAX_SIZE = (1 << 31) - 1


def checked(data: bytes | bytearray | memoryview) -> tuple[Model, Graph]:
    """The model in ``data`` and its graph, once nothing in them can mislead a runtime. Nothing is copied.

    Raises LoadErrors: GraphError for what is no ONNX model, CheckError for one whose inside would misuse compiled
    code, PolicyError for what no file may ask for (other files, operators of other domains).
    """
    if len(data) > MAX_SIZE:
        raise ContainerError("an ONNX file has at most 2 GiB", hint=wire.HINT)
    try:
        model = wire.parse(Model, memoryview(data).cast("B"))
        return model, structure.check(model)
    except RecursionError:
        raise GraphError("graphs are nested too deeply", hint=wire.HINT) from None


__all__ = ["Graph", "Model", "checked"]
