"""The bytes of arrays as segments, made a piece at a time when they are written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from modelkeep.formats.keep import dtypes
from modelkeep.formats.keep.tensors import Segment, name_of
from modelkeep.ports import Buffer

_CHUNK = 8 << 20


def segment(array: np.ndarray) -> Segment:
    """``array``'s elements in C order; a large array that is not in C order is copied a piece at a time."""
    name = name_of(array.dtype)
    return words(array, array.dtype.alignment) if name is None else Segment(name, array.shape, lambda: chunks(array))


def words(array: np.ndarray, alignment: int) -> Segment:
    """Bytes as words, so that they begin where what they stand for may begin."""
    word = min(alignment, 8)
    return Segment(f"U{8 * word}", (array.nbytes // word,), lambda: chunks(array))


def chunks(array: np.ndarray) -> Iterator[Buffer]:
    if array.nbytes == 0:
        return
    mask = dtypes.padding_mask(array.dtype)
    if array.flags.c_contiguous and mask is None:
        yield array.reshape(-1).view(np.uint8).data
        return
    array = np.atleast_1d(array)
    row = max(1, array.nbytes // len(array))
    if row > 2 * _CHUNK:  # a chunk that is a copy stays small
        yield from itertools.chain.from_iterable(map(chunks, array))
        return
    rows = max(1, _CHUNK // row)
    for start in range(0, len(array), rows):
        piece = np.ascontiguousarray(array[start : start + rows]).reshape(-1).view(np.uint8)
        if mask is not None:  # what no value uses is whatever was in memory before
            piece = (piece.reshape(-1, len(mask)) & mask).reshape(-1)
        yield piece.data
