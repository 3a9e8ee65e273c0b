"""Python's own values: what comes back is equal in type, bits, order, and in what is shared."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import math
import operator
import struct
import subprocess
import sys
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeping import decoded, encoded, kept, portrait
from modelkeep.errors import GraphError, PolicyError, SaveErrors
from modelkeep.policy import Policy

HERE = Policy(trust=[__name__])
MANY = settings(max_examples=150, deadline=None)


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Open:
    left: Any
    right: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    left: Any
    right: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    left: Any
    right: Any


@dataclasses.dataclass(slots=True)
class Slots:
    left: Any
    right: Any


class Pair(NamedTuple):
    left: Any
    right: Any


Untyped = namedtuple("Untyped", "left right")

ZONES = [None, dt.UTC, dt.timezone(dt.timedelta(hours=-3), "X"), zoneinfo.ZoneInfo("Europe/Berlin")]
NANS = st.builds(lambda sign, rest: struct.unpack(">d", struct.pack(">Q", sign << 63 | 0x7FF8 << 48 | rest))[0],
                 st.integers(0, 1), st.integers(0, (1 << 51) - 1))  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(1 << 1000), 1 << 1000), st.floats(), NANS, TEXT,
    st.complex_numbers(), st.binary(max_size=8), st.binary(min_size=1020, max_size=1030), st.decimals(), st.fractions(),
    st.dates(), st.timedeltas(), st.uuids(), st.datetimes(timezones=st.sampled_from(ZONES), allow_imaginary=False),
    st.times(timezones=st.sampled_from(ZONES[:3])),
    st.sampled_from([*Colour, Level.LOW, ..., NotImplemented, math.inf]),
    st.builds(np.float32, st.floats(width=32)), st.builds(np.int64, st.integers(-(1 << 63), (1 << 63) - 1)),
    st.builds(np.str_, TEXT), st.builds(np.bytes_, st.binary(max_size=4)), st.builds(np.bool_, st.booleans()),
    st.builds(PurePosixPath, TEXT.filter(lambda t: "\0" not in t)), st.builds(range, st.integers(), st.integers()),
    st.builds(slice, st.none() | st.integers(), st.none() | st.integers()),
)  # fmt: skip
HASHABLE = st.recursive(
    LEAVES.filter(lambda v: not isinstance(v, slice) and not (isinstance(v, Decimal) and v.is_snan())),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3) | st.builds(Pair, inner, inner)
    | st.builds(Frozen, inner, inner),
    max_leaves=6,
)  # fmt: skip
VALUES = st.recursive(
    LEAVES | HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(TEXT, inner, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4), st.sets(HASHABLE, max_size=4),
        st.builds(deque, st.lists(inner, max_size=3), st.none() | st.integers(3, 9)),
        st.builds(OrderedDict, st.dictionaries(HASHABLE, inner, max_size=3)),
        st.builds(lambda d: defaultdict(list, d), st.dictionaries(HASHABLE, inner, max_size=3)),
        st.builds(Counter, st.dictionaries(HASHABLE, st.integers(), max_size=3)),
        st.builds(bytearray, st.binary(max_size=4)),
        st.builds(Open, inner, inner), st.builds(Slots, inner, inner), st.builds(Slotted, inner, inner),
        st.builds(Untyped, inner, inner), st.builds(lambda v: [v, v, (v,)], inner),
    ),
    max_leaves=12,
)  # fmt: skip


@MANY
@given(VALUES)
def test_any_value_comes_back(value):
    assert portrait(kept(value, HERE)) == portrait(value)


@MANY
@given(st.lists(st.sampled_from("LDTQO"), min_size=1, max_size=8), st.data())
def test_shared_parts_and_circles_come_back(kinds, data):
    """A random graph of containers, each of which may hold any other that is older, and any mutable one."""
    makers = {"L": list, "D": dict, "Q": deque, "O": lambda: np.empty(3, object), "T": None}
    made: list[Any] = []
    for kind in kinds:
        older = st.sampled_from(made) if made else st.none()
        made.append(tuple(data.draw(st.lists(older, max_size=3))) if kind == "T" else makers[kind]())
    for holder in made:
        inside = data.draw(st.lists(st.sampled_from(made), max_size=3)) if not isinstance(holder, tuple) else []
        if isinstance(holder, dict):
            holder.update((str(i), part) for i, part in enumerate(inside))
        elif isinstance(holder, np.ndarray):
            for i, part in enumerate(inside):
                holder[i] = part
        elif inside:
            holder.extend(inside)
    try:
        again = kept(made)
    except SaveErrors as error:  # a circle through a tuple, met at the tuple first
        assert all("a tuple that holds itself" in str(one) for one in error.exceptions)  # noqa: PT017
    else:
        assert _connections(again) == _connections(made)


def _connections(value: Any) -> Any:
    """For each container met, in order, which ones it holds; recursion without end is no trouble here."""
    order: dict[int, int] = {}
    queue, found = [value], []
    while queue:
        holder = queue.pop(0)
        if id(holder) in order or not isinstance(holder, list | dict | tuple | deque | np.ndarray):
            continue
        order[id(holder)] = len(order)
        parts = list(holder.values()) if isinstance(holder, dict) else list(holder)
        found.append((type(holder), parts))
        queue += parts
    return [(kind, [order.get(id(part)) for part in parts]) for kind, parts in found]


PLAIN = {
    "zone": zoneinfo.ZoneInfo("America/New_York"),
    "named offset": dt.timezone(dt.timedelta(0), "Zulu"),
    "fold": dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "signalling": Decimal("sNaN123"), "negative zero": Decimal("-0E+7"), "huge": Decimal("1E+999999999"),
    "1024 bits": (1 << 1024) - 1, "-1024 bits": -((1 << 1024) - 1), "2**63": 1 << 63, "-2**63": -(1 << 63),
    "empty": [(), [], {}, set(), frozenset(), b"", "", bytearray()],
    "path": Path("/a b/é"), "windows": PureWindowsPath("C:\\x"), "text": "\u2028\x00\x1b\U0001f600",
    "ranges": [range(True), range(5, 1 << 80, 3)], "slices": [slice(None), slice(np.int64(3), "x")],
    "fraction": Fraction(-3, 7), "uuid": UUID(int=7), "keys": {1: "a", (2, (3,)): "b", None: 0, 1.5: 1, b"x": 2},
    "numpy keys": {np.int64(1): 1, np.str_("a"): 2}, "nan keys": {math.nan: 1, float("nan"): 2},
    "array keys": {"a": np.arange(3), "b": [np.float64(i) for i in range(20)]},
    "numbers": [np.int32(i) for i in range(20)], "vocabulary": {str(i): np.int64(i) for i in range(20)},
    "classes": [int, np.float64, dict], "functions": [np.log1p, np.mean, functools.partial(np.clip, a_min=0, a_max=1)],
}  # fmt: skip


@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_values_at_the_edge_come_back(value):
    again = kept(value)
    if isinstance(value, list) and callable(value[-1]):
        assert all(a is b or a.func is b.func for a, b in zip(again, value, strict=True))
    else:
        assert portrait(again) == portrait(value)


def test_sets_do_not_depend_on_the_order_of_hashes():
    """In another process texts hash differently, and sets are walked in another order."""
    script = (
        "from keeping import encoded\n"
        "shared = (1, 'x')\n"
        "words = [f'w{i}' for i in range(30)]\n"
        "pairs = frozenset({frozenset({w, shared}) for w in words})\n"
        "value = [set(words), {(w, shared) for w in words}, pairs, shared]\n"
        "import hashlib, sys\n"
        "sys.stdout.write(hashlib.sha256(repr(sorted(encoded(value).items())).encode()).hexdigest())\n"
    )
    tests = Path(__file__).parent
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=tests,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(seen) == 1


def test_shared_parts_of_a_set_come_back():
    shared = (1, 2)
    again = kept({(shared, "a"), (shared, "b"), ("x", (shared,))})
    inside = [item for pair in again for item in (pair[0], *(pair[1] if isinstance(pair[1], tuple) else ()))]
    parts = [item for item in inside if item == shared]
    assert len(parts) == 3
    assert len({id(part) for part in parts}) == 1


REFUSED = {
    "a lambda": ([lambda: 0], "lambda", "list[0]"),
    "a method": ({"f": Path("x").exists}, "bound method", "dict.f"),
    "a generator": ([(i for i in ())], "generator", "list[0]"),
    "a module": ([math], "module", "list[0]"),
        "a function of Python's own": ([operator.itemgetter(1)], "itemgetter", "list[0]"),
    "flags together": ([Level.LOW | Level.HIGH], "combination of flags", "list[0]"),
    "a huge number": ([1 << 1025], "1024 bits", "list[0]"),
    "text that is not Unicode": (["\ud800"], "not valid Unicode", ""),
    "a class made in a function": ([type("Local", (), {})()], "Local", "list[0]"),
    "too deep": (functools.reduce(lambda inner, _: [inner], range(150), 0), "levels deep", "[0][0]"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "why", "where"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_kept_is_named(value, why, where):
    with pytest.raises(SaveErrors) as caught:
        encoded(value)
    (error, *_) = caught.value.exceptions
    assert why in str(error)
    assert where in error.path
    assert error.hint


def test_an_open_file_is_named():
    with open(__file__) as file, pytest.raises(SaveErrors) as caught:
        encoded({"log": file})
    assert "open file" in str(caught.value)
    assert "dict.log" in str(caught.value)


def test_all_that_can_not_be_kept_is_named_at_once():
    with pytest.raises(SaveErrors) as caught:
        encoded({"a": [lambda: 0], "b": math, "c": 1})
    assert [error.path for error in caught.value.exceptions] == ["dict.a[0]", "dict.b"]


def test_a_tuple_in_itself_is_refused_when_saving():
    circle: Any = ([],)
    circle[0].append(circle)
    with pytest.raises(SaveErrors) as caught:
        encoded(circle)
    assert "holds itself" in str(caught.value)


def test_own_classes_need_trust():
    for value in (Colour.RED, Open(1, 2), Slotted(1, 2), Pair(1, 2)):
        with pytest.raises(PolicyError, match=__name__):
            decoded(encoded(value))


def test_long_bytes_are_written_once():
    long = bytes(range(256)) * 1000
    made = encoded([long, long, bytearray(long)])
    assert len(made["arrays.safetensors"]) < 2 * len(long) + 1000
    again = decoded(made)
    assert again == [long, long, bytearray(long)]
    assert again[0] is again[1]


def hostile(root: Any) -> dict[str, bytes]:
    import msgspec

    graph = {"version": 1, "types": [], "functions": [], "pools": [], "packed": [], "root": root}
    return {"graph.json": msgspec.json.encode(graph)}


HOSTILE = [
    ["int", ""], ["int", "-"], ["int", "5"], ["int", "000000000"],
    ["int", "f" * 257],
    ["int", 5], ["int"], ["float", "zz"], ["float", "3ff0000000000000"], ["float", None], ["complex", "00"],
    ["bytes", "a"], ["bytes", "YQ"], ["bytes", "é"], ["bytes", ["list", []]], ["bytes", 3], ["bytearray", {}],
    ["date", "2020-W01-1"], ["date", "20200101"], ["date", 3], ["decimal", " 1"], ["decimal", "x"],
    ["uuid", "{x}"], ["uuid", "{00000000-0000-0000-0000-000000000007}"], ["path", "a//b"], ["path", "a/./b"],
    ["posixpath", []], ["datetime", "2020-01-01T00:00:00+01:00", None, 0],
    ["datetime", "20200101T00", None, 0], ["datetime", 1, None, 0],
    ["datetime", "2020-01-01T00:00:00", ["list", []], 0], ["datetime", "2020-01-01T00:00:00", None, 2],
    ["time", "00:00:00", None, None], ["offset", None, None], ["offset", ["timedelta", 5, 0, 0], None],
    ["offset", ["timedelta", 0, 0, 0], 5], ["zone", "../../etc/passwd"], ["zone", "/etc/passwd"],
    ["zone", ""], ["zone", "Europe"], ["zone", "No/Where"], ["range", 0, 1, 0], ["range", 0.5, 1, 1],
    ["range", ["list", []], 1, 1], ["slice", 1, 2], ["fraction", 1, 0],
    ["fraction", 1, ["float", "7ff8000000000000"]], ["timedelta", 1152921504606846976, 0, 0], ["ellipsis", 1],
    ["list", {}], ["list", 5], ["list", [], "list", []], ["tuple", None], ["dict", []], ["map", [1], []],
    ["map", [1, 1], [2, 3]], ["map", [["list", []]], [1]], ["set", [1, 1]], ["set", [["list", []]]],
    ["frozenset", "ab"], ["deque", -1, []], ["deque", 1099511627776, []], ["deque", True, []],
    ["defaultdict", 5, [], []], ["counter", None, [1], []], ["scalars", ["list", []]], ["scalars", 5],
    ["numbered", ["a"], ["list", [1]]], ["numbered", [1], 5], ["enum", 0, "RED"], ["class", 0], ["class", -1],
    ["function", 0], ["partial", 5, [], {}], ["namedtuple", 0, []], ["object", 0, {}],
    ["reduced", 0, [], None, [], [[], []]], ["tuple", [["ref", 0]]], ["def", 0, ["tuple", [["ref", 0]]]],
    ["def", 0, ["frozenset", [["ref", 0]]]], ["def", 0, 5], ["ref", None], [], [[]], [None], ["nothing"],
]  # fmt: skip


@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: repr(node)[:60])
def test_a_hostile_node_is_refused(node):
    with pytest.raises(GraphError):
        decoded(hostile(node))
