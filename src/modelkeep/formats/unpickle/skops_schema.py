"""The tree of a skops file: nodes by their numbers, each read by the function of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelkeep.archives import Archive
from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle import npy
from modelkeep.formats.unpickle.names import place
from modelkeep.formats.unpickle.records import Call, Global

MAX_DEPTH = 300
_MAX_NAME = 1000

Read = Callable[["Schema", dict[str, Any]], Any]


class Schema:
    """The nodes of one file. An object that it holds in several places has one number, and becomes one record."""

    def __init__(self, archive: Archive, limit: int, table: Mapping[str, Read]) -> None:
        self.archive, self.limit = archive, limit
        self._table = table
        self._known: dict[int, tuple[Any, Any]] = {}
        self._depth = 0
        self._open: set[int] = set()

    def value(self, node: Any) -> Any:
        """What a node stands for."""
        self._depth += 1
        if type(node) is not dict or self._depth > MAX_DEPTH:
            raise GraphError("a node of the schema is no object, or nested too deep")
        number, loader = node.get("__id__"), node.get("__loader__")
        name = self.name(node)
        if type(number) is not int:
            raise GraphError("a node of the schema has no number")
        kind = (loader, name.module, name.name)
        if number in self._known:  # skops writes an object again wherever it occurs, and reads it once
            known, made = self._known[number]
            if known != kind:
                raise GraphError("two objects of the schema have one number")
        elif number in self._open:
            raise GraphError("two objects of the schema have one number: one holds the other")
        else:
            reader = self._table.get(loader) if type(loader) is str else None
            if reader is None:
                raise GraphError(f"{quote(str(loader), 60)} is not a kind of node that a model has")
            self._open.add(number)
            made = reader(self, node)
            self._known[number] = (kind, made)
            self._open.discard(number)
        self._depth -= 1
        return made

    @staticmethod
    def name(node: dict[str, Any]) -> Global:
        """The one name that a node gives."""
        module, name = node.get("__module__"), node.get("__class__")
        if type(module) is not str or type(name) is not str or len(module) > _MAX_NAME or len(name) > _MAX_NAME:
            raise GraphError("a node of the schema has no name")
        return Global(module, name)

    def must_be(self, node: dict[str, Any], *allowed: str) -> None:
        """Refuse a node whose class is none of these."""
        found = place(self.name(node))
        if found not in allowed:
            raise GraphError(f"a {quote(str(node['__loader__']), 60)} says that it is a {quote(found, 100)}")

    def values(self, nodes: Any) -> list[Any]:
        if type(nodes) is not list:
            raise GraphError("the content of a node is not a list")
        return [self.value(node) for node in nodes]

    def part(self, node: dict[str, Any], *keys: str) -> Any:
        """A part of a node, by the keys that lead to it."""
        found: Any = node
        for key in keys:
            if type(found) is not dict or key not in found:
                raise GraphError(f"a node of the schema has no {key}")
            found = found[key]
        return found

    def file(self, node: dict[str, Any]) -> memoryview:
        name = node.get("file")
        if type(name) is not str:
            raise GraphError("a node of the schema names no file")
        return self.archive.read(name)

    def array(self, node: dict[str, Any]) -> np.ndarray:
        return npy.array(self.file(node))


def reduced(module: str, name: str, *args: Any, state: Any = None) -> Call:
    """The record of ``name(*args)``, as a pickle has it."""
    made = Call(Global(module, name), args, "reduce", 0)
    if state is not None:
        made.state = state
    return made
