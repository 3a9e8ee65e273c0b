"""Birch: a tree whose leaves are also a chain of thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.types.objects import decode_object, encode_object, full_name

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder


def encode_birch(encoder: Encoder, obj: Any) -> Node:
    """Each link of the chain would be one level deeper: it is kept as a list."""
    node = encode_object(encoder, obj)
    leaves, leaf = [], getattr(vars(obj).get("dummy_leaf_"), "next_leaf_", None)
    while leaf is not None:
        leaves.append(leaf)
        leaf = leaf.next_leaf_
    return ["birch", node[1], node[2], encoder.items(leaves)]


def decode_birch(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    obj = decode_object(builder, ["object", node[1], node[2]])
    last = vars(obj).get("dummy_leaf_")
    leaves = builder.fill(builder.a_list(node[3]))
    if full_name(type(obj)) != "sklearn.cluster._birch.Birch" or len(set(map(id, leaves))) != len(leaves):
        raise GraphError("a chain of leaves is not that of a Birch")
    for leaf in leaves:
        if type(leaf) is not type(last) or leaf is last:
            raise GraphError("a chain of leaves holds something else")
        last.next_leaf_, leaf.prev_leaf_ = leaf, last
        last = leaf
    return obj


HANDLERS = [Handler("birch", ("sklearn.cluster._birch.Birch",), encode_birch, decode_birch)]
