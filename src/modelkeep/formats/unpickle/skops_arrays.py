"""The arrays in a skops file: numpy's and scipy's nodes, as real arrays where those are data, else as records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle import npy
from modelkeep.formats.unpickle.names import place
from modelkeep.formats.unpickle.records import Call, Global
from modelkeep.formats.unpickle.skops_schema import Read, Schema, reduced

_NUMPY_CLASSES = frozenset(
    f"numpy.{name}"
    for name in (
        "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 longdouble complex64 "
        "complex128 clongdouble str_ bytes_ datetime64 timedelta64 intp uintp void"
    ).split()
)
_SPARSE = {
    "csr": ("data", "indices", "indptr"), "csc": ("data", "indices", "indptr"), "bsr": ("data", "indices", "indptr"),
    "dia": ("data", "offsets"), "coo": ("data", "row", "col"),
}  # fmt: skip


def _array(schema: Schema, node: dict[str, Any]) -> Any:
    kind = place(schema.name(node))
    if schema.part(node, "type") == "json":
        schema.must_be(node, "numpy.ndarray")
        return _objects(schema, node)
    if node["type"] != "numpy":
        raise GraphError("an array of the schema is of an unknown kind")
    found = schema.array(node)
    if kind == "numpy.ndarray":
        return found
    if kind == "numpy.matrix" and found.ndim == 2:
        return np.asmatrix(found)
    if kind in _NUMPY_CLASSES and found.ndim == 0 and found.dtype.type is np.dtype(_numpy_class(kind)).type:
        return found[()]
    raise GraphError(f"an array of the schema says that it is a {quote(kind, 100)}")


def _numpy_class(kind: str) -> Any:
    return getattr(np, kind.removeprefix("numpy."))


def _objects(schema: Schema, node: dict[str, Any]) -> Call:
    """An array of objects: nested lists, and a shape."""
    shape = schema.value(schema.part(node, "shape"))
    if type(shape) is not tuple or not 0 < len(shape) <= 32 or not all(type(n) is int and n >= 0 for n in shape):
        raise GraphError("the shape of an array is a tuple of lengths")
    items = schema.values(schema.part(node, "content"))
    for length in shape[1:]:
        if not all(type(item) is list and len(item) == length for item in items):
            raise GraphError("an array of objects has another shape than it says")
        items = [inner for item in items for inner in item]
    if len(items) != math.prod(shape):
        raise GraphError("an array of objects has another shape than it says")
    dtype = reduced("numpy", "dtype", "O8", False, True)
    array = reduced("numpy._core.multiarray", "_reconstruct", Global("numpy", "ndarray"), (0,), b"b")
    array.state = (1, shape, dtype, False, items)
    return array


def _masked(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray")
    data, given = (schema.value(schema.part(node, "content", key)) for key in ("data", "mask"))
    mask: Any = np.asarray(given) if isinstance(given, np.generic | np.ndarray) else np.zeros(0)
    is_record = isinstance(data, Call) and type(data.state) is tuple and len(data.state) == 5
    shape: Any = data.state[1] if is_record else getattr(data, "shape", None)
    if not (is_record or isinstance(data, np.ndarray)) or mask.dtype != bool or mask.shape not in ((), shape):
        raise GraphError("a masked array has no data, or a mask of another shape")
    if isinstance(data, np.ndarray):
        return np.ma.MaskedArray(data, mask)
    whole = np.ascontiguousarray(np.broadcast_to(mask, shape)).tobytes()
    kinds = (Global("numpy.ma.core", "MaskedArray"), Global("numpy", "ndarray"), (0,), b"b")
    return reduced("numpy.ma.core", "_mareconstruct", *kinds, state=(*data.state, whole, None))


def _dtype(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "numpy.dtype")
    found = schema.value(schema.part(node, "content"))
    if isinstance(found, Call):
        return np.dtype(object)
    if not isinstance(found, np.ndarray):
        raise GraphError("a dtype of the schema is that of no array")
    return found.dtype


def _random_state(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "numpy.random.RandomState")
    state = schema.value(schema.part(node, "content"))
    return reduced("numpy.random._pickle", "__randomstate_ctor", state=state)


def _generator(schema: Schema, node: dict[str, Any]) -> Any:
    """The name of the bit generator is looked up where it is mapped, in a table of five."""
    schema.must_be(node, "numpy.random.Generator", "numpy.random._generator.Generator")
    state = schema.value(schema.part(node, "content", "bit_generator"))
    seed = schema.value(node["content"]["seed_seq"]) if "seed_seq" in node["content"] else None
    if type(state) is not dict or type(state.get("bit_generator")) is not str or not isinstance(seed, dict | None):
        raise GraphError("a random generator has an unknown form")
    core = reduced("numpy.random._pickle", "__bit_generator_ctor", state["bit_generator"])
    core.state = (state, None if seed is None else _seed_sequence(seed))
    return reduced("numpy.random._pickle", "__generator_ctor", core)


def _seed_sequence(seed: dict[Any, Any]) -> Call:
    key = seed.get("spawn_key", ())
    if seed.keys() > {"entropy", "spawn_key", "pool_size", "n_children_spawned"} or type(key) is not tuple:
        raise GraphError("a seed sequence has an unknown form")
    state = (seed.get("entropy"), seed.get("n_children_spawned", 0), None, seed.get("pool_size", 4), key)
    return reduced("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence", state=state)


def _sparse(schema: Schema, node: dict[str, Any]) -> Any:
    name = schema.name(node)
    found = npy.archive(schema.file(node), schema.limit)
    form = found.get("format")
    kind = form.item() if form is not None and form.ndim == 0 else None
    kind = str(kind, "ascii", "replace") if type(kind) is bytes else kind
    ending = "array" if "_is_array" in found else "matrix"
    if kind not in _SPARSE or name.name != f"{kind}_{ending}" or node.get("type") != "scipy":
        raise GraphError(f"a sparse matrix says that it is a {quote(repr(name), 100)}")
    shape, parts = found.get("shape"), {key: found.get(key) for key in _SPARSE[kind]}
    if shape is None or shape.ndim != 1 or shape.dtype.kind != "i" or any(part is None for part in parts.values()):
        raise GraphError("a sparse matrix lacks a part")
    made = Call(Global(f"scipy.sparse._{kind}", name.name), (), "new", 0)
    made.state = {"_shape": tuple(shape.tolist()), **parts}
    return made


NODES: dict[str, Read] = {
    "NdArrayNode": _array, "MaskedArrayNode": _masked, "DTypeNode": _dtype, "RandomStateNode": _random_state,
    "RandomGeneratorNode": _generator, "SparseMatrixNode": _sparse,
}  # fmt: skip
