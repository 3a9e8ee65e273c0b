"""pandas in hostile pickles: functions that open and evaluate, and values that don't fit together."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from hostile.pickles_assembler import CODE, COMMAND, MARKER, call, name, new, put, state, text, whole

_NONE, _EMPTY = b"N", b")"


def _index(cls: bytes, **parts: bytes) -> bytes:
    return call(name("pandas.core.indexes.base", "_new_Index"), cls, state(**parts))


for _label, _callee, _args in (
    ("pandas that evaluates", name("pandas", "eval"), (text(CODE),)),
    ("pandas that reads a pickle", name("pandas", "read_pickle"), (text(MARKER),)),
    ("pandas that reads a page", name("pandas", "read_html"), (text("http://localhost:1/"),)),
    ("pandas that writes", name("pandas.io.common", "get_handle"), (text(MARKER), text("w"))),
    ("pyarrow that opens", name("pyarrow", "OSFile"), (text(MARKER), text("w"))),
    ("pyarrow that reads", name("pyarrow.lib", "memory_map"), (text(MARKER),)),
):
    put(_label, "PolicyError", "which modelkeep does not map", whole(call(_callee, *_args)))

put("an index of a function", "GraphError", "an index of pandas has an unknown form", whole(
    _index(name("os", "system"), data=text(COMMAND), name=_NONE)
))  # fmt: skip
put("an index of no class of indexes", "GraphError", "is not an index of pandas", whole(
    _index(name("pandas", "DataFrame"), data=_NONE, name=_NONE)
))  # fmt: skip
put("an index named by a function", "PolicyError", "os.system", whole(
    _index(name("pandas", "RangeIndex"), start=b"K\0", stop=b"K\2", step=b"K\1", name=name("os", "system"))
))  # fmt: skip
put("a frame without columns", "GraphError", "the columns of a frame", whole(new("pandas", "DataFrame", _mgr=_NONE)))
put("a frame made by a function", "GraphError", "the columns of a frame", whole(
    new("pandas", "DataFrame", _mgr=call(name("os", "system"), text(COMMAND)))
))  # fmt: skip
put("a frequency that is called", "GraphError", "a frequency of pandas", whole(
    call(
        name("pandas.core.indexes.datetimes", "_new_DatetimeIndex"), name("pandas", "DatetimeIndex"),
        state(data=_NONE, name=_NONE, freq=call(name("os", "system"), text(COMMAND))),
    )
))  # fmt: skip
put("an offset that is no listed one", "GraphError", "a frequency of pandas", whole(
    call(
        name("pandas.core.indexes.datetimes", "_new_DatetimeIndex"), name("pandas", "DatetimeIndex"),
        state(data=_NONE, name=_NONE, freq=call(name("pandas._libs.tslibs.offsets", "CustomBusinessDay"), b"K\1")),
    )
))  # fmt: skip
put("a zone that is a file", "GraphError", "", whole(
    call(
        call(name("builtins", "getattr"), name("zoneinfo", "ZoneInfo"), text("_unpickle")),
        text("../../../../etc/passwd"), b"K\1",
    )
))  # fmt: skip
put("another attribute of a zone", "PolicyError", "builtins.getattr", whole(
    call(call(name("builtins", "getattr"), name("zoneinfo", "ZoneInfo"), text("from_file")), text(MARKER), b"K\1")
))  # fmt: skip


def _changed(value: Any, change: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    def make() -> bytes:
        data = pickle.dumps(value, 4)
        made = change(data)
        assert made != data
        return made

    return make


def _bytes_of(old: np.ndarray, new: np.ndarray) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old.tobytes(), new.tobytes())


_CODES = np.array([0, 1, 2, 3, 2, 1], np.int8)
for _code in (4, 127, -2, -128):
    put(f"categories with the code {_code}", "CheckError", "a code is outside", _changed(
        pd.Categorical.from_codes(_CODES, list("abcd")), _bytes_of(_CODES, np.array([_code, 1, 2, 3, 2, 1], np.int8))
    ))  # fmt: skip
    put(f"levels with the code {_code}", "CheckError", "a code of a multi-index is outside", _changed(
        pd.MultiIndex([list("abcd")], [_CODES]), _bytes_of(_CODES, np.array([_code, 1, 2, 3, 2, 1], np.int8))
    ))  # fmt: skip
_PLACES = np.array([3, 5, 9], np.int32)
for _bad in ([3, 5, 10**6], [-1, 5, 9], [5, 3, 9], [3, 3, 9]):
    put(f"sparse values at {_bad}", "CheckError", "the places of sparse values", _changed(
        pd.arrays.SparseArray([0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]),
        _bytes_of(_PLACES, np.array(_bad, np.int32)),
    ))  # fmt: skip
put("a frame of too few rows", "GraphError", "", _changed(
    pd.DataFrame({"a": [1.5, 2.5]}, index=pd.RangeIndex(2)),
    lambda data: data.replace(b"stop\x94K\x02", b"stop\x94K\x63"),
))  # fmt: skip
put("an index of all numbers", "LoadError", "", _changed(
    pd.Series(np.zeros(1), pd.RangeIndex(1)), lambda data: data.replace(b"stop\x94K\x01", b"stop\x94J\xff\xff\xff\x7f")
))  # fmt: skip
