"""diff: every kind of difference is found, named by its place, and nothing else is."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import modelkeep as mk
from modelkeep import loading
from modelkeep.bundle import open_bundle
from modelkeep.bundle_writer import write_bundle
from modelkeep.comparison import Diff, changes
from modelkeep.comparison import arrays as compared_arrays
from modelkeep.comparison.arrays import compare_arrays, differs, largest
from modelkeep.errors import IntegrityError, UsageError
from modelkeep.formats.keep import files as keep
from modelkeep.ports import Part

X, Y = load_iris(return_X_y=True)
PARTS = ("classes", "parameters", "attributes", "arrays", "trees", "names", "schema", "environment", "probe", "answers")


def compared(first: Any, second: Any, sample: Any = None, policy: mk.Policy | None = None) -> Diff:
    options = {"probe": False} if sample is None else {"sample": sample}
    return mk.diff(mk.dumps(first, **options), mk.dumps(second, **options), policy=policy)


def parts_of(found: Diff) -> set[str]:
    return {name for name in PARTS if getattr(found, name)}


def places(entries: Any) -> list[tuple[str, str]]:
    return [(entry.kind, entry.path) for entry in entries]


def test_the_same_model_has_no_difference() -> None:
    found = compared(*(LogisticRegression(max_iter=300).fit(X, Y) for _ in range(2)), sample=X)
    assert not found
    assert parts_of(found) == set()
    assert found.as_dict()["different"] is False


def test_parameters() -> None:
    first, second = LogisticRegression(C=1.0), LogisticRegression(C=2.0, class_weight={0: 2.0})
    del second.__dict__["warm_start"]
    second.note = "new"
    found = compared(first, second)
    told = {(p.kind, p.path, p.old, p.new) for p in found.parameters}
    assert told == {
        ("changed", "logisticregression.C", "1.0", "2.0"),
        ("changed", "logisticregression.class_weight", "None", "{0: 2.0}"),
        ("removed", "logisticregression.warm_start", "False", ""),
        ("added", "logisticregression.note", "", "'new'"),
    }
    assert parts_of(found) == {"parameters"}


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (1, True), (0, False), (None, "None"), ("1", 1), ([1], (1,))])
def test_the_type_of_a_value_counts(old: Any, new: Any) -> None:
    assert compared({"a": old}, {"a": new})


def test_arrays_that_changed() -> None:
    first, second = (LogisticRegression(max_iter=300, C=c).fit(X, Y) for c in (1.0, 2.0))
    coef = next(a for a in compared(first, second).arrays if a.path == "logisticregression.coef_")
    apart = np.abs(first.coef_ - second.coef_)
    assert (coef.kind, coef.count, coef.total) == ("changed", 12, 12)
    assert coef.absolute == apart.max()
    assert coef.relative == (apart / np.maximum(np.abs(first.coef_), np.abs(second.coef_))).max()


def test_one_number_in_an_array() -> None:
    first = LogisticRegression(max_iter=300).fit(X, Y)
    second = copy.deepcopy(first)
    second.coef_[1, 2] = np.nextafter(second.coef_[1, 2], np.inf)
    found = compared(first, second)
    assert parts_of(found) == {"arrays"}
    assert [(a.path, a.count) for a in found.arrays] == [("logisticregression.coef_", 1)]


def test_arrays_of_another_shape_type_or_only_in_one() -> None:
    first = {"a": np.zeros(3), "b": np.zeros(3), "c": np.zeros(2), "e": np.zeros(2)}
    second = {"a": np.zeros(4), "b": np.zeros(3, "f4"), "d": np.zeros(2), "e": np.zeros(2)}
    found = compared(first, second)
    assert [(a.kind, a.path, a.old, a.new) for a in found.arrays] == [
        ("changed", "dict.a", "float64, 3", "float64, 4"),
        ("changed", "dict.b", "float64, 3", "float32, 3"),
        ("removed", "dict.c", "float64, 2", ""),
        ("added", "dict.d", "", "float64, 2"),
    ]


def test_special_numbers() -> None:
    old = np.array([np.nan, 0.0, np.inf, 1.0, np.nan])
    assert compare_arrays("a", old, old.copy()) is None
    new = np.array([np.nan, -0.0, -np.inf, 1.0, 2.0])
    change = compare_arrays("a", old, new)
    assert change is not None
    assert change.count == 3  # type: ignore[union-attr]
    assert largest(np.array([np.nan]), np.array([1.0])) == (None, None)


def test_a_large_array_is_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = np.zeros((100, 7)), np.zeros((100, 7))
    new[3, 1], new[99, 6], new[50, 0] = 1.0, -5.0, 2.0
    whole = compare_arrays("a", old, new)
    monkeypatch.setattr(compared_arrays, "PIECE", 1000)
    assert len(list(compared_arrays._pieces(old, new))) > 5
    assert compare_arrays("a", old, new) == whole
    assert isinstance(whole, compared_arrays.ArrayChange)
    assert (whole.count, whole.absolute, whole.relative) == (3, 5.0, 1.0)


@given(arrays.arrays(np.float64, (6,)), arrays.arrays(np.float64, (6,)))
@settings(max_examples=100, deadline=None)
def test_an_array_differs_from_another_as_often_as_the_other_from_it(old: Any, new: Any) -> None:
    assert np.array_equal(differs(old, new), differs(new, old))
    assert not differs(old, old).any()
    change = compare_arrays("a", old, new)
    assert (change is None) == (not differs(old, new).any())


def test_compressed_arrays_compare_like_plain_ones() -> None:
    first = {"a": np.arange(10_000.0)}
    second = {"a": np.arange(10_000.0)}
    second["a"][77] += 1
    plain, packed = (mk.dumps(first, compress=how) for how in (None, "zstd"))
    assert not mk.diff(plain, packed).arrays
    found = mk.diff(packed, mk.dumps(second, compress="zstd"))
    assert [(a.path, a.count, a.absolute) for a in found.arrays] == [("dict.a", 1, 1.0)]


def test_trees_added_removed_and_changed() -> None:
    small, grown = (RandomForestClassifier(n, random_state=0).fit(X, Y) for n in (5, 8))
    found = compared(small, grown)
    assert [tree.kind for tree in found.trees] == ["added"] * 3
    assert [tree.path for tree in found.trees] == [f"randomforestclassifier.estimators_[{i}].tree_" for i in (5, 6, 7)]
    assert places(found.classes) == [("added", f"randomforestclassifier.estimators_[{i}]") for i in (5, 6, 7)]
    assert [tree.kind for tree in compared(grown, small).trees] == ["removed"] * 3
    assert found.trees[0].new_nodes == grown.estimators_[5].tree_.node_count
    other = RandomForestClassifier(5, random_state=1).fit(X, Y)
    assert {tree.kind for tree in compared(small, other).trees} == {"changed"}


@pytest.mark.parametrize("name", ["threshold", "value", "feature"])
def test_one_node_of_one_tree(name: str) -> None:
    first = GradientBoostingClassifier(n_estimators=4, random_state=0).fit(X, Y)
    second = copy.deepcopy(first)
    tree = second.estimators_[2, 1].tree_
    if name == "feature":
        tree.feature[0] = (tree.feature[0] + 1) % 4
    elif name == "threshold":
        tree.threshold[0] = np.nextafter(tree.threshold[0], 9.0)
    else:
        tree.value[-1] += 1.0
    (change,) = compared(first, second).trees
    assert (change.kind, change.columns, change.total) == ("changed", (name,), 12)
    assert change.path == "gradientboostingclassifier.estimators_[7].tree_"


def test_histogram_trees() -> None:
    first, second = (HistGradientBoostingClassifier(max_iter=3, learning_rate=r).fit(X, Y) for r in (0.1, 0.2))
    found = compared(first, second)
    assert len(found.trees) == 9
    assert {tree.kind for tree in found.trees} == {"changed"}


def test_a_vocabulary() -> None:
    texts = ["the cat sat", "the dog ran", "cats and dogs"]
    first, second = TfidfVectorizer().fit(texts), TfidfVectorizer().fit([*texts, "a zebra"][1:])
    (names,) = compared(first, second).names
    assert names.path == "tfidfvectorizer.vocabulary_"
    assert names.added == ("zebra",)
    assert set(names.removed) == {"cat", "sat"}
    assert names.moved == 5  # and, cats, dog, dogs, ran, the: all but the first have another number


@pytest.mark.parametrize("dtype", [object, str])
def test_categories_and_labels(dtype: Any) -> None:
    def encoder(*categories: str) -> OneHotEncoder:
        return OneHotEncoder().fit(np.array([[c] for c in categories], dtype=dtype))

    (names,) = compared(encoder("a", "b", "c"), encoder("a", "c", "d", "e")).names
    assert names.path == "onehotencoder.categories_[0]"
    assert (names.added, names.removed, names.added_count, names.removed_count) == (("d", "e"), ("b",), 2, 1)


def test_classes_that_changed() -> None:
    first, second = make_pipeline(StandardScaler(), Ridge()), make_pipeline(StandardScaler(), LogisticRegression())
    found = compared(first.fit(X, Y), second.fit(X, Y))
    assert places(found.classes) == [
        ("removed", "pipeline.steps['ridge']"),
        ("added", "pipeline.steps['logisticregression']"),
    ]
    assert places(compared(Ridge(), LogisticRegression()).classes) == [("changed", "ridge")]


def test_a_step_that_was_put_in_moves_no_other() -> None:
    first = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(X, Y)
    second = make_pipeline(StandardScaler(), "passthrough", LogisticRegression(max_iter=300)).fit(X, Y)
    found = compared(first, second)
    assert parts_of(found) == {"parameters"}
    assert places(found.parameters) == [("added", "pipeline.steps['passthrough']")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (sparse.csr_matrix((3, 5)), sparse.csr_matrix((3, 6))),
        (sparse.csr_matrix(np.eye(3)), sparse.csc_matrix(np.eye(3))),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.0, 2.0], mask=[1, 1])),
        (np.random.RandomState(0), np.random.RandomState(1)),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (slice(1, 2), slice(1, 3)),
        (np.dtype("f4"), np.dtype("f8")),
        (np.float32(1), np.float64(1)),
        (np.log1p, np.expm1),
        (b"a", b"b"),
        (np.array(["a", 1], object), np.array(["a", 2], object)),
        ({1: "a"}, {2: "a"}),
        ([(1, 2), (3, 4)], [(1, 2), (3, 5)]),
        ({3, 4}, {3, 5}),
        ({"k" * 300 + "a": [np.zeros(1)]}, {"k" * 300 + "b": [np.zeros(1)]}),
        ({"\x1b": np.zeros(1), "\\x1b": np.zeros(1)}, {"\x1b": np.zeros(1), "\\x1b": np.ones(1)}),
        ({(1, 2), (3, 4)}, {(1, 2), (3, 5)}),
        (pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"a": [1.0, 3.0]})),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), pd.DataFrame({"b": [1.0], "a": [2.0]})),
        (pd.DataFrame({"list": ["array"]}), pd.DataFrame({"list": ["text"]})),
        (pd.DataFrame({"a": pd.Categorical(["x", "y"])}), pd.DataFrame({"a": pd.Categorical(["x", "z"])})),
        (pd.Series(pd.array([1, None], dtype="Int64")), pd.Series(pd.array([None, 1], dtype="Int64"))),
        (pd.Series([1.0], name="a"), pd.Series([1.0], name="b")),
        (pd.Index(["list", "b"]), pd.Index(["list", "c"])),
        (pd.RangeIndex(3), pd.RangeIndex(4)),
        (pd.MultiIndex.from_tuples([(1, "a")]), pd.MultiIndex.from_tuples([(1, "b")])),
        (pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")),
        (pd.Series(pd.to_datetime(["2020"])), pd.Series(pd.to_datetime(["2021"]))),
        (pd.Series(["ref", None]), pd.Series(["ref", "b"])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_inner_objects(old: Any, new: Any) -> None:
    assert compared({"a": old, "b": np.zeros(1)}, {"a": new, "b": np.zeros(1)})
    assert not compared({"a": old, "b": np.zeros(1)}, {"a": copy.deepcopy(old), "b": np.zeros(1)})
    assert mk.inspect(mk.dumps({"a": old}, probe=False)).tree is None


def test_sharing_that_was_lost() -> None:
    part = {"w": np.zeros(3)}
    found = compared({"a": part, "b": part}, {"a": part, "b": copy.deepcopy(part)})
    assert found


def test_schema_and_environment() -> None:
    assert changes({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3], "c": {}})[0].path == "b"
    columns = [{"name": "x", "dtype": "int64"}, {"name": "y", "dtype": "int64"}]
    other = [{"name": "y", "dtype": "float64"}, {"name": "z", "dtype": "int64"}]
    found = changes({"columns": columns}, {"columns": other})
    assert [(c.kind, c.path) for c in found] == [
        ("removed", "columns.x"),
        ("changed", "columns.y.dtype"),
        ("added", "columns.z"),
    ]
    assert changes({"a": 1}, {"a": True})
    narrow = compared(Ridge().fit(X, Y), Ridge().fit(X[:, :2], Y))
    assert ("changed", "shape") in places(narrow.schema)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_the_rows_that_are_answered_differently() -> None:
    first, second = (LogisticRegression(max_iter=300, C=c).fit(X, Y) for c in (1.0, 0.01))
    found = compared(first, second, sample=X)
    answers = {answer.method: answer for answer in found.answers}
    assert answers.keys() == {"predict", "predict_proba", "predict_log_proba", "decision_function"}
    predict = answers["predict"]
    assert 0 < predict.count < predict.total
    assert found.asked == predict.total
    for row, _, old, new in predict.values:
        assert row in predict.rows
        assert old != new


def test_equal_answers_of_other_models() -> None:
    found = compared(Ridge(random_state=1).fit(X, Y), Ridge(random_state=2).fit(X, Y), sample=X)
    assert parts_of(found) == {"parameters"}
    assert found.asked > 0


def test_a_model_of_another_width_is_told_once_for_each_method() -> None:
    found = compared(Ridge().fit(X, Y), Ridge().fit(X[:, :3], Y), sample=None)
    assert found.unanswered == "neither file has a probe"
    wide, narrow = mk.dumps(Ridge().fit(X, Y), sample=X), mk.dumps(Ridge().fit(X[:, :3], Y), sample=X[:, :3])
    answers = mk.diff(wide, narrow).answers
    assert {answer.probe for answer in answers} == {"first", "second"}
    assert all("can't answer: ValueError" in answer.what for answer in answers)


class Own:
    """A class of this test: no policy trusts it unless told to."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows)[:, 0] * self.rate


def test_answers_are_compared_only_where_the_policy_lets_both_load() -> None:
    found = compared(Own(1.0), Own(2.0), sample=X)
    assert "does not trust" in found.unanswered
    assert parts_of(found) == {"parameters"}
    trusted = compared(Own(1.0), Own(2.0), sample=X, policy=mk.Policy(trust=(f"{Own.__module__}.Own",)))
    assert [answer.method for answer in trusted.answers] == ["predict"]


class Talks(Own):
    """A class with a method that no table lists as one that answers."""

    calls = 0

    def destroy(self, rows: Any) -> Any:
        Talks.calls += 1
        return rows


def test_a_file_does_not_choose_what_is_called() -> None:
    files = []
    for rate in (1.0, 2.0):
        artifact = open_bundle(memoryview(bytearray(mk.dumps(Talks(rate), sample=X))))
        probe = loading.read_probe(artifact)
        assert probe is not None
        (answers,) = probe.answers
        parts = {name: Part.of(bytes(data)) for name, data in artifact.files.items() if not name.startswith("probe")}
        parts |= keep.write_graph({"rows": probe.rows, "answers": [{"destroy": X, **answers}]}, "probe")
        memory = io.BytesIO()
        write_bundle(memory, parts, lambda e, manifest=artifact.manifest: msgspec.structs.replace(manifest, files=e))
        files.append(memory.getvalue())
    found = mk.diff(*files, policy=mk.Policy(trust=(f"{Talks.__module__}.Talks",)))
    assert [answer.method for answer in found.answers] == ["predict"]
    assert Talks.calls == 0


def test_the_structure_is_compared_without_the_framework(tmp_path: Path) -> None:
    for number in (1, 2):
        mk.save(RandomForestClassifier(number).fit(X, Y), tmp_path / f"{number}.keep", probe=False)
    code = (
        "import sys, modelkeep as mk; found = mk.diff(*sys.argv[1:]); assert found.trees;"
        "print([name for name in ('sklearn', 'scipy', 'pandas') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, *(str(tmp_path / f"{number}.keep") for number in (1, 2))]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_only_whole_keep_files_are_compared(tmp_path: Path) -> None:
    good = mk.dumps({"a": np.arange(9)})
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    with pytest.raises((IntegrityError, mk.errors.ContainerError)):
        mk.diff(good, bytes(bad))
    mk.save({"a": 1}, tmp_path / "a.pkl")
    with pytest.raises(UsageError, match="only keep files can be compared"):
        mk.diff(good, tmp_path / "a.pkl")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN, PLAIN)
@settings(max_examples=150, deadline=None)
def test_a_difference_of_values_is_a_difference_of_files(first: Any, second: Any) -> None:
    """``bool(diff(a, b)) == (bytes of a != bytes of b)`` for plain values, whatever their form."""
    files = [mk.dumps({"a": value}) for value in (first, second)]
    assert bool(mk.diff(*files)) == (files[0] != files[1])
