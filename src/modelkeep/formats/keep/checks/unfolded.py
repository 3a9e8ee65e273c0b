"""How often a model's parts would be visited: few objects that hold each other twice, many levels deep, never end."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import CheckError

#: Visits for each object that is there. Honest models share few objects, and not in each other.
_VISITS = 1000
#: No graph whose references repeat fewer values has too many.
SPARE = 1_000_000


def check_unfolded(root: Any) -> None:
    """Raise ``CheckError`` unless ``root`` is walked in few visits by who does not remember what was seen.

    Predicting, printing and cloning walk a model like that. Only a graph with references needs this check: a tree of
    objects is walked in as many visits as it has objects.
    """
    if not is_small(root):
        raise CheckError("few objects hold each other so often that a walk through them would not end")


def is_small(root: Any) -> bool:
    """Whether a walk without a memory makes a number of visits that fits the number of objects."""
    visits, objects = _visits(root)
    return visits <= _VISITS * objects + SPARE


def _visits(root: Any) -> tuple[int, int]:
    """Of a walk from ``root`` that remembers nothing, and how many objects there are."""
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
    return visits[id(root)], len(visits)


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
