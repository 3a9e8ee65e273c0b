"""numpy: values, layout in memory, sharing between arrays, and what a hostile file says of them."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from keeping import bits, decoded, encoded, kept, layout, portrait
from modelkeep.errors import CheckError, GraphError, SaveErrors

MANY = settings(max_examples=100, deadline=None)
ALIGNED = np.dtype([("a", "i1"), ("b", "f8"), ("c", "U2")], align=True)
NESTED = np.dtype([("a", "g"), ("b", "i2", (2, 3)), ("c", [("d", "S2"), ("e", "?")])], align=True)
GAPPED = np.dtype({"names": ["x", "y"], "formats": ["u2", "f4"], "offsets": [3, 8], "itemsize": 15})
DTYPES = [
    np.dtype(text) for text in (
        "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 g F D G S1 S5 U1 U3 V0 V3 M8 M8[ns] M8[25s] m8[D] m8 "
        ">i2 >i8 >f4 >f8 >g >D >U2 >M8[us]"
    ).split()
] + [
    np.dtype([("a", "i1"), ("b", "f8")]), ALIGNED, NESTED, GAPPED, np.dtype((np.record, [("r", "i4")])), np.dtype([]),
    np.dtype([("t", "U0"), ("s", "S0"), ("n", ">f4")]),
]  # fmt: skip


def filled(shape: tuple[int, ...], dtype: np.dtype[Any], seed: int) -> np.ndarray:
    """An array of that dtype with random values; bytes that no value has are random too."""
    count = int(np.prod(shape)) * dtype.itemsize
    raw = np.random.default_rng(seed).integers(0, 256, count, np.uint8)
    array: np.ndarray = np.ndarray(shape, dtype, raw)
    for field, _ in leaves(array):
        _mend(field)
    return array


def leaves(array: np.ndarray, name: str = "") -> list[tuple[np.ndarray, str]]:
    if array.dtype.names is None:
        return [(array, name)]
    return [leaf for field in array.dtype.names for leaf in leaves(array[field], field)]


def _mend(field: np.ndarray) -> None:
    """Give it values where not every pattern of bits is one."""
    if field.dtype.kind == "b":
        field[...] = field.view(np.uint8) & 1
    elif field.dtype.kind == "U":
        field[...] = "aé\U0001f600"
    elif field.dtype.char in "gG":
        field[...] = np.arange(field.size).reshape(field.shape) / np.longdouble(3)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """An array of any dtype, cut, turned, reversed, repeated."""
    shape = draw(nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
    return turned(draw, filled(shape, draw(st.sampled_from(DTYPES)), draw(st.integers(0, 99))))


def turned(draw: st.DrawFn, array: np.ndarray) -> np.ndarray:
    for step in draw(st.lists(st.sampled_from(["cut", "turn", "repeat", "window", "axis", "copy"]), max_size=3)):
        if step == "cut" and array.ndim:
            array = array[draw(nps.basic_indices(array.shape, min_dims=0, max_dims=4, allow_newaxis=True))]
            array = np.asarray(array)
        elif step == "turn":
            array = array.transpose(draw(st.permutations(range(array.ndim))))
        elif step == "repeat":
            array = np.broadcast_to(array, (draw(st.integers(1, 3)), *array.shape))
        elif step == "window" and array.ndim and array.shape[-1] > 1:
            array = np.lib.stride_tricks.sliding_window_view(array, 2, axis=-1)
        elif step == "axis":
            array = array[..., np.newaxis]
        elif step == "copy":
            array = np.array(array, order=draw(st.sampled_from("CFK")))
    return array


@MANY
@given(arrays())
def test_an_array_comes_back(array):
    again = kept(array)
    assert portrait(again) == portrait(array)
    assert again.flags.writeable


@MANY
@given(st.data())
def test_arrays_that_share_memory_share_it_again(data):
    base = filled((4, 6), data.draw(st.sampled_from(DTYPES)), 0)
    views = [turned(data.draw, base) for _ in range(data.draw(st.integers(2, 4)))]
    again = kept([*views, views[0]])
    for view, other in zip(views, again, strict=False):
        assert portrait(other) == portrait(view)
    assert again[-1] is again[0]
    for (a, b), (c, d) in zip(itertools.combinations(views, 2), itertools.combinations(again[:-1], 2), strict=True):
        if a.nbytes and b.nbytes and a is not b:
            assert np.shares_memory(c, d) == np.shares_memory(a, b)
            if np.shares_memory(a, b):
                assert _distance(c, d) == _distance(a, b)


def _distance(a: np.ndarray, b: np.ndarray) -> int:
    return int(a.__array_interface__["data"][0] - b.__array_interface__["data"][0])


def test_fields_of_a_struct_and_other_dtypes_over_one_memory():
    table = filled((6,), ALIGNED, 1)
    numbers = np.arange(12.0)
    values = [table, table["b"], table["a"], numbers, numbers.view("i8")[1:], numbers[::2], numbers.view("u1")[8:]]
    again = kept(values)
    for old, new in zip(values, again, strict=True):
        assert bits(new) == bits(old)
        assert layout(new) == layout(old)
    again[0]["b"][0] = 7.5
    assert again[1][0] == 7.5
    again[3][1] = 0.0
    assert again[4][0] == 0
    assert not again[6][:8].any()


def test_neighbours_are_not_written_as_one_piece():
    """Two columns of a wide table: the file holds the columns, not the table."""
    table = np.arange(200_000.0).reshape(1000, 200)
    made = encoded([table[:, 3], table[:, 150]])
    assert len(made["arrays.safetensors"]) < 17_000
    assert portrait(decoded(made)) == portrait([table[:, 3], table[:, 150]])


def test_a_product_with_itself_is_the_same_to_the_last_bit():
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((37, 53))
    for a, b in [(wide, wide.T), (wide.T, wide), (wide[::2], wide[::2].T), (wide[:, :30], wide[:30].T[:30])]:
        if a.shape[-1] == b.shape[0]:
            c, d = kept([a, b])
            assert (c @ d).tobytes() == (a @ b).tobytes()


def test_bytes_that_no_value_uses_are_not_written():
    one, two = filled((9,), NESTED, 1), filled((9,), NESTED, 2)
    for (a, _), (b, _) in zip(leaves(one), leaves(two), strict=True):
        b[...] = a
    assert one.tobytes() != two.tobytes()
    assert encoded(one) == encoded(two)
    assert encoded(one[2]) == encoded(two[2])
    assert encoded([one, one[1:]]) == encoded([two, two[1:]])


def test_arrays_begin_at_a_multiple_of_their_items():
    texts = [np.array(["a"] * n) for n in range(1, 4)]
    for again in decoded(encoded([*texts, np.zeros(3, "M8[s]"), np.ones(5, bool), filled((3,), ALIGNED, 0)])):
        assert again.flags.aligned


OBJECTS = [
    np.array([[1, "a"], [None, 2.5]], object), np.asfortranarray(np.array([[1, [2]], [{}, ()]], object)),
    np.array(3, object), np.empty((0, 2), object), np.array([np.float64(1), np.arange(2)], object),
    np.ma.array([1.0, 2.0], mask=[True, False], fill_value=7), np.ma.array([[1, 2]]), np.ma.masked,
    np.ma.array(["a", "b"], mask=[True, False]), np.ma.array([1, None], mask=[False, True], dtype=object),
    np.ma.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")], mask=[(True, False)]),
    np.ma.array([1, 2], mask=[1, 0], hard_mask=True),
    np.matrix([[1, 2], [3, 4.0]]), np.rec.array([(1, "x")], dtype=[("a", "i4"), ("b", "U1")]),
]  # fmt: skip


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_arrays_that_are_more_than_numbers_come_back(value):
    again = kept(value)
    assert type(again) is type(value)
    if isinstance(value, np.ma.MaskedArray) and value is not np.ma.masked:
        assert portrait(again.data) == portrait(value.data)
        assert np.array_equal(again.mask, value.mask)
        assert again.hardmask == value.hardmask
        assert again.fill_value == value.fill_value
    elif value is np.ma.masked:
        assert again is value
    else:
        assert portrait(again) == portrait(value)


STRINGS = [
    np.dtypes.StringDType(), np.dtypes.StringDType(na_object=None), np.dtypes.StringDType(na_object=np.nan),
    np.dtypes.StringDType(na_object="none", coerce=False),
]  # fmt: skip


@pytest.mark.parametrize("dtype", STRINGS, ids=str)
def test_text_of_any_width_comes_back(dtype):
    texts = np.array(["a", "b\0c", "é" * 100, ""], dtype=dtype).reshape(2, 2)
    if hasattr(dtype, "na_object"):
        texts[0, 0] = dtype.na_object
    again = kept(texts)
    assert again.dtype == dtype
    assert again.shape == (2, 2)
    assert repr(again.tolist()) == repr(texts.tolist())
    assert kept(dtype) == dtype


GENERATORS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


@pytest.mark.parametrize("name", GENERATORS)
def test_random_states_go_on_where_they_were(name):
    generator = np.random.Generator(getattr(np.random, name)(5))
    generator.random(700)
    generator.integers(0, 9, 3, dtype=np.uint32)
    again = kept(generator)
    assert again.integers(0, 99, 9).tolist() == generator.integers(0, 99, 9).tolist()
    assert again.spawn(1)[0].random() == generator.spawn(1)[0].random()
    state = np.random.RandomState(getattr(np.random, name)(7))
    state.standard_normal(3)  # leaves the second of two in store
    assert kept(state).standard_normal(9).tolist() == state.standard_normal(9).tolist()


def test_seeds_and_shared_generators_come_back():
    seeds = np.random.SeedSequence([1, 1 << 90], spawn_key=(1, 2))
    seeds.spawn(2)
    again = kept(seeds)
    assert again.generate_state(4).tolist() == seeds.generate_state(4).tolist()
    assert again.spawn(1)[0].spawn_key == seeds.spawn(1)[0].spawn_key
    assert kept(np.random.RandomState(3)._bit_generator).seed_seq is None
    core = np.random.PCG64(1)
    first, second, same = kept([np.random.Generator(core), np.random.Generator(core), core])
    assert first.bit_generator is second.bit_generator is same


def test_what_can_not_be_kept_is_refused():
    bad = np.zeros(2, bool)
    bad.view(np.uint8)[0] = 7
    lone = np.array(["a"])
    lone.view("u4")[0] = 0xD800
    titled = np.zeros(2, np.dtype({"names": ["a"], "formats": ["i4"], "titles": ["A"]}))
    both = np.zeros(2, np.dtype({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [0, 2]}))
    held = np.zeros(2, [("a", object)])
    wide = np.broadcast_to(1.0, (1 << 27,))
    for value in (bad, lone, titled, both, held, wide, np.ma.array(np.matrix([[1]]), mask=[[True]])):
        with pytest.raises(SaveErrors):
            encoded([value])


# -- hostile files -------------------------------------------------------------------------------------------------


def hostile(root: Any, *arrays: np.ndarray) -> dict[str, bytes]:
    """A file with these segments and this root."""
    made = encoded(list(arrays))
    head = made["graph.json"].split(b'"root"')[0]
    return {**made, "graph.json": head + b'"root":' + msgspec.json.encode(root) + b"}"}


RAW, EIGHT, TRUTH = np.arange(64, dtype=np.uint8), np.arange(8.0), np.array([2, 0], np.uint8)
VIEW = {"shape": [2], "strides": [8], "offset": 0}
HOSTILE = [
    ["array", 3], ["array", -1], ["array", True], ["array", None], ["array", "0"], ["array"], ["array", 1, {}],
    ["array", 1, []], ["array", 1, {"axes": [1]}], ["array", 1, {"axes": [0, 0]}], ["array", 1, {"axes": "0"}],
    ["array", 1, {"axes": [[0]]}], ["array", 1, {"axes": [0.0]}], ["array", 1, {"gaps": [1]}],
    ["array", 1, {"gaps": [True, True]}], ["array", 1, {"gaps": 5}], ["array", 1, {"flip": [0, 0]}],
    ["array", 1, {"flip": [1]}], ["array", 1, {"flip": [-1]}], ["array", 1, {"flip": {"a": 0}}],
    ["array", 1, {"shape": [8]}], ["array", 1, {"dtype": "<f8"}], ["array", 1, {"dtype": "<f8", "shape": [8]}],
    ["array", 0, {"dtype": "<M8[s]", "shape": [9]}], ["array", 0, {"dtype": "<M8[s]", "shape": [-8]}],
    ["array", 0, {"dtype": "|O", "shape": [8]}], ["array", 0, {"dtype": "<M8[0s]", "shape": [8]}],
    ["array", 0, {"extra": 1}], ["array", 0, {"dtype": "|V0", "shape": [1 << 39]}],
    ["array", 0, {"dtype": "<U16", "shape": [1], "offset": 0}], ["array", 2, {"dtype": "|b1", "shape": [2]}],
    ["array", 0, {"dtype": "<U4", "shape": [4]}], ["array", 0, {"dtype": "<f16", "shape": [4]}],
    ["array", 1, {**VIEW, "offset": -8}], ["array", 1, {**VIEW, "offset": 57}],
    ["array", 1, {**VIEW, "strides": [64]}], ["array", 1, {**VIEW, "strides": [-8]}],
    ["array", 1, {**VIEW, "strides": [1 << 70]}], ["array", 1, {**VIEW, "strides": []}],
    ["array", 1, {**VIEW, "shape": [0]}], ["array", 1, {**VIEW, "shape": None}],
    ["array", 1, {**VIEW, "axes": [0]}], ["array", 1, {**VIEW, "dtype": "|O"}],
    ["array", 1, {**VIEW, "dtype": "<U8"}], ["array", 1, {"shape": [1 << 39], "strides": [0], "offset": 0}],
    ["array", 1, {**VIEW, "offset": 0.5}],
    ["array", 1, {"shape": [1 << 20, 1 << 20], "strides": [0, 0], "offset": 0}], ["objects", [2], [1], "C"],
    ["objects", [1], [1], "K"], ["objects", 1, [1], "C"], ["objects", [1 << 39, 1 << 39], [], "C"],
    ["strings", [1], ["a"], True], ["strings", [1], [None], {}], ["strings", [1], [5], {}],
    ["strings", [2], ["a"], {}], ["strings", [1], ["a"], {"missing": ["list", []]}],
    ["strings", [1], ["a"], {"coerce": True}], ["matrix", ["array", 1]], ["matrix", 5],
    ["recarray", ["list", []]], ["masked", 5, None, None, False],
    ["masked", ["array", 1], ["array", 1], None, False], ["masked", ["array", 1], None, ["array", 1], False],
    ["masked", ["array", 1], None, None, 0], ["maskedvalue", 1], ["scalar", "<f8", 1], ["scalar", "<i8", 1.5],
    ["scalar", "|u1", 256], ["scalar", "|b1", 2], ["scalar", "<f4", 0.1], ["scalar", "<f2", 1e9],
    ["scalar", "<U1", "00d80000"], ["scalar", "<U1", "00"], ["scalar", "|O", 1], ["scalar", "<i8", "zz"],
    ["scalar", "<f16", "00000000000000000040000000000000"], ["scalar", "<i8", None],
    ["scalar", ["list", []], 1], ["dtype", "|O"], ["dtype", "f8"], ["dtype", "<f9"], ["dtype", {}],
    ["dtype", {"item": "<f8"}], ["dtype", ["list", []]], ["dtype", {"item": "<f8", "shape": [-1]}],
    ["dtype", {"item": "<f8", "shape": []}], ["dtype", "string"], ["dtype", None], ["bitgenerator", None, None],
    ["bitgenerator", ["dict", {"bit_generator": "os.system"}], None],
    ["bitgenerator", ["dict", {"bit_generator": "PCG64", "state": ["dict", {"state": -1, "inc": 1}]}], None],
    ["bitgenerator", ["dict", {"bit_generator": "MT19937", "state": 5}], None], ["generator", 5],
    ["randomstate", 5], ["bitgenerator", ["dict", {"bit_generator": ["list", []]}], None],
    ["randomstate", ["dict", {}]], ["seedsequence", "x", ["list", []], 4, 0],
    ["seedsequence", 1, ["list", [-1]], 4, 0], ["seedsequence", 1, 5, 4, 0],
    ["seedsequence", 1, ["list", []], 1 << 40, 0], ["seedsequence", -1, ["list", []], 4, 0],
]  # fmt: skip


@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: repr(node)[:70])
def test_a_hostile_array_is_refused(node):
    with pytest.raises((GraphError, CheckError)):
        decoded(hostile(node, RAW, EIGHT, TRUTH))


def test_a_position_inside_a_random_state_is_checked():
    state = np.random.RandomState(0).get_state(legacy=False)
    for pos in (-1, 625, 1 << 31):
        wrong = {**state, "state": {**state["state"], "pos": pos}}
        node = ["randomstate", ["dict", {k: v for k, v in wrong.items() if k != "state"}]]
        node[1][1]["state"] = ["dict", {"key": ["array", 0], "pos": pos}]
        with pytest.raises(CheckError):
            decoded(hostile(node, state["state"]["key"]))
