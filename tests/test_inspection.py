"""inspect: what a file holds is told truly, and without building, importing or running anything."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections import OrderedDict, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

import modelkeep as mk
from modelkeep.artifact import FileEntry, Manifest
from modelkeep.bundle import open_bundle
from modelkeep.bundle_writer import write_bundle
from modelkeep.errors import ContainerError, GraphError, IntegrityError
from modelkeep.formats.keep import files as keep
from modelkeep.inspection import Inspection, Node
from modelkeep.outline import Outline, outline
from modelkeep.outline.values import Values
from modelkeep.ports import Part

X, Y = load_iris(return_X_y=True)


def inspected(model: Any, **options: Any) -> Inspection:
    return mk.inspect(mk.dumps(model, probe=False, **options))


def forest() -> Pipeline:
    steps = [("scale", StandardScaler()), ("trees", RandomForestClassifier(20, random_state=0))]
    return Pipeline(steps).fit(X, Y)


def nodes(tree: Node | None) -> list[Node]:
    return [] if tree is None else [tree, *(node for child in tree.children for node in nodes(child))]


def test_the_parts_have_their_names_classes_and_parameters() -> None:
    found = {node.path: node for node in nodes(inspected(forest()).tree)}
    assert found["pipeline"].type == "sklearn.pipeline.Pipeline"
    scale = found["pipeline.steps['scale']"]
    assert (scale.name, scale.type) == ("scale", "sklearn.preprocessing.StandardScaler")
    assert scale.parameters == {"with_mean": "True", "with_std": "True", "copy": "True"}
    trees = found["pipeline.steps['trees']"]
    assert trees.parameters["n_estimators"] == "20"
    assert trees.parameters["max_features"] == "'sqrt'"
    assert "estimators_" not in trees.parameters


def test_members_of_an_ensemble_are_one_node() -> None:
    members = [node for node in nodes(inspected(forest()).tree) if node.count > 1]
    assert [(node.type, node.count, node.varying) for node in members] == [
        ("sklearn.tree.DecisionTreeClassifier", 20, ("random_state",))
    ]


def test_the_template_of_a_compound_is_told_by_its_fitted_copy() -> None:
    search = GridSearchCV(SVC(), {"C": [1, 10]}, cv=2).fit(X, Y)
    found = inspected(search).tree
    paths = [node.path for node in nodes(found)]
    assert "gridsearchcv.best_estimator_" in paths
    assert "gridsearchcv.estimator" not in paths
    assert found is not None
    assert found.parameters["param_grid"] == "{'C': [1, 10]}"
    assert found.parameters["estimator"] == "<SVC>"


def test_a_shared_object_is_named_where_it_is_again() -> None:
    part = StandardScaler().fit(X)
    model = ColumnTransformer([("a", "passthrough", [0])]).fit(X)
    model.first_, model.second_ = part, part
    again = {node.path: node.same_as for node in nodes(inspected(model).tree) if node.same_as}
    assert again == {"columntransformer.second_": "columntransformer.first_"}


def test_arrays_have_place_type_shape_and_size() -> None:
    found = {fact.path: fact for fact in inspected(LogisticRegression(max_iter=300).fit(X, Y)).arrays}
    coef = found["logisticregression.coef_"]
    assert (coef.dtype, coef.shape, coef.bytes) == ("float64", (3, 4), 96)
    assert found["logisticregression.classes_"].dtype == "int64"


@pytest.mark.parametrize("compress", [None, "zstd"])
@pytest.mark.parametrize(
    "array",
    [
        np.zeros((300, 4)),
        np.asfortranarray(np.zeros((300, 4), np.float32)),
        np.zeros((6, 4, 5)).transpose(2, 0, 1),
        np.zeros((6, 8))[:, ::2],
        np.zeros(5)[::-1],
        np.array(["a", "bcd"]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
        np.array(3.0),
        np.zeros((0, 3)),
    ],
    ids=["plain", "fortran", "moved axes", "strided", "backwards", "text", "dates", "struct", "one", "empty"],
)
def test_an_array_is_described_as_it_is(array: Any, compress: str | None) -> None:
    (fact,) = inspected({"a": array}, compress=compress).arrays
    assert (fact.dtype, fact.shape) == (str(array.dtype), array.shape)
    assert fact.path == "dict.a"


def test_sizes_add_up() -> None:
    found = inspected(forest())
    assert found.tree is not None
    assert found.tree.bytes == pytest.approx(sum(f.bytes for f in (*found.arrays, *found.pools)), abs=20)
    assert found.files["arrays.safetensors"] >= found.tree.bytes
    assert sum(found.files.values()) <= found.size


def test_trees_are_counted() -> None:
    model = forest()
    (pool,) = inspected(model).pools
    members = model.named_steps["trees"].estimators_
    assert (pool.kind, pool.trees) == ("tree", 20)
    assert pool.nodes == sum(member.tree_.node_count for member in members)
    assert pool.path == "pipeline.steps['trees'].estimators_[0].tree_"
    boosted = HistGradientBoostingClassifier(max_iter=3).fit(X, Y)
    (pool,) = inspected(boosted).pools
    assert (pool.kind, pool.trees) == ("predictor", 9)


def test_schema_environment_probe_and_digest_come_from_the_manifest() -> None:
    data = mk.dumps(LogisticRegression(max_iter=300).fit(X, Y), sample=X)
    found, manifest = mk.inspect(data), open_bundle(memoryview(bytearray(data))).manifest
    assert found.digest == manifest.digest
    assert (found.framework, found.model) == ("sklearn", manifest.model)
    assert found.schema == manifest.schema
    assert found.environment == manifest.environment
    assert found.probe["rows"] > 0
    assert found.changes == ()
    assert found.as_dict()["tree"]["type"] == "sklearn.linear_model.LogisticRegression"


def test_a_difference_of_environment_is_told() -> None:
    artifact = open_bundle(memoryview(bytearray(mk.dumps(LogisticRegression(max_iter=300).fit(X, Y), probe=False))))
    packages = {**artifact.manifest.environment["packages"], "scikit-learn": "0.1"}
    manifest = msgspec.structs.replace(artifact.manifest, environment={"packages": packages})
    (change,) = mk.inspect(rebuilt(manifest, artifact.files)).changes
    assert change.startswith("scikit-learn 0.1, now ")


def rebuilt(manifest: Manifest, files: Any) -> bytes:
    """A file with these parts and digests that fit them."""

    def manifest_of(entries: dict[str, FileEntry]) -> Manifest:
        return msgspec.structs.replace(manifest, files=entries)

    memory = io.BytesIO()
    write_bundle(memory, {name: Part.of(bytes(data)) for name, data in files.items()}, manifest_of)
    return memory.getvalue()


def test_carried_source_and_needed_trust_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "carried.py").write_text("class Part:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("carried")
    part = module.Part()
    part.rate = 0.5
    found = inspected({"own": part})
    assert found.trust == ("carried.Part",)
    assert found.code == {}
    found = inspected({"own": part}, code=[str(tmp_path / "carried.py")])
    assert found.trust == ()
    assert found.code == {"carried.py": "class Part:\n    pass\n"}


# -- what it may not do ------------------------------------------------------------------------------------------------


def test_no_framework_is_imported_and_nothing_is_built(tmp_path: Path) -> None:
    path = tmp_path / "model.keep"
    mk.save(forest(), path, sample=X)
    code = (
        "import sys, modelkeep as mk; found = mk.inspect(sys.argv[1]); assert found.pools and found.tree.children;"
        "print([name for name in ('sklearn', 'scipy', 'pandas', 'joblib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Acts:
    ran = False

    def __reduce__(self) -> Any:
        return (setattr, (Acts, "ran", True))


def test_a_pickle_is_read_without_running_it() -> None:
    found = mk.inspect(pickle.dumps(Acts()))
    assert not Acts.ran
    assert found.safety == "code"
    assert "builtins.setattr" in found.globals
    assert found.tree is None


def test_a_pickle_that_nobody_writes_is_told_as_such() -> None:
    found = mk.inspect(b"\x80\x04cos\nsystem\n\x8c\x02lsR.")
    assert found.format == "pickle"
    assert found.globals or any("can't be listed" in note for note in found.notes)


@pytest.mark.parametrize("place", range(40, 2400, 61))
def test_a_damaged_file_is_refused_as_by_a_load(place: int) -> None:
    data = bytearray(mk.dumps({"a": np.arange(50.0), "b": "text"}))
    data[place % len(data)] ^= 4
    with pytest.raises((IntegrityError, ContainerError, GraphError, mk.errors.VersionError)) as loading:
        mk.loads(bytes(data))
    with pytest.raises(type(loading.value)) as inspecting:
        mk.inspect(bytes(data))
    assert inspecting.value.stage == loading.value.stage


HOSTILE = {
    "a class that is not there": ["object", 7, {}],
    "a class by a text": ["object", "os.system", {}],
    "a negative class": ["object", -1, {}],
    "an array that is not there": ["dict", {"a": ["array", 99]}],
    "an array by a text": ["dict", {"a": ["array", "x"]}],
    "an array without number": ["dict", {"a": ["array"]}],
    "a reference to nothing": ["dict", {"a": ["ref", 3]}],
    "a node without kind": ["dict", {"a": [[1]]}],
    "an empty node": ["dict", {"a": []}],
    "a pool that is not there": ["dict", {"a": ["tree", 3, 0]}],
    "an object without state": ["object", 0],
    "a list of nothing": ["list"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_graph_gives_only_an_error_of_modelkeep(name: str) -> None:
    artifact = open_bundle(memoryview(bytearray(mk.dumps({"a": np.arange(3)}))))
    graph = msgspec.json.decode(bytes(artifact.files["graph.json"]))
    graph["root"] = HOSTILE[name]
    data = rebuilt(artifact.manifest, {**artifact.files, "graph.json": msgspec.json.encode(graph)})
    with pytest.raises(GraphError):
        mk.inspect(data)


def test_a_graph_that_is_nested_too_deep_is_refused() -> None:
    artifact = open_bundle(memoryview(bytearray(mk.dumps({"a": 1}))))
    graph = bytes(artifact.files["graph.json"])
    deep = b'["list",[' * 5000 + b"1" + b"]]" * 5000
    data = rebuilt(artifact.manifest, {"graph.json": graph[: graph.index(b'"root":') + 7] + deep + b"}"})
    with pytest.raises(GraphError):
        mk.inspect(data)


# -- outlines ----------------------------------------------------------------------------------------------------------


def outlined(value: Any) -> Outline:
    artifact = open_bundle(memoryview(bytearray(mk.dumps(value, probe=False))))
    return outline(keep.plan(artifact.files))


VALUES: dict[str, tuple[Any, str]] = {
    "text": ("it's", "'it's'"),
    "none": (None, "None"),
    "float": (0.1, "0.1"),
    "nan": (float("nan"), "nan"),
    "big": (1 << 70, str(1 << 70)),
    "tuple": ((1,), "(1,)"),
    "nested": ([(1, 2), {"a": None}], "[(1, 2), {'a': None}]"),
    "long": (list(range(100)), "[0, 1, 2, 3, 4, 5, ... 94 more]"),
    "set": ({3}, "{3}"),
    "map": ({1: "a"}, "{1: 'a'}"),
    "ordered": (OrderedDict(a=1), "{'a': 1}"),
    "default": (defaultdict(list, a=1), "{'a': 1}"),
    "scalar": (np.float32(0.5), "0.5"),
    "scalar nan": (np.float64("nan"), "nan"),
    "class": (np.float64, "float64"),
    "function": (np.log1p, "log1p"),
    "dtype": (np.dtype("f4"), "dtype(<f4)"),
    "slice": (slice(1, None), "slice(1, None, None)"),
    "decimal": (Decimal("1.10"), "decimal('1.10')"),
    "path": (Path("a/b"), "path('a/b')"),
    "bytes": (b"abcdef", "<6 bytes>"),
    "array": (np.zeros((2, 3)), "<float64 array, 2 x 3>"),
    "objects": (np.array(["a", None], dtype=object), "array(['a', None])"),
    "object": (StandardScaler(), "<StandardScaler>"),
    "ellipsis": (..., "..."),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_shown_as_python_would(name: str) -> None:
    value, expected = VALUES[name]
    found = outlined([value])
    assert Values(found.plan).text(found.plan.graph.root[1][0]) == expected


def test_places_are_named_as_in_errors() -> None:
    model = forest()
    model.extra_ = {"plain": [1, 2], "odd key": {"deep": np.zeros(2)}}
    paths = {item.path for item in outlined(model).root.walk()}
    assert {
        "pipeline.steps['scale'].mean_",
        "pipeline.steps['trees'].estimators_[3].tree_",
        "pipeline.extra_['odd key'].deep",
        "pipeline.extra_.plain",
    } <= paths
    assert "pipeline.extra_.plain[0]" not in paths  # a container of plain values is one value


def test_a_vocabulary_is_one_place() -> None:
    words = {f"word{i}": i for i in range(5000)}
    assert len(list(outlined({"vocabulary": words}).root.walk())) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.ma.array([1.0, 2.0], mask=[0, 1]), {".data", ".mask", ".hard"}),
        (sparse.csr_matrix(np.eye(3)), {".data", ".indices", ".indptr", ".shape", ".format"}),
        (np.matrix([[1.0]]), {""}),
        (np.random.RandomState(0), {".state", ".state.state.key"}),
        (pd.DataFrame({"x": [1.0], "array": ["list"]}), {".columns", ".index", ".blocks[0][1]", ".blocks[1][1]"}),
        (pd.Series(pd.Categorical(["u"])), {".codes", ".categories", ".ordered"}),
        (slice(1), set()),
    ],
    ids=["masked", "sparse", "matrix", "random state", "frame", "categories", "slice"],
)
def test_every_part_of_an_inner_object_has_a_place(value: Any, expected: set[str]) -> None:
    paths = {item.path.removeprefix("dict.a") for item in outlined({"a": value, "b": np.zeros(1)}).root.walk()}
    assert expected <= paths


def test_categories_and_columns_of_a_table_are_in_the_schema() -> None:
    table = pd.DataFrame({"size": [1.0, 2.0, 3.0], "kind": ["a", "b", "a"]})
    model = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])]).fit(table)
    found = mk.inspect(mk.dumps(model, sample=table))
    assert [column["name"] for column in found.schema["columns"]] == ["size", "kind"]
