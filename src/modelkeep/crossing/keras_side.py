"""A program as a Keras model, over TensorFlow or torch: one layer that holds the weights, in a functional model."""

from __future__ import annotations

import base64
import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelkeep.crossing import control
from modelkeep.crossing.interpreter import HINT, OPERATORS, Run
from modelkeep.crossing.program import program_of
from modelkeep.crossing.shapes import sizes
from modelkeep.crossing.torch_side import TorchMath, _folded_pad
from modelkeep.errors import ExportError, said


class KerasMath:
    """Keras' functions by the names that the operators use; what has another form there is defined here."""

    def __getattr__(self, name: str) -> Any:
        import keras

        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(keras.ops, name) if hasattr(keras.ops, name) else getattr(keras.ops.linalg, name)

    def constant(self, value: Any) -> Any:
        import keras

        if value.dtype == object:  # sizes that are not known while the model is traced
            whole = [keras.ops.cast(each, "int64") for each in sizes(value)]
            return keras.ops.reshape(keras.ops.stack(whole), value.shape)
        return keras.ops.convert_to_tensor(value, dtype=str(value.dtype))

    def like(self, value: Any, x: Any) -> Any:
        import keras

        if isinstance(value, int | float):  # which would be a float32 on its way
            return keras.ops.convert_to_tensor(value, dtype=self.dtype(x))
        return keras.ops.cast(value, self.dtype(x))

    def zeros_of(self, shape: tuple[Any, ...], x: Any) -> Any:
        import keras

        return keras.ops.zeros(shape, dtype=self.dtype(x))

    def shape(self, x: Any) -> Any:
        import keras

        return tuple(int(each) if isinstance(each, int | np.integer) else each for each in keras.ops.shape(x))

    def dtype(self, x: Any) -> str:
        import keras

        return str(keras.backend.standardize_dtype(x.dtype))

    def lowest(self, x: Any) -> float:
        if "float" not in self.dtype(x):
            raise NotImplementedError("the largest of whole numbers in a window")
        return float("-inf")

    def add(self, a: Any, b: Any) -> Any:
        import keras

        # Over TensorFlow keras.ops.add takes any second number with one long axis for a bias of the channels.
        return keras.ops.convert_to_tensor(a) + keras.ops.convert_to_tensor(b)

    def int_divide(self, a: Any, b: Any) -> Any:
        import keras

        down = keras.ops.floor_divide(a, b)
        over = keras.ops.not_equal(down * b, a) & (keras.ops.less(a, 0) != keras.ops.less(b, 0))
        return down + keras.ops.cast(over, self.dtype(a))

    def isnan(self, x: Any) -> Any:
        import keras

        return keras.ops.isnan(x)

    def flip(self, x: Any, axis: int) -> Any:
        import keras

        return keras.ops.flip(x, axis)

    def relu(self, x: Any) -> Any:
        import keras

        # What is no number stays none: kernels that TensorFlow fuses make it zero.
        return keras.ops.where(keras.ops.less(x, self.like(0, x)), keras.ops.zeros_like(x), x)

    def softmax(self, x: Any, axis: int) -> Any:
        import keras

        powers = keras.ops.exp(x - keras.ops.max(x, axis=axis, keepdims=True))
        return powers / keras.ops.sum(powers, axis=axis, keepdims=True)

    def log_softmax(self, x: Any, axis: int) -> Any:
        import keras

        apart = x - keras.ops.max(x, axis=axis, keepdims=True)
        return apart - keras.ops.log(keras.ops.sum(keras.ops.exp(apart), axis=axis, keepdims=True))

    def softplus(self, x: Any) -> Any:
        import keras

        return keras.ops.logaddexp(x, keras.ops.zeros_like(x))

    def top_k(self, x: Any, count: int) -> Any:
        import keras

        return keras.ops.top_k(x, count)

    def pad(self, x: Any, pairs: list[tuple[int, int]], mode: str, value: float) -> Any:
        import keras

        if mode != "constant":
            return _folded_pad(self, x, pairs, mode)
        if not any(map(any, pairs)):
            return x
        return keras.ops.pad(x, pairs, "constant", constant_values=value)

    # Keras convolves and pools with the channels last, which every backend can.

    def conv(self, x: Any, weight: Any, strides: list[int], dilations: list[int], groups: int) -> Any:
        import keras

        rank = len(strides)
        kernel = keras.ops.transpose(weight, (*range(2, rank + 2), 1, 0))
        if groups == 1 or (max(strides) == 1 or max(dilations) == 1):
            made = keras.ops.conv(
                _last(x), kernel, strides=_one(strides), padding="valid", data_format="channels_last",
                dilation_rate=_one(dilations),
            )  # fmt: skip
            return _second(made)
        raise NotImplementedError("a convolution of groups with strides and dilations")

    def max_pool(self, x: Any, kernel: list[int], strides: list[int], dilations: list[int]) -> Any:
        return self._pool(x, kernel, strides, dilations, "max_pool")

    def mean_pool(self, x: Any, kernel: list[int], strides: list[int], dilations: list[int]) -> Any:
        return self._pool(x, kernel, strides, dilations, "average_pool")

    def _pool(self, x: Any, kernel: list[int], strides: list[int], dilations: list[int], name: str) -> Any:
        import keras

        if any(each != 1 for each in dilations):
            raise NotImplementedError("pooling of dilated windows")
        pool = getattr(keras.ops, name)
        made = pool(_last(x), tuple(kernel), tuple(strides), padding="valid", data_format="channels_last")
        return _second(made)


class KerasTorchMath(TorchMath):
    """torch's own functions, over that backend: Keras' take float64 for float32 there, and int64 for int32."""

    def constant(self, value: Any) -> Any:
        from keras.src.backend.torch.core import get_device

        return super().constant(value).to(get_device())  # without rows Keras asks with tensors that have no values


@contextlib.contextmanager
def _math() -> Iterator[Any]:
    import keras

    if keras.backend.backend() != "torch":
        yield KerasMath()
        return
    import torch
    from keras.src.backend.torch.core import get_device

    with torch.device(get_device()):
        yield KerasTorchMath()


def _one(values: list[int]) -> Any:
    return values[0] if len(set(values)) == 1 else tuple(values)


def _last(x: Any) -> Any:
    import keras

    return keras.ops.moveaxis(x, 1, -1)


def _second(x: Any) -> Any:
    import keras

    return keras.ops.moveaxis(x, -1, 1)


@functools.cache
def layer_class() -> Any:
    """The layer's class, registered with Keras under ``modelkeep>OnnxGraph``: it is kept as the file that it is of."""
    import keras

    @keras.saving.register_keras_serializable("modelkeep")
    class OnnxGraph(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, program: str, **options: Any) -> None:
            super().__init__(**{**options, "autocast": False})  # a column of float64 is not float32
            self.file = program
            self.program = program_of(base64.b64decode(program), OPERATORS.keys() | control.OPERATORS.keys())
            self.places = {}
            for number, (name, value) in enumerate(self.program.weights().items()):
                weight = self.add_weight(
                    shape=value.shape, dtype=str(value.dtype), name=f"weight_{number}", initializer="zeros"
                )
                weight.assign(value)
                self.places[name] = weight
            self.built = True

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "program": self.file}

        def call(self, inputs: Any) -> Any:
            weights = {name: keras.ops.convert_to_tensor(weight) for name, weight in self.places.items()}
            given = inputs if isinstance(inputs, list | tuple) else [inputs]
            with _math() as k:
                answers = Run(self.program, k, weights)(dict(zip(self.program.inputs, given, strict=True)))
                made = [k.constant(each) if isinstance(each, np.ndarray) else each for each in answers]
            return made[0] if len(made) == 1 else made

    OnnxGraph.__qualname__ = "OnnxGraph"  # as ``__getattr__`` gives it
    return OnnxGraph


def __getattr__(name: str) -> Any:
    """``OnnxGraph``, which a file may name: made only where it is asked for, since Keras is not always there."""
    if name == "OnnxGraph":
        return layer_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def model_of(data: bytes) -> Any:
    """The file as a ``keras.Model`` with the inputs by name."""
    import keras

    layer = layer_class()(base64.b64encode(data).decode("ascii"), name="onnx")
    ports = layer.program.ports
    for port in ports:
        if port.shape is None or port.dtype is None or port.dtype == object:
            raise ExportError(f"the input {port.name!r} is no tensor of a known shape", hint="keep it as a predictor")
    try:
        inputs, made = _asked(layer, any_rows=True)
    except ExportError:
        if not any(port.shape and isinstance(port.shape[0], int) for port in ports):
            raise
        # As many rows as the file says: in some graphs they are the steps of a sequence.
        inputs, made = _asked(layer, any_rows=False)
    form = layer.program.form
    if isinstance(form, dict) and all(isinstance(each, str) for each in form.values()):
        found = dict(zip(layer.program.outputs, made if isinstance(made, list) else [made], strict=True))
        made = {name: found[each] for name, each in form.items()}
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], made, name="crossed")


def _asked(layer: Any, *, any_rows: bool) -> tuple[list[Any], Any]:
    """The layer's inputs and what it makes of them, for any number of rows or for that in the file."""
    import keras

    inputs = []
    for port in layer.program.ports:
        shape = tuple(size if isinstance(size, int) else None for size in port.shape)
        batch = shape and (None, *shape[1:]) if any_rows else shape
        inputs.append(keras.Input(batch_shape=batch, dtype=str(port.dtype), name=_plain(port.name)))
    try:
        return inputs, layer(inputs)
    except ExportError as error:
        raise _first(error) from None
    except Exception as error:
        raise ExportError(f"Keras can't trace the graph: {said(error)}", hint=HINT) from error


def _first(error: ExportError) -> ExportError:
    """What was wrong before Keras told of its own part in it."""
    while isinstance(error.__context__, ExportError):
        error = error.__context__
    return error


def _plain(name: str) -> str:
    return "".join(each if each.isalnum() or each == "_" else "_" for each in name) or "input"
