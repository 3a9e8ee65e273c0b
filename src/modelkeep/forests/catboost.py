"""CatBoost's trees in the common form, from the JSON that the library itself writes of a model.

The layout: https://catboost.ai/docs, "JSON model tutorial". A row goes right where a number is above a border; all
trees of the default kind are oblivious: each level asks one question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests import Forest, joined

_OTHERS = {
    "categorical_features": "categories, which it replaces by statistics of its training rows",
    "text_features": "texts",
    "embedding_features": "embeddings",
    "ctrs": "categories, which it replaces by statistics of its training rows",
}


@dataclass(frozen=True)
class Model:
    """The trees, and what is done to their sums: times ``scale``, plus ``bias``."""

    forest: Forest
    scale: float
    bias: Any


def parsed(model: Any, width: int) -> Model:
    """A model from its JSON, over rows of ``width`` columns."""
    info = model["features_info"]
    for name, told in _OTHERS.items():
        if info.get(name):
            raise ExportError(
                f"it takes {told}: that has no ONNX form",
                hint="encode them as numbers before it, or keep it as .keep or .cbm",
            )
    features = {each["feature_index"]: each for each in info["float_features"]}
    scale, bias = model["scale_and_bias"]
    bias = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    split = {place: each["flat_feature_index"] for place, each in features.items()}
    above = {place: each["nan_value_treatment"] == "AsTrue" for place, each in features.items()}
    trees = [_oblivious(each, split, above) for each in model.get("oblivious_trees", [])]
    trees += [_nested(each, split, above, bias.size) for each in model.get("trees", [])]
    if not trees:
        raise ExportError("it has no trees", hint="fit it again with more iterations")
    targets = max(values.shape[1] for *_, values in trees)
    return Model(joined([_forest(tree, width, targets) for tree in trees]), float(scale), bias)


def _forest(tree: tuple[Any, ...], width: int, targets: int) -> Forest:
    feature, threshold, left, right, missing_right, values = tree
    return Forest(
        n_features=width,
        n_targets=targets,
        roots=np.zeros(1, dtype=np.int64),
        feature=feature,
        threshold=threshold,
        left=left,
        right=right,
        missing_left=~missing_right & (feature >= 0),
        values=values,
        target=np.zeros(1, dtype=np.int64) if targets == 1 else None,
    )


def _oblivious(tree: Any, feature_of: Any, above: Any) -> tuple[Any, ...]:
    """Level ``i`` decides bit ``i`` of the leaf's number; the nodes of a level are in the order of the bits so far."""
    splits = tree.get("splits") or []
    depth = len(splits)
    _need_numbers(splits)
    inner, leaves = 2**depth - 1, 2**depth
    feature = np.full(inner + leaves, -1, dtype=np.int64)
    threshold, missing_right = np.zeros(inner + leaves), np.zeros(inner + leaves, dtype=bool)
    left, right = np.zeros((2, inner + leaves), dtype=np.int64)
    for level, split in enumerate(splits):
        begin, bits = 2**level - 1, np.arange(2**level)
        here = slice(begin, begin + 2**level)
        feature[here] = feature_of[split["float_feature_index"]]
        threshold[here] = split["border"]
        missing_right[here] = above[split["float_feature_index"]]
        left[here] = 2 ** (level + 1) - 1 + bits
        right[here] = left[here] + 2**level
    numbers = np.array(tree["leaf_values"], dtype=np.float64).reshape(leaves, -1)
    values = np.concatenate([np.zeros((inner, numbers.shape[1])), numbers])
    return feature, threshold, left, right, missing_right, values


def _nested(tree: Any, feature_of: Any, above: Any, targets: int) -> tuple[Any, ...]:
    """A tree of nodes within nodes."""
    nodes, children = [tree], [(0, 0)]
    for place, node in enumerate(nodes):  # grows while it is walked
        if "split" in node:
            children[place] = (len(nodes), len(nodes) + 1)
            nodes += [node["left"], node["right"]]
            children += [(0, 0), (0, 0)]
    splits = [node.get("split") for node in nodes]
    _need_numbers([split for split in splits if split is not None])
    index = [-1 if split is None else split["float_feature_index"] for split in splits]
    values = [
        np.zeros(targets) if split else np.ravel(node["value"]) for split, node in zip(splits, nodes, strict=True)
    ]
    left, right = np.array(children, dtype=np.int64).T
    return (
        np.array([feature_of.get(i, -1) for i in index], dtype=np.int64),
        np.array([0.0 if split is None else split["border"] for split in splits]),
        left,
        right,
        np.array([above.get(i, False) for i in index]),
        np.array(values, dtype=np.float64).reshape(len(nodes), -1),
    )


def _need_numbers(splits: Any) -> None:
    if any(split.get("split_type", "FloatFeature") != "FloatFeature" for split in splits):
        raise ExportError(f"it takes {_OTHERS['ctrs']}: that has no ONNX form", hint="encode them as numbers before it")
