"""The operators that an exported program may name: they compute from their inputs, and nothing else.

Left out on purpose: what reads files or memory that nothing wrote, draws at random, moves between devices, gives other
strides to a tensor, trusts an index without a look, or takes sizes on trust.
"""

from __future__ import annotations

#: Names in ``torch.ops.aten``; an ``_`` behind one is the same in place.
ATEN = frozenset(
    """
    _adaptive_avg_pool2d _adaptive_avg_pool3d _assert_scalar _assert_tensor_metadata _cdist_forward _conj _fft_c2c
    _fft_c2r _fft_r2c _local_scalar_dense _log_softmax _shape_as_tensor _softmax _to_copy _unsafe_view _weight_norm
    abs absolute acos acosh adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d add addbmm addcdiv addcmul addmm addmv addr affine_grid_generator alias
    all alpha_dropout amax amin aminmax any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
    argmin argsort asin asinh atan atan2 atanh avg_pool1d avg_pool2d avg_pool3d baddbmm batch_norm bilinear bincount
    bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor block_diag bmm
    broadcast_tensors broadcast_to bucketize cat cdist ceil celu chain_matmul channel_shuffle chunk clamp clamp_max
    clamp_min clip clone col2im column_stack complex concat conj conj_physical constant_pad_nd contiguous conv1d
    conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution copy copysign cos cosh
    cosine_similarity count_nonzero cross cummax cummin cumprod cumsum deg2rad detach detach_ diag diag_embed
    diagonal diff digamma dist div divide dot dropout einsum elu embedding eq erf erfc erfinv exp exp2 expand
    expand_as expm1 eye fft_fft fft_fft2 fft_fftn fft_ifft fft_ifft2 fft_ifftn fft_irfft fft_irfft2 fft_rfft
    fft_rfft2 fill flatten flip fliplr flipud float_power floor floor_divide fmax fmin fmod frac frobenius_norm full
    full_like gather ge gelu glu greater greater_equal grid_sampler grid_sampler_2d grid_sampler_3d group_norm gru
    gru_cell gt hardshrink hardsigmoid hardswish hardtanh heaviside histc hstack huber_loss hypot i0 im2col imag
    index index_add index_copy index_fill index_put index_select inner instance_norm isclose isfinite isin isinf
    isnan isneginf isposinf kl_div kthvalue l1_loss layer_norm ldexp le leaky_relu lerp less less_equal lgamma
    lift_fresh_copy linalg_cross linalg_det linalg_inv linalg_matrix_norm linalg_norm linalg_vector_norm linear
    linspace log log10 log1p log2 log_sigmoid log_softmax logaddexp logaddexp2 logical_and logical_not logical_or
    logical_xor logit logspace logsumexp lstm lstm_cell lt margin_ranking_loss masked_fill masked_scatter
    masked_select matmul matrix_exp max max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices
    max_pool3d max_pool3d_with_indices max_unpool2d max_unpool3d maximum mean median meshgrid min minimum mish mm
    mode moveaxis movedim mse_loss mul multiply mv nan_to_num nanmean nanmedian nansum narrow native_dropout
    native_layer_norm ne neg negative new_full new_ones new_zeros nll_loss nll_loss_nd nonzero norm not_equal
    numpy_T one_hot ones ones_like outer pad pairwise_distance permute pixel_shuffle pixel_unshuffle polar polygamma
    positive pow prelu prod quantile rad2deg ravel real reciprocal reflection_pad1d reflection_pad2d
    reflection_pad3d relu relu6 remainder repeat repeat_interleave replication_pad1d replication_pad2d
    replication_pad3d reshape reshape_as resolve_conj resolve_neg rms_norm rnn_relu rnn_relu_cell rnn_tanh
    rnn_tanh_cell roll rot90 round rrelu rsqrt rsub scalar_tensor scaled_dot_product_attention scatter scatter_add
    scatter_reduce searchsorted select select_scatter selu sgn sigmoid sign signbit silu sin sinc sinh slice
    slice_scatter smooth_l1_loss softmax softmin softplus softshrink sort special_entr special_erf special_erfc
    special_expit special_expm1 special_log1p special_log_softmax special_logit special_softmax special_xlog1py
    split split_with_sizes sqrt square squeeze stack std std_mean sub subtract sum swapaxes swapdims
    sym_constrain_range sym_constrain_range_for_size sym_numel sym_size sym_stride t take take_along_dim tan tanh
    tanhshrink tensor_split tensordot threshold tile to topk trace transpose tril tril_indices triu triu_indices
    true_divide trunc type_as unbind unflatten unfold unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze
    upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
    upsample_nearest3d upsample_trilinear3d var var_mean vdot view view_as view_as_complex view_as_real vstack where
    xlogy zero zeros zeros_like
    """.split()
)
#: Arithmetic on sizes, which are whole numbers when the program runs.
SIZES = frozenset(
    [f"_operator.{name}" for name in "add sub mul floordiv truediv mod neg lt le gt ge eq ne and_ or_ not_".split()]
    + [f"math.{name}" for name in "ceil floor trunc".split()]
    + [f"torch.sym_{name}" for name in "float int ite max min not sum".split()]
)
#: A part of the program that runs without gradients.
GRADIENTS = "torch.ops.higher_order.wrap_with_set_grad_enabled"
#: These make tensors as large as a number says.
MAKERS = frozenset(
    """arange broadcast_to constant_pad_nd expand eye full linspace logspace new_full new_ones new_zeros one_hot ones
    pad repeat repeat_interleave scalar_tensor tile tril_indices triu_indices zeros""".split()
)
MOST_MADE = 1 << 32


def is_allowed(target: str) -> bool:
    """Whether a program may call ``target``, as ``torch.ops.aten.linear.default``."""
    if target in SIZES or target == GRADIENTS:
        return True
    parts = target.split(".")
    if len(parts) != 5 or parts[:3] != ["torch", "ops", "aten"] or not parts[4].isidentifier():
        return False
    if parts[4].endswith("out") or parts[4].startswith("_"):  # these write into a tensor of another size
        return False
    return parts[3] in ATEN or (parts[3].endswith("_") and parts[3].rstrip("_") in ATEN)
