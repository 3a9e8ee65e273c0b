"""How arrays lie in memory: order, gaps, direction and overlap, kept because they can change a last bit.

BLAS takes another kernel for a strided vector, and ``a @ a.T`` another one when both are the same memory. A node is
``["array", segment]`` for an array in C order, and has options otherwise:

``axes``    the segment's axes are these axes of the array (its order in memory)
``gaps``    by axis of the segment, whether elements are left between its neighbours; one item is left on loading
``flip``    axes of the array that run backwards
``dtype``, ``shape``   for what safetensors has no dtype for: the segment holds the bytes, as words of its alignment
``strides``, ``offset`` (in bytes, with ``dtype`` and ``shape``)   a view into a segment: of several arrays that share
    it, or of one whose elements overlap or lie at odd addresses
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from modelkeep.formats.keep import dtypes
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.segments import chunks, segment, words
from modelkeep.formats.keep.tensors import NATIVE, Segment, name_of

#: Views into shared memory keep their address up to a multiple of this.
ALIGNMENT = 16
#: A view may have more elements than bytes (a broadcast axis, a sliding window) up to this many.
MAX_REPEATED = 1 << 26
_MAX_PAIRWISE = 64
_MAX_WORK = 10_000


class Shelf:
    """The arrays of one walk; laid out at its end, when it is known which of them overlap."""

    def __init__(self, add: Any) -> None:
        self._add = add
        self._arrays: list[np.ndarray] = []
        self._nodes: list[Node] = []
        self._alone: set[int] = set()

    def put(self, array: np.ndarray, *, alone: bool = False) -> Node:
        """The node of ``array``. One that is ``alone`` gets memory of its own, whatever it shares now."""
        node: Node = ["array"]
        if alone:
            self._alone.add(len(self._arrays))
        self._arrays.append(array)
        self._nodes.append(node)
        return node

    def lay_out(self) -> None:
        cluster_of = self._clusters()
        bases: dict[int, tuple[int, int, str]] = {}
        for i, (array, node) in enumerate(zip(self._arrays, self._nodes, strict=True)):
            members = cluster_of.get(i)
            if members is None:
                node += self._single(array)
            elif all(_same_view(array, self._arrays[m]) for m in members) and not _is_odd(array, gaps=True):
                node += self._nodes[members[0]][1:] if members[0] != i else self._single(array)
            else:
                if members[0] not in bases:
                    bases[members[0]] = self._base([self._arrays[m] for m in members])
                node += _view_into(array, *bases[members[0]])

    def _clusters(self) -> dict[int, list[int]]:
        """For each array that shares memory with others, all arrays of that piece of memory."""
        owners = {id(owner) for a in self._arrays if (owner := _owner(a)) is not None}
        if len(owners) == len(self._arrays):
            return {}  # the usual case: no two arrays have the same memory
        clusters: dict[int, list[int]] = {}
        together: list[int] = []
        reach = 0
        shared = [(*span(a), i) for i, a in enumerate(self._arrays) if a.nbytes and i not in self._alone]
        for low, high, i in sorted(shared):
            if low >= reach:
                self._close(clusters, together)
                together = []
            together.append(i)
            reach = max(reach, high)
        self._close(clusters, together)
        return clusters

    def _close(self, clusters: dict[int, list[int]], together: list[int]) -> None:
        if len(together) > 1:
            for members in self._overlapping(sorted(together)):
                clusters.update(dict.fromkeys(members, members))

    def _overlapping(self, members: list[int]) -> list[list[int]]:
        """Neighbours in memory (columns of one table) are not yet shared bytes: those groups that have some."""
        if len(members) > _MAX_PAIRWISE:
            return [members]
        group = {m: [m] for m in members}
        for a, b in itertools.combinations(members, 2):
            if group[a] is not group[b] and _share(self._arrays[a], self._arrays[b]):
                group[a] += group[b]
                for m in group[b]:
                    group[m] = group[a]
        return [sorted(g) for g in {id(g): g for g in group.values()}.values() if len(g) > 1]

    def _single(self, array: np.ndarray) -> list[Any]:
        flags, name = array.flags, name_of(array.dtype)
        if name is not None and flags.c_contiguous and flags.aligned:
            return [self._add(Segment(name, array.shape, functools.partial(chunks, array)))]
        if _is_odd(array):
            return _view_into(array, *self._base([array]))
        options: dict[str, Any] = {}
        flip = [axis for axis, stride in enumerate(array.strides) if stride < 0 and array.shape[axis] > 1]
        if not array.nbytes:  # nothing lies anywhere
            array, flip = np.zeros(array.shape, array.dtype), []
        elif flip:
            array = np.flip(array, tuple(flip))
        if not array.flags.c_contiguous:
            axes = _in_order(array)
            array = array.transpose(axes)
            gaps = _gaps(array)
            if axes != sorted(axes):
                options["axes"] = axes
            if any(gaps):
                options["gaps"] = gaps
        if flip:
            options["flip"] = flip
        if name is None:
            options |= {"dtype": dtypes.encode(array.dtype), "shape": list(array.shape)}
        number = self._add(segment(array))
        return [number, options] if options else [number]

    def _base(self, arrays: list[np.ndarray]) -> tuple[int, int, str]:
        """One segment for all memory that ``arrays`` cover: its number, its address, and its dtype."""
        spans = [span(a) for a in arrays]
        low, high = min(s[0] for s in spans), max(s[1] for s in spans)
        dtype = arrays[0].dtype
        alike = all(a.dtype == dtype for a in arrays)
        whole = next((a for a, s in zip(arrays, spans, strict=True) if s == (low, high) and _is_plain(a)), None)
        if whole is not None and alike:
            memory = whole.reshape(-1, order="A").view(np.uint8)
        else:
            low -= low % ALIGNMENT
            memory = np.zeros((high - low + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT, np.uint8)
            for array in arrays:
                _copy(array, memory, _address(array) - low, clean=alike)
        typed = alike and dtype.str in NATIVE and all(a.flags.aligned for a in arrays)
        if typed and len(memory) % dtype.itemsize == 0:  # so that any reader of safetensors sees numbers
            memory = memory.view(dtype)
            return self._add(segment(memory)), low, dtype.str
        return self._add(words(memory, dtype.alignment if whole is not None and alike else ALIGNMENT)), low, ""


def _view_into(array: np.ndarray, segment: int, low: int, dtype: str) -> list[Any]:
    strides = [stride if length > 1 else 0 for stride, length in zip(array.strides, array.shape, strict=True)]
    options: dict[str, Any] = {"shape": list(array.shape), "strides": strides}
    options["offset"] = _address(array) - low
    if array.dtype.str != dtype:
        options["dtype"] = dtypes.encode(array.dtype)
    return [segment, options]


def _copy(array: np.ndarray, memory: np.ndarray, offset: int, *, clean: bool) -> None:
    """Put ``array`` into ``memory`` where it lies in its own; ``clean`` sets bytes that no value has to zero."""
    array = once(array)
    view: np.ndarray = np.ndarray(array.shape, array.dtype, memory, offset, array.strides)
    view[...] = array
    mask = dtypes.padding_mask(array.dtype) if clean else None
    if mask is not None:
        single: np.ndarray = np.ndarray((*array.shape, len(mask)), np.uint8, memory, offset, (*array.strides, 1))
        single &= mask


def once(array: np.ndarray) -> np.ndarray:
    """``array`` without the axes on which one element is repeated."""
    return array if all(array.strides) else array[tuple(slice(None if stride else 1) for stride in array.strides)]


def repeats_too_often(array: np.ndarray) -> bool:
    """Whether views give it many more elements than there are bytes: a small file must not make a large walk."""
    if array.size <= MAX_REPEATED or array.flags.c_contiguous or array.flags.f_contiguous:
        return False
    low, high = span(array)
    return array.size > high - low


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def span(array: np.ndarray) -> tuple[int, int]:
    """The first byte that the array uses, and the one behind its last."""
    low = _address(array)
    if array.flags.c_contiguous or array.flags.f_contiguous:
        return low, low + array.nbytes
    reach = [(n - 1) * stride for n, stride in zip(array.shape, array.strides, strict=True)]
    return low + sum(r for r in reach if r < 0), low + sum(r for r in reach if r > 0) + array.itemsize


def _same_view(a: np.ndarray, b: np.ndarray) -> bool:
    if _address(a) != _address(b) or a.shape != b.shape or a.dtype != b.dtype:
        return False
    # Along an axis of one element nothing is stepped over, whatever its stride says.
    return all(s == t or n < 2 for s, t, n in zip(a.strides, b.strides, a.shape, strict=True))


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.may_share_memory(a, b) and np.shares_memory(a, b, max_work=_MAX_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def _is_odd(array: np.ndarray, *, gaps: bool = False) -> bool:
    """Whether axes, gaps and flips don't tell all: elements overlap, or lie at other places than whole items would.

    With ``gaps``, also whether there are gaps: two arrays over one segment could not both make them.
    """
    flags = array.flags
    if not array.nbytes:
        return False  # an address that nobody uses
    if not flags.aligned:
        return True
    if flags.c_contiguous or flags.f_contiguous:
        return False
    reach = size = array.itemsize
    for stride, length in sorted((abs(s), n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if stride < reach or stride % size or (gaps and stride != reach):
            return True
        reach = stride * (length if gaps else length - 1) + (0 if gaps else reach)
    return False


def _owner(array: np.ndarray) -> np.ndarray | None:
    """The array that owns the memory of ``array``, or None if something else than an array does."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array if array.flags.owndata else None


def _in_order(array: np.ndarray) -> list[int]:
    """The axes by falling stride. The stride of a single element is arbitrary: such an axis stays where it is."""
    ordered = iter(sorted((-stride, axis) for axis, stride in enumerate(array.strides) if array.shape[axis] > 1))
    return [next(ordered)[1] if length > 1 else axis for axis, length in enumerate(array.shape)]


def _is_plain(array: np.ndarray) -> bool:
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    return contiguous and array.flags.aligned and dtypes.padding_mask(array.dtype) is None


def _gaps(array: np.ndarray) -> list[bool]:
    """For an array whose axes are in the order of memory: by axis, whether its step is longer than what it holds."""
    gaps, need = [], array.itemsize
    for length, stride in zip(reversed(array.shape), reversed(array.strides), strict=True):
        gaps.append(length > 1 and stride > need)
        need = max(stride, need) * length if length > 1 else need
    return gaps[::-1]


def gapped_like(array: np.ndarray, gaps: list[bool]) -> np.ndarray:
    """A copy of ``array`` with one item left between neighbours on each axis that ``gaps`` names."""
    strides, need = [], array.itemsize
    for length, gap in zip(reversed(array.shape), reversed(gaps), strict=True):
        step = need + array.itemsize if gap else need
        strides.append(step)
        need = step * length
    memory = np.zeros(max(need, 1), np.uint8)
    made: np.ndarray = np.ndarray(array.shape, array.dtype, memory, 0, strides[::-1])
    made[...] = array
    return made
