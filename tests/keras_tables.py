"""Every class of the tables, made with Keras, described, checked, built from that, and described again."""

from __future__ import annotations

import importlib
import inspect
import json

import keras
from keras import layers as L  # noqa: N812
from keras.saving import serialize_keras_object as serialized

from modelkeep.keras_layers import operations, tables, training
from modelkeep.keras_layers.build import Making
from modelkeep.keras_layers.check import Checker
from modelkeep.keras_layers.translate import Names, Translator

#: What a constructor must be given, by the name of the argument, where it has no default.
USUAL = {
    "units": 3, "filters": 2, "kernel_size": 3, "rate": 0.1, "stddev": 0.1, "factor": 0.2, "output_size": 2,
    "pool_size": 2, "height": 3, "width": 4, "input_dim": 3, "output_dim": 4, "num_bins": 5, "n": 3, "num_heads": 2,
    "key_dim": 3, "head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2, "num_classes": 3, "max_number": 5,
    "target_class_ids": [0, 1], "recall": 0.5, "precision": 0.5, "sensitivity": 0.5, "specificity": 0.5,
    "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9, "first_decay_steps": 5, "boundaries": [1, 2],
    "init_values": 0.1, "projection_dim": 3,
    "values": [1.0, 2.0, 3.0], "axes": (1, 2), "equation": "ab,bc->ac", "output_shape": 3, "dims": (2, 1),
    "scale": [0.5, 2.0], "target_shape": (-1, 2), "activation": "relu", "height_factor": 0.1,
    "width_factor": (0.1, 0.2),
}  # fmt: skip
SPECIAL = {
    "Bidirectional": {"layer": L.LSTM(3)},
    "CategoryEncoding": {"num_tokens": 4},
    "Cropping2D": {"cropping": ((1, 2), (0, 1))},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "Hashing": {"num_bins": 5, "salt": [3, 4]},
    "InputLayer": {"shape": (3,)},
    "IntegerLookup": {"vocabulary": [1]},
    "Normalization": {"mean": 0.0, "variance": 1.0},
    "PReLU": {"shared_axes": [1]},
    "Pipeline": {"layers": [L.Rescaling(0.5), L.RandomFlip()]},
    "RNN": {"cell": L.LSTMCell(3)},
    "RandomPosterization": {"factor": 4},
    "SpectralNormalization": {"layer": L.Dense(2)},
    "StackedRNNCells": {"cells": [L.GRUCell(2)]},
    "StringLookup": {"vocabulary": ["a"]},
    "TextVectorization": {"vocabulary": ["a"], "ngrams": (1, 2)},
    "TimeDistributed": {"layer": L.Dense(2)},
}
GROUPS = {
    "layers": (L, tables.LAYERS),
    "initializers": (keras.initializers, tables.INITIALIZERS),
    "regularizers": (keras.regularizers, tables.REGULARIZERS),
    "constraints": (keras.constraints, tables.CONSTRAINTS),
    "losses": (keras.losses, training.LOSSES),
    "metrics": (keras.metrics, training.METRICS),
    "optimizers": (keras.optimizers, training.OPTIMIZERS),
    "schedules": (keras.optimizers.schedules, training.SCHEDULES),
}
#: A Lambda is code, a wrapper of a function has no constructor of plain values, and a graph is tried with its crossing.
LEFT_OUT = {"Lambda", "MeanMetricWrapper", "OnnxGraph"}


def refuse(*told):
    raise AssertionError(told)


def round_trip(made, group: str) -> str:
    """Nothing, or what went wrong."""
    spec = Translator(Names(refuse, lambda name: None)).object(serialized(made), "x")
    Checker(lambda number: False, lambda number: False).any_object(spec, "x", (group,))
    again = Making(refuse, refuse).make(json.loads(json.dumps(spec)), "x")
    first, second = (json.dumps(serialized(each)["config"], sort_keys=True) for each in (made, again))
    return "" if first == second else f"{first} became {second}"


def failures() -> dict[str, str]:
    """By class, what went wrong; classes of Keras that the tables should have, and don't."""
    found: dict[str, str] = {}
    for group, (home, table) in GROUPS.items():
        for name in table:
            if name in LEFT_OUT:
                continue
            try:
                place = tables.PLACES.get(f"{group}.{name}")
                cls = getattr(importlib.import_module(place) if place else home, name)
                needed = inspect.signature(cls.__init__).parameters
                usual = {k: v for k, v in USUAL.items() if k in needed and needed[k].default is inspect.Parameter.empty}
                wrong = round_trip(cls(**{**usual, **SPECIAL.get(name, {})}), group)
            except Exception as error:
                wrong = repr(error)
            if wrong:
                found[f"{group}.{name}"] = wrong
    for module, names in operations.OPERATIONS.items():
        home = importlib.import_module(f"keras.src.ops.{module}")
        found |= {f"ops.{module}.{name}": "not there" for name in names if not hasattr(home, name)}
    unsafe = {"TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "InputSpec", "Layer", "Wrapper"}
    public = {name for name in dir(L) if isinstance(getattr(L, name), type) and getattr(L, name).__name__ == name}
    return found | dict.fromkeys(sorted(public - unsafe - set(tables.LAYERS)), "on no list")
