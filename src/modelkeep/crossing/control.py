"""Operators that hold graphs. Their conditions and numbers of rounds are known without rows, so they are unrolled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.errors import ExportError

MAX_ROUNDS = 4096
_HINT = "keep it as an ONNX predictor"


def _inside(run: Any, program: Any, inputs: dict[str, Any]) -> list[Any]:
    return list(type(run)(program, run.k, run.weights, run.values)(inputs))


def if_(run: Any, a: dict[str, Any], step: Any) -> Any:
    condition = run.known(step.inputs[0], step)
    then, otherwise = a["then_branch"], a["else_branch"]
    return tuple(_inside(run, then if np.ravel(condition)[0] else otherwise, {}))


def loop(run: Any, a: dict[str, Any], step: Any) -> Any:
    """``body(round, go on, carried...)`` gives ``go on, carried..., and what is stacked``."""
    body = a["body"]
    rounds = int(np.ravel(run.known(step.inputs[0], step))[0]) if step.inputs[0] else MAX_ROUNDS + 1
    condition = run.values[step.inputs[1]] if len(step.inputs) > 1 and step.inputs[1] else np.array(True)
    carried = [run.values[name] for name in step.inputs[2:]]
    stacks: list[list[Any]] = [[] for _ in body.outputs[1 + len(carried) :]]
    for number in range(rounds):
        if not isinstance(condition, np.ndarray):
            raise ExportError(f"{step.title} ends where the rows say", hint=_HINT)
        if not condition.ravel()[0]:
            break
        if number >= MAX_ROUNDS:
            raise ExportError(f"{step.title} has more than {MAX_ROUNDS} rounds", hint=_HINT)
        inputs = dict(zip(body.inputs, [np.array(number), condition, *carried], strict=True))
        condition, *answers = _inside(run, body, inputs)
        carried, rows = answers[: len(carried)], answers[len(carried) :]
        for stack, each in zip(stacks, rows, strict=True):
            stack.append(_tensor(run, each))
    return (*carried, *(run.k.stack(stack, 0) for stack in stacks))


def scan(run: Any, a: dict[str, Any], step: Any) -> Any:
    """``body(states..., one of each sequence)`` gives ``states..., one of each answer``."""
    body, count = a["body"], a["num_scan_inputs"]
    values = [run.values[name] for name in step.inputs]
    states, sequences = values[: len(values) - count], values[len(values) - count :]
    axes = a.get("scan_input_axes") or [0] * count
    backward = a.get("scan_input_directions") or [0] * count
    sequences = [run.k.moveaxis(_tensor(run, each), axis, 0) for each, axis in zip(sequences, axes, strict=True)]
    rounds = int(run.k.shape(sequences[0])[0])
    if rounds > MAX_ROUNDS:
        raise ExportError(f"{step.title} has more than {MAX_ROUNDS} rounds", hint=_HINT)
    stacks: list[list[Any]] = [[] for _ in body.outputs[len(states) :]]
    for number in range(rounds):
        places = [rounds - 1 - number if back else number for back in backward]
        items = [each[place] for each, place in zip(sequences, places, strict=True)]
        answers = _inside(run, body, dict(zip(body.inputs, [*states, *items], strict=True)))
        states = answers[: len(states)]
        for stack, each in zip(stacks, answers[len(states) :], strict=True):
            stack.append(_tensor(run, each))
    turned = a.get("scan_output_directions") or [0] * len(stacks)
    out = a.get("scan_output_axes") or [0] * len(stacks)
    made = [
        run.k.moveaxis(run.k.stack(stack[::-1] if back else stack, 0), 0, axis)
        for stack, back, axis in zip(stacks, turned, out, strict=True)
    ]
    return (*states, *made)


def _tensor(run: Any, value: Any) -> Any:
    return run.k.constant(value) if isinstance(value, np.ndarray) else value


OPERATORS: dict[str, Callable[..., Any]] = {"If": if_, "Loop": loop, "Scan": scan}
