"""What an attacker would write into a model: every place of its graph, and values that have crashed compiled code."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

Step = tuple[str, Any]
Place = tuple[Step, ...]
#: A place, a name for the error message, the new value, and whether to take the attribute out instead.
Mutation = tuple[Place, str, Any, bool]

_OWN = ("sklearn", "scipy.sparse", "scipy.interpolate")
_SAMPLED = 12  # of longer containers, only the first and last three members are attacked
#: Built and checked together elsewhere (trees.py), or set anew by the loader.
_LEFT_OUT = {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets", "n_jobs", "_sklearn_version"}
_EXTREMES = (-(2**63), -5, -2, -1, 2**31 - 1, 2**31, 2**63 - 1)


def parts(obj: Any) -> list[tuple[Step, Any]]:
    if type(obj) in (list, tuple):
        return [(("item", i), value) for i, value in enumerate(obj)]
    if type(obj) is dict:
        return [(("key", key), value) for key, value in obj.items()]
    if isinstance(obj, np.ndarray):
        return [(("flat", i), value) for i, value in enumerate(obj.ravel().tolist())] if obj.dtype == object else []
    if isinstance(obj, type) or not type(obj).__module__.startswith(_OWN) or not hasattr(obj, "__dict__"):
        return []
    return [(("attribute", name), value) for name, value in vars(obj).items()]


def places(obj: Any, place: Place = (), seen: set[int] | None = None) -> Iterator[tuple[Place, Any]]:
    """Every part of a model, shared ones once."""
    seen = set() if seen is None else seen
    found = parts(obj)
    if len(found) > _SAMPLED and found[0][0][0] != "attribute":
        found = found[:3] + found[-3:]
    for step, value in found:
        yield (*place, step), value
        if id(value) not in seen and (parts(value) or isinstance(value, np.ndarray)):
            seen.add(id(value))
            yield from places(value, (*place, step), seen)


def apply(root: Any, mutation: Mutation) -> None:
    place, _, value, delete = mutation
    chain = [root]
    for kind, key in place[:-1]:
        chain.append(vars(chain[-1])[key] if kind == "attribute" else _member(chain[-1], kind, key))
    for holder, (kind, key) in zip(reversed(chain), reversed(place), strict=True):
        if kind == "flat":
            holder[np.unravel_index(key, holder.shape)] = None if delete else value
            return
        if type(holder) is not tuple:
            target = vars(holder) if kind == "attribute" else holder
            if delete:
                del target[key]
            else:
                target[key] = value
            return
        value = holder[:key] + (() if delete else (value,)) + holder[key + 1 :]  # and so a new tuple in its place
        delete = False


def _member(obj: Any, kind: str, key: Any) -> Any:
    return obj.ravel()[key] if kind == "flat" else obj[key]


def mutations(model: Any, seed: int) -> list[Mutation]:
    rng = random.Random(seed)
    found: list[Mutation] = []
    for place, value in places(model):
        if not _LEFT_OUT.intersection(key for _, key in place if isinstance(key, str)):
            found += [(place, name, new, False) for name, new in _others(value, rng)]
            found.append((place, "taken out", None, True))
    return found


def _others(value: Any, rng: random.Random) -> list[tuple[str, Any]]:
    if isinstance(value, np.ndarray):
        return [*_arrays(value, rng), ("none", None), ("text", "x"), ("short", np.zeros(3)), ("7", 7)]
    if isinstance(value, bool | np.bool_):
        return [("not", not value), ("none", None), ("7", 7)]
    if isinstance(value, int | np.integer):
        n = int(value)
        sizes = [-(2**63), -5, -2, -1, 0, 1, n + 1, 3 * n, 2**31 - 1, 2**31, 2**62]
        return [(str(m), m) for m in sizes] + [("numpy", np.int64(n + 1)), ("array", np.array([n + 1])), ("none", None)]
    if isinstance(value, float | np.floating):
        return [(str(x), x) for x in (np.nan, np.inf, -1.0, 0.0, 1e308)] + [("none", None), ("text", "x")]
    if isinstance(value, str):
        return [("x", "x"), ("none", None), ("3", 3)]
    if value is None:
        return [("text", "x"), ("7", 7), ("-3", -3), ("short", np.zeros(3)), ("list", []), ("true", True)]
    if type(value) in (list, tuple):
        return [("empty", type(value)()), ("shorter", value[:-1]), ("longer", value * 5), ("reversed", value[::-1])]
    return [("none", None), ("7", 7), ("short", np.zeros(3))]


def _arrays(a: Any, rng: random.Random) -> Iterator[tuple[str, Any]]:
    fields = a.dtype.names or (None,)
    for field in fields if a.size else ():
        kind = (a.dtype[field] if field else a.dtype).kind
        values: tuple[Any, ...] = ()
        if kind in "iu":
            limits = np.iinfo(a.dtype[field] if field else a.dtype)
            values = tuple(v for v in (*_EXTREMES, len(a), len(a) + 1, 0) if limits.min <= v <= limits.max)
        elif kind == "f":
            values = (np.nan, np.inf, -1e30, 1e9)
        for v in values:
            for where in sorted({0, a.size // 2, a.size - 1}) if kind in "iu" else [rng.choice([0, a.size - 1])]:
                b = a.copy(order="K")
                (b[field] if field else b)[np.unravel_index(where, a.shape)] = v
                yield f"{field or ''}[{where}]={v}", b
    if a.dtype.kind == "f" and a.size:
        for v in (np.nan, 0.0, 1e30, 1e200):
            with np.errstate(all="ignore"):
                yield f"all {v}", np.full_like(a, v)
    yield from _shapes(a)
    for dtype in ("f8", "f4", "i4", "i8", "u1", "?") if a.dtype.kind in "iufb" else ():
        if a.dtype != dtype:
            with np.errstate(all="ignore"):
                yield f"as {dtype}", a.astype(dtype)


def _shapes(a: Any) -> Iterator[tuple[str, Any]]:
    if a.ndim:
        yield from (("no rows", a[:0]), ("one row", a[:1]), ("a row less", a[:-1]), ("half", a[: len(a) // 2]))
        yield "many rows", np.concatenate([a] * 20)
    if a.ndim > 1:
        yield from (("no columns", a[:, :0]), ("one column", a[:, :1]), ("a column less", a[:, :-1]), ("turned", a.T))
        yield "many columns", np.concatenate([a] * 20, 1)
    yield from (("flat", a.ravel()), ("as a column", a.reshape(-1, 1)), ("deeper", a[None]), ("no axes", np.array(0)))
