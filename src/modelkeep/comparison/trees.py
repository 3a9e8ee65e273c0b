"""Trees of two pools compared one by one, by meaning: how wide a column is kept doesn't matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.outline import Outline
from modelkeep.outline.values import Values
from modelkeep.trees import COLUMNS, TreePool

_WHERE = ("right", "left", "feature", "threshold", "missing_left", "categorical")


@dataclass(frozen=True)
class TreeChange:
    """One tree that one file lacks, or that differs: the numbers of nodes, and the columns in which it differs."""

    path: str
    kind: str
    old_nodes: int = 0
    new_nodes: int = 0
    columns: tuple[str, ...] = ()
    total: int = 0


def compare_trees(a: Outline, b: Outline, values: tuple[Values, Values]) -> list[TreeChange]:
    """Trees are matched by their place in the model."""
    places = [_places(outline) for outline in (a, b)]
    pools = [_Pools(each) for each in values]
    total = max(map(len, places))
    found: list[TreeChange] = []
    for path in dict.fromkeys([*places[0], *places[1]]):
        here = [place.get(path) for place in places]
        trees = [pool.tree(*at) if at else None for pool, at in zip(pools, here, strict=True)]
        old, new = trees
        if old is None or new is None:
            kind = "added" if old is None else "removed"
            found.append(TreeChange(path, kind, old.nodes if old else 0, new.nodes if new else 0, total=total))
        elif columns := old.differing(new):
            found.append(TreeChange(path, "changed", old.nodes, new.nodes, columns, total))
    return found


def _places(outline: Outline) -> dict[str, tuple[int, int]]:
    items = (item for item in outline.root.walk() if item.kind in ("tree", "predictor"))
    return {item.path: (item.value[1], item.value[2]) for item in items}


class _Pools:
    def __init__(self, values: Values) -> None:
        self.values = values
        self.made: dict[int, _Pool] = {}

    def tree(self, pool: int, index: int) -> _Tree:
        if pool not in self.made:
            self.made[pool] = _Pool(self.values.pool(pool))
        return _Tree(self.made[pool], index)


class _Pool:
    """A pool with where each tree's nodes, splits and bitset rows begin."""

    def __init__(self, pool: TreePool) -> None:
        self.pool = pool
        self.ends = np.concatenate(([0], pool.ends))
        is_split = pool.columns["right"] != 0
        self.splits = np.concatenate(([0], np.cumsum(is_split)))[self.ends]
        self.is_split = is_split
        rows = pool.columns.get("bitset_sizes", np.zeros(pool.n_trees, np.int64))
        self.rows = np.concatenate(([0], np.cumsum(rows, dtype=np.int64)))


@dataclass(frozen=True)
class _Tree:
    of: _Pool
    index: int

    @property
    def nodes(self) -> int:
        return int(self.of.ends[self.index + 1] - self.of.ends[self.index])

    def column(self, name: str) -> Any:
        """The tree's part of a column, or None where the pool has none."""
        column = self.of.pool.columns.get(name)
        if column is None:
            return None
        per = COLUMNS[self.of.pool.kind][name].per
        if per in ("tree", "pool"):
            return column[self.index : self.index + 1]
        if per == "bitset":
            return column[self.of.rows[self.index] : self.of.rows[self.index + 1]]
        nodes = slice(self.of.ends[self.index], self.of.ends[self.index + 1])
        if per == "node":
            return column[nodes]
        if len(column) == len(self.of.is_split):  # a split's column that is kept for every node
            return column[nodes][self.of.is_split[nodes]]
        return column[self.of.splits[self.index] : self.of.splits[self.index + 1]]

    def differing(self, other: _Tree) -> tuple[str, ...]:
        """The columns in which two trees differ."""
        if self.of.pool.kind != other.of.pool.kind or self.of.pool.n_classes != other.of.pool.n_classes:
            return ("kind",)
        if self.nodes != other.nodes:
            return ("nodes",)
        names = [name for name in COLUMNS[self.of.pool.kind] if name not in ("sizes", "depth", "max_depth")]
        return tuple(name for name in names if not _same(self.column(name), other.column(name), name))


def _same(old: Any, new: Any, name: str) -> bool:
    if old is None and new is None:
        return True
    if old is None or new is None:
        present = new if old is None else old
        # Left out stands for zero in these columns; in the others it stands for what the rest of the tree says.
        return not present.any() if name in ("missing_left", "categorical", "bitset") else False
    if old.shape != new.shape:
        return False
    return bool(np.array_equal(old, new, equal_nan=old.dtype.kind == "f" and new.dtype.kind == "f"))
