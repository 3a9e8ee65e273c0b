"""Vectors that are well-formed, but whose inside would make compiled code leave its memory, or do more than compute."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from fuzz import forge
from modelkeep.formats.keep import tensors

Vector = tuple[str, str, str, bytes]
Edit = Callable[[Any], Any]


def bare(model: Any) -> bytes:
    """A model without probe, schema and environment, so that a vector says the same on every machine."""
    import modelkeep as mk

    pieces = forge.take_apart(mk.dumps(model, probe=False))
    for key in ("environment", "schema", "probe"):
        pieces.manifest[key] = {}
    return pieces.seal()


def find(value: Any, key: str) -> Any:
    """The first thing under ``key`` in a graph."""
    stack = [value]
    while stack:
        item = stack.pop(0)
        if isinstance(item, dict) and key in item:
            return item[key]
        stack.extend(item if isinstance(item, list) else item.values() if isinstance(item, dict) else ())
    raise KeyError(key)


def with_array(data: bytes, locate: Callable[[Any], int], edit: Edit) -> bytes:
    """The artifact with the numbers of one segment edited in place, or replaced by what ``edit`` returns."""
    pieces = forge.take_apart(data)
    raw = pieces.files[forge.ARRAYS]
    table = tensors.parse(memoryview(bytearray(raw)))
    arrays = [table.array(i).copy() for i in range(len(table.table))]
    number = locate(pieces.graph)
    changed = edit(arrays[number])
    arrays[number] = arrays[number] if changed is None else np.ascontiguousarray(changed)
    segments = [
        tensors.Segment(tensors.NATIVE[a.dtype.str], a.shape, lambda a=a: [memoryview(a.tobytes())])  # type: ignore[misc]
        for a in arrays
    ]
    pieces.files[forge.ARRAYS] = b"".join(bytes(chunk) for chunk in tensors.part(segments).chunks())
    return pieces.seal()


def attribute(name: str) -> Callable[[Any], int]:
    return lambda graph: int(find(graph["root"], name)[1])


def column(name: str) -> Callable[[Any], int]:
    return lambda graph: int(graph["pools"][0]["columns"][name])


def put(place: Any, value: Any) -> Edit:
    return lambda array: array.__setitem__(place, value)


def with_node(data: bytes, key: str, value: Any) -> bytes:
    """The artifact with the node under ``key`` replaced."""
    pieces = forge.take_apart(data)
    graph = pieces.graph
    stack: list[Any] = [graph["root"]]
    while stack:
        item = stack.pop(0)
        if isinstance(item, dict) and key in item:
            item[key] = value
            break
        stack.extend(item if isinstance(item, list) else item.values() if isinstance(item, dict) else ())
    else:
        raise KeyError(key)
    pieces.files[forge.GRAPH] = msgspec.json.encode(graph)
    return pieces.seal()


def vectors() -> Iterator[Vector]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data, why in (*_random(), *_trees(), *_neighbours(), *_others(), *_parameters()):
            yield name, "check", why, data
        yield from _probes()


def _random() -> Iterator[tuple[str, bytes, str]]:
    state = bare(np.random.RandomState(0))
    yield "mt_position", with_node(state, "pos", 625), "a Mersenne Twister at position 625 of 624"
    yield "mt_position_negative", with_node(state, "pos", -5), "a Mersenne Twister at position -5"
    yield "mt_key", with_array(state, attribute("key"), lambda key: key[:623]), "a Mersenne Twister of 623 words"
    philox = bare(np.random.Philox(0))
    yield "philox_position", with_node(philox, "buffer_pos", 5), "Philox at position 5 of its 4"
    spiral = ["seedsequence", 1, ["def", 0, ["list", [["ref", 0]]]], 4, 0]
    yield "seed_spiral", forge.artifact(spiral), "a seed sequence with a list that holds itself"
    spiral = ["seedsequence", ["def", 0, ["list", [["ref", 0]]]], ["list", []], 4, 0]
    yield "seed_spiral_entropy", forge.artifact(spiral), "the same as its entropy"
    numbers = forge.arrays_file({"0": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, bytes(8))
    yield "state_of_numbers", forge.artifact(["randomstate", ["array", 0]], numbers), "a random state that is an array"
    yield "seed_pool", forge.artifact(["seedsequence", 1, ["list", []], 1 << 40, 0]), "a seed sequence of 4 TiB"


def _trees() -> Iterator[tuple[str, bytes, str]]:
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
    from sklearn.tree import DecisionTreeClassifier

    X = np.arange(12.0).reshape(6, 2) % 5
    y = np.arange(6) % 3
    tree = bare(DecisionTreeClassifier(random_state=0).fit(X, y))
    for name, field, place, value, why in (
        ("child_outside", "right", 0, 200, "a child behind the last node"),
        ("child_itself", "right", 0, 0, "a root without a right child"),
        ("child_before", "right", -3, 1, "a child that comes before its parent"),
        ("feature_outside", "feature", 0, 2, "a split on a feature that the model lacks"),
        ("sizes", "sizes", 0, 3, "fewer nodes than there are"),
        ("sizes_zero", "sizes", 0, 0, "a tree without nodes"),
        ("depth", "depth", 1, 7, "a node deeper than its place"),
    ):
        yield f"tree_{name}", with_array(tree, column(field), put(place, value)), f"a decision tree with {why}"
    signed = with_array(tree, column("feature"), lambda a: np.where(np.arange(len(a)) == 0, -1, a).astype(np.int8))
    yield "tree_feature_negative", signed, "a decision tree with a split on feature -1"
    yield "tree_features_owner", with_node(tree, "n_features_in_", 1), "a tree of two columns in a model of one"
    forest = bare(RandomForestRegressor(2, max_depth=2, random_state=0).fit(X, y))
    yield "forest_child", with_array(forest, column("right"), put(-1, 1)), "a forest whose last leaf has a child"
    boosting = HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=1, max_leaf_nodes=3, categorical_features=[0])
    histogram = bare(boosting.fit(X, y))
    yield "histogram_child", with_array(histogram, column("right"), put(0, 99)), "boosting with a child behind the end"
    yield "histogram_feature", with_array(histogram, column("feature"), put(0, 99)), "boosting with a feature it lacks"


def _neighbours() -> Iterator[tuple[str, bytes, str]]:
    from sklearn.neighbors import KDTree, KNeighborsClassifier, NearestNeighbors

    X = np.arange(20.0).reshape(10, 2)

    def part(i: int) -> Callable[[Any], int]:
        return lambda graph: int(graph["root"][i][1])

    tree = bare(KDTree(X, leaf_size=2))
    yield "kd_index", with_array(tree, part(4), put(3, 10)), "a kd-tree with a row that it lacks"
    yield "kd_index_twice", with_array(tree, part(4), put(3, 1)), "a kd-tree with a row twice"
    yield "kd_rows", with_array(tree, part(4), lambda index: index[:9]), "a kd-tree with an index too short"
    yield "kd_bounds", with_array(tree, part(6), lambda bounds: bounds[:1]), "a kd-tree without upper bounds"
    brute = bare(KNeighborsClassifier(2, algorithm="brute").fit(X, np.arange(10) % 2))
    yield "knn_columns", with_array(brute, attribute("_fit_X"), lambda a: a[:, :1]), "neighbours of one column in two"
    yield "knn_labels", with_array(brute, attribute("_y"), put(0, 7)), "a neighbour of a class that is not there"
    nearest = bare(NearestNeighbors(n_neighbors=2, algorithm="brute").fit(X))
    yield "knn_count", with_node(nearest, "n_samples_fit_", 11), "more neighbours than rows"


def _others() -> Iterator[tuple[str, bytes, str]]:
    from scipy.sparse import csr_array
    from sklearn.cluster import KMeans
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.isotonic import IsotonicRegression
    from sklearn.svm import SVC

    X = np.arange(12.0).reshape(6, 2)
    vectors = bare(SVC().fit(X, [0, 1, 0, 1, 0, 1]))
    yield (
        "svc_columns",
        with_array(vectors, attribute("support_vectors_"), lambda a: a[:, :1]),
        "support vectors too narrow",
    )
    yield "svc_coefficients", with_array(vectors, attribute("_dual_coef_"), lambda a: a[:0]), "no dual coefficients"
    yield "svc_intercept", with_array(vectors, attribute("_intercept_"), lambda a: a[:0]), "no intercept"
    yield "svc_count", with_array(vectors, attribute("_n_support"), put(0, 100)), "more support vectors than there are"
    means = bare(KMeans(2, n_init=1, random_state=0).fit(X))
    wide = with_array(means, attribute("cluster_centers_"), lambda a: np.hstack([a, a]))
    yield "kmeans_columns", wide, "centres of four columns in a model of two"
    words = bare(CountVectorizer().fit(["red fox", "blue sea"]))
    yield "vocabulary_outside", with_node(words, "fox", 99), "a word at column 99 of 4"
    yield "vocabulary_negative", with_node(words, "fox", -1), "a word at column -1"
    yield "vocabulary_twice", with_node(words, "fox", 0), "two words in one column"
    steps = bare(IsotonicRegression().fit([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]))
    yield "isotonic_lengths", with_array(steps, attribute("y_thresholds_"), lambda a: a[:2]), "a threshold too few"
    sparse = bare({"m": csr_array(np.eye(3))})
    for name, length, place, value, why in (
        ("indices", 3, 1, 7, "a column that it lacks"),
        ("indices_negative", 3, 1, -1, "column -1"),
        ("indptr", 4, 2, 99, "a row that ends behind the end"),
        ("indptr_falling", 4, 2, 0, "a row that ends before it begins"),
    ):
        yield f"sparse_{name}", _sparse(sparse, length, place, value), f"a sparse matrix with {why}"


def _sparse(data: bytes, length: int, place: int, value: int) -> bytes:
    """The whole numbers of a sparse matrix are told apart by how many they are."""

    def locate(graph: Any) -> int:
        table = tensors.parse(memoryview(bytearray(forge.take_apart(data).files[forge.ARRAYS])))
        return next(i for i, t in enumerate(table.table) if t.dtype.kind == "i" and t.shape == (length,))

    return with_array(data, locate, put(place, value))


def _parameters() -> Iterator[tuple[str, bytes, str]]:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    words = bare(CountVectorizer().fit(["red fox"]))
    yield (
        "input_filename",
        with_node(words, "input", "filename"),
        "a vectorizer that opens the files that it is asked with",
    )
    yield "pattern_slow", with_node(words, "token_pattern", "(a+)+$"), "a token pattern that takes for ever"
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    pipeline = bare(make_pipeline(model))
    yield "memory_folder", with_node(pipeline, "memory", "/tmp/cache"), "a pipeline that keeps pickles in a folder"
    search = bare(GridSearchCV(LogisticRegression(), {"C": [1.0]}))
    yield (
        "pre_dispatch",
        with_node(search, "pre_dispatch", "__import__('os')"),
        "a search with an expression for a number",
    )


def _probes() -> Iterator[Vector]:
    """The probe of a file that was saved elsewhere is replayed: it may ask only what a probe asks."""

    def asking(root: Any, method: str, rows: Any) -> bytes:
        pieces = forge.take_apart(forge.artifact(root))
        pieces.files["probe.json"] = forge.graph_file(
            ["dict", {"rows": ["list", [["list", [rows]]]], "answers": ["list", [["dict", {method: None}]]]}]
        )
        pieces.manifest["environment"] = {"packages": {"numpy": "0.1"}}
        return pieces.seal()

    path = ["posixpath", "written-by-a-probe"]
    yield "probe_writes", "check", "a path, and a probe that asks write_text", asking(path, "write_text", "x")
    yield "probe_multiplies", "check", "a text, and a probe that asks __mul__", asking("x", "__mul__", 1 << 40)
    import pandas as pd

    frame = forge.take_apart(bare(pd.DataFrame({"a": [1.0]})))
    block = ["list", [["list", ["to_clipboard"]]]]
    answers = ["list", [["dict", {"transform": None}]]]
    frame.files["probe.json"] = forge.graph_file(["dict", {"rows": block, "answers": answers}])
    frame.manifest["environment"] = {"packages": {"numpy": "0.1"}}
    yield "probe_transforms", "check", "a table, and a probe whose rows name the method that it is to run", frame.seal()
    yield "probe_clears", "check", "a list, and a probe that asks append", asking(["list", []], "append", 1)
    rows = forge.take_apart(forge.artifact(1))
    rows.files["probe.json"] = forge.graph_file(["list", []])
    rows.manifest["environment"] = {"packages": {"numpy": "0.1"}}
    yield "probe_no_rows", "container", "a probe that is a list", rows.seal()
