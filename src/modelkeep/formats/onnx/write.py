"""scikit-learn models, and those of the boosting libraries, as ONNX: inputs by name, outputs by method.

All is computed in float64 with scikit-learn's own steps, in its own order. An array is one input ``X``; a frame has one
input for each column. Outputs are named as the methods are, and there is no map among them.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np

from modelkeep.errors import ExportError, UsageError, quote, said
from modelkeep.formats.onnx.graph import OPSET, Graph
from modelkeep.formats.onnx.graph_bytes import packed
from modelkeep.formats.onnx.steps import converted
from modelkeep.formats.onnx.steps.encoders import MARKS
from modelkeep.formats.onnx.table import DOUBLE, FLOAT, STRING, Part, Table
from modelkeep.predictors import METHODS
from modelkeep.predictors.refusals import refusals

_OPTIONS = {"opset"}
_OLDEST = 18


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """Write ``model`` as it answers the rows of ``recipe.sample``."""
    file.write(model_bytes(model, recipe.sample, dict(recipe.options)))


def model_bytes(model: Any, sample: Any, options: dict[str, Any]) -> bytes:
    """The file's bytes: the same for the same model and the same kind of rows."""
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise UsageError(f"onnx has no option {quote(unknown[0])} here", hint='as in options={"opset": 18}')
    opset = options.get("opset", OPSET)
    if not isinstance(opset, int) or not _OLDEST <= opset <= OPSET:
        raise UsageError(f"opset is {opset!r}", hint=f"use one from {_OLDEST} to {OPSET}")
    graph = Graph()
    inputs, table, about = _inputs(model, sample, graph)
    found = converted(model, graph, table)
    outputs, methods = _outputs(graph, found)
    made = _typed(graph.model(inputs, outputs, {}, opset))
    marks = {f"modelkeep.{kind}": text for kind, text in MARKS.items()}
    refused = refusals(model, sample, next((name for name in METHODS if name in found), ""))
    about |= {"modelkeep.refuses": refused} if refused else {}
    return packed(made, {"modelkeep.methods": methods, **marks, **about})


def _inputs(model: Any, sample: Any, graph: Graph) -> tuple[list[Any], Table, dict[str, Any]]:
    if sample is None:
        width = getattr(model, "n_features_in_", None)
        if width is None:
            raise ExportError("nothing tells what rows it takes", hint="pass sample=, rows as the model takes them")
        sample = np.zeros((1, int(width)))
    if hasattr(sample, "columns") and hasattr(sample, "iloc"):
        return _of_frame(sample, graph)
    if hasattr(sample, "toarray"):
        sample = np.zeros((1, sample.shape[1]), dtype=sample.dtype)
    array = _array(sample)
    if array.ndim == 1 and array.dtype.kind in "UO" and all(isinstance(each, str) for each in array.tolist()):
        return [_input("X", STRING, [None])], Table((Part("X", 1, text=True),)), {}
    if array.ndim == 1:
        column = graph.add("Unsqueeze", "X", graph.const([1], np.int64))
        return [_input("X", DOUBLE, [None])], Table((Part(column, 1),)), {}
    if array.ndim != 2:
        raise ExportError(f"its rows have {array.ndim - 1} dimensions", hint="pass rows of numbers")
    kind = _kind(array)
    part = _as_numbers(graph, "X", array.shape[1], kind, array.dtype)
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    about = {"modelkeep.inputs": names} if len(names) == array.shape[1] else {}
    return [_input("X", kind, [None, array.shape[1]])], Table((part,)), about


def _array(sample: Any) -> Any:
    try:
        return np.asarray(sample)
    except ValueError:
        raise ExportError(
            "its rows are of several lengths", hint="only tables and lists of texts have an ONNX form"
        ) from None


def _kind(array: Any) -> int:
    """The type of an input for such values."""
    if array.dtype.kind in "fc":
        return FLOAT if array.dtype.itemsize <= 4 else DOUBLE
    if array.dtype.kind in "iub":
        return DOUBLE
    values = [each for each in np.ravel(array).tolist() if not (each is None or each != each)]
    if all(isinstance(each, str) for each in values) and values:
        return STRING
    if all(isinstance(each, int | float | np.number) for each in values):
        return DOUBLE
    raise ExportError("its rows mix texts and numbers in one array", hint="pass a frame, with a column for each")


def _as_numbers(graph: Graph, name: str, width: int, kind: int, dtype: Any) -> Part:
    if kind == STRING:
        return Part(name, width, text=True)
    if kind == DOUBLE:
        return Part(name, width, whole=str(dtype) if getattr(dtype, "kind", "O") in "iub" else "")
    return Part(graph.add("Cast", name, to=DOUBLE), width, narrow=kind == FLOAT)


def _of_frame(sample: Any, graph: Graph) -> tuple[list[Any], Table, dict[str, Any]]:
    """One input for each column, of the column's own type."""
    names = [str(name) for name in sample.columns]
    if len(set(names)) != len(names):
        raise ExportError("two columns have one name", hint="rename one of them, and fit the model again")
    if "" in names:
        raise ExportError("a column has no name", hint="name it, and fit the model again")
    graph.taken.update(names)
    inputs, parts = [], []
    for place, name in enumerate(names):
        column = sample.iloc[:, place]
        kind = _column_kind(column)
        inputs.append(_input(name, kind, [None, 1]))
        parts.append(_as_numbers(graph, name, 1, kind, column.dtype))
    return inputs, Table(tuple(parts), tuple(names)), {"modelkeep.inputs": names}


def _column_kind(column: Any) -> int:
    values = getattr(column.dtype, "categories", None)
    values = np.asarray(values) if values is not None else None
    if values is None:
        numeric = getattr(column.dtype, "kind", "O") in "fiub"
        plain = isinstance(column.dtype, np.dtype)
        values = (
            np.zeros(1, column.dtype if plain else np.float64) if numeric else column.dropna().to_numpy(dtype=object)
        )
    return _kind(values) if len(values) else DOUBLE


def _input(name: str, kind: int, shape: list[Any]) -> Any:
    from onnx import helper

    return helper.make_tensor_value_info(name, kind, ["N", *shape[1:]])


def _typed(made: Any) -> Any:
    """The same with the types of its outputs, as the runtime sees them."""
    from onnx import TensorProto, helper

    session = opened(made.SerializeToString())
    kinds = {"float": TensorProto.FLOAT, "double": TensorProto.DOUBLE, "string": TensorProto.STRING}
    for output, seen in zip(made.graph.output, session.get_outputs(), strict=True):
        name = str(seen.type).removeprefix("tensor(").removesuffix(")")
        kind = kinds.get(name, getattr(TensorProto, name.upper(), 0))
        widths = [each if isinstance(each, int) else None for each in seen.shape[1:]]
        output.CopyFrom(helper.make_tensor_value_info(output.name, kind, ["N", *widths]))
    return made


def opened(data: bytes) -> Any:
    """A session of the runtime, or why it can't run the file."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # it raises classes of its own for whatever it does not like
        raise ExportError(f"onnxruntime does not run it: {said(error)}", hint="choose another format") from None


def _outputs(graph: Graph, found: dict[str, Any]) -> tuple[list[Any], str]:
    """The outputs of the graph, and which of them answer which method."""
    from onnx import helper

    infos, methods = [], {}
    for method, value in found.items():
        if isinstance(value, Table):
            value = value.parts[0].name if len(value.parts) == 1 and value.parts[0].text else value.numbers(graph)
        several = isinstance(value, list)
        names = [f"{method}_{i}" for i in range(len(value))] if several else [method]
        for name, source in zip(names, value if several else [value], strict=True):
            if name in graph.taken:
                raise ExportError(
                    f"a column is called {quote(name)}, as what the file answers is", hint="rename it, and fit it again"
                )
            graph.add("Identity", source, output=name)
            infos.append(helper.make_empty_tensor_value_info(name))
        methods[method] = names if several else method
    return infos, json.dumps(methods, sort_keys=True)
