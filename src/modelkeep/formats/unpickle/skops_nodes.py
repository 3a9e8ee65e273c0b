"""The kinds of nodes in a skops file: what each may hold, and the record or value that it stands for.

A kind that stands for one class has to name that class; one that stands for many gives a record with the name, which
the loader's tables are asked for later. No name is used that was not looked at.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle.names import place
from modelkeep.formats.unpickle.records import Call, Global
from modelkeep.formats.unpickle.skops_arrays import NODES as ARRAYS
from modelkeep.formats.unpickle.skops_schema import Read, Schema, reduced

_BUNCH = frozenset(("sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch"))
#: Compiled classes that a pickle makes by a function beside them.
_MADE_BY = {
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.metrics._dist_metrics": "newObj",
}
_KEYS: dict[str, Any] = {
    "builtins.str": str, "builtins.int": int, "builtins.float": float,
    "builtins.bool": {"true": True, "false": False}.__getitem__,
    **{f"numpy.{sign}int{8 * n}": getattr(np, f"{sign}int{8 * n}") for sign in ("", "u") for n in (1, 2, 4, 8)},
    "numpy.float64": np.float64, "numpy.float32": np.float32, "numpy.str_": np.str_,
    "numpy.bool": lambda key: np.bool({"true": True, "false": False}[key]),
}  # fmt: skip


# -- Python's values -----------------------------------------------------------------------------------------------


def _json(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "builtins.str")
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
    if found == "collections.defaultdict":  # before skops 0.10 without what makes its defaults
        return _with_pairs(reduced("collections", "defaultdict"), pairs)
    made = Call(name, (), "reduce" if found == "collections.Counter" else "new", 0)
    if found not in _BUNCH and found != "collections.Counter":
        raise GraphError(f"a dictionary says that it is a {quote(found, 100)}")
    return _with_pairs(made, pairs)


def _with_pairs(made: Call, pairs: list[tuple[Any, Any]]) -> Call:
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
    schema.must_be(node, "collections.defaultdict")
    main, factory = (schema.value(schema.part(node, "content", key)) for key in ("main", "default_factory"))
    if type(main) is not dict:
        raise GraphError("a defaultdict is made of no dictionary")
    return _with_pairs(reduced("collections", "defaultdict", factory), list(main.items()))


def _list(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "builtins.list")
    return schema.values(schema.part(node, "content"))


def _set(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "builtins.set")
    return reduced("builtins", "set", schema.values(schema.part(node, "content")))


def _tuple(schema: Schema, node: dict[str, Any]) -> Any:
    """Of the class tuple, or a named one."""
    items, name = schema.values(schema.part(node, "content")), schema.name(node)
    return tuple(items) if place(name) == "builtins.tuple" else Call(name, tuple(items), "new", 0)


def _bytes(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "builtins.bytes")
    return bytes(schema.file(node))


def _bytearray(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "builtins.bytearray")
    return bytearray(schema.file(node))


def _slice(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "builtins.slice")
    parts = [schema.part(node, "content", key) for key in ("start", "stop", "step")]
    if not all(part is None or type(part) in (int, str, float, bool) for part in parts):
        raise GraphError("a slice of the schema is not made of plain values")
    return reduced("builtins", "slice", *parts)


# -- names and objects ---------------------------------------------------------------------------------------------


def _name(schema: Schema, node: dict[str, Any]) -> Any:
    """A class or a function as a value. It is looked up when it is known what it is a value of."""
    return schema.name(node)


def _partial(schema: Schema, node: dict[str, Any]) -> Any:
    schema.must_be(node, "functools.partial")
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
    schema.must_be(node, "sklearn.tree._tree.Tree")
    args = schema.value(schema.part(node, "__reduce__", "args"))
    if type(args) is not tuple:
        raise GraphError("the arguments of a tree are not a tuple")
    return reduced("sklearn.tree._tree", "Tree", *args, state=schema.value(schema.part(node, "content")))


def _loss(schema: Schema, node: dict[str, Any]) -> Any:
    args = schema.value(schema.part(node, "__reduce__", "args"))
    if type(args) is not tuple or schema.value(schema.part(node, "content")) not in ({}, ()):
        raise GraphError("a loss has an unknown form")
    return Call(schema.name(node), args, "reduce", 0)


NODES: dict[str, Read] = {
    "JsonNode": _json, "DictNode": _dict, "DefaultDictNode": _default_dict, "ListNode": _list, "SetNode": _set,
    "TupleNode": _tuple, "BytesNode": _bytes, "BytearrayNode": _bytearray, "SliceNode": _slice,
    "FunctionNode": _name, "TypeNode": _name, "PartialNode": _partial, "MethodNode": _method,
    "OperatorFuncNode": _operator, "ConstructorFromReduceNode": _constructed, "ObjectNode": _object,
    "TreeNode": _tree, "LossNode": _loss, "SGDNode": _loss, **ARRAYS,
}  # fmt: skip
