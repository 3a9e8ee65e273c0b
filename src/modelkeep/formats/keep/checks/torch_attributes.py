"""What PyTorch's own modules declare of themselves: sizes, flags, numbers, texts, each of its kind."""

from __future__ import annotations

from typing import Any, NoReturn

from modelkeep.errors import CheckError, quote

_LARGE = 1 << 40


def fail(name: str, message: str) -> NoReturn:
    raise CheckError(message, path=name, hint="")


def is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGE


def _is_integer(value: Any) -> bool:
    return type(value) is int and -_LARGE < value < _LARGE


def _is_number(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and value == value and abs(value) < 1e300) or value in _FAR


def _is_sizes(value: Any) -> bool:
    """One number, several, or a text such as ``same``; what is left out is None."""
    if isinstance(value, list | tuple):
        return len(value) <= 32 and all(map(_is_sizes, value))
    return value is None or type(value) is float or _is_integer(value) or (type(value) is str and len(value) < 100)


_FAR = (float("inf"), float("-inf"))
_KINDS = {
    is_size: """d_model embed_dim embedding_dim head_dim head_size hidden_size in1_features in2_features in_channels
        in_features input_size n_classes n_clusters nhead num_channels num_embeddings num_features num_groups
        num_heads num_layers num_parameters out_channels proj_size shortlist_size kdim vdim groups upscale_factor
        downscale_factor _size""",
    lambda value: type(value) is bool: """add_zero_attn affine batch_first bidirectional ceil_mode count_include_pad
        elementwise_affine full head_bias include_last_offset inplace keepdim log_input log_target norm_first
        return_indices scale_grad_by_freq sparse swap track_running_stats transposed zero_infinity
        _qkv_same_embed_dim enable_nested_tensor use_nested_tensor mask_check""",
    _is_number: """alpha beta delta div_value dropout eps init label_smoothing lambd lower margin max_norm max_val
        min_val momentum negative_slope norm_type p threshold upper value k""",
    _is_sizes: """kernel_size stride padding dilation output_padding output_size output_ratio size scale_factor
        normalized_shape unflattened_size _reversed_padding_repeated_twice cutoffs dim start_dim end_dim padding_idx
        blank activation_relu_or_gelu mode nonlinearity padding_mode approximate reduction name divisor_override""",
}
KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}


def check_attributes(obj: Any) -> None:
    """Of the classes of torch.nn themselves: each attribute that they know is of its kind."""
    if not type(obj).__module__.startswith("torch.nn."):
        return
    for name, value in vars(obj).items():
        kind = KIND_OF.get(name)
        if kind is not None and not kind(value):
            fail(name, f"{quote(repr(value))} is not what a {type(obj).__name__} has there")
