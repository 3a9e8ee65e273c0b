"""The parts of each kind of node: what to append to the path of a place, and the part that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from modelkeep.errors import quote
from modelkeep.formats.keep.types import KINDS

#: Kinds that stand for an object of a class; the class is the first argument.
OBJECTS = frozenset({"object", "reduced", "module"})

Children = Iterator[tuple[str, Any]]


def stripped(value: Any) -> Any:
    """A node without the number that it is shared by."""
    return value[2] if type(value) is list and value[:1] == ["def"] else value


class Step(NamedTuple):
    """A named part of a compound, as in the steps of a pipeline: the name is its place, not the number."""

    name: str
    value: Any
    rest: list[Any]


def _step(value: Any) -> Step | None:
    if type(value) is not list or value[0] != "tuple" or not 2 <= len(value[1]) <= 3:
        return None
    name, second = value[1][:2]
    node = stripped(second)
    whole = second in ("passthrough", "drop") or (type(node) is list and node[0] in (*OBJECTS, "ref"))
    return Step(name, second, value[1][2:]) if type(name) is str and whole else None


def key_suffix(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{quote(key, len(key))}]"


def _state(values: Mapping[str, Any]) -> Children:
    return ((key_suffix(key), value) for key, value in values.items())


def _items(values: list[Any]) -> Children:
    steps = [step for value in values if (step := _step(value))]
    if len(steps) == len(values) == len({step.name for step in steps}):
        yield from ((f"[{quote(step.name, len(step.name))}]", step) for step in steps)
    else:
        yield from ((f"[{place}]", value) for place, value in enumerate(values))


def _pairs(keys: list[Any], values: list[Any]) -> Children:
    for place, (key, value) in enumerate(zip(keys, values, strict=True)):
        plain = type(key) is not list
        if not plain:
            yield f"<key {place}>", key
        yield f"[{quote(key, len(key)) if isinstance(key, str) else key if plain else place}]", value


def _object(node: list[Any]) -> Children:
    return _state(node[2])


def _reduced(node: list[Any]) -> Children:
    yield from _items(node[2])
    yield ".__dict__", node[3]
    yield from _items(node[4])
    yield from _pairs(*node[5])


def _module(node: list[Any]) -> Children:
    yield ".training", node[2]
    for part in (node[3], node[4], node[6], node[7]):
        yield from _state(part)


def _tensor(node: list[Any]) -> Children:
    yield "", node[1]
    yield from _state(node[4])


def _partial(node: list[Any]) -> Children:
    yield ".func", node[1]
    yield from _items(node[2])
    yield from _state(node[3])


#: The names of the arguments of kinds that have a few; an empty name is the thing itself.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "masked": (".data", ".mask", ".fill_value", ".hard"),
    "matrix": ("",),
    "recarray": ("",),
    "sparse": (".format", ".shape", ""),
    "neighbours": (".kind", ".leaf_size", ".data", ".index", ".radius", ".bounds", ".metric", ".sample_weight"),
    "metric": (".name", ".p", ".weights", ".inverse"),
    "bspline": (".t", ".c", ".k", ".extrapolate", ".axis"),
    "ppoly": (".name", ".c", ".x", ".extrapolate", ".axis"),
    "bitgenerator": (".state", ".seed_seq"),
    "generator": (".bit_generator",),
    "randomstate": (".state",),
    "frame": (".columns", ".index", ".blocks", ""),
    "series": (".index", "", ".name", ""),
    "index": ("", ".name", ".freq"),
    "multiindex": (".levels", ".codes", ".names", ".sortorder"),
    "categories": (".codes", ".categories", ".ordered"),
    "nullable": (".data", ".mask"),
    "text": (".storage", ".missing", ""),
    "arrowvalues": (".type", "", ".mask"),
}
#: Arguments that are lists of plain values, which must not be taken for nodes: (kind, place).
_PLAIN_LISTS = {("text", 2), ("arrowvalues", 1)}
_KINDS = {*KINDS, "def", "ref"}


def any_parts(node: list[Any]) -> Children:
    """For a kind that has no row below: each of its arguments, whatever it is."""
    names = _ARGUMENTS.get(node[0], ())
    for place, part in enumerate(node[1:]):
        name = names[place] if place < len(names) else f".{node[0]}[{place}]"
        if type(part) is dict:
            yield from _state(part)
        elif (node[0], place) in _PLAIN_LISTS and type(part) is list:
            yield name, ["list", part]
        else:
            yield name, _as_node(part)


def _as_node(part: Any) -> Any:
    """A list that is no node (a shape, the blocks of a table) as a node for a list."""
    if type(part) is not list or (part and type(part[0]) is str and part[0] in _KINDS):
        return part
    return ["list", [_as_node(inner) for inner in part]]


PARTS: dict[str, Callable[[list[Any]], Children]] = {
    "list": lambda node: _items(node[1]),
    "tuple": lambda node: _items(node[1]),
    "set": lambda node: (("{}", value) for value in node[1]),
    "frozenset": lambda node: (("{}", value) for value in node[1]),
    "deque": lambda node: _items(node[2]),
    "dict": lambda node: _state(node[1]),
    "bunch": lambda node: _state(node[1]),
    "map": lambda node: _pairs(node[1], node[2]),
    "ordereddict": lambda node: _pairs(node[2], node[3]),
    "counter": lambda node: _pairs(node[2], node[3]),
    "defaultdict": lambda node: _pairs(node[2], node[3]),
    "object": _object,
    "reduced": _reduced,
    "module": _module,
    "tensor": _tensor,
    "parameter": _tensor,
    "namedtuple": lambda node: _items(node[2]),
    "partial": _partial,
    "objects": lambda node: _items(node[2]),
}
