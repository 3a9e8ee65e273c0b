"""The classes of Keras that a spec may name, and their arguments. Nothing else of Keras can be reached from a file.

A row is the arguments of a class; what an argument may be is said once, by its name, in ``arguments.py``, unless the
row says it: ``groups=count``. ``kernel*`` stands for the initializer, the regularizer and the constraint of a weight.
Not here, and so refused: what runs code or reads files (TFSMLayer, TorchModuleWrapper, FlaxLayer, JaxLayer). A Lambda
is only the name of a function that the reader trusts.
"""

from __future__ import annotations

import functools

from modelkeep.keras_layers.arguments import ARGUMENTS

_CONV = "kernel_size strides padding data_format dilation_rate activation use_bias bias*"
_CONV_T = f"filters {_CONV} kernel* output_padding"
_RNN = "units activation use_bias kernel* recurrent* bias* dropout recurrent_dropout seed"
_RUN = "return_sequences return_state go_backwards stateful unroll zero_output_for_mask input_shape"
_CONV_RNN = f"filters {_CONV} kernel* recurrent_activation recurrent* unit_forget_bias dropout recurrent_dropout seed"
_NORM = "axis epsilon center scale beta* gamma*"
_POOL = "pool_size strides padding data_format"
_RANDOM = "value_range factor seed data_format"
_IMAGE = f"{_RANDOM} interpolation fill_mode fill_value"
_LOOKUP = """max_tokens num_oov_indices mask_token oov_token vocabulary vocabulary_dtype idf_weights invert output_mode
    sparse pad_to_max_tokens oov_method salt vocabulary_size has_input_vocabulary"""
_ATTENTION = "dropout use_bias sliding_window flash_attention kernel* bias* use_gate seed"

#: Of every layer.
_LAYER = "name trainable dtype activity_regularizer"

LAYERS = {
    "Activation": "activation=activation",
    "ActivityRegularization": "l1 l2",
    **dict.fromkeys(
        (f"Adaptive{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3)),
        "output_size=sizes data_format",
    ),
    **dict.fromkeys("Add Average Identity Maximum Minimum Multiply Subtract".split(), ""),
    "AdditiveAttention": "use_scale dropout score_mode seed",
    "AlphaDropout": "rate noise_shape seed",
    "Attention": "use_scale score_mode dropout seed",
    "OnnxGraph": "program",
    **dict.fromkeys((f"{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3)), _POOL),
    "BatchNormalization": f"""{_NORM} momentum moving_mean_initializer moving_variance_initializer renorm
        renorm_clipping=none renorm_momentum synchronized""",
    "Bidirectional": "layer merge_mode backward_layer",
    "CategoryEncoding": "num_tokens output_mode sparse",
    "CenterCrop": "height width data_format",
    "Concatenate": "axis",
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), f"filters groups {_CONV} kernel*"),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), _CONV_T),
    **dict.fromkeys(("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), f"{_CONV_RNN} {_RUN}"),
    **dict.fromkeys(("Cropping1D", "Cropping2D", "Cropping3D"), "cropping data_format"),
    "Dense": "units activation use_bias kernel* bias* lora_rank lora_alpha quantization_config",
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), f"depth_multiplier {_CONV} depthwise*"),
    "Discretization": "bin_boundaries num_bins epsilon output_mode sparse",
    "Dot": "axes=axis normalize=bool",
    "Dropout": "rate noise_shape seed",
    "ELU": "alpha",
    "EinsumDense": """equation output_shape=shape|count activation bias_axes kernel* bias* lora_rank lora_alpha
        gptq_unpacked_column_size=none quantization_config""",
    "Embedding": """input_dim output_dim embeddings* mask_zero weights=none lora_rank lora_alpha
        quantization_config""",
    "Flatten": "data_format",
    "GRU": f"{_RNN} recurrent_activation reset_after use_cudnn {_RUN}",
    "GRUCell": f"{_RNN} recurrent_activation reset_after",
    "GaussianDropout": "rate seed",
    "GaussianNoise": "stddev seed",
    **dict.fromkeys(
        (f"Global{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3)), "data_format keepdims"
    ),
    "GroupNormalization": f"groups {_NORM}",
    "GroupQueryAttention": f"head_dim num_query_heads num_key_value_heads {_ATTENTION}",
    "HashedCrossing": "num_bins output_mode sparse",
    "Hashing": "num_bins mask_value=token? salt output_mode sparse",
    "InputLayer": "shape batch_size batch_shape=shape? sparse ragged=bool? optional",
    "IntegerLookup": _LOOKUP,
    "LSTM": f"{_RNN} recurrent_activation unit_forget_bias use_cudnn {_RUN}",
    "LSTMCell": f"{_RNN} recurrent_activation unit_forget_bias",
    "Lambda": "function=trusted output_shape=data|function? mask=data|function? arguments=plain?",
    "LayerNormalization": f"{_NORM} rms_scaling",
    "LayerScale": "init_values=float projection_dim=count",
    "LeakyReLU": "negative_slope alpha",
    "Masking": "mask_value=float",
    "MelSpectrogram": """fft_length=int:2:8192 sequence_stride=int:1:65536 sequence_length=int:1:65536? window
        sampling_rate=int:1:1000000 num_mel_bins=int:1:1024 min_freq=float max_freq=float? power_to_db=bool
        top_db=float mag_exp=float min_power=float ref_power=float""",
    "MultiHeadAttention": f"""num_heads key_dim value_dim output_shape=shape|count? attention_axes=axis?
        query_shape=shapes key_shape=shapes value_shape=shapes {_ATTENTION}""",
    "Normalization": "axis mean=numbers? variance=numbers? invert",
    "PReLU": "alpha* shared_axes=axis?",
    "Permute": "dims=sizes",
    "Pipeline": "layers",
    "RMSNormalization": "axis epsilon scale_initializer",
    "RNN": f"cell {_RUN}",
    **dict.fromkeys(
        "RandomBrightness RandomContrast RandomColorDegeneration RandomGrayscale RandomHue".split(), _IMAGE
    ),
    **dict.fromkeys("RandomInvert RandomPosterization RandomSaturation RandomSharpness".split(), _IMAGE),
    "RandomCrop": "height width seed data_format",
    "RandomFlip": "mode=enum:horizontal|vertical|horizontal_and_vertical seed data_format",
    "RandomRotation": _IMAGE,
    "RandomTranslation": f"height_factor width_factor {_IMAGE}",
    "RandomZoom": f"height_factor width_factor=numbers? {_IMAGE}",
    "AugMix": f"{_IMAGE} num_chains=int:1:100 chain_depth=int:1:100 alpha=numbers all_ops=bool",
    "AutoContrast": _IMAGE,
    "ContrastLimitedAdaptiveHistogramEqualization": f"{_IMAGE} clip_limit=float tile_grid_size=sizes",
    **dict.fromkeys(("CutMix", "MixUp"), f"{_IMAGE} alpha=numbers"),
    "Equalization": f"{_IMAGE} bins=int:1:65536",
    "MaxNumBoundingBoxes": "max_number=count fill_value data_format",
    "RandAugment": f"{_IMAGE} num_ops=int:1:100",
    "RandomColorJitter": f"""{_IMAGE} brightness_factor=numbers? contrast_factor=numbers? saturation_factor=numbers?
        hue_factor=numbers?""",
    "RandomElasticTransform": f"{_IMAGE} scale=numbers alpha=numbers sigma=numbers",
    "RandomErasing": f"{_RANDOM} scale=numbers fill_value=numbers?",
    "RandomGaussianBlur": f"{_IMAGE} kernel_size=sizes sigma=numbers",
    "RandomPerspective": f"{_IMAGE} scale=numbers",
    "RandomShear": f"{_IMAGE} x_factor=numbers y_factor=numbers",
    "Solarization": f"{_IMAGE} addition_factor=numbers threshold_factor=numbers",
    "ReLU": "max_value=float? negative_slope threshold",
    "RepeatVector": "n=int:1:16777216",
    "Rescaling": "scale=numbers offset=numbers",
    "Reshape": "target_shape=dims_or_empty",
    "Resizing": """height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value antialias
        data_format""",
    "ReversibleEmbedding": """input_dim output_dim tie_weights embeddings* mask_zero reverse_dtype=policy
        logit_soft_cap=float? quantization_config""",
    "STFTSpectrogram": """mode=enum:log|magnitude|psd|real|imag|angle|stft frame_length=int:2:8192
        frame_step=int:1:65536? fft_length=int:2:8192? window periodic=bool scaling=enum:density|spectrum? padding
        expand_dims=bool data_format""",
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), f"filters depth_multiplier {_CONV} depthwise* pointwise*"),
    "SimpleRNN": f"{_RNN} {_RUN}",
    "SimpleRNNCell": _RNN,
    "Softmax": "axis",
    "SpatialDropout1D": "rate seed noise_shape",
    **dict.fromkeys(("SpatialDropout2D", "SpatialDropout3D"), "rate seed data_format noise_shape"),
    "SpectralNormalization": "layer power_iterations=int:0:100",
    "StackedRNNCells": "cells",
    "StringLookup": f"{_LOOKUP} encoding",
    "TextVectorization": """max_tokens standardize split ngrams output_mode output_sequence_length=int:1:16777216?
        pad_to_max_tokens vocabulary idf_weights sparse ragged=bool encoding vocabulary_size has_input_vocabulary""",
    "TimeDistributed": "layer",
    "UnitNormalization": "axis",
    **dict.fromkeys(("UpSampling1D", "UpSampling2D", "UpSampling3D"), "size=sizes data_format interpolation"),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"), "padding=nested data_format"),
}

#: Classes that Keras keeps beside a model of its own that needs them.
PLACES = {
    "layers.LayerScale": "keras.src.applications.convnext",
    "layers.OnnxGraph": "modelkeep.crossing.keras_side",  # an ONNX file that has crossed: it checks its own graph
}

_FAN = "seed input_axes=axis? output_axes=axis?"
INITIALIZERS = {
    "Constant": "value=numbers",
    **dict.fromkeys("GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform".split(), _FAN),
    "Identity": "gain",
    "Ones": "",
    "Orthogonal": "gain seed",
    "RandomNormal": "mean=float stddev seed",
    "RandomUniform": "minval=float maxval=float seed",
    "STFT": "side=enum:real|imag window scaling=enum:density|spectrum? periodic=bool",
    "TruncatedNormal": "mean=float stddev seed",
    "VarianceScaling": f"""scale=float mode=enum:fan_in|fan_out|fan_avg
        distribution=enum:truncated_normal|untruncated_normal|uniform {_FAN}""",
    "Zeros": "",
}
REGULARIZERS = {"L1": "l1", "L1L2": "l1 l2", "L2": "l2", "OrthogonalRegularizer": "factor=float mode=enum:rows|columns"}
CONSTRAINTS = {
    "MaxNorm": "max_value=float axis",
    "MinMaxNorm": "min_value=float max_value=float rate axis",
    "NonNeg": "",
    "UnitNorm": "axis",
}
POLICY_CLASSES = {
    **dict.fromkeys(("DTypePolicy", "FloatDTypePolicy"), "name=policy_name"),
    "QuantizedDTypePolicy": "mode=enum:int8 source_name=policy_name",
}
_QUANTIZERS = "weight_quantizer=quantizer activation_quantizer=quantizer"
QUANTIZERS = {
    "AbsMaxQuantizer": "axis value_range epsilon output_dtype=dtype",
    "Int8QuantizationConfig": _QUANTIZERS,
}
RANDOM = {"SeedGenerator": "seed=int:-9223372036854775808:18446744073709551615? name"}

#: The functions that an ``activation`` may name.
ACTIVATIONS = frozenset(
    """celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
    sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold""".split()
)
_SPELLED = {"MaxPooling": "MaxPool", "AveragePooling": "AvgPool", "GlobalMaxPooling": "GlobalMaxPool"}


@functools.cache
def rows() -> dict[str, dict[str, str]]:
    """For each name of a spec, as ``layers.Dense``: its arguments, and the kind of each."""
    from modelkeep.keras_layers import training

    found = {f"layers.{name}": f"{row} {_LAYER}" for name, row in LAYERS.items()}
    tables = {
        "initializers": INITIALIZERS, "regularizers": REGULARIZERS, "constraints": CONSTRAINTS,
        "policies": POLICY_CLASSES, "random": RANDOM, "quantizers": QUANTIZERS, **training.TABLES,
    }  # fmt: skip
    found |= {f"{group}.{name}": row for group, table in tables.items() for name, row in table.items()}
    return {name: _arguments(row) for name, row in found.items()}


def _arguments(row: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for word in row.split():
        name, _, kind = word.partition("=")
        if name.endswith("*"):
            stem = name[:-1]
            made |= {f"{stem}_{what}": what for what in ("initializer", "regularizer", "constraint")}
        else:
            made[name] = kind or ARGUMENTS[name]
    return made
