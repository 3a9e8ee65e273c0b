"""How an object's content is coded in a store: as it is, deflated, or as a zstd frame."""

from __future__ import annotations

import zlib
from typing import Any

from modelkeep.artifact import DAMAGED_HINT
from modelkeep.errors import IntegrityError, UsageError, quote
from modelkeep.ports import Buffer


def zstandard() -> Any:
    """The library; imported here, because what packs arrays needs numpy, and a list of models does not."""
    from modelkeep.formats.keep import packing

    return packing.zstandard()


CODECS = ("", "z", "zst")
_ZSTD_LEVEL = 3
# Small objects are pressed harder: the time is not felt there.
_SMALL, _HARD, _FAST = 256 << 10, 9, 4


def encode(data: memoryview, codec: str) -> Buffer:
    if codec == "z":
        return zlib.compress(data, _HARD if len(data) < _SMALL else _FAST)
    if codec == "zst":
        frame: bytes = zstandard().ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=False).compress(data)
        return frame
    return data


def decode(data: memoryview, codec: str, size: int) -> memoryview:
    """The content, which has ``size`` bytes: a frame that would grow beyond is never unpacked."""
    try:
        made = _unpacked(data, codec, size)
    except zlib.error as error:
        raise IntegrityError(f"an object can't be unpacked: {error}", hint=DAMAGED_HINT) from None
    except MemoryError:
        raise IntegrityError(
            f"an object says that it unpacks to {size:,} bytes, more than there is memory for", hint=DAMAGED_HINT
        ) from None
    if len(made) != size:
        raise IntegrityError("an object is not as long as its record says", hint=DAMAGED_HINT)
    return made


def _unpacked(data: memoryview, codec: str, size: int) -> memoryview:
    if codec == "":
        return data
    if codec == "z":
        stream = zlib.decompressobj()
        made = stream.decompress(data, size + 1)
        if not stream.eof or stream.unused_data:
            raise IntegrityError("an object can't be unpacked: it is cut short or too long", hint=DAMAGED_HINT)
        return memoryview(bytearray(made))
    if codec == "zst":
        library = zstandard()
        try:
            if library.frame_content_size(data) != size:
                raise IntegrityError("an object is not as long as its record says", hint=DAMAGED_HINT)
            frame = library.ZstdDecompressor().decompress(data, max_output_size=size, allow_extra_data=False)
        except library.ZstdError as error:
            raise IntegrityError(f"an object can't be unpacked: {error}", hint=DAMAGED_HINT) from None
        return memoryview(bytearray(frame))
    raise UsageError(f"{quote(codec)} is not a way to code objects", hint=f"use one of: {', '.join(CODECS)}")
