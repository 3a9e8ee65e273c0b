"""dtypes as JSON: a closed list, one form for each, and the bytes that a value has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from modelkeep.errors import GraphError
from modelkeep.formats.keep import dtypes
from modelkeep.formats.keep.handlers import Unsaveable

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=4)
PLAIN = st.one_of(
    nps.scalar_dtypes(), nps.byte_string_dtypes(), nps.unicode_string_dtypes(),
    st.sampled_from([np.dtype(text) for text in ("g", "G", ">g", "V3", "M8", "m8", "M8[7us]", "S0", "U0", "V0")]),
)  # fmt: skip


def structs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.lists(st.tuples(NAMES, inner), max_size=4, unique_by=lambda field: field[0])
    sized = inner.filter(lambda dtype: dtype.itemsize > 0)
    wide = st.builds(lambda dtype, shape: np.dtype((dtype, shape)), sized, nps.array_shapes(max_dims=2, max_side=3))
    return st.builds(lambda found, align: np.dtype(found, align=align), fields, st.booleans()) | wide


DTYPES = st.recursive(PLAIN, structs, max_leaves=6)


@settings(max_examples=300, deadline=None)
@given(DTYPES)
def test_a_dtype_comes_back(dtype):
    value = dtypes.encode(dtype)
    again = dtypes.decode(value)
    assert again == dtype
    assert again.itemsize == dtype.itemsize
    assert again.isalignedstruct == dtype.isalignedstruct
    assert dtypes.encode(again) == value


@settings(max_examples=200, deadline=None)
@given(DTYPES.filter(lambda dtype: dtype.subdtype is None and dtype.itemsize < 500), st.integers(0, 9))
def test_a_value_does_not_depend_on_its_padding(dtype, seed):
    """Bytes outside the mask can change, and the value is the same; each byte inside belongs to some field."""
    mask = dtypes.padding_mask(dtype)
    if mask is None or not dtype.itemsize:
        return
    noise = np.random.default_rng(seed).integers(0, 256, dtype.itemsize, np.uint8)
    quiet: Any = np.ndarray((), dtype, np.zeros(dtype.itemsize, np.uint8))
    noisy: Any = np.ndarray((), dtype, noise & ~mask)
    assert quiet[()] == noisy[()]


def test_records_stay_records():
    dtype = np.dtype((np.record, [("a", "i4")]))
    assert dtypes.decode(dtypes.encode(dtype)).type is np.record
    assert dtypes.decode(dtypes.encode(np.dtype([("a", "i4")]))).type is np.void


def struct(**changes: Any) -> dict[str, Any]:
    plain = {"names": ["a", "b"], "formats": ["<i4", "<f8"], "offsets": [0, 4], "itemsize": 12, "aligned": False}
    return plain | changes


assert dtypes.decode(struct()) == np.dtype([("a", "<i4"), ("b", "<f8")])


def nested(depth: int) -> Any:
    value: Any = "<f8"
    for _ in range(depth):
        value = struct(names=["a"], formats=[value], offsets=[0], itemsize=8)
    return value


WRONG = [
    "", "f8", "=f8", "|f8", "<f9", "<f3", "O", "|O", "|O8", "object", "<U-1", "<M8[0s]", "<M8[01s]", "<M8[s/2]",
    "<M8[1s]", "<M8[parsec]", "float64", "|T16", "f8,f8", "(2,)f8", "|V1000000000", 5, None, [], ["<f8"], {}, True,
    {"item": "<f8"}, {"item": "<f8", "shape": 3}, {"item": "<f8", "shape": []}, {"item": "<f8", "shape": [-1]},
    {"item": "<f8", "shape": [1 << 40]}, {"item": "<f8", "shape": [2], "extra": 1}, {"item": "|O", "shape": [2]},
    struct(names=["a", "a"]), struct(names=["a"]), struct(names=[1, 2]), struct(names="ab"), struct(offsets=[0, 3]),
    struct(offsets=[0, 5]), struct(offsets=[-4, 4]), struct(offsets=["0", "4"]), struct(itemsize=11),
    struct(itemsize=-1), struct(itemsize=1 << 40), struct(aligned=True), struct(aligned=1),
    struct(formats=["<i4", "|O"]), struct(record=False), struct(record=1), struct(titles=["x", "y"]),
    struct(formats="ab"), nested(9),
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:60])
def test_what_is_not_the_form_of_a_dtype_is_refused(value):
    with pytest.raises(GraphError):
        dtypes.decode(value)


@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype(object),
        np.dtype([("a", object)]),
        np.dtypes.StringDType(),
        np.dtype({"names": ["a"], "formats": ["i4"], "titles": ["A"]}),
        np.dtype({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [0, 2]}),
    ],
    ids=str,
)
def test_dtypes_that_a_file_can_not_have(dtype):
    with pytest.raises(Unsaveable):
        dtypes.encode(dtype)


def test_bytes_that_no_value_has_are_refused():
    odd = np.array([1.5], "g").view(np.uint8).copy()
    odd[7] &= 0x7F  # a number that begins with the digit 0
    for raw, dtype in [
        (np.array([2], np.uint8), "?"),
        (np.array([0x110000], "u4"), "<U1"),
        (np.array([0xDFFF], "u4"), "<U1"),
        (np.array([0, 0, 0, 0, 3], np.uint8), [("a", "V4"), ("b", "?")]),
        (odd, "g"),
    ]:
        array: np.ndarray = np.ndarray((1,), dtype, raw)
        with pytest.raises(GraphError):
            dtypes.check_values(array)
        with pytest.raises(GraphError):
            dtypes.check_values(array.reshape(1, 1)[:, ::-1])
