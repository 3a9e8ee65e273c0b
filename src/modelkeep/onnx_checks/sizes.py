"""What a graph may ask for without end: tensors of a size that the file names, and loops.

Sizes that follow from the rows are the caller's; a constant of the file that says a billion is the file's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, quote
from modelkeep.onnx_checks.model import Node, Tensor, Value
from modelkeep.onnx_checks.tensors import array
from modelkeep.onnx_checks.wire import HINT

#: Elements of a tensor that a constant of the file asks for.
MAX_ELEMENTS = 1 << 28
#: Rounds of a loop whose number is a constant of the file.
MAX_ROUNDS = 1 << 20
#: Sizes are lists of few numbers.
_MOST = 64
_SHAPES = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "OneHot": 1}
#: Operators that lead from the shape of a tensor to a number, and make no number larger than those that they get.
_COUNTING = frozenset("Shape Gather Slice Squeeze Unsqueeze Cast Reshape Concat Min Identity Size".split())
#: Operators whose answer has the columns of their first input.
_KEEP_WIDTH = frozenset("Cast Identity Scaler Imputer Normalizer Binarizer Relu Sigmoid Tanh".split())


class Sizes:
    """What is known of the small constants in one graph, and of numbers that count rows."""

    def __init__(self, outer: Sizes | None = None) -> None:
        self.constants: dict[str, Tensor] = dict(outer.constants) if outer else {}
        self.counts: set[str] = set(outer.counts) if outer else set()
        self.widths: dict[str, int] = dict(outer.widths) if outer else {}
        self.rounds: int = outer.rounds if outer else 1

    def learn_inputs(self, inputs: Iterable[Value]) -> None:
        """Note how many columns the tables among the inputs of a graph have."""
        for value in inputs:
            tensor = value.type.tensor_type if value.type else None
            dims = tensor.shape.dim if tensor and tensor.shape else []
            if len(dims) == 2 and (dims[1].dim_value or 0) > 0:
                self.widths[value.name or ""] = dims[1].dim_value or 0

    def learn(self, node: Node, attributes: Mapping[str, Any]) -> None:
        """Note what the outputs of ``node`` are."""
        if node.op_type == "Constant" and "value" in attributes and attributes["value"].t is not None:
            self.constants[node.output[0]] = attributes["value"].t
        if node.op_type in _KEEP_WIDTH and node.input and node.input[0] in self.widths:
            self.widths[node.output[0]] = self.widths[node.input[0]]
        if node.op_type == "Shape" or (node.op_type in _COUNTING and node.input and self._counted(node.input[0])):
            self.counts.update(node.output)

    def _counted(self, name: str) -> bool:
        return name in self.counts

    def numbers(self, name: str) -> list[float] | None:
        """The numbers of a small constant."""
        tensor = self.constants.get(name)
        if tensor is None or len(tensor.dims) > 1 or math.prod(map(int, tensor.dims)) > _MOST:
            return None
        return [float(value) for value in np.ravel(array(tensor)).tolist() if not isinstance(value, str)]

    def check(self, node: Node) -> None:
        """Refuse a node that makes a tensor of a vast constant size."""
        op = node.op_type or ""
        if op in _SHAPES and len(node.input) > _SHAPES[op]:
            self._bound(node, self.numbers(node.input[_SHAPES[op]]))
        elif op == "Range":
            ends = [self.numbers(name) for name in node.input[:3]]
            if all(ends):
                start, limit, step = (each[0] for each in ends if each)
                self._bound(node, [abs((limit - start) / step) if step else math.inf])
        elif op == "Pad" and len(node.input) > 1:
            numbers = self.numbers(node.input[1]) or []
            self._bound(node, [max(1.0, abs(number)) for number in numbers])
        elif op in ("Resize", "Upsample"):
            for name in node.input[1:]:
                self._bound(node, self.numbers(name))
        elif op == "Loop":
            self._loop(node)

    def _bound(self, node: Node, numbers: list[float] | None) -> None:
        product = math.prod(max(1.0, abs(number)) for number in numbers or [])
        if not product <= MAX_ELEMENTS:  # NaN is not
            raise CheckError(
                f"{quote(node.op_type)} makes a tensor of {product:.3g} elements from a constant of the file",
                hint=HINT,
            )

    def _loop(self, node: Node) -> None:
        """The number of rounds is a constant of the file, or counts something of the rows."""
        name = node.input[0] if node.input else ""
        constant = self.numbers(name)
        if constant is None and not self._counted(name):
            raise CheckError("nothing bounds the rounds of a Loop", hint="use a model whose loops count their rows")
        rounds = max(1.0, constant[0]) if constant else 1.0
        if not rounds * self.rounds <= MAX_ROUNDS:
            raise CheckError(f"a Loop has {rounds * self.rounds:.3g} rounds", hint=HINT)

    def inside(self, node: Node) -> Sizes:
        """What is known in a subgraph of ``node``: the names of the graph around it, and how often it runs."""
        inner = Sizes(self)
        constant = self.numbers(node.input[0]) if node.op_type == "Loop" and node.input else None
        if constant:
            inner.rounds = int(self.rounds * max(1.0, constant[0]))
        return inner
