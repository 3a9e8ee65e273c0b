"""XGBoost's model files: checked so that its predictor, which trusts them, reads and writes nothing outside.

The layout: https://xgboost.readthedocs.io, "Introduction to Model IO".
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from modelkeep.boosters import ubjson
from modelkeep.boosters.ubjson import part, refused

#: The most columns, targets and nodes of one tree.
_MOST = 1 << 31
_MOST_TARGETS = 100_000
_PER_NODE = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_conditions",
    "default_left",
    "split_type",
)
_TREE = {*_PER_NODE, "base_weights", "categories", "categories_nodes", "categories_segments", "categories_sizes"}
_TREE |= {"id", "loss_changes", "sum_hessian", "tree_param"}
_STATISTICS = ("loss_changes", "sum_hessian")
_LEAVES = ("left_children", "right_children", "base_weights")
#: What a root has in the place of its parent: trees with one number at a leaf, and with several.
_NO_PARENT = (2147483647, -1)


def rewritten(data: bytes | bytearray | memoryview) -> bytes:
    """The same model written anew, after every check. Raises GraphError."""
    model = ubjson.parse(data)
    check(model)
    return ubjson.emit(model)


def check(model: Any) -> None:
    """Refuse a parsed model on which XGBoost could read or write outside of its arrays.

    What older versions wrote in another way, and newer ones read without a look, is brought into today's form.
    """
    learner = part(model, "learner")
    version = model.get("version")
    if model.keys() != {"learner", "version"} or not isinstance(version, list) or len(version) != 3:
        raise refused("it has no version, or more than a learner")
    facts = part(learner, "learner_model_param")
    width, classes = _whole(facts, "num_feature", _MOST), _whole(facts, "num_class", _MOST_TARGETS)
    targets = _whole(facts, "num_target", _MOST_TARGETS) if "num_target" in facts else 1
    groups = max(1, classes, targets)
    _check_base(facts.get("base_score"), groups)
    objective = part(learner, "objective")
    if not isinstance(objective.get("name"), str) or not ubjson.shallow(objective):
        raise refused("its objective has no name, or is nested too deep")
    for name in ("feature_names", "feature_types"):
        listed = learner.get(name)
        if not isinstance(listed, list) or len(listed) not in (0, width) or not all(isinstance(x, str) for x in listed):
            raise refused(f"its {name} are not one text for each column")
    if not all(isinstance(each, str) for each in part(learner, "attributes").values()):
        raise refused("an attribute is no text")
    _check_booster(part(learner, "gradient_booster"), width, groups)


def _check_base(text: Any, groups: int) -> None:
    try:
        values = np.atleast_1d(np.array(json.loads(text), dtype=np.float64))
    except (TypeError, ValueError, RecursionError):
        raise refused("its base_score is no number") from None
    if values.ndim != 1 or len(values) not in (1, groups):
        raise refused("its base_score is not one number for each target")


def _whole(facts: dict[str, Any], key: str, most: int) -> int:
    text = facts.get(key)
    if not isinstance(text, str) or not text.isdecimal() or not text.isascii() or len(text) > 12 or int(text) > most:
        raise refused(f"its {key} is no number that it could be")
    return int(text)


def _check_booster(booster: dict[str, Any], width: int, groups: int) -> None:
    name = booster.get("name")
    if name == "gblinear":
        weights = part(booster, "model").get("weights")
        _need_array(weights, np.float32, (width + 1) * groups, "weights")
        return
    if name == "dart":
        drops = booster.get("weight_drop")
        booster = part(booster, "gbtree")
        count = len(part(booster, "model").get("trees") or ())
        if not isinstance(drops, list) or len(drops) != count or not all(isinstance(x, np.floating) for x in drops):
            raise refused("its weight_drop is not one number for each tree")
    elif name != "gbtree":
        raise refused(f"its booster {name!r} is not known")
    _check_trees(part(booster, "model"), width, groups)


def _check_trees(model: dict[str, Any], width: int, groups: int) -> None:
    trees, info = model.get("trees"), model.get("tree_info")
    if not isinstance(trees, list) or not isinstance(info, list) or len(trees) != len(info):
        raise refused("its tree_info is not one number for each tree")
    facts = part(model, "gbtree_model_param")
    if _whole(facts, "num_trees", _MOST) != len(trees) or _whole(facts, "num_parallel_tree", _MOST) < 1:
        raise refused("it does not have as many trees as it says")
    if not all(isinstance(group, np.integer) and 0 <= group < groups for group in info):
        raise refused("a tree adds to a target that there is not")
    rounds = model.get("iteration_indptr")
    if rounds is not None:
        whole = isinstance(rounds, list) and all(isinstance(x, np.integer) for x in rounds) and len(rounds) > 0
        if (
            not whole
            or rounds[0] != 0
            or rounds[-1] != len(trees)
            or any(np.diff(np.array(rounds, dtype=np.int64)) < 0)
        ):
            raise refused("its iteration_indptr does not lead from the first tree to the last")
    if "cats" in model:
        _check_categories_of_columns(part(model, "cats"), width)
    trees[:] = [_renewed(tree) for tree in trees]
    for number, tree in enumerate(trees):
        if not isinstance(tree, dict) or not tree.keys() >= _TREE or tree.keys() - _TREE - {"leaf_weights"}:
            raise refused(f"tree {number} does not have the parts of a tree")
        _check_tree(tree, width, groups, f"tree {number}")


def _renewed(tree: Any) -> Any:
    """Before version 3.2 the vectors of the leaves stood among the weights of all nodes, and nothing led to them."""
    if not isinstance(tree, dict) or tree.keys() != _TREE - set(_STATISTICS):
        return tree
    left, right, weights = (tree[name] for name in _LEAVES)
    if not all(isinstance(each, np.ndarray) and each.size for each in (left, right, weights)):
        return tree
    leaf = left == -1
    if len(left) != len(right) or len(weights) % len(left) or not np.array_equal(leaf, right == -1):
        return tree
    zeros = np.zeros(len(left), dtype=np.float32)  # which those versions did not count for such trees
    places = np.where(leaf, np.cumsum(leaf) - 1, right).astype(np.int32)
    vectors = weights.reshape(len(left), -1)[leaf].ravel()
    return {**tree, **dict.fromkeys(_STATISTICS, zeros), "right_children": places, "leaf_weights": vectors}


def _check_categories_of_columns(cats: dict[str, Any], width: int) -> None:
    """The categories of a table's columns: offsets into texts, and one segment for each column."""
    encoded, segments = cats.get("enc"), cats.get("feature_segments")
    order = cats.get("sorted_idx")
    if not isinstance(encoded, list) or not isinstance(segments, np.ndarray) or not isinstance(order, np.ndarray):
        raise refused("the categories of its columns have no parts")
    if len(encoded) not in (0, width) or len(segments) != (len(encoded) + 1 if encoded else 0):
        raise refused("the categories of its columns are not one part for each")
    sizes = [_category_count(each) for each in encoded]
    if encoded and segments.tolist() != np.cumsum([0, *sizes]).tolist():
        raise refused("the categories of its columns do not lie one after the other")
    starts = np.repeat(segments[:-1], sizes) if encoded else np.zeros(0)
    limits = np.repeat(sizes, sizes) if encoded else np.zeros(0)
    if len(order) != sum(sizes) or np.any(order < 0) or np.any(order >= limits) or len(starts) != len(order):
        raise refused("the order of its categories leads outside")


def _category_count(part: Any) -> int:
    if not isinstance(part, dict) or not isinstance(part.get("values"), np.ndarray):
        raise refused("the categories of a column have no values")
    values, offsets = part["values"], part.get("offsets")
    if offsets is None:
        return len(values)
    if not isinstance(offsets, np.ndarray) or offsets.dtype.kind != "i" or values.dtype != np.int8:
        raise refused("the categories of a column are no texts")
    if len(offsets) and (
        offsets[0] != 0 or offsets[-1] != len(values) or np.any(np.diff(offsets.astype(np.int64)) < 0)
    ):
        raise refused("the texts of a column's categories do not lie one after the other")
    return max(0, len(offsets) - 1)


def _need_array(value: Any, dtype: Any, count: int, what: str) -> Any:
    if not isinstance(value, np.ndarray) or value.dtype != dtype or len(value) != count:
        raise refused(f"{what} is not {count} numbers of {np.dtype(dtype).name}")
    return value


def _check_tree(tree: dict[str, Any], width: int, groups: int, place: str) -> None:
    facts = part(tree, "tree_param")
    count, vector = _whole(facts, "num_nodes", _MOST), _whole(facts, "size_leaf_vector", _MOST_TARGETS)
    deleted = _whole(facts, "num_deleted", _MOST)
    if count < 1 or _whole(facts, "num_feature", _MOST) != width or vector not in (0, 1, groups):
        raise refused(f"{place} is not one of this model")
    wide = vector > 1
    left = _need_array(tree["left_children"], np.int32, count, f"{place}: left_children").astype(np.int64)
    right = _need_array(tree["right_children"], np.int32, count, f"{place}: right_children").astype(np.int64)
    parents = _need_array(tree["parents"], np.int32, count, f"{place}: parents").astype(np.int64)
    _need_array(tree["default_left"], np.uint8, count, f"{place}: default_left")
    for name in ("split_conditions", "loss_changes", "sum_hessian"):
        _need_array(tree[name], np.float32, count, f"{place}: {name}")
    _need_array(tree["base_weights"], np.float32, count * max(1, vector if wide else 1), f"{place}: base_weights")
    leaf = left == -1
    _check_shape(left, right, parents, leaf, deleted, place)
    if wide:
        leaves = _need_array(tree.get("leaf_weights"), np.float32, int(leaf.sum()) * vector, f"{place}: leaf_weights")
        # In such trees the right child of a leaf says which of its vectors is meant.
        if (
            len(leaves)
            and not np.array_equal(np.sort(right[leaf]), np.arange(leaf.sum()))
            and np.any(right[leaf] != -1)
        ):
            raise refused(f"{place}: a leaf has no vector")
    elif np.any(right[leaf] != -1):
        raise refused(f"{place}: a leaf has a child")
    split = tree["split_indices"]
    if not isinstance(split, np.ndarray) or split.dtype.kind not in "iu" or len(split) != count:
        raise refused(f"{place}: split_indices is not one number for each node")
    inner = split[~leaf].astype(np.int64)
    if np.any(inner < 0) or np.any(inner >= width):
        raise refused(f"{place}: a node splits on a column that there is not")
    _check_categories(tree, leaf, count, place)


def _check_shape(left: Any, right: Any, parents: Any, leaf: Any, deleted: int, place: str) -> None:
    """Children lie behind their parents, side by side, and have one parent; what no node leads to was deleted."""
    count = len(left)
    inner = np.flatnonzero(~leaf)
    if np.any(left[inner] <= inner) or np.any(left[inner] >= count - 1) or np.any(right[inner] != left[inner] + 1):
        raise refused(f"{place}: the children of a node do not lie side by side behind it")
    children = np.concatenate([left[inner], right[inner]])
    met = np.bincount(children, minlength=count)
    if np.any(met > 1) or met[0]:
        raise refused(f"{place}: a node has two parents")
    if not np.array_equal(parents[children], np.concatenate([inner, inner])) or parents[0] not in _NO_PARENT:
        raise refused(f"{place}: a node does not know its parent")
    # Pruned nodes stay where they were; a node below one of them can't be reached either.
    lost = int((met == 0).sum()) - 1
    if lost > deleted or deleted >= count:
        raise refused(f"{place}: nodes are lost that were not deleted")


def _check_categories(tree: dict[str, Any], leaf: Any, count: int, place: str) -> None:
    kinds = _need_array(tree["split_type"], np.uint8, count, f"{place}: split_type")
    nodes, starts, sizes, values = (
        tree[name] for name in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    if not all(isinstance(each, np.ndarray) and each.dtype.kind == "i" for each in (nodes, starts, sizes, values)):
        raise refused(f"{place}: its categories are no whole numbers")
    if np.any(kinds > 1) or not np.array_equal(nodes, np.flatnonzero((kinds == 1) & ~leaf)):
        raise refused(f"{place}: its categories are not those of its nodes")
    if not len(nodes) == len(starts) == len(sizes) or np.any(sizes < 0):
        raise refused(f"{place}: its categories are not one segment for each node")
    if not np.array_equal(starts, np.cumsum([0, *sizes.tolist()])[:-1]) or int(sizes.sum()) != len(values):
        raise refused(f"{place}: the segments of its categories do not lie one after the other")
    if np.any(values < 0) or np.any(values >= 1 << 24):
        raise refused(f"{place}: a category is no number that it could be")
