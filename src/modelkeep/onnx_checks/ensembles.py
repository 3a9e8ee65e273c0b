"""Tree ensembles of ONNX: every node once, every child there, no way back, and answers inside the answer.

The forms: https://github.com/onnx/onnx/blob/main/docs/Operators-ml.md, TreeEnsembleClassifier and TreeEnsemble.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.onnx_checks import tensors
from modelkeep.onnx_checks.attributes import MAX_WIDTH, Attributes, classes, ints, length, number, refuse
from modelkeep.onnx_checks.model import Node

#: The runtime walks trees by recursion when it opens a model: a deeper one would end the process.
MAX_DEPTH = 8192
_MODES = {b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GTE", b"BRANCH_GT", b"BRANCH_EQ", b"BRANCH_NEQ", b"LEAF"}
_MEMBER = 6


def check_classifier(node: Node, attributes: Attributes, width: int | None) -> None:
    labels = classes(attributes)
    if not 1 <= labels <= MAX_WIDTH:
        refuse(node, "it has no classes")
    _check(node, attributes, width, "class", labels)


def check_regressor(node: Node, attributes: Attributes, width: int | None) -> None:
    targets = number(attributes, "n_targets", 1)
    if not 1 <= targets <= MAX_WIDTH:
        refuse(node, "it has no targets")
    _check(node, attributes, width, "target", targets)


def _check(node: Node, attributes: Attributes, width: int | None, kind: str, answers: int) -> None:
    trees, ids = ints(attributes, "nodes_treeids"), ints(attributes, "nodes_nodeids")
    count = len(trees)
    wanted = ("nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_truenodeids", "nodes_falsenodeids")
    if not count or any(length(attributes, name) != count for name in wanted):
        refuse(node, "the lists of its nodes differ in length")
    if length(attributes, "nodes_values") + length(attributes, "nodes_values_as_tensor") != count:
        refuse(node, "there are not as many thresholds as nodes")
    for name in ("nodes_hitrates", "nodes_hitrates_as_tensor", "nodes_missing_value_tracks_true"):
        if length(attributes, name) not in (0, count):
            refuse(node, f"{name} is not as long as its nodes")
    modes = [bytes(mode) for mode in attributes["nodes_modes"].strings]
    if not set(modes) <= _MODES:
        refuse(node, "a node has a mode that trees lack")
    inner = np.fromiter((mode != b"LEAF" for mode in modes), bool, count)
    _features(node, ints(attributes, "nodes_featureids")[inner], width)
    places = _Places(trees, ids)
    if places.repeated:
        refuse(node, "two of its nodes have one number")
    children = [
        places.find(trees[inner], ints(attributes, f"nodes_{side}nodeids")[inner]) for side in ("true", "false")
    ]
    if any(child.min(initial=0) < 0 for child in children):
        refuse(node, "a child of a node is not there")
    links = np.full((2, count), -1, np.int64)
    links[:, inner] = children
    roots = _acyclic(node, links)
    if len(roots) != places.trees or len(np.unique(trees[roots])) != places.trees:
        refuse(node, "a tree has not one root")
    _answers(node, attributes, places, kind, answers)


def _features(node: Node, features: Any, width: int | None) -> None:
    if features.min(initial=0) < 0 or features.max(initial=0) >= (width or MAX_WIDTH):
        refuse(node, f"a node asks for a column that its {width or ''} input columns lack".replace("  ", " "))


class _Places:
    """Where the node of a tree and a number is in the lists."""

    def __init__(self, trees: Any, ids: Any) -> None:
        self._tree_names, tree = np.unique(trees, return_inverse=True)
        self._id_names, number = np.unique(ids, return_inverse=True)
        keys = tree * len(self._id_names) + number
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self.trees = len(self._tree_names)
        self.repeated = bool(np.any(np.diff(self._keys) == 0))

    def find(self, trees: Any, ids: Any) -> Any:
        """Places in the lists, -1 for what is not there."""
        tree, known_tree = _rank(self._tree_names, trees)
        number, known_id = _rank(self._id_names, ids)
        place, known = _rank(self._keys, tree * len(self._id_names) + number)
        return np.where(known & known_tree & known_id, self._order[place], -1)


def _rank(names: Any, wanted: Any) -> tuple[Any, Any]:
    place = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return place, names[place] == wanted


def _acyclic(node: Node, links: Any) -> Any:
    """The roots, once it is known that all ways along ``links`` (-1 is none) end, and end soon.

    A node may be the child of several: a set of categories is a chain of comparisons that lead to one node.
    """
    count = links.shape[1]
    waiting = np.bincount(links[links >= 0], minlength=count)
    roots = front = np.flatnonzero(waiting == 0)
    done = depth = 0
    while len(front):
        done += len(front)
        depth += 1
        if depth > MAX_DEPTH:
            refuse(node, f"a tree is more than {MAX_DEPTH} levels deep")
        below = links[:, front].ravel()
        children, times = np.unique(below[below >= 0], return_counts=True)
        waiting[children] -= times
        front = children[waiting[children] == 0]
    if done < count:
        refuse(node, "a tree leads back into itself")
    return roots


def _answers(node: Node, attributes: Attributes, places: _Places, kind: str, answers: int) -> None:
    columns = ints(attributes, f"{kind}_ids")
    trees, ids = ints(attributes, f"{kind}_treeids"), ints(attributes, f"{kind}_nodeids")
    weights = length(attributes, f"{kind}_weights") + length(attributes, f"{kind}_weights_as_tensor")
    if not len(columns) == len(trees) == len(ids) == weights:
        refuse(node, "the lists of its answers differ in length")
    if columns.min(initial=0) < 0 or columns.max(initial=0) >= answers:
        refuse(node, f"an answer is not one of {answers}")
    if places.find(trees, ids).min(initial=0) < 0:
        refuse(node, "an answer belongs to a node that is not there")
    base = length(attributes, "base_values") + length(attributes, "base_values_as_tensor")
    if base not in (0, 1, answers):
        refuse(node, "there are not as many base values as answers")


def check_joined(node: Node, attributes: Attributes, width: int | None) -> None:
    """The form of version 5: one list of inner nodes, one of leaves, for all trees."""
    features = ints(attributes, "nodes_featureids")
    count, leaves = len(features), length(attributes, "leaf_targetids")
    ends = ("true", "false")
    wanted = [f"nodes_{side}{what}" for side in ends for what in ("nodeids", "leafs")]
    if not count or any(length(attributes, name) != count for name in (*wanted, "nodes_modes", "nodes_splits")):
        refuse(node, "the lists of its nodes differ in length")
    if any(length(attributes, f"nodes_{name}") not in (0, count) for name in ("hitrates", "missing_value_tracks_true")):
        refuse(node, "a list of its nodes differs in length")
    if length(attributes, "leaf_weights") != leaves or not leaves:
        refuse(node, "there are not as many weights as leaves")
    targets, answers = ints(attributes, "leaf_targetids"), number(attributes, "n_targets", 1)
    if not 1 <= answers <= MAX_WIDTH or targets.min() < 0 or targets.max() >= answers:
        refuse(node, f"an answer is not one of {answers}")
    _features(node, features, width)
    links = np.stack([ints(attributes, f"nodes_{side}nodeids") for side in ends])
    ending = np.stack([ints(attributes, f"nodes_{side}leafs") for side in ends]) != 0
    if np.any(links < 0) or np.any(links >= np.where(ending, leaves, count)):
        refuse(node, "a child of a node is not there")
    _acyclic(node, np.where(ending, -1, links))
    roots = ints(attributes, "tree_roots")
    if not len(roots) or roots.min() < 0 or roots.max() >= count:
        refuse(node, "a root of a tree is not there")
    _members(node, attributes)


def _members(node: Node, attributes: Attributes) -> None:
    """Sets of categories, in one list with NaN behind each: as many as there are nodes that ask for one."""
    held = attributes["nodes_modes"].t
    modes = tensors.array(held).ravel() if held is not None else np.zeros(0, np.uint8)
    if len(modes) != length(attributes, "nodes_modes") or np.any(modes > _MEMBER):
        refuse(node, "a node has a mode that trees lack")
    given = attributes.get("membership_values")
    values = tensors.array(given.t).ravel() if given is not None and given.t is not None else np.zeros(0)
    sets = int(np.isnan(values).sum()) + bool(len(values) and not np.isnan(values[-1]))
    if sets != int((modes == _MEMBER).sum()):
        refuse(node, "there are not as many sets of categories as nodes that ask for one")
