"""Objects of the reader's own classes that say themselves how they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, said
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.types.objects import full_name, type_number

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_HINT = "take it out of the model, or give its class plain attributes"


def encode_reduced(encoder: Encoder, obj: Any) -> Node:
    """``copyreg.__newobj__`` of the object's own class: arguments, state, items and pairs. Other ways are refused."""
    import copyreg

    try:
        reduced = obj.__reduce_ex__(4)
    except Exception as error:
        raise Unsaveable(f"a {full_name(type(obj))} says that it can't be kept: {said(error)}", _HINT) from error
    if not isinstance(reduced, tuple) or len(reduced) < 2:
        raise Unsaveable(f"a {full_name(type(obj))} keeps itself by a name only", _HINT)
    made_by, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if made_by is not getattr(copyreg, "__newobj__") or arguments[0] is not type(obj):  # noqa: B009  hidden by stubs
        raise Unsaveable(f"a {full_name(type(obj))} is rebuilt by a call, which a file can't keep", _HINT)
    keys, values = zip(*pairs, strict=True) if pairs and (pairs := list(pairs)) else ((), ())
    return [
        "reduced",
        type_number(encoder, type(obj)),
        encoder.items(list(arguments[1:])),
        encoder.node(state),
        encoder.items(list(items or ())),
        [encoder.items(list(keys)), encoder.items(list(values))],
    ]


def decode_reduced(builder: Builder, node: Node) -> Any:
    builder.arity(node, 6)
    cls = builder.a_type(node[1])
    if not builder.is_own_type(node[1]):
        raise GraphError(f"a {cls.__name__} is not kept that way")
    obj = cls.__new__(cls, *builder.fill(builder.a_list(node[2])))
    builder.register(obj)
    state = builder.build(node[3])
    if hasattr(obj, "__setstate__") and state is not None:
        obj.__setstate__(state)
    elif isinstance(state, tuple) and len(state) == 2:  # (__dict__, slots), as copyreg has it
        for part in state:
            for key, value in (part or {}).items():
                setattr(obj, key, value)
    elif state is not None:
        vars(obj).update(state)
    obj.extend(builder.fill(node[4])) if node[4] else None
    keys, values = (builder.fill(builder.a_list(part)) for part in builder.a_list(node[5]))
    for key, value in zip(keys, values, strict=True):
        obj[key] = value
    return obj


HANDLERS = [Handler("reduced", (), encode_reduced, decode_reduced, cyclic=True)]
