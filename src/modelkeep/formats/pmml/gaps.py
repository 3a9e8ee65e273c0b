"""Where a missing value goes, in files whose writers leave that out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

_NODE = re.compile(rb'<Node id="([^"]*)"[^>]*>|</Node>|<Node\b[^>]*/>')
_SCHEMA = re.compile(rb"<MiningSchema>.*?</MiningSchema>", re.DOTALL)


def default_children(document: bytes) -> bytes:
    """CatBoost names no default child for columns that had no gaps: NaN is not greater, so the other child takes it.

    A node's other child is the one that says True.
    """
    stack: list[tuple[int, bool]] = []
    found: dict[int, bytes] = {}
    for match in _NODE.finditer(document):
        if match[0] == b"</Node>":
            stack.pop()
            continue
        if match[1] is None:
            continue
        if stack and not stack[-1][1] and document[match.end() :].lstrip()[:7] == b"<True/>":
            found[stack[-1][0]] = match[1]
        stack.append((match.end() - 1, b"defaultChild=" in match[0]))
    pieces, last = [], 0
    for place in sorted(found):
        pieces += [document[last:place], b' defaultChild="' + found[place] + b'"']
        last = place
    return b"".join([*pieces, document[last:]])


def zeros(document: bytes, model: Any, names: list[str]) -> bytes:
    """LightGBM takes a gap for 0 in columns that had none when it was trained: the schema of the inputs says so."""
    whole, gaps = set[int](), set[int]()
    for node in _nodes(model.booster_.dump_model()):
        plain = node["missing_type"] == "None" and node["decision_type"] == "<="
        (whole if plain else gaps).add(node["split_feature"])
    schema = _SCHEMA.search(document)
    if schema is None:
        return document
    text = schema[0]
    for column in sorted(whole - gaps):
        field = f"<MiningField name={quoteattr(names[column])}".encode()
        text = text.replace(field, field + b' missingValueReplacement="0" missingValueTreatment="asValue"', 1)
    return document[: schema.start()] + text + document[schema.end() :]


def _nodes(dumped: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [tree["tree_structure"] for tree in dumped["tree_info"]]
    while waiting:
        node = waiting.pop()
        if "split_feature" in node:
            yield node
            waiting += [node["left_child"], node["right_child"]]
