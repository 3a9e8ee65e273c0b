"""joblib's files: a pickle in which the bytes of each array stand right behind the record that describes it."""

from __future__ import annotations

import math
from typing import Any

from modelkeep.errors import GraphError, PolicyError
from modelkeep.formats.unpickle.machine import Machine
from modelkeep.formats.unpickle.records import Call, Global

WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
_OLD_WRAPPERS = frozenset(
    f"joblib.{module}.{name}"
    for module in ("numpy_pickle", "numpy_pickle_compat")
    for name in ("NDArrayWrapper", "ZNDArrayWrapper")
)
_FIELDS = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"})


def is_wrapper(record: Any) -> bool:
    return isinstance(record, Call) and isinstance(record.callee, Global) and str(record.callee) == WRAPPER


def take_array(machine: Machine, call: Call) -> None:
    """Called when a record has got its state: if it describes an array, take the array's bytes out of the stream."""
    if not isinstance(call.callee, Global):
        return
    name = str(call.callee)
    # The package has been vendored by scikit-learn under its own name.
    name = name.removeprefix("sklearn.externals.")
    if name in _OLD_WRAPPERS:
        raise PolicyError(
            "the file was written by a joblib before 0.10, which kept each array in a file of its own",
            hint="open it with that joblib, and save the model again with a newer one",
        )
    if name != WRAPPER:
        return
    call.callee = Global(*WRAPPER.rsplit(".", 1))
    state = call.state
    if call.how == "reduce" or type(state) is not dict or not state.keys() <= _FIELDS or "dtype" not in state:
        raise machine.fault("the description of an array has an unknown form")
    _take(machine, call, state)


def _take(machine: Machine, call: Call, state: dict[str, Any]) -> None:
    # Only here, for the size of the items; a pickle without arrays needs no numpy.
    from modelkeep.formats.unpickle import arrays, dtypes

    try:
        dtype, shape = dtypes.decode(state["dtype"]), arrays.shape_of(state.get("shape"))
    except GraphError as error:
        raise machine.fault(str(error)) from None
    if dtype.hasobject:
        # A pickle of its own, with its own memo, and in it no further arrays of joblib's.
        inner = Machine(machine.data, machine.pos)
        call.payload = inner.run()
        machine.pos = inner.pos
        return
    if state.get("numpy_array_alignment_bytes") is not None:
        padding = machine.take(machine.byte())
        if bytes(padding) != b"\xff" * len(padding):
            raise machine.fault("something other than padding stands before an array")
    call.payload = machine.take(math.prod(shape) * dtype.itemsize)
