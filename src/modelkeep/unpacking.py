"""The bytes of a file that may be compressed, as joblib does it: one stream, unpacked under a limit."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from modelkeep.errors import ContainerError, GraphError, MissingPackageError
from modelkeep.policy import Policy

#: Unpacked bytes for each packed one that an honest file may have, beyond the first ``FREE``.
MAX_RATIO = 200
FREE = 64 << 20
_MEMORY_FOR_LZMA = 256 << 20
_INPUT = 1 << 18
_OUTPUT = 1 << 22
_SMALL = 1 << 11
_WINDOW_OF_ZSTD = 1 << 27


class _Packing(NamedTuple):
    """A compression: its first bytes, its name, and how a decompressor is made."""

    magic: bytes
    name: str
    make: Callable[[], Any]


class _Zlib:
    """zlib and gzip with the interface that bz2 and lzma have."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)
        self._full = False

    def decompress(self, data: Any, limit: int) -> bytes:
        made = self._inner.decompress(self._inner.unconsumed_tail or data, limit)
        self._full = len(made) == limit  # then zlib may hold more, even if it has seen all of its input
        return made

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not (self._full or self._inner.unconsumed_tail)


def _lz4() -> Any:
    try:
        import lz4.frame
    except ModuleNotFoundError:
        raise MissingPackageError("the file is compressed with lz4", hint="install it: pip install lz4") from None
    return lz4.frame.LZ4FrameDecompressor()


class _Zstd:
    """zstandard, a little input at a time: its decompressor takes no limit for what comes out of a piece."""

    def __init__(self) -> None:
        try:
            import zstandard
        except ModuleNotFoundError:
            raise MissingPackageError(
                "the file is compressed with zstd", hint="install it: pip install 'modelkeep[zstd]'"
            ) from None
        self._error: Any = zstandard.ZstdError
        self._inner: Any = zstandard.ZstdDecompressor(max_window_size=_WINDOW_OF_ZSTD).decompressobj()
        self._left = memoryview(b"")

    def decompress(self, data: Any, limit: int) -> bytes:
        self._left = memoryview(data) if len(data) else self._left
        piece, self._left = self._left[:_SMALL], self._left[_SMALL:]
        try:
            made: bytes = self._inner.decompress(piece)
        except self._error as error:
            raise ValueError(str(error)) from None
        return made

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data or bytes(self._left)

    @property
    def needs_input(self) -> bool:
        return not len(self._left)


_PACKINGS = (
    *(_Packing(bytes([0x78, level]), "zlib", lambda: _Zlib(15)) for level in (0x01, 0x5E, 0x9C, 0xDA)),
    _Packing(b"\x1f\x8b", "gzip", lambda: _Zlib(31)),
    _Packing(b"BZh", "bz2", bz2.BZ2Decompressor),
    _Packing(b"\xfd7zXZ\x00", "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_FOR_LZMA)),
    _Packing(b"\x5d\x00\x00", "lzma", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _MEMORY_FOR_LZMA)),
    _Packing(b"\x04\x22\x4d\x18", "lz4", _lz4),
    _Packing(b"\x28\xb5\x2f\xfd", "zstd", _Zstd),
)  # fmt: skip


def packing_of(data: memoryview) -> str | None:
    """The name of the compression that ``data`` begins like."""
    found = next((p for p in _PACKINGS if bytes(data[: len(p.magic)]) == p.magic), None)
    return found.name if found else None


def unpacked(data: memoryview, policy: Policy) -> memoryview:
    """``data``, or what it unpacks to. Refused beyond the policy's ceiling or a ratio that no honest file has."""
    packing = next((p for p in _PACKINGS if bytes(data[: len(p.magic)]) == p.magic), None)
    if packing is None:
        return data
    limit = min(policy.max_bytes, FREE + MAX_RATIO * len(data))
    try:
        return memoryview(_run(packing, data, limit))
    except (zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError) as error:
        raise ContainerError(f"the {packing.name} stream can't be unpacked: {error}", hint=_AGAIN) from None


_AGAIN = "get the file again from where it came from"


def _run(packing: _Packing, data: memoryview, limit: int) -> bytearray:
    machine, made = packing.make(), bytearray()
    for start in range(0, len(data), _INPUT):
        piece = data[start : start + _INPUT]
        first = True
        while first or (not machine.eof and not machine.needs_input):
            made += machine.decompress(piece if first else b"", _OUTPUT)
            first = False
            if len(made) > limit:
                raise GraphError(
                    f"the file unpacks to more than {limit} bytes",
                    hint="if you know the file, unpack it yourself, and convert what comes out",
                )
        if machine.eof:
            if machine.unused_data or start + len(piece) < len(data):
                raise ContainerError(f"bytes follow the end of the {packing.name} stream", hint=_AGAIN)
            return made
    raise ContainerError(f"the {packing.name} stream is cut off", hint=_AGAIN)
