"""From Keras's own config (what ``get_config`` gives and a ``.keras`` file holds) to a spec. Data to data.

Names are looked up in the tables; ``names`` says what number stands for a class or function of the user's own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from modelkeep.errors import CheckError, quote
from modelkeep.keras_layers import tables
from modelkeep.keras_layers.check import MODELS
from modelkeep.keras_layers.kinds import MAX_DEPTH, refuse

Spec = dict[str, Any]
_GROUPS = {
    "keras.layers": "layers", "keras.initializers": "initializers", "keras.regularizers": "regularizers",
    "keras.constraints": "constraints", "keras.losses": "losses", "keras.metrics": "metrics",
    "keras.optimizers": "optimizers", "keras.optimizers.schedules": "schedules", "keras.random": "random",
    "keras.dtype_policies": "policies", "keras.quantizers": "quantizers",
}  # fmt: skip
_POLICIES = ("policies.DTypePolicy", "policies.FloatDTypePolicy")
_ALIASES = {"IdentityInitializer": "Identity", "OrthogonalInitializer": "Orthogonal", "STFTInitializer": "STFT"}
_POOL = re.compile(r"^(.*(?:Max|Average))Pool(\dD)$")
_HOMES = {"keras.models", "keras", "keras.src.models.functional", "keras.src.models.sequential"}
_OLD = "open it in Keras 3, and save it again with model.save"


@dataclass
class Names:
    """How the classes and functions of the user's own are numbered: ``(module, name, registered name) -> number``."""

    own: Callable[[str, str, str], int]
    function: Callable[[str], int | None]
    #: Whether the class of that number is a model whose config is that of a graph.
    is_graph: Callable[[int], bool] = lambda number: False


@dataclass
class Translator:
    names: Names
    shared: dict[Any, int] = field(default_factory=dict)
    depth: int = 0

    def object(self, config: Any, place: str) -> Spec:
        """One object: ``{"module", "class_name", "config", "registered_name", ...}``."""
        if type(config) is not dict or type(config.get("class_name")) is not str:
            refuse(place, f"{quote(repr(config), 80)} is no object of Keras")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            refuse(place, "the layers are nested too deep")
        module, name = config.get("module"), config["class_name"]
        inner = config.get("config") or {}
        if type(inner) is not dict or type(module) not in (str, type(None)):
            refuse(place, f"a {quote(name, 60)} without a config")
        spec = self._spec(module, name, config, inner, place)
        number = config.get("shared_object_id")
        if number is not None and str(spec["class"]).partition(".")[0] in (*MODELS, "layers", "random"):
            spec["shared"] = self.shared.setdefault(str(number), len(self.shared))
        self.depth -= 1
        return spec

    def _spec(self, module: str | None, name: str, config: Spec, inner: Spec, place: str) -> Spec:
        listed = listed_name(module, name)
        if listed == "Functional":
            return {"class": listed, "config": self._functional(inner, place)}
        if listed == "Sequential":
            return {"class": listed, "config": self._sequential(inner, place)}
        if listed is not None:
            return {"class": listed, "config": self._config(inner, place)}
        number = self.names.own(module or "", name, str(config.get("registered_name") or name))
        spec: Spec = {"class": number}
        if self.names.is_graph(number) and {"layers", "input_layers", "output_layers"} <= inner.keys():
            return spec | {"config": self._functional(inner, place), "base": "Functional"}
        spec["config"] = self._config(inner, place)
        if config.get("build_config"):
            spec["build"] = self.value(config["build_config"], place)
        return spec

    def _config(self, inner: Spec, place: str) -> Spec:
        return {key: self.value(value, f"{place}.{key}") for key, value in inner.items() if key != "input_tensor"}

    # -- values -----------------------------------------------------------------------------------------------------

    def value(self, value: Any, place: str) -> Any:
        """A value of a config, with marks where JSON has no form."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            refuse(place, "the config is nested too deep")
        made = self._value(value, place)
        self.depth -= 1
        return made

    def _value(self, value: Any, place: str) -> Any:
        if value is None or type(value) in (bool, int, str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, list | tuple):
            plain = type(value) is list and set(map(type, value)) <= {str, int, bool}
            return value if plain else [self.value(each, place) for each in value]
        if not isinstance(value, dict):
            refuse(place, f"a {type(value).__name__} is no data", "give get_config plain values")
        if "class_name" in value and ("config" in value or value["class_name"] == "__ellipsis__"):
            return self._special(value, place)
        if not all(type(key) is str for key in value):
            refuse(place, "a key that is no text", "name things by texts")
        return {"dict": {key: self.value(each, f"{place}.{key}"[:500]) for key, each in value.items()}}

    def _special(self, value: Spec, place: str) -> Any:
        name, inner = value["class_name"], value.get("config")
        if type(name) is not str:
            refuse(place, f"{quote(repr(name), 40)} is not the name of a class")
        if name == "function":
            if type(inner) is not str:
                refuse(place, "a function without a name")
            number = self.names.function(inner)
            return inner if number is None else {"function": number}
        if name == "__keras_tensor__":
            history = inner.get("keras_history") if type(inner) is dict else None
            return {"tensor": list(history) if isinstance(history, list | tuple) else None}
        if name in ("__tensor__", "__numpy__"):
            return {"array": self._array(inner, place)}
        if name == "__slice__" and type(inner) is dict:
            return {"slice": [self.value(inner.get(key), place) for key in ("start", "stop", "step")]}
        if name == "__ellipsis__":
            return {"ellipsis": True}
        if name == "__bytes__" and type(inner) is dict:
            return {"bytes": inner.get("value")}
        if name == "__lambda__":
            raise CheckError("a lambda is code", path=place, hint="define the function at the top of a module")
        if name.startswith("__"):
            refuse(place, f"{quote(name, 40)} is no data that a model is made of")
        if listed_name(value.get("module"), name) in _POLICIES and type(inner) is dict and inner.keys() == {"name"}:
            return self.value(inner["name"], place)  # what Keras itself takes as the same
        return self.object(value, place)

    def _array(self, inner: Any, place: str) -> list[Any]:
        values = inner.get("value") if type(inner) is dict else None
        return [inner.get("dtype") if type(inner) is dict else None, *_flattened(values, place, self)]

    # -- models -----------------------------------------------------------------------------------------------------

    def _sequential(self, inner: Spec, place: str) -> Spec:
        layers = inner.get("layers")
        if type(layers) is not list:
            refuse(place, "a Sequential without layers")
        spec: Spec = {"name": inner.get("name"), "trainable": inner.get("trainable", True)}
        if inner.get("dtype") is not None:
            spec["dtype"] = self.value(inner["dtype"], place)
        spec["layers"] = [self.object(layer, f"{place}.layers[{n}]") for n, layer in enumerate(layers)]
        shape = inner.get("build_input_shape")
        return spec | ({"input_shape": self.value(shape, place)} if shape else {})

    def _functional(self, inner: Spec, place: str) -> Spec:
        layers = inner.get("layers")
        if type(layers) is not list:
            refuse(place, "a model without layers")
        made = [self._layer(layer, f"{place}.layers[{n}]") for n, layer in enumerate(layers)]
        # Keras counts the calls of an inner model from 1 where it names outputs, and from 0 elsewhere.
        counted = {m["name"] for m in made if m["class"] == "Functional" or m.get("base") == "Functional"}
        spec = {"name": inner.get("name"), "trainable": inner.get("trainable", True), "layers": made}
        for key, given in (("inputs", "input_layers"), ("outputs", "output_layers")):
            spec[key] = _tensors(inner.get(given), counted, place)
        return spec

    def _layer(self, layer: Any, place: str) -> Spec:
        spec = self.object(layer, place)
        name, nodes = layer.get("name", spec["config"].get("name")), layer.get("inbound_nodes")
        if type(nodes) is not list or any(type(node) is not dict for node in nodes):
            refuse(place, "its calls are kept as an older Keras kept them", _OLD)
        return {**spec, "name": name, "nodes": [self.node(node, place) for node in nodes]}

    def node(self, node: Spec, place: str) -> Spec:
        """One call of a layer."""
        kwargs = node.get("kwargs", {})
        kwargs = kwargs if type(kwargs) is dict else {}
        # A mask of None follows from the tensors, and training is said anew at each call.
        said = {key: each for key, each in kwargs.items() if each is not None or key not in ("mask", "training")}
        args = self.value(node.get("args", []), place)
        return {"args": args, "kwargs": {key: self.value(each, place) for key, each in said.items()}}


def mended(spec: Spec) -> Spec:
    """The same with each shared object marked at its first place, too: Keras leaves that out inside of models."""
    first: dict[str, Spec] = {}
    seen: set[int] = set()
    for each in objects(spec):
        alike = (
            json.dumps([each["class"], each["config"]], sort_keys=True) if "shared" in each or "config" in each else ""
        )
        number = each.get("shared")
        if number is not None and number not in seen:
            seen.add(number)
            if alike in first and "shared" not in first[alike]:
                first[alike]["shared"] = number
        first.setdefault(alike, each)
    return spec


def objects(value: Any) -> Iterator[Spec]:
    """Every object in a spec, what holds others before them."""
    if type(value) is dict:
        if "class" in value:
            yield value
        for each in value.values():
            yield from objects(each)
    elif type(value) is list:
        for each in value:
            if type(each) in (dict, list):
                yield from objects(each)


def _flattened(values: Any, place: str, translator: Translator) -> tuple[list[int], list[Any]]:
    """The shape of nested lists, and their values in one list."""
    shape: list[int] = []
    flat = values if type(values) is list else [values]
    if type(values) is list:
        shape.append(len(flat))
    while flat and type(flat[0]) is list:
        length = len(flat[0])
        if any(type(each) is not list or len(each) != length for each in flat):
            refuse(place, "an array with rows of several lengths")
        shape.append(length)
        flat = [each for row in flat for each in row]
    return shape, [translator.value(each, place) for each in flat]


def _tensors(value: Any, counted: set[str], place: str) -> Any:
    if isinstance(value, list | tuple):
        if len(value) == 3 and type(value[0]) is str and not isinstance(value[1], list | tuple):
            name, node, output = value
            return {"tensor": [name, node - 1 if name in counted and type(node) is int else node, output]}
        return [_tensors(each, counted, place) for each in value]
    if type(value) is not dict:
        refuse(place, f"{quote(repr(value), 80)} names no tensors")
    return {"dict": {key: _tensors(each, counted, place) for key, each in value.items()}}


def listed_name(module: str | None, name: str) -> str | None:
    """The name that a spec has for a class of Keras; a class of Keras that is on no list comes out as it is."""
    if module is not None and tables.PLACES.get(f"layers.{name}") == module:
        return f"layers.{name}"
    if module is None or not (module == "keras" or module.startswith("keras.")):
        return None
    if module in _HOMES and name in MODELS:
        return name
    if module.startswith("keras.src.ops."):
        return f"ops.{module.removeprefix('keras.src.ops.')}.{name}"
    if module == "keras":
        group = next((g for g in ("policies", "random", "initializers") if f"{g}.{name}" in tables.rows()), "layers")
        return f"{group}.{name}"
    if module.startswith("keras.src.backend.torch.optimizers."):  # the same, with kernels of PyTorch
        return f"optimizers.{name}"
    known = _POOL.sub(r"\1Pooling\2", _ALIASES.get(name, name).replace("AvgPool", "AveragePool"))
    return f"{_GROUPS.get(module, module)}.{known.replace('Convolution', 'Conv')}"
