"""Is a SavedModel data? Its graph is read without TensorFlow, and written anew from what was looked at.

What is kept: constants, the functions that only compute, the signatures and the objects. What runs when a model is
saved and restored is left out, as is the graph around the functions; TensorFlow restores variables without it.
Source of the field numbers: ``saved_model.proto``, ``meta_graph.proto``, ``graph.proto``, ``function.proto``,
``node_def.proto``, ``attr_value.proto``, ``tensor.proto`` and ``saved_object_graph.proto`` of TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.savedmodel import wire
from modelkeep.formats.savedmodel.operators import CHECKPOINT, PURE

#: Elements of all constants together: one number may stand for many.
MAX_ELEMENTS = 1 << 28
MAX_NODES = 5_000_000
MAX_DEPTH = 10
#: Functions have counters and underscores in their names; an operator's name is one word.
_LIKE_AN_OPERATOR = re.compile(r"_?[A-Z][A-Za-z0-9]*")
_HINT = "get the folder again from where it came from, or save the model anew with TensorFlow 2"
_ASSET, _FUNCTION_NODES, _OPERATORS = 5, 3, 2


class Audited(NamedTuple):
    """The graph written anew, and the operators in it that may do more than compute."""

    clean: bytes
    impure: list[str]


class _Function(NamedTuple):
    name: str
    raw: memoryview
    operators: frozenset[str]
    calls: frozenset[str]


def audit(data: memoryview) -> Audited:
    """Look at all of ``saved_model.pb``."""
    graphs = list(wire.messages(data, 2))
    if len(graphs) != 1:
        raise GraphError(f"there are {len(graphs)} graphs in it instead of one", hint=_HINT)
    parts = {number: list(wire.messages(graphs[0], number)) for number in (1, 2, 5, 7)}
    if len(parts[2]) != 1 or len(parts[7]) != 1:
        raise GraphError("it has no objects: TensorFlow 1 saved it, or it is cut off", hint=_HINT)
    _check_objects(parts[7][0])
    called = frozenset(wire.text(pair, 1) for pair in wire.messages(parts[7][0], 2))
    graph, impure = _graph(parts[2][0], called)
    # Of what it says of itself: all but the operators of the graph as it was.
    about = [wire.encode(field for field in wire.fields(part) if field[0] != _OPERATORS) for part in parts[1]]
    kept: list[tuple[int, int, bytes | memoryview]] = [(1, wire.BYTES, part) for part in about]
    kept.append((2, wire.BYTES, graph))
    kept += [(number, wire.BYTES, part) for number in (5, 7) for part in parts[number]]
    return Audited(wire.encode([(1, 0, 1), (2, wire.BYTES, wire.encode(kept))]), impure)


def _graph(graph: memoryview, called: frozenset[str]) -> tuple[bytes, list[str]]:
    """The graph written anew, and what is impure in it. ``called`` are the functions that objects have."""
    library = [part for each in wire.messages(graph, 2) for part in wire.messages(each, 1)]
    everything = [_function(raw) for raw in library]
    functions = _without_checkpoints(everything)
    names = {function.name for function in functions}
    if len(names) != len(functions):
        raise GraphError("two functions have one name", hint=_HINT)
    impure = {op for function in functions for op in function.operators if op not in PURE and op not in names}
    impure |= {op for f in everything if f.name in called - names for op in f.operators & CHECKPOINT}
    missing = {call for function in functions for call in function.calls if call not in names}
    missing |= called - names
    impure |= {f"the function {name}" for name in missing}
    odd = next((name for name in names if _LIKE_AN_OPERATOR.fullmatch(name)), None)
    if odd is not None:
        raise CheckError(f"the function {quote(odd, 60)} has the name of an operator", hint=_HINT)
    left = [MAX_ELEMENTS]
    constants = []
    for node in wire.messages(graph, 1):
        if wire.text(node, 2) == "Const":
            _look(node, left)
            constants.append(node)
    for function in functions:
        for node in wire.messages(function.raw, _FUNCTION_NODES):
            _look(node, left)
    gradients = [part for each in wire.messages(graph, 2) for part in wire.messages(each, 2)]
    if gradients:
        raise CheckError("functions with gradients of their own are not read", hint="save the model for inference only")
    inner = wire.encode([(1, wire.BYTES, function.raw) for function in functions])
    kept: list[tuple[int, int, bytes | memoryview]] = [(1, wire.BYTES, node) for node in constants]
    kept += [(2, wire.BYTES, inner), *((4, wire.BYTES, part) for part in wire.messages(graph, 4))]
    return wire.encode(kept), sorted(impure)


def _without_checkpoints(functions: list[_Function]) -> list[_Function]:
    """The functions without those that save and restore, and without those that call them."""
    gone: set[str] = set()
    while True:
        more = {f.name for f in functions if f.name not in gone and (f.operators & CHECKPOINT or f.calls & gone)}
        if not more:
            return [function for function in functions if function.name not in gone]
        gone |= more


def _function(raw: memoryview) -> _Function:
    signature = next(wire.messages(raw, 1), None)
    if signature is None:
        raise GraphError("a function without a name", hint=_HINT)
    nodes = list(wire.messages(raw, _FUNCTION_NODES))
    operators = frozenset(wire.text(node, 2) for node in nodes)
    calls = frozenset(name for node in nodes for name in _calls(node))
    # Attributes of the function itself may name others, such as its forward and backward pass: those are only text.
    return _Function(wire.text(signature, 1), raw, operators, calls)


def _calls(node: memoryview) -> Iterator[str]:
    """The functions that a node's attributes name."""
    for pair in wire.messages(node, 5):
        for value in wire.messages(pair, 2):
            yield from _named(value, 0)


def _named(value: memoryview, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise GraphError("attributes are nested too deep", hint=_HINT)
    functions = [*wire.messages(value, 10)]
    for each in wire.messages(value, 1):
        functions += wire.messages(each, 9)
    for function in functions:
        yield wire.text(function, 1)
        for pair in wire.messages(function, 2):
            for inner in wire.messages(pair, 2):
                yield from _named(inner, depth + 1)


def _look(node: memoryview, left: list[int]) -> None:
    """Count the elements of a node's tensors: their shape alone makes TensorFlow take the memory."""
    for pair in wire.messages(node, 5):
        for value in wire.messages(pair, 2):
            for tensor in wire.messages(value, 8):
                left[0] -= _elements(tensor)
                if left[0] < 0:
                    raise CheckError("its constants would take more memory than a model needs", hint=_HINT)


def _elements(tensor: memoryview) -> int:
    count = 1
    for shape in wire.messages(tensor, 2):
        for axis in wire.messages(shape, 2):
            size = sum(wire.numbers(axis, 1))
            if size < 0 or size > MAX_ELEMENTS:
                raise CheckError("a constant has an unusable shape", hint=_HINT)
            count = min(count * size, MAX_ELEMENTS + 1)
    return count


def _check_objects(objects: memoryview) -> None:
    for count, thing in enumerate(wire.messages(objects, 1)):
        if count > MAX_NODES:
            raise GraphError("it has too many objects", hint=_HINT)
        if next(wire.messages(thing, _ASSET), None) is not None:
            hint = "save the model with its vocabularies as tensors, not as files"
            raise CheckError("it reads files of its own when it is loaded", hint=hint)
