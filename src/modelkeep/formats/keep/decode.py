"""From a plan to a live object in two steps: audit (plan and policy), build.

What is audited is what is built: the plan's tables hold every class and function, and nodes only count into them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, LoadError, quote, said
from modelkeep.formats.keep import names, packing, tensors
from modelkeep.formats.keep.checks import unfolded
from modelkeep.formats.keep.encode import may_name, may_repeat
from modelkeep.formats.keep.handlers import Decode, Node
from modelkeep.formats.keep.plan import Plan
from modelkeep.policy import Policy

MAX_DEPTH = 120
_LARGE = 100


@dataclass
class Builder:
    """Builds what a plan says. The tables are resolved before the first node is looked at."""

    plan: Plan
    policy: Policy
    decoders: Mapping[str, Decode]
    pool_builders: Mapping[str, Callable[[Builder, dict[str, Any]], list[Any]]]
    own: Mapping[str, Any] = field(default_factory=dict)
    check: bool = True
    types: list[type] = field(default_factory=list)
    functions: list[Any] = field(default_factory=list)
    pools: list[list[Any]] = field(default_factory=list)
    checks: list[tuple[Callable[[Any, Policy], None], Any]] = field(default_factory=list)
    shelf: dict[str, Any] = field(default_factory=dict)
    _defined: dict[int, Any] = field(default_factory=dict)
    _weights: dict[int, int] = field(default_factory=dict)
    _open: int | None = None
    _depth: int = 0
    _cost: int = 0
    _allowed: int = 0
    _repeated: int = 0
    _objects: list[bool] = field(default_factory=list)
    _packed: dict[int, list[Any]] = field(default_factory=dict)
    _unpacked: dict[int, np.ndarray] = field(default_factory=dict)

    # -- audit ----------------------------------------------------------------------------------------------------

    def audit(self) -> None:
        """Every class and function is on a list or trusted, or nothing is built."""
        graph = self.plan.graph
        arrays = self.plan.arrays
        self._packed = packing.parse_rows(graph.packed, len(arrays.table), len(arrays.data), self.policy.max_bytes)
        unpacked = sum(packing.size_of(row) for row in self._packed.values())
        self._allowed = may_name(len(arrays.data) + unpacked)
        for table in (graph.types, graph.functions):
            if len(set(table)) != len(table):
                raise GraphError("a name occurs twice in a table of the graph")
        self._objects = [name in names.OBJECT_NAMES or ":" in name for name in graph.types]
        self.types = [names.resolve_class(name, self.policy, self.own) for name in graph.types]
        self.functions = [names.resolve_function(name, self.policy, self.own) for name in graph.functions]

    # -- build ----------------------------------------------------------------------------------------------------

    def run(self) -> Any:
        """The finished, checked object."""
        self.audit()
        for description in self.plan.graph.pools:
            kind = self.a_dict(description).get("kind")
            make = self.pool_builders.get(kind) if isinstance(kind, str) else None
            if make is None:
                raise GraphError(f"{quote(repr(kind))} is not a kind of pool")
            self.pools.append(make(self, description))
        root = self.build(self.plan.graph.root)
        if self.check:
            self._run_checks(root)
        return root

    def _run_checks(self, root: Any) -> None:
        obj: Any = root
        try:
            if self._repeated > unfolded.SPARE:
                unfolded.check_unfolded(root)
            for check, obj in self.checks:
                check(obj, self.policy)
        except LoadError:
            raise
        except (RecursionError, MemoryError):
            raise CheckError(f"a {type(obj).__name__} is too deep to check") from None
        except Exception as error:
            # The check met something of a kind that it doesn't expect: that is a refusal, never a pass.
            raise CheckError(f"a {type(obj).__name__} is not well-formed: {said(error)}") from error

    def build(self, value: Any) -> Any:
        """What a JSON value stands for."""
        if type(value) is not list:
            if type(value) is dict:
                raise GraphError("a dictionary stands outside a node")
            return value
        self._depth += 1
        self._cost += 1
        if self._depth > MAX_DEPTH:
            raise GraphError(f"the graph is nested more than {MAX_DEPTH} levels deep")
        self._open = None
        made = self._decoder(value)(self, value)
        self._depth -= 1
        return made

    def _decoder(self, node: Node) -> Decode:
        try:
            return self.decoders[node[0]]
        except (KeyError, IndexError, TypeError):
            kind = node[0] if node else None
            raise GraphError(f"{quote(repr(kind))} is not a kind of node") from None

    def define(self, node: Node) -> Any:
        """``["def", number, node]``: an object that references name."""
        self.arity(node, 3)
        number, inner = node[1], node[2]
        if (
            type(number) is not int
            or number in self._defined
            or type(inner) is not list
            or inner[:1] in (["def"], ["ref"])
        ):
            raise GraphError("a shared object is not defined once, by a node")
        self._open, before = number, self._cost
        made = self._decoder(inner)(self, inner)
        self._weights[number] = 1 + self._cost - before
        if self._defined.setdefault(number, made) is not made:
            raise GraphError("a shared object was built twice")
        return made

    def resolve(self, node: Node) -> Any:
        """``["ref", number]``: what was defined before, or is being defined."""
        self.arity(node, 2)
        if type(node[1]) is not int or node[1] not in self._defined:
            raise GraphError("a reference to an object that is not there yet")
        weight = self._weights.get(node[1], 1)
        self._cost += weight
        self._repeated += weight
        if self._repeated > may_repeat(self.plan.size):
            raise GraphError("the graph shares its parts too often")
        made = self._defined[node[1]]
        if type(made) is np.ndarray:
            self.spend(made.nbytes)
        return made

    # -- what handlers call ---------------------------------------------------------------------------------------

    def register(self, obj: Any) -> None:
        """Make ``obj``, still empty, known to its own parts: for kinds that can hold themselves."""
        if self._open is not None:
            self._defined[self._open] = obj
            self._open = None

    def later(self, check: Callable[[Any, Policy], None], obj: Any) -> None:
        """Check ``obj`` when everything is built; parts come before what holds them."""
        if self.check:
            self.checks.append((check, obj))

    def fill(self, items: list[Any]) -> list[Any]:
        """Replace the nodes among ``items`` by what they stand for. Plain values cost nothing."""
        self._cost += len(items)
        kinds = set(map(type, items))
        if list in kinds or dict in kinds:
            for i, value in enumerate(items):
                if type(value) is list or type(value) is dict:
                    try:
                        items[i] = self.build(value)
                    except LoadError as error:
                        raise error.within(f"[{i}]") from None
        return items

    def fill_state(self, state: dict[str, Any]) -> dict[str, Any]:
        """The same for the values of a dictionary."""
        if len(state) > _LARGE:  # at the speed of C for a vocabulary
            kinds = set(map(type, state.values()))
            if list not in kinds and dict not in kinds:
                return state
        self._cost += len(state)
        for key, value in state.items():
            if type(value) is list or type(value) is dict:
                try:
                    state[key] = self.build(value)
                except LoadError as error:
                    plain = key.isidentifier() and len(key) <= 80
                    raise error.within(f".{key}" if plain else f"[{quote(key, 40)}]") from None
        return state

    def spend(self, nbytes: int) -> None:
        """Count the memory of an array that something names: checks walk it, so a thousand names need a bound."""
        self._allowed -= nbytes
        if self._allowed < 0:
            raise GraphError("the graph names its arrays too often")

    def segment(self, number: Any) -> np.ndarray:
        """The array in a segment, over the file's memory; packed ones are unpacked."""
        array = self.memory(number)
        self.spend(array.nbytes)
        return array

    def memory(self, number: Any) -> np.ndarray:
        """The same, for a view that shows some of it and spends that much."""
        if type(number) is not int or not 0 <= number < len(self.plan.arrays.table):
            raise GraphError("an array is not in the file")
        if number not in self._packed:
            return self.plan.arrays.array(number)
        memory = self._unpacked.get(number)
        if memory is None:  # once: views of a segment share its memory, and a file can't ask for it a thousand times
            memory = self._unpacked[number] = packing.unpack(self.plan.arrays.raw(number), self._packed[number])
        return memory[...]

    def a_type(self, number: Any) -> type:
        return self._entry(self.types, number, "class")  # type: ignore[no-any-return]

    def an_object_type(self, number: Any) -> type:
        """A class of the table that may be restored from its attributes."""
        cls = self.a_type(number)
        if not self._objects[number]:
            raise GraphError(f"a {cls.__name__} is not kept as attributes")
        return cls

    def is_own_type(self, number: int) -> bool:
        """Whether a class of the table is the reader's own, which the policy trusts with its own code."""
        return ":" in self.plan.graph.types[number]

    def a_function(self, number: Any) -> Any:
        return self._entry(self.functions, number, "function")

    def pooled(self, node: Node) -> Any:
        """What ``[kind, pool, index]`` names."""
        self.arity(node, 3)
        return self._entry(self._entry(self.pools, node[1], "pool"), node[2], "member of a pool")

    @staticmethod
    def _entry(table: list[Any], number: Any, what: str) -> Any:
        if type(number) is not int or not 0 <= number < len(table):
            raise GraphError(f"a {what} is not in its table")
        return table[number]

    @staticmethod
    def arity(node: Node, length: int) -> None:
        if len(node) != length:
            raise GraphError(f"a node of kind {quote(str(node[0]))} has {len(node)} parts instead of {length}")

    @classmethod
    def text(cls, node: Node) -> str:
        """The one text of a node ``[kind, text]``."""
        cls.arity(node, 2)
        if type(node[1]) is not str:
            raise GraphError(f"a node of kind {quote(str(node[0]))} needs a text")
        return node[1]

    @staticmethod
    def a_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise GraphError("a list is needed here")
        return value

    @staticmethod
    def a_dict(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise GraphError("a dictionary is needed here")
        return value

    @staticmethod
    def sizes(value: Any) -> tuple[int, ...]:
        """A shape: few axes, each of a length that no product can overflow."""
        if type(value) is not list or len(value) > tensors.MAX_DIMENSIONS:
            raise GraphError("a shape is a list of lengths")
        if not all(type(n) is int and 0 <= n < 1 << 40 for n in value) or math.prod(value) >= 1 << 62:
            raise GraphError("a shape has an unusable length")
        return tuple(value)
