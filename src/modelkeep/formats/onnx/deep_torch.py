"""PyTorch modules as ONNX, by torch's own exporter: any number of rows, one file, the same bytes each time."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from modelkeep.errors import ExportError, UsageError, quote, said
from modelkeep.formats.onnx.graph_bytes import packed

_OPTIONS = {"opset", "example", "dynamic"}
_OPSET = 20
_HINT = 'pass example=, inputs as the module takes them, as in options={"example": (x,)}'


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """``recipe.options``: ``opset``, ``example`` (a tensor, a tuple or a dict of them), ``dynamic`` (True unless said).

    The number of rows may be any: it is the first axis of every input. ``dynamic=False`` fixes it to the example's.
    """
    options = dict(recipe.options)
    if unknown := sorted(options.keys() - _OPTIONS):
        raise UsageError(f"there is no option {quote(unknown[0])}", hint="its options are opset, example and dynamic")
    if type(model).__name__.endswith("ScriptModule"):
        raise ExportError("TorchScript has no ONNX form", hint="export the module that it was made from")
    example = options.get("example", recipe.sample)
    if example is None:
        raise ExportError("the exporter runs the module, and has no rows to run it on", hint=_HINT)
    with _ready(model) as module:
        positional, named = _inputs(model, module, example)
        tree = _answer(module, positional, named)
        shapes = _dynamic(model, positional, named, options)
        program = exported(model, positional, named, options, len(_names(tree)), shapes)
    file.write(packed(program.model_proto, {"modelkeep.methods": dict.fromkeys(("forward", "predict"), _named(tree))}))


@contextlib.contextmanager
def _ready(model: Any) -> Iterator[Any]:
    """What is called: in eval mode, without gradients, and as it was at the end."""
    import torch

    module = model.module() if type(model).__name__ == "ExportedProgram" else model
    training = [each for each in module.modules() if each.training]
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    try:
        for each in training:
            each.training = False
        noisy.setLevel(logging.ERROR)
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield module
    finally:
        noisy.setLevel(level)
        for each in training:
            each.training = True


# -- the example ---------------------------------------------------------------------------------------------------


def _inputs(model: Any, module: Any, example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, Mapping):
        named = {str(name): _tensor(module, value) for name, value in example.items()}
        positional = [named.pop(str(i)) for i in range(len(named)) if str(i) in named]
        return tuple(positional), named
    if isinstance(example, tuple):
        return tuple(_tensor(module, value) for value in example), {}
    return (_tensor(module, example),), {}


def _tensor(module: Any, value: Any) -> Any:
    """A tensor of at least two rows: an exporter takes a single row for a number that is always one."""
    import torch

    if not isinstance(value, torch.Tensor):
        array = np.ascontiguousarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
        if array.dtype.kind not in "biuf":
            raise ExportError(f"rows of {array.dtype} are no tensor", hint=_HINT)
        value = torch.from_numpy(array.copy())
        kinds = {each.dtype for each in module.parameters() if each.is_floating_point()}
        if value.is_floating_point():
            value = value.to(kinds.pop() if len(kinds) == 1 else torch.get_default_dtype())
    if value.dim() and len(value) == 1:
        return torch.cat([value, value])
    return value[:16] if value.dim() else value


def _answer(module: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What the module answers, as a tree of its tensors."""
    try:
        return module(*positional, **named)
    except Exception as error:  # the module's own code may raise anything
        raise ExportError(f"the module refuses the example: {said(error)}", hint=_HINT) from error


def _names(tree: Any) -> list[Any]:
    """The tensors of an answer in the exporter's order."""
    if isinstance(tree, Mapping):
        return [leaf for each in tree.values() for leaf in _names(each)]
    if isinstance(tree, list | tuple):
        return [leaf for each in tree for leaf in _names(each)]
    if not hasattr(tree, "detach"):
        raise ExportError(
            f"the module answers with {quote(repr(tree))}, which is no tensor", hint="return tensors only"
        )
    return [tree]


def _named(tree: Any) -> Any:
    """The tree of an answer with the name of an output in place of each tensor."""
    count = iter(range(len(_names(tree))))

    def name(each: Any) -> Any:
        if isinstance(each, Mapping):
            return {str(key): name(value) for key, value in each.items()}
        if isinstance(each, list | tuple):
            return [name(value) for value in each]
        return f"output_{next(count)}"

    return name(tree)


# -- the export ----------------------------------------------------------------------------------------------------


def exported(
    model: Any,
    positional: tuple[Any, ...],
    named: dict[str, Any],
    options: Mapping[str, Any],
    outputs: int,
    shapes: Any = None,
) -> Any:
    """torch's ONNX program of ``model``; ``shapes`` says which axes may be of any length."""
    import torch

    try:
        return torch.onnx.export(
            model,
            positional,
            kwargs=named,
            dynamo=True,
            opset_version=options.get("opset", _OPSET),
            output_names=[f"output_{i}" for i in range(outputs)],
            external_data=False,
            verbose=False,
            dynamic_shapes=shapes,
        )
    except Exception as error:  # the exporter's own classes, and whatever the module raises while it is traced
        raise ExportError(
            f"torch's exporter can't trace the module: {_cause(error)}",
            hint='where the module needs one number of rows, pass options={"dynamic": False}; else export a part of it',
        ) from error


def _dynamic(model: Any, positional: tuple[Any, ...], named: dict[str, Any], options: Mapping[str, Any]) -> Any:
    """The first axis of every input may be of any length."""
    import torch

    if not options.get("dynamic", True) or type(model).__name__ == "ExportedProgram":
        return None
    rows = torch.export.Dim("rows")
    sized = [{0: rows} if each.dim() else None for each in positional]
    return _by_parameter(model, sized, named, rows) if named else tuple(sized)


def _by_parameter(model: Any, sized: list[Any], named: dict[str, Any], rows: Any) -> dict[str, Any]:
    """Shapes by the names of the parameters of ``forward``."""
    import inspect

    names = list(inspect.signature(model.forward).parameters)
    found = dict(zip(names, sized, strict=False))
    return {**found, **{name: {0: rows} if each.dim() else None for name, each in named.items()}}


def _cause(error: BaseException) -> str:
    """The first error of a chain: the exporter puts its own pages before it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return said(error)
