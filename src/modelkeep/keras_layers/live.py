"""A live Keras model and its spec: what is described on saving, and what is finished after loading."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from modelkeep.errors import CheckError
from modelkeep.keras_layers.kinds import MAX_DEPTH, refuse
from modelkeep.keras_layers.translate import Names, Translator, objects

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
        self._translator = Translator(names)
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []
        with _vocabularies(model):
            self.model = _numbered(self._described(model, "model"))
            compiled = model.get_compile_config() or {}
        self.compiled = None
        if compiled:
            self.compiled = {key: self._translator.value(each, f"compiled.{key}") for key, each in compiled.items()}

    def _described(self, layer: Any, place: str) -> Spec:
        """A layer's spec. What a model is made of is looked at here: Keras forgets which layers two models share."""
        import keras
        from keras.src.models.functional import Functional, functional_like_constructor

        cls = type(layer)
        spec: Spec = {}
        if cls is keras.Sequential:
            spec = {"class": "Sequential", "config": self._sequential(layer, place)}
        elif cls is Functional:
            spec = {"class": "Functional", "config": self._functional(layer, place)}
        elif isinstance(layer, Functional) and functional_like_constructor(cls) and _inherits(cls, Functional):
            number = self._own(cls.__module__, cls.__name__, cls.__name__)
            spec = {"class": number, "config": self._functional(layer, place), "base": "Functional"}
        else:
            spec = self._translator.object(_serialized(layer), place)
        if isinstance(layer, keras.layers.Layer):
            self._alive.append(layer)
            spec["shared"] = self._seen.setdefault(id(layer), len(self._seen))
        return spec

    def _sequential(self, model: Any, place: str) -> Spec:
        import keras

        config = keras.Model.get_config(model)
        spec = {"name": model.name, "trainable": model.trainable}
        if config.get("dtype") is not None:
            spec["dtype"] = self._translator.value(config["dtype"], place)
        layers = keras.Model.layers.fget(model)  # with the input, which a Sequential does not list
        spec["layers"] = [self._described(layer, f"{place}.{layer.name}") for layer in layers]
        shape = model._layers[0].batch_shape if model._functional is not None else None
        return spec | ({"input_shape": self._translator.value(shape, place)} if shape else {})

    def _functional(self, model: Any, place: str) -> Spec:
        from keras.src.models.functional import serialize_node
        from keras.src.ops.function import make_node_key

        index: dict[Any, int] = {}
        layers = []
        for operation in model.operations:
            here = f"{place}.{operation.name}"
            spec, nodes = self._described(operation, here), []
            counted = 0
            for number, node in enumerate(operation._inbound_nodes):
                key = make_node_key(operation, number)
                if key in model._nodes:
                    index[key], counted = counted, counted + 1
                    call = serialize_node(node, own_nodes=model._nodes)
                    nodes += [self._translator.node(call, here)] if call is not None else []
            layers.append({**spec, "name": operation.name, "nodes": nodes})

        def named(value: Any) -> Any:
            if isinstance(value, list | tuple):
                return [named(each) for each in value]
            if isinstance(value, dict):
                return {"dict": {key: named(each) for key, each in value.items()}}
            operation, node, output = value._keras_history
            return {"tensor": [operation.name, index[make_node_key(operation, node)], output]}

        ends = {"inputs": named(model._inputs_struct), "outputs": named(model._outputs_struct)}
        return {"name": model.name, "trainable": model.trainable, "layers": layers, **ends}

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
        found = self._found.get(name.rpartition(">")[2], [])  # behind what it is registered under
        own = [each for each in found if not (each.__module__ or "").startswith("keras.")]
        if not own:
            return None
        if len(found) > 1:
            refuse(name, "two functions of the model have this name", "rename one of them")
        return self._number_function(own[0])


def _inherits(cls: type, functional: Any) -> bool:
    """Whether a class leaves its config to Keras."""
    return getattr(cls, "get_config", None) is functional.get_config


def _serialized(layer: Any) -> Spec:
    from keras.saving import serialize_keras_object

    try:
        config: Spec = serialize_keras_object(layer)
    except NotImplementedError as error:
        first = " ".join(str(error).split())[:200] or "get_config is missing"
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
