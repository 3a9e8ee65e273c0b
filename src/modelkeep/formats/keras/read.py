"""A model from a ``.keras`` file: the archive strictly, the config by our tables, the weights by our own walk."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep import archives
from modelkeep.errors import CheckError, ContainerError, ModelkeepError, PolicyError, quote, said
from modelkeep.formats.keras.saveables import saveables
from modelkeep.keras_layers import live, variables
from modelkeep.keras_layers import model as models
from modelkeep.keras_layers.translate import Names, Translator, mended
from modelkeep.policy import Policy
from modelkeep.workers import Worker

_CONFIG, _METADATA, _WEIGHTS, _ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"
_MOST_JSON = 64 << 20
_HINT = "get the file again from where it came from; no Keras writes this"
#: Reads HDF5, whose library would take this process with it if a file made it crash.
_worker = Worker("HDF5 files")


def read(data: memoryview, rules: Any) -> Any:
    """The model. Its optimizer comes back with its state if the file has that."""
    try:
        return _read(data, rules)
    except ModelkeepError:
        raise
    except (RecursionError, MemoryError):
        raise CheckError("the file needs more memory than there is", hint=_HINT) from None
    except Exception as error:
        # Something met a value that no Keras writes; what it raised is not the reader's to understand.
        raise CheckError(f"the model can't be built: {said(error)}", hint=_HINT) from error


def _read(data: memoryview, rules: Any) -> Any:
    policy: Policy = rules.policy
    limit = min(policy.max_bytes, max(64 << 20, 1024 * len(data)))
    archive = archives.open_zip(data, limit)
    for name in archive.members:
        if name not in (_CONFIG, _METADATA, _WEIGHTS) and not name.startswith(_ASSETS):
            raise ContainerError(f"{quote(name, 80)} is no part of a keras file", hint=_HINT)
    config = _json(archive, _CONFIG)
    _json(archive, _METADATA)
    own = _Own(policy)
    translator = Translator(Names(own.number_class, own.number_function, own.is_graph))
    compiled = config.pop("compile_config", None) or None
    spec = mended(translator.object(config, "model"))
    if compiled is not None:
        compiled = {key: translator.value(value, f"compiled.{key}") for key, value in compiled.items()}
    trust = models.Trust(own.cls, own.function)
    models.check(spec, compiled, trust)
    weights = _weights(archive, limit)
    model, making = models.build(spec, trust, weights.values())
    _fill_tables(model, archive, weights)
    _fill(model, weights)
    live.finish(model)
    if compiled:
        kept = models.Kept(spec, compiled, [], _optimizer(weights) if _is_plain(compiled) else None)
        models.compile_as(model, making, kept)
    return model


def _json(archive: archives.Archive, name: str) -> dict[str, Any]:
    raw = archive.read(name)
    if len(raw) > _MOST_JSON:
        raise ContainerError(f"{name} has {len(raw):,} bytes", hint=_HINT)
    try:
        found = json.loads(bytes(raw), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ContainerError(f"{name} can't be read: {quote(str(error))}", hint=_HINT) from None
    if type(found) is not dict:
        raise ContainerError(f"{name} is no object", hint=_HINT)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")  # two readers might take another one
    return found


class _Own:
    """The classes and functions of the reader's own that the file names, if the policy trusts them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._found: list[Any] = []

    def number_class(self, module: str, name: str, registered: str) -> int:
        return self._number(module, name, lambda found: isinstance(found, type), "class")

    def number_function(self, name: str) -> int | None:
        from modelkeep.keras_layers import tables, training

        if name in tables.ACTIVATIONS or name in training.NAMES:
            return None
        return self._number("", name.rpartition(">")[2], callable, "function")  # behind what it is registered under

    def _number(self, module: str, name: str, good: Callable[[Any], bool], kind: str) -> int:
        dotted = f"{module}.{name}" if module else name
        if module.partition(".")[0] == "keras":
            raise CheckError(f"the class {quote(dotted)} is on no list", hint="make the model without it")
        found = self._trusted(module, name)
        if not good(found):
            raise PolicyError(
                f"the model needs the {kind} {quote(dotted)}, which the policy does not trust",
                hint=f'if you know it, pass Policy(trust=["its.module.{name}"]) or --trust its.module.{name}',
            )
        self._found.append(found)
        return len(self._found) - 1

    def _trusted(self, module: str, name: str) -> Any:
        """What the policy trusts under this name. The file does not always say of which module it is."""
        if module and self._policy.trusts(f"{module}.{name}") and _is_dotted(f"{module}.{name}"):
            return getattr(importlib.import_module(module), name, None)
        for trusted in self._policy.trust:
            home, _, last = trusted.rpartition(".")
            if last == name and home:
                return getattr(importlib.import_module(home), name, None)
        for trusted in self._policy.trust:  # a module, and what is defined in it
            if not module and importlib.util.find_spec(trusted.partition(".")[0]) is not None:
                found = _in_module(trusted, name)
                if found is not None:
                    return found
        return None

    def cls(self, number: int) -> Any:
        return self._at(number)

    def function(self, number: int) -> Any:
        return self._at(number)

    def _at(self, number: int) -> Any:
        return self._found[number] if 0 <= number < len(self._found) else None

    def is_graph(self, number: int) -> bool:
        return any(base.__name__ == "Functional" for base in self._found[number].__mro__) or any(
            base.__name__ == "Model" and base.__module__.startswith("keras.") for base in self._found[number].__mro__
        )


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _in_module(module: str, name: str) -> Any:
    """What ``module`` itself defines under a name, or None; it may be no module but a class."""
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    return found if getattr(found, "__module__", None) == module else None


# -- weights -----------------------------------------------------------------------------------------------------------


def _weights(archive: archives.Archive, limit: int) -> dict[str, np.ndarray]:
    raw = bytes(archive.read(_WEIGHTS))
    found = _worker.call("modelkeep.formats.keras.hdf5:arrays", raw, limit)
    return {
        path: variables.read_as(value, name) if name in variables.LABELS else value
        for path, (value, name) in found.items()
    }


def _fill(model: Any, weights: dict[str, np.ndarray]) -> None:
    """Give each variable the array at its path. Only seeds of random layers may be missing: Keras leaves them out."""
    import keras

    wanted = {id(variable): variable for variable in model.variables}
    known = set(wanted)
    taken: list[tuple[Any, tuple[str, np.ndarray]]] = []
    for path, part in saveables(model):
        if not hasattr(part, "save_own_variables") or not isinstance(part, keras.layers.Layer):
            continue
        store: dict[str, Any] = {}
        if not hasattr(getattr(part, "_lookup_layer", part), "set_vocabulary"):
            part.save_own_variables(store)
        for key, variable in store.items():
            if id(variable) in known and id(variable) not in wanted:
                continue  # two parts hold it
            if id(variable) not in wanted:
                raise CheckError(
                    "a layer keeps something else than its variables", path=path, hint="save it as a keep file"
                )
            place = f"{path}/vars/{key}" if path else f"vars/{key}"
            if place not in weights:
                raise CheckError(f"the file has no weights for {quote(variable.path, 80)}", path=place, hint=_HINT)
            own = variable.path.rpartition("/")[2]
            taken.append((variable, (f"{place}/{own}", weights[place])))
            del wanted[id(variable)]
    for variable in wanted.values():
        if not variables.is_seed(variable):
            raise CheckError(f"the file has no weights for {quote(variable.path, 80)}", hint=_HINT)
        if variable._value is None:
            variable._deferred_initialize()
    found = [variable for variable, _ in taken]
    arrays = [array for _, array in taken]
    variables.fit(found, arrays, "the model")
    variables.assign(found, arrays)


def _fill_tables(model: Any, archive: archives.Archive, weights: dict[str, np.ndarray]) -> None:
    """Give each lookup layer that has none yet the vocabulary that is in the archive, a token a line."""
    for path, part in saveables(model):
        lookup = getattr(part, "_lookup_layer", part)
        if not hasattr(lookup, "set_vocabulary") or lookup.input_vocabulary is not None:
            continue
        name = f"{_ASSETS}{path}/vocabulary.txt"
        if name not in archive.members or lookup.vocabulary_size() > lookup._token_start_index():
            continue
        try:
            lines: list[Any] = bytes(archive.read(name)).decode().splitlines()
            tokens = lines if lookup.vocabulary_dtype == "string" else [int(line) for line in lines]
            idf = weights.get(f"{path}/vars/idf_weights")
            more = {} if idf is None else {"idf_weights": idf[: len(tokens)]}
            lookup.set_vocabulary(tokens, **more)
        except ValueError as error:
            raise CheckError(f"its vocabulary can't be used: {quote(str(error))}", path=name, hint=_HINT) from None


def _is_plain(compiled: dict[str, Any]) -> bool:
    """Whether the optimizer holds no other one, whose state Keras keeps elsewhere: then that begins anew."""
    optimizer = compiled.get("optimizer")
    return type(optimizer) is dict and optimizer.get("class") != "optimizers.LossScaleOptimizer"


def _optimizer(weights: dict[str, np.ndarray]) -> models.Arrays | None:
    """The optimizer's variables in their order, if the file has some."""
    prefix = "optimizer/vars/"
    numbers = sorted(int(path.removeprefix(prefix)) for path in weights if path.removeprefix(prefix).isdecimal())
    return [(f"{prefix}{number}", weights[f"{prefix}{number}"]) for number in numbers] or None
