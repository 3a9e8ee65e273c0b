"""scikit-learn's trees: a ``Tree`` or a ``TreePredictor`` is one member of a pool that holds all alike of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelkeep.errors import GraphError, SaveError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.tensors import NATIVE, Segment
from modelkeep.formats.keep.types import sktree_columns
from modelkeep.formats.keep.types.sktree_blocks import State
from modelkeep.formats.keep.types.sktree_build import build_predictors, build_trees
from modelkeep.ports import Buffer
from modelkeep.trees import Column, PoolPlan, TreePool

if TYPE_CHECKING:
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree._tree import Tree

    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_PREDICTOR_STATE = {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}
_WORD = np.dtype(np.uint32)
_DESCRIPTION = {"kind", "n_features", "n_classes", "columns"}

# -- from live trees to a pool -----------------------------------------------------------------------------------------


def tree_state(tree: Tree) -> State:
    """The inside of a ``Tree``, as views of its memory."""
    state = tree.__getstate__()
    # An inert record, read from a pickle that nobody trusts, has no compiled code.
    depths = getattr(tree, "compute_node_depths", None)
    return State(state["nodes"], state["values"], state["max_depth"], depths=depths)


def tree_shape(tree: Tree) -> tuple[int, tuple[int, ...]]:
    """What the trees of one pool share: the number of features, and the classes of each output."""
    return tree.n_features, tuple(tree.n_classes.tolist())


def pool_trees(trees: Sequence[Tree]) -> PoolPlan:
    """The pool of trees of one ``tree_shape``."""
    return sktree_columns.plan("tree", *tree_shape(trees[0]), [tree_state(tree) for tree in trees])


def predictor_state(predictor: TreePredictor) -> State:
    """The inside of a ``TreePredictor``: its own arrays."""
    state = vars(predictor)
    if state.keys() != _PREDICTOR_STATE:
        raise SaveError(f"a TreePredictor has the attributes {quote(sorted(state))}", hint="update modelkeep")
    binned, raw = state["binned_left_cat_bitsets"], state["raw_left_cat_bitsets"]
    if not (binned.shape == raw.shape == (len(binned), 8) and binned.dtype == raw.dtype == _WORD):
        raise SaveError("the bitsets of a TreePredictor are not two arrays of 8 words a row", hint="refit the model")
    return State(state["nodes"], bitsets=(binned, raw))


def pool_predictors(predictors: Sequence[TreePredictor]) -> PoolPlan:
    """The pool of the predictors of histogram gradient boosting."""
    return sktree_columns.plan("predictor", 0, (), [predictor_state(predictor) for predictor in predictors])


# -- in the graph: ["tree", pool, index] and ["predictor", pool, index] ------------------------------------------------


class _Group(NamedTuple):
    """The trees of one pool while the walk finds them, and where it found them."""

    number: int
    members: list[Any]
    places: list[str]


def _enroll(encoder: Encoder, kind: str, shape: tuple[Any, ...], tree: Any) -> Node:
    groups: dict[tuple[Any, ...], _Group] | None = encoder.shelf.get("trees")
    if groups is None:
        groups = encoder.shelf["trees"] = {}
        encoder.at_end(lambda: _write(encoder, encoder.shelf["trees"]))
    group = groups.get((kind, shape))
    if group is None:
        group = groups[kind, shape] = _Group(len(groups), [], [])
    group.members.append(tree)
    group.places.append(encoder.place())
    return [kind, group.number, len(group.members) - 1]


def encode_tree(encoder: Encoder, tree: Tree) -> Node:
    if not tree.node_count:
        raise Unsaveable("a Tree has no nodes", "fit the model before saving it")
    return _enroll(encoder, "tree", tree_shape(tree), tree)


def encode_predictor(encoder: Encoder, predictor: TreePredictor) -> Node:
    return _enroll(encoder, "predictor", (), predictor)


def _write(encoder: Encoder, groups: dict[tuple[str, Any], _Group]) -> None:
    """All pools, when the walk has found all trees."""
    for (kind, _), group in groups.items():
        try:
            plan = (pool_trees if kind == "tree" else pool_predictors)(group.members)
        except SaveError as error:
            encoder.problem(f"trees from {group.places[0]} on: {error}", error.hint)
            continue
        columns = {column.name: encoder.add_segment(_segment(column)) for column in plan.columns}
        facts = {"kind": kind, "n_features": plan.n_features, "n_classes": list(plan.n_classes)}
        pools: list[Any] = encoder.pools
        pools.append(facts | {"columns": columns})


def _segment(column: Column) -> Segment:
    def chunks() -> Iterable[Buffer]:
        for piece in column.chunks():
            if piece.size:
                yield np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data

    return Segment(NATIVE[column.dtype.str], column.shape, chunks)


#: The bytes of the shortest node that names a tree, ``["tree",0,0]``: so many trees at most can a graph make use of.
_LEAST_NODE = 12


def read_pool(builder: Builder, description: dict[str, Any]) -> TreePool:
    """The columns of a pool over the file's memory, not yet checked."""
    if description.keys() != _DESCRIPTION:
        raise GraphError(f"a pool of trees has the keys {quote(sorted(description))}")
    columns = {name: builder.segment(number) for name, number in builder.a_dict(description["columns"]).items()}
    n_classes = tuple(builder.a_list(description["n_classes"]))
    pool = TreePool(description["kind"], description["n_features"], n_classes, columns)
    if "sizes" in columns and pool.n_trees * _LEAST_NODE > builder.plan.size:
        raise GraphError("a pool has more trees than the graph has nodes")
    return pool


def _member(name: str) -> Callable[[Builder, Node], Any]:
    def decode(builder: Builder, node: Node) -> Any:
        member = builder.pooled(node)
        if type(member).__name__ != name:
            raise GraphError(f"a {name} can't be a {type(member).__name__}")
        return member

    return decode


HANDLERS = [
    Handler("tree", ("sklearn.tree._tree.Tree",), encode_tree, _member("Tree")),
    Handler(
        "predictor",
        ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        encode_predictor,
        _member("TreePredictor"),
    ),
]
POOLS: dict[str, Callable[[Builder, dict[str, Any]], list[Any]]] = {
    "tree": lambda builder, description: build_trees(read_pool(builder, description), check=builder.check),
    "predictor": lambda builder, description: build_predictors(read_pool(builder, description), check=builder.check),
}
