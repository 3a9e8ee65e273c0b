"""A live Keras model and its spec: what is described on saving, and what is finished after loading."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from modelkeep.errors import CheckError
from modelkeep.keras_layers.kinds import MAX_DEPTH, refuse
from modelkeep.keras_layers.translate import Names, Translator

Spec = dict[str, Any]


def layers_of(model: Any) -> list[Any]:
    """Every layer inside, the model first."""
    return list(model._flatten_layers())


class Described:
    """The spec of a model, how it was compiled, and the classes and functions of the user's own that these name."""

    def __init__(self, model: Any, number_class: Callable[[type], int], number_function: Callable[[Any], int]) -> None:
        self._classes: dict[int, type] = {}
        self._number_class, self._number_function = number_class, number_function
        self._known = {(type(layer).__module__, type(layer).__name__): type(layer) for layer in layers_of(model)}
        self._found = _functions(model)
        names = Names(self._own, self._function, self._is_graph)
        with _vocabularies(model):
            config = _serialized(model)
        compiled = config.pop("compile_config", None)
        translator = Translator(names)
        self.model = _numbered(translator.object(config, "model"))
        self.compiled = None
        if compiled:
            self.compiled = {key: translator.value(value, f"compiled.{key}") for key, value in compiled.items()}

    def _own(self, module: str, name: str, registered: str) -> int:
        from keras.saving import get_registered_object

        home = sys.modules.get(module or "__main__")
        found = self._known.get((module or "__main__", name)) or get_registered_object(registered)
        found = found or getattr(home, name, None)
        if not isinstance(found, type):
            refuse(name, "this class is nowhere to be found", "define it at the top of a module")
        number = self._number_class(found)
        self._classes[number] = found
        return number

    def _is_graph(self, number: int) -> bool:
        return any(base.__name__ == "Functional" for base in self._classes[number].__mro__)

    def _function(self, name: str) -> int | None:
        found = self._found.get(name, [])
        own = [each for each in found if not (each.__module__ or "").startswith("keras.")]
        if not own:
            return None
        if len(found) > 1:
            refuse(name, "two functions of the model have this name", "rename one of them")
        return self._number_function(own[0])


def _serialized(model: Any) -> Spec:
    from keras.src.saving.serialization_lib import ObjectSharingScope, serialize_keras_object

    try:
        with ObjectSharingScope():
            config: Spec = serialize_keras_object(model)
    except NotImplementedError as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else "get_config is missing"
        raise CheckError(first, hint="give the class a get_config that holds the arguments of its __init__") from None
    return config


def _numbered(spec: Any) -> Any:
    """The same with shared objects numbered in the order in which they come, those that come once without a number."""
    counts: dict[int, int] = {}
    for each in objects(spec):
        if "shared" in each:
            counts[each["shared"]] = counts.get(each["shared"], 0) + 1
    numbers: dict[int, int] = {}
    for each in objects(spec):
        if "shared" in each:
            old = each.pop("shared")
            if counts[old] > 1:
                each["shared"] = numbers.setdefault(old, len(numbers))
    return spec


def objects(value: Any) -> Iterator[Spec]:
    if type(value) is dict:
        if "class" in value:
            yield value
        for each in value.values():
            yield from objects(each)
    elif type(value) is list:
        for each in value:
            if type(each) in (dict, list):
                yield from objects(each)


@contextlib.contextmanager
def _vocabularies(model: Any) -> Iterator[None]:
    """Lookup layers say their vocabulary as data, wherever they have it from."""
    changed: list[tuple[Any, Any, Any]] = []
    try:
        for layer in layers_of(model):
            lookup = getattr(layer, "_lookup_layer", layer)
            if hasattr(lookup, "input_vocabulary") and lookup.vocabulary_size() > lookup._token_start_index():
                changed.append((lookup, lookup.input_vocabulary, lookup.input_idf_weights))
                words = [getattr(word, "item", lambda word=word: word)() for word in lookup.get_vocabulary()]
                lookup.input_vocabulary = words
                if lookup.output_mode == "tf_idf":
                    lookup.input_idf_weights = lookup.idf_weights_const.numpy().tolist()[: len(words)]
        yield
    finally:
        for lookup, vocabulary, weights in changed:
            lookup.input_vocabulary, lookup.input_idf_weights = vocabulary, weights


def _functions(model: Any) -> dict[str, list[Any]]:
    """The functions that the model's parts hold, by name: a config has only that."""
    found: dict[str, list[Any]] = {}
    waiting: list[tuple[Any, int]] = [(vars(layer), 0) for layer in layers_of(model)]
    compiled = getattr(model, "_compile_config", None)
    if compiled is not None:
        waiting.append((compiled.config, 0))
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, FunctionType):
            known = found.setdefault(value.__name__, [])
            if all(each is not value for each in known):
                known.append(value)
        elif isinstance(value, dict):
            waiting += [(each, depth + 1) for each in value.values() if depth < MAX_DEPTH]
        elif isinstance(value, list | tuple):
            waiting += [(each, depth + 1) for each in value if depth < MAX_DEPTH]
        elif depth < 3 and (type(value).__module__ or "").startswith("keras.src.") and hasattr(value, "fn"):
            waiting.append((value.fn, depth + 1))
    return found


def finish(model: Any) -> None:
    """What follows from the values of the variables, or could not be made without them."""
    import keras

    for layer in layers_of(model):
        if type(layer).__name__ == "Normalization" and type(layer).__module__.startswith("keras.") and layer.built:
            if layer.input_mean is None:
                layer.finalize_state()
            else:
                layer.build(layer._build_input_shape)
    if keras.backend.backend() == "torch":
        for layer in layers_of(model):
            layer._track_variables()
