"""skops files as records: what the file says becomes the same inert form that a pickle has, and takes the same way.

skops' own reader is not asked: it makes objects of compiled classes before anything could look into them. Here each
kind of node is read by a function of a closed table, the one name that it gives is looked up in the loader's own
tables, and what comes out goes through every structural check.
"""

from __future__ import annotations

import json
from typing import Any

from modelkeep.archives import open_zip
from modelkeep.errors import ContainerError, GraphError, LoadError, VersionError, quote
from modelkeep.formats.unpickle.read import build
from modelkeep.formats.unpickle.records import Global, walk
from modelkeep.formats.unpickle.skops_nodes import NODES
from modelkeep.formats.unpickle.skops_schema import Schema
from modelkeep.policy import Policy
from modelkeep.unpacking import FREE, MAX_RATIO

PROTOCOLS = (1, 2)
MAX_SCHEMA = 1 << 30
MAX_NODES = 20_000_000

_HINT = "don't use this file: no skops writes it; get the model from its maker"


def read(data: memoryview, rules: Any) -> Any:
    """The model in a skops file. Raises a ``LoadError`` with what was refused, or ``DriftError``."""
    try:
        root = records(data, rules.policy)
        return build(root, len(data), rules.policy, rules.on_drift)[0]
    except LoadError as error:
        error.hint = error.hint or _HINT
        raise


def records(data: memoryview, policy: Policy) -> Any:
    """What a skops file says, as inert records. Nothing is imported, called or opened."""
    limit = min(policy.max_bytes, FREE + MAX_RATIO * len(data))
    archive = open_zip(data, limit)
    member = archive.members.get("schema.json")
    if member is None or member.size > MAX_SCHEMA:
        raise ContainerError("the file is not one of skops: it has no schema.json", hint="name its own format")
    schema = _parsed(bytes(archive.read("schema.json")))
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in PROTOCOLS:
        newer = type(protocol) is int and protocol > max(PROTOCOLS)
        raise VersionError(
            f"the file has the protocol {quote(repr(protocol))} of skops, and 1 and 2 are known",
            hint="install a newer modelkeep" if newer else "open it with skops, and save the model again",
        )
    found = Schema(archive, limit, NODES)
    try:
        return found.value(schema)
    except RecursionError:
        raise GraphError("the schema is nested too deep") from None


def names(data: memoryview, policy: Policy) -> list[str]:
    """Each ``module.name`` in a file once, sorted."""
    return sorted({repr(found) for found in walk(records(data, policy)) if isinstance(found, Global)})


def _parsed(text: bytes) -> dict[str, Any]:
    if text.count(b"{") > MAX_NODES:
        raise GraphError("the schema has too many nodes")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise GraphError("a key occurs twice in the schema")
        return made

    try:
        schema = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"the schema is not valid JSON: {quote(str(error), 100)}") from None
    if type(schema) is not dict:
        raise GraphError("the schema is not an object")
    return schema
