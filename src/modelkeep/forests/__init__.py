"""A tree ensemble by what it computes, in columns: one form for every library whose trees are written elsewhere.

All trees of an ensemble are one table of nodes. A row goes from a root to a leaf; a leaf has a number for each target;
the numbers of all trees are summed for each target, and ``base`` is added. What a library makes of the sums (shares,
labels) is not said here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Categories(NamedTuple):
    """A split by category: whole numbers ``c`` with ``left[c]`` go left, all other numbers (NaN too) as the two say."""

    feature: int
    left: Flags
    other_left: bool
    missing_left: bool


@dataclass(frozen=True, eq=False)
class Forest:
    """``left`` and ``right`` are places in the table, counted over all trees; a leaf has ``feature`` -1.

    A split sends a row left where ``x[feature] <= threshold`` (``strict``: ``<``), a missing number where
    ``missing_left``. ``category`` is a place in ``categories`` or -1. ``values`` has a row for each node, of which
    those of leaves count, and a column for each target; with ``target`` (for each tree) it has one column, which is
    added to that target. ``narrow``: rows are rounded to float32 before they are compared.
    ``zero_missing`` lists columns in which a zero counts as missing, ``missing_zero`` those where a gap is a zero.
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
    zero_missing: tuple[int, ...] = ()
    missing_zero: tuple[int, ...] = ()

    @property
    def is_leaf(self) -> Flags:
        return self.feature < 0

    def with_features(self, features: Sequence[int], n_features: int) -> Forest:
        """The same trees over a wider table, of which they saw the columns ``features``."""
        places = np.append(np.asarray(features, dtype=np.int64), -1)
        moved = tuple(each._replace(feature=int(places[each.feature])) for each in self.categories)
        return _replaced(self, n_features=n_features, feature=places[self.feature], categories=moved)


def _replaced(forest: Forest, **changes: Any) -> Forest:
    return Forest(**{**vars(forest), **changes})


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
    return _replaced(
        first,
        roots=shifted("roots"),
        feature=column("feature"),
        threshold=column("threshold"),
        left=shifted("left"),
        right=shifted("right"),
        missing_left=column("missing_left"),
        values=column("values"),
        target=None if first.target is None else column("target"),
        category=category,
        categories=tuple(split for each in forests for split in each.categories),
    )


def floor32(values: Numbers) -> Numbers:
    """The largest float32 not above each value: for a float32 ``x``, ``x <= t`` is ``x <= floor32(t)``.

    >>> float(floor32(np.array([0.1]))[0]) <= 0.1
    True
    """
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    narrow = np.where(narrow > values, np.nextafter(narrow, np.float32(-np.inf)), narrow)
    return narrow.astype(np.float64)


def ceil32(values: Numbers) -> Numbers:
    """The smallest float32 not below each value: for a float32 ``x``, ``x < t`` is ``x < ceil32(t)``."""
    return -floor32(-values)
