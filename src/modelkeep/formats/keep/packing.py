"""Compressed segments: an array in blocks, each byte-shuffled and a zstd frame of its own, unpacked side by side."""

from __future__ import annotations

import itertools
import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from modelkeep.artifact import DAMAGED_HINT
from modelkeep.errors import GraphError, IntegrityError, MissingPackageError, UsageError, quote
from modelkeep.formats.keep.tensors import DTYPES, Segment
from modelkeep.ports import Buffer

BLOCK = 4 << 20
#: On shuffled numbers a higher level takes longer and gains nothing.
LEVEL = 1
_WAITING = 8
#: Smaller segments stay as they are: a frame's own bytes would eat the gain.
LEAST = 256
#: All packed arrays together grow to at most this many times the file, and this many bytes more.
MAX_RATIO = 256
ALLOWANCE = 1 << 30
CODECS = ("zstd",)


def zstandard() -> Any:
    try:
        import zstandard
    except ModuleNotFoundError:
        raise MissingPackageError(
            "compressed arrays need the package zstandard", hint="install it: pip install 'modelkeep[zstd]'"
        ) from None
    return zstandard


def pack(segments: list[Segment], codec: str) -> tuple[list[Segment], list[Any]]:
    """The segments, compressed where that makes them smaller, and the rows of the graph's table ``packed``.

    A row is ``[segment, dtype, shape, shuffle, sizes of the frames]``: what the segment holds when it is unpacked.
    """
    if codec not in CODECS:
        raise UsageError(f"{quote(codec)} is not a compression", hint='pass compress="zstd"')
    rows: list[Any] = []
    made = list(segments)
    allowance = ALLOWANCE

    def settle(number: int, frames: list[bytes]) -> None:
        nonlocal allowance
        segment, sizes = segments[number], [len(frame) for frame in frames]
        if sum(sizes) >= segment.size:
            return
        if sum(sizes) * MAX_RATIO < segment.size:
            if segment.size > allowance:  # a reader would take it for a bomb: it stays as it is
                return
            allowance -= segment.size
        rows.append([number, segment.dtype, list(segment.shape), segment.itemsize > 1, sizes])
        made[number] = Segment("U8", (sum(sizes),), lambda: frames)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compress = _compressor(pool)
        waiting: deque[tuple[int, list[Future[bytes]]]] = deque()
        for number, segment in enumerate(segments):
            if segment.size >= LEAST:
                waiting.append((number, compress(segment)))
            while waiting and (len(waiting) > _WAITING or segment.size > BLOCK):
                first, futures = waiting.popleft()
                settle(first, [future.result() for future in futures])
        for first, futures in waiting:
            settle(first, [future.result() for future in futures])
    return made, rows


def _compressor(pool: ThreadPoolExecutor) -> Callable[[Segment], list[Future[bytes]]]:
    """A function that has the frames of a segment made by ``pool``; few blocks wait there, for they may be copies."""
    library, room = zstandard(), threading.Semaphore((os.cpu_count() or 1) + _WAITING)

    def one(block: Buffer, itemsize: int) -> bytes:
        try:
            # A compressor is not shared between threads; making one costs a few microseconds.
            return bytes(library.ZstdCompressor(level=LEVEL).compress(shuffle(block, itemsize)))
        finally:
            room.release()

    def compress(segment: Segment) -> list[Future[bytes]]:
        futures = []
        for block in _blocks(segment.chunks()):
            room.acquire()
            futures.append(pool.submit(one, block, segment.itemsize))
        return futures

    return compress


def _blocks(chunks: Any) -> Iterator[Buffer]:
    """The bytes of ``chunks`` in blocks of ``BLOCK``, the last one shorter."""
    rest = bytearray()
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        while len(view):
            if not rest and len(view) >= BLOCK:
                yield view[:BLOCK]
                view = view[BLOCK:]
                continue
            take = BLOCK - len(rest)
            rest += view[:take]
            view = view[take:]
            if len(rest) == BLOCK:
                yield bytes(rest)
                rest = bytearray()
    if rest:
        yield bytes(rest)


def shuffle(block: Buffer, itemsize: int) -> Any:
    """All first bytes of the items, then all second bytes, and so on: neighbours that are alike compress better."""
    if itemsize == 1:
        return block
    return np.frombuffer(block, np.uint8).reshape(-1, itemsize).T.tobytes()


def unpack(raw: memoryview, row: list[Any]) -> np.ndarray:
    """The array that a packed segment holds. Sizes are checked before anything is allocated."""
    dtype, shape, shuffled, sizes = DTYPES[row[1]], tuple(row[2]), row[3], row[4]
    total = size_of(row)
    if sum(sizes) != len(raw) or len(sizes) != -(-total // BLOCK):
        raise GraphError("a packed array does not have the frames that its size asks for")
    array = np.empty(shape, dtype)
    target = array.reshape(-1).view(np.uint8)
    library = zstandard()

    def one(job: tuple[int, int, int]) -> None:
        number, start, size = job
        out, frame = target[number * BLOCK : (number + 1) * BLOCK], raw[start : start + size]
        try:
            # A frame that states its size is unpacked to that size, whatever ``max_output_size`` says.
            if library.frame_content_size(frame) != len(out):
                raise IntegrityError("a packed array unpacks to another size", hint=DAMAGED_HINT)
            block = library.ZstdDecompressor().decompress(frame, max_output_size=len(out), allow_extra_data=False)
        except library.ZstdError as error:
            raise IntegrityError(f"a packed array can't be unpacked: {error}", hint=DAMAGED_HINT) from None
        if len(block) != len(out):
            raise IntegrityError("a packed array unpacks to another size", hint=DAMAGED_HINT)
        flat = np.frombuffer(block, np.uint8)
        if shuffled:
            out.reshape(-1, dtype.itemsize)[...] = flat.reshape(dtype.itemsize, -1).T
        else:
            out[...] = flat

    ends = itertools.accumulate(sizes)
    jobs = [(i, end - size, size) for i, (end, size) in enumerate(zip(ends, sizes, strict=True))]
    if len(jobs) < 2:
        list(map(one, jobs))
    else:
        with ThreadPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
            list(pool.map(one, jobs))
    return array


def size_of(row: list[Any]) -> int:
    """The bytes of the array that a row of the table describes."""
    return int(math.prod(row[2]) * DTYPES[row[1]].itemsize)


def parse_rows(rows: list[Any], count: int, file_size: int, max_bytes: int) -> dict[int, list[Any]]:
    """The table ``packed`` of a graph by segment, checked for kinds and ranges, and for what all of it grows to."""
    table: dict[int, list[Any]] = {}
    for row in rows:
        good = (
            type(row) is list
            and len(row) == 5
            and type(row[0]) is int
            and 0 <= row[0] < count
            and row[0] not in table
            and row[1] in DTYPES
            and type(row[2]) is list
            and all(type(n) is int and 0 <= n < 1 << 40 for n in row[2])
            and len(row[2]) <= 32
            and type(row[3]) is bool
            and type(row[4]) is list
            and all(type(n) is int and 0 < n < 1 << 32 for n in row[4])
        )
        if not good:
            raise GraphError("the table of packed arrays is not well-formed")
        table[row[0]] = row
    grown = sum(map(size_of, table.values()))
    if grown > min(max_bytes, file_size * MAX_RATIO + ALLOWANCE):
        raise GraphError(f"the packed arrays would grow to {grown:,} bytes", hint="pass a larger Policy(max_bytes=...)")
    return table
