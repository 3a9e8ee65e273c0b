"""Two outlines compared place by place: classes, values, arrays, trees, and sets of names."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkeep.comparison.arrays import ArrayChange, NamesChange, array_text, compare_arrays, names_change
from modelkeep.comparison.trees import TreeChange, compare_trees
from modelkeep.outline import Item, Outline
from modelkeep.outline.parts import OBJECTS, stripped
from modelkeep.outline.values import Values

_ARRAYS = ("array", "scalars")
#: Kinds that may be a list of names, and where their items are in the node.
_LISTS = {"list": 1, "tuple": 1, "set": 1, "frozenset": 1, "deque": 2, "objects": 2, "strings": 2}

Entry = tuple[str, Any, str, str]


@dataclass
class Compared:
    """Everything that differs, in the order of the first file."""

    classes: list[Entry] = field(default_factory=list)
    parameters: list[Entry] = field(default_factory=list)
    attributes: list[Entry] = field(default_factory=list)
    arrays: list[ArrayChange] = field(default_factory=list)
    trees: list[TreeChange] = field(default_factory=list)
    names: list[NamesChange] = field(default_factory=list)


def compare_places(a: Outline, b: Outline) -> Compared:
    """All differences of two outlines."""
    comparing = _Comparing(a, b)
    comparing.both(a.root, b.root)
    comparing.made.trees = compare_trees(a, b, comparing.values)
    return comparing.made


class _Comparing:
    def __init__(self, a: Outline, b: Outline) -> None:
        self.outlines = (a, b)
        self.values = (Values(a.plan), Values(b.plan))
        self.made = Compared()

    def both(self, old: Item, new: Item) -> None:
        """Two items at one place."""
        if _family(old) != _family(new):
            self.one(old, "removed")
            self.one(new, "added")
        elif old.kind in OBJECTS:
            names = [outline.class_of(item) for outline, item in zip(self.outlines, (old, new), strict=True)]
            if names[0] != names[1]:
                self.made.classes.append((old.path, "changed", names[0], names[1]))
            else:
                self.children(old, new)
        elif old.kind in _ARRAYS:
            self.arrays(old, new)
        elif old.kind == "ref":
            if old.same_as != new.same_as:
                self.plain(old.path, old.attribute, f"the same as {old.same_as}", f"the same as {new.same_as}")
        elif old.kind not in ("tree", "predictor"):
            self.leaf(old, new)

    def children(self, old: Item, new: Item) -> None:
        later: dict[str, deque[Item]] = {}  # elements of a set, and keys that are shown alike, have one path
        for item in new.children:
            later.setdefault(item.path, deque()).append(item)
        for item in old.children:
            others = later.get(item.path)
            if others:
                self.both(item, others.popleft())
            else:
                self.one(item, "removed")
        for item in (item for others in later.values() for item in others):
            self.one(item, "added")

    def one(self, item: Item, kind: str) -> None:
        """A place that only one file has; what is below it goes without saying."""
        values, outline = self.values[kind == "added"], self.outlines[kind == "added"]
        if item.kind in OBJECTS:
            text = outline.class_of(item)
            self.made.classes.append((item.path, kind, *_sides(kind, text)))
        elif item.kind in _ARRAYS:
            fact = values.fact(item.path, _array_node(item))
            text = array_text(fact.dtype, fact.shape)
            self.made.arrays.append(ArrayChange(item.path, kind, *_sides(kind, text)))
        elif item.kind not in ("tree", "predictor"):
            self.entry(item.attribute).append((item.path, kind, *_sides(kind, values.text(item.value))))

    def entry(self, attribute: str) -> list[Entry]:
        given = attribute and not attribute.startswith("_") and not attribute.endswith("_")
        return self.made.parameters if given else self.made.attributes

    def plain(self, path: str, attribute: str, old: str, new: str) -> None:
        self.entry(attribute).append((path, "changed", old, new))

    def leaf(self, old: Item, new: Item) -> None:
        """Values, containers, and objects of a library's inside that are kept by a node of their own."""
        if old.children and new.children and old.kind == new.kind:
            self.children(old, new)
            return
        if self.equal(old.value, new.value):
            return
        names = [_names(item.value, values) for values, item in zip(self.values, (old, new), strict=True)]
        if names[0] is not None and names[1] is not None:
            self.made.names.append(names_change(old.path, names[0], names[1]))
            return
        texts = [values.text(item.value) for values, item in zip(self.values, (old, new), strict=True)]
        if texts[0] == texts[1]:  # what differs is behind the part that is shown
            texts = [values.text(item.value, 1000) for values, item in zip(self.values, (old, new), strict=True)]
        self.plain(old.path, old.attribute, *texts)

    def equal(self, old: Any, new: Any) -> bool:
        """Whether two values are the same, whatever number their classes have in the table of their file."""
        old, new = stripped(old), stripped(new)
        if type(old) is not list or type(new) is not list:
            return bool(old == new) and type(old) is type(new)
        if old[:1] != new[:1]:
            return False
        if old[0] in ("class", "function", "enum"):
            return self.values[0].text(old) == self.values[1].text(new)
        if old[0] == "numbered":
            pair = self.values[0].array(old[2]), self.values[1].array(new[2])
            return bool(old[1] == new[1]) and np.array_equal(*pair)
        return _plain(old) == _plain(new) and len(old) == len(new)

    def arrays(self, old: Item, new: Item) -> None:
        pair = [values.array(_array_node(item)) for values, item in zip(self.values, (old, new), strict=True)]
        change = compare_arrays(old.path, pair[0], pair[1])
        if isinstance(change, NamesChange):
            self.made.names.append(change)
        elif change is not None:
            self.made.arrays.append(change)


def _family(item: Item) -> str:
    if item.kind in OBJECTS:
        return "object"
    if item.kind in _ARRAYS:
        return "array"
    return item.kind if item.kind in ("ref", "tree", "predictor") else "value"


def _sides(kind: str, text: str) -> tuple[str, str]:
    return ("", text) if kind == "added" else (text, "")


def _array_node(item: Item) -> Any:
    return stripped(item.value[1]) if item.kind == "scalars" else item.value


def _plain(value: Any) -> Any:
    """A value of plain parts, with the types of its numbers: 1, 1.0 and True are three values."""
    value = stripped(value)
    if type(value) is list:
        return [_plain(part) for part in value]
    if type(value) is dict:
        return {key: _plain(part) for key, part in value.items()}
    return (type(value).__name__, value)


def _names(value: Any, values: Values) -> dict[Any, Any] | None:
    """Text keys with their numbers, or a list of texts with None; else nothing."""
    node = stripped(value)
    kind = node[0] if type(node) is list else None
    if kind == "dict":
        plain = all(type(number) is int for number in node[1].values())
        return dict(node[1]) if node[1] and plain else None
    if kind == "numbered":
        return dict(zip(node[1], values.array(node[2]).tolist(), strict=True))
    if kind in _LISTS:
        items = node[_LISTS[kind]]
        texts = bool(items) and all(type(item) is str or item is None for item in items)
        return dict.fromkeys(items) if texts and len(set(items)) == len(items) else None
    return None
