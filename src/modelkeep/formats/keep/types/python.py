"""Python's own containers."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

import msgspec

from modelkeep.errors import GraphError, SaveErrors, quote
from modelkeep.formats.keep.handlers import Handler, Node

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

MAX_COUNT = 1 << 32
_MANY = 1000


#: What scikit-learn 1.5 to 1.7 kept remaining columns in: a list that warns when it is looked at. The list counts.
_WARNING_LIST = "sklearn.compose._column_transformer._RemainderColsList"


def encode_list(encoder: Encoder, value: Any) -> Node:
    value = value if type(value) is list else value.data
    if len(value) > 8 and (array := scalar_array(value)) is not None:
        return ["scalars", encoder.node(array)]
    return ["list", encoder.items(value)]


def decode_list(builder: Builder, node: Node) -> list[Any]:
    builder.arity(node, 2)
    items = builder.a_list(node[1])
    builder.register(items)  # a list may hold itself
    return builder.fill(items)


def encode_tuple(encoder: Encoder, value: Any) -> Node:
    return ["tuple", encoder.items(list(value))]


def decode_tuple(builder: Builder, node: Node) -> tuple[Any, ...]:
    builder.arity(node, 2)
    return tuple(builder.fill(builder.a_list(node[1])))


def encode_dict(encoder: Encoder, value: dict[Any, Any]) -> Node:
    if set(map(type, value)) <= {str}:
        if len(value) > 8 and (array := scalar_array(value.values())) is not None:
            return ["numbered", list(value), encoder.node(array)]
        return ["dict", value if encoder.is_plain(value.values()) else encoder.state(value)]
    return ["map", encoder.items(list(value)), [encoder.at(f"[{quote(k, 40)}]", v) for k, v in value.items()]]


def decode_dict(builder: Builder, node: Node) -> dict[str, Any]:
    builder.arity(node, 2)
    state = builder.a_dict(node[1])
    builder.register(state)
    return builder.fill_state(state)


def decode_map(builder: Builder, node: Node) -> dict[Any, Any]:
    builder.arity(node, 3)
    made: dict[Any, Any] = {}
    builder.register(made)
    fill_map(builder, made, node[1], node[2])
    return made


def fill_map(builder: Builder, made: dict[Any, Any], keys: Any, values: Any) -> None:
    keys, values = hashable(builder.fill(builder.a_list(keys))), builder.a_list(values)
    if len(keys) != len(values):
        raise GraphError("a map has another number of keys than of values")
    try:
        pairs = zip(keys, builder.fill(values), strict=True)
        dict.update(made, pairs) if type(made) is Counter else made.update(pairs)  # a Counter would count the pairs
    except TypeError as error:
        raise GraphError(f"a key of a map can't be a key: {error}") from None
    if len(made) != len(keys):
        raise GraphError("a map has a key twice")


def hashable(keys: list[Any]) -> list[Any]:
    """``keys``, refused where they are numbers made to have one hash: a dictionary of them takes hours to fill."""
    try:
        if len(keys) > _MANY and set(map(type, keys)) != {str} and len(set(map(hash, keys))) < len(keys) // 2:
            raise GraphError("the keys of a container have too few different hashes")
    except TypeError as error:
        raise GraphError(f"a key can't be a key: {quote(str(error))}") from None
    return keys


def scalar_array(values: Any) -> Any:
    """The values as one numpy array, if all are numpy scalars of one plain numeric type, else None."""
    kinds = set(map(type, values))
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    if kind is None or kind.__module__ != "numpy" or kind.__name__ not in _SCALAR_NAMES:
        return None
    import numpy as np

    return np.array(list(values), dtype=kind)


_SCALAR_NAMES = frozenset(
    f"{family}{bits}" for family, sizes in {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (32, 64)}.items()
    for bits in sizes
)  # fmt: skip


def decode_scalars(builder: Builder, node: Node) -> list[Any]:
    builder.arity(node, 2)
    made = list(one_dimension(builder.build(node[1])))
    builder.register(made)
    return made


def decode_numbered(builder: Builder, node: Node) -> dict[str, Any]:
    builder.arity(node, 3)
    keys, numbers = builder.a_list(node[1]), one_dimension(builder.build(node[2]))
    if len(keys) != len(numbers) or not set(map(type, keys)) <= {str}:
        raise GraphError("a dictionary of numbers needs as many text keys as numbers")
    made = dict(zip(keys, numbers, strict=True))
    if len(made) != len(keys):
        raise GraphError("a dictionary of numbers has a key twice")
    builder.register(made)
    return made


def one_dimension(array: Any) -> Any:
    import numpy as np

    if type(array) is not np.ndarray or array.ndim != 1:
        raise GraphError("an array of one dimension is needed here")
    return array


def encode_set(encoder: Encoder, value: Any) -> Node:
    return set_node(encoder, type(value).__name__, value)


def set_node(encoder: Encoder, kind: str, items: Any) -> Node:
    """Sets have no order that survives a process: they are written in the order of their elements' own bytes."""
    if encoder.is_plain(items):
        return [kind, sorted(items, key=msgspec.json.encode)]
    known: dict[int, bytes] = encoder.shelf.setdefault("bytes of elements", {})
    in_order = sorted(items, key=lambda item: _own_bytes(encoder, item, known))
    return [kind, [encoder.at("{}", item) for item in in_order]]


def _own_bytes(encoder: Encoder, item: Any, known: dict[int, bytes]) -> bytes:
    """What an element would be as a graph of its own, so that what was met before it does not count."""
    if id(item) not in known:
        apart = encoder.apart()
        apart.shelf["bytes of elements"] = known
        try:
            parts = apart.parts(item, "element").values()
        except SaveErrors:
            return b""  # the walk over the whole finds this again, and says where
        known[id(item)] = b"".join(bytes(chunk) for part in parts for chunk in part.chunks())
    return known[id(item)]


def decode_set(builder: Builder, node: Node) -> set[Any] | frozenset[Any]:
    builder.arity(node, 2)
    items = hashable(builder.fill(builder.a_list(node[1])))
    try:
        made = frozenset(items) if node[0] == "frozenset" else set(items)
    except TypeError as error:
        raise GraphError(f"an element of a set can't be in a set: {error}") from None
    if len(made) != len(items):
        raise GraphError("a set has an element twice")
    return made


def encode_mapping(encoder: Encoder, value: Any) -> Node:
    """OrderedDict, Counter and defaultdict: a dictionary with one fact more."""
    kind = _MAPPING_KINDS[type(value)]
    factory = encoder.at(".default_factory", value.default_factory) if kind == "defaultdict" else None
    return [kind, factory, *encode_dict_pairs(encoder, value)]


def encode_dict_pairs(encoder: Encoder, value: Any) -> tuple[list[Any], list[Any]]:
    return encoder.items(list(value)), [encoder.at(f"[{quote(k, 40)}]", v) for k, v in value.items()]


_MAPPING_KINDS: dict[type, str] = {OrderedDict: "ordereddict", Counter: "counter", defaultdict: "defaultdict"}


def decode_mapping(builder: Builder, node: Node) -> dict[Any, Any]:
    builder.arity(node, 4)
    made: dict[Any, Any]
    if node[0] == "defaultdict":
        factory = builder.build(node[1])
        if factory is not None and not isinstance(factory, type):
            raise GraphError("a default factory must be a class")
        made = defaultdict(factory)
    else:
        made = OrderedDict() if node[0] == "ordereddict" else Counter()
    builder.register(made)
    fill_map(builder, made, node[2], node[3])
    return made


def encode_deque(encoder: Encoder, value: deque[Any]) -> Node:
    return ["deque", value.maxlen, encoder.items(list(value))]


def decode_deque(builder: Builder, node: Node) -> deque[Any]:
    builder.arity(node, 3)
    if node[1] is not None and not (type(node[1]) is int and 0 <= node[1] < MAX_COUNT):
        raise GraphError("the length of a deque is not usable")
    made: deque[Any] = deque(maxlen=node[1])
    builder.register(made)
    made.extend(builder.fill(builder.a_list(node[2])))
    return made


HANDLERS = [
    Handler("list", ("builtins.list", _WARNING_LIST), encode_list, decode_list, cyclic=True),
    Handler("scalars", (), encode_list, decode_scalars),
    Handler("tuple", ("builtins.tuple",), encode_tuple, decode_tuple),
    Handler("dict", ("builtins.dict",), encode_dict, decode_dict, cyclic=True),
    Handler("map", (), encode_dict, decode_map),
    Handler("numbered", (), encode_dict, decode_numbered),
    Handler("set", ("builtins.set",), encode_set, decode_set),
    Handler("frozenset", ("builtins.frozenset",), encode_set, decode_set),
    Handler("ordereddict", ("collections.OrderedDict",), encode_mapping, decode_mapping, cyclic=True),
    Handler("counter", ("collections.Counter",), encode_mapping, decode_mapping, cyclic=True),
    Handler("defaultdict", ("collections.defaultdict",), encode_mapping, decode_mapping, cyclic=True),
    Handler("deque", ("collections.deque",), encode_deque, decode_deque, cyclic=True),
]
