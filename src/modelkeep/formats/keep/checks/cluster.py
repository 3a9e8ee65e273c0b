"""Clusters: compiled code walks rows and centres side by side, as wide as the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.keep.checks.require import (
    FLOATS,
    Array,
    Check,
    State,
    array,
    fail,
    features,
    indices,
    integer,
    is_a,
    require,
    sparse_or_array,
)

_MAX_THREADS = 4096
_LINKAGE = ("left_node", "right_node", "value", "cluster_size")


def _check_centers(state: State) -> Array:
    centers = array(state, "cluster_centers_", FLOATS, (None, features(state)))
    require(centers.size, "cluster_centers_", "no centres")
    if "_n_features_out" in state:
        require(integer(state, "_n_features_out") == len(centers), "_n_features_out", f"not {len(centers)} clusters")
    return centers


def check_kmeans(obj: Any) -> None:
    state = vars(obj)
    if "cluster_centers_" not in state:
        return
    centers = _check_centers(state)
    if "_n_threads" in state:
        integer(state, "_n_threads", 1, _MAX_THREADS)
    if "_counts" in state:  # of MiniBatchKMeans, which goes on learning with them
        array(state, "_counts", FLOATS, (len(centers),))
    if is_a(obj, "sklearn.cluster._bisect_k_means.BisectingKMeans"):
        _check_bisections(state, centers)


def _check_bisections(state: State, centers: Array) -> None:
    """A tree whose leaves are the clusters. Shared or circular branches would be walked without an end."""
    width = centers.shape[1]
    if "_X_mean" in state:
        array(state, "_X_mean", FLOATS, (width,))
    seen: set[int] = set()
    labels: list[int] = []
    path = "_bisecting_tree"
    todo = [state.get(path)]
    while todo:
        node = todo.pop()
        require(is_a(node, "sklearn.cluster._bisect_k_means._BisectingTree"), path, "not a tree of clusters")
        require(id(node) not in seen, path, "a branch that belongs to two others")
        seen.add(id(node))
        parts = vars(node)
        center: Any = parts.get("center")
        require(isinstance(center, np.ndarray) and center.dtype == centers.dtype, path, "a centre of another type")
        # Of sparse rows, the mean is a matrix of one row.
        require(center.shape in ((width,), (1, width)), path, f"a centre of shape {center.shape}")
        if parts.get("left") is None:
            labels.append(integer(parts, "label", 0, len(centers) - 1))
        else:
            todo += [parts["left"], parts.get("right")]
    require(sorted(labels) == list(range(len(centers))), path, f"the leaves are not the {len(centers)} clusters")


def check_birch(obj: Any) -> None:
    state = vars(obj)
    if "subcluster_centers_" not in state:
        return
    width = features(state)
    centers = array(state, "subcluster_centers_", FLOATS, (None, width))
    require(len(centers), "subcluster_centers_", "no centres")
    array(state, "_subcluster_norms", FLOATS, (len(centers),))
    if "subcluster_labels_" in state:
        array(state, "subcluster_labels_", "i u", (len(centers),))
    require(is_a(state.get("root_"), "sklearn.cluster._birch._CFNode"), "root_", "no tree of subclusters")
    _check_nodes(state["root_"], width)


def _check_nodes(root: Any, width: int) -> None:
    """The tree goes on growing with new rows: no branch twice, and each node has the room that it fills."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        require(is_a(node, "sklearn.cluster._birch._CFNode"), "root_", "a branch that is not a node")
        require(id(node) not in seen, "root_", "a branch that belongs to two others")
        seen.add(id(node))
        state = vars(node)
        found: Any = state.get("subclusters_")
        require(type(found) is list, "root_", "a node without its subclusters")
        room = integer(state, "branching_factor", 2) + 1
        require(integer(state, "n_features") == width, "root_", "a node of another width")
        array(state, "init_centroids_", FLOATS, (room, width))
        array(state, "init_sq_norm_", FLOATS, (room,))
        array(state, "centroids_", FLOATS, (len(found), width))
        array(state, "squared_norm_", FLOATS, (len(found),))
        for sub in found:
            require(is_a(sub, "sklearn.cluster._birch._CFSubcluster"), "root_", "a part that is no subcluster")
            if vars(sub).get("child_") is not None:
                todo.append(vars(sub)["child_"])


def check_hdbscan(obj: Any) -> None:
    """Cutting the tree joins clusters by the numbers in it."""
    state = vars(obj)
    if "_single_linkage_tree_" not in state:
        return
    tree = state["_single_linkage_tree_"]
    good = isinstance(tree, np.ndarray) and tree.ndim == 1 and tree.dtype.names == _LINKAGE and len(tree)
    require(good, "_single_linkage_tree_", "not a tree of merges")
    for side in ("left_node", "right_node"):
        indices(tree[side], 2 * len(tree) + 1, f"_single_linkage_tree_.{side}")
    array(state, "labels_", "i", (len(tree) + 1,))


def check_agglomeration(obj: Any) -> None:
    """Columns are counted by their clusters."""
    state = vars(obj)
    if "labels_" in state:
        clusters = integer(state, "n_clusters_", 1)
        indices(array(state, "labels_", "i u", (features(state),)), clusters, "labels_")
        if "_n_features_out" in state:
            require(integer(state, "_n_features_out") == clusters, "_n_features_out", f"not {clusters} clusters")


def check_center_list(obj: Any) -> None:
    state = vars(obj)
    if state.get("cluster_centers_") is not None:
        rows, _ = sparse_or_array(state["cluster_centers_"], "cluster_centers_", "f i u", (None, features(state)))
        if not rows and is_a(obj, "sklearn.cluster._mean_shift.MeanShift"):
            fail("cluster_centers_", "no centres")


CHECKS: dict[str, Check] = {
    "sklearn.cluster._kmeans._BaseKMeans": check_kmeans,
    "sklearn.cluster._birch.Birch": check_birch,
    "sklearn.cluster._hdbscan.hdbscan.HDBSCAN": check_hdbscan,
    "sklearn.cluster._agglomerative.FeatureAgglomeration": check_agglomeration,
    "sklearn.cluster._mean_shift.MeanShift": check_center_list,
    "sklearn.cluster._affinity_propagation.AffinityPropagation": check_center_list,
}
