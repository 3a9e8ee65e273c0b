"""Keras models of many kinds, small and fitted or with random weights: ``ZOO[name]()`` gives (model, sample)."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers as L  # noqa: N812  as Keras's own pages write it
from keras import ops
from tests import keras_own as own

ZOO = {}
#: Not on PyTorch: text needs TensorFlow's tensors, and the others what Keras has for TensorFlow alone.
TENSORFLOW_ONLY = {
    "text_vectorization",
    "string_lookup",
    "string_lookup_hashed",
    "tf_idf",
    "hashing",
    "multi_input_text",
}
RNG = np.random.default_rng(7)
WORDS = np.array(["a red fox", "the blue sea", "red red wine", "a fox", "sea and wine", "the the the"])


def model(function):
    ZOO[function.__name__] = function
    return function


def rows(*shape):
    return RNG.normal(size=(13, *shape)).astype("float32")


def tokens(length, most=50):
    return RNG.integers(0, most, size=(13, length)).astype("int32")


def fitted(made, x, loss="mse", **more):
    made.compile("adam", loss, **more)
    made.fit(x, np.zeros((13, *made.output_shape[1:])), epochs=1, verbose=0)
    return made, x


@model
def sequential():
    made = keras.Sequential([keras.Input((5,)), L.Dense(8, "relu"), L.Dropout(0.4), L.Dense(3, "softmax")])
    return fitted(made, rows(5), "categorical_crossentropy", metrics=["accuracy"])


@model
def sequential_without_input():
    made = keras.Sequential([L.Dense(8, "gelu", kernel_regularizer="l2"), L.Dense(2)], name="late")
    x = rows(4)
    made(x)
    return made, x


@model
def functional():
    x = keras.Input((6,), name="features")
    y = L.Dense(8, kernel_constraint=keras.constraints.MaxNorm(2.0), bias_initializer=keras.initializers.Constant(0.3))(
        x
    )
    return fitted(keras.Model(x, L.Dense(2)(L.LeakyReLU(0.2)(y)), name="plain"), rows(6))


@model
def multi_input():
    a, b = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    y = L.Concatenate()([L.Dense(5, "tanh")(a), L.Dense(5, "tanh")(b)])
    return keras.Model([a, b], [L.Dense(2, name="one")(y), L.Dense(1, "sigmoid", name="two")(y)]), {
        "left": rows(4),
        "right": rows(3),
    }


@model
def named_inputs_and_outputs():
    inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((4,), name="b")}
    y = L.Multiply()([inputs["a"], inputs["b"]])
    return keras.Model(inputs, {"sum": L.Dense(2)(y), "raw": y}), {"a": rows(4), "b": rows(4)}


@model
def lstm():
    x = keras.Input((9, 4))
    y = L.LSTM(7, return_sequences=True, dropout=0.2, recurrent_dropout=0.1)(x)
    return fitted(keras.Model(x, L.Dense(1)(L.LSTM(5, go_backwards=True)(y))), rows(9, 4))


@model
def gru_with_state():
    x = keras.Input((6, 3))
    y, state = L.GRU(5, return_state=True, return_sequences=True)(x)
    z = L.GRU(5, reset_after=False)(y, initial_state=state)
    return keras.Model(x, [z, state]), rows(6, 3)


@model
def bidirectional():
    x = keras.Input((8,), dtype="int32")
    y = L.Embedding(50, 6, mask_zero=True)(x)
    y = L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="sum")(y)
    y = L.Bidirectional(L.GRU(4), backward_layer=L.GRU(4, go_backwards=True, activation="relu"))(y)
    return keras.Model(x, L.Dense(2, "softmax")(y)), tokens(8)


@model
def rnn_of_cells():
    x = keras.Input((5, 3))
    cells = [L.LSTMCell(4), L.GRUCell(5), L.SimpleRNNCell(3)]
    return keras.Model(x, L.RNN(cells, return_sequences=True)(x)), rows(5, 3)


@model
def simple_rnn_unrolled():
    return keras.Sequential([keras.Input((4, 3)), L.SimpleRNN(6, unroll=True), L.Dense(1)]), rows(4, 3)


@model
def conv_lstm():
    return keras.Sequential([keras.Input((3, 6, 6, 1)), L.ConvLSTM2D(2, 3), L.Flatten(), L.Dense(2)]), rows(3, 6, 6, 1)


@model
def cnn():
    made = keras.Sequential([
        keras.Input((12, 12, 3)), L.Conv2D(4, 3, padding="same", activation="relu"), L.BatchNormalization(),
        L.MaxPooling2D(), L.SeparableConv2D(6, 3), L.DepthwiseConv2D(2), L.GlobalAveragePooling2D(),
        L.Dense(3, "softmax"),
    ])  # fmt: skip
    return fitted(made, rows(12, 12, 3), "categorical_crossentropy")


@model
def cnn_shapes():
    x = keras.Input((8, 8, 2))
    y = L.Conv2DTranspose(3, 2, strides=2)(L.ZeroPadding2D(1)(x))
    y = L.Cropping2D(((1, 1), (2, 2)))(y)
    y = L.UpSampling2D(2, interpolation="bilinear")(L.AveragePooling2D(3, strides=2, padding="same")(y))
    return keras.Model(x, L.Reshape((-1,))(L.Permute((3, 1, 2))(y))), rows(8, 8, 2)


@model
def conv_one_and_three():
    a, b = keras.Input((10, 2), name="a"), keras.Input((4, 4, 4, 1), name="b")
    y = L.GlobalMaxPooling1D()(L.Conv1D(3, 3, padding="causal", dilation_rate=2)(a))
    z = L.GlobalAveragePooling3D()(L.Conv3D(3, 2)(b))
    return keras.Model([a, b], L.Average()([y, z])), {"a": rows(10, 2), "b": rows(4, 4, 4, 1)}


@model
def transformer_block():
    x = keras.Input((7, 8))
    y = L.LayerNormalization()(x + L.MultiHeadAttention(2, 4, dropout=0.1)(x, x, use_causal_mask=True))
    z = L.Dense(8, "silu")(y)
    return keras.Model(x, L.RMSNormalization()(L.Add()([y, z]))), rows(7, 8)


@model
def attentions():
    q, v = keras.Input((5, 4), name="q"), keras.Input((6, 4), name="v")
    one = L.Attention(use_scale=True)([q, v])
    two = L.AdditiveAttention()([q, v])
    three = L.GroupQueryAttention(3, 4, 2)(q, v)
    return keras.Model([q, v], [one, two, three]), {"q": rows(5, 4), "v": rows(6, 4)}


@model
def normalizations():
    x = keras.Input((6, 8))
    y = L.GroupNormalization(4)(L.LayerNormalization(axis=[1, 2])(x))
    y = L.UnitNormalization()(L.SpectralNormalization(L.Dense(8))(y))
    return keras.Model(x, L.BatchNormalization(axis=1, momentum=0.5, scale=False)(y)), rows(6, 8)


@model
def activations():
    x = keras.Input((5,))
    y = L.Activation("mish")(L.PReLU()(L.ELU(0.7)(x)))
    y = L.Dense(4, activation=L.LeakyReLU(0.1))(L.ReLU(max_value=6.0)(y))
    return keras.Model(x, L.Softmax(axis=-1)(L.Dense(4, activation="log_softmax")(y))), rows(5)


@model
def noise():
    x = keras.Input((6, 4))
    y = L.SpatialDropout1D(0.3)(L.GaussianNoise(0.2)(L.GaussianDropout(0.1)(x)))
    return keras.Model(x, L.Dense(1)(L.AlphaDropout(0.2, seed=5)(L.ActivityRegularization(l2=0.1)(y)))), rows(6, 4)


@model
def einsum():
    x = keras.Input((5, 4))
    return keras.Model(x, L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="e")(x)), rows(5, 4)


@model
def shared_layers():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    encode = L.Dense(3, "tanh")
    return keras.Model([a, b], L.Dot(axes=1, normalize=True)([encode(a), encode(encode_again(b))])), {
        "a": rows(4),
        "b": rows(4),
    }


def encode_again(x):
    return L.Dense(4)(x)


@model
def nested():
    x = keras.Input((5,))
    inner = keras.Model(x, L.Dense(4, "relu")(x), name="inner")
    chain = keras.Sequential([keras.Input((4,)), L.Dense(4), inner_of(4)], name="chain")
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    return keras.Model([a, b], chain(inner(a)) - inner(b), name="outer"), {"a": rows(5), "b": rows(5)}


def inner_of(width):
    x = keras.Input((width,))
    return keras.Model(x, L.Dense(width, use_bias=False)(x), name="innermost")


@model
def shared_across_models():
    dense = L.Dense(4, name="both")
    x, y = keras.Input((4,)), keras.Input((4,))
    first, second = keras.Model(x, dense(x), name="first"), keras.Model(y, L.ReLU()(dense(y)), name="second")
    z = keras.Input((4,))
    return keras.Model(z, first(z) + second(z)), rows(4)


@model
def frozen_parts():
    made = keras.Sequential([keras.Input((4,)), L.Dense(3, trainable=False), L.Dense(2)])
    return made, rows(4)


@model
def operations():
    x = keras.Input((6, 4))
    y = ops.concatenate([x[:, 1:3], ops.expand_dims(ops.mean(x, axis=1), 1)], axis=1)
    y = ops.where(y > 0.5, ops.sqrt(ops.abs(y)), y * np.float32(0.25))
    return keras.Model(
        x, ops.einsum("abc,abd->acd", y, ops.softmax(y, axis=-1)) / 3 + np.arange(4, dtype="float32")
    ), rows(6, 4)


@model
def time_distributed():
    x = keras.Input((4, 6, 6, 1))
    y = L.TimeDistributed(keras.Sequential([L.Conv2D(2, 3), L.Flatten()]))(x)
    return keras.Model(x, L.LSTM(3)(L.Masking(0.0)(y))), rows(4, 6, 6, 1)


@model
def normalization():
    x = rows(4)
    layer, given = L.Normalization(), L.Normalization(mean=[0.0, 1.0, 2.0, 3.0], variance=[1.0, 2.0, 3.0, 4.0])
    layer.adapt(x)
    inputs = keras.Input((4,))
    return keras.Model(inputs, [layer(inputs), given(inputs), L.Rescaling(1 / 255, offset=0.5)(inputs)]), x


@model
def discretization():
    x = rows(3)
    layer = L.Discretization(num_bins=4)
    layer.adapt(x)
    inputs = keras.Input((3,))
    y = L.CategoryEncoding(5, output_mode="count")(layer(inputs))
    return keras.Model(inputs, [y, L.Discretization([-1.0, 0.0, 1.0], output_mode="one_hot")(inputs[:, :1])]), x


@model
def integer_lookup():
    inputs = keras.Input((4,), dtype="int64")
    y = L.IntegerLookup(vocabulary=[7, 12, 30], num_oov_indices=2)(inputs)
    return keras.Model(inputs, L.Embedding(6, 3)(y)), RNG.choice([7, 12, 30, 5, 99], size=(13, 4)).astype("int64")


@model
def string_lookup():
    layer = L.StringLookup(output_mode="multi_hot")
    layer.adapt(np.array([["red"], ["blue"], ["red"], ["green"]]))
    inputs = keras.Input((2,), dtype="string")
    return keras.Model(inputs, L.Dense(2)(layer(inputs))), RNG.choice(["red", "blue", "black", "é"], size=(13, 2))


@model
def string_lookup_hashed():
    inputs = keras.Input((1,), dtype="string")
    y = L.StringLookup(vocabulary=["x", "y"], num_oov_indices=3, mask_token="")(inputs)
    back = L.StringLookup(vocabulary=["x", "y"], num_oov_indices=3, mask_token="", output_mode="one_hot")(inputs)
    return keras.Model(inputs, [y, back]), np.array([["x"], ["y"], [""], ["other"], ["more"]])


@model
def text_vectorization():
    layer = L.TextVectorization(output_sequence_length=5, ngrams=2)
    layer.adapt(WORDS)
    inputs = keras.Input((1,), dtype="string")
    y = L.GlobalAveragePooling1D()(L.Embedding(len(layer.get_vocabulary()), 4)(layer(inputs)))
    return keras.Model(inputs, L.Dense(1, "sigmoid")(y)), WORDS.reshape(-1, 1)


@model
def tf_idf():
    layer = L.TextVectorization(output_mode="tf_idf", max_tokens=20, pad_to_max_tokens=True)
    layer.adapt(WORDS)
    inputs = keras.Input((1,), dtype="string")
    return keras.Model(inputs, L.Dense(2)(layer(inputs))), WORDS.reshape(-1, 1)


@model
def hashing():
    inputs = keras.Input((2,), dtype="string")
    return keras.Model(inputs, L.Hashing(8, salt=3, output_mode="one_hot")(inputs[:, :1])), RNG.choice(
        ["a", "b"], size=(13, 2)
    )


@model
def multi_input_text():
    number, text = keras.Input((2,), name="number"), keras.Input((1,), dtype="string", name="text")
    y = L.Concatenate()([number, L.StringLookup(vocabulary=["u", "v"], output_mode="multi_hot")(text)])
    return keras.Model({"number": number, "text": text}, L.Dense(1)(y)), {
        "number": rows(2),
        "text": RNG.choice(["u", "v", "w"], size=(13, 1)),
    }


@model
def images():
    x = keras.Input((10, 12, 3))
    y = L.CenterCrop(6, 6)(L.Resizing(8, 8)(L.RandomFlip("horizontal", seed=1)(x)))
    return keras.Model(x, L.Flatten()(L.RandomRotation(0.1)(y))), rows(10, 12, 3)


@model
def mixed_precision():
    made = keras.Sequential([
        keras.Input((6,)), L.Dense(8, "relu", dtype="mixed_bfloat16"), L.Dense(4, dtype="bfloat16"),
        L.Dense(2, dtype="float32"),
    ])  # fmt: skip
    return made, rows(6)


@model
def double_precision():
    return keras.Sequential([keras.Input((4,), dtype="float64"), L.Dense(3, dtype="float64")]), rows(4)


@model
def own_function_under_a_registered_name():
    return keras.Sequential([keras.Input((4,)), L.Dense(3, activation=own.wavy), L.Dense(2)]), rows(4)


@model
def own_layers():
    x = keras.Input((4,))
    y = own.Residual(L.Dense(4, "relu", kernel_initializer="he_normal"))(own.Scale(1.5)(x))
    return keras.Model(x, L.Dense(2, activation=own.bent)(own.Residual(own.Scale())(y))), rows(4)


@model
def own_model():
    made, x = own.Subclassed(5), rows(4)
    made(x)
    return made, x


@model
def own_graph():
    x = keras.Input((4,))
    return own.Graph(x, L.Dense(2)(x)), rows(4)


@model
def named_lambda():
    x = keras.Input((4,))
    made = keras.Model(x, L.Dense(2)(L.Lambda(own.squares, output_shape=(4,))(x)))
    return fitted(made, rows(4), own.loss)


@model
def own_training():
    made = keras.Sequential([keras.Input((4,)), L.Dense(3, kernel_initializer=own.Filled(0.1)), L.Dense(2)])
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    made.compile(keras.optimizers.SGD(schedule), own.Loss(3.0), metrics=["mae", keras.metrics.AUC()])
    return made, rows(4)


@model
def own_cell():
    x = keras.Input((5, 4))
    with keras.saving.custom_object_scope({"Cell": own.Cell}):
        return keras.Model(x, L.Bidirectional(L.RNN(own.Cell(3)))(x)), rows(5, 4)


@model
def own_blocks():
    made, x = own.Blocks(), {"x": rows(4), "y": rows(4)}
    made(x)
    return made, x


@model
def muon():
    """Its optimizer takes matrices and vectors in two ways, and leaves out layers by name."""
    made = keras.Sequential([keras.Input((4,)), L.Dense(8, name="wide"), L.Dense(2, name="last")])
    made.compile(keras.optimizers.Muon(0.01, exclude_layers=["last"], nesterov=False), "mse")
    made.fit(rows(4), np.ones((len(rows(4)), 2)), epochs=2, verbose=0)
    return made, rows(4)


@model
def stateful():
    return keras.Sequential([keras.Input((5, 4), batch_size=13), L.LSTM(3, stateful=True)]), rows(5, 4)


@model
def quantized():
    made = keras.Sequential([keras.Input((4,)), L.Dense(8, "relu"), L.Dense(2)])
    made.quantize("int8")
    return made, rows(4)


@model
def low_rank():
    made = keras.Sequential([keras.Input((4,)), L.Dense(8), L.Dense(2)])
    made.layers[0].enable_lora(2)
    return made, rows(4)


@model
def scaled_loss():
    made = keras.Sequential([keras.Input((4,)), L.Dense(8, dtype="mixed_float16"), L.Dense(2, dtype="float32")])
    made.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
    return made, rows(4)
