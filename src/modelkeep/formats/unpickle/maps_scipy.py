"""scipy in a pickle: sparse matrices, splines, and distributions that a search draws from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.names_table import DISTRIBUTIONS
from modelkeep.formats.keep.types import scipy_stats
from modelkeep.formats.keep.types.scipy import CLASSES, PARTS
from modelkeep.formats.unpickle import arrays, dtypes
from modelkeep.formats.unpickle.maps_numpy import content
from modelkeep.formats.unpickle.maps_objects import attributes, named, only
from modelkeep.formats.unpickle.records import Call

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber


#: What an element costs that was written out by itself, in bytes.
_COST = 64


def encode_sparse(encoder: Transcriber, call: Call) -> Node:
    """The parts of a matrix; what scipy caches beside them is dropped, as it is when a live one is saved."""
    only(call, "state", "pairs")
    name, state = named(call.callee).rpartition(".")[2], attributes(encoder, call)
    shape = state.get("_shape", state.get("shape"))
    if call.args or type(shape) is not tuple or (call.pairs and name[:3] != "dok"):
        raise GraphError(f"a {name} has an unknown form")
    parts: dict[str, Any] = {key: state[key] for key in PARTS[name[:3]] if key in state}
    if name[:3] == "lil":
        parts = _row_lists(encoder, state)
    elif name[:3] == "dok":
        parts = _keys(encoder, state.get("_dict", dict(call.pairs or ())), len(shape), dtypes.decode(state["dtype"]))
    elif name[:3] == "coo":
        if "row" in state and "col" in state:  # before scipy 1.13
            parts["coords"] = (state["row"], state["col"])
        parts["has_canonical_format"] = state.get("has_canonical_format", False)
    if (width := state.get("maxprint", 50)) != 50:
        parts["maxprint"] = width
    return ["sparse", name, [_length(n) for n in shape], encoder.state(parts)]


def _row_lists(encoder: Transcriber, state: dict[str, Any]) -> dict[str, Any]:
    """Of two arrays of lists, one list for each row: all columns and all values, and where each row begins."""
    rows, values = (_lists(content(state.get(key))) for key in ("rows", "data"))
    lengths = [len(row) for row in rows]
    encoder.spend(_COST * (len(rows) + 2 * sum(lengths)))
    if lengths != [len(row) for row in values]:
        raise GraphError("a row of a lil matrix has another number of values than of columns")
    return {
        "data": np.array([_number(v) for row in values for v in row], dtypes.decode(state.get("dtype"))),
        "indices": np.array([_length(n) for row in rows for n in row], np.int64),
        "indptr": np.cumsum([0, *lengths], dtype=np.int64),
    }


def _lists(found: Any) -> list[list[Any]]:
    if isinstance(found, np.ndarray) or not all(type(row) is list for row in found[1]):
        raise GraphError("the rows of a lil matrix are lists")
    rows: list[list[Any]] = found[1]
    return rows


def _keys(encoder: Transcriber, found: Any, axes: int, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Of a dictionary from places to values, both as arrays."""
    if type(found) is not dict:
        raise GraphError("a dok matrix has no dictionary")
    encoder.spend(_COST * (1 + axes) * len(found))
    places = [key if type(key) is tuple else (key,) for key in found]
    if any(len(place) != axes for place in places):
        raise GraphError("a place of a dok matrix has another number of axes")
    coords = np.array([[_length(n) for n in place] for place in places], np.int64).reshape(len(places), axes)
    data = np.array([_number(value) for value in found.values()], dtype)
    return {"data": data, "coords": np.ascontiguousarray(coords.T)}


def _number(value: Any) -> Any:
    """A number, of Python or numpy."""
    if isinstance(value, Call) and named(value.callee) == "numpy._core.multiarray.scalar":
        value = arrays.scalar(value.args)
    elif isinstance(value, Call) and named(value.callee) == "builtins.complex" and len(value.args) == 2:
        value = complex(*map(_number, value.args))
    if isinstance(value, bool | int | float | complex | np.number | np.bool):
        return value
    raise GraphError("a sparse matrix holds what is no number")


def _length(value: Any) -> int:
    value = _number(value)
    if isinstance(value, np.integer):
        value = int(value)
    if type(value) is not int:
        raise GraphError("the shape or a place of a sparse matrix is not made of whole numbers")
    return value


def encode_spline(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = attributes(encoder, call)
    # Newer scipy keeps knots and coefficients behind an underscore.
    state = {key.removeprefix("_"): value for key, value in state.items()}
    if call.args or not state.keys() >= {"t", "c", "k", "extrapolate", "axis"}:
        raise GraphError("a BSpline has an unknown form")
    return ["bspline", *(encoder.at(f".{key}", state[key]) for key in ("t", "c", "k", "extrapolate", "axis"))]


def encode_frozen(encoder: Transcriber, call: Call) -> Node:
    """A distribution with its parameters. The pickle holds code as text for scipy to run: it is never looked at."""
    only(call, "state")
    state = attributes(encoder, call)
    if call.args or not isinstance(dist := state.get("dist"), Call) or type(dist.state) is not dict:
        raise GraphError("a distribution has an unknown form")
    args, keywords = state.get("args", ()), state.get("kwds", {})
    if type(args) is not tuple or type(keywords) is not dict:
        raise GraphError("a distribution has an unknown form")
    encoder.spend_on(args)
    encoder.spend_on(keywords)
    random_state = encoder.at(".random_state", dist.state.get("_random_state"))
    return ["frozen", _name_of(dist), encoder.items(list(args)), encoder.state(keywords), random_state]


def encode_distribution(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    return ["distribution", _name_of(call), encoder.at(".random_state", attributes(encoder, call).get("_random_state"))]


def _name_of(dist: Call) -> str:
    """The name of a distribution that is as scipy has it."""
    state = dist.state
    name = state.get("name") if type(state) is dict else None
    if type(name) is not str or name not in DISTRIBUTIONS or named(dist.callee) not in _GENERATED:
        raise GraphError("a distribution is not one that scipy.stats publishes")
    known = scipy_stats._known_distribution(name)
    settings, expected = state.get("_ctor_param"), known._updated_ctor_param()
    plain = settings.items() if type(settings) is dict else ()
    changed = [key for key, value in plain if key != "seed" and repr(value) != repr(expected.get(key))]
    if type(known).__name__ != named(dist.callee).rpartition(".")[2] or changed or dist.args:
        raise GraphError(f"the distribution {quote(name)} is not as scipy.stats publishes it")
    return name


_GENERATED = frozenset(scipy_stats._GENERATED)

REDUCED: dict[str, Any] = {}
NEW: dict[str, Any] = {
    **{f"scipy.sparse.{dot}{name[:3]}.{name}": encode_sparse for name in CLASSES for dot in ("_", "")},
    "scipy.interpolate._bsplines.BSpline": encode_spline,
    **dict.fromkeys(scipy_stats._FROZEN, encode_frozen),
    "scipy.stats._distn_infrastructure.rv_frozen": encode_frozen,
    **dict.fromkeys(_GENERATED, encode_distribution),
}
