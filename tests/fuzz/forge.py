"""Taking a keep file apart and sealing it again with right digests, so that a mutation reaches the later stages."""

from __future__ import annotations

import copy
import json
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from blake3 import blake3

from modelkeep import bundle

MANIFEST = "manifest.json"
GRAPH, ARRAYS = "graph.json", "arrays.safetensors"


@dataclass
class Pieces:
    """An artifact as its maker has it: the files (without the manifest) and the manifest as a JSON value."""

    files: dict[str, bytes]
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def graph(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.files[GRAPH])
        return made

    def copy(self) -> Pieces:
        return Pieces(dict(self.files), copy.deepcopy(self.manifest))

    def seal(self, **options: Any) -> bytes:
        return seal(self.files, self.manifest, **options)


def take_apart(data: bytes) -> Pieces:
    """The pieces of a sound keep file."""
    artifact = bundle.open_bundle(memoryview(data))
    manifest = msgspec.to_builtins(artifact.manifest)
    manifest.pop("files")
    return Pieces({name: bytes(view) for name, view in artifact.files.items()}, manifest)


def digest(data: bytes) -> str:
    return f"blake3:{blake3(data).hexdigest()}"


def manifest_bytes(files: dict[str, bytes], manifest: dict[str, Any]) -> bytes:
    """The canonical manifest; what ``manifest`` says of the files itself goes before what is true."""
    listed = {name: {"size": len(data), "digest": digest(data)} for name, data in files.items()}
    return msgspec.json.encode({"files": listed, **manifest}, order="sorted")


def seal(files: dict[str, bytes], manifest: dict[str, Any] | bytes, order: Iterable[str] | None = None) -> bytes:
    """A keep file with right sizes, checksums and digests, whatever is inside. Names may be unusable on purpose."""
    raw = manifest if isinstance(manifest, bytes) else manifest_bytes(files, manifest)
    everything = {**files, MANIFEST: raw}
    return container([(name, everything[name]) for name in (order or sorted(everything))], digest(raw))


def container(members: list[tuple[str, bytes]], manifest_digest: str) -> bytes:
    """The one-file form of ``members`` in the order given."""
    out, written = bytearray(), []
    for name, data in members:
        member = bundle.placed(name.encode(), len(data), zlib.crc32(data), len(out))
        out += bundle.local_header(member) + data
        written.append(member)
    central = bundle.directory(written)
    return bytes(out + central + bundle.tail(written, central, manifest_digest))


def with_graph(data: bytes, edit: Callable[[dict[str, Any]], Any], name: str = GRAPH) -> bytes:
    """The file with its graph edited (in place, or replaced by what ``edit`` returns: a value or raw bytes)."""
    pieces = take_apart(data)
    graph = json.loads(pieces.files[name])
    made = edit(graph)
    pieces.files[name] = made if isinstance(made, bytes) else msgspec.json.encode(graph if made is None else made)
    return pieces.seal()


def with_manifest(data: bytes, edit: Callable[[dict[str, Any]], Any]) -> bytes:
    """The file with its manifest edited in place."""
    pieces = take_apart(data)
    edit(pieces.manifest)
    return pieces.seal()


def header_of(arrays: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON header of a safetensors file, and the bytes behind it."""
    (size,) = struct.unpack_from("<Q", arrays)
    header: dict[str, Any] = json.loads(arrays[8 : 8 + size])
    return header, arrays[8 + size :]


def arrays_file(header: Any, body: bytes, *, size: int | None = None) -> bytes:
    """A safetensors file; ``size`` is what it claims of its header."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text) if size is None else size) + text + body


def with_arrays(data: bytes, edit: Callable[[dict[str, Any], bytes], bytes], name: str = ARRAYS) -> bytes:
    """The file with its arrays replaced by what ``edit(header, body)`` returns."""
    pieces = take_apart(data)
    pieces.files[name] = edit(*header_of(pieces.files[name]))
    return pieces.seal()


def graph_file(root: Any, *, types: Any = (), functions: Any = (), pools: Any = (), packed: Any = ()) -> bytes:
    """The text of a graph."""
    return msgspec.json.encode(
        {"version": 1, "types": types, "functions": functions, "pools": pools, "packed": packed, "root": root}
    )


def artifact(root: Any, arrays: bytes | None = None, *, manifest: dict[str, Any] | None = None, **tables: Any) -> bytes:
    """A keep file for a graph that was written by hand."""
    files = {GRAPH: root if isinstance(root, bytes) else graph_file(root, **tables)}
    if arrays is not None:
        files[ARRAYS] = arrays
    facts = {"classes": [], "own": []}
    plain = {"modelkeep": 1, "format": "keep", "framework": "python", "model": "builtins.list", "facts": facts}
    empty: dict[str, Any] = {"environment": {}, "schema": {}, "probe": {}}
    return seal(files, {**plain, **empty, **(manifest or {})})
