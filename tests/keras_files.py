"""Files of Keras made by hand. As a program: those that only Keras can find wrong, read under a bound on memory."""

from __future__ import annotations

import io
import json
import random
import resource
import sys
import zipfile
from pathlib import Path

import numpy as np
from tests.keras_specs import GOOD, keras, keras_chain, mutant

CONFIG = GOOD
WEIGHTS = {"layers/dense/vars/0": np.ones((4, 2), "f4"), "layers/dense/vars/1": np.zeros(2, "f4")}


def archive(members: dict[str, bytes], packed: bool = False) -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as made:
        for name, data in members.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
    return room.getvalue()


def hdf5(arrays: dict[str, np.ndarray]) -> bytes:
    import h5py

    room = io.BytesIO()
    with h5py.File(room, "w") as file:
        for name, value in arrays.items():
            file.create_dataset(name, data=value)
    return room.getvalue()


def keras_file(config, weights=b"none", more=None) -> bytes:
    members = {"metadata.json": b'{"keras_version": "3.0.0"}', "config.json": json.dumps(config).encode()}
    return archive(members | {"model.weights.h5": weights} | (more or {}))


def hostile_hdf5(name: str, folder: Path) -> bytes:
    """A file of weights that leads elsewhere, or that unpacks to more than it should."""
    import h5py

    path = folder / "weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        if name == "external":
            group["0"] = h5py.ExternalLink(str(folder / "other.h5"), "/x")
        elif name == "soft":
            group["0"] = h5py.SoftLink("/layers")
        elif name == "outside":
            group.create_dataset("0", (100,), "u1", external=[(str(folder / "secret"), 0, 100)])
        elif name == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (4,))
            group.create_virtual_dataset("0", layout)
        elif name == "filter":
            group.create_dataset("0", data=np.zeros(1000), compression="lzf")
        elif name == "cycle":
            group["0"] = file["layers"]
        elif name == "twice":
            group["0"] = np.zeros(3)
            group["1"] = group["0"]
        elif name == "bomb":
            group.create_dataset("0", (1 << 27,), "u1", chunks=(1 << 20,), compression="gzip")
        elif name == "text":
            group["0"] = "text"
        else:
            for _ in range(100):
                group = group.create_group("deeper")
            group["0"] = np.zeros(3)
    return path.read_bytes()


def _outcome(read, data: bytes) -> str:
    from modelkeep.errors import LoadError

    try:
        read(memoryview(data))
    except LoadError as error:
        return "refused" if error.hint else "no hint"
    except Exception as error:
        return repr(error)
    return "read"


def _optimizer() -> str:
    """An optimizer's state comes back where it was asked for, and only there."""
    import keras as library

    import modelkeep as mk

    model = library.Sequential([library.Input((4,)), library.layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((8, 4)), np.zeros((8, 2)), verbose=0)
    kept = mk.loads(mk.dumps(model, options={"optimizer": True}, probe=False))
    left = mk.loads(mk.dumps(model, probe=False))
    states = (model.optimizer.variables, kept.optimizer.variables)
    same = [np.array_equal(a.numpy(), b.numpy()) for a, b in zip(*states, strict=True)]
    fine = all(same) and len(same) > 4 and int(kept.optimizer.iterations.numpy()) == 1
    return "kept" if fine and int(left.optimizer.iterations.numpy()) == 0 and left.compiled else f"lost {same}"


if __name__ == "__main__":
    import keras as library  # noqa: F401  before the bound: TensorFlow maps much that it never uses
    from tests.keras_tables import failures

    from modelkeep.formats.keras.read import read as reader
    from modelkeep.loading import Rules

    wrong = failures()
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (4 << 30), resource.RLIM_INFINITY))

    def read(data):
        return reader(data, Rules())

    wide = {**WEIGHTS, "layers/dense/vars/0": np.ones((4, 3), "f4")}
    doubled = {name: value.astype("f8") for name, value in WEIGHTS.items()}
    vast = keras_chain(keras("Dense", units=(1 << 31) - 1, name="dense"))
    repeated = keras_chain(keras("Dense", units=1 << 20, name="dense"), keras("RepeatVector", n=1 << 24, name="r"))
    chance = random.Random(9)
    told = {
        "honest": _outcome(read, keras_file(CONFIG, hdf5(WEIGHTS))),
        "another shape": _outcome(read, keras_file(CONFIG, hdf5(wide))),
        "another dtype": _outcome(read, keras_file(CONFIG, hdf5(doubled))),
        "missing": _outcome(read, keras_file(CONFIG, hdf5({"layers/dense/vars/0": np.ones((4, 2), "f4")}))),
        "no hdf5": _outcome(read, keras_file(CONFIG, b"\x89HDF\r\n\x1a\n" + b"\xff" * 500)),
        "vast": _outcome(read, keras_file(vast, hdf5(WEIGHTS))),
        "repeated": _outcome(read, keras_file(repeated, hdf5(WEIGHTS))),
        "does not fit": _outcome(
            read, keras_file(keras_chain(keras("Conv2D", filters=2, kernel_size=3)), hdf5(WEIGHTS))
        ),
        "optimizer": _optimizer(),
        "tables": wrong,
        "mutants": [_outcome(read, keras_file(mutant(CONFIG, chance), hdf5(WEIGHTS))) for _ in range(60)],
    }
    print(json.dumps(told))
    sys.stdout.flush()
