"""A second reader of keep files, written from the specification alone: pure standard library, no numpy, no modelkeep.

It accepts or refuses the container, the manifest, the digests, the head of arrays.safetensors and the top of
graph.json, as the real reader does. Tests compare the two on vectors and mutants: where they differ, one is wrong.

    python second_reader.py FILE...
"""

from __future__ import annotations

import json
import math
import re
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any

ITEM_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
COMMENT = re.compile(rb"modelkeep/1 manifest=([0-9a-f]{64}) directory=([0-9a-f]{64})")
TAIL = 56 + 20 + 22 + 160


class Refused(Exception):  # noqa: N818  the name says what happened
    """``stage`` is where the file failed."""

    def __init__(self, stage: str, why: str) -> None:
        super().__init__(f"{stage}: {why}")
        self.stage = stage


def need(stage: str, good: Any, why: str) -> None:
    if not good:
        raise Refused(stage, why)


# -- BLAKE3 (source: the BLAKE3 paper, section 2) ------------------------------------------------------------------

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTED = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXED = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15))
MIXED += ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
START, END, PARENT, ROOT = 1, 2, 4, 8
FULL = 0xFFFFFFFF


def compress(chain: tuple[int, ...], block: bytes, counter: int, flags: int) -> tuple[int, ...]:
    words = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    v = [*chain, *IV[:4], counter & FULL, counter >> 32, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(MIXED):
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + words[2 * i]) & FULL
            vd ^= va
            vd = (vd >> 16 | vd << 16) & FULL
            vc = (vc + vd) & FULL
            vb ^= vc
            vb = (vb >> 12 | vb << 20) & FULL
            va = (va + vb + words[2 * i + 1]) & FULL
            vd ^= va
            vd = (vd >> 8 | vd << 24) & FULL
            vc = (vc + vd) & FULL
            vb ^= vc
            v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & FULL, vc, vd
        words = [words[i] for i in PERMUTED]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def chunk(data: bytes, number: int, root: int) -> tuple[int, ...]:
    blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
    chain: tuple[int, ...] = IV
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        flags = (START if i == 0 else 0) | ((END | root) if last else 0)
        chain = compress(chain, block, number, flags)
    return chain


def tree(data: bytes, number: int, root: int) -> tuple[int, ...]:
    if len(data) <= 1024:
        return chunk(data, number, root)
    half = 1024 << ((len(data) - 1) // 1024).bit_length() - 1  # the largest power of two of chunks below the whole
    left, right = tree(data[:half], number, 0), tree(data[half:], number + half // 1024, 0)
    return compress(IV, struct.pack("<16I", *left, *right), 0, PARENT | root)


def blake3(data: bytes) -> str:
    return struct.pack("<8I", *tree(data, 0, ROOT)).hex()


# -- JSON, strictly ------------------------------------------------------------------------------------------------


def read_json(raw: bytes, stage: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(stage, len(dict(pairs)) == len(pairs), "a key occurs twice")
        need(stage, all(map(valid, dict(pairs))), "a key is not Unicode")
        return dict(pairs)

    def constant(text: str) -> None:
        raise Refused(stage, f"{text} is not JSON")

    def real(text: str) -> float:
        need(stage, math.isfinite(float(text)), "a number out of range")
        return float(text)

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=constant, parse_float=real)
    except (ValueError, RecursionError) as error:
        raise Refused(stage, str(error)) from None
    stack = [value]
    while stack:
        item = stack.pop()
        need(stage, valid(item), "text that is not Unicode")
        stack.extend(item if isinstance(item, list) else item.values() if isinstance(item, dict) else ())
    return value


def valid(item: Any) -> bool:
    return not isinstance(item, str) or not re.search("[\ud800-\udfff]", item)


def exactly(value: Any, kinds: dict[str, type]) -> bool:
    """Whether ``value`` is an object of these keys and kinds."""
    return type(value) is dict and {k: type(v) for k, v in value.items()} == kinds


# -- the parts of a file, in the order in which they are trusted ----------------------------------------------------


def read_container(data: bytes, blake: Callable[[bytes], str]) -> tuple[dict[str, bytes], bytes]:
    """The files and the manifest, after every byte outside them was derived again."""
    tail = data[-TAIL:]
    comment = COMMENT.fullmatch(tail[-160:])
    need("container", len(tail) == TAIL and comment, "no end of a keep file")
    count, _, size, start = struct.unpack_from("<QQQQ", tail, 24)
    need("container", 0 < count <= 10_000 and start + size + TAIL == len(data), "the directory does not fit")
    central, place, end, names, files = data[start : start + size], 0, 0, [], {}
    again = b""
    for _ in range(count):
        need("container", place + 46 <= size, "the directory is cut short")
        crc, length = struct.unpack_from("<I", central, place + 16)[0], struct.unpack_from("<H", central, place + 28)[0]
        raw = central[place + 46 : place + 46 + length]
        need("container", len(raw) == length and place + 46 + length + 28 <= size, "the directory is cut short")
        content, header = struct.unpack_from("<Q", central, place + 50 + length)[0], end
        begin = -(-(header + 30 + length + 20 + 6) // 64) * 64
        end = begin + content
        need("container", end <= start, "a member leaves the file")
        padding = begin - header - 30 - length - 26
        extra = struct.pack("<HHQQHHH", 1, 16, content, content, 0xD935, 2 + padding, 64) + bytes(padding)
        local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45, 0x800, 0, 0, 33, crc, FULL, FULL, length, len(extra))
        need("container", data[header:begin] == local + raw + extra, "a header of a member is not canonical")
        entry = struct.pack("<4s6H", b"PK\1\2", 45, 45, 0x800, 0, 0, 33)
        entry += struct.pack("<III5HII", crc, FULL, FULL, length, 28, 0, 0, 0, 0, FULL)
        again += entry + raw + struct.pack("<HHQQQ", 1, 24, content, content, header)
        name = readable(raw)
        names.append(name)
        files[name] = data[begin:end]
        place += 46 + length + 28
    need("container", end == start and place == size, "bytes between the members and the directory")
    need("container", names == sorted(set(names)), "the names are not sorted, or one occurs twice")
    manifest = files.pop("manifest.json", b"")
    need("container", 0 < len(manifest) <= 16 << 20, "no manifest")
    need("integrity", again == central, "the directory is not canonical")
    whole = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    whole += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
    whole += struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, FULL, FULL, 160)
    bound = b"modelkeep/1 manifest=%s directory=%s" % (blake(manifest).encode(), blake(central).encode())
    need("integrity", tail == whole + bound, "the end does not bind the manifest and the directory")
    return files, manifest


def readable(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("container", "a name is not UTF-8") from None
    for part in name.split("/"):
        need("container", part.strip(".") and part.isprintable() and not set(part) & set('\\:*?"<>|'), "a name")
    return name


MANIFEST = {"modelkeep": int, "format": str, "framework": str, "model": str, "files": dict}
MANIFEST |= {"environment": dict, "schema": dict, "probe": dict, "facts": dict}


def read_manifest(raw: bytes, files: dict[str, bytes], blake: Callable[[bytes], str]) -> dict[str, Any]:
    value = read_json(raw, "manifest")
    need("manifest", type(value) is dict and value.get("modelkeep") == 1, "another version")
    need("manifest", exactly(value, MANIFEST), "its fields")
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    need("manifest", canonical.replace(b"\x7f", b"\\u007f") == raw or canonical == raw, "not canonical")
    need("manifest", not has_float(value), "a manifest holds no fractions")
    check_kinds(value)
    entries = value["files"]
    need("container", entries.keys() == files.keys(), "the files are not those of the manifest")
    for name, entry in entries.items():
        need("manifest", exactly(entry, {"size": int, "digest": str}), "an entry of a file")
        need("container", entry["size"] == len(files[name]), "a size")
    for name, entry in entries.items():
        need("integrity", entry["digest"] == "blake3:" + blake(files[name]), f"{name} is not what was saved")
    return dict(value)


def has_float(value: Any) -> bool:
    items = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return isinstance(value, float) or any(map(has_float, items))


def check_kinds(manifest: dict[str, Any]) -> None:
    word = re.compile(r"[\x20-\x7e]{0,200}")
    need("manifest", manifest["format"] == "keep", "the format")
    need("manifest", all(word.fullmatch(key) for key in manifest["environment"]), "the environment")
    for words in manifest["environment"].values():
        good = type(words) is dict and len(words) <= 1000
        flat = [*words, *words.values()] if good else []
        need("manifest", good and all(type(w) is str and word.fullmatch(w) for w in flat), "the environment")
    for part, keys in (("facts", ("classes", "own")), ("probe", ("methods", "notes"))):
        known = {*keys, "rows"} if part == "probe" else {*keys}
        need("manifest", manifest[part].keys() <= known, "an unknown key")
        for key in keys:
            texts = manifest[part].get(key, [])
            need("manifest", type(texts) is list and all(type(t) is str for t in texts), "a list of texts")
    rows = manifest["probe"].get("rows", 0)
    need("manifest", type(rows) is int and 0 <= rows < 1 << 53, "the rows of the probe")


def read_arrays(data: bytes) -> int:
    """How many arrays there are."""
    size = struct.unpack_from("<Q", data)[0] if len(data) >= 8 else 0
    need("parse", 0 < size <= len(data) - 8, "the header does not fit")
    raw = data[8 : 8 + size]
    header = read_json(raw, "parse")
    need("parse", type(header) is dict, "the header is no object")
    place, last = 0, (-99, 0)
    for name, info in header.items():
        need("parse", re.fullmatch(r"0|[1-9]\d{0,8}", name, re.A) and int(name) < len(header), "a name")
        need("parse", exactly(info, {"dtype": str, "shape": list, "data_offsets": list}), "a tensor's fields")
        shape, item = info["shape"], ITEM_SIZES.get(info["dtype"])
        need("parse", item and len(shape) <= 32, "a dtype or a shape")
        need("parse", all(type(n) is int and 0 <= n < 1 << 40 for n in shape), "a length")
        need("parse", [type(n) for n in info["data_offsets"]] == [int, int], "the offsets")
        begin, end = info["data_offsets"]
        need("parse", begin == place and end - begin == math.prod(shape) * (item or 0), "overlap, gap or size")
        need("parse", (-(item or 0), int(name)) > last, "a tensor out of order")
        place, last = end, (-(item or 0), int(name))
    need("parse", 8 + size + place == len(data), "bytes behind the last tensor")
    again = json.dumps(header, separators=(",", ":")).encode()
    need("parse", raw == again + b" " * (-(8 + len(again)) % 64), "the header is not canonical")
    return len(header)


GRAPH = {"version": int, "types": list, "functions": list, "pools": list, "packed": list}


def read_graph(raw: bytes) -> dict[str, Any]:
    need("parse", raw[:1] == b"{" and raw[-1:] == b"}", "not one object")
    value = read_json(raw, "parse")
    version = value.get("version") if type(value) is dict else None
    need("manifest", not (type(version) is int and version > 1), "a newer version")
    need("parse", type(version) is int and version == 1, "another version")
    need("parse", exactly({k: v for k, v in value.items() if k != "root"}, GRAPH) and "root" in value, "its fields")
    for key in ("types", "functions"):
        need("parse", all(type(name) is str for name in value[key]), "a table of names")
    return dict(value)


def read(data: bytes, blake: Callable[[bytes], str] = blake3) -> dict[str, Any]:
    """What a sound file says of itself; else ``Refused``."""
    files, manifest_bytes = read_container(data, blake)
    manifest = read_manifest(manifest_bytes, files, blake)
    known = {f"{name}.{kind}" for name in ("graph", "probe") for kind in ("json", "safetensors")} - {
        "graph.safetensors"
    }
    code = {name for name in files if name.startswith("code/") and name.endswith(".py")}
    need("container", files.keys() <= known | code | {"arrays.safetensors"}, "a file that the format lacks")
    need("parse", "graph.json" in files, "no graph")
    read_graph(files["graph.json"])
    arrays = read_arrays(files["arrays.safetensors"]) if "arrays.safetensors" in files else 0
    return {"model": manifest["model"], "arrays": arrays, "files": sorted(files), "crc": zlib.crc32(data)}


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            try:
                print(path, read(file.read()))
            except Refused as refusal:
                print(path, refusal)
