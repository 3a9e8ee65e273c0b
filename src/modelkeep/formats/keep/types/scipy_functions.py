"""scipy's objects that hold a function: splines, piecewise polynomials, KD trees, results of an optimisation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_MAX_DEGREE = 20
_POLYNOMIALS = ("PPoly", "BPoly", "CubicHermiteSpline", "CubicSpline", "PchipInterpolator", "Akima1DInterpolator")
_FLOATS = (np.dtype(np.float64), np.dtype(np.complex128))


def _is_floats(array: Any, axes: int, *, exact: bool = True) -> bool:
    return (
        type(array) is np.ndarray
        and array.dtype in _FLOATS
        and (array.ndim == axes if exact else array.ndim >= axes)
        and bool(array.flags.c_contiguous)
    )


# -- splines and piecewise polynomials -----------------------------------------------------------------------------


def _contiguous(array: Any) -> Any:
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def encode_spline(encoder: Encoder, spline: Any) -> Node:
    # scipy makes both contiguous when the spline is first used: a spline is kept as it is then.
    knots, coefficients = (_contiguous(array) for array in (spline.t, spline.c))
    parts = (knots, coefficients, int(spline.k), spline.extrapolate, int(spline.axis))
    if fault := _spline_fault(*parts):
        raise Unsaveable(f"a BSpline is not well-formed: {fault}", "build it anew")
    return ["bspline", *(encoder.at(f".{name}", part) for name, part in zip("tckea", parts, strict=True))]


def decode_spline(builder: Builder, node: Node) -> Any:
    builder.arity(node, 6)
    knots, coefficients, degree, extrapolate, axis = parts = [builder.build(value) for value in node[1:]]
    if fault := _spline_fault(*parts):
        raise CheckError(f"a BSpline is not well-formed: {fault}")
    from scipy.interpolate import BSpline

    # The constructor would bring the coefficients into their order again.
    return BSpline.construct_fast(knots, coefficients, degree, extrapolate, axis)


def _spline_fault(knots: Any, coefficients: Any, degree: Any, extrapolate: Any, axis: Any) -> str:
    if type(degree) is not int or not 0 <= degree <= _MAX_DEGREE:
        return f"its degree is not from 0 to {_MAX_DEGREE}"
    if not _is_floats(knots, 1) or knots.dtype != np.float64 or not _is_floats(coefficients, 1, exact=False):
        return "its knots and coefficients are not arrays of numbers"
    if not (type(extrapolate) is bool or (type(extrapolate) is str and extrapolate == "periodic")):
        return "its way to extrapolate is unknown"
    if type(axis) is not int or not 0 <= axis < coefficients.ndim:
        return "its axis is not one of its coefficients"
    count = len(knots) - degree - 1
    if count < degree + 1 or len(coefficients) < count:
        return "its knots, coefficients and degree do not fit"
    if not np.isfinite(knots).all() or bool((knots[1:] < knots[:-1]).any()):
        return "its knots are not finite and sorted"
    return "" if knots[degree] < knots[count] else "it has no room between its knots"


def encode_polynomial(encoder: Encoder, value: Any) -> Node:
    name = type(value).__name__
    parts = (value.c, value.x, value.extrapolate, int(value.axis))
    if fault := _polynomial_fault(*parts):
        raise Unsaveable(f"a {name} is not well-formed: {fault}", "build it anew")
    return ["ppoly", name, *(encoder.at(f".{key}", part) for key, part in zip("cxea", parts, strict=True))]


def decode_polynomial(builder: Builder, node: Node) -> Any:
    builder.arity(node, 6)
    if node[1] not in _POLYNOMIALS:
        raise GraphError(f"{quote(repr(node[1]))} is not a piecewise polynomial of scipy")
    coefficients, breaks, extrapolate, axis = parts = [builder.build(value) for value in node[2:]]
    if fault := _polynomial_fault(*parts):
        raise CheckError(f"a {node[1]} is not well-formed: {fault}")
    cls: Any = getattr(importlib.import_module("scipy.interpolate"), node[1])
    if node[1] != "BPoly":
        return cls.construct_fast(coefficients, breaks, extrapolate, axis)
    # scipy 1.18 makes another polynomial the fast way. The slow one would bring the coefficients into order again.
    try:
        made = cls(coefficients, breaks, extrapolate=extrapolate)
    except ValueError as error:
        raise CheckError(f"a BPoly is not well-formed: {error}") from None
    made.axis = axis
    return made


def _polynomial_fault(coefficients: Any, breaks: Any, extrapolate: Any, axis: Any) -> str:
    if not _is_floats(breaks, 1) or breaks.dtype != np.float64 or not _is_floats(coefficients, 2, exact=False):
        return "its breaks and coefficients are not arrays of numbers"
    if not (type(extrapolate) is bool or (type(extrapolate) is str and extrapolate == "periodic")):
        return "its way to extrapolate is unknown"
    if type(axis) is not int or not 0 <= axis < coefficients.ndim - 1:
        return "its axis is not one of its coefficients"
    if len(breaks) < 2 or coefficients.shape[1] != len(breaks) - 1 or not len(coefficients):
        return "it has another number of pieces than of coefficients"
    steps = np.diff(breaks)
    if not np.isfinite(breaks).all() or not (bool((steps >= 0).all()) or bool((steps <= 0).all())):
        return "its breaks are not finite and sorted"
    return ""


def encode_interpolator(encoder: Encoder, value: Any) -> Node:
    """What the constructor was given, as far as the object tells; it must lead back to the same object."""
    outside = "extrapolate" if value._extrapolate else value._fill_value_orig
    if isinstance(outside, tuple):
        outside = tuple(map(np.asarray, outside))
    kind = _interpolation_kind(value)
    again = _interpolator(value.x, value.y, kind, int(value.axis), value.bounds_error, outside)
    if any(not _equal(vars(again).get(key), vars(value).get(key)) for key in ("x", "_y", "_kind", "_call")):
        raise Unsaveable("an interp1d of this kind can't be rebuilt", "use make_interp_spline or PchipInterpolator")
    parts = (value.x, value.y, kind, int(value.axis), bool(value.bounds_error))
    return ["interp1d", *map(encoder.node, parts), encoder.node(outside)]


def _equal(a: Any, b: Any) -> bool:
    return np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) else a == b


def _interpolation_kind(value: Any) -> str | int:
    if value._kind != "spline":
        return str(value._kind)
    return int(value._spline.k)


_INTERPOLATIONS = ("linear", "nearest", "nearest-up", "previous", "next")


def decode_interpolator(builder: Builder, node: Node) -> Any:
    builder.arity(node, 7)
    x, y, kind, axis, bounds, outside = (builder.build(value) for value in node[1:])
    known = kind in _INTERPOLATIONS if type(kind) is str else type(kind) is int and 0 <= kind <= _MAX_DEGREE
    arrays = (x, y, *(outside if type(outside) is tuple else () if type(outside) is str else (outside,)))
    if not known or not all(type(a) is np.ndarray and a.dtype.kind in "biufc" for a in arrays) or x.ndim != 1:
        raise GraphError("an interp1d needs numbers and a kind of interpolation")
    if type(axis) is not int or type(bounds) is not bool or (type(outside) is str and outside != "extrapolate"):
        raise GraphError("an interp1d has an unusable axis or bounds")
    try:
        return _interpolator(x, y, kind, axis, bounds, outside)
    except (ValueError, TypeError, IndexError, NotImplementedError) as error:
        raise CheckError(f"an interp1d is not well-formed: {quote(str(error))}") from None


def _interpolator(x: Any, y: Any, kind: str | int, axis: int, bounds: bool, outside: Any) -> Any:
    from scipy.interpolate import interp1d

    return interp1d(x, y, kind, axis, copy=False, bounds_error=bounds, fill_value=outside, assume_sorted=True)


# -- KD trees and results ------------------------------------------------------------------------------------------


_BUILDS = ((True, True), (True, False), (False, True), (False, False))


def encode_tree(encoder: Encoder, tree: Any) -> Node:
    """The points and how the tree was built, which it does not say: found by building it again."""
    name, box = type(tree).__name__, None if tree.boxsize is None else np.asarray(tree.boxsize)
    for compact, balanced in _BUILDS:
        again = _tree(name, tree.data, int(tree.leafsize), compact, balanced, box)
        if again.size == tree.size and np.array_equal(again.indices, tree.indices):
            data, boxed = encoder.at(".data", np.asarray(tree.data)), encoder.at(".boxsize", box)
            return ["kdtree", name, data, int(tree.leafsize), compact, balanced, boxed]
    raise Unsaveable(f"this {name} can't be rebuilt from its points", "keep the points, and build the tree from them")


def decode_tree(builder: Builder, node: Node) -> Any:
    builder.arity(node, 7)
    name, leaf_size, compact, balanced = node[1], *node[3:6]
    data, box = builder.build(node[2]), builder.build(node[6])
    if name not in ("KDTree", "cKDTree") or type(compact) is not bool or type(balanced) is not bool:
        raise GraphError("a KD tree has an unknown form")
    if not _is_floats(data, 2) or data.dtype != np.float64 or type(leaf_size) is not int or leaf_size < 1:
        raise CheckError("a KD tree needs points, and a leaf size from 1 on")
    if box is not None and not (_is_floats(box, 1) and box.shape == data.shape[1:]):
        raise CheckError("a KD tree has a box of another size than its points")
    try:
        return _tree(name, data, leaf_size, compact, balanced, box)
    except (ValueError, OverflowError) as error:
        raise CheckError(f"a KD tree can't be built: {quote(str(error))}") from None


def _tree(name: str, data: Any, leaf_size: int, compact: bool, balanced: bool, box: Any) -> Any:
    cls = getattr(importlib.import_module("scipy.spatial"), name)
    return cls(data, leaf_size, compact_nodes=compact, balanced_tree=balanced, boxsize=box)


def encode_result(encoder: Encoder, value: dict[str, Any]) -> Node:
    if not set(map(type, value)) <= {str}:
        raise Unsaveable("an OptimizeResult has keys that are not text", "use text keys")
    return ["optimizeresult", encoder.state(value)]


def decode_result(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    from scipy.optimize import OptimizeResult

    made = OptimizeResult()
    builder.register(made)
    made.update(builder.fill_state(builder.a_dict(node[1])))
    return made


_PLACES = {"CubicHermiteSpline": "_cubic", "CubicSpline": "_cubic", "PchipInterpolator": "_cubic"}
_PLACES["Akima1DInterpolator"] = "_cubic"
_CLAIMED = tuple(f"scipy.interpolate.{_PLACES.get(name, '_interpolate')}.{name}" for name in _POLYNOMIALS)

HANDLERS = [
    Handler("bspline", ("scipy.interpolate._bsplines.BSpline",), encode_spline, decode_spline),
    Handler("ppoly", _CLAIMED, encode_polynomial, decode_polynomial),
    Handler("interp1d", ("scipy.interpolate._interpolate.interp1d",), encode_interpolator, decode_interpolator),
    Handler("kdtree", ("scipy.spatial._kdtree.KDTree", "scipy.spatial._ckdtree.cKDTree"), encode_tree, decode_tree),
    Handler("optimizeresult", ("scipy.optimize._optimize.OptimizeResult",), encode_result, decode_result, cyclic=True),
]
