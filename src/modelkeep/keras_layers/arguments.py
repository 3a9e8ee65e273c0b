"""What an argument may be, by its name: the same name means the same thing all over Keras. See ``kinds.py``."""

from __future__ import annotations

_OUTPUTS = "enum:int|one_hot|multi_hot|count|tf_idf|binary|tf-idf"
_INTERPOLATIONS = "enum:nearest|bilinear|bicubic|lanczos3|lanczos5|area"

_BY_KIND = {
    "count": "units filters groups depth_multiplier input_dim output_dim num_heads key_dim head_dim num_query_heads "
    "num_key_value_heads height width",
    "count?": "num_tokens max_tokens lora_rank value_dim sliding_window batch_size num_bins vocabulary_size",
    "bool": "use_bias use_scale center scale trainable renorm synchronized return_sequences return_state go_backwards "
    "stateful unroll reset_after unit_forget_bias keepdims mask_zero sparse invert pad_to_max_tokens optional "
    "crop_to_aspect_ratio pad_to_aspect_ratio antialias tie_weights has_input_vocabulary use_gate "
    "zero_output_for_mask rms_scaling",
    "bool?": "flash_attention",
    "rate": "dropout recurrent_dropout rate",
    "float": "l1 l2 alpha momentum renorm_momentum epsilon negative_slope threshold stddev gain",
    "float?": "lora_alpha",
    "sizes": "kernel_size dilation_rate pool_size",
    "sizes?": "strides",
    "sizes0?": "output_padding salt",
    "axis?": "axis",
    "nested": "cropping",
    "shape?": "shape noise_shape input_shape",
    "int:0:65536": "num_oov_indices",
    "initializer": "moving_mean_initializer moving_variance_initializer scale_initializer",
    "regularizer": "activity_regularizer",
    "activation": "activation recurrent_activation",
    "policy": "dtype",
    "quantizer": "quantization_config",
    "seed": "seed",
    "layer": "layer cell",
    "layer?": "backward_layer",
    "layers": "layers cells",
    "name": "name",
    "dtype": "vocabulary_dtype",
    "token?": "mask_token oov_token",
    "vocabulary?": "vocabulary",
    "numbers?": "idf_weights bin_boundaries",
    "numbers": "value_range factor fill_value height_factor width_factor",
    "text": "equation",
    "base64": "program",
    "text?": "bias_axes",
    "enum:valid|same|causal": "padding",
    "enum:channels_first|channels_last?": "data_format",
    "enum:dot|concat": "score_mode",
    "enum:sum|mul|ave|concat?": "merge_mode",
    "enum:utf-8|utf-16-be|utf-32-be|UTF-8": "encoding",
    "enum:hann|hamming?": "window",
    "enum:floormod|farmhash": "oov_method",
    "enum:lower_and_strip_punctuation|lower|strip_punctuation?|callable": "standardize",
    "enum:whitespace|character?|callable": "split",
    "sizes?|": "ngrams",
    "enum:constant|reflect|wrap|nearest|crop": "fill_mode",
    "auto": "use_cudnn",
    _OUTPUTS: "output_mode",
    _INTERPOLATIONS: "interpolation",
}

ARGUMENTS = {name: kind.removesuffix("|") for kind, names in _BY_KIND.items() for name in names.split()}
