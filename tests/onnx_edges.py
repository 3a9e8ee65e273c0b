"""Operators at the edges of what numbers are: what onnxruntime answers there, libraries of arrays often don't."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ODD = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3e38, -3e38, 88.8, -104.0, 1e-8, 20.0]
LARGE = np.array([-(2**62), -(2**53) - 1, -7, -3, -1, 1, 3, 7, 2**53 + 1, 123456789, 2**31], np.int64)
_UNARY = "Abs Neg Ceil Floor Round Sign Relu Sigmoid Tanh Exp Log Sqrt Reciprocal Identity".split()
_BINARY = "Add Sub Mul Div Max Min".split()


def edges() -> Iterator[tuple[Any, ...]]:
    """Each a node and its inputs."""
    for dtype in (np.float32, np.float64):
        values = np.array(ODD, dtype)
        first, second = np.repeat(values, len(values)), np.tile(values, len(values))
        yield from ((helper.make_node(op, ["a"], ["y"]), values) for op in [*_UNARY, "Clip"])
        yield from ((helper.make_node(op, ["a", "b"], ["y"]), first, second) for op in _BINARY)
        yield helper.make_node("Mod", ["a", "b"], ["y"], fmod=1), first, second
        plain = np.array([[-0.0, 0.0], [0.0, -0.0], [2.0, 2.0], [-np.inf, np.inf], [np.inf, 1.0]], dtype)
        for last in (0, 1):
            for op in ("ArgMax", "ArgMin"):
                yield helper.make_node(op, ["a"], ["y"], axis=1, select_last_index=last), plain
        yield helper.make_node("ReduceLogSumExp", ["a"], ["y"], axes=[1]), plain[:, ::-1].copy()
        yield (
            helper.make_node("Cast", ["a"], ["y"], to=TensorProto.INT64),
            np.array([-3.7, -0.5, 0.5, 3.7, 1e15], dtype),
        )
    first, second = np.repeat(LARGE, len(LARGE)), np.tile(LARGE, len(LARGE))
    yield from ((helper.make_node(op, ["a", "b"], ["y"]), first, second) for op in [*_BINARY, "Mod"])
    yield helper.make_node("Mod", ["a", "b"], ["y"], fmod=1), first, second


def alone(node: Any, *values: Any) -> bytes:
    """A file of one operator."""
    code = helper.np_dtype_to_tensor_dtype
    ports = [
        helper.make_tensor_value_info(name, code(value.dtype), [None, *value.shape[1:]])
        for name, value in zip(node.input, values, strict=True)
    ]
    whole = {"ArgMax": TensorProto.INT64, "ArgMin": TensorProto.INT64, "Cast": TensorProto.INT64}
    made = helper.make_tensor_value_info("y", whole.get(node.op_type, code(values[0].dtype)), None)
    return _file([node], ports, [made], 17)


def branches() -> bytes:
    """A file whose two branches hold different constants under one name."""
    hold = [numpy_helper.from_array(np.full(2, value, np.float32), "w") for value in (1.0, 5.0)]
    out = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in ("u", "v")]
    inner = [
        helper.make_graph([helper.make_node("Add", ["x", "w"], [port.name])], port.name, [], [port], [constant])
        for port, constant in zip(out, hold, strict=True)
    ]
    steps = [
        helper.make_node("If", [which], [port], then_branch=inner[0], else_branch=inner[1])
        for which, port in (("yes", "p"), ("no", "q"))
    ]
    constants = [numpy_helper.from_array(np.array(value), name) for name, value in (("yes", True), ("no", False))]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in "xpq"]
    return _file(steps, ports[:1], ports[1:], 17, constants)


def _file(nodes: Any, inputs: Any, outputs: Any, opset: int, constants: Any = None) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return bytes(model.SerializeToString())


def asked(data: bytes, *values: Any) -> list[Any]:
    """What onnxruntime answers."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_inputs()]
    return list(session.run(None, dict(zip(names, values, strict=True))))
