"""From a live object to the graph: one walk that numbers what is shared and collects all that can't be saved."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from modelkeep.errors import SaveError, SaveErrors, quote
from modelkeep.formats.keep import packing, tensors
from modelkeep.formats.keep.checks import unfolded
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.ports import Part

GRAPH_VERSION = 1
MAX_DEPTH = 100
_INT_LIMIT = 1 << 63
_PLAIN = {str, bool, type(None), int, float}
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset, deque, OrderedDict, Counter, defaultdict})


def may_repeat(text_size: int) -> int:
    """How many values references may repeat in a graph of that many bytes, before a reader refuses it.

    Sixty lists, each of them twice in the next one, are quickly built; who walks through them never comes back.
    """
    return 10_000_000 + 32 * text_size


def may_name(arrays_size: int) -> int:
    """The bytes of arrays that a graph may name, each as often as it is named: a check may walk it every time."""
    return (1 << 30) + 1024 * arrays_size


@dataclass
class _Entry:
    """What the walk knows of one object: kept alive so that its ``id`` stays its own."""

    obj: object
    order: int
    #: Whether it is still being written and its kind can't be part of itself.
    barred: bool
    node: Node | None = None
    refs: list[Node] = field(default_factory=list)
    #: How many values it holds, with those that references in it repeat.
    weight: int = 1


class Encoder:
    """One walk over one object. ``Encoder(...).parts(root, "graph")`` gives the two files of the graph."""

    def __init__(
        self,
        handler_of: Callable[[type], Handler],
        *,
        compress: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.types: list[str] = []
        self.functions: list[str] = []
        self.segments: list[tensors.Segment] = []
        self.compress = compress
        self.options = options or {}
        self._handler_of = handler_of
        self._handlers: dict[type, Handler] = {}
        self._memo: dict[int, _Entry] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self.type_numbers: dict[type, int] = {}  # what ``objects.type_number`` found
        self._path: list[str] = []
        self._problems: list[SaveError] = []
        self._last: list[Callable[[], None]] = []
        self.shelf: dict[str, Any] = {}
        #: Private names of the artifacts whose own source some class came from; None for all other classes.
        self.sources: set[str | None] = set()
        self.pools: list[Node] = []
        self._cost = self._repeated = self._array_bytes = 0

    def apart(self) -> Encoder:
        """A new encoder of the same kind, for a graph beside this one."""
        return Encoder(self._handler_of)

    # -- what handlers call ---------------------------------------------------------------------------------------

    def node(self, obj: Any) -> Any:
        """The JSON value that stands for ``obj``."""
        if _stands_for_itself(obj):
            return obj
        kind = type(obj)
        entry = self._memo.get(id(obj))
        if entry is not None:
            if entry.barred:
                self.problem(f"a {kind.__name__} that holds itself", "break the circle, or lead it through a list")
            reference: Node = ["ref", 0]
            entry.refs.append(reference)
            self._cost += entry.weight
            self._repeated += entry.weight
            return reference
        handler = self._handlers.get(kind) or self._find_handler(kind, obj)
        if handler is None:
            return None
        if handler.atom or (kind is tuple and not obj):
            return self._written(handler, obj)
        entry = self._memo[id(obj)] = _Entry(obj, len(self._memo), not handler.cyclic)
        before = self._cost
        entry.node = self._written(handler, obj)
        entry.barred = False
        entry.weight = 1 + self._cost - before
        return entry.node

    def at(self, place: str, obj: Any) -> Any:
        """``node(obj)``, where ``place`` is what to append to the path, as ``.coef_`` or ``[3]``."""
        if _stands_for_itself(obj):
            return obj
        self._path.append(place)
        try:
            return self.node(obj)
        finally:
            self._path.pop()

    def state(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """A dictionary with text keys, value by value."""
        self._cost += len(attributes)
        return {
            key: value if _stands_for_itself(value) else self.at("." + key, value) for key, value in attributes.items()
        }

    def items(self, values: Iterable[Any]) -> list[Any]:
        """A sequence, value by value; a list of plain values is handed on as it is."""
        if type(values) is list and self.is_plain(values):
            return values
        return [self.at(f"[{i}]", value) for i, value in enumerate(values)]

    @staticmethod
    def is_plain(values: Any) -> bool:
        """Whether all values stand for themselves in JSON. Runs at the speed of C for large containers."""
        kinds = set(map(type, values))
        if not kinds <= _PLAIN:
            return False
        if kinds <= {int}:
            return not kinds or (min(values) >= -_INT_LIMIT and max(values) < _INT_LIMIT)
        if kinds <= {float}:
            return all(map(math.isfinite, values))
        if int in kinds or float in kinds:
            return all(
                (type(v) is not int or -_INT_LIMIT <= v < _INT_LIMIT) and (type(v) is not float or math.isfinite(v))
                for v in values
            )
        return True

    def type_index(self, name: str) -> int:
        return self._number(self.types, "type", name)

    def function_index(self, name: str) -> int:
        return self._number(self.functions, "function", name)

    def _number(self, table: list[str], kind: str, name: str) -> int:
        number = self._numbers.get((kind, name))
        if number is None:
            number = self._numbers[kind, name] = len(table)
            table.append(name)
        return number

    def add_segment(self, segment: tensors.Segment) -> int:
        self.segments.append(segment)
        return len(self.segments) - 1

    def at_end(self, action: Callable[[], None]) -> None:
        """Run ``action`` when the walk is over: for what can only be laid out when all of it is known."""
        self._last.append(action)

    def problem(self, message: str, hint: str) -> None:
        """Note that the object at the current place can't be saved."""
        self._problems.append(SaveError(message, path=self.place(), hint=hint))

    def place(self) -> str:
        """Where the walk is, as ``pipeline.steps[1].coef_``."""
        return "".join(self._path)

    # -- the walk -------------------------------------------------------------------------------------------------

    def _written(self, handler: Handler, obj: Any) -> Any:
        if len(self._path) > MAX_DEPTH:
            self.problem(
                f"nested more than {MAX_DEPTH} levels deep", "flatten the structure, or keep it in an array or a list"
            )
            return None
        self._cost += 1 + (len(obj) if type(obj) in _CONTAINERS else 0)
        try:
            return handler.encode(self, obj)
        except Unsaveable as error:
            self.problem(str(error), error.hint)
            return None

    def _find_handler(self, kind: type, obj: Any) -> Handler | None:
        try:
            handler = self._handlers[kind] = self._handler_of(kind)
        except Unsaveable as error:
            self.problem(f"{error} ({quote(_short(obj))})", error.hint)
            return None
        return handler

    def graph(self, root: Any) -> dict[str, Any]:
        """The whole graph as a JSON value, with every problem found on the way as one error."""
        self._path.append(type(root).__name__.lower().lstrip("_"))
        node = self.node(root)
        for action in self._last:
            action()
        self._path.pop()
        if self._problems:
            count = len(self._problems)
            raise SaveErrors(
                "a part of the model can't be saved" if count == 1 else f"{count} parts of the model can't be saved",
                self._problems,
            )
        node = self._number_shared(node)
        packed: list[Any] = []
        self._array_bytes = sum(segment.size for segment in self.segments)
        if self.compress is not None:
            self.segments, packed = packing.pack(self.segments, self.compress)
        graph = {"version": GRAPH_VERSION, "types": self.types, "functions": self.functions}
        return graph | {"pools": self.pools, "packed": packed, "root": node}

    def _number_shared(self, root: Any) -> Any:
        """Give every object that occurs more than once a number, in the order of the walk."""
        shared = sorted((e for e in self._memo.values() if e.refs and e.node is not None), key=lambda e: e.order)
        for number, entry in enumerate(shared):
            assert entry.node is not None
            entry.node[:] = ["def", number, entry.node[:]]
            for reference in entry.refs:
                reference[1] = number
        return root

    def _refuse_sharing(self, root: Any, text_size: int) -> None:
        """What a reader would refuse. It counts keys too, so that this bound is half of its own."""
        entries = self._memo.values()
        named = sum(e.obj.nbytes * (1 + len(e.refs)) for e in entries if isinstance(e.obj, np.ndarray))
        endless = self._repeated > unfolded.SPARE // 2 and not unfolded.is_small(root)
        if endless or self._repeated > may_repeat(text_size) // 2 or named > may_name(self._array_bytes):
            error = SaveError(
                "the model shares its parts too often", hint="break the sharing, or flatten the structure"
            )
            raise SaveErrors("the model can't be saved", [error])

    def parts(self, root: Any, name: str) -> dict[str, Part]:
        """The files of the graph: ``NAME.json``, and its arrays if it has some."""
        graph = self.graph(root)
        try:
            text = msgspec.json.encode(graph)
        except UnicodeEncodeError as error:
            raise SaveErrors(
                "a part of the model can't be saved",
                [
                    SaveError(
                        f"the text {quote(error.object)} is not valid Unicode", hint="mend the text and save again"
                    )
                ],
            ) from None
        self._refuse_sharing(root, len(text))
        array_file = "arrays.safetensors" if name == "graph" else f"{name}.safetensors"
        files = {f"{name}.json": Part.of(text)}
        return files | ({array_file: tensors.part(self.segments)} if self.segments else {})


def _stands_for_itself(obj: Any) -> bool:
    """Whether ``obj`` is the JSON value that it is kept as."""
    kind = type(obj)
    if kind is str or obj is None or kind is bool:
        return True
    return (kind is int and -_INT_LIMIT <= obj < _INT_LIMIT) or (kind is float and math.isfinite(obj))


def _short(obj: Any) -> str:
    """What an object calls itself; never calls its own code."""
    name = getattr(obj, "__qualname__", None) if isinstance(obj, type) or callable(obj) else None
    return name if isinstance(name, str) else f"{type(obj).__module__}.{type(obj).__qualname__} object"
