"""What a program is made to look at before it calls a kernel that takes sizes on trust.

The kernels for attention, LSTM and normed weights read as many items as one tensor says from another. The shapes that
a file states are no proof of those that its tensors will have, so steps are put in front of such a call: ordinary
operators, on one row, that fail unless the sizes agree. They cost next to nothing, and change no answer.
"""

from __future__ import annotations

from typing import Any

from modelkeep.errors import CheckError
from modelkeep.torch_grammar import HINT

PREFIX = "modelkeep_guard_"
_LSTM = "torch.ops.aten.lstm."
_NORMED = "torch.ops.aten._weight_norm.default"
_ATTENTION = "torch.ops.aten.scaled_dot_product_attention.default"
Sizes = dict[str, list[int]]


def guard(graph: dict[str, Any], parameters: Sizes) -> None:
    """Put the steps into ``graph``; ``parameters`` are the sizes of those inputs of it that are weights."""
    nodes: list[Any] = []
    for name in [name for name in graph["tensor_values"] if name.startswith(PREFIX)]:
        del graph["tensor_values"][name]
    made = _Steps(graph)
    for node in graph["nodes"]:
        if any(_name_of(each).startswith(PREFIX) for each in node["outputs"]):
            continue  # of an earlier writing
        inputs = {each["name"]: each["arg"] for each in node["inputs"]}
        if node["target"] == _ATTENTION:
            made.attention(inputs)
        elif node["target"] == _NORMED:
            _normed(inputs, parameters)
        elif node["target"].startswith(_LSTM):
            if node["target"] != _LSTM + "input":
                raise CheckError("the program calls an LSTM on packed rows", hint="pad the rows instead")
            made.lstm(inputs, parameters)
        for each in node["inputs"]:
            if "as_graph" in each["arg"]:
                guard(each["arg"]["as_graph"]["graph"], {})
        nodes += [*made.taken(), node]
    graph["nodes"] = nodes


def _normed(inputs: dict[str, Any], parameters: Sizes) -> None:
    """A normed weight: its directions and its norms are parameters, one norm for each place along an axis, or one."""
    values, norms = (parameters.get(_name_of(inputs.get(part, {}))) for part in ("v", "g"))
    dim = inputs.get("dim", {}).get("as_int", 0)
    if values is None or norms is None or not -1 <= dim < len(values):
        raise CheckError("the parts of a normed weight are no parameters of the program", hint=HINT)
    if norms != ([n if axis == dim else 1 for axis, n in enumerate(values)] if dim >= 0 else []):
        raise CheckError("the parts of a normed weight do not fit each other", hint=HINT)


def _name_of(argument: dict[str, Any]) -> str:
    return str(argument.get("as_tensor", {}).get("name", "")) if "as_tensor" in argument else ""


def _integer(value: int) -> dict[str, Any]:
    return {"as_int": value}


def _tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


class _Steps:
    """Steps that were made and stand in no graph yet."""

    def __init__(self, graph: dict[str, Any]) -> None:
        self._graph, self._waiting = graph, list[Any]()
        self.names: set[str] = set()

    def taken(self) -> list[Any]:
        found, self._waiting = self._waiting, []
        return found

    def step(self, operator: str, like: str, /, **inputs: Any) -> str:
        """One call of an operator; the name of what it gives."""
        values = self._graph["tensor_values"]
        if like not in values:
            raise CheckError("a program uses a tensor that it does not have", hint=HINT)
        name = f"{PREFIX}{len(self.names)}"
        self.names.add(name)
        values[name] = {**values[like], "requires_grad": False}
        arguments = [{"name": key, "arg": value, "kind": 1} for key, value in inputs.items()]
        self._waiting.append(
            {
                "target": f"torch.ops.aten.{operator}",
                "inputs": arguments,
                "outputs": [_tensor(name)],
                "metadata": {},
                "is_hop_single_tensor_return": None,
                "name": name,
            }
        )
        return name

    def together(self, names: list[str], dim: int) -> None:
        """Fails unless the tensors agree on all axes but one."""
        self.step("cat.default", names[0], tensors={"as_tensors": [{"name": n} for n in names]}, dim=_integer(dim))

    def first(self, name: str, dim: int) -> str:
        return self.step(
            "slice.Tensor", name, self=_tensor(name), dim=_integer(dim), start=_integer(0), end=_integer(1)
        )

    def attention(self, inputs: dict[str, Any]) -> None:
        keys, values = (_name_of(inputs.get(part, {})) for part in ("key", "value"))
        self.together([self.first(keys, -1), self.first(values, -1)], -1)

    def lstm(self, inputs: dict[str, Any], parameters: Sizes) -> None:
        """The weights are as large as each other say; rows and states fit the first of them."""
        rows, states = _name_of(inputs.get("input", {})), _names(inputs.get("hx"))
        weights = _names(inputs.get("params"))
        layers, both = (inputs.get(name, {}) for name in ("num_layers", "bidirectional"))
        biased, batch_first = (inputs.get(name, {}).get("as_bool") for name in ("has_biases", "batch_first"))
        count = layers.get("as_int", 0) * (2 if both.get("as_bool") else 1)
        if len(states) != 2 or not 0 < count <= len(weights) or any(name not in parameters for name in weights):
            raise CheckError("the weights of an LSTM are no parameters of the program", hint=HINT)
        self._compare([parameters[name] for name in weights], count, bool(biased), 2 if both.get("as_bool") else 1)
        given = self.step("linear.default", rows, input=_tensor(self.first(rows, 1 if batch_first else 0)),
                          weight=_tensor(weights[0]))  # fmt: skip
        if batch_first:
            given = self.step("transpose.int", given, self=_tensor(given), dim0=_integer(0), dim1=_integer(1))
        gates = [given]
        for state in states:
            last = self.step("select.int", state, self=_tensor(state), dim=_integer(0), index=_integer(count - 1))
            row = self.step("unsqueeze.default", last, self=_tensor(last), dim=_integer(0))
            gates.append(self.step("linear.default", row, input=_tensor(row), weight=_tensor(weights[1])))
        self.together(gates, 0)

    @staticmethod
    def _compare(sizes: list[list[int]], count: int, biased: bool, directions: int) -> None:
        hidden = sizes[1][1] if len(sizes) > 1 and len(sizes[1]) == 2 else 0
        width = sizes[0][1] if len(sizes[0]) == 2 else 0
        expected: list[list[int]] = []
        for number in range(count):
            inner = width if number < directions else directions * hidden
            expected += [[4 * hidden, inner], [4 * hidden, hidden], *([[4 * hidden]] * 2 if biased else [])]
        if sizes != expected:
            raise CheckError("the weights of an LSTM do not fit each other, or it has a projection", hint=HINT)


def _names(argument: Any) -> list[str]:
    found = (argument or {}).get("as_tensors", [])
    return [each["name"] for each in found]
