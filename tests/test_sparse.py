"""scipy.sparse: every format comes back to the last index, and no wrong index reaches compiled code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from keeping import decoded, encoded, kept, portrait
from modelkeep.errors import CheckError, GraphError, LoadError, SaveErrors
from modelkeep.formats.keep.types.scipy import CLASSES

FORMATS = sorted(CLASSES)
DTYPES = ["f8", "f4", "i8", "u1", "?", "c16", "g"]


def made(name: str, dense: np.ndarray) -> Any:
    return getattr(sparse, name)(dense)


def same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    assert set(vars(a)) - {"_has_sorted_indices", "_has_canonical_format"} == set(vars(b))
    for key in ("data", "indices", "indptr", "offsets", "coords", "has_canonical_format", "rows", "maxprint"):
        if key in vars(a):
            assert portrait(vars(b)[key]) == portrait(vars(a)[key])
    assert np.array_equal(a.toarray(), b.toarray())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.sampled_from(DTYPES), st.integers(0, 5), st.integers(0, 5), st.integers(0, 99))
def test_a_matrix_comes_back(name, dtype, rows, columns, seed):
    rng = np.random.default_rng(seed)
    dense = (rng.integers(1, 99, (rows, columns)) * (rng.random((rows, columns)) < 0.4)).astype(dtype)
    if name[:3] == "bsr" and not (rows and columns):
        return
    matrix = made(name, dense)
    if name[:3] in ("csr", "csc", "bsr") and seed % 2:
        matrix.indices = matrix.indices.astype(np.int64)  # the constructor would bring it down again
        if seed % 3:
            matrix.indptr = matrix.indptr.astype(np.int64)
    again = kept(matrix)
    if name[:3] == "dok":
        assert dict(again.items()) == dict(matrix.items())
        assert np.array_equal(again.toarray(), matrix.toarray())
    elif name[:3] == "lil":
        assert [again.rows.tolist(), again.data.tolist()] == [matrix.rows.tolist(), matrix.data.tolist()]
    else:
        same(matrix, again)


AXES = [
    sparse.csr_array(np.array([0, 1.5, 0])), sparse.coo_array(np.eye(3)[None] * [[[1], [2], [3]]]),
    sparse.dok_array(np.array([0, 1.5])), sparse.coo_array(np.zeros((2, 0, 3))), sparse.coo_array(np.array([1, 0])),
]  # fmt: skip


@pytest.mark.parametrize("matrix", AXES, ids=lambda m: f"{m.format}{m.shape}")
def test_arrays_of_other_axes_come_back(matrix):
    again = kept(matrix)
    assert type(again) is type(matrix)
    assert np.array_equal(again.toarray(), matrix.toarray())


def test_work_goes_on_with_what_came_back():
    rng = np.random.default_rng(0)
    for name in FORMATS:
        matrix = made(name, np.round(rng.random((6, 8)) - 0.3, 2).clip(0))
        again = kept(matrix)
        vector = rng.random(8)
        assert (again @ vector).tobytes() == (matrix @ vector).tobytes()
        assert ((again.T @ again).toarray()).tobytes() == ((matrix.T @ matrix).toarray()).tobytes()
        assert again.tocsr().sum() == matrix.tocsr().sum()


def test_unsorted_double_and_spare_entries_stay():
    matrix = sparse.csr_array((np.arange(1.0, 6), np.array([2, 0, 0, 1, 2]), np.array([0, 3, 4])), shape=(2, 3))
    same(matrix, kept(matrix))
    matrix = sparse.coo_array((np.ones(3), (np.array([1, 0, 1]), np.array([0, 2, 0]))), shape=(2, 3))
    same(matrix, kept(matrix))
    matrix = sparse.csr_array(np.eye(3))
    matrix.data, matrix.indices = np.append(matrix.data, 9.0), np.append(matrix.indices, np.int32(2))
    same(matrix, kept(matrix))
    matrix.indices[-1] = 77  # behind the last row, where nobody looks: left out, as it can't be checked
    assert len(kept(matrix).data) == 3
    matrix.maxprint = 3
    assert kept(matrix).maxprint == 3


def test_indices_never_share_memory_with_values():
    both = np.array([0, 1, 2], np.int64)
    for matrix in (
        sparse.csr_array((both, both, np.array([0, 1, 2, 3])), shape=(3, 3)),
        sparse.coo_array((both, (both, both)), shape=(3, 3)),
    ):
        again = kept(matrix)
        indices = again.indices if again.format == "csr" else again.coords[0]
        again.data *= 1000
        assert indices.tolist() == [0, 1, 2]


def broken(**parts: Any) -> Any:
    matrix = sparse.csr_array(np.eye(3))
    for key, value in parts.items():
        setattr(matrix, key, value)
    return matrix


def test_broken_matrices_are_refused_when_saving():
    for matrix in (
        broken(indptr=np.array([0, 1, 2, 9])),
        broken(indices=np.array([0, 1, 3])),
        broken(indices=np.array([0, -1, 2])),
        broken(data=np.ones(2)),
        broken(indices=np.array([0, 1, 2], np.uint8)),
        broken(own="x"),
        broken(data=np.array([1, "a", None], object)),
    ):
        with pytest.raises(SaveErrors):
            encoded(matrix)


# -- hostile files: every index field, extreme values --------------------------------------------------------------

EXTREME = (-(1 << 31), -5, -2, -1, 6, 7, 1 << 20, (1 << 31) - 1)
FIELDS = {
    "csr": ("indices", "indptr"), "csc": ("indices", "indptr"), "bsr": ("indices", "indptr"), "coo": ("coords",),
    "dia": ("offsets",), "lil": ("indices", "indptr"), "dok": ("coords",),
}  # fmt: skip


def attacked(name: str, field: str, place: int, value: int) -> bytes | None:
    """The arrays of a file in which one index is another; None if the index is legal there."""
    matrix = made(name, np.kron(np.eye(3), np.ones((2, 2))))
    files = encoded(matrix)
    graph = json.loads(files["graph.json"])
    node = graph["root"][3][field]
    node = node[1][-1] if node[0] == "tuple" else node
    while node[0] == "def":
        node = node[2]
    data = files["arrays.safetensors"]
    size = 8 + int.from_bytes(data[:8], "little")
    info = json.loads(data[8:size])[str(node[1])]
    dtype = {"I32": "<i4", "I64": "<i8"}[info["dtype"]]
    begin, end = (size + n for n in info["data_offsets"])
    array = np.frombuffer(data[begin:end], dtype).copy()
    array[{"first": 0, "middle": len(array) // 2, "last": -1}[place]] = value
    return {"graph.json": files["graph.json"], "arrays.safetensors": data[:begin] + array.tobytes() + data[end:]}


def use(matrix: Any) -> None:
    """All that looks at indices without a check."""
    matrix.tocsr() @ np.ones((matrix.shape[1], 2))
    matrix.T.tocsr() @ np.ones(matrix.shape[0])
    matrix.tocoo().tocsc().sum_duplicates()
    matrix.tolil()
    matrix.toarray()


ATTACKS = [
    (name, field, place, value)
    for name in FORMATS
    for field in FIELDS[name[:3]]
    for place in ("first", "middle", "last")
    for value in EXTREME
]


def test_no_wrong_index_gets_in():
    """In a process of its own, which a crash would end: each attack is refused, or is harmless in use."""
    script = "import test_sparse; test_sparse.attack()"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
    refused, harmless = map(int, run.stdout.split())
    assert refused + harmless == len(ATTACKS)
    assert refused > 0.75 * len(ATTACKS)


def attack() -> None:
    refused = harmless = 0
    for name, field, place, value in ATTACKS:
        try:
            matrix = decoded(attacked(name, field, place, value))
        except LoadError:
            refused += 1
        else:
            use(matrix)
            harmless += 1
    print(refused, harmless)


ONES, THREE = ["array", 0], ["array", 1]
HOSTILE = [
    ["sparse", "csr_array", [3, 3], {}], ["sparse", "csr_array", [3, 3], {"data": ONES}], ["sparse", "os", [3, 3], {}],
    ["sparse", 5, [3, 3], {}], ["sparse", "csr_array", [3], {"data": ONES, "indices": THREE, "indptr": THREE}],
    ["sparse", "csr_matrix", [1 << 39, 1 << 39], {"data": ONES, "indices": THREE, "indptr": THREE}],
    ["sparse", "csr_array", [3, 3], {"data": 5, "indices": THREE, "indptr": THREE}],
    ["sparse", "csr_array", [3, 3], {"data": ONES, "indices": ONES, "indptr": THREE}],
    ["sparse", "csr_array", [2, 3], {"data": ONES, "indices": THREE, "indptr": THREE, "extra": 1}],
    ["sparse", "csr_array", [2, 3], {"data": ONES, "indices": THREE, "indptr": THREE, "maxprint": "x"}],
    ["sparse", "bsr_array", [2, 3], {"data": ONES, "indices": THREE, "indptr": THREE}],
    ["sparse", "coo_array", [3, 3], {"data": ONES, "coords": THREE, "has_canonical_format": False}],
    ["sparse", "coo_array", [3, 3], {"data": ONES, "coords": ["tuple", [THREE]], "has_canonical_format": False}],
    ["sparse", "coo_array", [3, 3], {"data": ONES, "coords": ["tuple", [THREE, THREE]], "has_canonical_format": 1}],
    ["sparse", "coo_array", [], {"data": ONES, "coords": ["tuple", []], "has_canonical_format": False}],
    ["sparse", "dia_array", [3, 3], {"data": ONES, "offsets": THREE}], ["sparse", "dok_array", [3], {"data": ONES}],
    ["sparse", "dok_array", [3, 3], {"data": ONES, "coords": THREE}], ["sparse", "coo_matrix", [3, 3, 3], {}],
    ["sparse", "lil_array", [2, 3], {"data": ONES, "indices": THREE}], ["sparse", "csr_array", [-1, 3], {}],
]  # fmt: skip


@pytest.mark.parametrize("node", HOSTILE, ids=lambda node: repr(node)[:70])
def test_a_hostile_matrix_is_refused(node):
    from test_arrays import hostile

    with pytest.raises((GraphError, CheckError)):
        decoded(hostile(node, np.ones(3), np.arange(3)))


def test_keys_that_occur_twice_are_refused():
    from test_arrays import hostile

    node = ["sparse", "dok_array", [3, 3], {"data": ["array", 0], "coords": ["array", 1]}]
    with pytest.raises(CheckError):
        decoded(hostile(node, np.ones(3), np.zeros((2, 3), np.int64)))


def test_checks_can_be_left_out_for_trusted_bytes():
    matrix = sparse.random(50, 40, 0.2, "csr", random_state=0)
    same(matrix, decoded(encoded(matrix), check=False))
