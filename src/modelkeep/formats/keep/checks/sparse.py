"""Sparse matrices: compiled code goes where the indices point, and looks at none of them before."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.require import Array, Check, State, array, fail, indices, is_a, require

_MAX_LENGTH = 2**62


def _shape(state: State) -> tuple[int, ...]:
    shape: Any = state.get("_shape")
    good = type(shape) is tuple and 1 <= len(shape) <= 64
    require(good, "_shape", "a shape is a tuple of lengths")
    for n in shape:
        good = isinstance(n, int | np.integer) and 0 <= int(n) < _MAX_LENGTH
        require(good, "_shape", f"{quote(repr(n))} is no length")
    return tuple(int(n) for n in shape)


def _pointers(state: State, rows: int) -> tuple[Array, Array]:
    """``indptr`` and ``indices`` of a compressed matrix of so many rows."""
    pointers, found = array(state, "indptr", "i", (rows + 1,)), array(state, "indices", "i", (None,))
    steps = np.diff(pointers)
    require(int(pointers[0]) == 0, "indptr", "the first row doesn't begin at 0")
    require(not len(steps) or steps.min() >= 0, "indptr", "a row ends before it begins")
    require(int(pointers[-1]) <= len(found), "indptr", f"the last row ends at {int(pointers[-1])} of {len(found)}")
    return pointers, found


def check_compressed(obj: Any) -> None:
    state = vars(obj)
    shape = _shape(state)
    require(len(shape) <= 2, "_shape", "a compressed matrix has one or two axes")
    rows, columns = (1, *shape)[-2:]
    if is_a(obj, "scipy.sparse._csc._csc_base"):
        rows, columns = columns, rows
    pointers, found = _pointers(state, rows)
    array(state, "data", "b i u f c O", (len(found),))
    # What lies behind the last row is memory that nobody filled, and nobody reads.
    indices(found[: int(pointers[-1])], columns, "indices")
    _check_order(state, pointers, found)


def check_blocks(obj: Any) -> None:
    state = vars(obj)
    shape = _shape(state)
    data = array(state, "data", "b i u f c", (None, None, None))
    blocks, high, wide = data.shape
    fits = len(shape) == 2 and high and wide and shape[0] % high == 0 and shape[1] % wide == 0
    require(fits, "data", f"blocks of {high} x {wide} don't fill a matrix of shape {shape}")
    pointers, found = _pointers(state, shape[0] // high)
    require(len(found) == blocks, "indices", f"{len(found)} places of {blocks} blocks")
    indices(found, shape[1] // wide, "indices")
    _check_order(state, pointers, found)


def _check_order(state: State, pointers: Array, found: Array) -> None:
    """What a matrix remembers of itself, so that it needn't sort again, is true."""
    canonical = state.get("_has_canonical_format")
    for name in ("_has_canonical_format", "_has_sorted_indices"):
        require(state.get(name) in (None, True, False), name, "neither true nor false")
    if not canonical and not state.get("_has_sorted_indices"):
        return
    inside = np.ones(max(0, int(pointers[-1]) - 1), bool)
    starts = pointers[1:-1]
    inside[starts[(starts > 0) & (starts < pointers[-1])] - 1] = False
    used = found[: int(pointers[-1])]
    steps = used[1:] <= used[:-1] if canonical else used[1:] < used[:-1]
    require(not (steps & inside).any(), "indices", "the indices of a row are not in the order that the matrix claims")


def check_coordinates(obj: Any) -> None:
    state = vars(obj)
    shape = _shape(state)
    data = array(state, "data", "b i u f c O", (None,))
    coords = state.get("coords", (state.get("row"), state.get("col")))
    require(type(coords) is tuple and len(coords) == len(shape), "coords", f"not {len(shape)} axes")
    for i, length in enumerate(shape):
        indices(array({"coords": coords[i]}, "coords", "i", data.shape), length, "coords")


def check_diagonals(obj: Any) -> None:
    state = vars(obj)
    shape = _shape(state)
    offsets = array(state, "offsets", "i", (None,))
    array(state, "data", "b i u f c", (len(offsets), None))
    good = len(shape) == 2 and (not len(offsets) or (-shape[0] <= offsets.min() and offsets.max() <= shape[1]))
    require(good, "offsets", "a diagonal that is not in the matrix")
    require(len(np.unique(offsets)) == len(offsets), "offsets", "a diagonal twice")


def check_keys(obj: Any) -> None:
    state = vars(obj)
    shape = _shape(state)
    entries: Any = state.get("_dict")
    require(type(entries) is dict, "_dict", "the entries are not a dictionary")
    for key in entries:
        place = key if type(key) is tuple else (key,)
        if len(place) != len(shape):
            fail("_dict", f"{quote(repr(key))} is no place in a matrix of shape {shape}")
        for n, length in zip(place, shape, strict=True):
            if not isinstance(n, int | np.integer) or not 0 <= int(n) < length:
                fail("_dict", f"{quote(repr(key))} is no place in a matrix of shape {shape}")


def check_lists(obj: Any) -> None:
    state = vars(obj)
    shape = _shape(state)
    require(len(shape) == 2, "_shape", "a matrix of lists has two axes")
    rows = array(state, "rows", "O", (shape[0],)).tolist()
    for i, values in enumerate(array(state, "data", "O", (shape[0],)).tolist()):
        found = rows[i]
        require(type(found) is list and type(values) is list and len(found) == len(values), "rows", "not two lists")
        last = -1
        for n in found:
            if not isinstance(n, int | np.integer) or not last < int(n) < shape[1]:
                fail("rows", f"{quote(repr(n))} is no column, or not the next one")
            last = int(n)


CHECKS: dict[str, Check] = {
    "scipy.sparse._csr._csr_base": check_compressed,
    "scipy.sparse._csc._csc_base": check_compressed,
    "scipy.sparse._bsr._bsr_base": check_blocks,
    "scipy.sparse._coo._coo_base": check_coordinates,
    "scipy.sparse._dia._dia_base": check_diagonals,
    "scipy.sparse._dok._dok_base": check_keys,
    "scipy.sparse._lil._lil_base": check_lists,
}
