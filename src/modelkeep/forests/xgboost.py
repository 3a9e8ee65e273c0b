"""XGBoost's trees in the common form, from the JSON that the library itself writes of a model.

The layout: https://xgboost.readthedocs.io, "Introduction to Model IO"; what a category decides: ``Decision`` in
XGBoost's categorical.h. All its numbers are float32.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests import Categories, Forest, joined

#: Numbers from here on are no category to the library.
_MOST_CATEGORIES = 1 << 24
#: How near to 0 and 1 a base probability comes.
_NEAREST = np.float32(1e-6)


@dataclass(frozen=True)
class Model:
    """What a booster computes before its objective: trees, or ``weights`` (columns and a constant x targets).

    ``base`` is a margin for each target; ``categories`` lists those of each column that was trained from a table.
    """

    forest: Forest | None
    weights: Any
    base: Any
    objective: str
    n_targets: int
    n_features: int
    categories: tuple[Any, ...]


def parsed(data: bytes | bytearray, rounds: int | None = None, *, inplace: bool = False) -> Model:
    """A model from its JSON; ``rounds``: only that many, as early stopping leaves them.

    ``inplace``: rounded as the library rounds when it is asked for rows that it need not copy.
    """
    learner = json.loads(bytes(data))["learner"]
    facts, booster = learner["learner_model_param"], learner["gradient_booster"]
    objective = learner["objective"]["name"]
    targets = max(1, int(facts["num_class"]), int(facts.get("num_target", 1)))
    width = int(facts["num_feature"])
    base = _margin(objective, json.loads(facts["base_score"]))
    model = booster.get("gbtree", booster)["model"]
    drops = booster.get("weight_drop", model.get("weight_drop"))  # since version 3.4 they stand beside the trees
    forest = weights = None
    if "trees" in model:
        count = _count(model, rounds)
        scales = None if drops is None else _Scales(drops[:count], base if inplace else np.float32(0), targets)
        forest = _forest(model, count, scales, width, targets).replaced(base=base.astype(np.float64))
    else:
        weights = np.array(model["weights"], dtype=np.float32).reshape(width + 1, targets)
    return Model(forest, weights, base, objective, targets, width, _table(model.get("cats")))


def _margin(objective: str, scores: Any) -> Any:
    """The beginning of the sums: base scores through the objective's link, in float32."""
    score = np.atleast_1d(np.asarray(scores, dtype=np.float32))
    if objective in ("binary:logistic", "reg:logistic"):
        score = np.clip(score, _NEAREST, np.float32(1) - _NEAREST)
        odds = (np.float32(1) / score - np.float32(1)).astype(np.float64)
        return -np.log(odds).astype(np.float32)
    if objective in ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"):
        return np.log(score.astype(np.float64)).astype(np.float32)
    return score


class _Scales:
    """The weights of trees that were dropped at times; asked in place, a leaf is rounded next to the base first."""

    def __init__(self, weights: Any, base: Any, targets: int) -> None:
        self.weights = np.array(weights, dtype=np.float32)
        self.base = np.broadcast_to(base, targets)

    def scaled(self, values: Any, place: int, target: int) -> Any:
        base = self.base[target]
        return ((base + values) - base) * self.weights[place]


def _count(model: Any, rounds: int | None) -> int:
    """How many trees answer."""
    count, bounds = len(model["trees"]), model.get("iteration_indptr")
    if rounds is not None and bounds is not None:
        count = int(bounds[min(rounds, len(bounds) - 1)])
    if not count:
        raise ExportError("it has no trees", hint="fit it again with n_estimators above 0")
    return count


def _forest(model: Any, count: int, scales: _Scales | None, width: int, targets: int) -> Forest:
    parts = []
    for place, (tree, target) in enumerate(zip(model["trees"][:count], model["tree_info"], strict=False)):
        part = _tree(tree, target, width, targets)
        if scales is not None:
            values = scales.scaled(part.values.astype(np.float32), place, target)
            part = part.replaced(values=values.astype(np.float64))
        parts.append(part)
    return joined(parts)


def _tree(tree: Any, target: int, width: int, targets: int) -> Forest:
    left = np.array(tree["left_children"], dtype=np.int64)
    right = np.array(tree["right_children"], dtype=np.int64)
    leaf = left == -1
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    vector = int(tree["tree_param"]["size_leaf_vector"]) > 1
    values = _vectors(tree, leaf, right, targets) if vector else numbers[:, None]
    category, categories = _categories(tree)
    return Forest(
        n_features=width,
        n_targets=targets,
        roots=np.zeros(1, dtype=np.int64),
        feature=np.where(leaf, -1, np.array(tree["split_indices"])).astype(np.int64),
        threshold=np.where(leaf | (category >= 0), 0.0, numbers).astype(np.float64),
        left=np.where(leaf, 0, left),
        right=np.where(leaf, 0, right),
        missing_left=np.array(tree["default_left"]).astype(bool) & ~leaf,
        values=values.astype(np.float64),
        target=None if vector else np.array([target], dtype=np.int64),
        category=category,
        categories=categories,
        strict=True,
        narrow_sums=True,
    )


def _vectors(tree: Any, leaf: Any, right: Any, targets: int) -> Any:
    """The numbers of each leaf, nodes x targets. Before version 3.2 they stood among the weights of all nodes."""
    if "leaf_weights" not in tree:
        weights = np.array(tree["base_weights"], dtype=np.float32).reshape(len(leaf), targets)
        return np.where(leaf[:, None], weights, np.float32(0))
    values = np.zeros((len(leaf), targets), dtype=np.float32)
    leaves = np.array(tree["leaf_weights"], dtype=np.float32).reshape(-1, targets)
    values[leaf] = leaves[right[leaf]]  # the place of a leaf's numbers is kept as its right child
    return values


def _categories(tree: Any) -> tuple[Any, tuple[Categories, ...]]:
    """The set of a split goes right; all else left, NaN as the node says."""
    category = np.full(len(tree["left_children"]), -1, dtype=np.int64)
    found: list[Categories] = []
    parts = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    for node, start, size in parts:
        chosen = np.array(tree["categories"][start : start + size], dtype=np.int64)
        chosen = chosen[chosen < _MOST_CATEGORIES]
        left = np.ones(int(chosen.max(initial=0)) + 1, dtype=bool)
        left[chosen] = False
        category[node] = len(found)
        found.append(Categories(int(tree["split_indices"][node]), left, True, bool(tree["default_left"][node])))
    return category, tuple(found)


def _table(cats: Any) -> tuple[Any, ...]:
    """The categories of each column, in the order of their codes; None for a column of numbers."""
    if not cats:
        return ()
    return tuple(_names(each) for each in cats["enc"])


def _names(enc: Any) -> Any:
    if "offsets" not in enc:
        values = enc.get("values", [])
        return tuple(values) or None
    data, bounds = bytes(each & 0xFF for each in enc["values"]), enc["offsets"]
    # The library counts signs where it means bytes: names that are not plain ASCII are cut short.
    return tuple(data[a:b].decode(errors="replace") for a, b in itertools.pairwise(bounds)) or None
