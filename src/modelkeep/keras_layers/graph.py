"""Models of layers: the chain of a Sequential, and the graph of a Functional, whose nodes are data with references.

A Functional's config has ``layers``, each a spec with a ``name`` and ``nodes``: one ``{"args", "kwargs"}`` for each
call of the layer. ``{"tensor": [layer, node, output]}`` in them, and in ``inputs`` and ``outputs``, is what it gave.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelkeep.errors import quote
from modelkeep.keras_layers import kinds
from modelkeep.keras_layers.kinds import refuse, require

if TYPE_CHECKING:
    from modelkeep.keras_layers.check import Checker

Spec = dict[str, Any]
Node = tuple[int, int]
_CONFIGS = {
    "Functional": {"name", "trainable", "layers", "inputs", "outputs"},
    "Sequential": {"name", "trainable", "dtype", "layers", "input_shape"},
}
_GROUPS = ("layers", "ops")
MAX_NODES = 1_000_000


def check_model(checker: Checker, spec: Spec, place: str) -> None:
    """The config of a Functional or a Sequential."""
    kind = spec.get("base") or spec["class"]
    config, allowed = spec["config"], _CONFIGS[kind]
    if not config.keys() <= allowed or not {"name", "layers"} <= config.keys():
        refuse(place, f"a {kind} model has {', '.join(sorted(allowed))}")
    kinds.name(config["name"], f"{place}.name")
    kinds.boolean(config.get("trainable", True), f"{place}.trainable")
    require(type(config["layers"]) is list, place, config["layers"], "a list of layers")
    if kind == "Sequential":
        kinds.plain(config.get("input_shape"), f"{place}.input_shape")
        checker.value(config.get("dtype"), "policy", f"{place}.dtype")
        for number, layer in enumerate(config["layers"]):
            checker.any_object(layer, f"{place}.layers[{number}]", ("layers",))
        return
    for number, layer in enumerate(config["layers"]):
        _check_layer(checker, layer, f"{place}.layers[{number}]")
    order(config["layers"], place)
    for key in ("inputs", "outputs"):
        found = list(references(config.get(key), f"{place}.{key}", config=True))
        require(found, f"{place}.{key}", config.get(key), "made of tensors")
        for reference in found:
            _resolve(_names(config["layers"], place), config["layers"], reference, place)


def _check_layer(checker: Checker, layer: Any, place: str) -> None:
    require(type(layer) is dict, place, layer, "a layer")
    checker.any_object(without_nodes(layer), place, _GROUPS)
    kinds.name(layer.get("name"), f"{place}.name")
    nodes = layer.get("nodes")
    require(type(nodes) is list and len(nodes) <= MAX_NODES, place, nodes, "a list of nodes")
    if _is_input(layer):
        require(nodes == [], place, nodes, "what an input has: no nodes")
    for node in nodes:
        require(type(node) is dict and node.keys() == {"args", "kwargs"}, place, node, "a node")
        require(type(node["args"]) is list and type(node["kwargs"]) is dict, place, node, "a node")


def without_nodes(layer: Spec) -> Spec:
    """The layer itself, without its place in the graph."""
    return {key: value for key, value in layer.items() if key not in ("name", "nodes")}


def _is_input(layer: Spec) -> bool:
    return str(layer["class"]) == "layers.InputLayer"


def references(value: Any, place: str, depth: int = 0, *, config: bool = False) -> Iterator[list[Any]]:
    """The tensors in the arguments of a call. All else there is plain data, and in a model's config nothing else is."""
    require(depth < kinds.MAX_DEPTH, place, "an argument", "nested so deep")
    if type(value) is list:
        for each in value:
            yield from references(each, place, depth + 1, config=config)
    elif type(value) is dict and value.keys() == {"dict"} and type(value["dict"]) is dict:
        for each in value["dict"].values():
            yield from references(each, place, depth + 1, config=config)
    elif type(value) is dict and value.keys() == {"tensor"}:
        yield value["tensor"]
    elif config:
        refuse(place, f"{quote(repr(value), 80)} is no tensor")
    else:
        kinds.plain(value, place)


def _names(layers: list[Spec], place: str) -> dict[str, int]:
    names = {layer["name"]: number for number, layer in enumerate(layers)}
    if len(names) != len(layers):
        refuse(place, "two layers of a model have one name")
    return names


def _resolve(names: dict[str, int], layers: list[Spec], reference: Any, place: str) -> Node:
    """The call that a reference names."""
    require(type(reference) is list and len(reference) == 3, place, reference, "a reference to a tensor")
    name, node, output = reference
    require(type(name) is str and name in names, place, name, "the name of a layer")
    layer = layers[names[name]]
    kinds.whole(node, place, 0, 0 if _is_input(layer) else len(layer["nodes"]) - 1)
    kinds.whole(output, place, 0, kinds.MAX_TEXT)
    return names[name], node


def order(layers: list[Spec], place: str) -> list[Node]:
    """The calls, (layer, node), each behind those whose tensors it takes and behind the earlier ones of its layer."""
    names = _names(layers, place)
    waiting: dict[Node, int] = {}
    behind: dict[Node, list[Node]] = {}
    for number, layer in enumerate(layers):
        for count, node in enumerate(layer["nodes"]):
            here = f"{place}.{layer['name']}"
            needed = {_resolve(names, layers, each, here) for each in references(_arguments(node), here)}
            needed = {each for each in needed if not _is_input(layers[each[0]])}
            if count:
                needed.add((number, count - 1))
            waiting[number, count] = len(needed)
            for each in needed:
                behind.setdefault(each, []).append((number, count))
    ready = [node for node, missing in waiting.items() if not missing]
    heapq.heapify(ready)
    found: list[Node] = []
    while ready:
        node = heapq.heappop(ready)
        found.append(node)
        for later in behind.get(node, ()):
            waiting[later] -= 1
            if not waiting[later]:
                heapq.heappush(ready, later)
    if len(found) != len(waiting):
        refuse(place, "the calls of the layers lead in a circle")
    return found


def _arguments(node: Spec) -> list[Any]:
    return [node["args"], list(node["kwargs"].values())]
