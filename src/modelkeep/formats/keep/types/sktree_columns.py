"""The columns of a tree pool from scikit-learn's node arrays, each narrowed to what it needs, made piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import SaveError
from modelkeep.formats.keep.types.sktree_blocks import MAPPED, Block, Blocks, Mapped, State, refuse_layout
from modelkeep.formats.keep.types.sktree_survey import KEPT, Facts, as_values, narrow, survey
from modelkeep.tree_values import equal_bits
from modelkeep.trees import Column, Kind, PoolPlan

Array = NDArray[Any]

#: Bytes of a column that are handed on together.
_CHUNK = 1 << 20
#: Columns that are left out where they hold nothing but 0.
_LEFT_OUT = frozenset({"missing_left", "categorical", "bitset"})


class _Recipe(NamedTuple):
    """A column that can be made block by block."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    make: Callable[[Block], Array]


def plan(kind: Kind, n_features: int, n_classes: tuple[int, ...], states: Sequence[State]) -> PoolPlan:
    """The pool of ``states``: the first pass over their nodes happens here, large columns are made when they are read.

    A tree that a check would refuse at reading is refused here, by ``SaveError``.
    """
    refuse_layout(kind, states)
    blocks = Blocks(kind, states)
    facts = survey(blocks, len(n_classes))
    recipes = [*_places(blocks, facts), *_fields(blocks, facts)]
    if kind == "tree":
        recipes.append(_values(blocks, facts, n_classes))
        whole = _max_depths(blocks, facts)
    else:
        whole = _bitsets(states)
    if sum(math.prod(recipe.shape) * recipe.dtype.itemsize for recipe in recipes) <= KEPT:
        columns = _made(blocks, recipes, facts)
    else:
        facts.pieces = {"depth": facts.pieces["depth"]}
        columns = [_later(blocks, recipe) for recipe in recipes]
    whole = {"sizes": _narrowed(blocks.sizes)} | whole
    columns = [_ready(name, array) for name, array in whole.items()] + columns
    return PoolPlan(kind, max(n_features, facts.features), n_classes, tuple(columns))


def _places(blocks: Blocks, facts: Facts) -> Iterator[_Recipe]:
    size = (int(blocks.sizes.sum()),)
    yield _Recipe("right", facts.dtype("right"), size, lambda block: block.places[1])
    if not facts.preorder:
        yield _Recipe("left", facts.dtype("left"), size, lambda block: block.places[0])
    yield _Recipe("depth", facts.dtype("depth"), size, lambda block: facts.pieces["depth"][block.trees.start])


def _fields(blocks: Blocks, facts: Facts) -> Iterator[_Recipe]:
    names = blocks.states[0].nodes.dtype.names or ()
    for mapped in MAPPED[blocks.kind]:
        if mapped.field not in names or _left_out(mapped, facts):
            continue
        dtype = facts.dtype(mapped.column)
        if blocks.states[0].nodes.dtype[mapped.field].kind == "f" and not (
            mapped.column == "weight" and facts.whole_weight
        ):
            dtype = np.dtype(np.float64)
        per_split = mapped.leaf is not None and mapped.column not in facts.unusual
        shape = (facts.splits if per_split else int(blocks.sizes.sum()),)
        yield _Recipe(mapped.column, dtype, shape, partial(Block.field, name=mapped.field, per_split=per_split))


def _left_out(mapped: Mapped, facts: Facts) -> bool:
    column = mapped.column
    if column in _LEFT_OUT:
        return facts.limits.get(column, (0, 0)) == (0, 0)
    if column == "weight":
        return facts.weight_is_counted if facts.counted else facts.weight_is_samples
    return (column == "impurity" and facts.gini) or (column == "node_depth" and facts.depth_is_depth)


def _values(blocks: Blocks, facts: Facts, n_classes: tuple[int, ...]) -> _Recipe:
    shape = (int(blocks.sizes.sum()), len(n_classes), max(n_classes))
    if facts.counted:
        return _Recipe("count", facts.dtype("count"), shape, partial(_counts, len(n_classes)))
    return _Recipe("value", np.dtype(np.float64), shape, lambda block: block.values)


def _counts(n_outputs: int, block: Block) -> Array:
    if block.counts is None:  # though the first pass found that there are some
        raise SaveError("the model changed while it was being saved", hint="save it when nothing else uses it")
    return as_values(block.counts, n_outputs)


def _max_depths(blocks: Blocks, facts: Facts) -> dict[str, Array]:
    stated = np.array([state.max_depth for state in blocks.states], np.int64)
    found = np.maximum.reduceat(np.concatenate(list(facts.pieces["depth"].values())), blocks.starts)
    if np.array_equal(stated, found):
        return {}
    wrong = (stated < found) | (stated >= blocks.sizes)
    if wrong.any():
        tree = int(np.argmax(wrong))
        raise SaveError(
            f"tree {tree} says that its depth is {stated[tree]}, and it is {found[tree]}",
            hint="refit the model: compiled code could crash on this tree",
        )
    return {"max_depth": _narrowed(stated)}


def _bitsets(states: Sequence[State]) -> dict[str, Array]:
    pairs = [state.bitsets for state in states if state.bitsets is not None]
    sizes = np.array([len(binned) for binned, _ in pairs], np.int64)
    if not sizes.any():
        return {}
    return {
        "bitset_sizes": _narrowed(sizes),
        "binned_bitsets": np.concatenate([binned for binned, _ in pairs]),
        "raw_bitsets": np.concatenate([raw for _, raw in pairs]),
    }


def _made(blocks: Blocks, recipes: Sequence[_Recipe], facts: Facts) -> list[Column]:
    """All columns from what the first pass kept, and one pass more over the nodes for what it did not keep."""
    pieces = {recipe.name: facts.pieces.pop(recipe.name, {}) for recipe in recipes}
    lacking = [recipe for recipe in recipes if len(pieces[recipe.name]) < len(blocks)]
    for block in blocks if lacking else ():
        for recipe in lacking:
            if block.trees.start not in pieces[recipe.name]:
                pieces[recipe.name][block.trees.start] = _converted(recipe.make(block), recipe.dtype)
    return [_column(recipe, partial(_in_order, pieces[recipe.name])) for recipe in recipes]


def _in_order(pieces: dict[int, Array]) -> Iterator[Array]:
    return (pieces[start] for start in sorted(pieces))


def _later(blocks: Blocks, recipe: _Recipe) -> Column:
    """A column that takes its own pass over the nodes, whenever it is read."""
    return _column(recipe, lambda: map(recipe.make, blocks))


def _column(recipe: _Recipe, pieces: Callable[[], Iterator[Array]]) -> Column:
    """``pieces``, whose values the column's dtype holds, handed on in larger ones."""

    def joined(held: list[Array], size: int) -> Array:
        safe = [_converted(piece, recipe.dtype) for piece in held]
        return np.concatenate(safe, out=np.empty((size, *recipe.shape[1:]), recipe.dtype))

    def chunks() -> Iterator[Array]:
        held: list[Array] = []
        size = 0
        for piece in pieces():
            held.append(piece)
            size += len(piece)
            if size >= enough:
                yield joined(held, size)
                held, size = [], 0
        if held:
            yield joined(held, size)

    enough = _CHUNK // (math.prod(recipe.shape[1:]) * recipe.dtype.itemsize)
    return Column(recipe.name, recipe.dtype, recipe.shape, chunks)


def _converted(piece: Array, dtype: np.dtype[Any]) -> Array:
    """``piece`` as the first pass found that it can be kept: each value stays what it is."""
    if np.can_cast(piece.dtype, dtype, "safe"):
        return piece
    made = piece.astype(dtype)
    if not equal_bits(made.astype(piece.dtype), piece).all():
        raise SaveError("the model changed while it was being saved", hint="save it when nothing else uses it")
    return made


def _ready(name: str, array: Array) -> Column:
    return Column(name, array.dtype, array.shape, lambda: iter((array,)))


def _narrowed(values: Array) -> Array:
    return values.astype(narrow(int(values.min()), int(values.max())))
