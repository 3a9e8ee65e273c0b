"""PyTorch's modules: what they declare of themselves, and weights of the sizes that they declare.

Most kernels compare shapes themselves. The fused ones for recurrent modules and attention take them on trust, so here
every class that declares sizes is held to them. A class of the reader's own with its own ``forward`` may use its
weights as it likes; one that inherits it may not.
"""

from __future__ import annotations

from typing import Any

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.require import Check, full_name
from modelkeep.formats.keep.checks.torch_attributes import check_attributes, fail, is_size

_Shape = tuple[int, ...]


# -- weights -------------------------------------------------------------------------------------------------------


def _weight(obj: Any, name: str, shape: _Shape, *, optional: bool = False) -> Any:
    """The tensor ``name`` of a module: of ``shape``, or None where it may be missing."""
    state = vars(obj)
    found = state["_parameters"].get(name)
    if found is None:
        found = state["_buffers"].get(name)
    lists = state["_modules"].get("parametrizations")
    if found is None and lists is not None and name in vars(lists)["_modules"]:
        # Not the computed tensor: to ask for it may be a step of its training. Its last part has its shape.
        held = vars(vars(lists)["_modules"][name])
        parts = held["_parameters"] | held["_buffers"]
        found = parts.get("original", parts.get("original1"))
    if found is None:
        if not optional:
            fail(name, f"a {type(obj).__name__} has no {name}")
    elif tuple(found.shape) != shape:
        fail(name, f"a tensor of shape {tuple(found.shape)}, not {shape}")
    return found


def _dtypes(tensors: list[Any]) -> None:
    """Fused kernels read all weights as one type."""
    found = {tensor.dtype for tensor in tensors if tensor is not None}
    if len(found) > 1:
        fail("", f"weights of several dtypes: {', '.join(sorted(map(str, found)))}")


def _sizes(obj: Any, *names: str) -> list[int]:
    found: list[Any] = [vars(obj).get(name) for name in names]
    for name, value in zip(names, found, strict=True):
        if not is_size(value):
            fail(name, f"{quote(repr(value))} is not a size")
    return found


def _linear(obj: Any) -> None:
    width, height = _sizes(obj, "in_features", "out_features")
    _dtypes([_weight(obj, "weight", (height, width)), _weight(obj, "bias", (height,), optional=True)])


def _bilinear(obj: Any) -> None:
    first, second, height = _sizes(obj, "in1_features", "in2_features", "out_features")
    _weight(obj, "weight", (height, first, second))
    _weight(obj, "bias", (height,), optional=True)


def _convolution(obj: Any) -> None:
    width, height, groups = _sizes(obj, "in_channels", "out_channels", "groups")
    kernel = vars(obj).get("kernel_size")
    if type(kernel) is not tuple or not all(map(is_size, kernel)) or not 1 <= len(kernel) <= 3:
        fail("kernel_size", f"{quote(repr(kernel))} is not the size of a kernel")
    if groups < 1 or width % groups or height % groups:
        fail("groups", f"{groups} groups do not divide {width} and {height} channels")
    for name in ("stride", "dilation"):
        steps = vars(obj).get(name)
        if type(steps) is not tuple or len(steps) != len(kernel) or not all(is_size(n) and n > 0 for n in steps):
            fail(name, f"{quote(repr(steps))} does not fit the kernel")
    outer, inner = (width, height) if vars(obj).get("transposed") else (height, width)
    _weight(obj, "weight", (outer, inner // groups, *kernel))
    _weight(obj, "bias", (height,), optional=True)


def _normalization(obj: Any) -> None:
    (width,) = _sizes(obj, "num_features")
    for name in ("weight", "bias", "running_mean", "running_var"):
        _weight(obj, name, (width,), optional=True)
    _weight(obj, "num_batches_tracked", (), optional=True)


def _layer_norm(obj: Any) -> None:
    shape = vars(obj).get("normalized_shape")
    if not isinstance(shape, tuple) or not all(map(is_size, shape)):
        fail("normalized_shape", f"{quote(repr(shape))} is not a shape")
    for name in ("weight", "bias"):
        _weight(obj, name, tuple(shape), optional=True)


def _group_norm(obj: Any) -> None:
    groups, width = _sizes(obj, "num_groups", "num_channels")
    if groups < 1 or width % groups:
        fail("num_groups", f"{groups} groups do not divide {width} channels")
    for name in ("weight", "bias"):
        _weight(obj, name, (width,), optional=True)


def _embedding(obj: Any) -> None:
    count, width = _sizes(obj, "num_embeddings", "embedding_dim")
    _weight(obj, "weight", (count, width))
    padding = vars(obj).get("padding_idx")
    if padding is not None and not (type(padding) is int and 0 <= padding < count):
        fail("padding_idx", f"{quote(repr(padding))} is no row of {count}")


def _slope(obj: Any) -> None:
    _weight(obj, "weight", tuple(_sizes(obj, "num_parameters")))


def _fractional_pool(obj: Any) -> None:
    samples = vars(obj)["_buffers"].get("_random_samples")
    if samples is not None and (samples.ndim != 3 or not bool(((samples >= 0) & (samples < 1)).all())):
        fail("_random_samples", "these are no shares of a pool from 0 to 1")


def _weight_norm(obj: Any) -> None:
    """The lists of parametrizations: of a normed weight the kernel does not compare the sizes of its two parts."""
    steps = [step for name, step in vars(obj)["_modules"].items() if name.isdecimal()]
    if not steps:
        fail("", "a list of parametrizations has none")
    if any(full_name(type(step)) == "torch.nn.utils.parametrizations._WeightNorm" for step in steps):
        tensors = vars(obj)["_parameters"] | vars(obj)["_buffers"]
        norms, values = tensors.get("original0"), tensors.get("original1")
        dim = vars(steps[0]).get("dim")
        if norms is None or values is None or type(dim) is not int or not -1 <= dim < values.ndim:
            fail("original0", "a normed weight needs its norms and its directions")
        along = tuple(n if axis == dim else 1 for axis, n in enumerate(values.shape)) if dim >= 0 else ()
        if tuple(norms.shape) != along or norms.dtype != values.dtype:
            fail("original0", f"norms of shape {tuple(norms.shape)}, not {along}")


# -- recurrent modules and attention -------------------------------------------------------------------------------

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _recurrent(obj: Any) -> None:
    width, hidden, layers, projected = _sizes(obj, "input_size", "hidden_size", "num_layers", "proj_size")
    state = vars(obj)
    gates = _GATES.get(str(state.get("mode")))
    if gates is None or (projected and (state["mode"] != "LSTM" or projected >= hidden)):
        fail("mode", f"{quote(repr(state.get('mode')))} with a projection to {projected} is no recurrent module")
    if len(state["_flat_weights"]) != len(state["_flat_weights_names"]) or layers > len(state["_parameters"]):
        fail("num_layers", "another number of weights than layers ask for")
    out, two = projected or hidden, 2 if state.get("bidirectional") else 1
    for layer in range(layers):
        inner = width if layer == 0 else out * two
        for end in (f"_l{layer}", f"_l{layer}_reverse")[:two]:
            _weight(obj, f"weight_ih{end}", (gates * hidden, inner))
            _weight(obj, f"weight_hh{end}", (gates * hidden, out))
            if state.get("bias"):
                _weight(obj, f"bias_ih{end}", (gates * hidden,))
                _weight(obj, f"bias_hh{end}", (gates * hidden,))
            if projected:
                _weight(obj, f"weight_hr{end}", (projected, hidden))
    _dtypes(state["_flat_weights"])


def _cell(gates: int) -> Check:
    def check(obj: Any) -> None:
        width, hidden = _sizes(obj, "input_size", "hidden_size")
        shapes = (("weight_ih", (gates * hidden, width)), ("weight_hh", (gates * hidden, hidden)))
        weights = [_weight(obj, name, shape) for name, shape in shapes]
        if vars(obj).get("bias"):
            weights += [_weight(obj, name, (gates * hidden,)) for name in ("bias_ih", "bias_hh")]
        _dtypes(weights)

    return check


def _attention(obj: Any) -> None:
    width, heads, each, keys, values = _sizes(obj, "embed_dim", "num_heads", "head_dim", "kdim", "vdim")
    if heads < 1 or heads * each != width:
        fail("num_heads", f"{heads} heads of {each} are not {width}")
    if vars(obj).get("_qkv_same_embed_dim"):
        weights = [_weight(obj, "in_proj_weight", (3 * width, width))]
    else:
        sources = (("q_proj_weight", width), ("k_proj_weight", keys), ("v_proj_weight", values))
        weights = [_weight(obj, name, (width, source)) for name, source in sources]
    weights.append(_weight(obj, "in_proj_bias", (3 * width,), optional=True))
    weights += [_weight(obj, name, (1, 1, width), optional=True) for name in ("bias_k", "bias_v")]
    out = vars(obj)["_modules"].get("out_proj")
    if out is None or (vars(out).get("in_features"), vars(out).get("out_features")) != (width, width):
        fail("out_proj", f"the projection is not from {width} to {width}")
    _dtypes([*weights, _weight(out, "weight", (width, width)), _weight(out, "bias", (width,), optional=True)])


def _transformer_layer(obj: Any) -> None:
    parts = vars(obj)["_modules"]
    attention, first, second = (parts.get(name) for name in ("self_attn", "linear1", "linear2"))
    if any(part is None for part in (attention, first, second)):
        fail("", "a layer needs its attention and two linear modules")
    width, inner = vars(attention).get("embed_dim"), vars(first).get("out_features")
    for name, part, shape in (("linear1", first, (width, inner)), ("linear2", second, (inner, width))):
        if (vars(part).get("in_features"), vars(part).get("out_features")) != shape:
            fail(name, f"it is not from {shape[0]} to {shape[1]}")
    for name in ("norm1", "norm2", "norm3"):
        norm = parts.get(name)
        if norm is not None and vars(norm).get("normalized_shape", (width,)) != (width,):
            fail(name, f"it is not for {width} columns")
    if vars(obj).get("activation_relu_or_gelu", 0) not in (0, 1, 2):
        fail("activation_relu_or_gelu", "no such activation")


def _inherited(place: str, check: Check) -> Check:
    """The check for all that answers as the class at ``place`` does."""

    def run(obj: Any) -> None:
        owner = next((base for base in type(obj).__mro__ if "forward" in vars(base)), object)
        if owner.__module__.startswith("torch."):
            check(obj)

    run.__name__ = f"check_{place.rpartition('.')[2]}"
    return run


_WEIGHTS: dict[str, Check] = {
    "linear.Linear": _linear,
    "linear.Bilinear": _bilinear,
    "conv._ConvNd": _convolution,
    "batchnorm._NormBase": _normalization,
    "normalization.LayerNorm": _layer_norm,
    "normalization.RMSNorm": _layer_norm,
    "normalization.GroupNorm": _group_norm,
    "sparse.Embedding": _embedding,
    "sparse.EmbeddingBag": _embedding,
    "activation.PReLU": _slope,
    "activation.MultiheadAttention": _attention,
    "rnn.RNNBase": _recurrent,
    "rnn.LSTMCell": _cell(4),
    "rnn.GRUCell": _cell(3),
    "rnn.RNNCell": _cell(1),
    "pooling.FractionalMaxPool2d": _fractional_pool,
    "pooling.FractionalMaxPool3d": _fractional_pool,
    "transformer.TransformerEncoderLayer": _transformer_layer,
    "transformer.TransformerDecoderLayer": _transformer_layer,
}
CHECKS: dict[str, Check] = {
    "torch.nn.modules.module.Module": check_attributes,
    "torch.nn.utils.parametrize.ParametrizationList": _weight_norm,
    **{f"torch.nn.modules.{place}": _inherited(place, check) for place, check in _WEIGHTS.items()},
}
