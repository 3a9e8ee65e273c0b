"""Classes and functions of a user's own, which Keras models may hold by the policy's trust."""

from __future__ import annotations

import keras


class Scale(keras.layers.Layer):
    """A weight for each column, and a factor from its config."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="weight")

    def call(self, inputs):
        return inputs * self.weight * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Residual(keras.layers.Layer):
    """Holds a layer, which its config has as an object."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return inputs + self.inner(inputs)

    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)


class Subclassed(keras.Model):
    """A model with a call of its own."""

    def __init__(self, width=6, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.first = keras.layers.Dense(width, activation="relu")
        self.second = keras.layers.Dense(2)

    def call(self, inputs):
        return self.second(self.first(inputs))

    def get_config(self):
        return {"width": self.width, "name": self.name}


class Graph(keras.Model):
    """A graph with a class of its own."""

    def twice(self, inputs):
        return 2 * self(inputs)


def bent(x):
    return keras.ops.tanh(x) + 0.1 * x


@keras.saving.register_keras_serializable("tests")
def wavy(x):
    return keras.ops.sin(x)


def squares(x):
    return x * x


def loss(true, predicted):
    return keras.ops.mean(keras.ops.abs(true - predicted))


class Cell(keras.layers.Layer):
    """A recurrent cell."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units))

    def call(self, inputs, states):
        made = keras.ops.tanh(inputs @ self.kernel + states[0] @ self.recurrent)
        return made, [made]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Loss(keras.losses.Loss):
    """With an argument of its own."""

    def __init__(self, weight=2.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, true, predicted):
        return keras.ops.mean(self.weight * (true - predicted) ** 2)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


class Filled(keras.initializers.Initializer):
    """All of one value."""

    def __init__(self, value=1.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype) * self.value

    def get_config(self):
        return {"value": self.value}


class Blocks(keras.Model):
    """Layers in a list and in a dict, and a weight beside them, called with a dict of inputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [keras.layers.Dense(3) for _ in range(3)]
        self.ends = {"left": keras.layers.Dense(2)}
        self.weight = self.add_weight(shape=(3,), name="weight")

    def call(self, inputs, training=False):
        x = inputs["x"] + inputs["y"]
        for block in self.blocks:
            x = block(x)
        return self.ends["left"](x * self.weight)
