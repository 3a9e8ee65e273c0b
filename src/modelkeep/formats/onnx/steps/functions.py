"""Transformers by a function of each number: numpy's functions, powers, quantiles and bins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.errors import ExportError, quote
from modelkeep.formats.onnx.answers import sigmoid
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Part, Table, of_numbers, rounded, row


def _one(graph: Graph) -> str:
    return graph.const(1.0, np.float64)


def log1p(graph: Graph, x: str) -> str:
    """log(1 + x), by x * log(u) / (u - 1) with u = 1 + x where x is small: Kahan's way to lose no digit."""
    u = graph.add("Add", _one(graph), x)
    low = graph.add("Sub", u, _one(graph))
    same = graph.add("Equal", low, graph.const(0.0, np.float64))
    safe = graph.add("Where", same, _one(graph), low)
    exact = graph.add("Div", graph.add("Mul", x, graph.add("Log", u)), safe)
    endless = graph.add("IsInf", u, detect_negative=0)
    return graph.add("Where", same, x, graph.add("Where", endless, u, exact))


def expm1(graph: Graph, x: str) -> str:
    """exp(x) - 1, by Kahan's way: (u - 1) * x / log(u) with u = exp(x)."""
    u = graph.add("Exp", x)
    low = graph.add("Sub", u, _one(graph))
    logarithm = graph.add("Log", u)
    flat = graph.add("Equal", u, _one(graph))
    sunk = graph.add("Equal", low, graph.const(-1.0, np.float64))
    safe = graph.add(
        "Where", graph.add("Or", flat, graph.add("Or", sunk, graph.add("IsInf", u))), _one(graph), logarithm
    )
    exact = graph.add("Div", graph.add("Mul", low, x), safe)
    far = graph.add("Where", graph.add("Or", sunk, graph.add("IsInf", u)), low, exact)
    return graph.add("Where", flat, x, far)


def cosine(graph: Graph, x: str) -> str:
    """1 - 2 sin(x / 2)^2: the runtime has no cosine of float64."""
    half = graph.add("Sin", graph.add("Mul", x, graph.const(0.5, np.float64)))
    return graph.add("Sub", _one(graph), graph.add("Mul", graph.const(2.0, np.float64), graph.add("Mul", half, half)))


def _scaled_log(base: float) -> Callable[[Graph, str], str]:
    return lambda graph, x: graph.add("Div", graph.add("Log", x), graph.const(np.log(base), np.float64))


def _op(name: str) -> Callable[[Graph, str], str]:
    return lambda graph, x: graph.add(name, x)


def _times(factor: float) -> Callable[[Graph, str], str]:
    return lambda graph, x: graph.add("Mul", x, graph.const(factor, np.float64))


def _finite(graph: Graph, x: str) -> str:
    """Zero for a gap, the largest number for an infinity."""
    largest = graph.const(np.finfo(np.float64).max)
    cut = graph.add("Max", graph.add("Min", x, largest), graph.add("Neg", largest))
    return graph.add("Where", graph.add("IsNaN", x), graph.const(0.0, np.float64), cut)


#: By the function's own name, for those of numpy and scipy.special.
FUNCTIONS: dict[str, Callable[[Graph, str], str]] = {
    "log": _op("Log"),
    "log1p": log1p,
    "log2": _scaled_log(2.0),
    "log10": _scaled_log(10.0),
    "exp": _op("Exp"),
    "expm1": expm1,
    "exp2": lambda graph, x: graph.add("Pow", graph.const(2.0, np.float64), x),
    "sqrt": _op("Sqrt"),
    "cbrt": lambda graph, x: graph.add(
        "Mul", graph.add("Sign", x), graph.add("Pow", graph.add("Abs", x), graph.const(1 / 3, np.float64))
    ),
    "square": lambda graph, x: graph.add("Mul", x, x),
    "abs": _op("Abs"),
    "absolute": _op("Abs"),
    "fabs": _op("Abs"),
    "negative": _op("Neg"),
    "positive": _op("Identity"),
    "reciprocal": lambda graph, x: graph.add("Div", _one(graph), x),
    "sign": _op("Sign"),
    "floor": _op("Floor"),
    "ceil": _op("Ceil"),
    "rint": _op("Round"),
    "sin": _op("Sin"),
    "cos": cosine,
    "tanh": _op("Tanh"),
    "expit": sigmoid,
    "deg2rad": _times(float(np.pi / 180)),
    "radians": _times(float(np.pi / 180)),
    "rad2deg": _times(float(180 / np.pi)),
    "degrees": _times(float(180 / np.pi)),
    "nan_to_num": _finite,
}
#: These answer integers as they answer the same numbers in float64.
_OF_INTEGERS = {*FUNCTIONS, "clip"} - {"square", "reciprocal", "negative"}


def applied(function: Any, graph: Graph, rows: str, named: dict[str, Any]) -> str:
    """``function`` of every number."""
    if function is None:
        return rows
    name = _known_as(function)
    if name == "clip" and named.keys() <= {"a_min", "a_max", "min", "max"}:
        return _clipped(graph, rows, named)
    known = FUNCTIONS.get(name)
    if known is None or named:
        raise ExportError(
            f"its function {_told(function)} has no ONNX form" + (f" with {sorted(named)}" if named else ""),
            hint=f"use one of numpy's: {', '.join(sorted([*FUNCTIONS, 'clip']))}",
        )
    return known(graph, rows)


def _known_as(function: Any) -> str:
    """The name of a function of numpy or scipy: of that very function, since others are called the same."""
    from scipy import special

    name = str(getattr(function, "__name__", ""))
    return name if function in (getattr(np, name, None), getattr(special, name, None)) else ""


def _told(function: Any) -> str:
    return str(getattr(function, "__name__", "") or quote(repr(function)))


def _clipped(graph: Graph, rows: str, named: dict[str, Any]) -> str:
    for operator, names in (("Less", ("a_min", "min")), ("Greater", ("a_max", "max"))):
        bound = next((named[each] for each in names if named.get(each) is not None), None)
        if bound is not None:
            limit = graph.const(float(bound), np.float64)
            rows = graph.add("Where", graph.add(operator, rows, limit), limit, rows)
    return rows


def function(model: Any, graph: Graph, table: Table) -> Outputs:
    if model.func is None:
        return {"transform": table}
    _check_integers(model.func, table)
    found = applied(model.func, graph, table.numbers(graph), dict(model.kw_args or {}))
    if table.narrow and model.func is np.nan_to_num:
        raise ExportError("its function nan_to_num has another largest number in float32", hint="pass float64 rows")
    return {"transform": table.like(rounded(graph, found, table))}


def _check_integers(function: Any, table: Table) -> None:
    """Functions of integers wrap around, cut off, or answer in float16; the graph computes in float64."""
    for dtype in sorted({part.whole for part in table.parts if part.whole}):
        same = _known_as(function) in _OF_INTEGERS and np.dtype(dtype).itemsize >= 4
        if not same and (_known_as(function) in FUNCTIONS or _known_as(function) == "clip"):
            raise ExportError(
                f"its function {_told(function)} is another one for {dtype} than for float64",
                hint="make the columns float64 before it, and fit it again",
            )


def power(model: Any, graph: Graph, table: Table) -> Outputs:
    """Box-Cox or Yeo-Johnson, then perhaps a scaler."""
    rows = table.numbers(graph)
    found = []
    for column, exponent in enumerate(np.asarray(model.lambdas_, dtype=np.float64).tolist()):
        x = graph.add("Gather", rows, graph.const([column], np.int64), axis=1)
        if model.method == "box-cox":
            found.append(_raised(graph, graph.add("Log", x), exponent))
            continue
        zero = graph.const(0.0, np.float64)
        above = _raised(graph, log1p(graph, graph.add("Max", x, zero)), exponent)
        below = _raised(graph, log1p(graph, graph.add("Neg", graph.add("Min", x, zero))), 2.0 - exponent)
        negative = graph.add("Less", x, zero)
        both = graph.add("Where", negative, graph.add("Neg", below), above)
        found.append(graph.add("Where", graph.add("IsNaN", x), x, both))
    made = of_numbers(graph.add("Concat", *found, axis=1), table.width)
    if not model.standardize:
        return {"transform": made}
    from modelkeep.formats.onnx.steps import scaling

    return scaling.standard(model._scaler, graph, made)


def _raised(graph: Graph, logarithm: str, exponent: float) -> str:
    """(exp(exponent * logarithm) - 1) / exponent, and the logarithm itself for 0."""
    if abs(exponent) < np.spacing(1.0):
        return logarithm
    factor = graph.const(exponent, np.float64)
    return graph.add("Div", expm1(graph, graph.add("Mul", logarithm, factor)), factor)


def interpolated(graph: Graph, x: str, xs: Any, ys: Any) -> str:
    """numpy's ``interp`` for rows x 1: straight lines between points, the outer values beside them."""
    xs, ys = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    if len(xs) == 1:
        return graph.add(
            "Add", graph.add("Mul", x, graph.const(0.0, np.float64)), graph.const(float(ys[0]), np.float64)
        )
    reached = graph.add("Cast", graph.add("GreaterOrEqual", x, graph.const(row(xs))), to=7)
    passed = graph.add("ReduceSum", reached, graph.const([1], np.int64), keepdims=1)
    last = graph.const(len(xs) - 2, np.int64)
    place = graph.add("Sub", passed, graph.const(1, np.int64))
    place = graph.add("Max", graph.add("Min", place, last), graph.const(0, np.int64))
    with np.errstate(all="ignore"):
        slopes = np.where(np.diff(xs) > 0, np.diff(ys) / np.diff(xs), 0.0)
    start, slope, height = (graph.add("Gather", graph.const(v), place, axis=0) for v in (xs[:-1], slopes, ys[:-1]))
    found = graph.add("Add", graph.add("Mul", slope, graph.add("Sub", x, start)), height)
    above = graph.add("GreaterOrEqual", x, graph.const(float(xs[-1]), np.float64))
    found = graph.add("Where", above, graph.const(float(ys[-1]), np.float64), found)
    below = graph.add("Less", x, graph.const(float(xs[0]), np.float64))
    return graph.add("Where", below, graph.const(float(ys[0]), np.float64), found)


def quantile(model: Any, graph: Graph, table: Table) -> Outputs:
    """The mean of the interpolations from below and from above, so that ties lie in their middle."""
    rows = table.numbers(graph)
    normal = model.output_distribution == "normal"
    found = []
    for column in range(table.width):
        x = graph.add("Gather", rows, graph.const([column], np.int64), axis=1)
        points, shares = model.quantiles_[:, column], model.references_
        up = interpolated(graph, x, points, shares)
        down = interpolated(graph, graph.add("Neg", x), -points[::-1], -shares[::-1])
        middle = graph.add("Mul", graph.add("Sub", up, down), graph.const(0.5, np.float64))
        shift = 1e-7 if normal else 0.0
        low = graph.add("LessOrEqual" if not normal else "Less", x, graph.const(float(points[0]) + shift, np.float64))
        high = graph.add(
            "GreaterOrEqual" if not normal else "Greater", x, graph.const(float(points[-1]) - shift, np.float64)
        )
        middle = graph.add("Where", high, _one(graph), middle)
        middle = graph.add("Where", low, graph.const(0.0, np.float64), middle)
        middle = graph.add("Where", graph.add("IsNaN", x), x, middle)
        found.append(middle)
    made = graph.add("Concat", *found, axis=1)
    if normal:
        from modelkeep.formats.onnx.steps.normal import inverse

        made = inverse(graph, made)
    return {"transform": of_numbers(made, table.width)}


def bins(model: Any, graph: Graph, table: Table) -> Outputs:
    """The number of inner edges that a value has reached; perhaps one-hot."""
    rows = table.numbers(graph)
    parts = []
    for column, edges in enumerate(model.bin_edges_):
        x = graph.add("Gather", rows, graph.const([column], np.int64), axis=1)
        inner = np.asarray(edges, dtype=np.float64)[1:-1]
        if len(inner):
            reached = graph.add("Cast", graph.add("GreaterOrEqual", x, graph.const(row(inner))), to=11)
            parts.append(Part(graph.add("ReduceSum", reached, graph.const([1], np.int64), keepdims=1), 1))
        else:
            parts.append(Part(graph.add("Mul", x, graph.const(0.0, np.float64)), 1))
    if model.encode == "ordinal":
        made = Table(tuple(parts))
        return {"transform": of_numbers(made.numbers(graph), made.width)}
    from modelkeep.formats.onnx.steps import encoders

    return encoders.one_hot(model._encoder, graph, Table(tuple(parts)))
