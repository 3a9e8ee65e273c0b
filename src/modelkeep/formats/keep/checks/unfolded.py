"""How often a model's parts would be visited: few objects that hold each other twice, many levels deep, never end."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import CheckError

#: Visits for each object that is there. Honest models share few objects, and not in each other.
_VISITS = 1000
_SPARE = 1_000_000


def check_unfolded(root: Any) -> None:
    """Raise ``CheckError`` if walking ``root`` without a memory of what was seen takes out of proportion long.

    Predicting, printing and cloning walk a model like that. Only a graph with references needs this check: a tree of
    objects is walked in as many visits as it has objects.
    """
    visits: dict[int, int] = {}
    kept: list[Any] = []  # so that no id is used again
    stack: list[tuple[Any, list[Any] | None]] = [(root, None)]
    while stack:
        obj, parts = stack.pop()
        if parts is not None:
            visits[id(obj)] = min(1 << 62, 1 + sum(visits.get(id(part), 1) for part in parts))
        elif id(obj) not in visits:
            visits[id(obj)] = 1  # a circle back to it counts once
            kept.append(obj)
            parts = _parts(obj)
            stack.append((obj, parts))
            stack += [(part, None) for part in parts]
    if visits[id(root)] > _VISITS * len(visits) + _SPARE:
        raise CheckError(f"{len(visits)} objects hold each other so that they count for {visits[id(root)]}")


def _parts(obj: Any) -> list[Any]:
    """The parts of an object that have parts themselves."""
    if isinstance(obj, list | tuple | set | frozenset):
        found = list(obj)
    elif isinstance(obj, dict):
        found = list(obj.values())
    elif isinstance(obj, np.ndarray):
        found = obj.ravel().tolist() if obj.dtype == object else []
    elif isinstance(obj, type) or not hasattr(obj, "__dict__"):
        found = []
    else:
        found = list(vars(obj).values())
    return [
        part for part in found if isinstance(part, list | tuple | dict | set | np.ndarray) or hasattr(part, "__dict__")
    ]
