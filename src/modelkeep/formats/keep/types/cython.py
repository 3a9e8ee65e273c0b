"""scikit-learn's objects that are more than attributes: neighbour trees, distance metrics, losses, Bunch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_METRICS = """Euclidean SEuclidean Manhattan Chebyshev Minkowski Mahalanobis Hamming Canberra BrayCurtis Matching
    Jaccard Dice Kulsinski RogersTanimoto RussellRao SokalMichener SokalSneath Haversine""".split()
METRICS = frozenset(f"{name}Distance{bits}" for name in _METRICS for bits in (64, 32))
FUNCTION_METRICS = ("PyFuncDistance64", "PyFuncDistance32")
NEIGHBOUR_TREES = {
    "KDTree": "sklearn.neighbors._kd_tree", "KDTree64": "sklearn.neighbors._kd_tree",
    "KDTree32": "sklearn.neighbors._kd_tree", "BallTree": "sklearn.neighbors._ball_tree",
    "BallTree64": "sklearn.neighbors._ball_tree", "BallTree32": "sklearn.neighbors._ball_tree",
}  # fmt: skip
LOSSES = {
    "sklearn._loss._loss": """CyHalfSquaredError CyAbsoluteError CyPinballLoss CyHuberLoss CyHalfPoissonLoss
        CyHalfGammaLoss CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHalfBinomialLoss CyHalfMultinomialLoss
        CyExponentialLoss""".split(),
    "sklearn.linear_model._sgd_fast": """ModifiedHuber Hinge SquaredHinge EpsilonInsensitive
        SquaredEpsilonInsensitive Log SquaredLoss Huber""".split(),  # the last three before scikit-learn 1.6
}


def _attribute(module: str, name: str) -> Any:
    """A compiled class of the tables above."""
    import importlib

    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        raise GraphError(
            f"the installed scikit-learn has no {module}.{name}", hint="install the scikit-learn that wrote the file"
        )
    return found


# -- neighbour trees -----------------------------------------------------------------------------------------------


def encode_neighbour_tree(encoder: Encoder, tree: Any) -> Node:
    """The counts of a tree's own work are left out: they grow with every question that it answers."""
    data, index, nodes, bounds, leaf_size, *_, metric, weights = tree.__getstate__()
    parts = (data, index, nodes["radius"].copy(), bounds, metric, weights)
    return ["neighbours", type(tree).__name__, leaf_size, *(encoder.node(part) for part in parts)]


def decode_neighbour_tree(builder: Builder, node: Node) -> Any:
    """Every position inside the tree follows from the number of rows and the leaf size: they are made, not read."""
    builder.arity(node, 9)
    if node[1] not in NEIGHBOUR_TREES:
        raise GraphError(f"{quote(repr(node[1]))} is not a neighbour tree")
    cls = _attribute(NEIGHBOUR_TREES[node[1]], node[1])
    leaf_size = node[2]
    data, index, radius, bounds, metric, weights = (builder.build(part) for part in node[3:])
    real = np.float32 if node[1].endswith("32") else np.float64
    _require_array(data, "data", real, 2)
    rows, columns = data.shape
    if type(leaf_size) is not int or not 1 <= leaf_size < 1 << 40 or not rows or not columns:
        raise CheckError("a neighbour tree needs rows, columns and a leaf size")
    levels = int(math.log2(max(1, (rows - 1) / leaf_size)) + 1)
    nodes = _node_data(rows, levels)
    _require_array(index, "index", np.intp, 1, (rows,))
    _require_array(radius, "radius", nodes["radius"].dtype, 1, nodes.shape)
    sides = 2 if node[1].startswith("KD") else 1
    _require_array(bounds, "bounds", real, 3, (sides, len(nodes), columns))
    if weights is not None:
        _require_array(weights, "sample_weight", real, 1, (rows,))
    if builder.check:
        _require_permutation(index, rows)
    nodes["radius"] = radius
    _check_metric(metric, columns, node[1][-2:] == "32")
    tree = cls.__new__(cls)
    tree.__setstate__((data, index, nodes, bounds, leaf_size, levels, len(nodes), 0, 0, 0, 0, metric, weights))
    return tree


def _require_array(array: Any, name: str, dtype: Any, ndim: int, shape: tuple[int, ...] | None = None) -> None:
    good = type(array) is np.ndarray and array.dtype == dtype and array.ndim == ndim and array.flags.c_contiguous
    if not good or (shape is not None and array.shape != shape):
        raise CheckError(f"the {name} of a neighbour tree has another dtype or shape than its data asks for")


def _require_permutation(index: np.ndarray, rows: int) -> None:
    seen = np.zeros(rows, bool)
    if index.min() < 0 or index.max() >= rows:
        raise CheckError("the index of a neighbour tree reaches outside its data")
    seen[index] = True
    if not seen.all():
        raise CheckError("the index of a neighbour tree names a row twice")


def _node_data(rows: int, levels: int) -> np.ndarray:
    """Start and end of every node: each level halves the nodes of the one above it."""
    count = (1 << levels) - 1
    nodes = np.zeros(count, [("idx_start", np.intp), ("idx_end", np.intp), ("is_leaf", np.intp), ("radius", "f8")])
    nodes["idx_end"][0] = rows
    for level in range(levels - 1):
        parents = slice((1 << level) - 1, (2 << level) - 1)
        start, end = nodes["idx_start"][parents], nodes["idx_end"][parents]
        if (end - start < 2).any():
            raise CheckError("a neighbour tree has more levels than its rows can fill")
        middle = start + (end - start) // 2
        children = slice((2 << level) - 1, (4 << level) - 1)
        nodes["idx_start"][children] = np.stack([start, middle], axis=1).ravel()
        nodes["idx_end"][children] = np.stack([middle, end], axis=1).ravel()
    nodes["is_leaf"][count // 2 :] = 1
    return nodes


# -- distance metrics ----------------------------------------------------------------------------------------------


def encode_metric(encoder: Encoder, metric: Any) -> Node:
    """Its exponent, its vector (weights or variances) and its matrix (inverse covariance)."""
    power, vector, matrix = metric.__reduce__()[2][:3]
    return ["metric", type(metric).__name__, encoder.node(power), encoder.node(vector), encoder.node(matrix)]


def decode_metric(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    if node[1] not in METRICS:
        raise GraphError(f"{quote(repr(node[1]))} is not a distance metric")
    power, vector, matrix = (builder.build(part) for part in node[2:])
    if type(power) is not float or not power > 0:
        raise CheckError("the exponent of a distance metric is a positive number")
    for array, ndim in ((vector, 1), (matrix, 2)):
        if type(array) is not np.ndarray or array.dtype != np.float64 or array.ndim != ndim:
            raise CheckError("a distance metric needs a vector and a matrix of float64")
    if matrix.shape[0] != matrix.shape[1]:
        raise CheckError("the matrix of a distance metric is square")
    cls = _attribute("sklearn.metrics._dist_metrics", node[1])
    metric = cls.__new__(cls)
    metric.__setstate__((power, np.ascontiguousarray(vector), np.ascontiguousarray(matrix)))
    return metric


def encode_function_metric(encoder: Encoder, metric: Any) -> Node:
    """A metric that calls a function: a listed one, or one that the reader trusts."""
    function, keywords = metric.__reduce__()[2][3:]
    return ["pymetric", type(metric).__name__, encoder.at(".func", function), encoder.state(keywords)]


def decode_function_metric(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    function, keywords = builder.build(node[2]), builder.fill_state(builder.a_dict(node[3]))
    if node[1] not in FUNCTION_METRICS or not any(function is known for known in builder.functions):
        raise GraphError("a metric calls something that is no function of the table")
    cls = _attribute("sklearn.metrics._dist_metrics", node[1])
    metric = cls.__new__(cls)
    metric.__setstate__((2.0, np.zeros(1), np.zeros((1, 1)), function, keywords))
    return metric


def _check_metric(metric: Any, columns: int, single: bool) -> None:
    name = type(metric).__name__
    if name in FUNCTION_METRICS:
        return
    if name not in METRICS or name.endswith("32") != single:
        raise CheckError("a neighbour tree needs a distance metric of its own precision")
    _, vector, matrix = metric.__reduce__()[2][:3]
    fits = {
        "SEuclidean": len(vector) == columns,
        "Minkowski": len(vector) in (0, columns),
        "Mahalanobis": matrix.shape == (columns, columns),
        "Haversine": columns == 2,
    }.get(name[: name.index("Distance")], True)
    if not fits:
        raise CheckError(f"a {name} does not fit data of {columns} columns")


# -- losses --------------------------------------------------------------------------------------------------------


def encode_loss(encoder: Encoder, loss: Any) -> Node:
    made, args, *_ = loss.__reduce__()
    # Compiled by some versions it is made anew from (class, checksum, parameters), by others from the parameters.
    parameters = args if isinstance(made, type) else args[2] or ()
    values = [value for value in parameters if isinstance(value, float)]
    return ["loss", type(loss).__name__, [encoder.node(value) for value in values]]


def decode_loss(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    module = next((module for module, found in LOSSES.items() if node[1] in found), None)
    values = builder.fill(builder.a_list(node[2]))
    if module is None or len(values) > 2 or not all(type(value) is float for value in values):
        raise GraphError(f"{quote(repr(node[1]))} is not a loss with numbers")
    cls = _attribute(module, node[1])
    try:
        return cls(*values)
    except (TypeError, ValueError) as error:
        raise CheckError(f"the loss {node[1]} does not take these numbers: {error}") from None


# -- Bunch ---------------------------------------------------------------------------------------------------------


def encode_bunch(encoder: Encoder, bunch: Any) -> Node:
    """A dictionary whose keys are attributes too; what it knows of deprecated keys is empty in a model."""
    if not set(map(type, bunch)) <= {str}:
        raise Unsaveable("a Bunch has keys that are not text", "use text keys")
    return ["bunch", encoder.state(bunch)]


def decode_bunch(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    bunch = _attribute("sklearn.utils", "Bunch")()
    builder.register(bunch)
    dict.update(bunch, builder.fill_state(builder.a_dict(node[1])))
    return bunch


HANDLERS = [
    Handler("bunch", ("sklearn.utils._bunch.Bunch",), encode_bunch, decode_bunch, cyclic=True),
    Handler(
        "neighbours",
        tuple(f"{module}.{name}" for name, module in NEIGHBOUR_TREES.items()),
        encode_neighbour_tree,
        decode_neighbour_tree,
    ),
    Handler(
        "metric",
        tuple(f"sklearn.metrics._dist_metrics.{name}" for name in sorted(METRICS)),
        encode_metric,
        decode_metric,
    ),
    Handler(
        "pymetric",
        tuple(f"sklearn.metrics._dist_metrics.{name}" for name in FUNCTION_METRICS),
        encode_function_metric,
        decode_function_metric,
    ),
    Handler(
        "loss",
        # Some versions of scikit-learn name the module of their compiled losses without what is around it.
        tuple(f"{module}.{name}" for module, found in LOSSES.items() for name in found)
        + tuple(f"_loss.{name}" for name in LOSSES["sklearn._loss._loss"]),
        encode_loss,
        decode_loss,
    ),
]
