"""Tree ensembles in a graph: a tree is a place in a pool, ``["tree", pool, index]``; the pools' columns are arrays.

A pool is ``{"kind", "n_features", "n_classes", "columns": {name: segment}}`` in the graph's table ``pools``; what the
columns mean, and what is checked, is in ``modelkeep.trees`` and ``modelkeep.tree_checks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep import tree_checks
from modelkeep.errors import CheckError, GraphError
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.tensors import NATIVE, Segment
from modelkeep.formats.keep.types import sktrees
from modelkeep.trees import COLUMNS, Column, Kind, TreePool

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_FIELDS = {"kind", "n_features", "n_classes", "columns"}
_POOL = {"tree": sktrees.pool_trees, "predictor": sktrees.pool_predictors}
_BUILD = {"tree": sktrees.build_trees, "predictor": sktrees.build_predictors}


def encode_tree(encoder: Encoder, tree: Any) -> Node:
    return _member(encoder, "tree", sktrees.tree_shape(tree), tree)


def encode_predictor(encoder: Encoder, predictor: Any) -> Node:
    sktrees.predictor_state(predictor)  # refuses here, where the path is known
    return _member(encoder, "predictor", (), predictor)


def _member(encoder: Encoder, kind: Kind, shape: Any, member: Any) -> Node:
    """The place of ``member`` in the pool of all that are like it; the pools are laid out when the walk is over."""
    pools: dict[Any, tuple[int, list[Any]]] = encoder.shelf.setdefault("pools", {})
    if not pools:
        encoder.at_end(lambda: _lay_out(encoder))
    number, members = pools.setdefault((kind, shape), (len(pools), []))
    members.append(member)
    return [kind, number, len(members) - 1]


def _lay_out(encoder: Encoder) -> None:
    for (kind, _), (_, members) in encoder.shelf["pools"].items():
        plan = _POOL[kind](members)
        encoder.pools.append(
            {
                "kind": plan.kind,
                "n_features": plan.n_features,
                "n_classes": list(plan.n_classes),
                "columns": {column.name: encoder.add_segment(_segment(column)) for column in plan.columns},
            }
        )


def _segment(column: Column) -> Segment:
    return Segment(
        NATIVE[column.dtype.str],
        column.shape,
        lambda: (memoryview(piece.reshape(-1).view(np.uint8)) for piece in column.chunks() if piece.size),
    )


def build_pool(builder: Builder, description: dict[str, Any]) -> list[Any]:
    """All members of a pool, checked in one pass over its columns."""
    if description.keys() != _FIELDS:
        raise GraphError("a pool of trees has other fields than the format's")
    columns, classes = builder.a_dict(description["columns"]), builder.a_list(description["n_classes"])
    if not columns.keys() <= COLUMNS[description["kind"]].keys():
        raise GraphError("a pool of trees has a column that the format lacks")
    arrays = {name: builder.segment(number) for name, number in columns.items()}
    pool = TreePool(description["kind"], description["n_features"], tuple(classes), arrays)
    if builder.check:
        tree_checks.check(pool)
    return _BUILD[pool.kind](pool)


def decode_member(builder: Builder, node: Node) -> Any:
    """A member of a pool has one place in the graph; what is shared is written as a shared object."""
    member = builder.pooled(node)
    taken: set[tuple[int, int]] = builder.shelf.setdefault("members", set())
    if builder.plan.graph.pools[node[1]]["kind"] != node[0]:
        raise GraphError("a tree is in a pool of another kind")
    if (node[1], node[2]) in taken:
        raise CheckError("a tree of a pool stands at two places")
    taken.add((node[1], node[2]))
    return member


HANDLERS = [
    Handler("tree", ("sklearn.tree._tree.Tree",), encode_tree, decode_member),
    Handler(
        "predictor",
        ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        encode_predictor,
        decode_member,
    ),
]
POOLS = dict.fromkeys(_BUILD, build_pool)
