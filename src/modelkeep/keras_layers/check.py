"""Is a spec one that may be built? A pure function of the spec: nothing is imported, and nothing made.

Every class is on a list or trusted by the reader, every argument is one that its class has, and of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelkeep.errors import quote
from modelkeep.keras_layers import kinds, operations, tables, training
from modelkeep.keras_layers.graph import check_model
from modelkeep.keras_layers.kinds import MAX_DEPTH, refuse, require

Spec = dict[str, Any]
#: The models of Keras itself, whose layers and graph are in ``graph.py``.
MODELS = ("Functional", "Sequential")
_UNSAFE = {
    "TFSMLayer": "it reads a folder and runs what is there",
    "TorchModuleWrapper": "it holds a pickled module",
    "JaxLayer": "it holds code",
    "FlaxLayer": "it holds code",
}
_ACTIVATION_LAYERS = {f"layers.{name}" for name in "Activation ELU LeakyReLU PReLU ReLU Softmax".split()}


class Checker:
    """One walk over a spec. ``own`` says whether a number is a class that the reader trusts, ``functions`` the same."""

    def __init__(self, own: Callable[[Any], bool], functions: Callable[[Any], bool]) -> None:
        self._own, self._functions = own, functions
        self._depth = 0

    # -- objects ----------------------------------------------------------------------------------------------------

    def any_object(self, spec: Any, place: str, groups: tuple[str, ...]) -> None:
        """An object of one of ``groups`` ("layers", "losses"...), or of a class of the reader's own."""
        require(
            type(spec) is dict and spec.keys() <= {"class", "config", "shared", "build", "base"},
            place,
            spec,
            "an object",
        )
        self._depth += 1
        if self._depth > MAX_DEPTH:
            refuse(place, "the layers are nested too deep")
        named, config = spec.get("class"), spec.get("config")
        require(type(config) is dict, place, config, "a config")
        if "shared" in spec:
            kinds.whole(spec["shared"], place, 0)
        if "build" in spec:
            self.data(spec["build"], f"{place}.build")
        graph = spec["base"] == "Functional" if "base" in spec else named in MODELS
        if "base" in spec:
            require(graph and type(named) is int and self._own(named), place, spec["base"], "what a trusted model is")
        if graph and "layers" in groups:
            check_model(self, spec, place)
        elif type(named) is int:
            self._own_object(spec, place)
        else:
            self._listed(named, config, place, groups)
        self._depth -= 1

    def _listed(self, named: Any, config: Spec, place: str, groups: tuple[str, ...]) -> None:
        require(type(named) is str, place, named, "the name of a class")
        if named in operations.NAMES and "ops" in groups:
            for key, value in config.items():
                kinds.text(key, place)
                kinds.plain(value, f"{place}.{key}")
            return
        row = tables.rows().get(named)
        if row is None or named.partition(".")[0] not in groups:
            short = named.rpartition(".")[2]
            why = f": {_UNSAFE[short]}" if short in _UNSAFE else ""
            refuse(place, f"the class {quote(named)} of Keras is on no list{why}", "make the model without it")
        self.arguments(config, row, f"{place}({named.rpartition('.')[2]})")

    def arguments(self, config: Spec, row: Mapping[str, str], place: str) -> None:
        for key, value in config.items():
            if key not in row:
                refuse(place, f"{quote(key, 60)} is no argument of this class")
            self.value(value, row[key], f"{place}.{key}")

    def _own_object(self, spec: Spec, place: str) -> None:
        require(self._own(spec["class"]), place, spec["class"], "a trusted class")
        for key, value in spec["config"].items():
            kinds.text(key, place)
            self.data(value, f"{place}.{key}")

    def data(self, value: Any, place: str, depth: int = 0) -> None:
        """What a class of the user's own is given: plain data, and objects that are on a list."""
        require(depth < MAX_DEPTH, place, "a value", "nested so deep")
        if type(value) is list:
            for each in value:
                self.data(each, place, depth + 1)
        elif type(value) is dict and "class" in value:
            groups = ("layers", "initializers", "regularizers", "constraints", "policies", "random", "losses")
            self.any_object(value, place, (*groups, "metrics", "optimizers", "schedules"))
        elif type(value) is dict and value.keys() == {"dict"}:
            require(type(value["dict"]) is dict, place, value, "a dictionary")
            for key, each in value["dict"].items():
                self.data(each, f"{place}.{key}"[:500], depth + 1)
        elif type(value) is dict and "function" in value:
            self.function(value, place)
        else:
            kinds.plain(value, place)

    # -- arguments --------------------------------------------------------------------------------------------------

    def value(self, value: Any, described: str, place: str) -> None:
        """One argument: of a kind that is made of objects, or of one that is plain."""
        special = getattr(self, f"_is_{described.removesuffix('?').replace('|', '_')}", None)
        if special is None:
            if described.endswith("|callable"):
                if type(value) is dict:
                    self.function(value, place)
                    return
                described = described.replace("|callable", "").rstrip("?") + "?"
            kinds.kind(described)(value, place)
        elif value is not None or not described.endswith("?"):
            special(value, place)

    def function(self, value: Any, place: str) -> None:
        """A function of the user's own, that the reader trusts."""
        good = type(value) is dict and value.keys() == {"function"} and self._functions(value["function"])
        require(good, place, value, "a trusted function")

    def _is_trusted(self, value: Any, place: str) -> None:
        self.function(value, place)

    def _is_data_function(self, value: Any, place: str) -> None:
        if type(value) is dict and "function" in value:
            self.function(value, place)
        else:
            kinds.plain(value, place)

    def _is_none(self, value: Any, place: str) -> None:
        require(value is None, place, value, "None, the only value that is kept")

    def _is_auto(self, value: Any, place: str) -> None:
        require(type(value) is bool or value in (None, "auto"), place, value, "true, false or auto")

    def _is_policy_name(self, value: Any, place: str) -> None:
        require(type(value) is str and value in kinds.POLICIES, place, value, "the name of a dtype policy")

    def _is_policy(self, value: Any, place: str) -> None:
        if type(value) is dict:
            self.any_object(value, place, ("policies",))
        elif value is not None:
            self._is_policy_name(value, place)

    def _is_seed(self, value: Any, place: str) -> None:
        if type(value) is dict:
            self.any_object(value, place, ("random",))
        elif value is not None:
            kinds.whole(value, place, -(1 << 63), (1 << 64) - 1)

    def _is_activation(self, value: Any, place: str) -> None:
        if type(value) is dict and "class" in value:
            require(
                str(value["class"]) in _ACTIVATION_LAYERS or type(value["class"]) is int, place, value, "an activation"
            )
            self.any_object(value, place, ("layers",))
        elif type(value) is dict:
            self.function(value, place)
        elif value is not None:
            require(type(value) is str and value in tables.ACTIVATIONS, place, value, "the name of an activation")

    def _of_group(self, value: Any, place: str, group: str) -> None:
        if type(value) is dict and "function" in value:
            self.function(value, place)
        elif value is not None:
            self.any_object(value, place, (group,))

    def _is_initializer(self, value: Any, place: str) -> None:
        self._of_group(value, place, "initializers")

    def _is_regularizer(self, value: Any, place: str) -> None:
        self._of_group(value, place, "regularizers")

    def _is_constraint(self, value: Any, place: str) -> None:
        self._of_group(value, place, "constraints")

    def _is_quantizer(self, value: Any, place: str) -> None:
        self._of_group(value, place, "quantizers")

    def _is_layer(self, value: Any, place: str) -> None:
        self.any_object(value, place, ("layers",))

    def _is_layers(self, value: Any, place: str) -> None:
        require(type(value) is list, place, value, "a list of layers")
        for number, each in enumerate(value):
            self.any_object(each, f"{place}[{number}]", ("layers",))

    def _is_shape_count(self, value: Any, place: str) -> None:
        kinds.kind("shape" if type(value) is list else "count")(value, place)

    def _is_dims_or_empty(self, value: Any, place: str) -> None:
        require(type(value) is list, place, value, "a shape")
        if value:
            kinds.kind("dims")(value, place)

    # -- how it was compiled ----------------------------------------------------------------------------------------

    def compiled(self, config: Any, place: str) -> None:
        require(type(config) is dict, place, config, "a config")
        self.arguments(config, training.COMPILE, place)

    def _is_optimizer(self, value: Any, place: str) -> None:
        if type(value) is str:
            require(value.lower() in {name.lower() for name in training.OPTIMIZERS}, place, value, "an optimizer")
        else:
            self.any_object(value, place, ("optimizers",))

    def _is_rate_or_schedule(self, value: Any, place: str) -> None:
        if type(value) is dict and "class" in value:
            self.any_object(value, place, ("schedules",))
        else:
            kinds.number(value, place)

    def _is_losses(self, value: Any, place: str) -> None:
        self._nested(value, place, ("losses",))

    def _is_metrics(self, value: Any, place: str) -> None:
        self._nested(value, place, ("metrics", "losses"))

    def _is_function(self, value: Any, place: str) -> None:
        if type(value) is str:
            require(value in training.NAMES, place, value, "the name of a function of Keras")
        else:
            self.function(value, place)

    def _is_weights(self, value: Any, place: str) -> None:
        kinds.plain(value, place)

    def _nested(self, value: Any, place: str, groups: tuple[str, ...], depth: int = 0) -> None:
        """Losses and metrics come alone, in lists, and in dicts by the output that they are of."""
        require(depth < MAX_DEPTH, place, "a value", "nested so deep")
        if type(value) is list:
            for each in value:
                self._nested(each, place, groups, depth + 1)
        elif type(value) is dict and value.keys() == {"dict"}:
            require(type(value["dict"]) is dict, place, value, "a dictionary")
            for each in value["dict"].values():
                self._nested(each, place, groups, depth + 1)
        elif type(value) is dict and "class" in value:
            self.any_object(value, place, groups)
        elif value is not None:
            short = {name for group in groups for name in training.TABLES[group]}
            if type(value) is not str or value not in short:
                self._is_function(value, place)
