"""The kinds of nodes in a skops file: what each may hold, and the record or value that it stands for.

A kind that stands for one class has to name that class; one that stands for many gives a record with the name, which
the loader's tables are asked for later. No name is used that was not looked at.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle import npy
from modelkeep.formats.unpickle.names import place
from modelkeep.formats.unpickle.records import Call, Global
from modelkeep.formats.unpickle.skops_schema import Read, Schema, reduced

_BUNCH = frozenset(("sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch"))
#: Compiled classes that a pickle makes by a function beside them.
_MADE_BY = {
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.metrics._dist_metrics": "newObj",
}
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
_KEYS: dict[str, Any] = {
    "builtins.str": str, "builtins.int": int, "builtins.float": float,
    "builtins.bool": {"true": True, "false": False}.__getitem__,
    **{f"numpy.{sign}int{8 * n}": getattr(np, f"{sign}int{8 * n}") for sign in ("", "u") for n in (1, 2, 4, 8)},
    "numpy.float64": np.float64, "numpy.float32": np.float32, "numpy.str_": np.str_,
    "numpy.bool": lambda key: np.bool({"true": True, "false": False}[key]),
}  # fmt: skip


def _is(schema: Schema, node: dict[str, Any], *allowed: str) -> str:
    """The class of a node, which has to be one of these."""
    found = place(schema.name(node))
    if found not in allowed:
        raise GraphError(f"a {quote(str(node['__loader__']), 60)} says that it is a {quote(found, 100)}")
    return found


# -- Python's values -----------------------------------------------------------------------------------------------


def _json(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "builtins.str")
    text = schema.part(node, "content")
    try:
        value = json.loads(text) if type(text) is str else node
    except (ValueError, RecursionError):
        value = node
    if type(value) not in (str, int, float, bool, type(None)):
        raise GraphError("a plain value of the schema is none")
    return value


def _dict(schema: Schema, node: dict[str, Any]) -> Any:
    pairs = _pairs(schema, node)
    name = schema.name(node)
    found = place(name)
    if found == "builtins.dict":
        return dict(pairs)
    if found == "collections.OrderedDict":
        return OrderedDict(pairs)
    made = Call(name, (), "reduce" if found == "collections.Counter" else "new", 0)
    if found not in _BUNCH and found != "collections.Counter":
        raise GraphError(f"a dictionary says that it is a {quote(found, 100)}")
    made.pairs = pairs
    return made


def _pairs(schema: Schema, node: dict[str, Any]) -> list[tuple[Any, Any]]:
    content, kinds = schema.part(node, "content"), schema.value(schema.part(node, "key_types"))
    if type(content) is not dict or type(kinds) is not list or len(content) != len(kinds):
        raise GraphError("a dictionary of the schema has other keys than kinds of keys")
    pairs = [
        (_key(text, kind), schema.value(inner)) for (text, inner), kind in zip(content.items(), kinds, strict=True)
    ]
    if len({key for key, _ in pairs}) != len(pairs):
        raise GraphError("a dictionary of the schema has a key twice")
    return pairs


def _key(text: str, kind: Any) -> Any:
    make = _KEYS.get(place(kind)) if isinstance(kind, Global) else None
    try:
        if make is None:
            raise KeyError
        return make(text)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise GraphError(f"a key of the schema is not of the kind {quote(repr(kind), 60)}") from None


def _default_dict(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "collections.defaultdict")
    main, factory = (schema.value(schema.part(node, "content", key)) for key in ("main", "default_factory"))
    if type(main) is not dict:
        raise GraphError("a defaultdict is made of no dictionary")
    made = reduced("collections", "defaultdict", factory)
    made.pairs = list(main.items())
    return made


def _list(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "builtins.list")
    return schema.values(schema.part(node, "content"))


def _set(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "builtins.set")
    return reduced("builtins", "set", schema.values(schema.part(node, "content")))


def _tuple(schema: Schema, node: dict[str, Any]) -> Any:
    """Of the class tuple, or a named one."""
    items, name = schema.values(schema.part(node, "content")), schema.name(node)
    return tuple(items) if place(name) == "builtins.tuple" else Call(name, tuple(items), "new", 0)


def _bytes(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "builtins.bytes")
    return bytes(schema.file(node))


def _bytearray(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "builtins.bytearray")
    return bytearray(schema.file(node))


def _slice(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "builtins.slice")
    parts = [schema.part(node, "content", key) for key in ("start", "stop", "step")]
    if not all(part is None or type(part) in (int, str, float, bool) for part in parts):
        raise GraphError("a slice of the schema is not made of plain values")
    return reduced("builtins", "slice", *parts)


# -- names and objects ---------------------------------------------------------------------------------------------


def _name(schema: Schema, node: dict[str, Any]) -> Any:
    """A class or a function as a value. It is looked up when it is known what it is a value of."""
    return schema.name(node)


def _partial(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "functools.partial")
    parts = [schema.value(schema.part(node, "content", key)) for key in ("func", "args", "kwds", "namespace")]
    return reduced("functools", "partial", parts[0], state=tuple(parts))


def _method(schema: Schema, node: dict[str, Any]) -> Any:
    """As a pickle has it. Nothing maps it, but scikit-learn keeps some in attributes that are made anew."""
    return reduced("builtins", "getattr", schema.value(schema.part(node, "content", "obj")), node["content"]["func"])


def _operator(schema: Schema, node: dict[str, Any]) -> Any:
    return Call(schema.name(node), (), "reduce", 0)  # refused, whatever its arguments: no table has one


def _constructed(schema: Schema, node: dict[str, Any]) -> Any:
    """``class(*arguments)``."""
    args = schema.value(schema.part(node, "content"))
    if type(args) is not tuple:
        raise GraphError("the arguments of a constructor are not a tuple")
    return Call(schema.name(node), args, "reduce", 0)


def _object(schema: Schema, node: dict[str, Any]) -> Any:
    name = schema.name(node)
    module, _, _ = place(name).rpartition(".")
    made = Call(name, (), "new", 0)
    if module in _MADE_BY:
        made = reduced(module, _MADE_BY[module], name)
    if node.get("content") is not None:
        made.state = schema.value(node["content"])
    return made


def _tree(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "sklearn.tree._tree.Tree")
    args = schema.value(schema.part(node, "__reduce__", "args"))
    if type(args) is not tuple:
        raise GraphError("the arguments of a tree are not a tuple")
    return reduced("sklearn.tree._tree", "Tree", *args, state=schema.value(schema.part(node, "content")))


def _loss(schema: Schema, node: dict[str, Any]) -> Any:
    args = schema.value(schema.part(node, "__reduce__", "args"))
    if type(args) is not tuple or schema.value(schema.part(node, "content")) not in ({}, ()):
        raise GraphError("a loss has an unknown form")
    return Call(schema.name(node), args, "reduce", 0)


# -- numpy and scipy -----------------------------------------------------------------------------------------------


def _array(schema: Schema, node: dict[str, Any]) -> Any:
    kind = place(schema.name(node))
    if schema.part(node, "type") == "json":
        _is(schema, node, "numpy.ndarray")
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
    _is(schema, node, "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray")
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
    _is(schema, node, "numpy.dtype")
    found = schema.value(schema.part(node, "content"))
    if isinstance(found, Call):
        return np.dtype(object)
    if not isinstance(found, np.ndarray):
        raise GraphError("a dtype of the schema is that of no array")
    return found.dtype


def _random_state(schema: Schema, node: dict[str, Any]) -> Any:
    _is(schema, node, "numpy.random.RandomState")
    state = schema.value(schema.part(node, "content"))
    return reduced("numpy.random._pickle", "__randomstate_ctor", state=state)


def _generator(schema: Schema, node: dict[str, Any]) -> Any:
    """The name of the bit generator is looked up where it is mapped, in a table of five."""
    _is(schema, node, "numpy.random.Generator", "numpy.random._generator.Generator")
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
    "JsonNode": _json, "DictNode": _dict, "DefaultDictNode": _default_dict, "ListNode": _list, "SetNode": _set,
    "TupleNode": _tuple, "BytesNode": _bytes, "BytearrayNode": _bytearray, "SliceNode": _slice,
    "FunctionNode": _name, "TypeNode": _name, "PartialNode": _partial, "MethodNode": _method,
    "OperatorFuncNode": _operator, "ConstructorFromReduceNode": _constructed, "ObjectNode": _object,
    "TreeNode": _tree, "LossNode": _loss, "NdArrayNode": _array, "MaskedArrayNode": _masked, "DTypeNode": _dtype,
    "RandomStateNode": _random_state, "RandomGeneratorNode": _generator, "SparseMatrixNode": _sparse,
}  # fmt: skip
