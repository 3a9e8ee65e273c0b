"""A graph that is being written: operators and constants, named in the order in which they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

#: The newest operators that both onnxruntime and onnxruntime-web have.
OPSET = 21
ML_OPSET = 5
IR_VERSION = 10
ML = "ai.onnx.ml"
_FLOAT, _DOUBLE = 1, 11


class Graph:
    """Operators are added in order; ``add`` gives the names of what they make, ``const`` that of a constant.

    Equal constants are one. Nothing in it depends on anything but the calls, so that one model gives one file.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[tuple[str, tuple[int, ...], bytes], Any] = {}
        #: Names of inputs, which are given from outside.
        self.taken: set[str] = set()
        self._count = 0

    def name(self, hint: str) -> str:
        """A name that nothing has."""
        self._count += 1
        while (found := f"{hint}_{self._count}") in self.taken:
            self._count += 1
        return found

    def add(self, operator: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any) -> str:
        """One operator with one output; gives the output's name."""
        return self.several(operator, inputs, 1, domain, [output] if output else None, **attributes)[0]

    def narrowed(self, name: str) -> str:
        """Numbers rounded to float32, as float64 again."""
        return self.add("Cast", self.add("Cast", name, to=_FLOAT), to=_DOUBLE)

    def several(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: int,
        domain: str = "",
        names: Sequence[str] | None = None,
        **attributes: Any,
    ) -> list[str]:
        """One operator with several outputs."""
        from onnx import helper

        made = list(names) if names else [self.name(operator) for _ in range(outputs)]
        lists = {key: value for key, value in attributes.items() if _is_list(value)}
        plain = {key: _attribute(value) for key, value in attributes.items() if key not in lists}
        node = helper.make_node(operator, list(inputs), made, domain=domain, **plain)
        for key in sorted(lists):
            _add_ints(node, key, lists[key])
        self.nodes.append(node)
        return made

    def loop(self, rounds: int, states: Sequence[str], body: Callable[..., tuple[str, Sequence[str]]]) -> list[str]:
        """What ``states`` become after at most so many rounds.

        ``body(*states)`` adds the operators of one round, and gives a truth value, whether to go on, and new states.
        """
        from onnx import TensorProto, helper

        around, self.nodes = self.nodes, []
        count, before = self.name("round"), self.name("before")
        names = [self.name("state") for _ in states]
        proceed, after = body(*names)
        inner, self.nodes = self.nodes, around
        inputs = [
            helper.make_tensor_value_info(count, TensorProto.INT64, []),
            helper.make_tensor_value_info(before, TensorProto.BOOL, []),
            *(helper.make_empty_tensor_value_info(name) for name in names),
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in (proceed, *after)]
        graph = helper.make_graph(inner, "round", inputs, outputs)
        return self.several("Loop", [self.const(rounds, np.int64), "", *states], len(states), body=graph)

    def const(self, value: Any, dtype: Any = None) -> str:
        """A constant array: numbers, truth values, or texts."""
        from onnx import numpy_helper

        array = np.array(value, dtype=dtype)
        if array.dtype.kind in "UO":
            array = array.astype(object)
        data = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        key = (array.dtype.str, array.shape, data)
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, self.name("constant"))
        return str(self.constants[key].name)

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any], metadata: Mapping[str, Any], opset: int) -> Any:
        """The whole as a ``ModelProto``; inputs and outputs are of ``helper.make_tensor_value_info``."""
        from onnx import helper

        graph = helper.make_graph(self.nodes, "modelkeep", inputs, outputs, list(self.constants.values()))
        used = {node.domain for node in self.nodes}
        imports = [helper.make_opsetid("", opset)]
        imports += [helper.make_opsetid(ML, ML_OPSET)] if ML in used else []
        imports += [helper.make_opsetid(each, 1) for each in sorted(used - {"", ML})]
        return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="modelkeep")


def _is_list(value: Any) -> bool:
    """An array of int64 stands for a list of whole numbers."""
    return isinstance(value, np.ndarray) and value.dtype == np.int64 and value.ndim == 1


def _add_ints(node: Any, name: str, values: Any) -> None:
    """What ``make_node`` does, without a look at each of millions of numbers."""
    attribute = node.attribute.add(name=name)
    attribute.type = attribute.INTS
    attribute.ints.extend(values.tolist())


def _attribute(value: Any) -> Any:
    """Another array becomes a tensor; integers of numpy become Python's."""
    if isinstance(value, np.ndarray):
        from onnx import numpy_helper

        return numpy_helper.from_array(value)
    return value.item() if isinstance(value, np.generic) else value
