"""A model as a SavedModel: Keras and TensorFlow write it themselves."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from typing import Any

from modelkeep.errors import ExportError, UsageError, said


def write_keras(model: Any, path: str, recipe: Any) -> None:
    """The model's answer as the signatures ``serve`` and ``serving_default``."""
    import keras

    _no_options(recipe)
    backend = keras.backend.backend()
    if backend != "tensorflow":
        hint = "open it with KERAS_BACKEND=tensorflow, then export; or export it to ONNX"
        raise ExportError(
            f"Keras computes with {backend} here, and writes this format with TensorFlow alone", hint=hint
        )
    if not model.built:
        raise ExportError("the model is not built: it has no weights yet", hint="call it once on rows, then export")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells each signature
            model.export(path, format="tf_saved_model", verbose=False)
    except Exception as error:
        hint = "export it to ONNX, or save it as a keep file"
        raise ExportError(f"Keras can't export this model: {said(error)}", hint=hint) from error


def cross(model: Any, path: str, recipe: Any) -> None:
    """An ONNX predictor as TensorFlow computes it."""
    from modelkeep import crossing

    write_keras(crossing.to_keras(model), path, recipe)


def write_tensorflow(model: Any, path: str, recipe: Any) -> None:
    """A module with functions, or the same files again for a predictor that was read from some."""
    _no_options(recipe)
    files = getattr(model, "files", None)
    if isinstance(files, dict):
        for name, data in files.items():
            os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
            with open(os.path.join(path, name), "wb") as file:
                file.write(data)
        return
    folder = getattr(model, "folder", None)
    if isinstance(folder, str):
        shutil.copytree(folder, path, dirs_exist_ok=True)
        return
    import tensorflow as tf

    try:
        tf.saved_model.save(model, path, signatures=getattr(model, "signatures", None) or None)
    except Exception as error:
        raise ExportError(f"TensorFlow can't save this: {said(error)}", hint="give its functions signatures") from error


def _no_options(recipe: Any) -> None:
    if recipe.options or recipe.compress is not None:
        raise UsageError("a savedmodel has no options, and is not compressed", hint="leave them out")
