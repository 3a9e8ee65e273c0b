"""Run as a process of its own, with KERAS_BACKEND set: Keras models to ONNX, and ONNX files to Keras models.

``python onnx_keras_child.py FOLDER NAME...`` writes a file for each of the models, crosses every ``.onnx`` file of
the folder into Keras, and prints what differs, as JSON.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import onnx

import modelkeep as mk
import onnx_files
from modelkeep import crossing
from modelkeep.errors import LoadError
from modelkeep.formats.onnx import deep_keras
from modelkeep.predictors.onnx import OnnxModel

RECIPE = SimpleNamespace(options={}, sample=None)
RNG = np.random.default_rng(0)


def models() -> dict[str, tuple[Any, Any]]:
    """Models and rows."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    words = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(20, 6),
            layers.LSTM(4, return_sequences=True),
            layers.GRU(3),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    a, b = keras.Input((4,), name="a"), keras.Input((6, 8), name="b")
    looked = layers.MultiHeadAttention(2, 4)(b, b)
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(looked + b))
    both = layers.Concatenate()([a, pooled])
    outputs = {"y": layers.Dense(2)(both), "x": layers.Dense(3, activation="gelu")(both)}
    return {
        "image": (image, RNG.standard_normal((5, 8, 8, 3)).astype(np.float32)),
        "words": (words, RNG.integers(0, 20, (5, 5)).astype(np.int32)),
        "two": (
            keras.Model({"a": a, "b": b}, outputs),
            {
                "a": RNG.standard_normal((5, 4)).astype(np.float32),
                "b": RNG.standard_normal((5, 6, 8)).astype(np.float32),
            },
        ),
    }


def apart(first: Any, second: Any) -> float:
    """The largest difference between two answers of one form."""
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        return max(apart(first[name], second[name]) for name in first)
    if isinstance(first, list | tuple):
        return max(apart(a, b) for a, b in zip(first, second, strict=True))
    a, b = (keras.ops.convert_to_numpy(each) for each in (first, second))
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.abs(a - b).max())


def written(folder: Path, names: list[str]) -> dict[str, Any]:
    told = {}
    for name in names:
        model, rows = models()[name]
        made = []
        for _ in range(2):
            file = io.BytesIO()
            deep_keras.write(model, file, RECIPE)
            made.append(file.getvalue())
        (folder / f"keras_{name}.onnx").write_bytes(made[0])
        read = OnnxModel(made[0])
        told[name] = {
            "apart": apart(model.predict(rows, verbose=0), read.predict(rows)),
            "same": made[0] == made[1],
            "inputs": [port.name for port in read.inputs],
            "free": all(not isinstance(port.shape[0], int) for port in read.inputs if port.shape),
        }
    return told


def crossed(folder: Path) -> dict[str, Any]:
    told = {}
    for path in sorted(folder.glob("*.onnx")):
        read = OnnxModel(path.read_bytes())
        rows = [example(port) for port in read.inputs]
        expected = read.forward({port.name: each for port, each in zip(read.inputs, rows, strict=True)})
        expected = expected if isinstance(expected, dict) else _flat(expected)
        model = crossing.to_keras(read)
        given = rows if len(rows) > 1 else rows[0]
        told[path.stem] = difference = apart(expected, _flat(model.predict(given, verbose=0)))
        if difference < 1e-4 and keras.backend.backend() == "tensorflow":
            with tempfile.TemporaryDirectory() as place:
                model.save(os.path.join(place, "model.keras"))
                again = keras.models.load_model(os.path.join(place, "model.keras"))
                assert apart(_flat(model(given)), _flat(again(given))) == 0
        if difference < 1e-4:
            again = mk.loads(mk.dumps(model, probe=False), on_drift="ignore")
            assert apart(_flat(model(given)), _flat(again(given))) == 0
    return told


def spoiled(folder: Path) -> int:
    """How many files are refused whose one layer holds what is no graph, or one that may not be asked."""
    keras_side = crossing.to_keras(OnnxModel(sorted(folder.glob("*.onnx"))[0].read_bytes()))
    mk.export(keras_side, folder / "one.keras", check=None)
    evil = onnx_files.graph_of([onnx.helper.make_node("Evil", ["x"], ["y"], domain="own")])
    told = 0
    for program in (b"", b"none", evil):
        files = {}
        with zipfile.ZipFile(folder / "one.keras") as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(files["config.json"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "OnnxGraph":
                layer["config"]["program"] = base64.b64encode(program).decode() or "!"
        with zipfile.ZipFile(folder / "spoiled.keras", "w") as archive:
            for name, data in {**files, "config.json": json.dumps(config).encode()}.items():
                archive.writestr(name, data)
        try:
            mk.load(folder / "spoiled.keras")
        except LoadError:
            told += 1
    return told


def example(port: Any) -> Any:
    shape = (4, *port.shape[1:])
    values = RNG.integers(0, 9, shape) if port.dtype.kind == "i" else RNG.standard_normal(shape)
    return values.astype(port.dtype)


def _flat(answer: Any) -> Any:
    """The arrays of an answer in a list, unless they have names."""
    if isinstance(answer, list | tuple):
        parts = [list(each.values()) if isinstance(each, dict) else _flat(each) for each in answer]
        return [leaf for part in parts for leaf in part]
    return answer if isinstance(answer, dict) else [answer]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(
        "\n"
        + json.dumps({"written": written(place, sys.argv[2:]), "crossed": crossed(place), "spoiled": spoiled(place)})
    )
