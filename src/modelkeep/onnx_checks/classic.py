"""The operators of classical models: linear, support vectors, encoders, scalers, words. Their lists must agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelkeep.onnx_checks import ensembles
from modelkeep.onnx_checks.attributes import MAX_WIDTH, Attributes, classes, floats, ints, length, number, refuse
from modelkeep.onnx_checks.model import Node


def check(node: Node, attributes: Attributes, width: int | None) -> None:
    """Refuse a node whose attributes would lead its operator outside of them, or of its ``width`` input columns."""
    if node.op_type in _TREES:
        _TREES[node.op_type](node, attributes, width)
    elif node.op_type in _RULES:
        _RULES[node.op_type](node, attributes)


def _linear_classifier(node: Node, attributes: Attributes) -> None:
    labels, coefficients = classes(attributes), length(attributes, "coefficients")
    intercepts = length(attributes, "intercepts")
    rows = intercepts or labels
    if not labels or not coefficients or coefficients % max(1, rows):
        refuse(node, "the coefficients are not rows for its classes")
    if rows != labels and not (rows == 1 and labels == 2):
        refuse(node, f"{rows} rows of coefficients are there for {labels} classes")


def _linear_regressor(node: Node, attributes: Attributes) -> None:
    targets, coefficients = number(attributes, "targets", 1), length(attributes, "coefficients")
    if not 1 <= targets <= MAX_WIDTH or not coefficients or coefficients % targets:
        refuse(node, "the coefficients are not rows for its targets")
    if length(attributes, "intercepts") not in (0, targets):
        refuse(node, "there are not as many intercepts as targets")


def _svm(node: Node, attributes: Attributes) -> None:
    kernel = attributes.get("kernel_type")
    kind = bytes(kernel.s or b"") if kernel is not None else b"LINEAR"
    if kind not in (b"LINEAR", b"POLY", b"RBF", b"SIGMOID"):
        refuse(node, "the kernel is none of the four")
    parameters = floats(attributes, "kernel_params")
    if len(parameters) not in (0, 3) or (len(parameters) == 0 and kind != b"LINEAR"):
        refuse(node, "a kernel has three parameters")
    if not length(attributes, "coefficients") or not length(attributes, "rho"):
        refuse(node, "it lacks coefficients or rho")


def _svm_regressor(node: Node, attributes: Attributes) -> None:
    _svm(node, attributes)
    supports, vectors = number(attributes, "n_supports", 0), length(attributes, "support_vectors")
    if supports < 0 or (supports == 0 and vectors) or (supports and (not vectors or vectors % supports)):
        refuse(node, "the support vectors are not as many as it says")
    if supports and length(attributes, "coefficients") != supports:
        refuse(node, "there are not as many coefficients as support vectors")


def _svm_classifier(node: Node, attributes: Attributes) -> None:
    _svm(node, attributes)
    labels, per_class = classes(attributes), ints(attributes, "vectors_per_class")
    pairs = labels * (labels - 1) // 2
    coefficients, rho = length(attributes, "coefficients"), length(attributes, "rho")
    if not 2 <= labels <= MAX_WIDTH:
        refuse(node, "it has no classes")
    if len(per_class):
        total, vectors = int(per_class.sum(dtype=object)), length(attributes, "support_vectors")
        if len(per_class) != labels or per_class.min() < 0 or total < 1 or not vectors or vectors % total:
            refuse(node, "the support vectors are not as many as it says")
        if coefficients != total * (labels - 1) or rho != pairs:
            refuse(node, "the coefficients or rho do not fit its classes")
    elif coefficients % labels:
        refuse(node, "the coefficients are not rows for its classes")
    for name in ("prob_a", "prob_b"):
        if length(attributes, name) not in (0, pairs):
            refuse(node, f"{name} does not fit its classes")
    if length(attributes, "prob_a") != length(attributes, "prob_b"):
        refuse(node, "prob_a and prob_b differ in length")


def _words(node: Node, attributes: Attributes) -> None:
    """Pools of n-grams: places in the pool grow and stay in it, every n-gram has a column, weights are as many."""
    places, columns = ints(attributes, "ngram_counts"), ints(attributes, "ngram_indexes")
    pool = max(length(attributes, "pool_int64s"), length(attributes, "pool_strings"))
    shortest, longest = number(attributes, "min_gram_length", 0), number(attributes, "max_gram_length", 0)
    if not 1 <= shortest <= longest <= len(places) or not 0 <= number(attributes, "max_skip_count", 0) <= MAX_WIDTH:
        refuse(node, "the lengths of its n-grams are not usable")
    if np.any(np.diff(places) < 0) or places[0] != 0 or places[-1] > pool:
        refuse(node, "the places of its n-grams lie outside of the pool")
    ends = [*places[1:].tolist(), pool]
    sizes = [end - start for start, end in zip(places.tolist(), ends, strict=True)]
    if any(size % (i + 1) for i, size in enumerate(sizes)):
        refuse(node, "its pool has a part of an n-gram")
    if sum(size // (i + 1) for i, size in enumerate(sizes)) != len(columns) or not len(columns):
        refuse(node, "there are not as many columns as n-grams")
    if columns.min() < 0 or columns.max() >= 4 * len(columns) + (1 << 16):
        refuse(node, "a column of an n-gram is out of range")
    if length(attributes, "weights") not in (0, len(columns)):
        refuse(node, "there are not as many weights as n-grams")


def _label_encoder(node: Node, attributes: Attributes) -> None:
    keys = [name for name in attributes if name.startswith("keys_")]
    values = [name for name in attributes if name.startswith("values_")]
    if not keys and not values and "classes_strings" in attributes:  # the first version of the operator
        return
    if len(keys) != 1 or len(values) != 1 or length(attributes, keys[0]) != length(attributes, values[0]):
        refuse(node, "there are not as many keys as values")


def _one_hot(node: Node, attributes: Attributes) -> None:
    counts = [length(attributes, name) for name in ("cats_int64s", "cats_strings")]
    if sum(count > 0 for count in counts) != 1:
        refuse(node, "it has no categories, or two kinds of them")


def _scaler(node: Node, attributes: Attributes) -> None:
    offset, scale = length(attributes, "offset"), length(attributes, "scale")
    if not offset or offset != scale:
        refuse(node, "there are not as many offsets as scales")


def _imputer(node: Node, attributes: Attributes) -> None:
    counts = [length(attributes, name) for name in ("imputed_value_floats", "imputed_value_int64s")]
    if sum(count > 0 for count in counts) != 1:
        refuse(node, "it has no values to put in, or two kinds of them")


def _feature_vectorizer(node: Node, attributes: Attributes) -> None:
    sizes = ints(attributes, "inputdimensions")
    if len(sizes) != len(node.input) or sizes.min(initial=1) < 1 or int(sizes.sum(dtype=object)) > MAX_WIDTH:
        refuse(node, "the widths are not those of its inputs")


def _category_mapper(node: Node, attributes: Attributes) -> None:
    if length(attributes, "cats_int64s") != length(attributes, "cats_strings"):
        refuse(node, "there are not as many numbers as texts")


def _labels(node: Node, attributes: Attributes) -> None:
    if not 1 <= classes(attributes) <= MAX_WIDTH:
        refuse(node, "it has no classes")


_RULES: dict[str, Callable[[Node, Attributes], None]] = {
    "CategoryMapper": _category_mapper,
    "FeatureVectorizer": _feature_vectorizer,
    "Imputer": _imputer,
    "LabelEncoder": _label_encoder,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "OneHotEncoder": _one_hot,
    "SVMClassifier": _svm_classifier,
    "SVMRegressor": _svm_regressor,
    "Scaler": _scaler,
    "TfIdfVectorizer": _words,
    "ZipMap": _labels,
}
_TREES: dict[str, Callable[[Node, Attributes, int | None], None]] = {
    "TreeEnsemble": ensembles.check_joined,
    "TreeEnsembleClassifier": ensembles.check_classifier,
    "TreeEnsembleRegressor": ensembles.check_regressor,
}
