"""scipy.stats: distributions by name, and with frozen parameters, as searches over parameters draw from them."""

from __future__ import annotations

import copy
import functools
import importlib
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.names_table import DISTRIBUTIONS

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder


@functools.cache
def _distribution(name: str) -> Any:
    """The distribution that scipy.stats has under a name of the table."""
    return getattr(importlib.import_module("scipy.stats"), name, None)


def _same_distribution(found: Any) -> str:
    """The name of a distribution that is as scipy has it, but for its random state."""
    name = getattr(found, "name", None)
    known = _distribution(name) if name in DISTRIBUTIONS else None
    if known is None or type(known) is not type(found):
        raise Unsaveable("this distribution is not one that scipy.stats publishes", "use one of scipy.stats by name")
    ours, theirs = found._updated_ctor_param(), known._updated_ctor_param()
    if any(repr(ours[key]) != repr(theirs.get(key)) for key in ours if key != "seed"):
        raise Unsaveable(f"the distribution {name} has settings of its own", "use the one of scipy.stats")
    return str(name)


def encode_distribution(encoder: Encoder, value: Any) -> Node:
    return ["distribution", _same_distribution(value), _random_state(encoder, value)]


def decode_distribution(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    return _with_random_state(builder, _known_distribution(node[1]), node[2], shared=True)


def encode_frozen(encoder: Encoder, value: Any) -> Node:
    name = _same_distribution(value.dist)
    if not all(_is_numeric(arg) for arg in (*value.args, *value.kwds.values())):
        raise Unsaveable(f"the distribution {name} has parameters that are not numbers", "give it plain numbers")
    args, keywords = encoder.items(list(value.args)), encoder.state(value.kwds)
    return ["frozen", name, args, keywords, _random_state(encoder, value.dist)]


def decode_frozen(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    known = _known_distribution(node[1])
    args, keywords = builder.fill(builder.a_list(node[2])), builder.fill_state(builder.a_dict(node[3]))
    if not all(map(_is_numeric, (*args, *keywords.values()))):
        raise GraphError("a distribution has parameters that are not numbers")
    try:
        made = _freeze(known, tuple(args), keywords)
    except (TypeError, ValueError, IndexError, OverflowError, ArithmeticError) as error:
        raise CheckError(f"a distribution {node[1]} has unusable parameters: {quote(str(error))}") from None
    _with_random_state(builder, made.dist, node[4], shared=False)
    return made


def _freeze(known: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What ``known(*args, **keywords)`` gives. scipy would compile the distribution's parser of arguments anew."""
    kinds = importlib.import_module("scipy.stats._distn_infrastructure")
    continuous = isinstance(known, kinds.rv_continuous)
    made = object.__new__(kinds.rv_continuous_frozen if continuous else kinds.rv_discrete_frozen)
    made.args, made.kwds, made.dist = args, keywords, _own(known)
    made.a, made.b = made.dist._get_support(*made.dist._parse_args(*args, **keywords)[0])
    return made


def _own(known: Any) -> Any:
    """A distribution like ``known``, which may have a random state of its own."""
    made = object.__new__(type(known))
    for name, value in vars(known).items():
        if isinstance(value, np.vectorize):
            value = copy.copy(value)
            value.pyfunc = _bound(value.pyfunc, known, made)
        made.__dict__[name] = _bound(value, known, made)
    return made


def _bound(value: Any, known: Any, made: Any) -> Any:
    """A method of the one object as a method of the other."""
    return MethodType(value.__func__, made) if isinstance(value, MethodType) and value.__self__ is known else value


def _known_distribution(name: Any) -> Any:
    known = _distribution(name) if type(name) is str and name in DISTRIBUTIONS else None
    if known is None:
        raise GraphError(f"{quote(repr(name))} is not a distribution that the installed scipy has")
    return known


def _is_numeric(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and value.dtype.kind in "biuf"
    return isinstance(value, int | float | np.integer | np.floating | np.bool)


def _random_state(encoder: Encoder, distribution: Any) -> Any:
    """None for numpy's global state, which belongs to the process."""
    state = distribution._random_state
    return None if state is np.random.mtrand._rand else encoder.at(".random_state", state)


def _with_random_state(builder: Builder, distribution: Any, node: Any, *, shared: bool) -> Any:
    state = builder.build(node)
    if state is None:
        return distribution
    if not isinstance(state, np.random.RandomState | np.random.Generator):
        raise GraphError("a distribution has a random state of another kind")
    if shared:  # scipy's own instance must not be changed
        distribution = _own(distribution)
    distribution._random_state = state
    return distribution


_GENERATED = tuple(
    f"scipy.stats.{module}.{name}_gen"
    for name in sorted(DISTRIBUTIONS)
    for module in ("_continuous_distns", "_discrete_distns", "_levy_stable")
)
_FROZEN = tuple(f"scipy.stats._distn_infrastructure.rv_{kind}_frozen" for kind in ("continuous", "discrete"))

HANDLERS = [
    Handler("distribution", _GENERATED, encode_distribution, decode_distribution),
    Handler("frozen", _FROZEN, encode_frozen, decode_frozen),
]
