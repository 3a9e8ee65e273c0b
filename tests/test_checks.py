"""The structural checks: no honest model is refused, and nothing that they let through ends a process."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from modelkeep.errors import CheckError
from modelkeep.formats.keep.checks import CHECKS, checks_for, regex_params
from modelkeep.formats.keep.checks.regex import why_slow
from modelkeep.formats.keep.checks.unfolded import check_unfolded
from zoo import UNFITTED, ZOO

HOSTILE = Path(__file__).parent / "hostile"
sys.path.insert(0, str(HOSTILE))

from checks_attacks import ATTACKS  # noqa: E402
from checks_campaign import check_graph, check_object  # noqa: E402  beside the script that it is a part of
from checks_victims import victims  # noqa: E402


def check(model: Any, allow_regex: bool = False) -> None:
    check_graph(model, lambda obj: check_object(obj, allow_regex))


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {name: pickle.dumps(model) for name, (model, _, _) in victims().items()}


# -- honest models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ZOO)
def test_no_model_of_the_zoo_is_refused(name: str) -> None:
    model, _ = ZOO[name]()
    if "(memory=" in name:  # the encoder leaves the folder out
        with pytest.raises(CheckError, match="memory: a cache folder"):
            check(model)
        return
    check(model)


def test_no_unfitted_estimator_is_refused() -> None:
    for make in UNFITTED.values():
        check(make() if callable(make) else make)


def test_no_victim_is_refused(models: dict[str, bytes]) -> None:
    for blob in models.values():
        check(pickle.loads(blob))


def test_every_class_of_the_table_exists() -> None:
    def found(name: str) -> bool:
        module, _, attribute = name.rpartition(".")
        return hasattr(importlib.import_module(module), attribute)

    assert [name for name in CHECKS if not found(name)] == []


def test_most_classes_have_no_check() -> None:
    assert checks_for(dict) == () == checks_for(np.ndarray)


def test_a_class_of_ones_own_may_use_any_name() -> None:
    from sklearn.base import BaseEstimator

    class Mine(BaseEstimator):  # type: ignore[misc]
        def __init__(self) -> None:
            self.n_features_in_, self.kernel, self.kw_args, self.memory = None, "a b", 7, 64

    check_object(Mine(), False)


def test_objects_that_hold_each_other_twice_are_refused() -> None:
    from sklearn.pipeline import FeatureUnion
    from sklearn.preprocessing import StandardScaler

    bomb = StandardScaler()
    for _ in range(60):
        bomb = FeatureUnion([("left", bomb), ("right", bomb)])
    with pytest.raises(CheckError, match="hold each other"):
        check_unfolded(bomb)
    shared = StandardScaler()
    check_unfolded(FeatureUnion([(str(i), shared) for i in range(100)]))
    circle: list[Any] = []
    circle.append(circle)
    check_unfolded(circle)


# -- attacks ----------------------------------------------------------------------------------------------------------


def campaign(*options: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, str(HOSTILE / "checks_campaign.py"), *options],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_what_the_checks_let_through_ends_no_process() -> None:
    counts = campaign("--limit", "24")
    assert counts["deadly"] == []
    assert counts["stumbled"] <= 5  # an error of Python in a check is a refusal too, if not a good one
    assert counts["attacks"] > 1500
    assert counts["refused"] > 600


def test_the_campaign_notices_a_model_that_ends_its_process() -> None:
    counts = campaign("--no-checks", "--only", "^(CountVectorizer|SVC dense)$", "--place", "vocabulary_|_dual_coef_")
    assert any("SIGSEGV" in line for line in counts["deadly"])
    assert counts["refused"] == 0


@pytest.mark.parametrize(("name", "act", "place"), ATTACKS, ids=[f"{i}-{row[0]}" for i, row in enumerate(ATTACKS)])
def test_an_attack_is_refused_where_it_is(
    models: dict[str, bytes], name: str, act: Callable[[Any], None], place: str
) -> None:
    model = pickle.loads(models[name])
    act(model)
    with pytest.raises(CheckError) as caught:
        check(model)
    assert caught.value.path.startswith(place)


# -- sparse matrices --------------------------------------------------------------------------------------------------

_DENSE = np.array([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, 4, 0]])
_FORMS = ("csr", "csc", "bsr", "coo", "dia", "dok", "lil")


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_matrices_pass(form: str, kind: str) -> None:
    make = getattr(scipy.sparse, f"{form}_{kind}")
    for dense in (_DENSE, _DENSE[:0], _DENSE[:, :0], _DENSE.astype("f4"), _DENSE != 0):
        if dense.size or form != "bsr":
            check_object(make(dense), False)
    matrix = make(_DENSE)
    if form in ("csr", "csc"):
        matrix.sort_indices()
        assert matrix.has_canonical_format
        check_object(matrix, False)


def test_vectors_pass() -> None:
    check_object(scipy.sparse.csr_array(np.array([0, 1.0, 2])), False)
    check_object(scipy.sparse.coo_array(np.array([0, 1.0, 2])), False)


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [
        ("csr", "indices", [1, 4, 0, 2]),
        ("csr", "indices", [1, -1, 0, 2]),
        ("csr", "indices", [1, 3]),
        ("csr", "indptr", [0, 2, 2, 9]),
        ("csr", "indptr", [0, 3, 2, 4]),
        ("csr", "indptr", [1, 2, 2, 4]),
        ("csr", "indptr", [0, 2, 4]),
        ("csr", "_shape", (3, 2)),
        ("csr", "_shape", (4, 4)),
        ("csr", "_shape", (3, -4)),
        ("csc", "indices", [2, 0, 3, 0]),
        ("bsr", "indices", [7, 0, 0, 0]),
        ("coo", "coords", (np.array([0, 0, 2, 3]), np.array([1, 3, 0, 2]))),
        ("coo", "coords", (np.array([0, 0, 2, 2]), np.array([1, 3, 0]))),
        ("dia", "offsets", [9, 1, 3]),
        ("dok", "_dict", {(0, 9): 1.0}),
        ("lil", "rows", np.array([[1, 9], [], [0, 2]], object)),
    ],
)
def test_a_bent_sparse_matrix_is_refused(form: str, name: str, value: Any) -> None:
    matrix = getattr(scipy.sparse, f"{form}_array")(_DENSE)
    old = vars(matrix)[name]
    vars(matrix)[name] = np.array(value, old.dtype) if isinstance(value, list) else value
    with pytest.raises(CheckError):
        check_object(matrix, False)


def test_a_matrix_that_claims_an_order_it_lacks_is_refused() -> None:
    matrix = scipy.sparse.csr_array((np.ones(2), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    check_object(matrix, False)
    vars(matrix)["_has_sorted_indices"] = True
    with pytest.raises(CheckError, match="order"):
        check_object(matrix, False)


# -- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("input", "content", True),
        ("input", "filename", False),
        ("input", "file", False),
        ("encoding", "utf-8", True),
        ("encoding", "ISO-8859-1", True),
        ("encoding", "gb18030", True),
        ("encoding", "zlib", False),
        ("encoding", "../../x", False),
        ("decode_error", "ignore", True),
        ("decode_error", "surrogateescape", False),
        ("token_pattern", r"[a-z]+(?:-[a-z]+)*", True),
        ("token_pattern", r"(\w+\s?)+$", False),
        ("token_pattern", 7, False),
        ("ngram_range", (1, 3), True),
        ("ngram_range", (1, 2**31), False),
    ],
)
def test_parameters_of_texts(name: str, value: Any, good: bool) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    model = CountVectorizer(**{name: value})
    if good:
        check_object(model, False)
        return
    with pytest.raises(CheckError) as caught:
        check_object(model, False)
    assert caught.value.path == name


def _search(**options: Any) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    return GridSearchCV(LogisticRegression(), {}, **options)


def test_parameters_that_would_run_or_reach_out() -> None:
    from sklearn.feature_selection import RFE
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    steps = [("a", LogisticRegression())]
    for good in (
        *(_search(pre_dispatch=value) for value in ("2*n_jobs", "n_jobs", "all", 7, "2 * n_jobs", "1.5*n_jobs")),
        RFE(LogisticRegression(), importance_getter="auto"),
        RFE(LogisticRegression(), importance_getter="named_steps.model.coef_"),
        FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}),
    ):
        check_object(good, False)
    for bad, place in (
        (_search(pre_dispatch="__import__('os')"), "pre_dispatch"),
        (Pipeline(steps, memory="/tmp/cache"), "memory"),
        (RFE(LogisticRegression(), importance_getter="coef_.__class__"), "importance_getter"),
        (FunctionTransformer(np.ones_like, kw_args={"shape": (2**40,)}), "kw_args"),
    ):
        with pytest.raises(CheckError) as caught:
            check_object(bad, False)
        assert caught.value.path == place


def test_the_policy_may_allow_any_pattern() -> None:
    from sklearn.compose import make_column_selector
    from sklearn.feature_extraction.text import TfidfVectorizer

    for model in (TfidfVectorizer(token_pattern="(a+)+$"), make_column_selector(pattern="(a+)+$")):
        assert [pattern for _, pattern in regex_params(model)] == ["(a+)+$"]
        with pytest.raises(CheckError, match="a repeat inside a repeat") as caught:
            check_object(model, False)
        assert "allow_regex=True" in caught.value.hint
        check_object(model, True)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?u)\b\w\w+\b", r"\b[^\d\W]+\b", r"[a-z]+(?:'[a-z]+)?", r"\w+(?:'\w+)?(?:-\w+)?", r"(?:foo|bar)_.*",
        r"\d+(?:\.\d+)?|\w+", r"[\w']+|[.,!?;]", r"(?<!\w)\w+", r"\b[a-z0-9]+[a-z][a-z0-9]+\b", r"\S+", r"^num_",
    ],
)  # fmt: skip
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    assert why_slow(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(.*)*x", "(?:a|aa)+$", r"(\w)\1+", r"\w*\w*\w*x", "(x+x+)+y", "((a+)?)*b", "(?=(a+)+)b", "(",
        "a?" * 30 + "a" * 30, "(?:ab)?" * 20 + "ab" * 20, "(?:(?:a{1,9}){1,9}){1,9}c", "a" * 300, r"(?:a?){30}a{30}",
    ],
)  # fmt: skip
def test_slow_patterns_are_refused(pattern: str) -> None:
    assert why_slow(pattern)


# -- speed ------------------------------------------------------------------------------------------------------------


def test_a_large_ensemble_costs_little() -> None:
    from sklearn.ensemble import RandomForestRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forest = RandomForestRegressor(300, max_depth=2).fit(np.random.rand(20, 3), np.arange(20.0))
    parts = [*forest.estimators_, forest]
    for part in parts:
        check_object(part, False)
    start = time.perf_counter()
    for part in parts:
        check_object(part, False)
    # About 3 microseconds a tree on an idle machine.
    assert time.perf_counter() - start < 300 * 100e-6
