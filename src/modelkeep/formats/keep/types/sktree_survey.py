"""A first pass over scikit-learn's node arrays, which finds out how their columns can be kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, SaveError
from modelkeep.formats.keep.types.sktree_blocks import MAPPED, PLACES, Block, Blocks
from modelkeep.tree_checks import check_children, check_depths
from modelkeep.tree_values import EXACT_WEIGHT, equal_bits, gini, node_depths, total, whole_numbers
from modelkeep.trees import TreePool, Window

Array = NDArray[Any]
Limits = tuple[int, int]

#: Bytes of columns that are kept until they are written, rather than made by another pass over all nodes.
KEPT = 512 << 20
#: From this many nodes a tree on, scikit-learn's own walk for the depths is faster than one over many trees at once.
_LARGE = 512
_REFIT = "refit the model: compiled code could crash on this tree"


@dataclass
class Facts:
    """What holds of all nodes. Each starts as true and stays so until a block says otherwise."""

    preorder: bool = True
    counted: bool = True  # value is count / weight
    gini: bool = True
    whole_weight: bool = True
    weight_is_samples: bool = True
    weight_is_counted: bool = True
    depth_is_depth: bool = True
    splits: int = 0
    features: int = 0  # one more than the greatest feature that a split uses
    limits: dict[str, Limits] = field(default_factory=dict)  # of each integer column
    unusual: set[str] = field(default_factory=set)  # columns with an unusual value at some leaf
    #: What the first pass already made: by column, then by the first tree of a block.
    pieces: dict[str, dict[int, Array]] = field(default_factory=lambda: defaultdict(dict))
    kept: int = 0  # bytes of ``pieces``

    def note(self, column: str, values: Array) -> Limits:
        """Widen what is known of an integer column; the limits of ``values`` alone come back."""
        if not values.size:
            return 0, 0
        limits = int(values.min()), int(values.max())
        low, high = self.limits.get(column, (0, 0))
        self.limits[column] = (min(low, limits[0]), max(high, limits[1]))
        return limits

    def keep(self, column: str, block: Block, piece: Array, limits: Limits | None = None) -> None:
        """Keep a piece of a column, as small as its ``limits`` allow, unless there is no room for more."""
        if limits is not None:
            piece = piece.astype(narrow(*limits), copy=False)
        if self.kept + piece.nbytes <= KEPT:
            self.pieces[column][block.trees.start] = piece
            self.kept += piece.nbytes

    def dtype(self, column: str) -> np.dtype[Any]:
        return narrow(*self.limits.get(column, (0, 0)))


_UNSIGNED = tuple((np.dtype(name), 256**size) for name, size in (("u1", 1), ("u2", 2), ("u4", 4)))
_SIGNED = tuple((np.dtype(name), 256**size // 2) for name, size in (("i1", 1), ("i2", 2), ("i4", 4)))


def narrow(low: int, high: int) -> np.dtype[Any]:
    """The smallest integer type that holds both."""
    if low >= 0:
        return next((dtype for dtype, end in _UNSIGNED if high < end), np.dtype(np.int64))
    return next((dtype for dtype, end in _SIGNED if -end <= low and high < end), np.dtype(np.int64))


def as_values(rows: Array, n_outputs: int) -> Array:
    """Rows per output and class as an array of shape (nodes, outputs, classes)."""
    return rows.T.reshape(rows.shape[1], n_outputs, -1)


def survey(blocks: Blocks, n_outputs: int) -> Facts:
    """The first pass over all nodes. It refuses what the checks at reading would refuse."""
    facts = Facts()
    for block in blocks:
        _refuse_odd(block)
        depth = _survey_shape(block, facts)
        _survey_fields(block, facts)
        _survey_features(block, facts)
        if block.kind == "tree":
            _survey_values(block, facts, n_outputs)
        else:
            facts.depth_is_depth = facts.depth_is_depth and np.array_equal(block.nodes["depth"], depth)
    return facts


def _refuse_odd(block: Block) -> None:
    """Refuse half a leaf, and a split whose child is the root: no column could keep them."""
    names, none = PLACES[block.kind]
    odd = (block.raw_places[1] != none) != block.is_split
    for children in block.places:
        odd |= (children != 0) != block.is_split
    if len(names) == 3:
        odd |= block.nodes[names[2]] > 1
    _refuse(odd, block, "is half a leaf")


def _refuse(wrong: Array, block: Block, what: str) -> None:
    if wrong.any():
        node, ends = int(np.argmax(wrong)), np.cumsum(block.sizes)
        tree = int(np.searchsorted(ends, node, side="right"))
        place = f"node {node - int(ends[tree] - block.sizes[tree])} of tree {block.trees.start + tree}"
        raise SaveError(f"{place} {what}", hint=_REFIT)


def _survey_shape(block: Block, facts: Facts) -> Array:
    left, right = block.places
    columns = {"sizes": block.sizes, "left": left, "right": right}
    pool = TreePool(block.kind, 0, (), columns)
    window = Window(pool, slice(0, len(block.sizes)), slice(0, len(block.nodes)), 0)
    window.trees = block.trees  # as errors name them
    facts.keep("right", block, right, facts.note("right", right))
    facts.note("left", left)
    if np.array_equal(left[block.splits], window.splits - window.base + 1):
        del columns["left"]
    else:
        facts.preorder = False
    try:
        children = check_children(window)
    except CheckError as error:
        raise SaveError(str(error), hint=_REFIT) from None
    depth = _known_depths(block, window, children) if len(block.nodes) > _LARGE * len(block.sizes) else None
    if depth is None:
        depth = node_depths(block.is_split, children[2], *children[:2])
    facts.splits += len(block.splits)
    facts.pieces["depth"][block.trees.start] = depth.astype(narrow(*facts.note("depth", depth)))
    return depth


def _known_depths(block: Block, window: Window, children: tuple[Array, Array, Array]) -> Array | None:
    """The depths that compiled code finds, if it finds those of all nodes. The children must be checked ones."""
    if any(state.depths is None for state in block.states):
        return None
    found = np.concatenate([state.depths() for state in block.states if state.depths is not None])
    found -= 1
    if found.min() < 0 or found.max() >= 2**32:  # it leaves the depth of a node that is cut off to chance
        return None
    depth = found.astype(np.uint32)
    window.columns = {**window.columns, "depth": depth}
    try:
        check_depths(window, *children)
    except CheckError:
        return None
    return depth


def _survey_fields(block: Block, facts: Facts) -> None:
    for name, column, leaf in MAPPED[block.kind]:
        if name not in (block.nodes.dtype.names or ()):
            continue
        values = block.field(name, per_split=False)
        if leaf is not None and column not in facts.unusual:
            if (block.is_split | equal_bits(values, leaf)).all():
                values = values[block.splits]
            else:
                facts.unusual.add(column)
                facts.pieces[column].clear()
                if values.dtype.kind in "iu":  # the usual leaves of earlier blocks are kept now, too
                    facts.note(column, np.array([leaf], values.dtype))
        limits = facts.note(column, values) if values.dtype.kind in "iu" else None
        if not (column == "impurity" and facts.gini) and column not in ("weight", "node_depth"):
            facts.keep(column, block, values, limits)


def _survey_features(block: Block, facts: Facts) -> None:
    feature = block.nodes[MAPPED[block.kind][0].field]
    _refuse(block.is_split & (feature < 0), block, "splits on a feature that doesn't exist")
    facts.features = max(facts.features, int(feature[block.splits].max(initial=-1)) + 1)
    for name in ("missing_go_to_left", "is_categorical"):
        if name in (block.nodes.dtype.names or ()):
            _refuse(block.nodes[name] > 1, block, f"has a {name} that is neither 0 nor 1")
    if block.kind == "predictor":
        rows = np.repeat([len(state.bitsets[0]) if state.bitsets else 0 for state in block.states], block.sizes)
        outside = (block.nodes["is_categorical"] != 0) & (block.nodes["bitset_idx"] >= rows)
        _refuse(block.is_split & outside, block, "looks up a bitset that doesn't exist")


def _survey_values(block: Block, facts: Facts, n_outputs: int) -> None:
    counts = block.counts if facts.counted else None
    if counts is None:
        facts.counted = facts.gini = False
        facts.pieces["count"].clear()
    else:
        _survey_counts(block, counts, facts, n_outputs)
    weight = block.weight
    facts.weight_is_counted = facts.weight_is_counted and facts.counted
    whole = facts.weight_is_counted or whole_numbers(weight) is not None
    facts.whole_weight = facts.whole_weight and whole and weight.max() < 2**32
    if facts.whole_weight:
        facts.note("weight", weight)
    facts.weight_is_samples = facts.weight_is_samples and facts.whole_weight
    facts.weight_is_samples = facts.weight_is_samples and np.array_equal(weight, block.nodes["n_node_samples"])


def _survey_counts(block: Block, counts: Array, facts: Facts, n_outputs: int) -> None:
    n_classes = len(counts) // n_outputs
    facts.keep("count", block, as_values(counts, n_outputs), facts.note("count", counts))
    facts.weight_is_counted = facts.weight_is_counted and np.array_equal(block.weight, total(counts, n_classes))
    if facts.gini:
        exact = n_outputs == 1 and block.weight.max() <= EXACT_WEIGHT
        impurity = block.nodes["impurity"].astype(np.float64)
        facts.gini = bool(exact and equal_bits(gini(counts, block.weight), impurity).all())
