"""Where Keras puts what in a ``.keras`` file: each part of a model that has variables, by its path there.

The order and the names are those of Keras's own walk over a model's attributes (source: ``saving_lib.py``): paths are
made of attributes, and of class names with a counter inside lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def saveables(root: Any) -> Iterator[tuple[str, Any]]:
    """(path, part), each part once, at the first path that leads to it."""
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        path, part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield path, part
        waiting += reversed(list(_children(path, part)))


def _children(path: str, part: Any) -> Iterator[tuple[str, Any]]:
    from keras.src.saving.keras_saveable import KerasSaveable
    from keras.src.saving.saving_lib import _walk_saveable

    for name, child in _walk_saveable(part):
        if isinstance(child, KerasSaveable):
            yield f"{path}/{name}" if path else name, child
        elif isinstance(child, list | dict | tuple):
            yield from _members(f"{path}/{name}" if path else name, child, set())


def _members(path: str, container: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    from keras.src.saving.keras_saveable import KerasSaveable
    from keras.src.utils.naming import to_snake_case

    if id(container) in seen:
        return
    seen.add(id(container))
    used: dict[str, int] = {}
    for each in list(container.values()) if isinstance(container, dict) else container:
        if isinstance(each, KerasSaveable):
            yield f"{path}/{_unique(to_snake_case(type(each).__name__), used)}", each
        elif isinstance(each, list | dict | tuple):
            yield from _members(f"{path}/{_unique('container', used)}", each, seen)


def _unique(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name
