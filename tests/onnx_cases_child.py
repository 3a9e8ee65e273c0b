"""Run as a process of its own, with KERAS_BACKEND set: the ONNX standard's own cases of operators, as Keras models.

``python onnx_cases_child.py N`` takes every N-th case, gives the model what the case gives, holds fixed what has to be
known without rows, and prints how many answers were right, which wrong, and how many were told not to be computed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras
import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

import onnx_edges
from modelkeep import crossing
from modelkeep.crossing.interpreter import KNOWN
from modelkeep.errors import ModelkeepError

CROSSING = crossing._KNOWN | {"Constant"}


def main(stride: int) -> None:
    told, right, wrong = 0, 0, []
    for case in list(filter(numeric, collect_testcases(None)))[::stride]:
        (inputs, outputs), *_ = case.data_sets
        data, rows = fixed(case.model, inputs)
        try:
            answers = crossing.to_keras(data)(rows if len(rows) > 1 else rows[0])
        except ModelkeepError:
            told += 1
            continue
        answers = answers if isinstance(answers, list | tuple) else [answers]
        same = len(answers) == len(outputs) and all(map(alike, answers, outputs))
        right += same
        wrong += [] if same else [case.name]
    for node, *values in onnx_edges.edges():
        data = onnx_edges.alone(node, *values)
        answer = crossing.to_keras(data)(values if len(values) > 1 else values[0])
        wrong += [] if alike(answer, onnx_edges.asked(data, *values)[0]) else [f"{node.op_type} {values[0].dtype}"]
    for name, data, *values in onnx_edges.forms():
        answer = crossing.to_keras(data)(values if len(values) > 1 else values[0])
        wrong += [] if alike(answer, onnx_edges.asked(data, *values)[0]) else [name]
    rows = np.ones((3, 2), np.float32)
    pairs = zip(
        crossing.to_keras(onnx_edges.branches())(rows), onnx_edges.asked(onnx_edges.branches(), rows), strict=True
    )
    wrong += [] if all(alike(*pair) for pair in pairs) else ["branches"]
    print("\n" + json.dumps({"right": right, "told": told, "wrong": wrong}))


def numeric(case: Any) -> bool:
    if case.model is None or not case.model.graph.input or "empty_set" in case.name:  # of nothing there is no largest
        return False
    values = [*case.data_sets[0][0], *case.data_sets[0][1]]
    numbers = all(isinstance(each, np.ndarray) and each.dtype.kind in "fiub" for each in values)
    return numbers and {node.op_type for node in case.model.graph.node} <= CROSSING


def fixed(model: Any, inputs: Any) -> tuple[bytes, list[Any]]:
    """The model with constants for what has to be known without rows, and the other inputs."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    given = dict(zip((port.name for port in made.graph.input), inputs, strict=False))
    known = {
        node.input[place]
        for node in made.graph.node
        for place in KNOWN.get(node.op_type, ())
        if place < len(node.input)
    }
    rows = [port for port in made.graph.input if port.name not in known] or list(made.graph.input)[:1]
    names = {port.name for port in rows}
    constants = [onnx.numpy_helper.from_array(given[name], name) for name in given if name not in names]
    ports = [onnx.ValueInfoProto.FromString(port.SerializeToString()) for port in rows]
    del made.graph.input[:]
    made.graph.input.extend(ports)
    made.graph.initializer.extend(constants)
    return made.SerializeToString(), [given[port.name] for port in ports]


def alike(answer: Any, expected: Any) -> bool:
    found = np.asarray(keras.ops.convert_to_numpy(answer))
    near = 2e-3 if expected.dtype.itemsize < 4 else 1e-4
    same = found.shape == expected.shape and found.dtype == expected.dtype
    return same and np.allclose(found, expected, near, near, equal_nan=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
