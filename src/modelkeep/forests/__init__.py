"""A tree ensemble by what it computes, in columns: one form for every library whose trees are written elsewhere.

All trees of an ensemble are one table of nodes. A row goes from a root to a leaf; a leaf has a number for each target;
the numbers of all trees are summed for each target, and ``base`` is added. What a library makes of the sums (shares,
labels) is not said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


#: What counts as missing at a node: NaN; NaN and zero; nothing, and NaN is zero.
NAN, ZERO, NOTHING = 0, 1, 2


class Categories(NamedTuple):
    """A split by category: whole numbers ``c`` with ``left[c]`` go left, all other numbers (NaN too) as the two say.

    Fractions are cut off; ``truncated``: those between -1 and 0 too, which else are no category.
    """

    feature: int
    left: Flags
    other_left: bool
    missing_left: bool
    truncated: bool = False


@dataclass(frozen=True, eq=False)
class Forest:
    """``left`` and ``right`` are places in the table, counted over all trees; a leaf has ``feature`` -1.

    A split sends a row left where ``x[feature] <= threshold`` (``strict``: ``<``), a missing number where
    ``missing_left``. ``category`` is a place in ``categories`` or -1. ``values`` has a row for each node, of which
    those of leaves count, and a column for each target; with ``target`` (for each tree) it has one column, which is
    added to that target. Sums begin with ``base``, to which trees are added in their order.
    ``narrow``: rows are rounded to float32 before they are compared. ``narrow_sums``: so is each sum.
    ``gap`` says for each node what counts as missing; None is NaN everywhere. Numbers not farther from zero than
    ``tiny`` are zero.
    """

    n_features: int
    n_targets: int
    roots: Places
    feature: Places
    threshold: Numbers
    left: Places
    right: Places
    missing_left: Flags
    values: Numbers
    target: Places | None = None
    category: Places | None = None
    categories: tuple[Categories, ...] = ()
    base: Numbers = field(default_factory=lambda: np.zeros(1))
    strict: bool = False
    narrow: bool = True
    narrow_sums: bool = False
    gap: NDArray[np.uint8] | None = None
    tiny: float = 0.0

    @property
    def is_leaf(self) -> Flags:
        return self.feature < 0

    def edges(self) -> tuple[Places, Numbers]:
        """The columns and thresholds of all splits by a number."""
        chosen = ~self.is_leaf if self.category is None else ~self.is_leaf & (self.category < 0)
        return self.feature[chosen], self.threshold[chosen]

    def with_features(self, features: Sequence[int], n_features: int) -> Forest:
        """The same trees over a wider table, of which they saw the columns ``features``."""
        places = np.append(np.asarray(features, dtype=np.int64), -1)
        moved = tuple(each._replace(feature=int(places[each.feature])) for each in self.categories)
        return self.replaced(n_features=n_features, feature=places[self.feature], categories=moved)

    def replaced(self, **changes: Any) -> Forest:
        """The same with some fields changed."""
        return replace(self, **changes)


def joined(forests: Sequence[Forest]) -> Forest:
    """One forest of all trees, in order. They agree in targets, comparison and width."""
    first = forests[0]
    shifts = np.cumsum([0, *(len(each.feature) for each in forests[:-1])])
    splits = np.cumsum([0, *(len(each.categories) for each in forests[:-1])])

    def column(name: str) -> Any:
        return np.concatenate([getattr(each, name) for each in forests])

    def shifted(name: str) -> Any:
        return np.concatenate([getattr(each, name) + shift for each, shift in zip(forests, shifts, strict=True)])

    category = None
    if any(each.category is not None for each in forests):
        parts = [
            np.full(len(each.feature), -1)
            if each.category is None
            else np.where(each.category < 0, -1, each.category + n)
            for each, n in zip(forests, splits, strict=True)
        ]
        category = np.concatenate(parts)
    return first.replaced(
        roots=shifted("roots"),
        feature=column("feature"),
        threshold=column("threshold"),
        left=shifted("left"),
        right=shifted("right"),
        missing_left=column("missing_left"),
        values=column("values"),
        target=None if first.target is None else column("target"),
        gap=None if first.gap is None else column("gap"),
        category=category,
        categories=tuple(split for each in forests for split in each.categories),
    )


def constant(like: Forest, target: int) -> Forest:
    """One tree for one target of such a forest: a leaf that adds nothing."""
    none, zero = np.zeros(1, dtype=np.int64), np.zeros(1)
    return like.replaced(
        roots=none,
        feature=none - 1,
        threshold=zero,
        left=none,
        right=none,
        missing_left=zero.astype(bool),
        values=zero[:, None],
        target=none + target,
        category=None,
        categories=(),
        gap=None if like.gap is None else zero.astype(np.uint8),
    )
