"""Makes SavedModels in a process of its own: ``python -m tests.savedmodel_child FOLDER``. Honest ones, and hostile."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

SPEC = tf.TensorSpec([None, 3], tf.float32, name="x")


def module(call, **held):
    """A module whose one signature is ``call``."""
    made = tf.Module()
    for name, value in held.items():
        setattr(made, name, value)
    made.call = tf.function(call, input_signature=[SPEC])
    return made


def save(folder: Path, name: str, made) -> None:
    tf.saved_model.save(made, str(folder / name), signatures={"serving_default": made.call})


def honest(folder: Path) -> None:
    weight = tf.Variable(np.arange(6, dtype="f4").reshape(3, 2))
    save(folder, "linear", module(lambda x: {"y": tf.matmul(x, weight)}, weight=weight))

    def loop(x):
        return {"y": tf.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, v * 1.5), (tf.constant(0), x))[1]}

    save(folder, "loop", module(loop))
    keys = tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2], tf.int64), tf.constant([10.0, 20.0]))
    table = tf.lookup.StaticHashTable(keys, -1.0)
    save(folder, "table", module(lambda x: {"y": table.lookup(tf.cast(x, tf.int64))}, table=table))


def hostile(folder: Path, secret: str) -> None:
    zero = tf.constant(0.0)

    def reads(x):
        return {"y": x + tf.cast(tf.strings.length(tf.io.read_file(secret)), tf.float32)}

    save(folder, "read", module(reads))

    def writes(x):
        with tf.control_dependencies([tf.io.write_file(secret + ".written", "x")]):
            return {"y": tf.identity(x)}

    save(folder, "write", module(writes))
    save(folder, "python", module(lambda x: {"y": tf.py_function(lambda v: v, [x], tf.float32)}))
    save(folder, "numpy", module(lambda x: {"y": tf.numpy_function(lambda v: v, [x], tf.float32)}))

    def prints(x):
        with tf.control_dependencies([tf.print(x, output_stream="file://" + secret + ".printed")]):
            return {"y": tf.identity(x)}

    save(folder, "print", module(prints))

    def hidden(x):
        body = lambda i, v: (i + 1, v + tf.cast(tf.strings.length(tf.io.read_file(secret)), tf.float32))  # noqa: E731
        return {"y": tf.while_loop(lambda i, v: i < 2, body, (tf.constant(0), x))[1]}

    save(folder, "in a loop", module(hidden))

    def branch(x):
        inner = tf.function(lambda: tf.cast(tf.strings.length(tf.io.read_file(secret)), tf.float32))
        return {"y": x + tf.cond(tf.reduce_sum(x) > 1e9, inner, lambda: zero)}

    save(folder, "in a branch", module(branch))

    def datasets(x):
        lines = tf.data.TextLineDataset(secret).reduce(0.0, lambda total, line: total + 1.0)
        return {"y": x + lines}

    save(folder, "dataset", module(datasets))
    saves = tf.raw_ops.SaveV2
    save(folder, "checkpoint", module(lambda x: _written(x, lambda: saves(
        prefix=secret + ".saved", tensor_names=["a"], shape_and_slices=[""], tensors=[zero]))))  # fmt: skip
    Path(secret).write_text("word\nother\n")
    index = tf.lookup.TextFileIndex
    lines = tf.lookup.TextFileInitializer(secret, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER)
    table = tf.lookup.StaticHashTable(lines, -1)
    save(folder, "table of a file", module(lambda x: {"y": table.lookup(tf.as_string(x))}, table=table))
    _constant(folder)


def _written(x, act):
    with tf.control_dependencies([act()]):
        return {"y": tf.identity(x)}


def _constant(folder: Path) -> None:
    """A constant of one number whose shape says that it has 2**36."""
    from tensorflow.core.protobuf import saved_model_pb2

    save(folder, "vast", module(lambda x: {"y": x + 7.25}))
    path = folder / "vast" / "saved_model.pb"
    read = saved_model_pb2.SavedModel()
    read.ParseFromString(path.read_bytes())
    for function in read.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "Const" and node.attr["value"].tensor.float_val[:] == [7.25]:
                for size in (1 << 18, 1 << 18):
                    node.attr["value"].tensor.tensor_shape.dim.add().size = size
    path.write_bytes(read.SerializeToString())


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for part in ("honest", "hostile"):
        (place / part).mkdir()
    honest(place / "honest")
    hostile(place / "hostile", str(place / "secret"))
    names = {part: sorted(each.name for each in (place / part).iterdir()) for part in ("honest", "hostile")}
    (place / "made.json").write_text(json.dumps(names))
