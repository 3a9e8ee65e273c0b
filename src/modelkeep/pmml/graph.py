"""References between the fields and functions of a PMML file: each ends somewhere, and none comes back to itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelkeep.errors import CheckError, quote
from modelkeep.pmml import vocabulary

_HINT = "don't use this file: it was made by another program, or to do harm; get the model from its maker"
#: What one call of a function of the file's own may cost, in calls of built-in ones.
_COST = 100_000
_DEPTH = 256


class Graph:
    """Names that are defined, names that are used, and what the definition of each uses."""

    def __init__(self) -> None:
        self.defined: set[str] = set()
        self.used: set[str] = set()
        self.fields: dict[str, set[str]] = {}
        self.functions: dict[str, list[str]] = {}
        self.called: set[str] = set()

    def check(self) -> None:
        unknown = self.used - self.defined
        if unknown:
            raise CheckError(f"the file refers to {quote(min(unknown))}, which is no field of it", hint=_HINT)
        strange = self.called - vocabulary.FUNCTIONS - self.functions.keys()
        if strange:
            raise CheckError(f"the function {quote(min(strange))} is on no list", hint=_HINT)
        if own := self.functions.keys() & vocabulary.FUNCTIONS:
            raise CheckError(f"the file defines the function {quote(min(own))} anew", hint=_HINT)
        _check_depth(self.fields, "field")
        _check_depth(self.functions, "function")
        self._check_cost()

    def _check_cost(self) -> None:
        """Functions that call functions are the other way to make a small file expand."""
        costs: dict[str, int] = {}
        for name in order(self.functions, "function"):
            costs[name] = sum(1 + costs.get(called, 0) for called in self.functions.get(name, ()))
            if costs[name] > _COST:
                raise CheckError(f"the function {quote(name)} expands without end", hint=_HINT)


def _check_depth(edges: Mapping[str, Iterable[str]], what: str) -> None:
    """Java follows them by recursion, and its stack is short."""
    depths: dict[str, int] = {}
    for name in order(edges, what):
        depths[name] = 1 + max((depths.get(each, 0) for each in edges.get(name, ())), default=0)
        if depths[name] > _DEPTH:
            raise CheckError(f"the {what} {quote(name)} rests on more than {_DEPTH} others", hint=_HINT)


def order(edges: Mapping[str, Iterable[str]], what: str) -> list[str]:
    """Names so that each comes after all that it uses; one that uses itself, by whatever way, is refused."""
    done: dict[str, bool] = {}
    found: list[str] = []
    for first in edges:
        waiting = [(first, False)]
        while waiting:
            name, left = waiting.pop()
            if left:
                done[name] = True
                found.append(name)
            elif name not in done:
                done[name] = False
                waiting.append((name, True))
                waiting += [(each, False) for each in edges.get(name, ()) if not done.get(each, False)]
            elif not done[name]:
                raise CheckError(f"the {what} {quote(name)} is defined by itself", hint=_HINT)
    return found
