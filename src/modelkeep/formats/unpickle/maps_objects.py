"""Plain objects in a pickle: a class on the loader's list, or one that the policy trusts, and its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep import names as keep_names
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import handler_of, objects
from modelkeep.formats.unpickle import names
from modelkeep.formats.unpickle.records import ABSENT, Call, Global

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

#: What scikit-learn puts into the state of each estimator.
VERSION = "_sklearn_version"
_NAMED_TUPLES = frozenset({"sklearn.impute._iterative._ImputerTriplet"})


def only(call: Call, *allowed: str) -> None:
    """Refuse a call that carries more than its kind needs."""
    for part in ("state", "items", "pairs", "kwargs"):
        if part not in allowed and getattr(call, part) not in (ABSENT, None, {}):
            raise GraphError(f"a {call.callee} has {part} of its own, which no writer makes")


def attributes(encoder: Transcriber, call: Call) -> dict[str, Any]:
    """The attributes that a pickle gives to an object, without scikit-learn's mark."""
    state = {} if call.state is ABSENT or call.state is None else call.state
    if type(state) is not dict or not set(map(type, state)) <= {str}:
        raise GraphError(f"the state of a {call.callee} is not a dictionary of attributes")
    encoder.spend_on(state.values())
    version = state.get(VERSION)
    if version is None:
        return state
    if type(version) is not str or len(version) > 100:
        raise GraphError("the version of scikit-learn in the file is not a text")
    encoder.versions.add(version)
    return {key: value for key, value in state.items() if key != VERSION}


def encode_object(encoder: Transcriber, call: Call) -> Node:
    """``cls.__new__(cls)`` and its attributes."""
    name = call.callee
    found = names.listed(name)
    if found is not None and found in _NAMED_TUPLES:
        return encode_named_tuple(encoder, call, found)
    if found is None or found not in keep_names.OBJECT_NAMES:
        own = names.own(name, encoder.policy)
        if own is None:
            raise names.refusal(name)
        return _own(encoder, call, own)
    only(call, "state")
    if call.args:
        raise GraphError(f"a {name} is made with arguments, which no writer does")
    cls = keep_names.resolve_class(found, encoder.policy, {})
    state = attributes(encoder, call)
    if type(call.state) is dict and VERSION not in call.state and _marks_its_version(cls):
        encoder.versions.add("of an unknown version")
    return ["object", encoder.type_index(found), encoder.state(objects.kept(cls, state))]


def _marks_its_version(cls: type) -> bool:
    """Whether scikit-learn puts its version into the state of every object of ``cls``, which it does for its own."""
    own = cls.__module__.startswith("sklearn.")
    return own and any(objects.full_name(base) == "sklearn.base.BaseEstimator" for base in cls.__mro__)


def _own(encoder: Transcriber, call: Call, found: str) -> Node:
    """An object of a class that the policy trusts: its own code takes part, as it does for a live one."""
    cls = keep_names.resolve_class(found, encoder.policy, {})
    kind = handler_of(cls).kind
    number = encoder.type_index(found)
    if kind == "namedtuple":
        return encode_named_tuple(encoder, call, found)
    if kind == "object" and not call.args and not call.kwargs:
        only(call, "state")
        return ["object", number, encoder.state(attributes(encoder, call))]
    if kind != "reduced" or call.kwargs:
        raise GraphError(f"a {quote(str(call.callee))} is not kept the way that the installed class asks for")
    keys, values = zip(*call.pairs, strict=True) if call.pairs else ((), ())
    state = None if call.state is ABSENT else call.state
    return [
        "reduced",
        number,
        encoder.items(list(call.args)),
        encoder.at("", attributes(encoder, call) if type(state) is dict else state),
        encoder.items(list(call.items or ())),
        [encoder.items(list(keys)), encoder.items(list(values))],
    ]


def encode_named_tuple(encoder: Transcriber, call: Call, found: str) -> Node:
    only(call)
    encoder.spend_on(call.args)
    return ["namedtuple", encoder.type_index(found), encoder.items(list(call.args))]


def named(value: Any) -> str:
    """The place that a value names, or nothing."""
    return names.place(value) if isinstance(value, Global) else ""
