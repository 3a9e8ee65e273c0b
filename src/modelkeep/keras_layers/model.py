"""A Keras model as a spec with arrays by path, and back. What the formats call."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from modelkeep.errors import CheckError, LoadError, said
from modelkeep.keras_layers import live, variables
from modelkeep.keras_layers.build import Making, without_values
from modelkeep.keras_layers.check import Checker
from modelkeep.keras_layers.translate import objects

Arrays = list[tuple[str, np.ndarray]]


class Kept(NamedTuple):
    """All of a model: its spec, how it was compiled (or None), and the values of its and its optimizer's variables."""

    model: Any
    compiled: dict[str, Any] | None
    weights: Arrays
    optimizer: Arrays | None


class Trust(NamedTuple):
    """The reader's own classes and functions by number; they raise where a number stands for none."""

    cls: Callable[[int], Any]
    function: Callable[[int], Any]


def describe(
    model: Any, number_class: Callable[[type], int], number_function: Callable[[Any], int], *, optimizer: bool = False
) -> Kept:
    """What is kept of a live model. A model that was never built has nothing to keep: that is refused."""
    if not model.built:
        raise CheckError("the model is not built: it has no weights yet", hint="call it once on rows, then save")
    described = live.Described(model, number_class, number_function)
    names = frozenset(_names(described.model))
    weights = _arrays(model.variables, names)
    state = None
    if optimizer and described.compiled and getattr(model.optimizer, "built", False):
        state = _arrays(model.optimizer.variables, names)
    return Kept(described.model, described.compiled, weights, state)


def _names(spec: Any) -> Iterator[str]:
    """Every name in a spec."""
    for each in objects(spec):
        named = (each.get("name"), each["config"].get("name"))
        yield from (name for name in named if type(name) is str)


def _arrays(found: Any, names: frozenset[str]) -> Arrays:
    return [(path, variables.array(each)) for path, each in zip(variables.paths(found, names), found, strict=True)]


def check(spec: Any, compiled: Any, trust: Trust) -> None:
    """Refuse what is on no list. Keras is not imported for it."""
    checker = Checker(_there(trust.cls), _there(trust.function))
    checker.any_object(spec, "model", ("layers",))
    if compiled is not None:
        checker.compiled(compiled, "compiled")


def _there(find: Callable[[int], Any]) -> Callable[[Any], bool]:
    def known(number: Any) -> bool:
        return type(number) is int and find(number) is not None

    return known


def build(spec: Any, trust: Trust, arrays: Iterable[np.ndarray]) -> tuple[Any, Making]:
    """The model of a checked spec, whose variables will be those of ``arrays``.

    They have no values yet, unless it has classes of the user's own, which may do as they like, or keeps states:
    Keras makes these at once, so that their size is looked at before.
    """
    import keras

    making = Making(trust.cls, trust.function)
    own = [trust.cls(each["class"]) for each in objects(spec) if type(each["class"]) is int]
    # Some layers of Keras copy those that they hold, by their names.
    named = keras.saving.custom_object_scope({cls.__name__: cls for cls in own})
    states = any(each["config"].get("stateful") is True for each in objects(spec))
    if states and not own:
        with without_values():
            plain = Making(trust.cls, trust.function).make(_without_states(spec), "model")
        taken = sum(math.prod(v.shape) for v in plain.variables if not variables.is_seed(v))
        given = sum(array.size for array in arrays)
        if taken > given:
            raise CheckError(f"the model has {taken:,} numbers, and the file {given:,}", hint="get the file again")
    with named, contextlib.nullcontext() if own or states else without_values():
        return making.make(spec, "model"), making


def _without_states(value: Any) -> Any:
    """The same spec with layers that forget."""
    if type(value) is dict:
        return {key: False if key == "stateful" else _without_states(each) for key, each in value.items()}
    return [_without_states(each) for each in value] if type(value) is list else value


def restore(kept: Kept, trust: Trust) -> Any:
    """The live model."""
    check(kept.model, kept.compiled, trust)
    model, making = build(kept.model, trust, (array for _, array in kept.weights))
    fill(model, kept.weights, "the model")
    live.finish(model)
    if kept.compiled is not None:
        compile_as(model, making, kept)
    return model


def fill(model: Any, arrays: Arrays, what: str) -> None:
    """Give all variables of a model or an optimizer their values."""
    found = list(model.variables)
    variables.fit(found, arrays, what)
    variables.assign(found, arrays)


def compile_as(model: Any, making: Making, kept: Kept) -> None:
    """Compile the model as it was, with the optimizer's state if that was kept."""
    try:
        making.compile(model, kept.compiled or {}, "compiled")
        if kept.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
            fill(model.optimizer, kept.optimizer, "the optimizer")
    except LoadError:
        raise
    except Exception as error:
        raise CheckError(
            f"Keras can't compile it: {said(error)}", hint="compile the model anew, and save it"
        ) from error
