"""The first step of reading: a graph's two files as a plan, which is pure data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from modelkeep.artifact import refuse_newer
from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep import tensors
from modelkeep.formats.keep.encode import GRAPH_VERSION
from modelkeep.rope import Bytes

MAX_NODES = 20_000_000
_EMPTY = tensors.Tensors(memoryview(b""), [])


class Graph(msgspec.Struct, forbid_unknown_fields=True):
    """The text of a graph, as JSON has it."""

    version: int
    types: list[str]
    functions: list[str]
    pools: list[Any]
    packed: list[Any]
    root: Any


class _VersionOnly(msgspec.Struct):
    version: int


# Made here, because a Struct evaluates its annotations at its first use, and a load is to evaluate nothing.
_GRAPH, _VERSION = msgspec.json.Decoder(Graph), msgspec.json.Decoder(_VersionOnly)


@dataclass(frozen=True)
class Plan:
    """A parsed graph: pure data."""

    graph: Graph
    arrays: tensors.Tensors
    #: The bytes of the graph's text.
    size: int


def parse(text: Bytes, arrays: Bytes | None, *, check: bool = True) -> Plan:
    """The plan in a graph's two files. Bounds come before work: nothing is allocated on the word of a number."""
    raw = bytes(text[:])
    # A node takes two bytes at least, so that a short text can't have too many.
    if len(raw) > MAX_NODES and raw.count(b"[") + raw.count(b"{") > MAX_NODES:
        raise GraphError("the graph has too many nodes")
    if raw[:1] != b"{" or raw[-1:] != b"}":
        raise GraphError("the graph is not one JSON object from its first byte to its last")
    try:
        graph = _GRAPH.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        refuse_newer(raw, _VERSION, GRAPH_VERSION, "graph")
        raise GraphError(f"the graph is not valid JSON of the format: {quote(str(error))}") from None
    if graph.version != GRAPH_VERSION:
        refuse_newer(raw, _VERSION, GRAPH_VERSION, "graph")
        raise GraphError(f"there is no graph of version {graph.version}")
    if check and msgspec.json.encode(graph) != raw:
        _refuse_duplicates(raw)
    return Plan(graph, _EMPTY if arrays is None else tensors.parse(arrays), len(raw))


def _refuse_duplicates(raw: bytes) -> None:
    """The text is not what this machine would write: refuse it if a key occurs twice, so that no two readers differ."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise GraphError("a key occurs twice in the graph")
        return made

    try:
        json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"the graph is not valid JSON: {quote(str(error))}") from None
