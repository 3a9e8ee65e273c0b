"""What a graph says, place by place, read from its plan: nothing is built and no framework is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from modelkeep.errors import GraphError, ModelkeepError, quote
from modelkeep.formats.keep.decode import Plan
from modelkeep.formats.keep.types import KINDS

MAX_DEPTH = 130
#: Containers inside a container, beyond which the whole is one value.
MANY = 1000
#: Kinds whose node is one value, without parts of its own.
_ATOMS = frozenset(
    {
        *(
            "int",
            "float",
            "complex",
            "bytes",
            "bytearray",
            "slice",
            "range",
            "timedelta",
            "fraction",
            "date",
            "decimal",
        ),
        *("uuid", "path", "posixpath", "windowspath", "datetime", "time", "offset", "zone", "ellipsis"),
        *("notimplemented", "scalar", "dtype", "class", "function", "enum"),
    }
)
#: Kinds that are looked at whole: their parts have no names that a reader would know.
_WHOLE = frozenset({"array", "tree", "predictor", "strings", "scalars", "numbered"})
#: Kinds that are one value where all their parts are plain ones.
_CONTAINERS = frozenset(
    {
        *("list", "tuple", "set", "frozenset", "deque", "objects"),
        *("dict", "map", "ordereddict", "counter", "defaultdict"),
    }
)
#: Kinds that stand for an object of a class, and where the class is named.
OBJECTS = frozenset({"object", "reduced"})

Children = Iterator[tuple[str, Any]]


@dataclass
class Item:
    """One place in a model. ``value`` is its node (or plain value); ``attribute`` the object's attribute it is under.

    ``kind`` is the kind of the node, ``"value"`` for a plain value or a container of plain values.
    """

    path: str
    kind: str
    value: Any
    attribute: str = ""
    label: str = ""
    children: list[Item] = field(default_factory=list)
    same_as: str = ""

    def walk(self) -> Iterator[Item]:
        """This item and all below it, in the order of the file."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Outline:
    """A plan with the place of everything in it."""

    plan: Plan
    root: Item

    def class_of(self, item: Item) -> str:
        """The name of an object's class, as the file has it."""
        return named(self.plan.graph.types, item.value[1])


def outline(plan: Plan) -> Outline:
    """The places in ``plan``. What is not well-formed is refused, as a load would."""
    try:
        return Outline(plan, _Walk(plan).item(plan.graph.root, _root_name(plan), "", ""))
    except ModelkeepError:
        raise
    except RecursionError:
        raise GraphError("the graph is nested too deep") from None
    except Exception as error:
        raise GraphError(f"the graph can't be read: {quote(f'{type(error).__name__}: {error}')}") from error


def named(table: list[str], number: Any) -> str:
    """An entry of the graph's table of types or functions."""
    if type(number) is not int or not 0 <= number < len(table):
        raise GraphError("a class or function is not in its table")
    return table[number]


def short(name: str) -> str:
    """The last part of a class's name.

    >>> short("sklearn.svm.SVC"), short("mypkg:Outer.Inner")
    ('SVC', 'Inner')
    """
    return name.replace(":", ".").rpartition(".")[2]


def stripped(value: Any) -> Any:
    """A node without the number that it is shared by."""
    return value[2] if type(value) is list and value[:1] == ["def"] else value


def _root_name(plan: Plan) -> str:
    node = stripped(plan.graph.root)
    if type(node) is not list:
        return "model"
    name = short(named(plan.graph.types, node[1])) if node[0] in OBJECTS else str(node[0])
    return name.lower().lstrip("_")


class _Walk:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.defined: dict[int, str] = {}
        self.depth = 0

    def item(self, value: Any, path: str, attribute: str, label: str) -> Item:
        if type(value) is not list:
            return Item(path, "value", value, attribute, label)
        if value[0] == "ref":
            return Item(path, "ref", value, attribute, label, same_as=self.defined[value[1]])
        if value[0] == "def":
            self.defined[value[1]] = path
            value = value[2]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise GraphError(f"the graph is nested more than {MAX_DEPTH} levels deep")
        made = self.node(value, path, attribute, label)
        self.depth -= 1
        return made

    def node(self, node: list[Any], path: str, attribute: str, label: str) -> Item:
        kind = node[0]
        if type(kind) is not str:
            raise GraphError("a node has no kind")
        made = Item(path, kind, node, attribute, label)
        if kind in _ATOMS or kind in _WHOLE:
            return made
        parts = list(_PARTS.get(kind, _any_parts)(node))
        if kind in _CONTAINERS and not any(type(part) is list or isinstance(part, _Step) for _, part in parts):
            return Item(path, "value", node, attribute, label)  # a vocabulary has no items for its words
        for suffix, part in parts:
            under = suffix.removeprefix(".") if kind in OBJECTS else attribute
            if isinstance(part, _Step):
                made.children.append(self.step(part, path + suffix, under))
            else:
                made.children.append(self.item(part, path + suffix, under, ""))
        return Item(path, "value", node, attribute, label) if kind in _CONTAINERS and _is_plain(made) else made

    def step(self, part: _Step, path: str, attribute: str) -> Item:
        made = self.item(part.value, path, attribute, part.name)
        made.children += [self.item(rest, f"{path}[{i}]", attribute, "") for i, rest in enumerate(part.rest, 2)]
        return made


def _is_plain(container: Item) -> bool:
    """Whether a container is one value: it holds single values, or so many that nobody wants to see their places."""
    children = container.children
    if not all(child.kind == "value" or child.kind in _ATOMS for child in children):
        return False
    return len(children) > MANY or not any(child.kind == "value" and type(child.value) is list for child in children)


class _Step(NamedTuple):
    """A named part of a compound, as in the steps of a pipeline: the name is its place, not the number."""

    name: str
    value: Any
    rest: list[Any]


def _step(value: Any) -> _Step | None:
    if type(value) is not list or value[0] != "tuple" or not 2 <= len(value[1]) <= 3:
        return None
    name, second = value[1][:2]
    node = stripped(second)
    whole = second in ("passthrough", "drop") or (type(node) is list and node[0] in (*OBJECTS, "ref"))
    return _Step(name, second, value[1][2:]) if type(name) is str and whole else None


# -- the parts of each kind of node: (what to append to the path, the part) --------------------------------------------


def key_suffix(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{quote(key, 40)}]"


def _state(values: Mapping[str, Any]) -> Children:
    return ((key_suffix(key), value) for key, value in values.items())


def _items(values: list[Any]) -> Children:
    steps = [step for value in values if (step := _step(value))]
    if len(steps) == len(values) == len({step.name for step in steps}):
        yield from ((f"[{quote(step.name, 40)}]", step) for step in steps)
    else:
        yield from ((f"[{place}]", value) for place, value in enumerate(values))


def _pairs(keys: list[Any], values: list[Any]) -> Children:
    for place, (key, value) in enumerate(zip(keys, values, strict=True)):
        plain = type(key) is not list
        if not plain:
            yield f"<key {place}>", key
        yield f"[{quote(key, 40) if isinstance(key, str) else key if plain else place}]", value


def _object(node: list[Any]) -> Children:
    return _state(node[2])


def _reduced(node: list[Any]) -> Children:
    yield from _items(node[2])
    yield ".__dict__", node[3]
    yield from _items(node[4])
    yield from _pairs(*node[5])


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
}


def _any_parts(node: list[Any]) -> Children:
    """For a kind that has no row below: each of its arguments, whatever it is."""
    names = _ARGUMENTS.get(node[0], ())
    for place, part in enumerate(node[1:]):
        name = names[place] if place < len(names) else f".{node[0]}[{place}]"
        if type(part) is dict:
            yield from _state(part)
        elif type(part) is list and not (part and type(part[0]) is str and part[0] in _KINDS):
            yield name, ["list", part]  # a list that is no node: a shape, arguments
        else:
            yield name, part


_KINDS = {*KINDS, "def", "ref"}
_PARTS: dict[str, Callable[[list[Any]], Children]] = {
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
    "namedtuple": lambda node: _items(node[2]),
    "partial": _partial,
    "objects": lambda node: _items(node[2]),
}
