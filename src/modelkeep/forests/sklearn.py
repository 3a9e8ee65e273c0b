"""scikit-learn's trees in the common form: decision trees, forests, boosting, and predictors of histogram boosting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.forests import Categories, Forest, joined


def of_tree(tree: Any, values: Any = None, *, target: int | None = None, n_targets: int | None = None) -> Forest:
    """A ``Tree``; its leaves have ``values`` (of shape nodes x targets), or what the tree has for all its outputs."""
    leaf = tree.children_left == -1
    if values is None:
        values = tree.value.reshape(tree.node_count, -1)
    values = np.asarray(values, dtype=np.float64).reshape(tree.node_count, -1)
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, dtype=np.uint8))
    return Forest(
        n_features=int(tree.n_features),
        n_targets=values.shape[1] if n_targets is None else n_targets,
        roots=np.zeros(1, dtype=np.int64),
        feature=np.where(leaf, -1, tree.feature).astype(np.int64),
        threshold=np.where(leaf, 0.0, tree.threshold),
        left=np.where(leaf, 0, tree.children_left).astype(np.int64),
        right=np.where(leaf, 0, tree.children_right).astype(np.int64),
        missing_left=np.asarray(missing).astype(bool) & ~leaf,
        values=values,
        target=None if target is None else np.array([target], dtype=np.int64),
    )


def of_trees(trees: Sequence[Any]) -> Forest:
    """Trees of one shape, each leaf with all its outputs."""
    return joined([of_tree(tree) for tree in trees])


def of_predictors(model: Any) -> Forest:
    """The predictors of histogram boosting, over the columns as its preprocessor leaves them: categories first.

    ``values`` are what its ``_raw_predict`` adds to the baseline, which is ``base``.
    """
    width, bits = _layout(model)
    parts = [
        _of_predictor(predictor, target, width, model._baseline_prediction.size, bits)
        for stage in model._predictors
        for target, predictor in enumerate(stage)
    ]
    if not parts:
        parts = [_constant(width, model._baseline_prediction.size)]
    whole = joined(parts)
    base = np.asarray(model._baseline_prediction, dtype=np.float64).ravel()
    return whole.replaced(base=base, narrow=False)


def _layout(model: Any) -> tuple[int, Any]:
    """The width of its table, and for each column the bits of the categories that it knows, or None."""
    categorical = model.is_categorical_
    if categorical is None:
        return int(model.n_features_in_), None
    known, places = model._bin_mapper.make_known_categories_bitsets()
    rows: list[Any] = [None] * int(model.n_features_in_)
    for column, place in enumerate(places.tolist()):
        if model._bin_mapper.is_categorical_[column]:
            rows[column] = _bits(known[place])
    return int(model.n_features_in_), rows


def _bits(words: Any) -> Any:
    return np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)


def _of_predictor(predictor: Any, target: int, width: int, n_targets: int, known: Any) -> Forest:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    split = nodes["is_categorical"].astype(bool) & ~leaf
    category = np.full(len(nodes), -1, dtype=np.int64)
    categories = []
    for number, place in enumerate(np.flatnonzero(split).tolist()):
        node = nodes[place]
        column, missing_left = int(node["feature_idx"]), bool(node["missing_go_to_left"])
        left = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
        # A number that is no known category counts as missing.
        categories.append(Categories(column, np.where(known[column], left, missing_left), missing_left, missing_left))
        category[place] = number
    return Forest(
        n_features=width,
        n_targets=n_targets,
        roots=np.zeros(1, dtype=np.int64),
        feature=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64),
        threshold=np.where(leaf | split, 0.0, nodes["num_threshold"]),
        left=np.where(leaf, 0, nodes["left"]).astype(np.int64),
        right=np.where(leaf, 0, nodes["right"]).astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool) & ~leaf,
        values=nodes["value"].astype(np.float64).reshape(-1, 1),
        target=np.array([target], dtype=np.int64),
        category=category,
        categories=tuple(categories),
        narrow=False,
    )


def _constant(width: int, n_targets: int) -> Forest:
    """A tree of one leaf that adds nothing: a model that stopped before its first tree."""
    zero = np.zeros(1, dtype=np.int64)
    return Forest(
        width, n_targets, zero, zero - 1, np.zeros(1), zero, zero, np.zeros(1, bool), np.zeros((1, 1)), target=zero
    )
