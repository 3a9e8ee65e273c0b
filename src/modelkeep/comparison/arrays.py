"""How two arrays, or two sets of names, differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.outline.values import shape_text

#: Names that are listed of those added or removed; all are counted.
LISTED = 20
#: Bytes of two arrays that are compared at once.
PIECE = 32 << 20


@dataclass(frozen=True)
class ArrayChange:
    """An array that one file lacks, or that differs. ``count`` of ``total`` numbers are not the same to the last bit.

    ``absolute`` and ``relative`` are the largest differences (relative to the larger of the two numbers), None where
    they can't be taken: another shape, text, a missing value on one side.
    """

    path: str
    kind: str
    old: str = ""
    new: str = ""
    count: int = 0
    total: int = 0
    absolute: float | None = None
    relative: float | None = None


@dataclass(frozen=True)
class NamesChange:
    """A set of names that differs (a vocabulary, categories, classes): the first of those added and removed.

    ``moved`` counts the names that both have at another place or with another number.
    """

    path: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    added_count: int
    removed_count: int
    moved: int


def names_change(path: str, old: dict[Any, Any], new: dict[Any, Any]) -> NamesChange:
    """How two sets of names differ; with numbers, a name has moved if its number changed, else if its place did."""
    added, removed = [name for name in new if name not in old], [name for name in old if name not in new]
    kept_old, kept_new = [name for name in old if name in new], [name for name in new if name in old]
    if all(value is not None for value in (*old.values(), *new.values())):
        moved = sum(old[name] != new[name] for name in kept_old)
    else:
        moved = sum(a != b for a, b in zip(kept_old, kept_new, strict=True))
    return NamesChange(path, _first(added), _first(removed), len(added), len(removed), moved)


def _first(names: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(name) for name, _ in zip(names, range(LISTED), strict=False))


def array_text(dtype: object, shape: tuple[int, ...]) -> str:
    return f"{dtype}, {shape_text(shape)}"


def compare_arrays(path: str, old: Any, new: Any) -> ArrayChange | NamesChange | None:
    """How two arrays differ, if they do; NaN equals NaN, 0.0 is not -0.0."""
    first, second = (array_text(array.dtype, array.shape) for array in (old, new))
    if old.dtype.kind in "US" and new.dtype.kind in "US" and old.ndim == new.ndim == 1:
        same = old.dtype == new.dtype and np.array_equal(old, new)
        return None if same else names_change(path, dict.fromkeys(old.tolist()), dict.fromkeys(new.tolist()))
    if old.shape != new.shape or old.dtype != new.dtype:
        return ArrayChange(path, "changed", first, second, total=int(max(old.size, new.size)))
    count, most = 0, _Most()
    for piece_old, piece_new in _pieces(old, new):
        unequal = differs(piece_old, piece_new)
        here = int(np.count_nonzero(unequal))
        if here and old.dtype.kind in "iufcb":
            most.add(*largest(piece_old[unequal], piece_new[unequal]))
        count += here
    return ArrayChange(path, "changed", first, second, count, int(old.size), *most.pair) if count else None


class _Most:
    """The largest of several pairs of numbers, each of which may be None."""

    def __init__(self) -> None:
        self.pair: tuple[float | None, float | None] = (None, None)

    def add(self, absolute: float | None, relative: float | None) -> None:
        if absolute is not None and relative is not None:
            old_absolute, old_relative = self.pair
            self.pair = (max(absolute, old_absolute or 0.0), max(relative, old_relative or 0.0))


def _pieces(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """Two arrays of one shape, some rows at a time: what is computed of them stays small beside a large model."""
    if old.ndim == 0 or old.nbytes <= PIECE:
        yield old, new
        return
    rows = max(1, PIECE * len(old) // old.nbytes)
    for start in range(0, len(old), rows):
        yield old[start : start + rows], new[start : start + rows]


def differs(old: Any, new: Any) -> Any:
    """Cell by cell, whether two arrays of one dtype and shape differ."""
    if old.dtype.kind == "f":
        unequal = (old != new) | (np.signbit(old) != np.signbit(new))
        return unequal & ~(np.isnan(old) & np.isnan(new))
    if old.dtype.kind == "c":
        return differs(old.real, new.real) | differs(old.imag, new.imag)
    if old.dtype.kind in "mM":
        return (old != new) & ~(np.isnat(old) & np.isnat(new))
    return old != new


def largest(old: Any, new: Any) -> tuple[float | None, float | None]:
    """The largest absolute and relative difference of two arrays of numbers; None where no pair is finite."""
    wide = np.complex128 if old.dtype.kind == "c" else np.float64
    old, new = old.astype(wide), new.astype(wide)
    finite = np.isfinite(old) & np.isfinite(new)
    if not finite.any():
        return None, None
    old, new = old[finite], new[finite]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        apart = np.abs(old - new)
        scale = np.maximum(np.abs(old), np.abs(new))
        relative = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 0)
    return float(apart.max()), float(relative.max())
