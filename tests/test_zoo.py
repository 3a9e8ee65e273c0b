"""The round-trip law over the whole zoo: every model comes back from a file, in a fresh process, to the last bit."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.utils import all_estimators

import modelkeep as mk
from zoo import REFUSED, UNFITTED, ZOO
from zoo.answers import answers, same, spoken
from zoo.fresh import FreshProcess
from zoo.shelf import OLDEST

# Deprecated estimators say so whenever they are made.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

#: What the project promises to cover at the least.
ESTIMATORS, MODELS = 210, 300


@pytest.mark.parametrize("name", ZOO)
def test_model_comes_back_bit_equal(name: str, fresh: FreshProcess) -> None:
    model, X = ZOO[name]()
    assert type(model).__name__ == name or name not in UNFITTED
    again = _round_trip(model, X, fresh)
    # Without a seed, training draws from numpy's global state, which belongs to the process and not to the model.
    if hasattr(model, "partial_fit") and getattr(model, "random_state", 0) is not None:
        _learns_on_alike(model, again, X)
        ZOO[name].cache_clear()  # type: ignore[attr-defined]  # the zoo's own copy has changed


@pytest.mark.parametrize(
    "name",
    [
        "X:IterativeImputer",
        "X:HalvingGrid",
        "ColumnTransformer(classifier)",
        "X:HGBC(from_dtype,pandas)",
        "users' arrays",
    ],
)
def test_model_comes_back_in_a_process_of_its_own(name: str, tmp_path: Path) -> None:
    """The shared process has imported what other models needed; here the file's own needs must do."""
    model, X = ZOO[name]()
    X = pickle.loads(pickle.dumps(X, protocol=5))
    process = FreshProcess(tmp_path)
    try:
        there = process.answers(mk.dumps(model, sample=X), X)
    finally:
        process.close()
    assert same(answers(model, X), there) == []


@pytest.mark.parametrize("name", UNFITTED)
def test_unfitted_model_comes_back(name: str, fresh: FreshProcess) -> None:
    _round_trip(UNFITTED[name], None, fresh)


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_file_can_keep_is_refused_at_save(name: str) -> None:
    model, X = REFUSED[name]()
    with pytest.raises(mk.errors.ModelkeepError) as caught:
        mk.dumps(model, sample=X)
    assert caught.value.hint


def _round_trip(model: Any, X: Any, fresh: FreshProcess) -> Any:
    # As the fresh process gets them: pickle changes the strides of some arrays, and those can change a last bit.
    X = pickle.loads(pickle.dumps(X, protocol=5))
    data = mk.dumps(model, sample=X)
    assert _difference(mk.dumps(model, sample=X), data) == "", "saved twice"
    again = mk.loads(data)
    assert type(again) is type(model)
    assert _difference(mk.dumps(again, sample=X), data) == "", "saved, loaded, saved"
    # The fresh process answers first: some answers move a model's own random state.
    there = fresh.answers(data, X)
    here = answers(model, X)
    assert X is None or spoken(here) > 0, "a model that says nothing proves nothing"
    assert same(here, there) == []
    assert same(here, answers(again, X)) == []
    return again


def _learns_on_alike(model: Any, again: Any, X: Any) -> None:
    """What only training uses (random states, optimisers, counts) is the same as well."""
    taught = (X, model.predict(X)) if is_classifier(model) or is_regressor(model) else (X,)
    try:
        model.partial_fit(*taught)
    except (ValueError, AttributeError, TypeError):
        return  # it can't go on from these rows, and so the copy need not
    again.partial_fit(*taught)
    assert same(answers(model, X), answers(again, X)) == []


def _difference(first: bytes, second: bytes) -> str:
    """Where two files differ, in a line: pytest's own comparison of long bytes takes minutes."""
    if first == second:
        return ""
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    return f"{len(first)} and {len(second)} bytes, from {at}: {first[at : at + 40]!r} != {second[at : at + 40]!r}"


@pytest.mark.skipif(OLDEST, reason="older versions have fewer")
def test_zoo_holds_every_public_estimator() -> None:
    names = [name for name, _ in all_estimators()]
    assert len(names) >= ESTIMATORS
    assert [name for name in names if name not in ZOO] == []
    assert [name for name in names if name not in UNFITTED] == []
    assert len(ZOO) >= MODELS


def test_zoo_is_deterministic() -> None:
    """Two processes that fit the same model get the same answers."""
    script = (
        "import sys; from zoo import ZOO; from zoo.answers import answers; import pickle;"
        "sys.stdout.buffer.write(pickle.dumps(answers(*ZOO[sys.argv[1]]())))"
    )
    name = "random state None"
    found = subprocess.run(
        [sys.executable, "-c", script, name], capture_output=True, check=True, cwd=Path(__file__).parent
    )
    builder: Any = ZOO[name]
    builder.cache_clear()
    assert same(answers(*builder()), pickle.loads(found.stdout)) == []


class TestSame:
    """The comparison fails where it must, and only there."""

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (np.array([1.0, 2.0]), np.array([1.0, np.nextafter(2.0, 3.0)])),
            (np.float32([1.0]), np.nextafter(np.float32([1.0]), np.float32(2.0))),
            (np.array([0.0]), np.array([-0.0])),
            (0.0, -0.0),
            (np.array([1.0]), np.array([1.0], dtype=np.float32)),
            (np.array([1.0]), np.array([[1.0]])),
            (np.array([1, 2]), np.array([1, 3])),
            (np.array([1 + 0j]), np.array([complex(1, -0.0)])),
            (np.array(["a"]), np.array(["a"], dtype=object)),
            (np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.5, 2.0], mask=[0, 1])),
            (np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.0, 2.0], mask=[0, 0])),
            (np.array(["a", None], dtype=object), np.array(["a", "b"], dtype=object)),
            ([1, 2], (1, 2)),
            ([1, 2], [1, 2, 3]),
            ({"a": 1}, {"a": True}),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ],
    )
    def test_sees_a_difference(self, first: Any, second: Any) -> None:
        assert same({"answer": first}, {"answer": second})

    @pytest.mark.parametrize(
        "value",
        [
            np.array([np.nan, -0.0, np.inf]),
            np.array(["NaT", "2024-01-01"], dtype="M8[D]"),
            float("nan"),
            np.ma.array([1.0, 2.0], mask=[1, 0]),
            np.array([np.ma.masked, 1], dtype=object),
            np.array([None, "a", float("nan")], dtype=object),
            {"a": [1, (2.5, "x")]},
        ],
    )
    def test_sees_none_where_there_is_none(self, value: Any) -> None:
        import copy

        assert same(value, copy.deepcopy(value)) == []

    def test_tables_and_sparse_matrices(self) -> None:
        import pandas as pd
        import scipy.sparse as sp

        table = pd.DataFrame({"a": [1.0, np.nan], "b": pd.Categorical(["x", "y"])})
        assert same(table, table.copy()) == []
        assert same(table, table.assign(a=[1.0, 2.0]))
        assert same(table, table.astype({"b": object}))
        assert same(sp.csr_matrix(np.eye(2)), sp.csr_matrix(np.eye(2))) == []
        assert same(sp.csr_matrix(np.eye(2)), sp.csr_matrix(np.diag([1.0, np.nextafter(1.0, 0)])))
        assert same(sp.csr_matrix(np.eye(2)), sp.csc_matrix(np.eye(2)))
