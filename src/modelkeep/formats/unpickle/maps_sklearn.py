"""scikit-learn in a pickle beyond plain objects: trees, neighbour trees, distance metrics, losses, Bunch."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, PolicyError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import sktrees
from modelkeep.formats.keep.types.cython import FUNCTION_METRICS, LOSSES, METRICS, NEIGHBOUR_TREES
from modelkeep.formats.unpickle.maps_numpy import array_of
from modelkeep.formats.unpickle.maps_objects import attributes, encode_object, named, only
from modelkeep.formats.unpickle.records import Call, Global

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

#: The fields of a node of a decision tree, and of histogram gradient boosting; what a version lacks is 0.
_TREE_NODE = np.dtype(
    [
        ("left_child", "<i8"), ("right_child", "<i8"), ("feature", "<i8"), ("threshold", "<f8"), ("impurity", "<f8"),
        ("n_node_samples", "<i8"), ("weighted_n_node_samples", "<f8"), ("missing_go_to_left", "u1"),
    ],
    align=True,
)  # fmt: skip
_PREDICTOR_NODE = np.dtype(
    [
        ("value", "<f8"), ("count", "<u4"), ("feature_idx", "<i8"), ("num_threshold", "<f8"),
        ("missing_go_to_left", "u1"), ("left", "<u4"), ("right", "<u4"), ("gain", "<f8"), ("depth", "<u4"),
        ("is_leaf", "u1"), ("bin_threshold", "u1"), ("is_categorical", "u1"), ("bitset_idx", "<u4"),
    ]
)  # fmt: skip
_LATER = frozenset({"missing_go_to_left"})
#: How far from 1 the sum of shares may be.
_NEAR_ONE = 1e-6


class FoundTree:
    """The inside of a decision tree in a pickle, as the encoder asks a live ``Tree`` for it."""

    def __init__(self, n_features: int, n_classes: np.ndarray, state: dict[str, Any]) -> None:
        self.n_features, self.n_classes, self._state = n_features, n_classes, state
        self.node_count = len(state["nodes"])

    def __getstate__(self) -> dict[str, Any]:
        return self._state


def encode_tree(encoder: Transcriber, call: Call) -> Node:
    """``Tree(n_features, n_classes, n_outputs)`` with ``{max_depth, node_count, nodes, values}``."""
    only(call, "state")
    state = call.state
    if len(call.args) != 3 or type(state) is not dict or not state.keys() >= {"max_depth", "nodes", "values"}:
        raise GraphError("a decision tree has an unknown form")
    n_features, n_classes, n_outputs = call.args[0], array_of(encoder, call.args[1]), call.args[2]
    if type(n_features) is not int or n_classes.dtype.kind != "i" or n_classes.shape != (n_outputs,):
        raise GraphError("a decision tree does not say what it takes and gives")
    if not 0 <= n_features < 1 << 31 or not n_outputs or n_classes.min() < 1 or n_classes.max() >= 1 << 31:
        raise GraphError("a decision tree has an unusable number of features or classes")
    nodes = _nodes(array_of(encoder, state["nodes"]), _TREE_NODE)
    values = array_of(encoder, state["values"])
    shape = (len(nodes), n_outputs, int(n_classes.max()))
    if values.dtype != np.float64 or values.shape != shape or state.get("node_count", len(nodes)) != len(nodes):
        raise GraphError("the values of a decision tree do not fit its nodes")
    depth = state["max_depth"]
    if type(depth) is not int or not 0 <= depth < 1 << 31:
        raise GraphError("a decision tree has no depth")
    values = _shares(np.ascontiguousarray(values), n_classes)
    found: Any = FoundTree(n_features, n_classes, {"nodes": nodes, "values": values, "max_depth": depth})
    return sktrees.encode_tree(encoder, found)


def _shares(values: np.ndarray, n_classes: np.ndarray) -> np.ndarray:
    """Before version 1.4 the trees of a classifier counted rows; its answers were divided as they are here."""
    made = values
    for output, count in enumerate(n_classes):
        part = values[:, output, :count]
        total = part.sum(axis=1)
        if count > 1 and not np.all(np.abs(total - 1) < _NEAR_ONE):
            made = values.copy() if made is values else made
            total[total == 0] = 1
            made[:, output, :count] = part / total[:, np.newaxis]
    return made


def _nodes(nodes: np.ndarray, wanted: np.dtype[Any]) -> np.ndarray:
    """Nodes in one layout, whatever the version that wrote them."""
    names = set(nodes.dtype.names or ())
    if nodes.ndim != 1 or (names ^ set(wanted.names or ())) - (_LATER - names):
        raise GraphError(f"the nodes of a tree have unknown fields: {quote(str(sorted(names)))}")
    if nodes.dtype == wanted and nodes.flags.c_contiguous:
        return nodes
    made = np.zeros(len(nodes), wanted)
    for name in names:
        field = nodes[name]
        if field.ndim != 1 or (field.dtype.kind == "f") != (wanted[name].kind == "f") or field.dtype.kind not in "iuf":
            raise GraphError(f"the field {quote(name)} of a tree's nodes has an unusable dtype")
        made[name] = field
        if not np.array_equal(made[name], field, equal_nan=field.dtype.kind == "f"):
            raise GraphError(f"the field {quote(name)} of a tree's nodes has values out of range")
    return made


def encode_predictor(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = attributes(encoder, call)
    bitsets = {
        name: np.ascontiguousarray(array_of(encoder, state[name]))
        for name in ("binned_left_cat_bitsets", "raw_left_cat_bitsets")
        if name in state
    }
    if call.args or len(state) != 3 or len(bitsets) != 2 or "nodes" not in state:
        raise GraphError("a predictor of histogram gradient boosting has an unknown form")
    if not all(bitset.dtype == np.uint32 and bitset.ndim == 2 for bitset in bitsets.values()):
        raise GraphError("the bitsets of a predictor have an unusable dtype")
    found: Any = SimpleNamespace(nodes=_nodes(array_of(encoder, state["nodes"]), _PREDICTOR_NODE), **bitsets)
    return sktrees.encode_predictor(encoder, found)


def encode_neighbours(encoder: Transcriber, call: Call) -> Node:
    """``(data, index, nodes, bounds, leaf size, six counts, metric[, weights])``."""
    only(call, "state")
    state = call.state
    name = named(call.args[0]).rpartition(".")[2] if len(call.args) == 1 else ""
    if name not in NEIGHBOUR_TREES or type(state) is not tuple or len(state) not in (12, 13):
        raise GraphError("a neighbour tree has an unknown form")
    encoder.spend_on(state)
    nodes = array_of(encoder, state[2])
    if "radius" not in (nodes.dtype.names or ()) or nodes["radius"].dtype.kind != "f":
        raise GraphError("the nodes of a neighbour tree have unknown fields")
    parts = (state[0], state[1], nodes["radius"].astype(np.float64), state[3], state[11], (*state, None)[12])
    return ["neighbours", name, state[4], *(encoder.at("", part) for part in parts)]


def encode_metric(encoder: Transcriber, call: Call) -> Node:
    """``(exponent, vector, matrix)``, and for a function of the user's own two entries more."""
    only(call, "state")
    name, state = named(call.args[0]).rpartition(".")[2] if len(call.args) == 1 else "", call.state
    if name.startswith("PyFuncDistance"):
        return _function_metric(encoder, name, state)
    name = name if name in METRICS else f"{name}64"  # older versions had one precision, without a number
    if name not in METRICS or type(state) is not tuple or len(state) < 3 or len(state) > 5:
        raise GraphError(f"{quote(name)} is not a distance metric that a file may have")
    if any(part is not None and part != {} for part in state[3:]):
        raise GraphError("a distance metric holds a function")
    return ["metric", name, *(encoder.at("", part) for part in state[:3])]


def _function_metric(encoder: Transcriber, name: str, state: Any) -> Node:
    """A metric that calls a function: a listed one, or one that the policy trusts."""
    name = name if name in FUNCTION_METRICS else "PyFuncDistance64"
    if type(state) is not tuple or len(state) != 5 or type(state[3]) is not Global or type(state[4]) is not dict:
        raise PolicyError(
            "a distance metric calls what is no function at the top of a module",
            hint="use a metric that scikit-learn names, or such a function",
        )
    encoder.spend_on(state[4].values())
    return ["pymetric", name, encoder.at(".func", state[3]), encoder.state(state[4])]


def encode_loss(encoder: Transcriber, call: Call) -> Node:
    only(call)
    if not all(type(value) in (float, int) for value in call.args) or (call.how == "new" and call.args):
        raise GraphError("a loss has parameters that are not numbers")
    return ["loss", named(call.callee).rpartition(".")[2], [encoder.at("", float(value)) for value in call.args]]


def encode_loss_by_class(encoder: Transcriber, call: Call) -> Node:
    """``__pyx_unpickle_NAME(class, checksum, parameters)``; the parameters may come as the state instead."""
    only(call, "state")
    name = named(call.callee).rpartition("__pyx_unpickle_")[2]
    if len(call.args) != 3 or named(call.args[0]).rpartition(".")[2] != name:
        raise GraphError("a loss has an unknown form")
    values = call.args[2] if call.args[2] is not None else call.state or ()
    if type(values) is not tuple or not all(type(value) in (float, int) for value in values):
        raise GraphError("a loss has parameters that are not numbers")
    return ["loss", name, [encoder.at("", float(value)) for value in values]]


def encode_bunch(encoder: Transcriber, call: Call) -> Node:
    """What a Bunch says of deprecated keys, in its state, is dropped: it is empty in a model."""
    only(call, "state", "pairs")
    pairs = dict(call.pairs or ())
    if call.args or not set(map(type, pairs)) <= {str}:
        raise GraphError("a Bunch has an unknown form")
    encoder.spend_on(pairs.values())
    return ["bunch", encoder.state(pairs)]


def encode_remainder(encoder: Transcriber, call: Call) -> Node:
    """Versions 1.5 to 1.7 kept the columns that no transformer takes as a list that warns; the list is what counts."""
    only(call, "state")
    state = attributes(encoder, call)
    if call.args or type(state.get("data")) is not list:
        raise GraphError("the remaining columns have an unknown form")
    encoder.spend_on(state["data"])
    return encoder.at("", list(state["data"]))  # type: ignore[no-any-return]


def encode_weighted_words(encoder: Transcriber, call: Call) -> Node:
    """Before version 1.4 the weights of words were the diagonal of a matrix, which newer versions do not ask for."""
    diagonal = call.state.get("_idf_diag") if type(call.state) is dict else None
    if diagonal is None:
        return encode_object(encoder, call)
    inside = diagonal.state if isinstance(diagonal, Call) else None
    if type(inside) is not dict or "data" not in inside:
        raise GraphError("the weights of words have an unknown form")
    renewed = copy.copy(call)
    renewed.state = {key: value for key, value in call.state.items() if key != "_idf_diag"}
    renewed.state["idf_"] = inside["data"]
    return encode_object(encoder, renewed)


_LOSSES = [f"{module}.{name}" for module, found in LOSSES.items() for name in found]

REDUCED: dict[str, Any] = {
    "sklearn.tree._tree.Tree": encode_tree,
    "sklearn.neighbors._kd_tree.newObj": encode_neighbours,
    "sklearn.neighbors._ball_tree.newObj": encode_neighbours,
    "sklearn.metrics._dist_metrics.newObj": encode_metric,
    **dict.fromkeys(_LOSSES, encode_loss),
    **{f"sklearn._loss._loss.__pyx_unpickle_{name}": encode_loss_by_class for name in LOSSES["sklearn._loss._loss"]},
}
NEW: dict[str, Any] = {
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor": encode_predictor,
    "sklearn.utils._bunch.Bunch": encode_bunch,
    "sklearn.utils.Bunch": encode_bunch,
    "sklearn.compose._column_transformer._RemainderColsList": encode_remainder,
    "sklearn.feature_extraction.text.TfidfTransformer": encode_weighted_words,
    # as skops before version 0.12 has those without numbers
    **{f"sklearn._loss._loss.{name}": encode_loss for name in LOSSES["sklearn._loss._loss"]},
}
