"""Keras models as ONNX: by tf2onnx where TensorFlow computes them, by torch's own exporter where torch does."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from modelkeep.errors import ExportError, LoadError, UsageError, quote, said
from modelkeep.formats.onnx import deep_torch
from modelkeep.formats.onnx.graph_bytes import packed, renamed
from modelkeep.onnx_checks import checked

_OPSETS = {"tensorflow": 18, "torch": 20}
_HINT = "find the layer that has no ONNX form: export a model of the layers before it"


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """``recipe.options``: ``opset``. Inputs are those that the model was built with; their first axis may be any."""
    import keras

    options = dict(recipe.options)
    if unknown := sorted(options.keys() - {"opset"}):
        raise UsageError(f"there is no option {quote(unknown[0])}", hint="its option is opset")
    backend = keras.backend.backend()
    if backend not in _OPSETS:
        raise ExportError(f"Keras over {backend} has no way to ONNX", hint="load the model with KERAS_BACKEND=torch")
    flat = _Flat(model, recipe.sample)
    opset = options.get("opset", _OPSETS[backend])
    with _still():
        made = flat.by_torch(opset) if backend == "torch" else flat.by_tensorflow(opset)
    _name_ports(made, flat.names)
    renamed(made)
    names = [value.name for value in made.graph.output]
    data = packed(made, {"modelkeep.methods": dict.fromkeys(("forward", "predict"), _tree(flat.tree(names)))})
    try:
        checked(data)
    except LoadError as error:
        raise ExportError(f"the model has no standard ONNX form: {error}", hint=_HINT) from None
    file.write(data)


@contextlib.contextmanager
def _still() -> Iterator[None]:
    """Without what the exporters print and log."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "torch.onnx", "tensorflow")]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.ERROR)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


class _Flat:
    """A model as a function of a list of tensors that gives a list of tensors."""

    def __init__(self, model: Any, sample: Any) -> None:
        import keras

        self.model = model
        inputs = getattr(model, "inputs", None) or [_specs(sample)]  # a model that is code of its own says nothing
        self.struct = getattr(model, "input", None) or (inputs[0] if len(inputs) == 1 else inputs)
        leaves = keras.tree.flatten(self.struct)
        self.names = [_plain(each.name, i) for i, each in enumerate(leaves)]
        self.shapes = [(None, *each.shape[1:]) for each in leaves]
        self.dtypes = [each.dtype for each in leaves]
        self._answer: Any = None

    def __call__(self, *tensors: Any) -> list[Any]:
        import keras

        self._answer = self.model(keras.tree.pack_sequence_as(self.struct, list(tensors)), training=False)
        return list(keras.tree.flatten(self._answer))

    def tree(self, names: list[str]) -> Any:
        """The structure of the last answer with names in place of its tensors."""
        import keras

        return keras.tree.pack_sequence_as(self._answer, names)

    def by_torch(self, opset: int) -> Any:
        import torch

        flat = self

        class Wrapped(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = flat.model

            def forward(self, *tensors: Any) -> Any:
                return tuple(flat(*tensors))

        device = next((each.device for each in self.model.parameters()), torch.device("cpu"))
        example = tuple(
            torch.zeros([size or 3 for size in (2, *shape[1:])], dtype=getattr(torch, dtype), device=device)
            for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        )
        with torch.no_grad():
            count = len(self(*example))
            tree = self._answer
            module = Wrapped().eval()
            rows = torch.export.Dim("rows")
            shapes = {"tensors": tuple({0: rows} for _ in example)}
            made = deep_torch.exported(module, example, {}, {"opset": opset}, count, shapes)
        self._answer = tree
        return made.model_proto

    def by_tensorflow(self, opset: int) -> Any:
        import tensorflow as tf
        import tf2onnx
        from keras.src.export.tf2onnx_lib import patch_tf2onnx  # Keras' own repair of it for this numpy

        patch_tf2onnx()
        specs = [
            tf.TensorSpec(shape, dtype, name)
            for shape, dtype, name in zip(self.shapes, self.dtypes, self.names, strict=True)
        ]
        try:
            function = tf.function(lambda *tensors: self(*tensors), input_signature=specs)
            made, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=opset)
        except Exception as error:  # of tf2onnx or TensorFlow: they have no class in common
            raise ExportError(f"tf2onnx can't write the model: {said(error)}", hint=_HINT) from error
        _complement_errors(made.graph)
        return made


def _specs(sample: Any) -> Any:
    """What rows look like, for a model that does not say what it takes."""
    import keras

    if sample is None:
        raise ExportError("the model does not say what rows it takes", hint="pass sample=, or give it an Input")
    if isinstance(sample, Mapping):
        return {str(name): _specs(value) for name, value in sample.items()}
    array = np.asarray(sample)
    dtype = "float32" if array.dtype.kind == "f" else str(array.dtype)
    return keras.KerasTensor((None, *array.shape[1:]), dtype)


def _plain(name: str, number: int) -> str:
    """An input's name, unless Keras counted it: then its place."""
    return name if not name.startswith(("keras_tensor", "input_layer")) else f"input_{number}"


def _name_ports(model: Any, inputs: list[str]) -> None:
    """The inputs by the model's own names in its order, the outputs by number."""
    graph = model.graph
    wanted = {old.name: new for old, new in zip(graph.input, inputs, strict=True)} if _in_order(graph, inputs) else {}
    wanted |= {value.name: f"output_{i}" for i, value in enumerate(graph.output)}
    for value in (*graph.input, *graph.output):
        value.name = wanted.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [wanted.get(name, name) for name in node.input]
        node.output[:] = [wanted.get(name, name) for name in node.output]


def _in_order(graph: Any, inputs: list[str]) -> bool:
    """Whether the exporter left the inputs in their order: tf2onnx names them, torch's exporter numbers them."""
    names = [value.name.partition(":")[0] for value in graph.input]
    return len(names) == len(inputs) and (names == inputs or not set(names) & set(inputs))


def _complement_errors(graph: Any) -> None:
    """TensorFlow's Erfc, which GELU is made of, is 1 - Erf: ONNX has only that."""
    from onnx import helper, numpy_helper

    nodes = list(graph.node)
    if not any(node.op_type == "Erfc" for node in nodes):
        return
    del graph.node[:]
    graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "one_of_erfc"))
    for node in nodes:
        if node.op_type != "Erfc":
            graph.node.append(node)
            continue
        inner = f"{node.output[0]}_erf"
        graph.node.append(helper.make_node("Erf", list(node.input), [inner]))
        graph.node.append(helper.make_node("Sub", ["one_of_erfc", inner], list(node.output)))


def _tree(tree: Any) -> Any:
    """A structure of names as JSON has it."""
    if isinstance(tree, Mapping):
        return {str(name): _tree(each) for name, each in tree.items()}
    return [_tree(each) for each in tree] if isinstance(tree, list | tuple) else tree
