"""numpy: arrays, scalars, dtypes, masked arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep import dtypes, memory
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.tensors import NATIVE
from modelkeep.formats.keep.types.strings import decode_strings, encode_strings, string_dtype
from modelkeep.formats.keep.types.values import unhex

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_MAX_EMPTY = 1 << 20
_LAYOUT = {"axes", "gaps", "flip", "dtype", "shape"}
_VIEW = {"strides", "offset", "dtype", "shape"}
_WORDS = frozenset(np.dtype(f"u{size}") for size in (1, 2, 4, 8))


# -- arrays --------------------------------------------------------------------------------------------------------


def encode_array(encoder: Encoder, array: np.ndarray, *, alone: bool = False) -> Node:
    """``alone``: with memory of its own in the file, whatever it shares now."""
    dtype = array.dtype
    if dtype.str not in NATIVE or dtype.char == "?":
        if dtype.char == "O":
            return ["objects", list(array.shape), encoder.items(array.ravel().tolist()), _object_order(array)]
        if dtype.char == "T":
            return encode_strings(encoder, array)
        dtypes.encode(dtype)  # refuses here, where the path is known
        try:
            dtypes.check_values(array)
        except GraphError as error:
            raise Unsaveable(str(error), "mend the array, then save") from None
    if array.size > memory.MAX_REPEATED and memory.repeats_too_often(array):
        raise Unsaveable("an array repeats its elements too often", "keep the elements once, or make a copy")
    return _shelf(encoder).put(array if type(array) is np.ndarray else np.asarray(array), alone=alone)


def _object_order(array: np.ndarray) -> str:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _shelf(encoder: Encoder) -> memory.Shelf:
    shelf: memory.Shelf | None = encoder.shelf.get("arrays")
    if shelf is None:
        shelf = encoder.shelf["arrays"] = memory.Shelf(encoder.add_segment)
        encoder.at_end(shelf.lay_out)
    return shelf


def decode_array(builder: Builder, node: Node) -> np.ndarray:
    if len(node) == 2:
        array = builder.segment(node[1])
        if array.dtype.char == "?":
            dtypes.check_values(array)
        return array
    builder.arity(node, 3)
    options = builder.a_dict(node[2])
    if "strides" in options and options.keys() <= _VIEW:
        return _decode_view(builder, node[1], options)
    if not options or not options.keys() <= _LAYOUT or ("dtype" in options) != ("shape" in options):
        raise GraphError("an array has options that the format lacks")
    array = builder.segment(node[1])
    if "dtype" in options:
        array = _retyped(builder, array, _item_dtype(options["dtype"]), options["shape"])
    dtypes.check_values(array)
    return _rearranged(array, options)


def _item_dtype(value: Any) -> np.dtype[Any]:
    dtype = dtypes.decode(value)
    if dtype.subdtype is not None:
        raise GraphError("the items of an array are no arrays")
    return dtype


def _retyped(builder: Builder, raw: np.ndarray, dtype: np.dtype[Any], shape: Any) -> np.ndarray:
    sizes = builder.sizes(shape)
    if raw.dtype not in _WORDS or raw.ndim != 1 or raw.nbytes != math.prod(sizes) * dtype.itemsize:
        raise GraphError("an array's bytes do not fit its dtype and shape")
    if dtype.itemsize == 0 or raw.size == 0:
        if math.prod(sizes) > _MAX_EMPTY:  # numpy gives empty texts one character each
            raise GraphError("an array has too many elements without bytes")
        return np.zeros(sizes, dtype)
    made: np.ndarray = np.ndarray(sizes, dtype, raw)
    return made if made.flags.aligned else made.copy()


def _rearranged(array: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """The array with the order of memory that it had; see memory.py for the options."""
    if array.ndim == 2 and options == {"axes": [1, 0]}:  # the usual Fortran order
        return array.T
    every = list(range(array.ndim))
    axes, gaps, flip = options.get("axes", every), options.get("gaps"), options.get("flip", [])
    if not _are(int, axes) or sorted(axes) != every or not _are(int, flip) or not set(flip) <= set(every):
        raise GraphError("an array's axes are not an order of its axes")
    if len(set(flip)) != len(flip):
        raise GraphError("an array has an axis that runs backwards twice")
    if gaps is not None:
        if not _are(bool, gaps) or len(gaps) != array.ndim or any(map(_lacks_room, gaps, array.shape)):
            raise GraphError("an array needs one gap for each axis, and none where nothing is between")
        array = memory.gapped_like(array, gaps)
    if "axes" in options:
        array = array.transpose([axes.index(axis) for axis in every])
    return np.flip(array, tuple(flip)) if flip else array


def _are(kind: type, values: Any) -> bool:
    return type(values) is list and all(type(value) is kind for value in values)


def _lacks_room(gap: bool, length: int) -> bool:
    return gap and length < 2


def _decode_view(builder: Builder, segment: Any, options: dict[str, Any]) -> np.ndarray:
    base = _placed(builder, segment)
    dtype = _item_dtype(options["dtype"]) if "dtype" in options else base.dtype
    shape, strides, offset = builder.sizes(options.get("shape")), options["strides"], options.get("offset")
    if type(offset) is not int or not _are(int, strides) or len(strides) != len(shape):
        raise GraphError("a view needs a shape, strides and an offset")
    reach = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    low, high = offset + sum(r for r in reach if r < 0), offset + sum(r for r in reach if r > 0) + dtype.itemsize
    if 0 in shape or not 0 <= low <= high <= base.nbytes or not all(abs(s) <= base.nbytes for s in strides):
        raise GraphError("a view reaches outside its memory")
    array: np.ndarray = np.ndarray(shape, dtype, base, offset, strides)
    single = memory.once(array)
    if memory.repeats_too_often(array) or single.nbytes > max(base.nbytes, memory.MAX_REPEATED):
        raise GraphError("a view has many more elements than bytes")
    builder.spend(array.nbytes)
    dtypes.check_values(single)
    return array


def _placed(builder: Builder, segment: Any) -> np.ndarray:
    """A segment for views, at an address that lets them keep their own up to 16 bytes; once, so that they share it."""
    base = builder.memory(segment)
    if base.ndim != 1:
        raise GraphError("a view reaches outside its memory")
    if base.dtype.itemsize < memory.ALIGNMENT and base.__array_interface__["data"][0] % memory.ALIGNMENT:
        placed: dict[int, np.ndarray] = builder.shelf.setdefault("placed", {})
        if segment not in placed:
            placed[segment] = base.copy()
        base = placed[segment]
    return base


def decode_objects(builder: Builder, node: Node) -> np.ndarray:
    builder.arity(node, 4)
    shape, items = builder.sizes(node[1]), builder.a_list(node[2])
    if math.prod(shape) != len(items) or node[3] not in ("C", "F"):
        raise GraphError("an object array has another number of elements than its shape says")
    made = np.empty(shape, object, order=node[3])
    builder.register(made)
    made[...] = np.fromiter(builder.fill(items), object, len(items)).reshape(shape)
    return made


def an_array(value: Any) -> np.ndarray:
    if type(value) is not np.ndarray:
        raise GraphError("an array is needed here")
    return value


# -- scalars and dtypes --------------------------------------------------------------------------------------------


def encode_scalar(encoder: Encoder, value: np.generic) -> Node:
    kind, name = value.dtype.kind, dtypes.encode(value.dtype)
    if kind in "iub":
        return ["scalar", name, int(value)]
    if kind == "f" and value.dtype.itemsize <= 8 and math.isfinite(value):
        return ["scalar", name, float(value)]
    if isinstance(value, np.bytes_ | np.str_):  # an empty one has an item of one zero byte or character
        text = bytes(value) if isinstance(value, bytes) else _utf_32(value)
        return ["scalar", name, text.hex()]
    raw = np.frombuffer(value.tobytes(), np.uint8)
    mask = dtypes.padding_mask(value.dtype)
    return ["scalar", name, (raw if mask is None else raw & mask).tobytes().hex()]


def _utf_32(text: str) -> bytes:
    try:
        return text.encode("utf-32-le")
    except UnicodeEncodeError:
        raise Unsaveable("a text is not valid Unicode", "mend the text and save again") from None


def decode_scalar(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    value = node[2]
    if type(value) is int and node[1] == "<i8" and -(1 << 63) <= value < 1 << 63:  # the usual ones, without a detour
        return np.int64(value)
    if type(value) is float and node[1] == "<f8":
        return np.float64(value)
    dtype = _item_dtype(node[1])
    try:
        if type(value) is str:
            return _scalar_of_bytes(builder, unhex(value, dtype.itemsize), dtype)
        if type(value) is not (float if dtype.kind == "f" else int) or dtype.kind not in "iufb":
            raise GraphError("a numpy scalar has a value of another kind")
        made = np.array(value, dtype)
        if made.item() != value or (dtype.kind == "b" and value not in (0, 1)):
            raise GraphError(f"{quote(repr(value))} does not fit into {dtype}")
        return made[()]
    except (OverflowError, ValueError) as error:
        raise GraphError(f"a numpy scalar is not usable: {error}") from None


def _scalar_of_bytes(builder: Builder, raw: bytes, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "S":  # an array would drop zero bytes at the end
        return np.bytes_(raw)
    if dtype.kind == "U":
        return np.str_(raw.decode("utf-32-le"))
    made = _retyped(builder, np.frombuffer(bytearray(raw), np.uint8), dtype, [])
    dtypes.check_values(made)
    return made[()]


def encode_dtype(encoder: Encoder, dtype: np.dtype[Any]) -> Node:
    if dtype.char == "O":
        return ["dtype", "object"]
    if dtype.char == "T":
        return ["dtype", "string", encode_strings(encoder, np.empty(0, dtype))[3]]
    return ["dtype", dtypes.encode(dtype)]


def decode_dtype(builder: Builder, node: Node) -> np.dtype[Any]:
    if node[1:2] == ["string"]:
        builder.arity(node, 3)
        made: np.dtype[Any] = string_dtype(builder, builder.a_dict(node[2]))
        return made
    builder.arity(node, 2)
    return np.dtype(object) if node[1] == "object" else dtypes.decode(node[1])


HANDLERS = [
    Handler("array", ("numpy.ndarray", "numpy.memmap"), encode_array, decode_array, cyclic=True),
    Handler("objects", (), encode_array, decode_objects, cyclic=True),
    Handler("strings", (), encode_array, decode_strings),
    Handler("scalar", ("numpy.generic",), encode_scalar, decode_scalar, atom=True),
    Handler("dtype", ("numpy.dtype",), encode_dtype, decode_dtype, atom=True),
]
