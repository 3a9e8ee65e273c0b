"""Records to the graph of the safe format: what is on a table becomes a node, the rest is refused, with its path.

The walk is the encoder's own, so a model that comes from a pickle takes the same way as one from a ``.keep`` file:
graph, parse, audit, build, every check.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from modelkeep.errors import CheckError, GraphError, LoadError, PolicyError, SaveError, SaveErrors, quote
from modelkeep.formats.keep import names as keep_names
from modelkeep.formats.keep.encode import Encoder
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.types import handler_of
from modelkeep.formats.unpickle import (
    maps_boosters,
    maps_numpy,
    maps_objects,
    maps_pandas,
    maps_python,
    maps_scipy,
    maps_sklearn,
    names,
)
from modelkeep.formats.unpickle.records import ABSENT, ByteArray, Call, Global, OldText
from modelkeep.policy import Policy
from modelkeep.ports import Part

#: What may be written out, in bytes: shared parts of a pickle must not multiply it. An element costs more than a byte.
_WORK = 64 << 20
_WORK_PER_BYTE = 32
_ELEMENT = 64
_MOST_REFUSED = 100


class Transcriber(Encoder):
    """An encoder that walks records instead of live objects. ``versions`` collects what wrote the estimators."""

    def __init__(self, policy: Policy, size: int) -> None:
        super().__init__(_handler_of)
        self.policy = policy
        self._size = size
        self.versions: set[str] = set()
        self._name = "model"
        self._work = _WORK + _WORK_PER_BYTE * size
        self._refused: list[PolicyError] = []

    def apart(self) -> Transcriber:
        made = Transcriber(self.policy, self._size)
        made._work = self._work
        return made

    def spend(self, amount: int) -> None:
        """Account for work that a file could ask for many times over one piece of it."""
        self._work -= amount
        if self._work < 0:
            raise GraphError("the file repeats its parts out of all proportion to its size")

    def spend_on(self, values: Collection[Any]) -> None:
        """The same for the elements of a container that is written out in its owner."""
        texts = [len(value) for value in values if type(value) in (str, bytes, memoryview)]
        self.spend(_ELEMENT * (1 + len(values)) + sum(texts))

    def files(self, root: Any) -> dict[str, Part]:
        """The files of the graph."""
        self._name = _shown(root)
        try:
            parts = self.parts(root, "graph")
        except SaveErrors as errors:
            if not self._refused:
                raise _as_check(errors) from None
        except RecursionError:
            raise GraphError("the file is nested too deep") from None
        if self._refused:
            raise names.together(self._refused)
        return parts

    def _written(self, handler: Handler, obj: Any) -> Any:
        self._path[0] = self._name  # the encoder has put the kind of the record there
        try:
            return super()._written(handler, obj)
        except LoadError as error:
            error = error if error.path else error.within("".join(self._path))
            if not isinstance(error, PolicyError):
                raise error from None
            self._refused.append(error)  # the walk goes on, so that one error can name all that is refused
            if len(self._refused) >= _MOST_REFUSED:
                raise names.together(self._refused) from None
            return None


def _as_check(errors: SaveErrors) -> CheckError:
    """What the safe format can't keep, or would refuse at reading."""
    # The encoder puts plain SaveErrors into the group, never a group of groups.
    first = next(error for error in errors.exceptions if isinstance(error, SaveError))
    return CheckError(str(first).removeprefix(f"{first.path}: "), path=first.path, hint=first.hint)


def _shown(root: Any) -> str:
    """What a path begins with: the name of the class, as for a live model."""
    if isinstance(root, Call) and isinstance(root.callee, Global):
        return quote(root.callee.name.rpartition(".")[2].lower().lstrip("_"), 60).strip("'") or "model"
    return "model" if isinstance(root, Call | Global) else type(root).__name__


Mapping = Callable[[Transcriber, Call], Node]
_MODULES = (maps_numpy, maps_python, maps_scipy, maps_sklearn, maps_pandas, maps_boosters)
_REDUCED: dict[str, Mapping] = {name: mapping for module in _MODULES for name, mapping in module.REDUCED.items()}
_NEW: dict[str, Mapping] = {name: mapping for module in _MODULES for name, mapping in module.NEW.items()}

# -- records -------------------------------------------------------------------------------------------------------


def encode_call(encoder: Transcriber, call: Call) -> Node:
    """What a call would have made, if it is on a table."""
    if not isinstance(call.callee, Global):
        if (zone := maps_python.zone_name(call)) is not None:
            return ["zone", zone]
        raise _refusal_of_chain(call)
    place = names.place(call.callee)
    if call.payload is not ABSENT:
        return maps_numpy.from_joblib(encoder, call)
    mapping = (_REDUCED if call.how == "reduce" else _NEW).get(place)
    if mapping is not None:
        return mapping(encoder, call)
    if call.how == "reduce":
        raise names.refusal(call.callee, called=True)
    return maps_objects.encode_object(encoder, call)


def _refusal_of_chain(call: Call) -> PolicyError:
    """A call of what another call gave: name the first thing in the chain."""
    inner: Any = call
    while isinstance(inner, Call):
        inner = inner.callee
    if isinstance(inner, Global):
        return names.refusal(inner)
    return PolicyError(
        f"the file calls a {type(inner).__name__}", hint="do not open this file unless you know who made it"
    )


def encode_global(encoder: Transcriber, name: Global) -> Node:
    """A class or a function as a value."""
    place = names.place(name)
    if place in _CONSTANTS:
        return [_CONSTANTS[place]]
    found = names.listed(name)
    if found is not None:
        if found in keep_names.FUNCTION_NAMES:
            return ["function", encoder.function_index(found)]
        return ["class", encoder.type_index(found)]
    found = names.own(name, encoder.policy)
    if found is None:
        raise names.refusal(name)
    try:  # the policy trusts the name, so its module may be imported to see what it is
        keep_names.resolve_class(found, encoder.policy, {})
    except GraphError:
        return ["function", encoder.function_index(found)]
    return ["class", encoder.type_index(found)]


_CONSTANTS = {
    "builtins.Ellipsis": "ellipsis",
    "builtins.NotImplemented": "notimplemented",
    "pandas.NA": "na",
    "pandas._libs.missing.NA": "na",
}


def encode_old_text(encoder: Transcriber, text: OldText) -> Node:
    raise PolicyError(
        f"a text of Python 2 that is not ASCII: {quote(repr(text.data))}",
        hint="the file does not say which characters it means; save the model again with Python 3",
    )


def encode_view(encoder: Transcriber, view: memoryview) -> Node:
    return encoder.at("", bytes(view))  # type: ignore[no-any-return]


def encode_byte_array(encoder: Transcriber, value: ByteArray) -> Node:
    return encoder.at("", bytearray(value.data))  # type: ignore[no-any-return]


def _unread(builder: Any, node: Node) -> Any:
    raise GraphError("a record stands in a graph")


_RECORDS: dict[type, Handler] = {
    Call: Handler("call", (), encode_call, _unread, cyclic=True),  # type: ignore[arg-type]
    Global: Handler("global", (), encode_global, _unread, atom=True),  # type: ignore[arg-type]
    OldText: Handler("oldtext", (), encode_old_text, _unread, atom=True),  # type: ignore[arg-type]
    memoryview: Handler("view", (), encode_view, _unread, atom=True),  # type: ignore[arg-type]
    ByteArray: Handler("bytearray", (), encode_byte_array, _unread),  # type: ignore[arg-type]
}


def _handler_of(kind: type) -> Handler:
    return _RECORDS.get(kind) or handler_of(kind)
