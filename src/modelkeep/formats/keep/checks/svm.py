"""Support vector machines: libsvm is given bare pointers to these arrays, and believes each length."""

from __future__ import annotations

import functools
from typing import Any

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.require import (
    Check,
    State,
    array,
    features,
    indices,
    integer,
    is_a,
    number,
    require,
    sequence,
    sparse_or_array,
)

_CLASSIFIERS = ("sklearn.svm._base.BaseSVC",)
_KERNEL_FUNCTIONS = (
    "additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity euclidean_distances haversine_distances "
    "laplacian_kernel linear_kernel manhattan_distances nan_euclidean_distances pairwise_distances pairwise_kernels "
    "polynomial_kernel rbf_kernel sigmoid_kernel"
)
_FITTED_ROWS = "_BaseLibSVM__Xfit"
_OF_THE_CLASS = ("_impl", "_sparse_kernels")  # what chooses the algorithm is never an object's own


def check_libsvm(obj: Any) -> None:
    state = vars(obj)
    for name in _OF_THE_CLASS:
        require(name not in state, name, "this can't differ between objects of a class")
    if "support_vectors_" not in state:
        return
    own_kernel = callable(state.get("kernel"))
    width = 0 if own_kernel else features(state)
    classes = _check_classes(obj, state)
    pairs = classes * (classes - 1) // 2
    vectors = len(array(state, "support_", "i4", (None,)))
    sparse = state.get("_sparse")
    require(type(sparse) is bool, "_sparse", "this is either true or false")
    precomputed = own_kernel or state.get("kernel") == "precomputed"
    if precomputed:
        require(not sparse, "_sparse", "a kernel that is computed before is not sparse")
        _check_precomputed(state, vectors)
    if own_kernel:
        _check_function(state)
    if sparse:
        _check_sparse(state, vectors, width, classes)
    else:
        shape = (None, None) if precomputed else (vectors, width)
        array(state, "support_vectors_", "f8", shape)
        array(state, "_dual_coef_", "f8", (classes - 1, vectors))
    array(state, "_intercept_", "f8", (pairs,))
    array(state, "_n_support", "i4", (classes,))
    _check_probabilities(state, pairs, is_a(obj, *_CLASSIFIERS))
    number(state, "_gamma")
    integer(state, "degree")


def _check_classes(obj: Any, state: State) -> int:
    """How many classes libsvm sees: 2 in a regression. Its own counts of vectors must add up for a classifier."""
    if not is_a(obj, *_CLASSIFIERS):
        return 2
    counts = array(state, "_n_support", "i4", (None,))
    require(len(counts) >= 2, "_n_support", "a classifier has two classes or more")
    require(counts.min() >= 0, "_n_support", "a negative count of support vectors")
    vectors = len(array(state, "support_", "i4", (None,)))
    require(int(counts.sum()) == vectors, "_n_support", f"the counts don't add up to {vectors} support vectors")
    array(state, "classes_", "", (len(counts),))
    return len(counts)


def _check_precomputed(state: State, vectors: int) -> None:
    """The rows to predict have a column per training row, and are looked up by the positions of the vectors."""
    fitted = sequence(state, "shape_fit_")
    require(fitted and type(fitted[0]) is int and fitted[0] >= 0, "shape_fit_", "not the shape of training data")
    indices(array(state, "support_", "i4", (vectors,)), fitted[0], "support_")


def _check_function(state: State) -> None:
    """A kernel function gives a column per training row; what numpy has would not, though it takes two matrices."""
    kernel = state["kernel"]
    while isinstance(kernel, functools.partial):
        require(kernel.args == (), "kernel", "a kernel function is given its rows by the model alone")
        kernel = kernel.func
    module = getattr(kernel, "__module__", None) or type(kernel).__module__
    name = str(getattr(kernel, "__name__", kernel))
    of_sklearn = module == "sklearn.metrics.pairwise" and name in _KERNEL_FUNCTIONS.split()
    own = module.partition(".")[0] not in ("numpy", "scipy", "sklearn")
    require(own or of_sklearn, "kernel", f"{quote(name)} is not a kernel")
    rows, _ = sparse_or_array(state.get(_FITTED_ROWS), _FITTED_ROWS, "f i u b", (None, None))
    require(rows == state["shape_fit_"][0], _FITTED_ROWS, f"not the {state['shape_fit_'][0]} rows of the fit")


def _check_sparse(state: State, vectors: int, width: int, classes: int) -> None:
    for name, shape in (("support_vectors_", (vectors, width)), ("_dual_coef_", (classes - 1, vectors))):
        require(is_a(state.get(name), "scipy.sparse._csr._csr_base"), name, "a machine for sparse rows needs csr")
        sparse_or_array(state[name], name, "f8", shape)
    # The values are read as a full matrix, so none may be left out.
    full = (classes - 1) * vectors
    array(dict(vars(state["_dual_coef_"])), "data", "f8", (full,))


def _check_probabilities(state: State, pairs: int, classifier: bool) -> None:
    """Either none, or one of both a pair; a machine that says that it has them has its length copied."""
    first = array(state, "_probA", "f8", (None,))
    second = array(state, "_probB", "f8", (None,))
    if state.get("_effective_probability", state.get("probability")) not in (False, "deprecated") or len(second):
        require(len(first) == len(second) == pairs, "_probA", f"the probabilities of {pairs} pairs are not all there")
    elif classifier:
        require(not len(first), "_probA", "there is no second part to these probabilities")


CHECKS: dict[str, Check] = {"sklearn.svm._base.BaseLibSVM": check_libsvm}
