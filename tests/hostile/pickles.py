"""Hostile and damaged pickle and joblib files, each with the error that must come out. Nothing in them may run.

``CASES[name]`` is ``(make the bytes, class of the error, part of its text)``. What a case would do if it were run is
always the same: create the file ``modelkeep-was-here`` in the current folder.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable
from typing import Any

MARKER = "modelkeep-was-here"
COMMAND = f"touch {MARKER}"
_CODE = f"open({MARKER!r}, 'w')"

Case = tuple[Callable[[], bytes], str, str]
CASES: dict[str, Case] = {}

PROTO = b"\x80\x04"


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def stack_name(module: str, attribute: str) -> bytes:
    """STACK_GLOBAL."""
    return text(module) + text(attribute) + b"\x93"


def call(callee: bytes, *args: bytes) -> bytes:
    """REDUCE."""
    return callee + b"(" + b"".join(args) + b"tR"


def state(**items: bytes) -> bytes:
    return b"(" + b"".join(text(key) + value for key, value in items.items()) + b"d"


def new(module: str, attribute: str, **items: bytes) -> bytes:
    """NEWOBJ and BUILD."""
    return name(module, attribute) + b")\x81" + state(**items) + b"b"


def whole(body: bytes) -> bytes:
    return PROTO + body + b"."


def put(label: str, error: str, part: str, data: bytes | Callable[[], bytes]) -> None:
    CASES[label] = (data if callable(data) else lambda: data), error, part


# -- code ----------------------------------------------------------------------------------------------------------

put("reduce os.system", "PolicyError", "os.system", whole(call(name("os", "system"), text(COMMAND))))
put("stack global", "PolicyError", "posix.system", whole(call(stack_name("posix", "system"), text(COMMAND))))
put("inst", "PolicyError", "os.system", b"(S'" + COMMAND.encode() + b"'\nios\nsystem\n.")
put("obj", "PolicyError", "os.system", whole(b"(" + name("os", "system") + text(COMMAND) + b"o"))
put("newobj", "PolicyError", "subprocess.Popen", whole(name("subprocess", "Popen") + text(COMMAND) + b"\x85\x81"))
put(
    "newobj_ex", "PolicyError", "subprocess.Popen",
    whole(name("subprocess", "Popen") + text(COMMAND) + b"\x85}" + text("shell") + b"\x88s\x92"),
)  # fmt: skip
put("eval", "PolicyError", "builtins.eval", whole(call(name("builtins", "eval"), text(_CODE))))
put("exec", "PolicyError", "builtins.exec", whole(call(name("builtins", "exec"), text(_CODE))))
put("eval of Python 2", "PolicyError", "__builtin__.eval", whole(call(name("__builtin__", "eval"), text(_CODE))))
put("import", "PolicyError", "builtins.__import__", whole(call(name("builtins", "__import__"), text("os"))))
put("global alone", "PolicyError", "os.system", whole(name("os", "system")))
put(
    "getattr chain", "PolicyError", "builtins.getattr",
    whole(call(call(name("builtins", "getattr"), name("os", "path"), text("system")), text(COMMAND))),
)  # fmt: skip
put("dotted name", "PolicyError", "path.os.system", whole(call(stack_name("os", "path.os.system"), text(COMMAND))))
put(
    "dotted name in a library", "PolicyError", "numpy.f2py.os.system",
    whole(call(stack_name("numpy", "f2py.os.system"), text(COMMAND))),
)  # fmt: skip
put("class with a dot", "PolicyError", "fit.__globals__",
    whole(stack_name("sklearn.linear_model", "LogisticRegression.fit.__globals__")))  # fmt: skip
put("copyreg newobj", "PolicyError", "os.system", whole(call(name("copyreg", "__newobj__"), name("os", "system"))))
put(
    "copyreg reconstructor", "PolicyError", "subprocess.Popen",
    whole(call(name("copyreg", "_reconstructor"), name("subprocess", "Popen"), name("builtins", "object"), b"N")),
)  # fmt: skip
put(
    "copyreg reconstructor with a base", "PolicyError", "copyreg._reconstructor",
    whole(call(name("copyreg", "_reconstructor"), name("builtins", "dict"), name("builtins", "dict"), b"}")),
)  # fmt: skip
put(
    "copyreg add_extension", "PolicyError", "copyreg.add_extension",
    whole(call(name("copyreg", "add_extension"), text("os"), text("system"), b"K\x01")),
)  # fmt: skip
for _module, _attribute, _argument in (
    ("numpy", "load", MARKER), ("numpy", "fromfile", MARKER), ("numpy.testing._private.utils", "runstring", _CODE),
    ("joblib", "load", MARKER), ("joblib.memory", "Memory", MARKER), ("pickle", "loads", "x"),
    ("sklearn.datasets", "fetch_openml", "iris"), ("sklearn.datasets", "load_files", "/"), ("pip", "main", "x"),
    ("torch", "load", MARKER), ("pandas", "read_pickle", MARKER), ("timeit", "timeit", _CODE),
    ("cloudpickle.cloudpickle", "_builtin_type", "CodeType"), ("types", "FunctionType", "x"),
    ("marshal", "loads", "x"), ("importlib", "import_module", "os"), ("pkgutil", "resolve_name", "os:system"),
    ("runpy", "run_path", MARKER), ("ctypes", "CDLL", MARKER), ("webbrowser", "open", "x"), ("bdb", "Bdb", "x"),
    ("socket", "create_connection", "x"), ("builtins", "open", MARKER), ("pathlib", "Path.touch", MARKER),
    ("operator", "attrgetter", "system"), ("operator", "methodcaller", "fit"), ("shutil", "rmtree", MARKER),
    ("scipy.stats._distn_infrastructure", "rv_frozen", "x"), ("logging.config", "dictConfig", "x"),
):  # fmt: skip
    put(
        f"{_module}.{_attribute}", "PolicyError", f"{_module}.{_attribute}",
        whole(call(stack_name(_module, _attribute), text(_argument))),
    )  # fmt: skip
put("class of a script", "PolicyError", "__main__.Scaler", whole(new("__main__", "Scaler", mean=b"K\x01")))
put("class of a user", "PolicyError", "mypkg.Scaler", whole(new("mypkg", "Scaler", mean=b"K\x01")))
put(
    "partial", "PolicyError", "logisticregression.f.func: a pickle names os.system",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression",
              f=call(name("functools", "partial"), name("os", "system"))
              + b"(" + name("os", "system") + b"(" + text(COMMAND) + b"tNNtb")),
)  # fmt: skip


def _lambda() -> bytes:
    import cloudpickle

    return cloudpickle.dumps(lambda: 1)


put("lambda", "PolicyError", "cloudpickle.cloudpickle", _lambda)
put(
    "function deep inside", "PolicyError", "pipeline.steps[0][1].func: a pickle names os.system",
    whole(new("sklearn.pipeline", "Pipeline", steps=b"(" + text("f") + new(
        "sklearn.preprocessing._function_transformer", "FunctionTransformer", func=name("os", "system"),
    ) + b"t\x85l".replace(b"\x85l", b"") + b"\x85")),
)  # fmt: skip

# -- what only another program can resolve ---------------------------------------------------------------------------

put("persistent id", "PolicyError", "persistent id", b"P12\n.")
put("binary persistent id", "PolicyError", "persistent id", whole(b"K\x01Q"))
put("extension 1", "PolicyError", "extension code", whole(b"\x82\x01"))
put("extension 2", "PolicyError", "extension code", whole(b"\x83\x01\x00"))
put("extension 4", "PolicyError", "extension code", whole(b"\x84\x01\x00\x00\x00"))
put("buffer outside", "PolicyError", "buffer outside", b"\x80\x05\x97.")
put("read-only buffer", "PolicyError", "buffer outside", b"\x80\x05\x97\x98.")
put(
    "joblib in several files", "PolicyError", "before 0.10",
    whole(new("joblib.numpy_pickle", "NDArrayWrapper", filename=text("x.npy"))),
)  # fmt: skip
put("joblib of old, compressed", "ContainerError", "before 0.10", b"ZF0x10               abc")

# -- lies about length ----------------------------------------------------------------------------------------------

for _label, _body in {
    "frame": b"\x95" + struct.pack("<Q", 1 << 62), "frame by one": b"\x95" + struct.pack("<Q", 3) + b"N",
    "bytes": b"B" + struct.pack("<I", 0xFFFFFFFF), "bytes 8": b"\x8e" + struct.pack("<Q", 1 << 62),
    "bytes 8, negative": b"\x8e" + struct.pack("<q", -1), "bytearray 8": b"\x96" + struct.pack("<Q", 1 << 62),
    "text": b"X" + struct.pack("<I", 0xFFFFFFF0), "text 8": b"\x8d" + struct.pack("<Q", 1 << 62),
    "short text": b"\x8c\xff", "short bytes": b"C\xff", "long 1": b"\x8a\xff",
    "long 4": b"\x8b" + struct.pack("<i", 0x7FFFFFFF), "old text": b"T" + struct.pack("<i", 0x7FFFFFFF),
}.items():  # fmt: skip
    put(f"length of {_label}", "GraphError", "not well-formed", whole(_body))
put("negative long", "GraphError", "announced", whole(b"\x8b" + struct.pack("<i", -1)))
put("negative old text", "GraphError", "announced", whole(b"T" + struct.pack("<i", -1)))
put("huge long", "GraphError", "more than 1024 bytes", whole(b"\x8b" + struct.pack("<i", 2000) + b"\x01" * 2000))
put("long of many digits", "GraphError", "whole number", b"L" + b"9" * 2468 + b"L\n.")
put("long of far more digits", "GraphError", "characters", b"L" + b"9" * 100_000 + b"L\n.")

# -- structure ------------------------------------------------------------------------------------------------------

put("empty", "ContainerError", "empty", b"")
put("zip", "ContainerError", "zip", b"PK\x03\x04" + bytes(100))
put("not a pickle", "ContainerError", "does not end", b"hello world")
put("only a stop", "GraphError", "stack", b".")
put("two pickles", "GraphError", "follow the end", pickle.dumps(1) + pickle.dumps(2))
put("garbage behind", "GraphError", "follow the end", pickle.dumps(1) + b"garbage.")
put("values left", "GraphError", "left on the stack", whole(b"NN"))
put("open mark", "GraphError", "left on the stack", whole(b"(N"))
put("unknown opcode", "GraphError", "0xff", whole(b"N\xff"))
put("zero opcode", "GraphError", "0x00", whole(b"N\x00"))
put("protocol 6", "GraphError", "protocol 6", b"\x80\x06N.")
put("protocol in the middle", "GraphError", "protocol", whole(b"N\x80\x04"))
put("frame in a frame", "GraphError", "inside another", whole(b"\x95" + struct.pack("<Q", 10) + b"\x95" + bytes(8) + b"N"))
put("stop inside a frame", "GraphError", "end of its frame", whole(b"\x95" + struct.pack("<Q", 4) + b"N.N"))
put("memo lacks it", "GraphError", "remembered", whole(b"h\x07"))
put("memo of nothing", "GraphError", "stack", whole(b"q\x00"))
put("memo position", "GraphError", "position in the memo", whole(b"g-1\n"))
put("key without value", "GraphError", "no value", whole(b"}(Nu"))
put("append to a tuple", "GraphError", "added to a tuple", whole(b")Na"))
put("key of a list", "GraphError", "set on a list", whole(b"]NNs"))
put("members of a list", "GraphError", "added to a list", whole(b"](N\x90"))
put("state of a list", "GraphError", "state is given", whole(b"]}b"))
put("state of a name", "GraphError", "state is given", whole(name("os", "environ") + b"}b"))
put("state twice", "GraphError", "twice", whole(name("a", "b") + b")R}b}b"))
put("arguments no tuple", "GraphError", "arguments", whole(name("a", "b") + b"]R"))
put("list as a key", "GraphError", "list is used as a key", whole(b"}]Ns"))
put("list in a tuple as a key", "GraphError", "used as a key", whole(b"}]\x85Ns"))
put("deep tuple as a key", "GraphError", "used as a key", lambda: whole(b"}N" + b"\x85" * 200_000 + b"Ns"))
put("large number as a key", "GraphError", "too large for a key", whole(b"}\x8a\x0a" + b"\x11" * 10 + b"Ns"))
put("foreseen keys", "GraphError", "not plain values",
    lambda: whole(b"}(" + b"".join(b"M" + struct.pack("<H", i) + b"\x85N" for i in range(2000)) + b"u"))  # fmt: skip
put("name with spaces", "PolicyError", "which modelkeep does not map", whole(stack_name("os ;", "\x1b[31m")))
put("name no text", "GraphError", "short text", whole(b"K\x01K\x02\x93"))
put("long name", "GraphError", "short text", whole(stack_name("a" * 2000, "b")))
put("text not UTF-8", "GraphError", "not well-formed", whole(b"\x8c\x02\xff\xfe"))
put("text of Python 2", "PolicyError", "Python 2", whole(b"U\x02\xff\xfe"))
put("number no number", "GraphError", "whole number", b"I1_0\n.")
put("float no number", "GraphError", "not a number", b"F1_0\n.")
put("text no quotes", "GraphError", "quotes", b"Sabc\n.")

# -- bombs ----------------------------------------------------------------------------------------------------------

put("deep lists", "LoadError", "deep", lambda: whole(b"]" * 300_000 + b"a" * 299_999))
put("deep tuples", "LoadError", "deep", lambda: whole(b"N" + b"\x85" * 300_000))
put("deep calls", "LoadError", "a.b", lambda: whole(name("a", "b") + b"q\x00" + b"h\x00\x85R" * 0 + b")R" * 100_000))
put(
    "repeated text", "GraphError", "out of all proportion",
    lambda: whole(text("x" * 100_000) + b"q\x000](" + b"h\x00" * 100_000 + b"e"),
)  # fmt: skip
put(
    "repeated duplicates", "GraphError", "out of all proportion",
    lambda: whole(b"](" + text("x" * 100_000) + b"2" * 100_000 + b"e"),
)  # fmt: skip
put(
    "repeated state", "LoadError", "out of all proportion",
    lambda: whole(
        state(**{f"a{i}": b"K\x01" for i in range(2000)}) + b"q\x000"
        + name("sklearn.linear_model", "Ridge") + b"q\x010](" + b"h\x01)\x81h\x00b" * 100_000 + b"e"
    ),
)  # fmt: skip
for _label, _pack in {
    "zlib": lambda raw: zlib.compress(raw, 9), "gzip": lambda raw: gzip.compress(raw, 9), "bz2": bz2.compress,
    "xz": lambda raw: lzma.compress(raw, preset=1),
    "lzma": lambda raw: lzma.compress(raw, lzma.FORMAT_ALONE, preset=1),
}.items():  # fmt: skip
    put(f"{_label} bomb", "GraphError", "unpacks to more",
        lambda pack=_pack: pack(whole(b"C\x01" + bytes(100 << 20))))  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, cut off", "ContainerError", "cut off",
        lambda pack=_pack: pack(pickle.dumps(list(range(1000))))[:-6])  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, garbage behind", "ContainerError", "follow",
        lambda pack=_pack: pack(pickle.dumps(1)) + b"garbage")  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, hostile inside", "PolicyError", "os.system",
        lambda pack=_pack: pack(CASES["reduce os.system"][0]()))  # type: ignore[misc]  # fmt: skip
    put(f"{_label}, damaged", "ContainerError", "can't be unpacked",
        lambda pack=_pack: _flipped(pack(pickle.dumps(list(range(1000))))))  # type: ignore[misc]  # fmt: skip


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(16) + data[middle + 16 :]


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
put("array without a state", "GraphError", "unknown form",
    whole(call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")))  # fmt: skip
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
put("scalar of objects", "GraphError", "objects",
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
put("joblib, hostile in an inner stream", "PolicyError", "ndarray", lambda: _joblib(_in_object_array))
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


def _mutated(make: Callable[[], Any]) -> Callable[[], bytes]:
    return lambda: pickle.dumps(make(), 4)


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

    return pickle.dumps(np.random.MT19937(0), 4).replace(b"\x8c\x03pos\x94Mp\x02", b"\x8c\x03pos\x94M\x00\x7f")


put("kd-tree that points outside", "CheckError", "reaches outside", _kd_tree)
put("random state that points outside", "CheckError", "MT19937", _twister)
put(
    "another version of scikit-learn", "DriftError", "0.24.2",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression", _sklearn_version=text("0.24.2"))),
)  # fmt: skip
put(
    "method as an attribute", "GraphError", "would replace a method",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression", predict=b"K\x01")),
)  # fmt: skip
put(
    "dunder as an attribute", "GraphError", "not the name of an attribute",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression", __class__=b"K\x01")),
)  # fmt: skip
