"""Vectors for arrays.safetensors, for the nodes that look into it, and for packed arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from fuzz import forge

Vector = tuple[str, str, str, bytes]


def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


ONE = {"0": tensor("F64", [2], 0, 16)}
BODY = struct.pack("<2d", 1, 2)
ROOT = ["array", 0]


def made(header: Any, body: bytes = BODY, root: Any = ROOT, **tables: Any) -> bytes:
    return forge.artifact(root, forge.arrays_file(header, body), **tables)


def raw(arrays: bytes) -> bytes:
    return forge.artifact(ROOT, arrays)


def vectors() -> Iterator[Vector]:
    for name, data, why in (*_headers(), *_tensors()):
        yield name, "parse", f"arrays.safetensors {why}", data
    for name, data, why in (*_nodes(), *_views(), *_bytes()):
        yield name, "parse", why, data
    yield from _packed()


def _headers() -> Iterator[tuple[str, bytes, str]]:
    text = forge.arrays_file(ONE, BODY)
    yield "arrays_empty", raw(b""), "is empty"
    yield "arrays_short", raw(b"\0" * 7), "has seven bytes"
    yield "arrays_zero", raw(b"\0" * 8), "has a header of no bytes"
    yield "arrays_header_long", raw(struct.pack("<Q", 1 << 40) + text[8:]), "has a header longer than itself"
    yield "arrays_header_negative", raw(struct.pack("<Q", (1 << 64) - 1) + text[8:]), "has a header of 2**64 - 1 bytes"
    yield "arrays_no_object", made(b"[]"), "has a list for a header"
    yield "arrays_not_json", made(b'{"0":'), "has a header that is not JSON"
    spaced = b'{"0": {"dtype":"F64","shape":[2],"data_offsets":[0,16]}}'
    yield "arrays_space", made(spaced), "has white space inside its header"
    same = b'"0":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}'
    yield "arrays_space_before", made(b" {" + same + b"}"), "has white space before its header"
    yield "arrays_name_twice", made(b"{" + same + b"," + same + b"}"), "names a tensor twice"
    twice = same.replace(b'"dtype"', b'"dtype":"I64","dtype"')
    yield "arrays_key_twice", made(b"{" + twice + b"}"), "gives a tensor two dtypes"
    yield "arrays_metadata", made({"__metadata__": {"a": "b"}, **ONE}), "carries metadata"
    unpadded = struct.pack("<Q", len(same) + 2) + b"{" + same + b"}" + BODY
    yield "arrays_unpadded", raw(unpadded), "has a header that is not padded"


def _tensors() -> Iterator[tuple[str, bytes, str]]:
    for name, info, why in (
        ("dtype_unknown", tensor("BF16", [2], 0, 4), "has a dtype that the format lacks"),
        ("size", tensor("F64", [3], 0, 16), "has a tensor larger than its bytes"),
        ("shape_huge", tensor("F64", [1 << 39, 1 << 39], 0, 16), "has a tensor of 2**78 elements"),
        ("shape_negative", tensor("F64", [-2], 0, 16), "has a tensor of length -2"),
        ("shape_wraps", tensor("F64", [1 << 32, 1 << 32, 2], 0, 16), "has a shape whose product wraps round"),
        ("axes", tensor("U8", [1] * 33 + [16], 0, 16), "has a tensor of 34 axes"),
        ("begin", tensor("F64", [1], 8, 16), "begins with a gap"),
        ("end", tensor("F64", [1], 0, 8), "ends with bytes of no tensor"),
        ("beyond", tensor("F64", [4], 0, 32), "has a tensor that ends behind the file"),
        ("backwards", tensor("F64", [0], 16, 0), "has a tensor that ends before it begins"),
    ):
        yield f"tensor_{name}", made({"0": info}), why
    yield "tensor_extra_field", made({"0": {**ONE["0"], "order": "F"}}), "has a field that the format lacks"
    yield "tensor_no_shape", made({"0": {"dtype": "F64", "data_offsets": [0, 16]}}), "has a tensor without a shape"
    yield "tensor_shape_fraction", made({"0": {**ONE["0"], "shape": [2.0]}}), "has a fraction in a shape"
    yield "tensor_name", made({"weights": ONE["0"]}), "has a tensor with a name"
    yield "tensor_number_gap", made({"1": ONE["0"]}), "has no tensor 0"
    yield "tensor_number_zeros", made({"00": ONE["0"]}), "has a tensor 00"
    both = {"0": tensor("F64", [1], 0, 8), "1": tensor("F64", [1], 0, 8)}
    yield "tensor_overlap", made(both, BODY[:8]), "has two tensors in one place"
    swapped = {"1": tensor("F64", [1], 0, 8), "0": tensor("F64", [1], 8, 16)}
    yield "tensor_order", made(swapped), "has its tensors in another order"
    small = {"0": tensor("U8", [1], 0, 1), "1": tensor("F64", [1], 1, 9)}
    yield "tensor_unaligned", made(small, BODY[:9]), "has numbers that begin at an odd byte"


def _nodes() -> Iterator[tuple[str, bytes, str]]:
    yield "segment_none", forge.artifact(ROOT), "an array, and no file of arrays"
    yield "segment_index", made(ONE, root=["array", 1]), "an array that is not in the file"
    yield "segment_negative", made(ONE, root=["array", -1]), "an array before the first"
    yield "segment_true", made({**ONE}, root=["array", False]), "an array by a truth value"
    yield "options_none", made(ONE, root=["array", 0, {}]), "an array with empty options"
    yield "options_unknown", made(ONE, root=["array", 0, {"fill": 0}]), "an array with an option that the format lacks"
    yield "axes_twice", made(ONE, root=["array", 0, {"axes": [0, 0]}]), "an array with one axis twice"
    yield "axes_outside", made(ONE, root=["array", 0, {"axes": [1]}]), "an array with an axis that it lacks"
    yield "flip_outside", made(ONE, root=["array", 0, {"flip": [3]}]), "an array with a flipped axis that it lacks"
    yield "gaps_count", made(ONE, root=["array", 0, {"gaps": [True, True]}]), "an array with a gap too many"
    wide = {"0": tensor("F64", [1, 2], 0, 16)}
    yield "gaps_on_one", made(wide, root=["array", 0, {"gaps": [True, False]}]), "a gap where nothing is between"
    yield "dtype_pointer", made(ONE, root=["array", 0, {"dtype": "|O", "shape": [2]}]), "an array of pointers"
    bad = ["array", 0, {"dtype": "<M8[ns]", "shape": [3]}]
    yield "retyped_size", made({"0": tensor("U8", [16], 0, 16)}, root=bad), "dates that need more bytes than there are"
    yield "retyped_numbers", made(ONE, root=["array", 0, {"dtype": "<i8", "shape": [2]}]), "numbers read as others"
    empty = {"0": tensor("U8", [0], 0, 0)}
    zero = ["array", 0, {"dtype": "<U0", "shape": [1 << 31]}]
    yield "bomb_empty_text", made(empty, b"", zero), "two billion texts of no characters"


def _views() -> Iterator[tuple[str, bytes, str]]:
    for name, options, why in (
        ("behind", {"shape": [3], "strides": [8], "offset": 0}, "a view that ends behind its memory"),
        ("before", {"shape": [2], "strides": [-8], "offset": 0}, "a view that begins before its memory"),
        ("offset", {"shape": [1], "strides": [8], "offset": 9}, "a view that begins too late"),
        ("offset_negative", {"shape": [1], "strides": [8], "offset": -8}, "a view that begins at -8"),
        ("wraps", {"shape": [2], "strides": [(1 << 63) - 1], "offset": 0}, "a view whose step wraps round"),
        ("strides", {"shape": [2, 1], "strides": [8], "offset": 0}, "a view with a stride too few"),
        ("stride_float", {"shape": [1], "strides": [8.0], "offset": 0}, "a view with a fraction for a stride"),
        ("no_shape", {"strides": [8], "offset": 0}, "a view without a shape"),
        ("empty", {"shape": [0], "strides": [8], "offset": 0}, "a view of nothing"),
        ("repeated", {"shape": [1 << 39], "strides": [0], "offset": 0}, "a view of 2**39 times one number"),
        ("pointer", {"shape": [1], "strides": [8], "offset": 0, "dtype": "|O"}, "a view of pointers"),
    ):
        yield f"view_{name}", made(ONE, root=["array", 0, options]), why


def _bytes() -> Iterator[tuple[str, bytes, str]]:
    yield "bool_two", made({"0": tensor("BOOL", [2], 0, 2)}, b"\0\2"), "a truth value of 2"
    wide = {"0": tensor("U8", [4], 0, 4)}
    text = ["array", 0, {"dtype": "<U1", "shape": [1]}]
    yield "text_beyond", made(wide, b"\0\0\x11\0", text), "a character beyond Unicode"
    yield "text_surrogate", made(wide, b"\0\xd8\0\0", text), "half a character"
    mask = ["masked", ["array", 0], ["array", 0], None, False]
    yield "mask_dtype", made(ONE, root=mask), "a mask of numbers"


def _packed() -> Iterator[Vector]:
    import zstandard

    plain = bytes(range(256)) * 4
    frame = zstandard.ZstdCompressor().compress(plain)

    def packed(row: list[Any], data: bytes = frame) -> bytes:
        return made({"0": tensor("U8", [len(data)], 0, len(data))}, data, packed=[row])

    size = len(frame)
    for name, row, why in (
        ("segment", [1, "U8", [1024], False, [size]], "a packed segment that is not there"),
        ("dtype", [0, "O", [1024], False, [size]], "a packed array of an unknown dtype"),
        ("sizes", [0, "U8", [1024], False, [size - 1]], "frames that do not fill the segment"),
        ("size_zero", [0, "U8", [1024], False, [size, 0]], "a frame of no bytes"),
        ("frames", [0, "U8", [1 << 23], False, [size]], "a frame too few"),
        ("bomb", [0, "F64", [1 << 39], False, [size]], "a packed array of 4 TiB"),
        ("shuffled", [0, "U8", [1024], 1, [size]], "a number for a truth value"),
        ("negative", [0, "U8", [-1024], False, [size]], "a packed array of a negative length"),
    ):
        yield f"packed_{name}", "parse", why, packed(row)
    row = [0, "U8", [1024], False, [size]]
    twice = made({"0": tensor("U8", [size], 0, size)}, frame, packed=[row, row])
    yield "packed_twice", "parse", "a segment is packed twice", twice
    for name, data, why in (
        ("frame_damaged", frame[:-3] + b"abc", "a damaged frame"),
        ("frame_raw", plain[: len(frame)], "bytes that are no frame"),
        ("frame_longer", zstandard.ZstdCompressor().compress(plain * 2), "a frame that unpacks to more"),
        ("frame_bomb", zstandard.ZstdCompressor().compress(bytes(1 << 24)), "a frame that unpacks to 16 MiB"),
        (
            "frame_unsized",
            zstandard.ZstdCompressor(write_content_size=False).compress(plain),
            "a frame of no stated size",
        ),
    ):
        yield f"packed_{name}", "integrity", why, packed([0, "U8", [1024], False, [len(data)]], data)
    more = frame + frame
    yield (
        "packed_two_frames",
        "integrity",
        "a second frame behind the first",
        packed([0, "U8", [1024], False, [len(more)]], more),
    )
