"""A checked ONNX graph as a program: nodes with plain attributes, and constants as numpy arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from modelkeep.errors import ExportError, quote
from modelkeep.onnx_checks import checked
from modelkeep.onnx_checks.model import Attribute, Graph, Node
from modelkeep.onnx_checks.tensors import array
from modelkeep.predictors.onnx_methods import methods_of
from modelkeep.predictors.onnx_ports import Port, inputs_of, outputs_of

_HINT = "keep it as an ONNX predictor: modelkeep.load answers with it as it is"


@dataclass(frozen=True)
class Step:
    """One node: its operator, its attributes as plain values (a graph is a Program), names of inputs and outputs."""

    op: str
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"the operator {quote(self.op)} that makes {quote(self.outputs[0])}"


@dataclass(frozen=True)
class Program:
    steps: tuple[Step, ...]
    constants: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    opset: int
    #: What the file says of its inputs and its outputs; a graph inside of an operator says nothing.
    ports: tuple[Port, ...] = field(default=())
    results: tuple[Port, ...] = field(default=())
    #: The answer as the file says it: a name of an output, or a tree of them.
    form: Any = None

    def weights(self) -> dict[str, Any]:
        """The constants that a module holds as parameters: tables of fractions, in subgraphs too.

        What two graphs hold under one name, as the branches of an If may, stays a constant of each.
        """
        held = [(name, value) for each in self.graphs() for name, value in each.constants.items()]
        times = Counter(name for name, _ in held)
        return {name: value for name, value in held if value.dtype.kind == "f" and value.ndim and times[name] == 1}

    def graphs(self) -> Iterator[Program]:
        """This one, and all that its operators hold."""
        yield self
        for step in self.steps:
            for each in step.attributes.values():
                if isinstance(each, Program):
                    yield from each.graphs()


def program_of(data: bytes, operators: Iterable[str]) -> Program:
    """The program in a file. Raises LoadErrors, and ExportError for what is none of ``operators``."""
    model, graph = checked(data)
    if model.functions:
        raise ExportError("the model has functions of its own", hint=_HINT)
    opset = max((each.version or 0 for each in model.opset_import if not each.domain), default=0)
    program = _program(graph, opset)
    missing = sorted(_operators(program) - set(operators))
    if missing:
        raise ExportError(f"there is no way to compute the operator {', '.join(map(quote, missing))}", hint=_HINT)
    ports = tuple(port for port in inputs_of(graph) if not port.optional)
    results = outputs_of(graph)
    answer = methods_of(model, graph, results).get("forward")
    flat = list(program.outputs) if len(program.outputs) > 1 else program.outputs[0]
    return replace(program, ports=ports, results=results, form=answer.outputs if answer else flat)


def _operators(program: Program) -> set[str]:
    return {step.op for each in program.graphs() for step in each.steps}


def _program(graph: Graph, opset: int) -> Program:
    constants = {tensor.name or "": array(tensor) for tensor in graph.initializer}
    if graph.sparse_initializer:
        raise ExportError("the model has sparse constants", hint=_HINT)
    steps = []
    for node in graph.node:
        if node.op_type == "Constant" and not node.domain:
            constants[node.output[0]] = _constant(node)
        else:
            steps.append(_step(node, opset))
    return Program(
        steps=tuple(steps),
        constants=constants,
        inputs=tuple(value.name or "" for value in graph.input if value.name not in constants),
        outputs=tuple(value.name or "" for value in graph.output),
        opset=opset,
    )


def _step(node: Node, opset: int) -> Step:
    prefix = f"{node.domain}." if node.domain not in (None, "", "ai.onnx") else ""
    attributes = {each.name or "": _plain(each, opset) for each in node.attribute}
    return Step(f"{prefix}{node.op_type}", attributes, tuple(node.input), tuple(node.output))


def _plain(attribute: Attribute, opset: int) -> Any:
    kinds: dict[int, Any] = {
        1: lambda: attribute.f or 0.0,
        2: lambda: attribute.i or 0,
        3: lambda: str(attribute.s or b"", "utf-8", "replace"),
        4: lambda: array(attribute.t) if attribute.t is not None else None,
        5: lambda: _program(attribute.g, opset) if attribute.g is not None else None,
        6: lambda: attribute.floats.tolist(),
        7: lambda: attribute.ints.tolist(),
        8: lambda: [str(each, "utf-8", "replace") for each in attribute.strings],
    }
    return kinds[attribute.type or 0]()


def _constant(node: Node) -> Any:
    values = list(_step(node, 0).attributes.items())
    if len(values) != 1:
        raise ExportError(f"a constant has {len(values)} values", hint=_HINT)
    name, value = values[0]
    if name == "value":
        return value
    dtype = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    return np.array(value, dtype.get(name, object))
