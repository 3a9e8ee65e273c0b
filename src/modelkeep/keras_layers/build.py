"""From a checked spec to a Keras model. Variables are made without values, which come from the file's arrays.

So nothing is drawn at random, and no number in a spec makes Keras take memory: shapes are compared with arrays first.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, LoadError, quote, said
from modelkeep.keras_layers import graph, tables, training
from modelkeep.keras_layers.kinds import refuse

Spec = dict[str, Any]
#: Elements that one row may have on its way through a layer.
_LARGEST = 1 << 31
_HOMES = {
    "policies": "dtype_policies",
    "schedules": "optimizers.schedules",
}
#: Arguments that constructors take as tuples.
_TUPLES = frozenset({"ngrams", "output_shape"})


@contextlib.contextmanager
def without_values() -> Iterator[None]:
    """Variables that are made inside have shapes, and no values yet."""
    import keras
    from keras.src.backend.common.stateless_scope import StatelessScope

    with contextlib.ExitStack() as stack:
        stack.enter_context(StatelessScope(initialize_variables=False))
        if keras.backend.backend() == "torch":
            from keras.src.backend.torch.core import device_scope

            stack.enter_context(device_scope("meta"))  # placeholders take no memory there
        try:
            yield
        finally:
            from keras.src.backend.common import global_state

            global_state.set_global_attribute("uninitialized_variables", [])


class Making:
    """Makes the objects of one checked spec. ``own`` and ``functions`` give what the reader trusts, by number."""

    def __init__(self, own: Callable[[int], Any], functions: Callable[[int], Any]) -> None:
        self._own, self._functions = own, functions
        self._shared: dict[int, Any] = {}
        self._named: dict[str, Any] = {}  # trusted classes by the names that ``_config_of`` gives them

    def make(self, spec: Any, place: str) -> Any:
        """The object that a spec describes; Keras's own complaints become refusals."""
        try:
            return self._made(spec, place)
        except LoadError:
            raise
        except (MemoryError, RecursionError):
            raise CheckError("it needs more memory than there is", path=place) from None
        except Exception as error:
            hint = "install the version of Keras that saved it"
            raise CheckError(f"Keras can't make it: {said(error)}", path=place, hint=hint) from error

    def _made(self, spec: Spec, place: str) -> Any:
        shared = spec.get("shared")
        if shared in self._shared:
            return self._shared[shared]
        named = spec["class"]
        if named == "Functional":
            made = self._functional(spec["config"], place)
        elif named == "Sequential":
            made = self._sequential(spec["config"], place)
        elif spec.get("base") == "Functional":
            made = self._functional(spec["config"], place, self._own(named))
        elif type(named) is int:
            made = self._trusted(spec)
        else:
            made = _instance(named, {key: self._value(value, key, place) for key, value in spec["config"].items()})
        if shared is not None:
            self._shared[shared] = made
        return made

    def _value(self, value: Any, key: str, place: str) -> Any:
        if type(value) is dict:
            return self._marked(value, key, place)
        if type(value) is list:
            made = [self._value(each, "", place) if type(each) in (dict, list) else each for each in value]
            return tuple(made) if key in _TUPLES else made
        return value

    def _marked(self, value: Spec, key: str, place: str) -> Any:
        if "class" in value:
            return self.make(value, f"{place}.{key}" if key else place)
        [(mark, inside)] = value.items()
        if mark == "function":
            return self._functions(inside)
        if mark == "dict":
            return {name: self._value(each, "", place) for name, each in inside.items()}
        return unmarked(mark, inside)

    def _trusted(self, spec: Spec) -> Any:
        """An object of a class of the user's own. What its config holds of Keras is checked, and stays a config."""
        import keras

        cls = self._own(spec["class"])
        config = {key: self._config_of(value) for key, value in spec["config"].items()}
        with keras.saving.custom_object_scope(self._named):
            made = cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)
            if "build" in spec and not getattr(made, "built", True):
                made.build_from_config(self._config_of(spec["build"]))
                made.built = True
        return made

    def _config_of(self, value: Any) -> Any:
        """Data as Keras's own configs have it: what ``from_config`` of the user's classes expects."""
        if type(value) is list:
            return [self._config_of(each) for each in value]
        if type(value) is not dict:
            return value
        if "class" not in value:
            [(mark, inside)] = value.items()
            if mark == "dict":
                return {key: self._config_of(each) for key, each in inside.items()}
            return self._functions(inside) if mark == "function" else unmarked(mark, inside)
        named, config = value["class"], {key: self._config_of(each) for key, each in value["config"].items()}
        if type(named) is int:
            cls = self._own(named)
            self._named[cls.__name__] = cls
            return _keras_config(cls.__module__, cls.__name__, config, cls.__name__)
        if named == "Functional":
            return self._made(value, "")
        if named == "Sequential":
            config["build_input_shape"] = config.pop("input_shape", None)
            return _keras_config("keras", named, config, None)
        home, _, name = named.rpartition(".")
        return _keras_config(f"keras.{_HOMES.get(home, home)}", name, config, None)

    # -- models -----------------------------------------------------------------------------------------------------

    def _sequential(self, config: Spec, place: str) -> Any:
        import keras

        model = keras.Sequential(name=config["name"])
        for number, layer in enumerate(config["layers"]):
            model.add(self.make(layer, f"{place}.layers[{number}]"))
        if not model._functional and config.get("input_shape"):
            model.build(self._value(config["input_shape"], "", place))
        return _marked_trainable(model, config)

    def _functional(self, config: Spec, place: str, cls: Any = None) -> Any:
        import keras

        layers = config["layers"]
        made = [self.make(graph.without_nodes(each), f"{place}.{each['name']}") for each in layers]
        given: dict[str, list[Any]] = {}
        for layer, spec in zip(made, layers, strict=True):
            given[spec["name"]] = [[layer.output]] if spec["class"] == "layers.InputLayer" else []
        for number, count in graph.order(layers, place):
            node, name = layers[number]["nodes"][count], layers[number]["name"]
            args, kwargs = (self._with_tensors(node[key], given) for key in ("args", "kwargs"))
            given[name].append(self._called(made[number], args, kwargs, f"{place}.{name}"))
        inputs, outputs = (self._with_tensors(config[key], given) for key in ("inputs", "outputs"))
        model = (cls or keras.Model)(inputs=inputs, outputs=outputs, name=config["name"])
        return _marked_trainable(model, config)

    def _called(self, layer: Any, args: list[Any], kwargs: Spec, place: str) -> list[Any]:
        import keras

        try:
            outputs: list[Any] = keras.tree.flatten(layer(*args, **kwargs))
        except LoadError:
            raise
        except Exception as error:
            refuse(place, f"its inputs do not fit: {said(error)}")
        for each in outputs:
            shape = [length for length in getattr(each, "shape", ()) if length is not None]
            if math.prod(shape) > _LARGEST:
                refuse(place, f"it gives {quote(repr(tuple(each.shape)), 80)}, more than fits into memory")
        return outputs

    def _with_tensors(self, value: Any, given: dict[str, list[Any]]) -> Any:
        if type(value) is list:
            return [self._with_tensors(each, given) for each in value]
        if type(value) is not dict:
            return value
        if value.keys() == {"tensor"}:
            name, node, output = value["tensor"]
            return given[name][node][output]
        if value.keys() == {"dict"}:
            value = value["dict"]
        elif len(value) == 1 and not value.keys().isdisjoint(("slice", "ellipsis", "array", "bytes", "float")):
            [(mark, inside)] = value.items()
            return unmarked(mark, inside)
        return {key: self._with_tensors(each, given) for key, each in value.items()}

    def compile(self, model: Any, config: Spec, place: str) -> None:
        """Compile the model as it was: what is in a file has no say in how."""
        arguments = {key: self._value(value, key, place) for key, value in config.items()}
        model.compile(**{key: value for key, value in arguments.items() if key in training.COMPILE})


def _keras_config(module: str, name: str, config: Spec, registered: str | None) -> Spec:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def unmarked(mark: str, inside: Any) -> Any:
    """What a marked value stands for."""
    if mark == "float":
        return float(inside)
    if mark == "slice":
        return slice(*inside)
    if mark == "ellipsis":
        return Ellipsis
    if mark == "bytes":
        return inside.encode()
    name, shape, values = inside
    return np.array([unmarked("float", v["float"]) if type(v) is dict else v for v in values], name).reshape(shape)


def _marked_trainable(model: Any, config: Spec) -> Any:
    """Trainable or not, as it was. Keras's own setter would tell the layers, too, which have marks of their own."""
    model._trainable = config.get("trainable", True)
    return model


def _instance(named: str, arguments: Spec) -> Any:
    """An object of a listed class, by its constructor."""
    import importlib

    import keras

    if named.startswith("ops."):
        _, module, name = named.split(".")
        return getattr(importlib.import_module(f"keras.src.ops.{module}"), name)(**arguments)
    assert named in tables.rows()
    group, _, name = named.rpartition(".")
    home: Any = keras
    if named in tables.PLACES:
        home = importlib.import_module(tables.PLACES[named])
    else:
        for part in _HOMES.get(group, group).split("."):
            home = getattr(home, part)
    cls = getattr(home, name)
    if name == "MeanMetricWrapper" and type(arguments.get("fn")) is str:
        arguments["fn"] = keras.metrics.get(arguments["fn"])
    if name == "Discretization" and arguments.get("bin_boundaries") and arguments.get("num_bins"):
        boundaries = arguments.pop("bin_boundaries")  # adapted: its constructor takes only one of the two
        made = cls(**arguments)
        made.bin_boundaries = boundaries
        return made
    return cls(**arguments)
