"""Mutators: from a sound file and a random generator to a file that may be anything. All are deterministic."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from typing import Any

from fuzz import forge

MAX = (1 << 63) - 1
NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2, -2, 255, 256, 1 << 31, -(1 << 31), 1 << 32, MAX, -MAX - 1, 1 << 64, 0.5, -0.0,
    1e308, 5e-324, "", "x", "x" * 3000, "\x00", "\x1b[31m", "\u202etxt", "__class__", "__dict__", "../../x", "🙂",
    "float64", "object", "1e999999999", [], {}, {"": 0}, [[]], [None], ["ref", 0], ["ref", 1], ["def", 0, []],
    ["def", 7, ["list", [["ref", 7]]]], ["list", []], ["tuple", []], ["dict", {}], ["map", [[]], [1]],
    ["set", [["list", []]]], ["float", "7ff8000000000000"], ["float", "7ff0000000000000"], ["int", "f" * 200],
    ["array", 0], ["array", 1], ["array", 1 << 40], ["array", -1], ["array", 0, {"shape": [1 << 30], "strides": [0]}],
    ["array", 0, {"shape": [3], "strides": [-8], "offset": 16}], ["array", 0, {"dtype": "|O", "shape": [1]}],
    ["array", 0, {"dtype": "<U0", "shape": [1 << 30]}], ["array", 0, {"axes": [0, 0]}], ["array", 0, {"flip": [0]}],
    ["scalar", "<i8", MAX], ["scalar", "<f4", 1.5], ["scalar", "|b1", 2], ["dtype", "object"], ["dtype", {"names": []}],
    ["objects", [2], [1, 2], "C"], ["objects", [0, 1 << 39], [], "C"], ["function", 0], ["class", 0], ["object", 0, {}],
    ["partial", ["function", 0], [], {}], ["slice", None, None, None], ["fraction", 1, 0], ["decimal", "NaN"],
    ["path", "/etc/passwd"], ["zone", "../../etc/passwd"], ["bytes", "!"], ["tree", 0, 0], ["predictor", 0, 0],
    ["bunch", {"keys": 1}], ["metric", "MinkowskiDistance64", 0.0, None, None], ["loss", "CyHuberLoss", [0.5]],
    ["masked", ["array", 0], None, None, False], ["deque", -1, []], ["enum", 0, "x"], ["reduced", 0, [], None, [], []],
    ["randomstate", ["dict", {}]], ["seedsequence", 1, [], 4, 0], ["strings", [1], ["x"], True],
]  # fmt: skip

Mutator = Callable[[bytes, random.Random, list[bytes]], bytes]


# -- bytes, not sealed again: all of these have to be refused -------------------------------------------------------


def flip(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    return flip_bit(data, rng.randrange(len(data) * 8))


def flip_bit(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def truncate(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data))] if rng.random() < 0.7 else data[rng.randrange(1, len(data)) :]


def edit(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """A few bytes replaced, inserted, removed or moved."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 50))):
        at, length = rng.randrange(len(out) + 1), rng.choice((1, 1, 2, 4, 8, 64, 500))
        way = rng.randrange(5)
        if way == 0:
            out[at : at + length] = rng.randbytes(len(out[at : at + length]))
        elif way == 1:
            out[at:at] = rng.randbytes(length)
        elif way == 2:
            del out[at : at + length]
        elif way == 3:
            piece = out[at : at + length]
            other = rng.randrange(len(out) + 1)
            out[other : other + len(piece)] = piece
        else:
            out[at : at + 8] = struct.pack("<Q", rng.choice((0, 1, 255, 1 << 31, MAX, (1 << 64) - 1, len(out), at)))
    return bytes(out)


def splice(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


# -- JSON, sealed again ------------------------------------------------------------------------------------------------

Place = tuple[Any, Any]  # a container, and a key in it


def places(value: Any) -> list[Place]:
    found: list[Place] = []
    stack = [value]
    while stack:
        item = stack.pop()
        keys = range(len(item)) if isinstance(item, list) else list(item) if isinstance(item, dict) else ()
        for key in keys:
            found.append((item, key))
            stack.append(item[key])
    return found


def edit_json(value: Any, rng: random.Random, donor: Any) -> Any:
    """One to three structural edits of a JSON value, in place."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        found = places(value)
        if not found:
            return rng.choice(NASTY)
        holder, key = rng.choice(found)
        rng.choice(_EDITS)(holder, key, rng, found, donor)
    return value


def _nasty(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    holder[key] = json.loads(json.dumps(rng.choice(NASTY)))


def _near(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    numbers = [(h, k) for h, k in found if type(h[k]) in (int, float)]
    if numbers:
        holder, key = rng.choice(numbers)
        holder[key] = rng.choice((holder[key] + 1, holder[key] - 1, -holder[key], holder[key] * 2, 0, MAX))


def _remove(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    del holder[key]


def _double(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    if isinstance(holder, list):
        holder.insert(key, json.loads(json.dumps(holder[key])))
    else:
        holder[str(rng.choice(NASTY))] = json.loads(json.dumps(holder[key]))


def _swap(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    """Another part of the same graph, or of another one, stands here."""
    if rng.random() < 0.3 and (others := places(donor)):
        other, place = rng.choice(others)
    else:
        other, place = rng.choice(found)
    holder[key] = json.loads(json.dumps(other[place]))


def _wrap(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    inner = holder[key]
    holder[key] = rng.choice((["list", [inner]], ["def", 99, inner], ["tuple", [inner]], {"a": inner}, [inner], inner))


def _text(holder: Any, key: Any, rng: random.Random, found: list[Place], donor: Any) -> None:
    texts = [(h, k) for h, k in found if type(h[k]) is str]
    if texts:
        (holder, key), (other, place) = rng.choice(texts), rng.choice(texts)
        holder[key] = rng.choice((other[place], holder[key] + "_", holder[key][:-1], holder[key].upper()))


_EDITS = (_nasty, _nasty, _nasty, _near, _near, _remove, _double, _swap, _swap, _wrap, _text, _text)


def _text_of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _sealed_json(name: str) -> Mutator:
    def mutate(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
        pieces, donor = forge.take_apart(data), forge.take_apart(rng.choice(others))
        name_here = name if name in pieces.files else forge.GRAPH
        value = edit_json(json.loads(pieces.files[name_here]), rng, json.loads(donor.files[forge.GRAPH]))
        pieces.files[name_here] = _text_of(value)
        if rng.random() < 0.5:  # in half of them the environment differs, so that the probe is replayed
            pieces.manifest["environment"] = {"packages": {"numpy": "0.1"}}
        return pieces.seal()

    return mutate


#: Kinds that need a library of their own: their tests change them, where that library is loaded.
FRAMEWORKS = frozenset(
    "tensor parameter torchdtype device torchsize program programmodule module keras onnx xgboost lightgbm "
    "catboost".split()
)


def nodes(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Nodes of every kind that the reader knows, with parts that are nearly right, over the tables of several files."""
    from modelkeep.formats.keep.types import KINDS

    known = sorted(KINDS.keys() - FRAMEWORKS)
    pieces = forge.take_apart(data)
    graphs = [json.loads(forge.take_apart(other).files[forge.GRAPH]) for other in rng.sample(others, 3)]
    parts = [item[key] for graph in graphs for item, key in places(graph["root"])]

    def node(depth: int) -> Any:
        return [rng.choice(known), *(part(depth + 1) for _ in range(rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 8))))]

    def part(depth: int) -> Any:
        way = rng.random()
        if way < 0.2 and depth < 4:
            return node(depth)
        if way < 0.3:
            return [part(4) for _ in range(rng.randrange(4))]
        if way < 0.35:
            return {rng.choice(("a", "columns", "data", "index", "dtype", "shape")): part(4)}
        if way < 0.5:
            return ["array", rng.randrange(4)]
        return rng.choice(parts) if way < 0.85 else rng.choice(NASTY)

    graph = json.loads(pieces.files[forge.GRAPH])
    for table in ("types", "functions"):
        graph[table] = list(dict.fromkeys(name for each in (graph, *graphs) for name in each[table]))
    graph["root"] = node(0)
    pieces.files[forge.GRAPH] = _text_of(graph)
    return pieces.seal()


def text_edit(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """The text of the graph edited as bytes: bad JSON, bad UTF-8."""
    pieces = forge.take_apart(data)
    pieces.files[forge.GRAPH] = edit(pieces.files[forge.GRAPH], rng, others)
    return pieces.seal()


def manifest_edit(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    pieces = forge.take_apart(data)
    raw = json.loads(forge.manifest_bytes(pieces.files, pieces.manifest))
    edited = edit_json(raw, rng, raw)
    text = json.dumps(edited, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return forge.seal(pieces.files, text)


def header_edit(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """dtype, shape and place of the arrays; a consistent change in half of the cases."""
    pieces = forge.take_apart(data)
    names = [name for name in pieces.files if name.endswith(".safetensors")]
    if not names:
        return text_edit(data, rng, others)
    name = rng.choice(names)
    header, body = forge.header_of(pieces.files[name])
    info = header[rng.choice(list(header))]
    if rng.random() < 0.5:
        same = {"F64": ["I64", "U64", "C64"], "I64": ["F64", "U64"], "I32": ["F32", "U32"], "U32": ["I32", "F32"]}
        same |= {"U8": ["I8", "BOOL"], "BOOL": ["U8", "I8"], "F32": ["I32"], "U16": ["F16", "I16"]}
        info["dtype"] = rng.choice(same.get(info["dtype"], ["U8"]))
        if rng.random() < 0.5:
            info["shape"] = rng.choice(([*info["shape"], 1], [1, *info["shape"]], info["shape"][::-1], info["shape"]))
    else:
        header = edit_json(header, rng, header)
    pieces.files[name] = forge.arrays_file(header, body)
    return pieces.seal()


def body_edit(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """The numbers themselves: index fields get values that point anywhere."""
    pieces = forge.take_apart(data)
    names = [name for name in pieces.files if name.endswith(".safetensors")]
    if not names:
        return text_edit(data, rng, others)
    name = rng.choice(names)
    header, body = forge.header_of(pieces.files[name])
    out = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if not out:
            break
        size = rng.choice((1, 2, 4, 8))
        at = rng.randrange(max(1, len(out) // size)) * size
        value = rng.choice((0, 1, 2, 255, 1 << 31, MAX, (1 << 64) - 1, (1 << 64) - 2, 0x7FF8 << 48, 0x7FF0 << 48))
        raw = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        out[at : at + size] = raw[: len(out) - at]
    pieces.files[name] = forge.arrays_file(header, bytes(out))
    return pieces.seal()


def members(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Members swapped with another artifact's, left out, added, renamed; the order of the container broken."""
    pieces, other = forge.take_apart(data), forge.take_apart(rng.choice(others))
    way, name = rng.randrange(6), rng.choice(sorted(pieces.files))
    if way <= 1:
        pieces.files.update({k: v for k, v in other.files.items() if rng.random() < 0.5})
    elif way == 2:
        del pieces.files[name]
    elif way == 3:
        pieces.files[rng.choice(("x", "../x", "/etc/x", "a//b", "code/x.py", "probe.json", "é", "manifest.json/x"))] = (
            b"1"
        )
    elif way == 4:
        pieces.manifest = other.manifest
    else:
        order = sorted([*pieces.files, forge.MANIFEST])
        rng.shuffle(order)
        return pieces.seal(order=order)
    return pieces.seal()


#: Of these no mutant may load: nothing sealed it again.
RAW: dict[str, Mutator] = {"flip": flip, "truncate": truncate, "edit": edit, "splice": splice}
SEALED: dict[str, Mutator] = {
    "graph": _sealed_json(forge.GRAPH),
    "probe": _sealed_json("probe.json"),
    "nodes": nodes,
    "text": text_edit,
    "manifest": manifest_edit,
    "header": header_edit,
    "body": body_edit,
    "members": members,
}
WEIGHTS = {
    "flip": 8,
    "truncate": 6,
    "edit": 10,
    "splice": 4,
    "graph": 30,
    "nodes": 12,
    "probe": 5,
    "text": 5,
    "manifest": 6,
}
WEIGHTS |= {"header": 6, "body": 10, "members": 2}


def mutant(seed: str, bases: list[bytes]) -> tuple[str, int, bytes]:
    """The mutant that ``seed`` names: by which mutator, from which base, and its bytes."""
    rng = random.Random(seed)
    kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    number = rng.randrange(len(bases))
    made = {**RAW, **SEALED}[kind](bases[number], rng, bases)
    return kind, number, made
