"""numpy: arrays, scalars, dtypes, masked arrays, random states."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep import dtypes, memory
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.types.python import unhex

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_MAX_EMPTY, _MAX_REPEATED = 1 << 20, 1 << 26
_OPTIONS = {"axes", "gaps", "flip", "dtype", "shape", "strides", "offset"}


# -- arrays --------------------------------------------------------------------------------------------------------


def encode_array(encoder: Encoder, array: np.ndarray) -> Node:
    if array.dtype.hasobject and array.dtype.names is None:
        return ["objects", list(array.shape), encoder.items(array.ravel().tolist()), _object_order(array)]
    if array.dtype.char == "T":  # variable-width text
        items = [None if value is getattr(array.dtype, "na_object", ...) else value for value in array.ravel()]
        return ["strings", list(array.shape), encoder.items(items), hasattr(array.dtype, "na_object")]
    dtypes.encode(array.dtype)  # refuses here, where the path is known
    dtypes.check_values(array)
    return _shelf(encoder).put(np.asarray(array))


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
    if not options or not options.keys() <= _OPTIONS:
        raise GraphError("an array has options that the format lacks")
    if "strides" in options:
        return _decode_view(builder, node[1], options)
    array = builder.segment(node[1])
    if "dtype" in options:
        array = _retyped(builder, array, dtypes.decode(options["dtype"]), options.get("shape"))
    dtypes.check_values(array)
    return _rearranged(array, options)


def _retyped(builder: Builder, raw: np.ndarray, dtype: np.dtype[Any], shape: Any) -> np.ndarray:
    sizes = builder.sizes(shape)
    if raw.dtype != np.uint8 or raw.ndim != 1 or raw.size != math.prod(sizes) * dtype.itemsize:
        raise GraphError("an array's bytes do not fit its dtype and shape")
    if dtype.itemsize == 0 or raw.size == 0:
        if math.prod(sizes) > _MAX_EMPTY:  # numpy gives empty texts one character each
            raise GraphError("an array has too many elements without bytes")
        return np.zeros(sizes, dtype)
    made: np.ndarray = np.ndarray(sizes, dtype, raw)
    return made if made.flags.aligned else made.copy()


def _rearranged(array: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """The array with the order of memory that it had; see memory.py for the options."""
    axes = options.get("axes", list(range(array.ndim)))
    gaps, flip = options.get("gaps"), options.get("flip", [])
    if sorted(axes) != list(range(array.ndim)) or not all(type(a) is int and 0 <= a < array.ndim for a in flip):
        raise GraphError("an array's axes are not an order of its axes")
    if "shape" in options and "axes" in options and len(options["shape"]) != len(axes):
        raise GraphError("an array has another number of axes than its shape")
    if gaps is not None:
        if [type(gap) for gap in gaps] != [bool] * array.ndim or any(g and n < 2 for g, n in zip(gaps, array.shape)):
            raise GraphError("an array needs one gap for each axis, and none where nothing is between")
        array = memory.gapped_like(array, gaps)
    array = array.transpose(np.argsort(axes, kind="stable")) if "axes" in options else array
    return np.flip(array, flip) if flip else array


def _decode_view(builder: Builder, segment: Any, options: dict[str, Any]) -> np.ndarray:
    base = builder.segment(segment)
    dtype = dtypes.decode(options["dtype"]) if "dtype" in options else base.dtype
    shape, strides, offset = builder.sizes(options.get("shape")), options["strides"], options.get("offset")
    if type(offset) is not int or len(strides) != len(shape) or not all(type(s) is int for s in strides):
        raise GraphError("a view needs a shape, strides and an offset")
    reach = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    low, high = offset + sum(r for r in reach if r < 0), offset + sum(r for r in reach if r > 0) + dtype.itemsize
    if base.ndim != 1 or 0 in shape or not 0 <= low <= high <= base.nbytes:
        raise GraphError("a view reaches outside its memory")
    array: np.ndarray = np.ndarray(shape, dtype, base, offset, strides)
    # Broadcast axes repeat one element: a file must not make a check walk 2**60 of them.
    if array.size <= base.nbytes:
        dtypes.check_values(array)
    elif dtype.kind not in "iufcmM" or array.size > _MAX_REPEATED:
        raise GraphError("a view has more elements than bytes")
    return array


def decode_objects(builder: Builder, node: Node) -> np.ndarray:
    builder.arity(node, 4)
    shape, items = builder.sizes(node[1]), builder.a_list(node[2])
    if math.prod(shape) != len(items) or node[3] not in ("C", "F"):
        raise GraphError("an object array has another number of elements than its shape says")
    made = np.empty(shape, object, order=node[3])
    builder.register(made)
    flat = np.empty(len(items), object)
    for i, value in enumerate(builder.fill(items)):
        flat[i] = value
    made[...] = flat.reshape(shape)
    return made


def decode_strings(builder: Builder, node: Node) -> np.ndarray:
    builder.arity(node, 4)
    shape, items = builder.sizes(node[1]), builder.a_list(node[2])
    if math.prod(shape) != len(items) or not set(map(type, items)) <= {str, type(None)}:
        raise GraphError("a text array needs as many texts as its shape says")
    dtype = np.dtypes.StringDType(na_object=None) if node[3] is True else np.dtypes.StringDType()
    return np.array(items, dtype=dtype).reshape(shape)


def encode_subclass(encoder: Encoder, array: Any) -> Node:
    return [type(array).__name__, encoder.node(np.asarray(array))]


def decode_subclass(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    cls: Any = np.matrix if node[0] == "matrix" else np.recarray
    array = an_array(builder.build(node[1]))
    if cls is np.matrix and array.ndim != 2:
        raise GraphError("a matrix has two axes")
    return array.view(cls)


def an_array(value: Any) -> np.ndarray:
    if type(value) is not np.ndarray:
        raise GraphError("an array is needed here")
    return value


def encode_masked(encoder: Encoder, array: Any) -> Node:
    mask = None if array.mask is np.ma.nomask else np.asarray(array.mask)
    fill = None if array._fill_value is None else np.asarray(array._fill_value)
    return ["masked", encoder.node(array.data), encoder.node(mask), encoder.node(fill), bool(array.hardmask)]


def decode_masked(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    data, mask, fill = (builder.build(value) for value in node[1:4])
    an_array(data)
    if mask is not None and (an_array(mask).shape != data.shape or mask.dtype != np.ma.make_mask_descr(data.dtype)):
        raise GraphError("a mask does not fit its array")
    if fill is not None and (an_array(fill).dtype != data.dtype or fill.ndim != 0):
        raise GraphError("a fill value does not fit its array")
    made = np.ma.MaskedArray(data, mask=np.ma.nomask if mask is None else mask, hard_mask=node[4] is True)
    made._fill_value = fill
    return made


# -- scalars and dtypes --------------------------------------------------------------------------------------------


def encode_scalar(encoder: Encoder, value: np.generic) -> Node:
    if value.dtype.hasobject:
        return ["objects", [], [encoder.node(value.item())], "C"]
    kind, name = value.dtype.kind, dtypes.encode(value.dtype)
    if kind in "iub":
        return ["scalar", name, int(value)]
    if kind == "f" and value.dtype.itemsize <= 8 and np.isfinite(value):
        return ["scalar", name, float(value)]
    return ["scalar", name, value.tobytes().hex()]


def decode_scalar(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    value = node[2]
    if type(value) is int and node[1] == "<i8" and -(1 << 63) <= value < 1 << 63:  # the usual ones, without a detour
        return np.int64(value)
    if type(value) is float and node[1] == "<f8":
        return np.float64(value)
    dtype = dtypes.decode(node[1])
    try:
        if type(value) is str:
            raw = np.frombuffer(unhex(value, dtype.itemsize), np.uint8)
            made = _retyped(builder, raw, dtype, [])
            dtypes.check_values(made)
            return made[()]
        if type(value) is not (float if dtype.kind == "f" else int) or dtype.kind not in "iufb":
            raise GraphError("a numpy scalar has a value of another kind")
        made = np.array(value, dtype)
        if made != value or (dtype.kind == "b" and value not in (0, 1)):
            raise GraphError(f"{quote(repr(value))} does not fit into {dtype}")
        return made[()]
    except (OverflowError, ValueError) as error:
        raise GraphError(f"a numpy scalar is not usable: {error}") from None


def encode_dtype(encoder: Encoder, dtype: np.dtype[Any]) -> Node:
    if dtype == object:
        return ["dtype", "object"]
    return ["dtype", dtypes.encode(dtype)]


def decode_dtype(builder: Builder, node: Node) -> np.dtype[Any]:
    builder.arity(node, 2)
    return np.dtype(object) if node[1] == "object" else dtypes.decode(node[1])


# -- random states -------------------------------------------------------------------------------------------------

_STATES = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def encode_bit_generator(encoder: Encoder, value: Any) -> Node:
    return ["bitgenerator", encoder.node(value.state), encoder.node(getattr(value, "seed_seq", None))]


def decode_bit_generator(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    return _bit_generator(builder.build(node[1]), builder.build(node[2]))


def _bit_generator(state: Any, seed: Any) -> Any:
    name = state.get("bit_generator") if isinstance(state, dict) else None
    if name not in _STATES or not isinstance(seed, np.random.SeedSequence | type(None)):
        raise GraphError("a bit generator is not one of numpy's")
    inner = state.get("state")
    if name == "MT19937":
        key, pos = (inner or {}).get("key"), (inner or {}).get("pos")
        # numpy writes through an unchecked position into this array.
        if not (an_array(key).dtype == np.uint32 and key.shape == (624,) and type(pos) is int and 0 <= pos <= 624):
            raise CheckError("the state of MT19937 needs 624 words and a position from 0 to 624")
    if name == "Philox" and not (type(state.get("buffer_pos")) is int and 0 <= state["buffer_pos"] <= 4):
        raise CheckError("the buffer position of Philox is from 0 to 4")
    made = getattr(np.random, name)(0 if seed is None else seed)
    try:
        made.state = state
    except (TypeError, ValueError, KeyError, OverflowError, IndexError, AttributeError) as error:
        raise CheckError(f"the state of {name} is not usable: {error}") from None
    return made


def encode_random_state(encoder: Encoder, value: Any) -> Node:
    """The seed sequence of a RandomState plays no part in its answers, and numpy fills it at random."""
    return ["randomstate", encoder.node(value.get_state(legacy=False))]


def decode_random_state(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    state = builder.build(node[1])
    if not isinstance(state, dict) or state.get("has_gauss") not in (0, 1) or type(state.get("gauss")) is not float:
        raise CheckError("the state of a RandomState is not usable")
    core = {key: value for key, value in state.items() if key not in ("has_gauss", "gauss")}
    made = np.random.RandomState(_bit_generator(core, None))
    made.set_state(state)
    return made


def encode_generator(encoder: Encoder, value: Any) -> Node:
    return ["generator", encoder.node(value.bit_generator)]


def decode_generator(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    core = builder.build(node[1])
    if not isinstance(core, np.random.BitGenerator):
        raise GraphError("a generator needs a bit generator")
    return np.random.Generator(core)


def encode_seed_sequence(encoder: Encoder, value: Any) -> Node:
    fields = (value.entropy, list(value.spawn_key), value.pool_size, value.n_children_spawned)
    return ["seedsequence", *(encoder.node(field) for field in fields)]


def _whole(values: Any) -> bool:
    """Whether ``values`` is a flat sequence of whole numbers."""
    if type(values) is np.ndarray:
        return values.dtype.kind in "iu" and values.ndim == 1
    return type(values) in (list, tuple) and all(isinstance(value, int | np.integer) for value in values)


def decode_seed_sequence(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    entropy, key, size, spawned = (builder.build(value) for value in node[1:])
    if not (type(size) is int and 4 <= size <= 64 and type(key) is list and len(key) <= 64 and _whole(key)):
        raise CheckError("a seed sequence has an unusable pool or key")
    # numpy walks into nested lists, and would for ever in one that holds itself.
    if not (entropy is None or isinstance(entropy, int | np.integer) or _whole(entropy)):
        raise CheckError("the entropy of a seed sequence is whole numbers")
    try:
        return np.random.SeedSequence(entropy, spawn_key=key, pool_size=size, n_children_spawned=spawned)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckError(f"a seed sequence is not usable: {error}") from None


_BIT_GENERATORS = tuple(f"numpy.random._{name.lower().removesuffix('dxsm')}.{name}" for name in _STATES)

HANDLERS = [
    Handler("array", ("numpy.ndarray", "numpy.memmap"), encode_array, decode_array),
    Handler("objects", (), encode_array, decode_objects),
    Handler("strings", (), encode_array, decode_strings),
    Handler("matrix", ("numpy.matrix", "numpy.matrixlib.defmatrix.matrix"), encode_subclass, decode_subclass),
    Handler("recarray", ("numpy.recarray", "numpy.rec.recarray"), encode_subclass, decode_subclass),
    Handler("masked", ("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"), encode_masked, decode_masked),
    Handler("scalar", ("numpy.generic",), encode_scalar, decode_scalar, atom=True),
    Handler("dtype", ("numpy.dtype",), encode_dtype, decode_dtype, atom=True),
    Handler("bitgenerator", _BIT_GENERATORS, encode_bit_generator, decode_bit_generator),
    Handler("randomstate", ("numpy.random.mtrand.RandomState",), encode_random_state, decode_random_state),
    Handler("generator", ("numpy.random._generator.Generator",), encode_generator, decode_generator),
    Handler("seedsequence", ("numpy.random.bit_generator.SeedSequence",), encode_seed_sequence, decode_seed_sequence),
]
