"""Gaussian processes: the kernel between the rows and those that the model keeps, put together as it was."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import plain
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, converted, normal
from modelkeep.formats.onnx.steps.linear import dense, flat
from modelkeep.formats.onnx.table import Table, row

#: Rows times columns of the kept rows, of which every difference is taken.
_MOST = 1 << 20
#: The logistic function as a sum of error functions.
_SCALES = (0.41, 0.4, 0.37, 0.44, 0.39)
_WEIGHTS = (-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654)


def regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    """The mean of the process; what it is without rows to keep has no form."""
    if not hasattr(model, "X_train_"):
        raise ExportError("it is not fitted", hint="fit it first")
    if not isinstance(model.X_train_, np.ndarray) or model.X_train_.size > _MOST:
        raise ExportError("it keeps too many rows, or rows that are no numbers", hint="fit it on fewer rows")
    kernels = between(model.kernel_, graph, table.numbers(graph), dense(model.X_train_))
    weights = dense(model.alpha_)
    found = graph.add("MatMul", kernels, graph.const(weights.reshape(len(weights), -1)))
    found = graph.add("Mul", found, graph.const(row(model._y_train_std)))
    found = graph.add("Add", found, graph.const(row(model._y_train_mean)))
    return {"predict": flat(graph, found) if weights.ndim == 1 or weights.shape[1] == 1 else found}


def classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    """Two classes by Laplace's approximation, more by one process for each class or pair."""
    if len(model.classes_) > 2:
        found = converted(model.base_estimator_, graph, table, "base_estimator_")
        return {name: found[name] for name in ("predict", "predict_proba") if name in found}
    return binary(model.base_estimator_, graph, table)


def binary(model: Any, graph: Graph, table: Table) -> Outputs:
    """The mean of the latent function decides; its variance is needed for the shares of the classes."""
    kept = model.X_train_
    if not isinstance(kept, np.ndarray) or kept.size > _MOST or len(kept) ** 2 > 4 * _MOST:
        raise ExportError("it keeps too many rows, or rows that are no numbers", hint="fit it on fewer rows")
    rows = table.numbers(graph)
    kernels = between(model.kernel_, graph, rows, dense(kept))
    mean = graph.add("MatMul", kernels, graph.const((model.y_train_ - model.pi_).reshape(-1, 1)))
    above = graph.add("Cast", flat(graph, graph.add("Greater", mean, _number(graph, 0.0))), to=7)
    spread = np.linalg.solve(model.L_, np.diag(model.W_sr_))
    less = graph.add("MatMul", kernels, graph.const(spread.T))
    less = graph.add("ReduceSum", graph.add("Mul", less, less), graph.const([1], np.int64), keepdims=1)
    variance = graph.add("Sub", alone(model.kernel_, graph, rows), less)
    return {
        "predict": graph.add("Gather", graph.const(plain(model.classes_)), above, axis=0),
        "predict_proba": _expected_shares(graph, mean, variance),
    }


def _expected_shares(graph: Graph, mean: str, variance: str) -> str:
    """The logistic function's mean over a normal distribution: a sum of five error functions.

    Source: C. K. I. Williams and D. Barber, Bayesian Classification with Gaussian Processes, IEEE Transactions on
    Pattern Analysis and Machine Intelligence 20 (1998), appendix A; the coefficients are those of scikit-learn.
    """
    twice = graph.add("Mul", _number(graph, 2.0), variance)
    precision = graph.add("Div", _number(graph, 1.0), twice)
    wider = graph.add("Add", precision, graph.const(row(np.square(_SCALES))))
    inner = graph.add("Sqrt", graph.add("Div", precision, wider))
    turned = normal.erf(graph, graph.add("Mul", graph.add("Mul", mean, graph.const(row(_SCALES))), inner))
    scale = graph.add("Sqrt", graph.add("Div", _number(graph, np.pi), precision))
    below = graph.add("Mul", _number(graph, 2.0), graph.add("Sqrt", graph.add("Mul", twice, _number(graph, np.pi))))
    parts = graph.add("Mul", graph.add("Div", graph.add("Mul", scale, turned), below), graph.const(row(_WEIGHTS)))
    second = graph.add("ReduceSum", parts, graph.const([1], np.int64), keepdims=1)
    second = graph.add("Add", second, _number(graph, 0.5 * sum(_WEIGHTS)))
    return graph.add("Concat", graph.add("Sub", _number(graph, 1.0), second), second, axis=1)


def alone(kernel: Any, graph: Graph, rows: str) -> str:
    """The kernel of each row with itself: rows x 1."""
    name = type(kernel).__name__
    if name in ("Sum", "Product"):
        parts = [alone(each, graph, rows) for each in (kernel.k1, kernel.k2)]
        return graph.add("Add" if name == "Sum" else "Mul", *parts)
    if name == "Exponentiation":
        return graph.add("Pow", alone(kernel.kernel, graph, rows), _number(graph, kernel.exponent))
    axes = graph.const([1], np.int64)
    if name == "DotProduct":
        squares = graph.add("ReduceSum", graph.add("Mul", rows, rows), axes, keepdims=1)
        return graph.add("Add", squares, _number(graph, kernel.sigma_0**2))
    value = {"ConstantKernel": "constant_value", "WhiteKernel": "noise_level"}.get(name)
    nothing = graph.add("ReduceSum", _zeros(graph, rows), axes, keepdims=1)
    return graph.add("Add", nothing, _number(graph, getattr(kernel, value) if value else 1.0))


def between(kernel: Any, graph: Graph, rows: str, kept: Any) -> str:
    """The kernel of rows that are not those kept: rows x kept."""
    name = type(kernel).__name__
    if name in ("Sum", "Product"):
        parts = [between(each, graph, rows, kept) for each in (kernel.k1, kernel.k2)]
        return graph.add("Add" if name == "Sum" else "Mul", *parts)
    if name == "Exponentiation":
        return graph.add("Pow", between(kernel.kernel, graph, rows, kept), _number(graph, kernel.exponent))
    if name in ("ConstantKernel", "WhiteKernel"):
        # Noise is of a row with itself alone; a sum over no column is a zero for each pair.
        value = kernel.constant_value if name == "ConstantKernel" else 0.0
        nothing = graph.add("MatMul", _zeros(graph, rows), graph.const(np.zeros((kept.shape[1], len(kept)))))
        return graph.add("Add", nothing, _number(graph, value))
    if name == "DotProduct":
        products = graph.add("MatMul", rows, graph.const(kept.T))
        return graph.add("Add", products, _number(graph, kernel.sigma_0**2))
    form = _FORMS.get(name)
    if form is None:
        raise ExportError(f"its kernel {name} has no ONNX form", hint=f"use one of: {', '.join(sorted(_FORMS))}")
    return form(kernel, graph, rows, kept)


def _number(graph: Graph, value: Any) -> str:
    return graph.const(float(value), np.float64)


def _zeros(graph: Graph, rows: str) -> str:
    return graph.add("Expand", _number(graph, 0.0), graph.add("Shape", rows))


def _squared(kernel: Any, graph: Graph, rows: str, kept: Any) -> str:
    """Squared distances in units of the kernel's length, difference by difference."""
    length = np.broadcast_to(np.asarray(kernel.length_scale, dtype=np.float64), kept.shape[1:])
    scaled = graph.add("Unsqueeze", graph.add("Div", rows, graph.const(row(length))), graph.const([1], np.int64))
    apart = graph.add("Sub", scaled, graph.const((kept / length)[None]))
    return graph.add("ReduceSum", graph.add("Mul", apart, apart), graph.const([2], np.int64), keepdims=0)


def _rbf(kernel: Any, graph: Graph, rows: str, kept: Any) -> str:
    return graph.add("Exp", graph.add("Mul", _squared(kernel, graph, rows, kept), _number(graph, -0.5)))


def _matern(kernel: Any, graph: Graph, rows: str, kept: Any) -> str:
    if kernel.nu == np.inf:
        return _rbf(kernel, graph, rows, kept)
    if kernel.nu not in (0.5, 1.5, 2.5):
        raise ExportError(f"its kernel Matern with nu={kernel.nu} has no ONNX form", hint="use nu=0.5, 1.5, 2.5 or inf")
    far = graph.add("Sqrt", _squared(kernel, graph, rows, kept))
    far = graph.add("Mul", far, _number(graph, np.sqrt(2 * kernel.nu)))
    fading = graph.add("Exp", graph.add("Neg", far))
    if kernel.nu == 0.5:
        return fading
    factor = graph.add("Add", _number(graph, 1.0), far)
    if kernel.nu == 2.5:
        factor = graph.add("Add", factor, graph.add("Div", graph.add("Mul", far, far), _number(graph, 3.0)))
    return graph.add("Mul", factor, fading)


def _rational(kernel: Any, graph: Graph, rows: str, kept: Any) -> str:
    share = graph.add("Div", _squared(kernel, graph, rows, kept), _number(graph, 2 * kernel.alpha))
    return graph.add("Pow", graph.add("Add", _number(graph, 1.0), share), _number(graph, -kernel.alpha))


def _periodic(kernel: Any, graph: Graph, rows: str, kept: Any) -> str:
    apart = graph.add("Sub", graph.add("Unsqueeze", rows, graph.const([1], np.int64)), graph.const(kept[None]))
    squares = graph.add("ReduceSum", graph.add("Mul", apart, apart), graph.const([2], np.int64), keepdims=0)
    turn = graph.add("Mul", graph.add("Sqrt", squares), _number(graph, np.pi / kernel.periodicity))
    wave = graph.add("Div", graph.add("Sin", turn), _number(graph, kernel.length_scale))
    return graph.add("Exp", graph.add("Mul", graph.add("Mul", wave, wave), _number(graph, -2.0)))


_FORMS = {"RBF": _rbf, "Matern": _matern, "RationalQuadratic": _rational, "ExpSineSquared": _periodic}
