"""Keras 3 models: their config as data through an exact list of layers and arguments, their weights as arrays.

``["keras", spec, compiled, weights, optimizer]``. The spec is that of ``modelkeep.keras_layers``; numbers in it count
into the graph's tables of classes and functions. ``compiled`` is what ``compile`` was called with, or None;
``weights`` and ``optimizer`` are ``[path, array]`` in the order of the variables; the name of a dtype that numpy lacks,
as ``"bfloat16"``, is a third part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, LoadError, said
from modelkeep.formats.keep import names
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.types.objects import full_name, type_number
from modelkeep.keras_layers import variables

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_MODEL = "keras.src.models.model.Model"
_ALONE = ("a layer alone is no model", "put it into a keras.Sequential")


def encode_model(encoder: Encoder, model: Any) -> Node:
    from modelkeep.keras_layers import model as models

    if _MODEL not in map(full_name, type(model).__mro__):
        raise Unsaveable(*_ALONE)

    def number_function(function: Any) -> int:
        return encoder.function_index(names.of_function(function))

    def number_class(cls: type) -> int:
        return type_number(encoder, cls)

    try:
        kept = models.describe(model, number_class, number_function, optimizer=bool(encoder.options.get("optimizer")))
        models.check(kept.model, kept.compiled, models.Trust(lambda number: number, lambda number: number))
    except LoadError as error:
        raise Unsaveable(str(error), error.hint) from None
    except (ValueError, TypeError, AttributeError) as error:
        raise Unsaveable(f"Keras can't describe it: {said(error)}", "mend its get_config") from None
    optimizer = None if kept.optimizer is None else _written(encoder, kept.optimizer, "optimizer")
    return ["keras", kept.model, kept.compiled, _written(encoder, kept.weights, "variables"), optimizer]


def _written(encoder: Encoder, arrays: list[tuple[str, np.ndarray]], what: str) -> list[Node]:
    found = []
    for path, array in arrays:
        node = [path, encoder.at(f".{what}[{path}]", array)]
        found.append([*node, variables.dtype_of(array)] if array.dtype.metadata else node)
    return found


def decode_model(builder: Builder, node: Node) -> Any:
    from modelkeep.keras_layers import model as models

    builder.arity(node, 5)
    spec, compiled = builder.a_dict(node[1]), node[2]

    def own_class(number: int) -> Any:
        cls = builder.a_type(number)
        if not builder.is_own_type(number):
            raise GraphError(f"a {cls.__name__} is no part of a Keras model")
        return cls

    weights = _read(builder, node[3])
    optimizer = None if node[4] is None else _read(builder, node[4])
    kept = models.Kept(spec, compiled, weights, optimizer)
    return models.restore(kept, models.Trust(own_class, builder.a_function))


def _read(builder: Builder, value: Any) -> list[tuple[str, np.ndarray]]:
    found = []
    for pair in builder.a_list(value):
        if type(pair) is not list or len(pair) not in (2, 3) or type(pair[0]) is not str:
            raise GraphError("a variable is a path and an array")
        array = builder.build(pair[1])
        if type(array) is not np.ndarray:
            raise GraphError("a variable has no array")
        found.append((pair[0], variables.read_as(array, pair[2]) if len(pair) == 3 else array))
    return found


HANDLERS = [
    Handler("keras", ("keras.src.layers.layer.Layer",), encode_model, decode_model),
]
