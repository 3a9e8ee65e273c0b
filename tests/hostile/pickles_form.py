"""Pickles that are not well-formed, lie about lengths, or grow out of all proportion."""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import struct
import zlib

from hostile.pickles_assembler import CASES, name, put, stack_name, state, text, whole

# -- lies about length ----------------------------------------------------------------------------------------------

for _label, _body in {
    "frame": b"\x95" + struct.pack("<Q", 1 << 62), "frame by one": b"\x95" + struct.pack("<Q", 3) + b"N",
    "bytes": b"B" + struct.pack("<I", 0xFFFFFFFF), "bytes 8": b"\x8e" + struct.pack("<Q", 1 << 62),
    "bytes 8, negative": b"\x8e" + struct.pack("<q", -1), "bytearray 8": b"\x96" + struct.pack("<Q", 1 << 62),
    "text": b"X" + struct.pack("<I", 0xFFFFFFF0), "text 8": b"\x8d" + struct.pack("<Q", 1 << 62),
    "short text": b"\x8c\xff", "short bytes": b"C\xff", "long 1": b"\x8a\xff",
    "long 4": b"\x8b" + struct.pack("<i", 0x7FFFFFFF), "old text": b"T" + struct.pack("<i", 0x7FFFFFFF),
}.items():  # fmt: skip
    put(f"length of {_label}", "GraphError", "not well-formed", whole(_body))
put("negative long", "GraphError", "announced", whole(b"\x8b" + struct.pack("<i", -1)))
put("negative old text", "GraphError", "announced", whole(b"T" + struct.pack("<i", -1)))
put("huge long", "GraphError", "more than 1024 bytes", whole(b"\x8b" + struct.pack("<i", 2000) + b"\x01" * 2000))
put("long of many digits", "GraphError", "whole number", b"L" + b"9" * 2470 + b"L\n.")
put("long of far more digits", "GraphError", "characters", b"L" + b"9" * 100_000 + b"L\n.")

# -- structure ------------------------------------------------------------------------------------------------------

put("empty", "ContainerError", "empty", b"")
put("zip", "ContainerError", "zip", b"PK\x03\x04" + bytes(100))
put("not a pickle", "ContainerError", "does not end", b"hello world")
put("only a stop", "GraphError", "stack", b".")
put("two pickles", "GraphError", "follow the end", pickle.dumps(1) + pickle.dumps(2))
put("garbage behind", "GraphError", "follow the end", pickle.dumps(1) + b"garbage.")
put("values left", "GraphError", "left on the stack", whole(b"NN"))
put("open mark", "GraphError", "left on the stack", whole(b"(N"))
put("unknown opcode", "GraphError", "0xff", whole(b"N\xff"))
put("zero opcode", "GraphError", "0x00", whole(b"N\x00"))
put("protocol 6", "GraphError", "protocol 6", b"\x80\x06N.")
put("protocol in the middle", "GraphError", "protocol", whole(b"N\x80\x04"))
put(
    "frame in a frame",
    "GraphError",
    "inside another",
    whole(b"\x95" + struct.pack("<Q", 10) + b"\x95" + bytes(8) + b"N"),
)
put("stop inside a frame", "GraphError", "end of its frame", whole(b"\x95" + struct.pack("<Q", 4) + b"N.N"))
put("memo lacks it", "GraphError", "remembered", whole(b"h\x07"))
put("memo of nothing", "GraphError", "stack", whole(b"q\x00"))
put("memo position", "GraphError", "position in the memo", whole(b"g-1\n"))
put("key without value", "GraphError", "no value", whole(b"}(Nu"))
put("append to a tuple", "GraphError", "added to a tuple", whole(b")Na"))
put("key of a list", "GraphError", "set on a list", whole(b"]NNs"))
put("members of a list", "GraphError", "added to a list", whole(b"](N\x90"))
put("state of a list", "GraphError", "state is given", whole(b"]}b"))
put("state of a name", "GraphError", "state is given", whole(name("os", "environ") + b"}b"))
put("state twice", "GraphError", "twice", whole(name("a", "b") + b")R}b}b"))
put("arguments no tuple", "GraphError", "arguments", whole(name("a", "b") + b"]R"))
put("list as a key", "GraphError", "list is used as a key", whole(b"}]Ns"))
put("list in a tuple as a key", "GraphError", "used as a key", whole(b"}]\x85Ns"))
put("deep tuple as a key", "GraphError", "used as a key", lambda: whole(b"}N" + b"\x85" * 200_000 + b"Ns"))
put("large number as a key", "GraphError", "too large for a key", whole(b"}\x8a\x0a" + b"\x11" * 10 + b"Ns"))
put("foreseen keys", "GraphError", "not plain values",
    lambda: whole(b"}(" + b"".join(b"M" + struct.pack("<H", i) + b"\x85N" for i in range(2000)) + b"u"))  # fmt: skip
put("name with spaces", "PolicyError", "which modelkeep does not map", whole(stack_name("os ;", "\x1b[31m")))
put("name no text", "GraphError", "short text", whole(b"K\x01K\x02\x93"))
put("long name", "GraphError", "short text", whole(stack_name("a" * 2000, "b")))
put("text not UTF-8", "GraphError", "not well-formed", whole(b"\x8c\x02\xff\xfe"))
put("text of Python 2", "PolicyError", "Python 2", whole(b"U\x02\xff\xfe"))
put("number no number", "GraphError", "whole number", b"I1_0\n.")
put("float no number", "GraphError", "not a number", b"F1_0\n.")
put("text no quotes", "GraphError", "quotes", b"Sabc\n.")

# -- bombs ----------------------------------------------------------------------------------------------------------

put("deep lists", "LoadError", "deep", lambda: whole(b"]" * 300_000 + b"a" * 299_999))
put("deep tuples", "LoadError", "deep", lambda: whole(b"N" + b"\x85" * 300_000))
put("deep calls", "LoadError", "a.b", lambda: whole(name("a", "b") + b"q\x00" + b")R" * 100_000))
put(
    "repeated text", "GraphError", "out of all proportion",
    lambda: whole(text("x" * 100_000) + b"q\x000](" + b"h\x00" * 100_000 + b"e"),
)  # fmt: skip
put(
    "repeated duplicates", "GraphError", "out of all proportion",
    lambda: whole(b"](" + text("x" * 100_000) + b"2" * 100_000 + b"e"),
)  # fmt: skip
put(
    "repeated state", "LoadError", "out of all proportion",
    lambda: whole(
        state(**{f"a{i}": b"K\x01" for i in range(2000)}) + b"q\x000"
        + name("sklearn.linear_model", "Ridge") + b"q\x010](" + b"h\x01)\x81h\x00b" * 100_000 + b"e"
    ),
)  # fmt: skip
for _label, _pack in {
    "zlib": lambda raw: zlib.compress(raw, 9), "gzip": lambda raw: gzip.compress(raw, 9), "bz2": bz2.compress,
    "xz": lambda raw: lzma.compress(raw, preset=1),
    "lzma": lambda raw: lzma.compress(raw, lzma.FORMAT_ALONE, preset=1),
}.items():  # fmt: skip
    put(f"{_label} bomb", "GraphError", "unpacks to more",
        lambda pack=_pack: pack(whole(b"C\x01" + bytes(100 << 20))))  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, cut off", "ContainerError", "cut off",
        lambda pack=_pack: pack(pickle.dumps(list(range(1000))))[:-6])  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, garbage behind", "ContainerError", "follow",
        lambda pack=_pack: pack(pickle.dumps(1)) + b"garbage")  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, hostile inside", "PolicyError", "os.system",
        lambda pack=_pack: pack(CASES["reduce os.system"][0]()))  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, damaged", "ContainerError", "can't be unpacked",
        lambda pack=_pack: _flipped(pack(pickle.dumps(list(range(1000))))))  # type: ignore[misc]  # fmt: skip


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(16) + data[middle + 16 :]
