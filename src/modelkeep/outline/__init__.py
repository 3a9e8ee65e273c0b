"""What a graph says, place by place, read from its plan: nothing is built and no framework is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modelkeep.errors import GraphError, ModelkeepError, said
from modelkeep.formats.keep.plan import Plan
from modelkeep.formats.keep.types import KINDS
from modelkeep.outline.parts import OBJECTS, PARTS, Step, any_parts, stripped

MAX_DEPTH = 130
#: Containers inside a container, beyond which the whole is one value.
MANY = 1000
#: Kinds whose node is one value, without parts of its own. A dtype of pandas may hold the categories of a column.
_ATOMS = frozenset({kind for kind, handler in KINDS.items() if handler.atom} - {"pandasdtype"} | {"bytearray"})
#: Kinds that are looked at whole: their parts have no names that a reader would know.
_WHOLE = frozenset({"array", "tree", "predictor", "strings", "scalars", "numbered"})
#: Kinds that are one value where all their parts are plain ones.
_CONTAINERS = frozenset(
    {
        *("list", "tuple", "set", "frozenset", "deque", "objects"),
        *("dict", "map", "ordereddict", "counter", "defaultdict"),
    }
)


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
        raise GraphError(f"the graph can't be read: {said(error)}") from error


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
        parts = list(PARTS.get(kind, any_parts)(node))
        if kind in _CONTAINERS and not any(type(part) is list or isinstance(part, Step) for _, part in parts):
            return Item(path, "value", node, attribute, label)  # a vocabulary has no items for its words
        for suffix, part in parts:
            under = suffix.removeprefix(".") if kind in OBJECTS else attribute
            if isinstance(part, Step):
                made.children.append(self.step(part, path + suffix, under))
            else:
                made.children.append(self.item(part, path + suffix, under, ""))
        return Item(path, "value", node, attribute, label) if kind in _CONTAINERS and _is_plain(made) else made

    def step(self, part: Step, path: str, attribute: str) -> Item:
        made = self.item(part.value, path, attribute, part.name)
        made.children += [self.item(rest, f"{path}[{i}]", attribute, "") for i, rest in enumerate(part.rest, 2)]
        return made


def _is_plain(container: Item) -> bool:
    """Whether a container is one value: it holds single values, or so many that nobody wants to see their places."""
    children = container.children
    if not all(child.kind == "value" or child.kind in _ATOMS for child in children):
        return False
    return len(children) > MANY or not any(child.kind == "value" and type(child.value) is list for child in children)
