"""Pickles whose arrays, joblib spans and compiled objects are not what they seem."""

from __future__ import annotations

import io
import pickle
import re
import struct
from collections.abc import Callable
from typing import Any

from hostile.pickles_assembler import COMMAND, PROTO, call, name, new, put, text, whole

# -- arrays ---------------------------------------------------------------------------------------------------------


def dtype(code: str, tail: bytes = b"N" * 3 + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00", order: str = "<") -> bytes:
    return call(name("numpy", "dtype"), text(code), b"\x89\x88") + b"(K\x03" + text(order) + tail + b"tb"


def array(shape: bytes, kind: bytes, data: bytes, subclass: bytes = name("numpy", "ndarray")) -> bytes:
    made = call(name("numpy.core.multiarray", "_reconstruct"), subclass, b"K\x00\x85", b"C\x01b")
    return made + b"(K\x01" + shape + kind + b"\x89" + data + b"tb"


EIGHT = b"C\x08" + bytes(8)
put("array of another size", "GraphError", "does not have 8 bytes", whole(array(b"K\x02\x85", dtype("f8"), EIGHT)))
put("array of 2**62 items", "GraphError", "unusable length",
    whole(array(b"\x8a\x08" + struct.pack("<Q", 1 << 62) + b"\x85", dtype("f8"), EIGHT)))  # fmt: skip
put("array of no bytes each", "LoadError", "", whole(array(b"J\xff\xff\xff\x7f\x85", dtype("V0"), b"C\x00")))
put("array of objects from bytes", "GraphError", "objects", whole(array(b"K\x01\x85", dtype("O8"), EIGHT)))
put("array of a hostile class", "GraphError", "unknown class",
    whole(array(b"K\x01\x85", dtype("f8"), EIGHT, name("os", "system"))))  # fmt: skip
put("array with a negative axis", "GraphError", "unusable length",
    whole(array(b"J\xff\xff\xff\xff\x85", dtype("f8"), EIGHT)))  # fmt: skip
put(
    "array without a state", "GraphError", "unknown form",
    whole(call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")),
)  # fmt: skip
put("dtype by eval", "GraphError", "not one that a model has", whole(array(b"K\x01\x85", dtype("f8,f8"), EIGHT)))
put("dtype of overlapping fields", "GraphError", "overlap", whole(array(b"K\x01\x85", dtype(
    "V8", b"N(" + text("a") + text("b") + b"t(" + text("a") + b"(" + dtype("f8") + b"K\x00t" + text("b") + b"("
    + dtype("f8") + b"K\x00td" + b"K\x08K\x01K\x00", "|"), EIGHT)))  # fmt: skip
put("dtype of objects in fields", "GraphError", "objects", whole(array(b"K\x01\x85", dtype(
    "V8", b"N(" + text("a") + b"t(" + text("a") + b"(" + dtype("O8") + b"K\x00td" + b"K\x08K\x01K\x00", "|"),
    EIGHT)))  # fmt: skip
put("truth value 7", "LoadError", "truth", whole(array(b"K\x08\x85", dtype("b1"), b"C\x08" + b"\x07" * 8)))
put("character beyond Unicode", "LoadError", "Unicode",
    whole(array(b"K\x01\x85", dtype("U2", b"NNNK\x08K\x04K\x08"), b"C\x08" + b"\xff" * 8)))  # fmt: skip
put("scalar of objects", "GraphError", "bytes",
    whole(call(name("numpy.core.multiarray", "scalar"), dtype("O8"), name("os", "system"))))  # fmt: skip


def _joblib(make: Callable[[Any], Any]) -> bytes:
    import joblib

    out = io.BytesIO()
    joblib.dump(make(_Payload()), out)
    return out.getvalue()


class _Payload:
    def __reduce__(self) -> Any:
        import os

        return os.system, (COMMAND,)


def _in_object_array(payload: Any) -> Any:
    import numpy as np

    return np.array([payload, 1], dtype=object)


def _wrapper(**items: bytes) -> bytes:
    plain = {"subclass": name("numpy", "ndarray"), "shape": b"K\x01\x85", "order": text("C"), "dtype": dtype("f8")}
    return new("joblib.numpy_pickle", "NumpyArrayWrapper", **{**plain, "allow_mmap": b"\x88", **items})


put("joblib, hostile object", "PolicyError", "posix.system", lambda: _joblib(lambda payload: [payload]))
put(
    "joblib, hostile in an inner stream",
    "PolicyError",
    "[0]: the file names posix.system",
    lambda: _joblib(_in_object_array),
)
put("joblib, array cut off", "GraphError", "announced", whole(_wrapper())[:-1] + b"1234.")
put("joblib, huge array", "GraphError", "announced", whole(_wrapper(shape=b"J\xff\xff\xff\x7f\x85")))
put("joblib, unknown dtype", "GraphError", "dtype", whole(_wrapper(dtype=text("f8")) + EIGHT))
put("joblib, padding that hides", "GraphError", "padding",
    whole(_wrapper(numpy_array_alignment_bytes=b"K\x10") + b"\x04abcd" + bytes(8)))  # fmt: skip
put("joblib, inner stream with arrays", "LoadError", "array",
    whole(_wrapper(dtype=dtype("O8")) + PROTO + _wrapper() + b"."))  # fmt: skip
put("joblib, hostile class of array", "GraphError", "unknown class",
    whole(_wrapper(subclass=name("os", "system")) + bytes(8)))  # fmt: skip

# -- what compiled code would index ------------------------------------------------------------------------------------


def _tree(field: str, value: int) -> Callable[[], bytes]:
    def make() -> bytes:
        import numpy as np
        from sklearn.tree import DecisionTreeClassifier

        X = np.random.RandomState(0).normal(size=(50, 3))
        model = DecisionTreeClassifier(random_state=0).fit(X, X[:, 0] > 0)
        nodes = model.tree_.__getstate__()["nodes"]
        raw = pickle.dumps(model, 4)
        before = nodes.tobytes()
        nodes = nodes.copy()
        nodes[field][0] = value
        assert raw.count(before) == 1
        return raw.replace(before, nodes.tobytes())

    return make


for _field, _value in (
    ("left_child", 10**9), ("left_child", -5), ("left_child", 0), ("right_child", 10**9), ("right_child", 0),
    ("feature", 10**7), ("feature", -3),
):  # fmt: skip
    put(f"tree with {_field} {_value}", "CheckError", "", _tree(_field, _value))


def _kd_tree() -> bytes:
    import numpy as np
    from sklearn.neighbors import KDTree

    rows = np.random.RandomState(0).normal(size=(60, 3))
    tree = KDTree(rows, leaf_size=5)
    raw, index = pickle.dumps(tree, 4), np.asarray(tree.idx_array)
    assert raw.count(index.tobytes()) == 1
    return raw.replace(index.tobytes(), (index + 10**9).tobytes())


def _twister() -> bytes:
    import numpy as np

    made, count = re.subn(rb"pos\x94M..", b"pos\x94M\x00\x7f", pickle.dumps(np.random.MT19937(0), 4), flags=re.DOTALL)
    assert count == 1
    return made


put("kd-tree that points outside", "CheckError", "reaches outside", _kd_tree)
put("random state that points outside", "CheckError", "MT19937", _twister)
put(
    "another version of scikit-learn", "DriftError", "0.24.2",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression", _sklearn_version=text("0.24.2"))),
)  # fmt: skip


def _estimator(**items: bytes) -> Callable[[], bytes]:
    """A logistic regression of the installed version."""

    def make() -> bytes:
        import sklearn

        version = text(sklearn.__version__)
        return whole(new("sklearn.linear_model._logistic", "LogisticRegression", _sklearn_version=version, **items))

    return make


put("method as an attribute", "GraphError", "would replace a method", _estimator(predict=b"K\x01"))
put("dunder as an attribute", "GraphError", "not the name of an attribute", _estimator(__class__=b"K\x01"))
put("estimator without a version", "DriftError", "unknown version",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression")))  # fmt: skip
put("unknown part of another version", "DriftError", "0.24.2",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression", _sklearn_version=text("0.24.2"),
              loss=name("sklearn.linear_model._logistic", "_gone"))))  # fmt: skip
put("hostile part of another version", "PolicyError", "os.system",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression", _sklearn_version=text("0.24.2"),
              loss=name("os", "system"))))  # fmt: skip
