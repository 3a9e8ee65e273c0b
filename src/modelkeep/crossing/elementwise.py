"""Operators that compute each element by itself, and matrix products. ``k`` is the library: names are numpy's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Attributes = dict[str, Any]
#: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, TensorProto.DataType.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip
_LARGEST = {"float16": 65504.0, "bfloat16": 2.0**127 * (2 - 2**-7), "float32": 2.0**127 * (2 - 2**-23)}
_LARGEST["float64"] = 2.0**1023 * (2 - 2**-52)
_UNARY = {
    "Abs": "abs", "Acos": "arccos", "Acosh": "arccosh", "Asin": "arcsin", "Asinh": "arcsinh", "Atan": "arctan",
    "Atanh": "arctanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp", "Floor": "floor",
    "IsNaN": "isnan", "Log": "log", "Neg": "negative", "Not": "logical_not", "Reciprocal": "reciprocal",
    "Relu": "relu", "Round": "round", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin", "Sinh": "sinh",
    "Softplus": "softplus", "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh", "Det": "det", "BitwiseNot": "bitwise_not",
}  # fmt: skip
_BINARY = {
    "Add": "add", "And": "logical_and", "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal",
    "Less": "less", "LessOrEqual": "less_equal", "MatMul": "matmul", "Mul": "multiply", "Or": "logical_or",
    "Sub": "subtract", "Xor": "logical_xor", "BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
}  # fmt: skip


def _unary(name: str) -> Callable[..., Any]:
    return lambda k, a, x: getattr(k, name)(x)


def _binary(name: str) -> Callable[..., Any]:
    return lambda k, a, x, y: getattr(k, name)(x, y)


def _folded(name: str) -> Callable[..., Any]:
    def fold(k: Any, a: Attributes, *values: Any) -> Any:
        made = values[0]
        for each in values[1:]:
            made = getattr(k, name)(made, each)
        return made

    return fold


def _is_whole(k: Any, x: Any) -> bool:
    return "int" in k.dtype(x)


def divide(k: Any, a: Attributes, x: Any, y: Any) -> Any:
    """Whole numbers divide to whole numbers, toward zero."""
    return k.int_divide(x, y) if _is_whole(k, x) else k.divide(x, y)


def mod(k: Any, a: Attributes, x: Any, y: Any) -> Any:
    if not a.get("fmod"):
        return k.mod(x, y)
    return x - y * k.int_divide(x, y) if _is_whole(k, x) else k.fmod(x, y)


def power(k: Any, a: Attributes, x: Any, y: Any) -> Any:
    kind = k.dtype(x)
    if _is_whole(k, x) and not _is_whole(k, y):  # the root of a whole number is cut, not the exponent
        return k.cast(k.power(k.cast(x, "float64"), k.cast(y, "float64")), kind)
    return k.power(x, k.cast(y, kind))


def clip(k: Any, a: Attributes, x: Any, low: Any = None, high: Any = None) -> Any:
    """A bound that is left out is the last finite number, by which infinite ones become finite."""
    edge = None if _is_whole(k, x) else _LARGEST[k.dtype(x)]
    low = a.get("min", edge and -edge) if low is None else low
    high = a.get("max", edge) if high is None else high
    x = x if low is None else k.maximum(x, k.like(low, x))
    return x if high is None else k.minimum(x, k.like(high, x))


def cast(k: Any, a: Attributes, x: Any) -> Any:
    return k.cast(x, DTYPES[a["to"]])


def cast_like(k: Any, a: Attributes, x: Any, like: Any) -> Any:
    return k.cast(x, k.dtype(like))


def where(k: Any, a: Attributes, condition: Any, x: Any, y: Any) -> Any:
    return k.where(condition, x, y)


def mean(k: Any, a: Attributes, *values: Any) -> Any:
    return k.divide(_folded("add")(k, a, *values), k.like(len(values), values[0]))


def is_inf(k: Any, a: Attributes, x: Any) -> Any:
    found = k.isinf(x)
    if not a.get("detect_negative", 1):
        found = k.logical_and(found, k.greater(x, k.like(0, x)))
    return found if a.get("detect_positive", 1) else k.logical_and(found, k.less(x, k.like(0, x)))


def gemm(k: Any, a: Attributes, x: Any, y: Any, c: Any = None) -> Any:
    x = k.transpose(x, (1, 0)) if a.get("transA") else x
    y = k.transpose(y, (1, 0)) if a.get("transB") else y
    made = k.matmul(x, y)
    alpha, beta = a.get("alpha", 1.0), a.get("beta", 1.0)
    made = made if alpha == 1 else made * alpha
    return made if c is None else k.add(made, c if beta == 1 else c * beta)


def einsum(k: Any, a: Attributes, *values: Any) -> Any:
    return k.einsum(a["equation"].replace(" ", ""), *values)


# -- activations ---------------------------------------------------------------------------------------------------


def leaky_relu(k: Any, a: Attributes, x: Any) -> Any:
    return k.where(k.less(x, k.like(0, x)), x * a.get("alpha", 0.01), x)


def prelu(k: Any, a: Attributes, x: Any, slope: Any) -> Any:
    return k.where(k.less(x, k.like(0, x)), x * slope, x)


def elu(k: Any, a: Attributes, x: Any) -> Any:
    return k.where(k.less(x, k.like(0, x)), k.expm1(k.minimum(x, k.like(0, x))) * a.get("alpha", 1.0), x)


def celu(k: Any, a: Attributes, x: Any) -> Any:
    alpha = a.get("alpha", 1.0)
    return k.maximum(x, k.like(0, x)) + k.minimum(k.expm1(x / alpha) * alpha, k.like(0, x))


def selu(k: Any, a: Attributes, x: Any) -> Any:
    alpha, gamma = a.get("alpha", 1.6732632423543772), a.get("gamma", 1.0507009873554805)
    return k.where(k.greater(x, k.like(0, x)), x, k.expm1(k.minimum(x, k.like(0, x))) * alpha) * gamma


def hard_sigmoid(k: Any, a: Attributes, x: Any) -> Any:
    return clip(k, {"min": 0.0, "max": 1.0}, x * a.get("alpha", 0.2) + a.get("beta", 0.5))


def hard_swish(k: Any, a: Attributes, x: Any) -> Any:
    return x * clip(k, {"min": 0.0, "max": 1.0}, x * (1 / 6) + 0.5)


def swish(k: Any, a: Attributes, x: Any) -> Any:
    return x * k.sigmoid(x * a.get("alpha", 1.0))


def mish(k: Any, a: Attributes, x: Any) -> Any:
    return x * k.tanh(k.softplus(x))


def softsign(k: Any, a: Attributes, x: Any) -> Any:
    return x / (k.abs(x) + 1.0)


def thresholded_relu(k: Any, a: Attributes, x: Any) -> Any:
    return k.where(k.greater(x, k.like(a.get("alpha", 1.0), x)), x, k.zeros_like(x))


def gelu(k: Any, a: Attributes, x: Any) -> Any:
    if a.get("approximate") == "tanh":
        return x * 0.5 * (k.tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1.0)
    return x * 0.5 * (k.erf(x * math.sqrt(0.5)) + 1.0)


OPERATORS: dict[str, Callable[..., Any]] = {
    **{op: _unary(name) for op, name in _UNARY.items()},
    **{op: _binary(name) for op, name in _BINARY.items()},
    "Cast": cast,
    "CastLike": cast_like,
    "Celu": celu,
    "Clip": clip,
    "Div": divide,
    "Einsum": einsum,
    "Elu": elu,
    "Gelu": gelu,
    "Gemm": gemm,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "IsInf": is_inf,
    "LeakyRelu": leaky_relu,
    "Max": _folded("maximum"),
    "Mean": mean,
    "Min": _folded("minimum"),
    "Mish": mish,
    "Mod": mod,
    "PRelu": prelu,
    "Pow": power,
    "Selu": selu,
    "Softsign": softsign,
    "Sum": _folded("add"),
    "Swish": swish,
    "ThresholdedRelu": thresholded_relu,
    "Where": where,
}
