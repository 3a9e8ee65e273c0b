"""scipy in a pickle: sparse matrices, splines, and distributions that a search draws from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, PolicyError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.names_table import DISTRIBUTIONS
from modelkeep.formats.keep.types import scipy_stats
from modelkeep.formats.keep.types.scipy import CLASSES, PARTS
from modelkeep.formats.unpickle import arrays
from modelkeep.formats.unpickle.maps_objects import attributes, named, only
from modelkeep.formats.unpickle.records import Call

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber


def encode_sparse(encoder: Transcriber, call: Call) -> Node:
    """The parts of a matrix; what scipy caches beside them is dropped, as it is when a live one is saved."""
    only(call, "state")
    name, state = named(call.callee).rpartition(".")[2], attributes(encoder, call)
    if name[:3] in ("lil", "dok"):
        raise PolicyError(
            f"a {name} is made for building matrices, and is not read from a pickle",
            hint="convert it by .tocsr() where the model was made, and save it again",
        )
    shape = state.get("_shape", state.get("shape"))
    if call.args or type(shape) is not tuple:
        raise GraphError(f"a {name} has an unknown form")
    parts = {key: state[key] for key in PARTS[name[:3]] if key in state}
    if name[:3] == "coo":
        if "row" in state and "col" in state:  # before scipy 1.13
            parts["coords"] = (state["row"], state["col"])
        parts["has_canonical_format"] = state.get("has_canonical_format", False)
    if (width := state.get("maxprint", 50)) != 50:
        parts["maxprint"] = width
    return ["sparse", name, [_length(n) for n in shape], encoder.state(parts)]


def _length(value: Any) -> int:
    if isinstance(value, Call) and named(value.callee) == "numpy._core.multiarray.scalar":
        value = arrays.scalar(value.args)
        value = int(value) if value.dtype.kind in "iu" else None
    if type(value) is not int:
        raise GraphError("the shape of a sparse matrix is not made of whole numbers")
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
