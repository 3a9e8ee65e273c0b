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


def squares(x):
    return x * x


def loss(true, predicted):
    return keras.ops.mean(keras.ops.abs(true - predicted))
