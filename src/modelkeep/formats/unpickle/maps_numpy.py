"""numpy in a pickle: arrays, masked arrays, scalars, dtypes, random states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import numpy as keep_numpy
from modelkeep.formats.unpickle import arrays, dtypes
from modelkeep.formats.unpickle.maps_objects import named, only
from modelkeep.formats.unpickle.raw import raw_bytes
from modelkeep.formats.unpickle.records import ABSENT, Call, Global

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

_ARRAYS = frozenset({"numpy.ndarray", "numpy.memmap", "numpy._core.memmap.memmap"})
_SUBCLASSES = {
    "numpy.matrix": "matrix",
    "numpy.matrixlib.defmatrix.matrix": "matrix",
    "numpy.recarray": "recarray",
    "numpy.rec.recarray": "recarray",
    "numpy._core.records.recarray": "recarray",
}


def array_of(encoder: Transcriber, record: Any) -> np.ndarray:
    """The real array, of plain numbers or texts, that a record stands for."""
    found = content(record)
    if not isinstance(found, np.ndarray):
        raise GraphError("an array of objects stands where numbers are needed")
    encoder.spend(found.nbytes)
    return found


def content(record: Any) -> np.ndarray | arrays.Objects:
    """The array that a record stands for, or the elements of one of objects, still as records."""
    if isinstance(record, np.ndarray):  # from a file that is no pickle
        return record
    place = named(record.callee) if isinstance(record, Call) else ""
    if place == "joblib.numpy_pickle.NumpyArrayWrapper" and record.payload is not ABSENT:
        return _joblib_content(record)
    if place == "numpy._core.multiarray._reconstruct" and record.how == "reduce":
        if not record.args or named(record.args[0]) not in _ARRAYS | _SUBCLASSES.keys():
            raise GraphError("an array has an unknown class")
        return arrays.from_state(record.state)
    if place == "numpy._core.numeric._frombuffer" and record.how == "reduce":
        return arrays.from_buffer(record.args)
    raise GraphError("an array is needed here")


def _joblib_content(call: Call) -> np.ndarray | arrays.Objects:
    state = call.state
    shape, dtype = arrays.shape_of(state.get("shape")), dtypes.decode(state["dtype"])
    if dtype.hasobject:
        return content(call.payload)
    made = arrays.over(call.payload, dtype, shape, "F" if state.get("order") == "F" else "C")
    # joblib.load does the same.
    return made if dtype.isnative else made.astype(dtype.newbyteorder("="))


def _node(encoder: Transcriber, found: np.ndarray | arrays.Objects) -> Node:
    if not isinstance(found, np.ndarray):
        shape, items, order = found
        return ["objects", list(shape), encoder.items(items), order]
    encoder.spend(found.nbytes)
    return keep_numpy.encode_array(encoder, found)


def encode_array(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    node = _node(encoder, content(call))
    kind = _SUBCLASSES.get(named(call.args[0]))
    return [kind, node] if kind else node


def encode_buffer(encoder: Transcriber, call: Call) -> Node:
    only(call)
    return _node(encoder, content(call))


def from_joblib(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    if named(call.state.get("subclass")) not in _ARRAYS | {"numpy.matrix", "numpy.matrixlib.defmatrix.matrix"}:
        raise GraphError("an array has an unknown class")
    # Newer numpy gives joblib no way to make the matrix again, so its reader returns an array, and so does this one.
    return _node(encoder, content(call))


def encode_scalar(encoder: Transcriber, call: Call) -> Node:
    only(call)
    value = arrays.scalar(call.args)
    encoder.spend(value.nbytes)
    return keep_numpy.encode_scalar(encoder, value)


def encode_dtype(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    return keep_numpy.encode_dtype(encoder, dtypes.decode(call))


def encode_masked(encoder: Transcriber, call: Call) -> Node:
    """``(version, shape, dtype, is Fortran order, data, mask, fill value)``."""
    only(call, "state")
    state = call.state
    if [named(arg) for arg in call.args[:2]] not in (
        ["numpy.ma.MaskedArray", "numpy.ndarray"],
        ["numpy.ma.core.MaskedArray", "numpy.ndarray"],
    ):
        raise GraphError("a masked array has an unknown class")
    if type(state) is not tuple or len(state) != 7:
        raise GraphError("the state of a masked array has an unknown form")
    found = arrays.from_state(state[:5])
    shape, dtype = arrays.shape_of(state[1]), dtypes.decode(state[2])
    # numpy writes the mask in the order of the data.
    mask = arrays.over(raw_bytes(state[5]), np.ma.make_mask_descr(dtype), shape, "F" if state[3] in (True, 1) else "C")
    encoder.spend(mask.nbytes)
    fill = None if state[6] is None else _fill(encoder, state[6], dtype)
    return ["masked", _node(encoder, found), keep_numpy.encode_array(encoder, mask), fill, False]


def _fill(encoder: Transcriber, value: Any, dtype: np.dtype[Any]) -> Node:
    """A fill value, always an array without axes in the safe format."""
    if isinstance(value, Call) and named(value.callee) == "numpy._core.multiarray.scalar":
        return keep_numpy.encode_array(encoder, np.asarray(arrays.scalar(value.args)))
    if isinstance(value, Call):
        return _node(encoder, content(value))
    if type(value) not in (str, int, float, bool, type(None)):
        raise GraphError("the fill value of a masked array has an unknown form")
    if dtype.hasobject:
        return ["objects", [], encoder.items([value]), "C"]
    try:
        return keep_numpy.encode_array(encoder, np.asarray(value, dtype))
    except (TypeError, ValueError, OverflowError) as error:
        raise GraphError(f"the fill value of a masked array is not usable: {error}") from None


# -- random states -------------------------------------------------------------------------------------------------

_BIT_GENERATORS = {
    f"numpy.random._{name.lower().removesuffix('dxsm')}.{name}": name
    for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
}


def encode_bit_generator(encoder: Transcriber, call: Call) -> Node:
    """The state is a dictionary, in newer numpy together with the seed sequence."""
    only(call, "state")
    state, seed = call.state if type(call.state) is tuple and len(call.state) == 2 else (call.state, None)
    wanted = call.args[0] if call.args else "MT19937"
    name = _BIT_GENERATORS.get(named(wanted)) if isinstance(wanted, Global) else wanted
    if type(state) is not dict or state.get("bit_generator") != name:
        raise GraphError("the state of a bit generator is of another kind")
    return ["bitgenerator", encoder.at(".state", state), encoder.at(".seed_seq", seed)]


def encode_random_state(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = call.state
    if type(state) is tuple:  # before numpy 1.17
        state = _from_legacy(state)
    return ["randomstate", encoder.at("", state)]


def _from_legacy(state: tuple[Any, ...]) -> dict[str, Any]:
    if len(state) not in (3, 5) or state[0] != "MT19937":
        raise GraphError("the state of a RandomState has an unknown form")
    has_gauss, gauss = state[3:] or (0, 0.0)
    inner = {"key": state[1], "pos": state[2]}
    return {"bit_generator": "MT19937", "state": inner, "has_gauss": has_gauss, "gauss": gauss}


def encode_generator(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    core = call.args[0] if call.args else None
    if isinstance(core, Call) and call.state in (ABSENT, None):
        return ["generator", encoder.at(".bit_generator", core)]
    if type(core) is str and type(call.state) is dict:  # numpy before 1.24: the generator's name, and its state
        return ["generator", ["bitgenerator", encoder.at(".state", call.state), None]]
    raise GraphError("a generator has an unknown form")


def encode_seed_sequence(encoder: Transcriber, call: Call) -> Node:
    """``(entropy, children spawned, pool, pool size, spawn key)``; the pool follows from the others."""
    only(call, "state")
    state = call.state if call.state is not ABSENT else call.args[2] if len(call.args) == 3 else None
    if type(state) is not tuple or len(state) != 5 or type(state[4]) is not tuple:
        raise GraphError("the state of a seed sequence has an unknown form")
    entropy, spawned, _, size, key = state
    return ["seedsequence", *(encoder.at("", value) for value in (entropy, list(key), size, spawned))]


REDUCED = {
    "numpy._core.multiarray._reconstruct": encode_array,
    "numpy._core.numeric._frombuffer": encode_buffer,
    "numpy._core.multiarray.scalar": encode_scalar,
    "numpy.dtype": encode_dtype,
    "numpy.ma.core._mareconstruct": encode_masked,
    "numpy.random._pickle.__bit_generator_ctor": encode_bit_generator,
    "numpy.random._pickle.__randomstate_ctor": encode_random_state,
    "numpy.random.__RandomState_ctor": encode_random_state,
    "numpy.random._pickle.__generator_ctor": encode_generator,
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": encode_seed_sequence,
}
NEW: dict[str, Any] = {}
