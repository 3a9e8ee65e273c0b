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


def forms() -> Iterator[tuple[Any, ...]]:
    """Each a name, a file of one operator whose further inputs are constants, and its rows."""
    table = np.arange(12, dtype=np.float32).reshape(3, 4) - 2.5
    image = table.reshape(1, 1, 3, 4)
    whole = np.arange(12, dtype=np.int32).reshape(3, 4)
    yield "pads of axes out of order", fixed("Pad", [table], [1, 0, 2, 3], None, [1, 0], opset=18), table
    yield "steps back from before the front", fixed("Slice", [table], [-9], [-(2**31)], [1], [-1]), table
    yield "steps back to the front", fixed("Slice", [table], [-1], [-(2**63)], [1], [-2]), table
    yield "sizes counted in float32", fixed("Upsample", [image], np.float32([1, 1, 1.5, 3.3]), opset=9), image
    yield "rows of images made more", fixed("Resize", [image], None, None, [2, 1, 3, 8]), image
    for op in ("ReduceL1", "ReduceSumSquare", "ReduceL2"):
        yield f"{op} over no axes", fixed(op, [table], opset=18, noop_with_empty_axes=1), table
    for op in ("ReduceSum", "ReduceProd", "ReduceMax"):
        yield f"{op} of few bits", fixed(op, [whole], opset=18), whole
    yield "sums of few bits", fixed("CumSum", [whole], np.array(1), exclusive=1), whole
    yield "roots of whole numbers", fixed("Pow", [whole], np.float32(0.5)), whole
    yield "places fewer than elements", fixed("GatherElements", [table], [[1], [0]], axis=1), table


def unclear() -> Iterator[bytes]:
    """What the standard and its runtimes take in two ways, or not at all."""
    image = np.ones((1, 1, 3, 4), np.float32)
    kernel, scales = np.ones((1, 1, 1, 1), np.float32), np.float32([1, 1, 1.5, 1])
    yield fixed("Slice", [image], [-1], [2**31 - 1], [3], [-1])
    yield fixed("ConvTranspose", [image], kernel, strides=[2, 2], auto_pad="SAME_UPPER")
    yield fixed("Resize", [image], None, scales, coordinate_transformation_mode="align_corners")
    yield fixed("Resize", [image], None, None, [1, 1, 2, 9], opset=18, keep_aspect_ratio_policy="not_larger")
    yield fixed("DepthToSpace", [image], blocksize=0)
    yield fixed("ConvTranspose", [image], kernel, group=0)
    yield fixed("MaxPool", [image], kernel_shape=[2, 2], dilations=[1, 2], auto_pad="SAME_LOWER")


def fixed(op: str, rows: list[Any], *constants: Any, opset: int = 17, **attributes: Any) -> bytes:
    """A file of one operator over rows of any number and constants, None for one that is left out."""
    code = helper.np_dtype_to_tensor_dtype
    ports = [
        helper.make_tensor_value_info(f"x{i}", code(each.dtype), [None, *each.shape[1:]]) for i, each in enumerate(rows)
    ]
    held = {f"c{i}": np.asarray(each) for i, each in enumerate(constants) if each is not None}
    names = [port.name for port in ports] + [f"c{i}" if f"c{i}" in held else "" for i in range(len(constants))]
    made = helper.make_tensor_value_info("y", code(rows[0].dtype), None)
    tensors = [numpy_helper.from_array(each, name) for name, each in held.items()]
    graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "g", ports, [made], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


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
