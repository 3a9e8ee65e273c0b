"""joblib's files: a pickle with raw arrays in it, perhaps compressed. joblib's reader runs whatever the file says.

The default policy reads them as data, through ``inert``. Arrays of a large file that is not compressed are mapped
from it, copy-on-write. zstandard is the one compression that joblib has to be taught: a file written with it is opened
by joblib in a process that has called ``teach_zstd``, or after ``unzstd``.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any, BinaryIO

from modelkeep import pickling
from modelkeep.errors import MissingPackageError, UsageError, quote
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format
from modelkeep.unpacking import unpacked

METHODS = ("zlib", "gzip", "bz2", "xz", "lzma", "lz4", "zstd")
_LEVEL = 3


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """``recipe.compress`` is a method, ``options`` may have a ``level`` (0 to 9) and a pickle ``protocol``."""
    import joblib

    packing, protocol = _packing(recipe.compress, dict(recipe.options)), pickling.protocol_of(recipe.options)
    with pickling.told():
        joblib.dump(model, file, compress=packing, protocol=protocol)


def _packing(method: str | None, options: dict[str, Any]) -> int | tuple[str, int]:
    level = options.get("level")
    if unknown := sorted(options.keys() - {"level", "protocol"}):
        raise UsageError(f"joblib has no option {quote(unknown[0])}", hint="its options are level and protocol")
    if method is None:
        if level is not None:
            raise UsageError("a level of no compression", hint=f"name the compression: {', '.join(METHODS)}")
        return 0
    if method not in METHODS:
        raise UsageError(f"{quote(str(method))} is no compression of joblib", hint=f"use one of {', '.join(METHODS)}")
    level = _LEVEL if level is None else level
    if type(level) is not int or not 0 <= level <= 9:
        raise UsageError(f"level is {quote(repr(level))}", hint="use a whole number from 0 to 9")
    if method == "zstd":
        teach_zstd()
    if method == "lz4":
        _require_lz4()
    return (method, level) if level else 0


def _require_lz4() -> None:
    try:
        import lz4.frame  # noqa: F401  joblib looks for it by itself, and does not say what to install
    except ModuleNotFoundError:
        raise MissingPackageError("lz4 is not installed", hint="install it: pip install lz4") from None


def teach_zstd() -> None:
    """Register zstandard with joblib in this process, unless it has a compressor of that name."""
    try:
        import zstandard
    except ModuleNotFoundError:
        raise MissingPackageError(
            "zstandard is not installed", hint="install it: pip install 'modelkeep[zstd]'"
        ) from None
    from joblib import register_compressor
    from joblib.compressor import CompressorWrapper

    class Zstandard(CompressorWrapper):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(obj=None, prefix=b"\x28\xb5\x2f\xfd", extension=".zst")

        def compressor_file(self, file: Any, compresslevel: int | None = None) -> Any:
            level = _LEVEL if compresslevel is None else compresslevel
            packer = zstandard.ZstdCompressor(level=level, write_checksum=True)
            return zstandard.open(file, "wb", cctx=packer, closefd=isinstance(file, str))

        def decompressor_file(self, file: Any) -> Any:
            return zstandard.open(file, "rb", closefd=False)

    with contextlib.suppress(ValueError):  # it has one
        register_compressor("zstd", Zstandard())


def read(data: memoryview, rules: Any) -> Any:
    """Only reached when ``Policy(allow_code=True)``: see ``Policy.check``."""
    import joblib

    return joblib.load(io.BytesIO(unpacked(data, rules.policy)))


FORMAT = Format(
    name="joblib",
    title="joblib's pickle with arrays, read as data: running one can run any code",
    safety=Safety.CODE,
    suffixes=(".joblib",),
    magic=(
        b"\x80\x02",
        b"\x80\x03",
        b"\x80\x04",
        b"\x80\x05",
        b"\x78\x01",
        b"\x78\x5e",
        b"\x78\x9c",
        b"\x78\xda",
        b"\x1f\x8b",
        b"BZh",
        b"\xfd7zXZ",
        b"\x5d\x00",
        b"\x04\x22\x4d\x18",
        b"\x28\xb5\x2f\xfd",
    ),
    writers={"*": Cell("modelkeep.formats.joblib:write", ("joblib",))},
    reader=Cell("modelkeep.formats.joblib:read", ("joblib",)),
    inert=Cell("modelkeep.formats.unpickle.read:read", ("numpy",)),
    names=Cell("modelkeep.formats.unpickle.listing:names"),
)
