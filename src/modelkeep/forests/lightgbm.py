"""LightGBM's trees in the common form, from the text that the library itself writes of a model.

The text: https://lightgbm.readthedocs.io, "Model Format"; what a node decides: ``Tree::Decision`` in LightGBM's tree.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests import NAN, NOTHING, ZERO, Categories, Forest, joined

#: Numbers not farther from zero than this are zero to the library; it is a float32 there.
TINY = float(np.float32(1e-35))
_BY_CATEGORY, _LEFT = 1, 2
#: What the library calls missing, by the bits of a node.
_GAPS = np.array([NOTHING, ZERO, NAN, NAN], dtype=np.uint8)
_WORD = 32


@dataclass(frozen=True)
class Model:
    """The trees, and what the library makes of their sums: ``objective`` with its settings; ``mean`` of how many."""

    forest: Forest
    objective: str
    settings: dict[str, str]
    mean: float
    feature_infos: tuple[str, ...]


def parsed(text: str) -> Model:
    """A model from its text."""
    head, _, rest = text.partition("\n\n")
    facts = _facts(head)
    body = rest.partition("end of trees")[0]
    blocks = [block for block in body.split("\n\n") if block.strip()]
    width, targets = int(facts["max_feature_idx"]) + 1, int(facts["num_tree_per_iteration"])
    trees = [_tree(_facts(block), width, place % targets, targets) for place, block in enumerate(blocks)]
    if not trees:
        raise ExportError("it has no trees", hint="fit it again on more rows")
    objective, *settings = facts.get("objective", "").split() or [""]
    pairs = [each.partition(":") for each in settings]
    return Model(
        forest=joined(trees),
        objective=objective,
        settings={name: value for name, _, value in pairs},
        mean=len(trees) / targets if "average_output" in facts else 1.0,
        feature_infos=tuple(facts.get("feature_infos", "").split()),
    )


def _facts(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, _, value in pairs}


def _numbers(facts: dict[str, str], name: str, dtype: Any) -> Any:
    return np.array(facts.get(name, "").split(), dtype=np.float64 if dtype is float else np.int64)


def _tree(facts: dict[str, str], width: int, target: int, targets: int) -> Forest:
    if int(facts.get("is_linear", 0)):
        raise ExportError("its leaves are linear models", hint="fit it with linear_tree=False")
    leaves = _numbers(facts, "leaf_value", float)
    splits = int(facts["num_leaves"]) - 1
    feature, decision = (_numbers(facts, name, int)[:splits] for name in ("split_feature", "decision_type"))
    threshold = _numbers(facts, "threshold", float)[:splits]
    # A negative child is a leaf, counted down from -1; the leaves are put behind the splits.
    left, right = (_places(_numbers(facts, name, int)[:splits], splits) for name in ("left_child", "right_child"))
    by_category = (decision & _BY_CATEGORY).astype(bool)
    category, categories = _categories(facts, feature, threshold, by_category)
    count = len(leaves)

    def column(of_splits: Any, of_leaves: Any, dtype: Any) -> Any:
        return np.concatenate([of_splits, np.full(count, of_leaves)]).astype(dtype)

    return Forest(
        n_features=width,
        n_targets=targets,
        roots=np.zeros(1, dtype=np.int64),
        feature=column(feature, -1, np.int64),
        threshold=column(np.where(by_category, 0.0, threshold), 0.0, np.float64),
        left=column(left, 0, np.int64),
        right=column(right, 0, np.int64),
        missing_left=column((decision & _LEFT) > 0, False, bool),
        values=np.concatenate([np.zeros(splits), leaves])[:, None],
        target=np.array([target], dtype=np.int64),
        category=column(category, -1, np.int64),
        categories=categories,
        narrow=False,
        gap=column(_GAPS[(decision >> 2) & 3], NAN, np.uint8),
        tiny=TINY,
    )


def _places(children: Any, splits: int) -> Any:
    return np.where(children < 0, splits - 1 - children, children)


def _categories(facts: dict[str, str], feature: Any, threshold: Any, by_category: Any) -> tuple[Any, Any]:
    """The set of a split is bits of 32-bit words; all that is not in it goes right."""
    category = np.full(len(feature), -1, dtype=np.int64)
    bounds, words = (_numbers(facts, name, int) for name in ("cat_boundaries", "cat_threshold"))
    found: list[Categories] = []
    for place in np.flatnonzero(by_category).tolist():
        own = words[bounds[int(threshold[place])] : bounds[int(threshold[place]) + 1]]
        bits = (own[:, None] >> np.arange(_WORD)) & 1
        category[place] = len(found)
        found.append(Categories(int(feature[place]), bits.ravel().astype(bool), False, False, truncated=True))
    return category, tuple(found)
