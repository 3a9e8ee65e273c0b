"""Tree pools: bit-exact round trips, small columns, and no column that compiled code could be led astray with."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor
from sklearn.tree._tree import NODE_DTYPE, Tree

import modelkeep as mk
from modelkeep.errors import CheckError, SaveError
from modelkeep.formats.keep.types import sktree_blocks, sktree_columns
from modelkeep.formats.keep.types.sktree_build import Filler, build_predictors, build_trees
from modelkeep.formats.keep.types.sktrees import pool_predictors, pool_trees, tree_state
from modelkeep.tree_checks import check
from modelkeep.trees import COLUMNS, TreePool, windows

X, Y = make_classification(600, 8, n_informative=5, n_classes=3, random_state=0)
XR, YR = make_regression(400, 6, random_state=0)
BINARY = (Y > 0).astype(int)
HOLES = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
WEIGHTS = np.random.default_rng(1).random(len(Y))
CATEGORIES = np.column_stack([np.random.default_rng(2).integers(0, 40, len(Y)), HOLES[:, 0], X[:, 1]])


def pruned_in_place() -> DecisionTreeClassifier:
    """What people do to a fitted tree: whole subtrees are cut off, their nodes stay where they were."""
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    left, right = model.tree_.children_left, model.tree_.children_right
    for node in (left[0], right[0]):
        left[node] = right[node] = -1
    return model


def with_odd_bits() -> DecisionTreeRegressor:
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(XR, YR)
    state = model.tree_.__getstate__()
    nan = np.array([0x7FF8DEADBEEF0001], np.uint64).view(np.float64)[0]
    state["nodes"]["threshold"][0] = np.inf
    state["nodes"]["threshold"][1] = -0.0
    state["nodes"]["impurity"][:3] = (nan, -0.0, -np.inf)
    state["values"][:2, 0, 0] = (nan, -0.0)
    state["nodes"]["weighted_n_node_samples"][2] = -0.0
    return model


TREE_MODELS: dict[str, Callable[[], Any]] = {
    "classifier": lambda: DecisionTreeClassifier(random_state=0).fit(X, Y),
    "entropy": lambda: DecisionTreeClassifier(criterion="entropy", random_state=0).fit(X, Y),
    "classifier-outputs": lambda: DecisionTreeClassifier(random_state=0).fit(X, np.column_stack([Y, BINARY])),
    "classifier-weights": lambda: DecisionTreeClassifier(random_state=0).fit(X, Y, WEIGHTS),
    "classifier-balanced": lambda: RandomForestClassifier(9, class_weight="balanced", random_state=0).fit(X, Y),
    "many-classes": lambda: DecisionTreeClassifier(random_state=0).fit(X, np.arange(len(Y)) // 30),
    "stump": lambda: DecisionTreeClassifier(max_depth=1).fit(X, Y),
    "only-a-root": lambda: DecisionTreeClassifier().fit(X, np.zeros(len(Y))),
    "regressor": lambda: DecisionTreeRegressor(random_state=0).fit(XR, YR),
    "regressor-outputs": lambda: DecisionTreeRegressor(random_state=0).fit(XR, np.column_stack([YR, -YR, YR**2])),
    "regressor-of-integers": lambda: DecisionTreeRegressor(random_state=0).fit(X, Y),
    "extra-tree": lambda: ExtraTreeRegressor(random_state=0).fit(XR, YR),
    "best-first": lambda: DecisionTreeClassifier(max_leaf_nodes=20, random_state=0).fit(X, Y),
    "best-first-holes": lambda: DecisionTreeClassifier(max_leaf_nodes=20, random_state=0).fit(HOLES, Y),
    "pruned": lambda: DecisionTreeClassifier(ccp_alpha=0.01, random_state=0).fit(X, Y),
    "pruned-in-place": pruned_in_place,
    "odd-bits": with_odd_bits,
    "holes": lambda: RandomForestClassifier(10, random_state=0).fit(HOLES, Y),
    "forest": lambda: RandomForestClassifier(20, random_state=0).fit(X, Y),
    "forest-best-first": lambda: RandomForestRegressor(5, max_leaf_nodes=9, random_state=0).fit(XR, YR),
    "extra-trees": lambda: ExtraTreesClassifier(20, random_state=0).fit(X, Y),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=30, random_state=0).fit(X, Y),
    "boosting-sampled": lambda: GradientBoostingRegressor(n_estimators=30, subsample=0.5, random_state=0).fit(XR, YR),
    "isolation": lambda: IsolationForest(n_estimators=20, random_state=0).fit(X),
    "embedding": lambda: RandomTreesEmbedding(10, random_state=0).fit(X),
}
HIST_MODELS: dict[str, Callable[[], Any]] = {
    "binary": lambda: HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(X, BINARY),
    "classes": lambda: HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(X, Y),
    "holes": lambda: HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(HOLES, Y),
    "categories": lambda: HistGradientBoostingClassifier(
        max_iter=20, categorical_features=[0], min_samples_leaf=5, random_state=0
    ).fit(CATEGORIES, Y),
    "monotonic": lambda: HistGradientBoostingRegressor(max_iter=20, monotonic_cst=[1, -1, 0, 0, 0, 0]).fit(XR, YR),
    "early-stopping": lambda: HistGradientBoostingClassifier(early_stopping=True, random_state=0).fit(X, BINARY),
    "leafy": lambda: HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=None, min_samples_leaf=1).fit(XR, YR),
    "only-roots": lambda: HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=500).fit(XR, YR),
}


def trees_of(model: Any) -> list[Tree]:
    members = np.asarray(model.estimators_, object).ravel() if hasattr(model, "estimators_") else [model]
    return [member.tree_ for member in members]


def predictors_of(model: Any) -> list[Any]:
    return [predictor for iteration in model._predictors for predictor in iteration]


def assert_same_trees(trees: list[Tree], again: list[Tree]) -> None:
    assert len(trees) == len(again)
    for one, other in zip(trees, again, strict=True):
        a, b = one.__getstate__(), other.__getstate__()
        assert (a["max_depth"], a["node_count"]) == (b["max_depth"], b["node_count"])
        assert a["nodes"].dtype == b["nodes"].dtype
        assert a["nodes"].tobytes() == b["nodes"].tobytes()
        assert a["values"].shape == b["values"].shape
        assert a["values"].tobytes() == b["values"].tobytes()
        assert one.n_features == other.n_features
        assert one.n_classes.tolist() == other.n_classes.tolist()


def assert_same_predictors(predictors: list[Any], again: list[Any]) -> None:
    assert len(predictors) == len(again)
    for one, other in zip(predictors, again, strict=True):
        assert list(vars(one)) == list(vars(other))
        for name, array in vars(one).items():
            found = getattr(other, name)
            assert (array.dtype, array.shape, array.tobytes()) == (found.dtype, found.shape, found.tobytes())
            assert found.flags.writeable


# -- the same bits come back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TREE_MODELS)
def test_trees_come_back_to_the_last_bit(name: str) -> None:
    trees = trees_of(TREE_MODELS[name]())
    pool = pool_trees(trees).read()
    check(pool)
    again = build_trees(pool)
    assert_same_trees(trees, again)
    second = pool_trees(again).read()
    assert {k: v.tobytes() for k, v in pool.columns.items()} == {k: v.tobytes() for k, v in second.columns.items()}


@pytest.mark.parametrize("name", HIST_MODELS)
def test_predictors_come_back_to_the_last_bit(name: str) -> None:
    predictors = predictors_of(HIST_MODELS[name]())
    pool = pool_predictors(predictors).read()
    check(pool)
    assert_same_predictors(predictors, build_predictors(pool))


def test_trees_of_many_windows_come_back() -> None:
    data, target = make_classification(3000, 8, random_state=0, flip_y=0.3)
    trees = trees_of(RandomForestClassifier(60, random_state=0).fit(data, target))
    plan = pool_trees(trees)
    pool = plan.read()
    assert pool.n_nodes > 3 * 16_384
    check(pool)
    assert_same_trees(trees, build_trees(pool))
    pieces = [len(list(column.chunks())) for column in plan.columns]
    assert max(pieces) <= 3, "neighbouring trees are handed on together"


def test_a_tree_larger_than_a_window_comes_back() -> None:
    rng = np.random.default_rng(0)
    trees = trees_of(DecisionTreeRegressor(random_state=0).fit(rng.random((60_000, 2)), rng.random(60_000)))
    plan = pool_trees(trees)
    assert trees[0].node_count > 2**16
    pool = plan.read()
    assert pool.columns["right"].dtype == np.uint32
    check(pool)
    assert_same_trees(trees, build_trees(pool))


@pytest.mark.parametrize("name", ["forest", "best-first", "boosting", "odd-bits"])
def test_columns_are_as_they_were_announced(name: str) -> None:
    plan = pool_trees(trees_of(TREE_MODELS[name]()))
    for column in plan.columns:
        for _ in range(2):  # a writer may read a column twice
            pieces = list(column.chunks())
            assert all(piece.dtype == column.dtype and piece.flags.c_contiguous for piece in pieces)
            assert np.concatenate(pieces).shape == column.shape
        assert column.name in COLUMNS["tree"]


def test_what_follows_from_other_columns_is_left_out() -> None:
    def names(name: str) -> set[str]:
        return {column.name for column in pool_trees(trees_of(TREE_MODELS[name]())).columns}

    everything = {"sizes", "right", "depth", "feature", "threshold", "samples"}
    assert names("forest") == everything | {"count", "missing_left"}
    assert names("classifier-weights") == everything | {"value", "weight", "impurity", "missing_left"}
    assert names("boosting") == everything | {"value", "impurity", "missing_left"}
    assert "left" in names("best-first")
    assert "max_depth" in names("pruned-in-place")


def test_a_forest_takes_less_than_half_of_its_memory() -> None:
    trees = trees_of(RandomForestClassifier(20, random_state=0).fit(X, BINARY))
    memory = sum(tree.__getstate__()["nodes"].nbytes + tree.__getstate__()["values"].nbytes for tree in trees)
    assert sum(column.nbytes for column in pool_trees(trees).read().columns.values()) < memory / 4


def random_tree(rng: np.random.Generator) -> Tree:
    """A tree of any shape, numbered parents first in any order, with any bits in its numbers."""
    children: list[tuple[int, int]] = [(-1, -1)]
    open_nodes = [0]
    in_order = rng.random() < 0.5
    for _ in range(rng.integers(0, 40)):
        node = open_nodes.pop(rng.integers(0, len(open_nodes)))
        children[node] = (len(children), len(children) + 1)
        open_nodes += children[node]
        children += [(-1, -1), (-1, -1)]
    if in_order:
        children = depth_first(children)
    count, classes = len(children), rng.integers(1, 4, rng.integers(1, 3))
    nodes = np.zeros(count, NODE_DTYPE)
    nodes["left_child"], nodes["right_child"] = np.transpose(children)
    leaf = nodes["left_child"] == -1
    for name in ("threshold", "impurity", "weighted_n_node_samples"):
        nodes[name] = rng.integers(0, 2**64, count, np.uint64, endpoint=False).view(np.float64)
    nodes["n_node_samples"] = rng.integers(0, 2 ** rng.integers(1, 60), count)
    nodes["feature"] = rng.integers(0, 300, count)
    nodes["missing_go_to_left"] = rng.random(count) < rng.choice([0.0, 0.5])
    for name, usual in (("feature", -2), ("threshold", -2.0), ("missing_go_to_left", 0)):
        if rng.random() < 0.7:
            nodes[name][leaf] = usual
    if rng.random() < 0.5:
        nodes["weighted_n_node_samples"] = rng.integers(1, 2 ** rng.integers(1, 34), count)
    values = rng.integers(0, 2**64, (count, len(classes), classes.max()), np.uint64).view(np.float64)
    if rng.random() < 0.5:
        values = rng.integers(0, 300, values.shape) / nodes["weighted_n_node_samples"][:, None, None]
    depth = np.zeros(count, int)
    for node, pair in enumerate(children):
        if pair[0] >= 0:
            depth[list(pair)] = depth[node] + 1
    tree = Tree(300, classes, len(classes))
    state = {"max_depth": int(depth.max()), "node_count": count, "nodes": nodes, "values": np.ascontiguousarray(values)}
    tree.__setstate__(state)
    return tree


def depth_first(children: list[tuple[int, int]]) -> list[tuple[int, int]]:
    order: list[int] = []
    stack = [0]
    while stack:
        node = stack.pop()
        order.append(node)
        if children[node][0] >= 0:
            stack += reversed(children[node])
    place = {node: i for i, node in enumerate(order)} | {-1: -1}
    return [(place[children[node][0]], place[children[node][1]]) for node in order]


@pytest.mark.parametrize("seed", range(120))
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_any_tree_comes_back_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = random_tree(rng)
    trees = [first]
    for _ in range(rng.integers(0, 30)):
        tree = random_tree(rng)
        if tree.n_classes.tolist() == first.n_classes.tolist():
            trees.append(tree)
    pool = pool_trees(trees).read()
    check(pool)
    assert_same_trees(trees, build_trees(pool))
    assert_same_trees(trees, build_trees(pool, check=False))


# -- what can't be kept ------------------------------------------------------------------------------------------------


def broken(change: Callable[[np.ndarray[Any, Any]], None]) -> list[Tree]:
    model = DecisionTreeClassifier(random_state=0).fit(X, Y)
    change(model.tree_.__getstate__()["nodes"])
    return [model.tree_]


@pytest.mark.parametrize(
    ("field", "node", "value", "text"),
    [
        ("left_child", 0, -1, "half a leaf"),
        ("right_child", 0, -2, "half a leaf"),
        ("right_child", 0, 10**9, "outside the tree"),
        ("left_child", 1, 1, "before its parent"),
        ("left_child", 2, 1, "before its parent"),
        ("right_child", 0, 2, "another parent"),
        ("feature", 0, -3, "feature that doesn't exist"),
        ("missing_go_to_left", 0, 2, "neither 0 nor 1"),
    ],
)
def test_a_broken_tree_is_refused_at_saving(field: str, node: int, value: int, text: str) -> None:
    def change(nodes: np.ndarray[Any, Any]) -> None:
        nodes[field][node] = value

    with pytest.raises(SaveError, match=text):
        pool_trees(broken(change))


def test_an_empty_tree_is_refused_at_saving() -> None:
    with pytest.raises(SaveError, match="has no nodes"):
        pool_trees([Tree(3, np.array([2]), 1)])


def test_a_depth_that_is_too_small_is_refused_at_saving() -> None:
    tree = trees_of(TREE_MODELS["classifier"]())[0]
    tree.max_depth = 1
    with pytest.raises(SaveError, match="says that its depth is 1"):
        pool_trees([tree])


def test_an_unknown_attribute_of_a_predictor_is_refused() -> None:
    predictors = predictors_of(HIST_MODELS["binary"]())
    predictors[0].extra = 1
    with pytest.raises(SaveError, match="extra"):
        pool_predictors(predictors)


# -- other layouts of a node -------------------------------------------------------------------------------------------


def test_any_order_of_the_fields_can_be_filled() -> None:
    trees = trees_of(TREE_MODELS["holes"]())
    pool = pool_trees(trees).read()
    other = np.dtype([(name, NODE_DTYPE[name]) for name in reversed(NODE_DTYPE.names)])
    filler = Filler(pool, other)
    filled = np.concatenate([filler.fill(window)[0].copy() for window in windows(pool, 4096)])
    expected = np.concatenate([tree_state(tree).nodes for tree in trees])
    for name in NODE_DTYPE.names:
        assert filled[name].tobytes() == expected[name].tobytes()


def test_a_layout_that_lacks_a_field_is_refused_by_name() -> None:
    pool = pool_trees(trees_of(TREE_MODELS["holes"]())).read()
    older = np.dtype([(name, NODE_DTYPE[name]) for name in NODE_DTYPE.names if name != "missing_go_to_left"])
    with pytest.raises(CheckError, match="lacks the field 'missing_go_to_left'"):
        Filler(pool, older)
    without = {name: column for name, column in pool.columns.items() if name != "missing_left"}
    Filler(dataclasses.replace(pool, columns=without), older)


def test_a_layout_with_another_field_is_refused_by_name() -> None:
    trees = trees_of(TREE_MODELS["forest"]())
    newer = np.dtype([*((name, NODE_DTYPE[name]) for name in NODE_DTYPE.names), ("categories", "u8")])
    with pytest.raises(CheckError, match="unknown field 'categories'"):
        Filler(pool_trees(trees).read(), newer)
    states = [tree_state(tree) for tree in trees]
    states = [state._replace(nodes=np.zeros(len(state.nodes), newer)) for state in states]
    with pytest.raises(SaveError, match="unknown field 'categories'"):
        sktree_columns.plan("tree", 8, (3,), states)


def test_a_node_of_an_older_version_becomes_one_of_this() -> None:
    trees = trees_of(TREE_MODELS["forest"]())
    older = np.dtype([(name, NODE_DTYPE[name]) for name in NODE_DTYPE.names if name != "missing_go_to_left"])
    states = []
    for tree in trees:
        state = tree_state(tree)
        nodes = np.zeros(len(state.nodes), older)
        for name in older.names:
            nodes[name] = state.nodes[name]
        states.append(state._replace(nodes=nodes))
    again = build_trees(sktree_columns.plan("tree", 8, (3,), states).read())
    for tree, found in zip(trees, again, strict=True):
        assert found.threshold.tobytes() == tree.threshold.tobytes()
        assert not found.missing_go_to_left.any()


# -- hostile columns ---------------------------------------------------------------------------------------------------

ATTACKED = {
    "forest": lambda: RandomForestClassifier(4, max_depth=4, random_state=0).fit(HOLES, BINARY),
    "best-first": lambda: RandomForestRegressor(4, max_leaf_nodes=9, random_state=0).fit(XR, YR),
    "pruned-in-place": pruned_in_place,
    "predictors": HIST_MODELS["categories"],
}
INDEXES = ("sizes", "right", "left", "depth", "feature", "max_depth", "bitset", "bitset_sizes", "categorical")
EXTREMES = (0, 1, -(2**63), -(2**31), -5, -2, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)


@pytest.fixture(scope="module", params=ATTACKED)
def attacked(request: pytest.FixtureRequest) -> TreePool:
    model = ATTACKED[request.param]()
    if hasattr(model, "_predictors"):
        return pool_predictors(predictors_of(model)).read()
    return pool_trees(trees_of(model)).read()


def use(pool: TreePool) -> None:
    """Walk all trees in compiled code, which ends the process if a check let something through."""
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if pool.kind == "predictor":
            data = rng.normal(size=(50, pool.n_features)) * 20
            data[rng.random(data.shape) < 0.2] = np.nan
            known = np.full((pool.n_features, 8), 2**32 - 1, np.uint32)
            for predictor in build_predictors(pool):
                predictor.predict(data, known, np.arange(pool.n_features, dtype=np.uint32), 1)
                predictor.predict_binned(rng.integers(0, 256, data.shape, np.uint8), 255, 1)
            return
        data = rng.normal(size=(50, pool.n_features)).astype(np.float32)
        data[rng.random(data.shape) < 0.2] = np.nan
        for tree in build_trees(pool):
            tree.apply(data)
            tree.predict(data)
            tree.decision_path(data)
            tree.compute_feature_importances()
            tree.compute_node_depths()


def attacks(pool: TreePool, name: str) -> Iterator[np.ndarray[Any, Any]]:
    """The column with one entry replaced: every extreme value that an allowed type can hold, at three positions."""
    column = pool.columns[name]
    if not len(column):
        return
    near = (len(column), len(column) + 1, int(pool.columns["sizes"][0]), pool.n_features, pool.n_features + 1)
    for position in (0, len(column) // 2, len(column) - 1):
        for value in (*EXTREMES, *near):
            for dtype in COLUMNS[pool.kind][name].dtypes:
                limits = np.iinfo(dtype)
                if not limits.min <= min(value, int(column.min())) <= max(value, int(column.max())) <= limits.max:
                    continue
                changed = column.astype(dtype)
                changed[position] = value
                yield changed


@pytest.mark.parametrize("name", INDEXES)
def test_no_index_leads_compiled_code_astray(attacked: TreePool, name: str) -> None:
    if name not in attacked.columns:
        assert COLUMNS[attacked.kind].get(name) is None or COLUMNS[attacked.kind][name].optional
        return
    refused = 0
    for changed in attacks(attacked, name):
        pool = dataclasses.replace(attacked, columns={**attacked.columns, name: changed})
        try:
            check(pool)
        except CheckError:
            refused += 1
        else:
            use(pool)
    assert refused


@pytest.mark.parametrize("seed", range(6))
def test_no_random_change_leads_compiled_code_astray(attacked: TreePool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = sorted(attacked.columns)
    for _ in range(60):
        columns = dict(attacked.columns)
        for name in rng.choice(names, rng.integers(1, 4)):
            data = columns[name].copy()
            raw = data.reshape(-1).view(np.uint8)
            if len(raw):
                raw[rng.integers(0, len(raw), rng.integers(1, 4))] = rng.integers(0, 256)
                columns[name] = data
        pool = dataclasses.replace(attacked, columns=columns)
        try:
            check(pool)
        except CheckError:
            continue
        use(pool)


def replaced(pool: TreePool, **columns: Any) -> TreePool:
    kept = {name: column for name, column in {**pool.columns, **columns}.items() if column is not None}
    return dataclasses.replace(pool, columns=kept)


def test_a_column_of_another_form_is_refused(attacked: TreePool) -> None:
    for name, column in attacked.columns.items():
        others = [
            column[:-1],
            np.concatenate([column, column[-1:]]),
            column.reshape(-1, 1, 1, 1),
            column[:0],
            column.astype("c16"),
            column.astype(column.dtype.newbyteorder(">")) if column.itemsize > 1 else column.astype("U3"),
            np.array(0, column.dtype),
            np.repeat(column, 2, axis=0)[::2] if len(column) > 1 else column[:-1],
        ]
        for other in others:
            with pytest.raises(CheckError):
                check(replaced(attacked, **{name: other}))


def test_a_pool_of_another_form_is_refused(attacked: TreePool) -> None:
    changes: list[dict[str, Any]] = [
        {"kind": "bush"},
        {"n_features": 0},
        {"n_features": -1},
        {"n_features": 2**40},
        {"n_features": 1.0},
        {"n_classes": (0,)},
        {"n_classes": (2**40,)},
        {"n_classes": (True,)},
        {"n_classes": (7, 7)},
        {"kind": "tree" if attacked.kind == "predictor" else "predictor"},
        {"columns": {}},
        {"columns": {**attacked.columns, "left_child": attacked.columns["right"]}},
        {"columns": {**attacked.columns, "sizes": attacked.columns["sizes"][:0]}},
    ]
    for change in changes:
        with pytest.raises(CheckError):
            check(dataclasses.replace(attacked, **change))


def test_an_impurity_that_does_not_follow_is_refused() -> None:
    for name in ("regressor", "classifier-outputs"):
        pool = pool_trees(trees_of(TREE_MODELS[name]())).read()
        check(pool)
        with pytest.raises(CheckError, match="no column 'impurity'"):
            check(replaced(pool, impurity=None))


def test_sizes_that_overflow_are_refused(attacked: TreePool) -> None:
    sizes = np.full(attacked.n_trees, 2**32 - 1, np.uint32)
    with pytest.raises(CheckError, match="sizes"):
        check(replaced(attacked, sizes=sizes))


def chain(length: int) -> TreePool:
    """A tree whose every right child is a leaf at the end of the columns: the deepest there is."""
    nodes = 2 * length + 1
    right = np.zeros(nodes, np.uint32)
    right[:length] = np.arange(nodes - 1, length, -1)
    depth = np.concatenate([np.arange(length + 1), np.arange(length, 0, -1)]).astype(np.uint32)
    columns = {
        "sizes": np.array([nodes], np.uint32),
        "right": right,
        "depth": depth,
        "feature": np.zeros(length, np.uint8),
        "threshold": np.zeros(length),
        "samples": np.ones(nodes, np.uint8),
        "value": np.zeros((nodes, 1, 1)),
        "impurity": np.zeros(nodes),
    }
    return TreePool("tree", 1, (1,), columns)


def test_a_deep_tree_takes_linear_time() -> None:
    pool = chain(200_000)
    check(pool)
    (tree,) = build_trees(pool)
    assert tree.max_depth == 200_000
    again = pool_trees([tree]).read()
    assert np.array_equal(again.columns["depth"], pool.columns["depth"])


def test_a_depth_that_wraps_around_is_refused() -> None:
    pool = chain(300)
    with pytest.raises(CheckError, match="depth"):
        check(replaced(pool, depth=pool.columns["depth"].astype(np.uint8)))


def test_a_stated_depth_has_room_for_the_longest_path() -> None:
    pool = chain(30)
    for depth, fits in ((29, False), (30, True), (60, True), (61, False), (255, False)):
        stated = replaced(pool, max_depth=np.array([depth], np.uint8))
        if fits:
            check(stated)
        else:
            with pytest.raises(CheckError, match="max_depth"):
                check(stated)


def test_an_error_names_column_tree_and_node() -> None:
    pool = pool_trees(trees_of(TREE_MODELS["forest"]())).read()
    start = int(pool.ends[2])
    right = pool.columns["right"].astype(np.uint16)
    right[start + 1] = 60_000
    with pytest.raises(CheckError, match=r"column 'right' holds 60000 at node 1 of tree 3, a child outside the tree"):
        check(replaced(pool, right=right))


def test_a_value_too_large_for_a_node_is_refused() -> None:
    pool = pool_predictors(predictors_of(HIST_MODELS["binary"]())).read()
    narrow = np.dtype([(n, "u1" if n == "count" else PREDICTOR_RECORD_DTYPE[n]) for n in PREDICTOR_RECORD_DTYPE.names])
    with pytest.raises(CheckError, match="'samples' holds 600, which a node can't hold"):
        Filler(pool, narrow)
    coarse = [(n, "f4" if n == "num_threshold" else PREDICTOR_RECORD_DTYPE[n]) for n in PREDICTOR_RECORD_DTYPE.names]
    with pytest.raises(CheckError, match=r"'threshold' holds .*, which a node can't hold"):
        Filler(pool, np.dtype(coarse))


def test_large_columns_are_made_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sktree_columns, "KEPT", 0)
    monkeypatch.setattr(sktree_columns, "_CHUNK", 100_000)
    rng = np.random.default_rng(0)
    trees = trees_of(RandomForestRegressor(30, random_state=0).fit(rng.random((3000, 2)), rng.random(3000)))
    plan = pool_trees(trees)
    for column in plan.columns:
        if column.name != "sizes":
            pieces = list(column.chunks())
            assert len(pieces) > 1 or column.dtype.itemsize == 1
            assert max(piece.nbytes for piece in pieces) < 300_000
    pool = plan.read()
    check(pool)
    assert_same_trees(trees, build_trees(pool))


def test_unusual_leaves_of_a_late_block_do_not_change_those_of_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first blocks keep their splits alone until a leaf with another feature shows up, far behind them."""
    monkeypatch.setattr(sktree_blocks, "_BLOCK", 1)
    rng = np.random.default_rng(0)
    forest = RandomForestRegressor(4, random_state=0).fit(rng.normal(size=(100, 4)), rng.normal(size=100))
    last = forest.estimators_[-1].tree_
    state = last.__getstate__()
    nodes = state["nodes"].copy()
    nodes["feature"][nodes["left_child"] == -1] = 3
    last.__setstate__({**state, "nodes": nodes})
    again = mk.loads(mk.dumps(forest, probe=False))
    for one, other in zip(forest.estimators_, again.estimators_, strict=True):
        assert (one.tree_.feature == other.tree_.feature).all()


def test_a_column_that_would_not_hold_a_value_is_refused() -> None:
    recipe = sktree_columns._Recipe("feature", np.dtype("u1"), (2,), lambda block: block.sizes)
    held = sktree_columns._column(recipe, lambda: iter([np.array([1, 300])]))
    with pytest.raises(SaveError, match="the model changed while it was being saved"):
        held.read()
