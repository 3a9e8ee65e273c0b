"""Weights from a file into a model that is there already: names and shapes are compared, and then all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep import catalog, loading
from modelkeep.errors import CheckError, LoadError, UsageError, quote
from modelkeep.formats.keep import weights as kept
from modelkeep.loading import Rules, Source
from modelkeep.verification import in_file

_TOLD = 5


@dataclass(frozen=True)
class Weights:
    """What was put in: how many tensors, those that the file did not have, and those that the model does not."""

    loaded: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def load(source: Source | Mapping[str, Any], into: Any, rules: Rules, *, strict: bool, format: str | None) -> Weights:
    """Put the weights in ``source`` into the model ``into``."""
    found = dict(source) if isinstance(source, Mapping) else _read(source, rules, format)
    targets = _targets(into)
    if not targets.keys() & found.keys():
        found = _below(found)
    missing = tuple(name for name in targets if name not in found)
    unexpected = tuple(name for name in found if name not in targets)
    wrong = [f"{name} is {told}" for name in targets if name in found and (told := _unlike(targets[name], found[name]))]
    lines = [f"{len(wrong)} do not fit: {_named(wrong)}"] if wrong else []
    if strict or not set(targets) & set(found):
        lines += [f"{len(missing)} are missing: {_named(missing)}"] if missing else []
        lines += [f"{len(unexpected)} are not the model's: {_named(unexpected)}"] if unexpected else []
    if lines:
        hint = "make the model as it was when they were saved" + ("" if wrong else "; or pass strict=False")
        raise CheckError(f"the weights are not those of this model, and none was put in: {'; '.join(lines)}", hint=hint)
    _put({name: (targets[name], found[name]) for name in targets if name in found})
    return Weights(len(targets) - len(missing), missing, unexpected)


def _named(names: Any) -> str:
    return ", ".join(quote(name, 200).strip("'") for name in list(names)[:_TOLD]) + (
        "..." if len(names) > _TOLD else ""
    )


def _read(source: Source, rules: Rules, format: str | None) -> dict[str, Any]:
    """The weights in a file, by name; of a keep file without a look at the classes in it."""
    opened = loading.open_source(source, rules.policy, format, rules.unlock)
    if opened.format.name != "keep" and opened.format.gives != "weights":
        raise UsageError(
            f"{opened.name}: {opened.format.a_file} is not one of weights",
            hint="load the model itself; files of weights are keep, safetensors and state_dict",
        )
    try:
        if opened.format.name == "keep":
            return kept.read(loading.open_artifact(opened).files, rules.policy)
        assert opened.format.reader is not None
        found = catalog.resolve(opened.format.reader)(opened.data, rules)
    except LoadError as error:
        raise in_file(error, opened.name) from None
    if not isinstance(found, dict) or not all(hasattr(each, "shape") for each in found.values()):
        told = _named(found) if isinstance(found, dict) else type(found).__name__
        raise UsageError(
            f"{opened.name} holds more than weights by name: {told}",
            hint='load it, and pass the part with the weights, as in into=model of mk.load(path)["model"]',
        )
    return found


def _below(found: dict[str, Any]) -> dict[str, Any]:
    """The names below the one that all of them begin with, if they do: that of a Keras model."""
    roots = {name.partition("/")[0] for name in found}
    return {name.partition("/")[2] or name: each for name, each in found.items()} if len(roots) == 1 else found


def _targets(into: Any) -> dict[str, Any]:
    """The tensors of a model by name: those of a Keras model are its variables."""
    if catalog.framework_of(into).name == "keras":  # which numbers the models of a process in their names
        return {weight.path.removeprefix(f"{into.name}/"): weight for weight in into.weights}
    if catalog.framework_of(into).name == "torch" and hasattr(into, "state_dict"):
        return dict(into.state_dict(keep_vars=True))
    raise UsageError(f"a {type(into).__name__} takes no weights", hint="pass a module of PyTorch or a Keras model")


def _unlike(target: Any, value: Any) -> str:
    """In what a value differs from the tensor that it is for, or nothing."""
    if getattr(value, "shape", None) is None:
        return f"a {type(value).__name__}"
    shapes = tuple(target.shape), tuple(value.shape)
    if shapes[0] != shapes[1]:
        return f"of shape {shapes[1]}, not {shapes[0]}"
    dtypes = _dtype(target), _dtype(value)
    if dtypes[0] != dtypes[1]:
        return f"of {dtypes[1]}, not {dtypes[0]}"
    if hasattr(target, "is_meta") and (target.is_meta or _repeats(target)):
        return "for a tensor without memory of its own for each element"
    return ""


def _repeats(tensor: Any) -> bool:
    """Whether some elements are one place in memory, which PyTorch does not write to."""
    return any(length > 1 and step == 0 for length, step in zip(tensor.shape, tensor.stride(), strict=True))


def _dtype(value: Any) -> str:
    return str(getattr(value.dtype, "name", value.dtype)).removeprefix("torch.")


def _put(pairs: dict[str, tuple[Any, Any]]) -> None:
    first = next(iter(pairs.values()), (None, None))[0]
    if hasattr(first, "assign"):
        for target, value in pairs.values():
            target.assign(_array(value))
        return
    import torch

    made = [(target, _tensor(value, target)) for target, value in pairs.values()]
    with torch.no_grad():
        for target, value in made:
            target.copy_(value)


def _array(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)


def _tensor(value: Any, target: Any) -> Any:
    """A value as a tensor on its own memory; numpy's bfloat16 and float8 by their bits."""
    import torch

    from modelkeep.torch_tensors import ARRAYS, dtype_name, tensor_of

    if isinstance(value, torch.Tensor):
        return value
    name = dtype_name(target)
    return tensor_of(np.asarray(value).view(ARRAYS[name]), name)
