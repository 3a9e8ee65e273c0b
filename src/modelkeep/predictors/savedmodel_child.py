"""What runs in the process of a SavedModel: TensorFlow opens the folder and answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import UsageError, quote

_opened: dict[str, Any] = {}


def _open(folder: str) -> Any:
    if folder not in _opened:
        import tensorflow as tf

        _opened.clear()
        _opened[folder] = tf.saved_model.load(folder)
    return _opened[folder]


def describe(folder: str) -> dict[str, Any]:
    """By signature: inputs and outputs by name, each a dtype and a shape, with None for any length."""
    return {
        name: {
            "inputs": {key: _spec(each) for key, each in function.structured_input_signature[1].items()},
            "outputs": {key: _spec(each) for key, each in function.structured_outputs.items()},
        }
        for name, function in _open(folder).signatures.items()
    }


def _spec(spec: Any) -> list[Any]:
    shape = None if spec.shape.rank is None else spec.shape.as_list()
    return [spec.dtype.name, shape]


def answer(folder: str, signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs by name."""
    import tensorflow as tf

    loaded = _open(folder)
    function = loaded.signatures[signature]
    specs = function.structured_input_signature[1]
    if set(inputs) != set(specs):
        return _counted(loaded, inputs)
    found = function(**{name: _tensor(tf, inputs[name], specs[name].dtype) for name in specs})
    return {name: _plain(tf, value) for name, value in found.items()}


def _counted(loaded: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs in their order: a signature only knows names, but what Keras exports has a function that takes them."""
    import tensorflow as tf

    serve = getattr(loaded, "serve", None)
    if serve is None:
        raise UsageError("the model's inputs have names, and no order", hint="pass a dict of arrays by name")
    specs = tf.nest.flatten(serve.concrete_functions[0].structured_input_signature[0])
    if len(specs) != len(inputs):
        raise UsageError(f"the model has {len(specs)} inputs", hint="pass a dict of arrays by name")
    rows = [_tensor(tf, inputs[str(number)], spec.dtype) for number, spec in enumerate(specs)]
    found = serve(rows)
    if isinstance(found, dict):
        return {str(name): _plain(tf, value) for name, value in found.items()}
    return {f"output_{number}": _plain(tf, value) for number, value in enumerate(tf.nest.flatten(found))}


def _tensor(tf: Any, rows: np.ndarray, dtype: Any) -> Any:
    if dtype == tf.string:
        if rows.dtype.kind != "U":
            raise UsageError(f"rows of {rows.dtype} where the model takes text", hint="pass texts")
        return tf.constant(rows.astype(object), tf.string)
    if rows.dtype.kind not in "biuf":
        raise UsageError(f"rows of {quote(str(rows.dtype))} where the model takes {dtype.name}", hint="pass numbers")
    return tf.cast(tf.constant(rows), dtype)


def _plain(tf: Any, value: Any) -> np.ndarray:
    """A tensor as an array; text as text, and what numpy lacks as float32, which is exact."""
    if isinstance(value, tf.RaggedTensor):
        value = value.to_tensor()
    if isinstance(value, tf.SparseTensor):
        value = tf.sparse.to_dense(value)
    if value.dtype in (tf.bfloat16, tf.float16):
        value = tf.cast(value, tf.float32) if value.dtype == tf.bfloat16 else value
    found = np.asarray(value.numpy())
    if found.dtype == object:
        found = np.array([each.decode("utf-8", "replace") for each in found.ravel()], dtype=str).reshape(found.shape)
    return found
