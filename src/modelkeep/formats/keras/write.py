"""A Keras model as a ``.keras`` file: what ``model.save`` writes, with no date, and shared layers numbered."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from typing import Any, BinaryIO

from modelkeep.errors import ExportError, UsageError, said

_CONFIG, _METADATA = "config.json", "metadata.json"
#: The first moment that a zip archive has; a date would make each file another one.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    if recipe.options or recipe.compress is not None:
        raise UsageError("a keras file has no options, and is not compressed", hint="leave them out")
    if not model.built:
        raise ExportError("the model is not built: it has no weights yet", hint="call it once on rows, then export")
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        path = os.path.join(folder, "model.keras")
        try:
            model.save(path)
        except Exception as error:
            hint = "give its classes a get_config of plain data, or save it as a keep file"
            raise ExportError(f"Keras can't save this model: {said(error)}", hint=hint) from error
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(file, "w") as target:
            for name in sorted(source.namelist()):
                data = source.read(name)
                if name == _CONFIG:
                    data = _config(data)
                elif name == _METADATA:
                    data = _metadata(data)
                target.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    file.seek(0, io.SEEK_END)


def cross(model: Any, file: BinaryIO, recipe: Any) -> None:
    """An ONNX predictor as Keras computes it: one layer that holds the graph, which Keras alone does not know."""
    from modelkeep import crossing

    write(crossing.to_keras(model), file, recipe)


def _config(data: bytes) -> bytes:
    """The same with shared objects numbered: Keras marks them by places in the memory of this process."""
    config = json.loads(data)
    numbers: dict[Any, int] = {}

    def number(value: Any) -> None:
        if isinstance(value, dict):
            if "shared_object_id" in value:
                value["shared_object_id"] = numbers.setdefault(value["shared_object_id"], len(numbers))
            for each in value.values():
                number(each)
        elif isinstance(value, list):
            for each in value:
                number(each)

    number(config)
    return json.dumps(config).encode()


def _metadata(data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"date_saved": "1980-01-01@00:00:00"}).encode()
