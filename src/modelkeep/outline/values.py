"""Values of an outline: as text for people, and as arrays for comparing. Arrays are made; objects never are."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep import dtypes, tensors
from modelkeep.formats.keep.decode import Builder
from modelkeep.formats.keep.plan import Graph, Plan
from modelkeep.formats.keep.types import DECODERS
from modelkeep.outline import named, short
from modelkeep.outline.parts import OBJECTS, stripped
from modelkeep.policy import Policy
from modelkeep.trees import TreePool

#: Items of a container, and characters of a text, that are shown.
SHOWN_ITEMS = 6
SHOWN_TEXT = 60


@dataclass(frozen=True)
class ArrayFact:
    """One array: where it is in the model, what it holds, and the bytes that it takes in the file."""

    path: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass
class Values:
    """Reads values out of one plan."""

    plan: Plan
    _builder: Builder | None = None
    _packed: dict[int, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._packed = {row[0]: row for row in self.plan.graph.packed}

    # -- arrays ---------------------------------------------------------------------------------------------------

    def array(self, node: Any) -> np.ndarray:
        """The array of a node ``array``, over the file's memory."""
        if self._builder is None:
            # A graph with the same arrays and no classes: building from it can't reach anything but arrays.
            graph = Graph(self.plan.graph.version, [], [], [], self.plan.graph.packed, None)
            self._builder = Builder(Plan(graph, self.plan.arrays, self.plan.size), Policy(), DECODERS, {})
            self._builder.audit()
        found = self._builder.build(stripped(node))
        if not isinstance(found, np.ndarray):
            raise GraphError("an array is needed here")
        return found

    def segment(self, number: Any) -> np.ndarray:
        return self.array(["array", number])

    def fact(self, path: str, node: list[Any]) -> ArrayFact:
        """The facts of an array's node, without reading the array."""
        number, options = node[1], (node[2] if len(node) > 2 else {})
        if type(number) is not int or not 0 <= number < len(self.plan.arrays.table):
            raise GraphError("an array is not in the file")
        tensor = self.plan.arrays.table[number]
        dtype, shape, stored = tensor.dtype, tensor.shape, tensor.end - tensor.begin
        if number in self._packed:
            dtype, shape = tensors.DTYPES[self._packed[number][1]], tuple(self._packed[number][2])
        if "dtype" in options:
            dtype = dtypes.decode(options["dtype"])
        if "shape" in options:
            shape = tuple(options["shape"])
        elif "axes" in options:
            shape = tuple(shape[options["axes"].index(axis)] for axis in range(len(shape)))
        return ArrayFact(path, str(dtype), shape, stored)

    def pool(self, number: Any) -> TreePool:
        """A pool of trees by its columns; nothing is checked but that they are there."""
        pools = self.plan.graph.pools
        if type(number) is not int or not 0 <= number < len(pools):
            raise GraphError("a pool is not in its table")
        pool = pools[number]
        columns = {name: self.segment(segment) for name, segment in pool["columns"].items()}
        if not {"sizes", "right"} <= columns.keys():
            raise GraphError("a pool of trees lacks its sizes")
        return TreePool(pool["kind"], pool["n_features"], tuple(pool["n_classes"]), columns)

    # -- text -----------------------------------------------------------------------------------------------------

    def text(self, value: Any, limit: int = SHOWN_ITEMS) -> str:
        """A value as Python would show it, shortened; control characters are escaped."""
        node = stripped(value)
        if type(node) is str:
            return quote(node, SHOWN_TEXT)
        if type(node) is not list:
            return repr(node)
        kind = node[0]
        if kind in OBJECTS:
            return f"<{_safe(short(named(self.plan.graph.types, node[1])))}>"
        if kind in ("class", "enum", "function"):
            table = self.plan.graph.functions if kind == "function" else self.plan.graph.types
            name = _safe(short(named(table, node[1])))
            return f"{name}.{_safe(node[2])}" if kind == "enum" else name
        show = _TEXT.get(kind)
        if show is not None:
            return show(self, node, limit)
        return f"<{kind}>"

    def listed(self, values: list[Any], limit: int) -> str:
        shown = ", ".join(self.text(value, limit) for value in values[:limit])
        return shown + (f", ... {len(values) - limit} more" if len(values) > limit else "")

    def paired(self, keys: list[Any], values: list[Any], limit: int) -> str:
        pairs = list(zip(keys, values, strict=True))
        shown = ", ".join(f"{self.text(k, limit)}: {self.text(v, limit)}" for k, v in pairs[:limit])
        return "{" + shown + (f", ... {len(pairs) - limit} more" if len(pairs) > limit else "") + "}"


def _safe(text: object) -> str:
    """``quote`` without the quotes."""
    shown = quote(str(text))
    return shown[1:].removesuffix("...").removesuffix("'")


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape for people.

    >>> shape_text((3, 4)), shape_text(()), shape_text((None, 4))
    ('3 x 4', 'one', 'n x 4')
    """
    return " x ".join("n" if n is None else f"{n:,}" for n in shape) or "one"


# -- the text of each kind ---------------------------------------------------------------------------------------------

_Show = Callable[[Values, list[Any], int], str]


def _array(values: Values, node: list[Any], limit: int) -> str:
    fact = values.fact("", node)
    return f"<{fact.dtype} array, {shape_text(fact.shape)}>"


def _objects(values: Values, node: list[Any], limit: int) -> str:
    return f"array([{values.listed(node[2], limit)}])"


def _float(values: Values, node: list[Any], limit: int) -> str:
    return repr(struct.unpack(">d", bytes.fromhex(node[1]))[0])


def _scalar(values: Values, node: list[Any], limit: int) -> str:
    if node[2] == "":  # an empty text, for which numpy has no array
        return "''"
    if type(node[2]) is str:
        return str(np.frombuffer(bytes.fromhex(node[2]), dtypes.decode(node[1]))[0])
    return repr(node[2])


def _bytes(values: Values, node: list[Any], limit: int) -> str:
    if type(node[1]) is str:
        return f"<{math.ceil(len(node[1]) * 3 / 4):,} bytes>"
    inner = stripped(node[1])  # long ones lie among the arrays
    return f"<{values.fact('', inner).shape[0]:,} bytes>" if inner[0] == "array" else "<shared bytes>"


def _fields(values: Values, node: list[Any], limit: int) -> str:
    return f"{node[0]}({values.listed(node[1:], limit)})"


def _quoted(values: Values, node: list[Any], limit: int) -> str:
    return f"{node[0]}({quote(node[1], SHOWN_TEXT)})"


def _braces(values: Values, node: list[Any], limit: int) -> str:
    return "{" + values.listed(node[1], limit) + "}"


def _called(values: Values, node: list[Any], limit: int) -> str:
    """An object of a library's inside, by the name that its node begins with."""
    return f"<{_safe(node[1])}>"


_TEXT: dict[str, _Show] = {
    "ref": lambda values, node, limit: "<shared>",
    "array": _array,
    "objects": _objects,
    "strings": _objects,
    "scalars": lambda values, node, limit: f"[{_array(values, stripped(node[1]), limit)[1:-1]}]",
    "numbered": lambda values, node, limit: "{" + f"{len(node[1]):,} names: numbers" + "}",
    "list": lambda values, node, limit: f"[{values.listed(node[1], limit)}]",
    "tuple": lambda values, node, limit: f"({values.listed(node[1], limit)}{',' * (len(node[1]) == 1)})",
    "set": _braces,
    "frozenset": _braces,
    "deque": lambda values, node, limit: f"deque([{values.listed(node[2], limit)}])",
    "dict": lambda values, node, limit: values.paired(list(node[1]), list(node[1].values()), limit),
    "bunch": lambda values, node, limit: values.paired(list(node[1]), list(node[1].values()), limit),
    "map": lambda values, node, limit: values.paired(node[1], node[2], limit),
    "ordereddict": lambda values, node, limit: values.paired(node[2], node[3], limit),
    "counter": lambda values, node, limit: values.paired(node[2], node[3], limit),
    "defaultdict": lambda values, node, limit: values.paired(node[2], node[3], limit),
    "int": lambda values, node, limit: str(int(node[1], 16)),
    "float": _float,
    "scalar": _scalar,
    "dtype": lambda values, node, limit: f"dtype({_safe(node[1])})",
    "bytes": _bytes,
    "bytearray": _bytes,
    "partial": lambda values, node, limit: f"partial({values.text(node[1])}, {values.listed(node[2], limit)})",
    "slice": _fields,
    "range": _fields,
    "timedelta": _fields,
    "fraction": _fields,
    "date": _quoted,
    "decimal": _quoted,
    "uuid": _quoted,
    "path": _quoted,
    "posixpath": _quoted,
    "windowspath": _quoted,
    "datetime": _quoted,
    "time": _quoted,
    "zone": _quoted,
    **dict.fromkeys(("metric", "loss", "neighbours", "sparse", "distribution", "frozen", "kdtree"), _called),
    "masked": lambda values, node, limit: f"<masked {values.text(node[1])[1:]}",
    "matrix": lambda values, node, limit: values.text(node[1]).replace("array", "matrix"),
    "complex": lambda values, node, limit: str(complex(*struct.unpack(">dd", bytes.fromhex(node[1])))),
    "namedtuple": lambda values, node, limit: f"({values.listed(node[2], limit)})",
    "timestamp": lambda values, node, limit: str(np.datetime64(node[1], node[2])),
    "pandastimedelta": lambda values, node, limit: str(np.timedelta64(node[1], node[2])),
    "nat": lambda values, node, limit: "NaT",
    "na": lambda values, node, limit: "NA",
    "pandasdtype": _called,
    "notimplemented": lambda values, node, limit: "NotImplemented",
    "ellipsis": lambda values, node, limit: "...",
}
