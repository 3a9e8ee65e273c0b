"""Exported programs of PyTorch (``torch.export``) as archives that are data: checked here, and emitted anew.

PyTorch's own reader unpickles where a file asks for it, evaluates its size expressions, and looks up any name below
``torch``. So no archive of another's making comes near it: a program is parsed and checked by torch_schema.py, and what
PyTorch reads is what was written here from the parts that were understood. The same function makes what is saved:
without traces, paths of the machine or examples, so that the same program gives the same bytes.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import logging
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from modelkeep import torch_guards, torch_schema
from modelkeep.errors import ContainerError, ExportError, GraphError, LoadError, PolicyError, quote, said
from modelkeep.torch_archives import TorchArchive, open_torch
from modelkeep.torch_tensors import answer_of, evaluating

_WEIGHTS, _CONSTANTS = "data/weights", "data/constants"
_DATE = (1980, 1, 1, 0, 0, 0)
_IGNORED = ("archive_format", "archive_version", "byteorder", "version", ".format_version", ".storage_alignment")
#: How far a program may answer from the module that it was made of: fused kernels sum in another order.
TOLERANCE = 1e-5
_HINT = "save the program again with torch.export.save, or the module as a .keep file"


class Program(NamedTuple):
    """A checked program: its document, and its tensors' descriptions and bytes."""

    document: dict[str, Any]
    weights: dict[str, Any]
    constants: dict[str, Any]
    payload: Mapping[str, memoryview]


def check(data: memoryview, limit: int) -> Program:
    """The program in an archive, all of it understood; else a ``LoadError``."""
    archive = open_torch(data, limit)
    models = [name for name in archive.names if name.startswith("models/")]
    if len(models) != 1 or not models[0].endswith(".json"):
        raise ContainerError("the archive does not hold one exported program", hint=_HINT)
    name = models[0].removeprefix("models/").removesuffix(".json")
    if any(part.startswith("data/aotinductor/") for part in archive.names):
        raise PolicyError("the archive holds compiled code", hint="save the program without compiling it")
    document = torch_schema.program(_json(archive, models[0]))
    weights, first = _payloads(archive, _WEIGHTS, f"{name}_weights_config.json")
    constants, second = _payloads(archive, _CONSTANTS, f"{name}_constants_config.json")
    _refuse_unknown(archive, {models[0], *first, *second}, name)
    torch_guards.guard(document["graph_module"]["graph"], _sizes(document, weights))
    payload: dict[str, memoryview] = {}
    order = _order(document)
    weights = _renamed(weights, order, _WEIGHTS, "weight", first, payload)
    constants = _renamed(constants, order, _CONSTANTS, "tensor", second, payload)
    return Program(document, weights, constants, payload)


def _order(document: dict[str, Any]) -> list[str]:
    """The names of tensors in the order in which the program takes them."""
    specs = [spec for each in document["graph_module"]["signature"]["input_specs"] for spec in each.values()]
    keys = ("parameter_name", "buffer_name", "tensor_constant_name")
    return [spec[key] for spec in specs for key in keys if key in spec]


def _renamed(
    config: dict[str, Any], order: list[str], folder: str, kind: str, old: Any, payload: dict[str, memoryview]
) -> dict[str, Any]:
    """The descriptions in one order, and their files numbered in it: PyTorch writes both as they come."""
    known = config["config"]
    numbers: dict[str, str] = {}
    made = {}
    for name in [*(name for name in dict.fromkeys(order) if name in known), *sorted(known.keys() - set(order))]:
        before = known[name]["path_name"]
        path = numbers.setdefault(before, f"{kind}_{len(numbers)}")
        payload[f"{folder}/{path}"] = old[f"{folder}/{before}"]
        made[name] = {**known[name], "path_name": path}
    return {"config": made}


def _sizes(document: dict[str, Any], weights: dict[str, Any]) -> dict[str, list[int]]:
    """The sizes of the inputs of a graph that are weights, by the name of the input."""
    found = [spec["parameter"] for spec in document["graph_module"]["signature"]["input_specs"] if "parameter" in spec]
    config = weights["config"]
    return {
        spec["arg"]["name"]: [size.get("as_int", -1) for size in config[spec["parameter_name"]]["tensor_meta"]["sizes"]]
        for spec in found
        if spec["parameter_name"] in config
    }


def _json(archive: TorchArchive, name: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a key stands twice")
        return made

    try:
        return json.loads(bytes(archive.read(name)).decode(), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"{name} is not valid JSON: {quote(str(error))}", hint=_HINT) from None


def _payloads(archive: TorchArchive, folder: str, name: str) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """The descriptions of the tensors in a folder, and the bytes of each file that they name."""
    config = torch_schema.payloads(_json(archive, f"{folder}/{name}"))
    files = {f"{folder}/{each['path_name']}" for each in config["config"].values()}
    found = {path: archive.read(path) for path in sorted(files)}
    for key, each in config["config"].items():
        torch_schema.check_bounds(key, each["tensor_meta"], len(found[f"{folder}/{each['path_name']}"]))
    return config, found


def _refuse_unknown(archive: TorchArchive, used: set[str], name: str) -> None:
    configs = {f"{_WEIGHTS}/{name}_weights_config.json", f"{_CONSTANTS}/{name}_constants_config.json"}
    known = used | configs | set(_IGNORED) | {f"data/sample_inputs/{name}.pt"}
    for part in archive.names:
        if part not in known and not part.startswith((".data/", "extra/")):
            raise ContainerError(f"{quote(part)} in the archive is named by nothing", hint=_HINT)


def emit(program: Program) -> bytes:
    """The archive of a checked program: the same program gives the same bytes, which PyTorch opens."""
    parts: dict[str, Any] = {
        "archive_format": b"pt2",
        "archive_version": b"0",
        "byteorder": b"little",
        ".data/version": b"3\n",
        "models/model.json": _text(program.document),
        f"{_WEIGHTS}/model_weights_config.json": _text(program.weights),
        f"{_CONSTANTS}/model_constants_config.json": _text(program.constants),
        "data/sample_inputs/model.pt": b"",
        **program.payload,
    }
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(parts):
            file.writestr(zipfile.ZipInfo(f"model/{name}", _DATE), parts[name])
    return memory.getvalue()


def _text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def load(program: Program) -> Any:
    """The ``torch.export.ExportedProgram`` of a checked program."""
    import torch

    log = logging.getLogger("torch.export")
    before, log.disabled = log.disabled, True  # it would print whole programs; the error says what is wrong
    try:
        return torch.export.load(io.BytesIO(emit(program)))
    except Exception as error:  # PyTorch says in many ways that a program does not fit together
        raise GraphError(
            f"the program can't be built: {said(error)}", hint="read it with the PyTorch that wrote it, or a newer one"
        ) from error
    finally:
        log.disabled = before


def module_of(program: Any) -> Any:
    """The callable module of an exported program, which remembers the program."""
    module = program.module()
    module.exported_program = program
    return module


def archive_of(program: Any) -> bytes:
    """The archive of an ``ExportedProgram``. A part that no reader here would take is an ``ExportError``."""
    import torch

    memory = io.BytesIO()
    try:
        torch.export.save(program, memory)
    except Exception as error:
        raise ExportError(f"PyTorch can't save the program: {said(error)}", hint=_KEEP) from error
    try:
        return emit(check(memoryview(memory.getbuffer()), 1 << 62))
    except LoadError as error:
        raise ExportError(f"the program has a part that is not data: {error}", hint=_KEEP) from error


_KEEP = "save the module as a .keep file, and load it where its class is trusted"


def proved(module: Any, example: Any) -> bytes:
    """The archive of a module's program, opened again as a reader does and compared with the module's own answers."""
    import torch

    made = archive_of(export(module, example))
    again = module_of(load(check(memoryview(made), 1 << 62)))
    args, kwargs = _inputs(example)
    with evaluating(module), torch.no_grad():
        expected, found = (_flat(answer_of(each(*args, **kwargs))) for each in (module, again))
    if [each.shape for each in expected] != [each.shape for each in found]:
        raise ExportError("the traced program gives other outputs than the module", hint=_KEEP)
    for first, second in zip(expected, found, strict=True):
        if not np.allclose(first, second, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise ExportError("the traced program answers differently from the module", hint=_KEEP)
    return made


def _flat(answer: Any) -> list[Any]:
    parts = list(answer.values()) if isinstance(answer, dict) else answer if isinstance(answer, tuple) else None
    return [each for part in parts for each in _flat(part)] if parts is not None else [np.asarray(answer)]


# -- from a module -------------------------------------------------------------------------------------------------


def export(module: Any, example: Any) -> Any:
    """The exported program of ``module``, for any number of rows where PyTorch can tell that, else for the example's.

    example: a tensor or an array, a tuple of them, or a dict of inputs by name.
    """
    args, kwargs = _inputs(example)
    free = _free_rows(module, args, kwargs)
    reasons: list[str] = []
    with evaluating(module):
        for dynamic in [free, None] if free else [None]:
            args = _two(args) if dynamic else args
            kwargs = {name: _two(each) if dynamic else each for name, each in kwargs.items()}
            try:
                return _exported(module, args, kwargs, dynamic)
            except Exception as error:  # of whatever the module's own code and the tracer raise
                reasons.append(said(error))
    raise ExportError(
        f"PyTorch can't trace the module: {reasons[-1]}",
        hint="pass inputs that forward takes, or leave the example out",
    )


def _exported(module: Any, args: Any, kwargs: Any, dynamic: Any) -> Any:
    import torch

    # What the tracer prints of a module that it can't trace are pages; its error is told.
    silent = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with torch.no_grad(), warnings.catch_warnings(), silent[0], silent[1]:
        warnings.simplefilter("ignore", UserWarning)  # of attributes that the tracer puts back by itself
        return torch.export.export(module, args, kwargs, dynamic_shapes=dynamic, strict=False)


def _inputs(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, dict):
        named = {str(name): _tensor(each) for name, each in example.items()}
        args = [named.pop(str(number)) for number in range(len(named)) if str(number) in named]
        return tuple(args), named
    parts = example if isinstance(example, tuple | list) and not _is_rows(example) else (example,)
    return tuple(map(_tensor, parts)), {}


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], int | float | list)


def _tensor(value: Any) -> Any:
    import torch

    return value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))


def _free_rows(module: Any, args: Any, kwargs: Any) -> Any:
    """``dynamic_shapes`` with the first axis of every input free; None where the inputs have none in common."""
    import torch

    tensors = [*args, *kwargs.values()]
    lengths = {tensor.shape[0] if tensor.ndim else 0 for tensor in tensors}
    if len(lengths) != 1 or 0 in lengths:
        return None
    try:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return None
    if any(not isinstance(each, torch.Tensor) for each in bound.arguments.values()):
        return None
    return {name: {0: torch.export.Dim.AUTO} for name in bound.arguments}


def _two(value: Any) -> Any:
    """One row twice: a tracer takes a length of one for a constant."""
    import torch

    if isinstance(value, tuple):
        return tuple(map(_two, value))
    return torch.cat([value, value]) if value.shape[0] == 1 else value
