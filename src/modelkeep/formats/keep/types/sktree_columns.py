"""The columns of a tree pool from scikit-learn's node arrays, each narrowed to what it needs, made piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import SaveError
from modelkeep.formats.keep.types.sktree_survey import (
    MAPPED,
    Block,
    Blocks,
    Facts,
    Mapped,
    State,
    narrow,
    refuse_layout,
    survey,
)
from modelkeep.trees import Column, Kind, PoolPlan

Array = NDArray[Any]

#: Bytes of a column that are handed on together.
_CHUNK = 1 << 20
#: Columns that are left out where they hold nothing but 0.
_LEFT_OUT = frozenset({"missing_left", "categorical", "bitset"})


def plan(kind: Kind, n_features: int, n_classes: tuple[int, ...], states: Sequence[State]) -> PoolPlan:
    """The pool of ``states``: the first pass over their nodes happens here, the columns are made when they are read.

    A tree that a check would refuse at reading is refused here, by ``SaveError``.
    """
    refuse_layout(kind, states)
    blocks = Blocks(kind, states)
    facts = survey(blocks, len(n_classes))
    columns = [_whole("sizes", _narrowed(blocks.sizes)), *_places(blocks, facts), *_fields(blocks, facts)]
    if kind == "tree":
        columns += _tree_columns(blocks, facts, n_classes)
    else:
        columns += _bitset_columns(states)
    return PoolPlan(kind, max(n_features, facts.features), n_classes, tuple(columns))


def _places(blocks: Blocks, facts: Facts) -> Iterator[Column]:
    size = (int(blocks.sizes.sum()),)
    yield _column(blocks, "right", facts.dtype("right"), size, lambda block: block.place(1))
    if not facts.preorder:
        yield _column(blocks, "left", facts.dtype("left"), size, lambda block: block.place(0))
    dtype = facts.dtype("depth")
    yield Column("depth", dtype, size, lambda: _merged(d.astype(dtype, copy=False) for d in facts.depths))


def _fields(blocks: Blocks, facts: Facts) -> Iterator[Column]:
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
        yield _column(blocks, mapped.column, dtype, shape, _reader(mapped.field, per_split))


def _left_out(mapped: Mapped, facts: Facts) -> bool:
    column = mapped.column
    if column in _LEFT_OUT:
        return facts.limits.get(column, (0, 0)) == (0, 0)
    if column == "weight":
        return facts.weight_is_counted if facts.counted else facts.weight_is_samples
    return (column == "impurity" and facts.gini) or (column == "node_depth" and facts.depth_is_depth)


def _reader(name: str, per_split: bool) -> Callable[[Block], Array]:
    if per_split:
        return lambda block: block.nodes[name][block.splits]
    return lambda block: block.nodes[name]


def _tree_columns(blocks: Blocks, facts: Facts, n_classes: tuple[int, ...]) -> Iterator[Column]:
    shape = (int(blocks.sizes.sum()), len(n_classes), max(n_classes))
    if facts.counted:
        yield _column(blocks, "count", facts.dtype("count"), shape, Block.counts)
    else:
        yield _column(blocks, "value", np.dtype(np.float64), shape, lambda block: block.values)
    stated = np.array([state.max_depth for state in blocks.states], np.int64)
    found = np.maximum.reduceat(np.concatenate(facts.depths), blocks.starts)
    if np.array_equal(stated, found):
        return
    wrong = (stated < found) | (stated >= blocks.sizes)
    if wrong.any():
        tree = int(np.argmax(wrong))
        raise SaveError(
            f"tree {tree} says that its depth is {stated[tree]}, and it is {found[tree]}",
            hint="refit the model: compiled code could crash on this tree",
        )
    yield _whole("max_depth", _narrowed(stated))


def _bitset_columns(states: Sequence[State]) -> Iterator[Column]:
    pairs = [state.bitsets for state in states if state.bitsets is not None]
    sizes = np.array([len(binned) for binned, _ in pairs], np.int64)
    if sizes.any():
        yield _whole("bitset_sizes", _narrowed(sizes))
        yield _whole("binned_bitsets", np.concatenate([binned for binned, _ in pairs]))
        yield _whole("raw_bitsets", np.concatenate([raw for _, raw in pairs]))


def _column(
    blocks: Blocks, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], make: Callable[[Block], Array | None]
) -> Column:
    def pieces() -> Iterator[Array]:
        for block in blocks:
            piece = make(block)
            if piece is None:  # the first pass found that there is one
                raise SaveError("the model changed while it was being saved", hint="save it when nothing else uses it")
            yield piece.astype(dtype, copy=False)

    return Column(name, dtype, shape, lambda: _merged(pieces()))


def _whole(name: str, values: Array) -> Column:
    return Column(name, values.dtype, values.shape, lambda: iter((values,)))


def _narrowed(values: Array) -> Array:
    return values.astype(narrow(int(values.min()), int(values.max())))


def _merged(pieces: Iterable[Array]) -> Iterator[Array]:
    """The same entries in pieces of about ``_CHUNK`` bytes, at least one."""
    held: list[Array] = []
    for piece in pieces:
        held.append(piece)
        if sum(p.nbytes for p in held) >= _CHUNK:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)
