"""LSTM, GRU and plain recurrent layers, step by step: https://github.com/onnx/onnx/blob/main/docs/Operators.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelkeep.crossing import elementwise

Attributes = dict[str, Any]
State = tuple[Any, ...]

_ACTIVATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "sigmoid": lambda k, x: k.sigmoid(x),
    "tanh": lambda k, x: k.tanh(x),
    "relu": lambda k, x: k.relu(x),
    "softsign": lambda k, x: elementwise.softsign(k, {}, x),
    "softplus": lambda k, x: k.softplus(x),
    "elu": lambda k, x: elementwise.elu(k, {}, x),
    "leakyrelu": lambda k, x: elementwise.leaky_relu(k, {}, x),
}


class _Layer:
    """One direction: the weights of its gates, and the activations that the file names."""

    def __init__(
        self, k: Any, a: Attributes, direction: int, weights: Any, recurrence: Any, bias: Any, names: list[str]
    ):
        self.k, self.a = k, a
        self.f = [_ACTIVATIONS[name.lower()] for name in names]
        self.weights = k.transpose(weights[direction], (1, 0))
        self.recurrence = k.transpose(recurrence[direction], (1, 0))
        self.hidden = a["hidden_size"]
        gates = int(k.shape(self.weights)[1])
        self.bias = bias[direction][:gates] if bias is not None else None
        self.inner = bias[direction][gates:] if bias is not None else None

    def outer(self, x: Any) -> Any:
        """What the gates get from the input."""
        made = self.k.matmul(x, self.weights)
        return made if self.bias is None else made + self.bias

    def _part(self, x: Any, number: int) -> Any:
        return x[:, number * self.hidden : (number + 1) * self.hidden]

    def _again(self, h: Any) -> Any:
        made = self.k.matmul(h, self.recurrence)
        return made if self.inner is None else made + self.inner

    def lstm(self, x: Any, state: State) -> State:
        """Gates in the order input, output, forget, cell."""
        h, c = state
        total = self.outer(x) + self._again(h)
        i, o, f = (self.f[0](self.k, self._part(total, gate)) for gate in range(3))
        c = f * c + i * self.f[1](self.k, self._part(total, 3))
        return o * self.f[2](self.k, c), c

    def gru(self, x: Any, state: State) -> State:
        """Gates in the order update, reset, hidden."""
        (h,) = state
        given, again = self.outer(x), self._again(h)
        z, r = (self.f[0](self.k, self._part(given, gate) + self._part(again, gate)) for gate in range(2))
        if self.a.get("linear_before_reset"):
            inner = r * self._part(again, 2)
        else:
            inner = self.k.matmul(r * h, self.recurrence[:, 2 * self.hidden :])
            inner = inner if self.inner is None else inner + self.inner[2 * self.hidden :]
        n = self.f[1](self.k, self._part(given, 2) + inner)
        return ((1.0 - z) * n + z * h,)

    def plain(self, x: Any, state: State) -> State:
        return (self.f[0](self.k, self.outer(x) + self._again(state[0])),)


def _recurrent(kind: str, states: int, default: list[str]) -> Callable[..., Any]:
    def run(k: Any, a: Attributes, x: Any, w: Any, r: Any, b: Any = None, lengths: Any = None, *rest: Any) -> Any:
        if lengths is not None or a.get("clip") or a.get("input_forget") or any(e is not None for e in rest[states:]):
            raise NotImplementedError("rows of several lengths, clipping or peepholes")
        if a.get("layout"):
            raise NotImplementedError("rows before places")
        length, rows = k.shape(x)[:2]
        ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[a.get("direction", "forward")]
        names = a.get("activations") or default * len(ways)
        per = len(default)
        ends, answers = [], []
        for number, backward in enumerate(ways):
            layer = _Layer(k, a, number, w, r, b, names[number * per : (number + 1) * per])
            start = tuple(
                rest[i][number] if i < len(rest) and rest[i] is not None else k.zeros_of((rows, layer.hidden), x)
                for i in range(states)
            )
            outputs, end = _walk(getattr(layer, kind), x, start, int(length), backward)
            answers.append(k.stack(outputs, 0))
            ends.append(end)
        last = [k.stack([end[i] for end in ends], 0) for i in range(states)]
        return (k.stack(answers, 1), *last)

    return run


def _walk(step: Callable[..., State], x: Any, state: State, length: int, backward: bool) -> tuple[list[Any], State]:
    outputs: list[Any] = [None] * length
    for place in reversed(range(length)) if backward else range(length):
        state = step(x[place], state)
        outputs[place] = state[0]
    return outputs, state


OPERATORS: dict[str, Callable[..., Any]] = {
    "GRU": _recurrent("gru", 1, ["Sigmoid", "Tanh"]),
    "LSTM": _recurrent("lstm", 2, ["Sigmoid", "Tanh", "Tanh"]),
    "RNN": _recurrent("plain", 1, ["Tanh"]),
}
