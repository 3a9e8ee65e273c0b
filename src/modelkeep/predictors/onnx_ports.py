"""The inputs and outputs of an ONNX graph, by name: dtype and shape, as the file declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.onnx_checks import Graph
from modelkeep.onnx_checks.model import Value
from modelkeep.onnx_checks.tensors import dtype_of
from modelkeep.onnx_checks.wire import HINT

#: bfloat16 and the 8-bit kinds have no dtype in numpy: rows for them can't be made.
_NAMES = {1: "float32", 8: "text", 9: "bool", 10: "float16", 11: "float64", 16: "bfloat16"}


@dataclass(frozen=True)
class Port:
    """One input or output. ``shape`` has a number for each dimension, a name for one that may vary, or None.

    ``dtype`` is object for text, None for what is no tensor (a list of maps, for example) or what numpy lacks.
    ``shape`` is None where the file does not say it.
    """

    name: str
    dtype: np.dtype[Any] | None
    shape: tuple[int | str | None, ...] | None
    optional: bool = False

    @property
    def width(self) -> int | None:
        """The columns of a table, where they are declared."""
        size = self.shape[1] if self.shape is not None and len(self.shape) == 2 else None
        return size if isinstance(size, int) else None

    @property
    def batch(self) -> int | None:
        """The rows that it takes at a time, where that is a fixed number."""
        size = self.shape[0] if self.shape else None
        return size if isinstance(size, int) else None


def inputs_of(graph: Graph) -> tuple[Port, ...]:
    """What must be given, and behind that what has a value of its own in the file."""
    stored = {tensor.name for tensor in graph.initializer}
    stored |= {sparse.values.name for sparse in graph.sparse_initializer if sparse.values}
    ports = [_port(value, optional=value.name in stored) for value in graph.input]
    return tuple(sorted(ports, key=lambda port: port.optional))


def outputs_of(graph: Graph) -> tuple[Port, ...]:
    return tuple(_port(value) for value in graph.output)


def _port(value: Value, *, optional: bool = False) -> Port:
    if value.type is None and not optional:
        raise GraphError(f"the file does not say what {quote(value.name or '')} is", hint=HINT)
    tensor = value.type.tensor_type if value.type else None
    shape = None
    if tensor is not None and tensor.shape is not None:
        shape = tuple(_size(each.dim_value, each.dim_param) for each in tensor.shape.dim)
    return Port(value.name or "", dtype_of(tensor.elem_type) if tensor else None, shape, optional)


def _size(value: int | None, name: str | None) -> int | str | None:
    return value if value is not None and value > 0 else name or None
