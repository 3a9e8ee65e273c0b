"""Operators of neural networks: convolutions, pooling, normalisation, softmax, attention, resizing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Attributes = dict[str, Any]


def _windows(k: Any, a: Attributes, x: Any, kernel: list[int]) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Strides, dilations, and how many elements are added on both sides of each axis."""
    rank = len(kernel)
    strides, dilations = a.get("strides") or [1] * rank, a.get("dilations") or [1] * rank
    pads = a.get("pads") or [0] * (2 * rank)
    pairs = list(zip(pads[:rank], pads[rank:], strict=True))
    mode = a.get("auto_pad", "NOTSET")
    if mode.startswith("SAME"):
        if max(dilations) > 1:
            raise NotImplementedError("dilated windows over an axis that keeps its length")  # runtimes differ
        pairs = []
        for length, stride, dilation, size in zip(k.shape(x)[2:], strides, dilations, kernel, strict=True):
            reach = dilation * (size - 1) + 1
            needed = max(0, (-(-int(length) // stride) - 1) * stride + reach - int(length))
            less = needed // 2
            pairs.append((needed - less, less) if mode == "SAME_LOWER" else (less, needed - less))
    return strides, dilations, pairs


def conv(k: Any, a: Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    kernel = [int(each) for each in k.shape(weight)[2:]]
    strides, dilations, pairs = _windows(k, a, x, kernel)
    if any(map(any, pairs)):
        x = k.pad(x, [(0, 0), (0, 0), *pairs], "constant", 0.0)
    made = k.conv(x, weight, strides, dilations, a.get("group", 1))
    return made if bias is None else made + _channels(k, bias, len(kernel))


def _channels(k: Any, values: Any, rank: int) -> Any:
    """One value for each channel, to be added to (rows, channels, ...)."""
    return k.reshape(values, (1, -1, *([1] * rank)))


def conv_transpose(k: Any, a: Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    """As a convolution of what lies between zeros, with the kernel turned."""
    kernel = [int(each) for each in k.shape(weight)[2:]]
    rank, groups = len(kernel), a.get("group", 1)
    strides, dilations = a.get("strides") or [1] * rank, a.get("dilations") or [1] * rank
    extra = a.get("output_padding") or [0] * rank
    pads = a.get("pads") or [0] * (2 * rank)
    lengths = [int(each) for each in k.shape(x)[2:]]
    beyond: list[int] = []
    full = [
        s * (n - 1) + d * (m - 1) + 1 + e
        for n, s, d, m, e in zip(lengths, strides, dilations, kernel, extra, strict=True)
    ]
    if a.get("output_shape") or a.get("auto_pad", "NOTSET").startswith("SAME"):
        wanted = a.get("output_shape") or [n * s for n, s in zip(lengths, strides, strict=True)]
        if any(n * s > f for n, s, f in zip(lengths, strides, full, strict=True)) and not a.get("output_shape"):
            raise NotImplementedError("strides wider than the kernel, filled up")  # runtimes leave them as they are
        beyond = [max(0, want - have) for have, want in zip(full, wanted[-rank:], strict=True)]
        total = [max(0, have - want) for have, want in zip(full, wanted[-rank:], strict=True)]
        upper = a.get("auto_pad", "NOTSET") == "SAME_UPPER"
        begin = [each // 2 if upper else each - each // 2 for each in total]
        pads = [*begin, *(each - first for each, first in zip(total, begin, strict=True))]
    for axis, stride in enumerate(strides):
        x = _spread(k, x, axis + 2, stride)
    pairs = [(d * (m - 1), d * (m - 1) + e) for d, m, e in zip(dilations, kernel, extra, strict=True)]
    x = k.pad(x, [(0, 0), (0, 0), *pairs], "constant", 0.0)
    for axis in range(rank):
        weight = k.flip(weight, axis + 2)
    inputs, outputs = (int(each) for each in k.shape(weight)[:2])
    weight = k.reshape(weight, (groups, inputs // groups, outputs, *kernel))
    weight = k.reshape(k.moveaxis(weight, 2, 1), (groups * outputs, inputs // groups, *kernel))
    made = k.conv(x, weight, [1] * rank, dilations, groups)
    index = [slice(None), slice(None)]
    index += [slice(first, n - last) for n, first, last in zip(full, pads[:rank], pads[rank:], strict=True)]
    made = made[tuple(index)]
    if beyond:
        made = k.pad(made, [(0, 0), (0, 0), *((0, each) for each in beyond)], "constant", 0.0)
    return made if bias is None else made + _channels(k, bias, rank)


def _spread(k: Any, x: Any, axis: int, stride: int) -> Any:
    """Zeros between the elements of an axis."""
    if stride == 1:
        return x
    actual = list(k.shape(x))
    pairs = [(0, 0)] * (len(actual) + 1)
    pairs[axis + 1] = (0, stride - 1)
    x = k.pad(k.expand_dims(x, axis + 1), pairs, "constant", 0.0)
    length = int(actual[axis])
    x = k.reshape(x, (*actual[:axis], length * stride, *actual[axis + 1 :]))
    index: list[Any] = [slice(None)] * len(actual)
    index[axis] = slice(0, (length - 1) * stride + 1)
    return x[tuple(index)]


def _pool(k: Any, a: Attributes, x: Any, kind: str) -> Any:
    kernel, borders = a["kernel_shape"], float(a.get("count_include_pad", 0))
    strides, dilations, pairs = _windows(k, a, x, kernel)
    lengths = [int(each) for each in k.shape(x)[2:]]
    inner = list(pairs)
    if a.get("ceil_mode"):
        for i, (n, s, d, m) in enumerate(zip(lengths, strides, dilations, kernel, strict=True)):
            low, high = pairs[i]
            reach = n + low + high - d * (m - 1) - 1
            steps = -(-reach // s)
            steps -= 1 if steps * s >= n + low else 0  # a window that begins behind all elements is none
            pairs[i] = (low, high + max(0, steps * s - reach))
    places = [(0, 0), (0, 0), *pairs]
    if kind == "max":
        return k.max_pool(k.pad(x, places, "constant", k.lowest(x)), kernel, strides, dilations)
    made = k.mean_pool(k.pad(x, places, "constant", 0.0), kernel, strides, dilations)
    if not any(map(any, pairs)):
        return made
    counted = np.ones((1, 1, *lengths), np.float32)
    added = [(0, 0), (0, 0), *inner]
    counted = np.pad(counted, added, constant_values=borders)
    beyond = [(0, 0), (0, 0), *((0, high - was) for (_, high), (_, was) in zip(pairs, inner, strict=True))]
    counted = np.pad(counted, beyond)
    return made / k.cast(k.mean_pool(k.constant(counted), kernel, strides, dilations), k.dtype(x))


def _over(k: Any, x: Any) -> tuple[int, ...]:
    return tuple(range(2, len(k.shape(x))))


# -- normalisation -------------------------------------------------------------------------------------------------


def batch_norm(k: Any, a: Attributes, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    if a.get("training_mode"):
        raise NotImplementedError("normalisation while training")
    rank = len(k.shape(x)) - 2
    factor = scale / k.sqrt(variance + a.get("epsilon", 1e-5))
    return (x - _channels(k, mean, rank)) * _channels(k, factor, rank) + _channels(k, bias, rank)


def _normal(k: Any, x: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    apart = x - k.mean(x, axis=axes, keepdims=True)
    return apart / k.sqrt(k.mean(apart * apart, axis=axes, keepdims=True) + epsilon)


def layer_norm(k: Any, a: Attributes, x: Any, scale: Any, bias: Any = None) -> Any:
    rank = len(k.shape(x))
    axis = a.get("axis", -1) % rank
    made = _normal(k, x, tuple(range(axis, rank)), a.get("epsilon", 1e-5)) * scale
    return made if bias is None else made + bias


def rms_norm(k: Any, a: Attributes, x: Any, scale: Any) -> Any:
    rank = len(k.shape(x))
    axes = tuple(range(a.get("axis", -1) % rank, rank))
    return x / k.sqrt(k.mean(x * x, axis=axes, keepdims=True) + a.get("epsilon", 1e-5)) * scale


def instance_norm(k: Any, a: Attributes, x: Any, scale: Any, bias: Any) -> Any:
    rank = len(k.shape(x)) - 2
    made = _normal(k, x, _over(k, x), a.get("epsilon", 1e-5))
    return made * _channels(k, scale, rank) + _channels(k, bias, rank)


def group_norm(k: Any, a: Attributes, x: Any, scale: Any, bias: Any) -> Any:
    groups, actual = a["num_groups"], k.shape(x)
    parted = k.reshape(x, (actual[0], groups, -1))
    made = k.reshape(_normal(k, parted, (2,), a.get("epsilon", 1e-5)), tuple(actual))
    rank, channels = len(actual) - 2, int(actual[1])
    if int(k.shape(scale)[0]) != channels:  # before version 21 one for each group
        scale, bias = (k.repeat(each, channels // groups) for each in (scale, bias))
    return made * _channels(k, scale, rank) + _channels(k, bias, rank)


def lp_norm(k: Any, a: Attributes, x: Any) -> Any:
    axis = (a.get("axis", -1),)
    if a.get("p", 2) == 1:
        total = k.sum(k.abs(x), axis=axis, keepdims=True)
    else:
        total = k.sqrt(k.sum(x * x, axis=axis, keepdims=True))
    return x / k.where(k.equal(total, k.like(0, total)), k.like(1, total), total)


# -- softmax and attention -----------------------------------------------------------------------------------------


def _softmax(name: str) -> Callable[..., Any]:
    def soften(k: Any, a: Attributes, x: Any) -> Any:
        if a["opset"] >= 13:
            return getattr(k, name)(x, a.get("axis", -1))
        actual = k.shape(x)
        axis = a.get("axis", 1) % len(actual)
        if axis == len(actual) - 1:
            return getattr(k, name)(x, -1)
        flat = k.reshape(x, (*actual[:axis], math.prod(actual[axis:])))
        return k.reshape(getattr(k, name)(flat, -1), tuple(actual))

    return soften


def attention(k: Any, a: Attributes, query: Any, key: Any, value: Any, mask: Any = None, *cache: Any) -> Any:
    """Of four axes: rows, heads, places, width."""
    if any(each is not None for each in cache) or len(k.shape(query)) != 4 or a["outputs"] != 1:
        raise NotImplementedError("attention with a cache or without an axis of heads")
    heads, shared = int(k.shape(query)[1]), int(k.shape(key)[1])
    if heads != shared:
        key, value = (k.repeat(each, heads // shared, 1) for each in (key, value))
    width = int(k.shape(query)[3])
    scores = k.matmul(query * a.get("scale", 1 / math.sqrt(width)), k.transpose(key, (0, 1, 3, 2)))
    if a.get("softcap"):
        scores = k.tanh(scores / a["softcap"]) * a["softcap"]
    if a.get("is_causal"):
        if mask is not None:
            raise NotImplementedError("attention with a mask and in one direction")
        rows, columns = (int(k.shape(each)[2]) for each in (query, key))
        mask = k.constant(np.tril(np.ones((rows, columns), bool)))
    if mask is None:
        return k.matmul(k.softmax(scores, -1), value)
    if k.dtype(mask) != "bool":
        return k.matmul(k.softmax(scores + mask, -1), value)
    shares = k.softmax(k.where(mask, scores, k.like(-np.inf, scores)), -1)
    # A row that may look at nothing is made of nothing.
    return k.matmul(k.where(mask, shares, k.zeros_like(shares)), value)


def depth_to_space(k: Any, a: Attributes, x: Any) -> Any:
    rows, channels, height, width = k.shape(x)
    block = a["blocksize"]
    inner = int(channels) // block**2
    if a.get("mode", "DCR") == "DCR":
        x = k.transpose(k.reshape(x, (rows, block, block, inner, height, width)), (0, 3, 4, 1, 5, 2))
    else:
        x = k.transpose(k.reshape(x, (rows, inner, block, block, height, width)), (0, 1, 4, 2, 5, 3))
    return k.reshape(x, (rows, inner, height * block, width * block))


def space_to_depth(k: Any, a: Attributes, x: Any) -> Any:
    rows, channels, height, width = k.shape(x)
    block = a["blocksize"]
    x = k.reshape(x, (rows, channels, height // block, block, width // block, block))
    return k.reshape(k.transpose(x, (0, 3, 5, 1, 2, 4)), (rows, channels * block**2, height // block, width // block))


OPERATORS: dict[str, Callable[..., Any]] = {
    "Attention": attention,
    "AveragePool": lambda k, a, x: _pool(k, a, x, "mean"),
    "BatchNormalization": batch_norm,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DepthToSpace": depth_to_space,
    "GlobalAveragePool": lambda k, a, x: k.mean(x, axis=_over(k, x), keepdims=True),
    "GlobalMaxPool": lambda k, a, x: k.max(x, axis=_over(k, x), keepdims=True),
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LayerNormalization": layer_norm,
    "LogSoftmax": _softmax("log_softmax"),
    "LpNormalization": lp_norm,
    "MaxPool": lambda k, a, x: _pool(k, a, x, "max"),
    "RMSNormalization": rms_norm,
    "Softmax": _softmax("softmax"),
    "SpaceToDepth": space_to_depth,
}
