"""numpy's random states: bit generators, generators, seed sequences, each checked before numpy takes it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError
from modelkeep.formats.keep.handlers import Handler, Node
from modelkeep.formats.keep.types.numpy import an_array

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_STATES = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def encode_bit_generator(encoder: Encoder, value: Any) -> Node:
    return ["bitgenerator", encoder.node(value.state), encoder.node(getattr(value, "seed_seq", None))]


def decode_bit_generator(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    return _bit_generator(builder.build(node[1]), builder.build(node[2]))


def _bit_generator(state: Any, seed: Any) -> Any:
    name = state.get("bit_generator") if isinstance(state, dict) else None
    if name not in _STATES or not isinstance(seed, np.random.SeedSequence | type(None)):
        raise GraphError("a bit generator is not one of numpy's")
    inner = state.get("state")
    if name == "MT19937":
        inner = inner if isinstance(inner, dict) else {}
        key, pos = an_array(inner.get("key")), inner.get("pos")
        # numpy writes through an unchecked position into this array.
        if not (key.dtype == np.uint32 and key.shape == (624,) and type(pos) is int and 0 <= pos <= 624):
            raise CheckError("the state of MT19937 needs 624 words and a position from 0 to 624")
    if name == "Philox" and not (type(state.get("buffer_pos")) is int and 0 <= state["buffer_pos"] <= 4):
        raise CheckError("the buffer position of Philox is from 0 to 4")
    cls = getattr(np.random, name)
    try:
        if seed is None and name == "MT19937":  # what a RandomState seeded in its own way has
            made = cls(_Blank())
            made.__setstate__((state, None))
        else:
            made = cls(seed or 0)
            made.state = state
    except (TypeError, ValueError, KeyError, OverflowError, IndexError, AttributeError) as error:
        raise CheckError(f"the state of {name} is not usable: {error}") from None
    return made


class _Blank(np.random.bit_generator.ISeedSequence):
    """Seeds what gets its state at once, without the tenth of a millisecond that a seed sequence takes."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        return np.zeros(n_words, dtype)


def encode_random_state(encoder: Encoder, value: Any) -> Node:
    """The seed sequence of a RandomState plays no part in its answers, and numpy fills it at random."""
    return ["randomstate", encoder.node(value.get_state(legacy=False))]


def decode_random_state(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    state = builder.build(node[1])
    if not isinstance(state, dict) or state.get("has_gauss") not in (0, 1) or type(state.get("gauss")) is not float:
        raise CheckError("the state of a RandomState is not usable")
    core = {key: value for key, value in state.items() if key not in ("has_gauss", "gauss")}
    made = np.random.RandomState(_bit_generator(core, None))
    if (state["has_gauss"], str(state["gauss"])) != (0, "0.0"):  # else that is what it starts with
        made.set_state(state)
    return made


def encode_generator(encoder: Encoder, value: Any) -> Node:
    return ["generator", encoder.node(value.bit_generator)]


def decode_generator(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    core = builder.build(node[1])
    if not isinstance(core, np.random.BitGenerator):
        raise GraphError("a generator needs a bit generator")
    return np.random.Generator(core)


def encode_seed_sequence(encoder: Encoder, value: Any) -> Node:
    fields = (value.entropy, list(value.spawn_key), value.pool_size, value.n_children_spawned)
    return ["seedsequence", *(encoder.node(field) for field in fields)]


def _whole(values: Any) -> bool:
    """Whether ``values`` is a flat sequence of whole numbers."""
    if type(values) is np.ndarray:
        return values.dtype.kind in "iu" and values.ndim == 1
    return type(values) in (list, tuple) and all(isinstance(value, int | np.integer) for value in values)


def decode_seed_sequence(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    entropy, key, size, spawned = (builder.build(value) for value in node[1:])
    if not (type(size) is int and 4 <= size <= 64 and type(key) is list and len(key) <= 64 and _whole(key)):
        raise CheckError("a seed sequence has an unusable pool or key")
    # numpy walks into nested lists, and would for ever in one that holds itself.
    if not (entropy is None or isinstance(entropy, int | np.integer) or _whole(entropy)):
        raise CheckError("the entropy of a seed sequence is whole numbers")
    try:
        return np.random.SeedSequence(entropy, spawn_key=key, pool_size=size, n_children_spawned=spawned)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckError(f"a seed sequence is not usable: {error}") from None


_BIT_GENERATORS = tuple(f"numpy.random._{name.lower().removesuffix('dxsm')}.{name}" for name in _STATES)

HANDLERS = [
    Handler("bitgenerator", _BIT_GENERATORS, encode_bit_generator, decode_bit_generator),
    Handler("randomstate", ("numpy.random.mtrand.RandomState",), encode_random_state, decode_random_state),
    Handler("generator", ("numpy.random._generator.Generator",), encode_generator, decode_generator),
    Handler("seedsequence", ("numpy.random.bit_generator.SeedSequence",), encode_seed_sequence, decode_seed_sequence),
]
