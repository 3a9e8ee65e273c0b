"""XGBoost's JSON files in the shape of its binary ones, so that one check serves both."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from modelkeep.boosters.ubjson import DEPTH, part, refused

_TREE = {
    "base_weights": np.float32, "split_conditions": np.float32, "loss_changes": np.float32, "sum_hessian": np.float32,
    "leaf_weights": np.float32, "left_children": np.int32, "right_children": np.int32, "parents": np.int32,
    "split_indices": np.int32, "categories": np.int32, "categories_nodes": np.int32, "categories_segments": np.int64,
    "categories_sizes": np.int64, "default_left": np.uint8, "split_type": np.uint8,
}  # fmt: skip
_LIMITS = {np.int32: 1 << 31, np.int64: 1 << 62, np.uint8: 256, np.int8: 128}


def parse(data: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The model in a JSON file, with arrays where the binary file has them."""
    model = _decoded(bytes(data))
    if not isinstance(model, dict) or _deep(model) > DEPTH:
        raise refused("it is no object, or nested too deep")
    learner = part(model, "learner")
    objective, booster = part(learner, "objective"), part(learner, "gradient_booster")
    for name, value in objective.items():
        if isinstance(value, list):  # what an objective has learnt: the positions' bias of a ranking
            objective[name] = _array(value, np.float32)
    if "weight_drop" in booster:
        booster["weight_drop"] = list(_array(booster["weight_drop"], np.float32))
    inner = part(part(booster, "gbtree") if "gbtree" in booster else booster, "model")
    if "weights" in inner:
        inner["weights"] = _array(inner["weights"], np.float32)
    for name in ("tree_info", "iteration_indptr"):
        if name in inner:
            inner[name] = list(_array(inner[name], np.int32))
    if "boosted_rounds" in inner:
        inner["boosted_rounds"] = _array([inner["boosted_rounds"]], np.int32)[0]
    _categories(inner)
    trees = inner.get("trees", [])
    for tree in trees if isinstance(trees, list) else ():
        if not isinstance(tree, dict):
            raise refused("a tree is no object")
        for name, dtype in _TREE.items():
            if name in tree:
                tree[name] = _array(tree[name], dtype)
        tree["id"] = _array([tree.get("id", 0)], np.int32)[0]
    version = model.get("version")
    model["version"] = list(_array(version, np.int32))
    return model


def _decoded(data: bytes) -> Any:
    """JSON, and with it the ``NaN`` and ``Infinity`` that XGBoost writes at times."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise refused("it is no JSON") from None


def _categories(inner: dict[str, Any]) -> None:
    if "cats" not in inner:
        return
    cats = part(inner, "cats")
    for name in ("feature_segments", "sorted_idx"):
        cats[name] = _array(cats.get(name), np.int32)
    for each in cats.get("enc", []) if isinstance(cats.get("enc"), list) else ():
        if not isinstance(each, dict):
            raise refused("the categories of a column are no object")
        if "offsets" in each:
            each["offsets"] = _array(each["offsets"], np.int32)
            each["values"] = _array(each.get("values"), np.int8)
        else:
            raise refused("the categories of a column are numbers: save the model as .ubj")


def _deep(value: Any) -> int:
    """How deep objects and lists nest, without recursion."""
    level, waiting = 0, [value]
    while waiting and level <= DEPTH + 1:
        level += 1
        waiting = [
            inner
            for each in waiting
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return level


def _array(values: Any, dtype: Any) -> Any:
    if not isinstance(values, list) or not all(type(each) in (int, float, bool) for each in values):
        raise refused("an array holds something that is no number")
    if dtype is np.float32:
        try:
            with np.errstate(over="ignore"):
                return np.array(values, dtype=np.float64).astype(np.float32)
        except OverflowError:
            raise refused("an array holds a number that it has no room for") from None
    most = _LIMITS[dtype]
    if not all(type(each) in (int, bool) and -most <= each < most for each in values):
        raise refused("an array holds a number that it has no room for")
    return np.array(values, dtype=np.int64).astype(dtype)
