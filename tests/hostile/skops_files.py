"""Hostile skops files, each with the error that must come out. Nothing in them may run.

``CASES[name]`` is ``(make the bytes, class of the error, part of its text)``. What a case would do if it were run is
always the same: create the file ``MARKER`` in the current folder.
"""

from __future__ import annotations

import functools
import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from hostile.pickles_assembler import CODE, COMMAND, MARKER
from modelkeep.formats import skops

Case = tuple[Callable[[], bytes], str, str]
Node = dict[str, Any]
CASES: dict[str, Case] = {}
__all__ = ["CASES", "MARKER", "honest"]


def put(label: str, error: str, part: str, make: Callable[[], bytes]) -> None:
    CASES[label] = make, error, part


# -- files ---------------------------------------------------------------------------------------------------------


def written(model: Any, compress: str | None = None) -> bytes:
    file = io.BytesIO()
    skops.write(model, file, SimpleNamespace(compress=compress, options={}))
    return file.getvalue()


@functools.cache
def honest(kind: str) -> bytes:
    X = np.random.RandomState(0).normal(size=(40, 3))
    y = X[:, 0] > 0
    models: dict[str, Any] = {
        "tree": DecisionTreeClassifier(max_depth=3),
        "linear": LogisticRegression(),
        "neighbours": KNeighborsClassifier(algorithm="kd_tree"),
    }
    if kind == "values":
        generator, state = np.random.default_rng(0), np.random.RandomState(0)
        return written({"g": generator, "s": state, "m": sparse.csr_matrix(np.eye(3)), "a": np.arange(6.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return written(models[kind].fit(X, y))


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def changed(kind: str, change: Callable[[Node], Any]) -> Callable[[], bytes]:
    """An honest file whose schema ``change`` has changed in place, or replaced by what it gives."""

    def make() -> bytes:
        members = members_of(honest(kind))
        schema = json.loads(members["schema.json"])
        schema = change(schema) or schema
        return packed({**members, "schema.json": json.dumps(schema).encode()})

    return make


_numbers = iter(range(10_000, 1_000_000))


def node(loader: str, module: str, name: str, **parts: Any) -> Node:
    return {"__class__": name, "__module__": module, "__loader__": loader, "__id__": next(_numbers), **parts}


def plain(value: Any) -> Node:
    return node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def items(*nodes: Node) -> Node:
    return node("TupleNode", "builtins", "tuple", content=list(nodes))


def mapping(**nodes: Node) -> Node:
    kinds = node("ListNode", "builtins", "list", content=[node("TypeNode", "builtins", "str") for _ in nodes])
    return node("DictNode", "builtins", "dict", content=nodes, key_types=kinds)


def within(value: Node) -> Callable[[], bytes]:
    """A model that holds ``value`` in an attribute."""

    def change(schema: Node) -> None:
        schema["content"]["content"]["extra_"] = value
        schema["content"]["key_types"]["content"].append(node("TypeNode", "builtins", "str"))

    return changed("linear", change)


# -- code ----------------------------------------------------------------------------------------------------------

_SYSTEM = node("FunctionNode", "os", "system")
_COMMAND = items(plain(COMMAND))
_CALLS = {
    "constructor of os": node("ConstructorFromReduceNode", "os", "system", content=_COMMAND),
    "constructor of builtins": node("ConstructorFromReduceNode", "builtins", "eval", content=items(plain(CODE))),
    "constructor that opens": node(
        "ConstructorFromReduceNode", "builtins", "open", content=items(plain(MARKER), plain("w"))
    ),
    "constructor of a process": node("ConstructorFromReduceNode", "subprocess", "Popen", content=_COMMAND),
    "object of a process": node("ObjectNode", "subprocess", "Popen", content=mapping(args=plain(COMMAND))),
    "function": _SYSTEM,
    "type": node("TypeNode", "builtins", "eval"),
    "partial": node(
        "PartialNode", "functools", "partial",
        content={"func": _SYSTEM, "args": _COMMAND, "kwds": mapping(), "namespace": plain(None)},
    ),
    "operator": node("OperatorFuncNode", "operator", "methodcaller", attrs=items(plain("__reduce__"))),
    "operator under another name": node("OperatorFuncNode", "builtins", "eval", attrs=items(plain(CODE))),
    "attribute of an operator": node("OperatorFuncNode", "operator", "call", attrs=items(_SYSTEM, plain(COMMAND))),
    "loss": node(
        "LossNode", "os", "system", content=mapping(), __reduce__={"args": _COMMAND},
    ),
    "loss named like a class": node(
        "LossNode", "builtins", "eval", content=mapping(), __reduce__={"args": items(plain(CODE))},
    ),
}  # fmt: skip
for _label, _node in _CALLS.items():
    put(_label, "PolicyError", "which modelkeep does not map", within(_node))

put(
    "walk through a method", "PolicyError", "builtins.getattr",
    within(
        node(
            "MethodNode", "sklearn.linear_model._logistic", "LogisticRegression",
            content={
                "func": "fit.__func__.__globals__",
                "obj": node("ObjectNode", "sklearn.linear_model._logistic", "LogisticRegression", content=mapping()),
            },
        )
    ),
)  # fmt: skip
put(
    "namespace of a partial", "GraphError", "a partial has an unknown form",
    within(
        node(
            "PartialNode", "functools", "partial",
            content={
                "func": node("FunctionNode", "numpy", "log1p"), "args": items(), "kwds": mapping(),
                "namespace": mapping(func=plain(1)),
            },
        )
    ),
)  # fmt: skip
put(
    "class of the user's own", "PolicyError", 'mypkg.Model',
    within(node("ObjectNode", "mypkg", "Model", content=mapping(a=plain(1)))),
)  # fmt: skip
put("factory", "PolicyError", "builtins.eval", within(
    node("DefaultDictNode", "collections", "defaultdict",
         content={"main": mapping(a=plain(1)), "default_factory": node("TypeNode", "builtins", "eval")})
))  # fmt: skip


def _called_key(schema: Node) -> None:
    schema["content"]["key_types"]["content"][0] = node("TypeNode", "os", "system")


put(
    "kind of a key that is called",
    "GraphError",
    "a key of the schema is not of the kind",
    changed("linear", _called_key),
)


# -- names that are checked and others that are used ---------------------------------------------------------------

_LIARS = {
    "list": node("ListNode", "os", "system", content=[plain(1)]),
    "set": node("SetNode", "subprocess", "Popen", content=[plain(COMMAND)]),
    "dict": {**mapping(a=plain(1)), "__module__": "os", "__class__": "system"},
    "bytes": node("BytesNode", "builtins", "eval", file="1.npy"),
    "plain": node("JsonNode", "builtins", "eval", content='"1"'),
    "slice": node("SliceNode", "os", "system", content={"start": 1, "stop": 2, "step": None}),
    "array": node("NdArrayNode", "numpy", "load", type="numpy", file="1.npy"),
    "objects": node("NdArrayNode", "os", "system", type="json", content=[plain(1)], shape=items(plain(1))),
    "state": node("RandomStateNode", "os", "system", content=mapping()),
    "tree": node("TreeNode", "os", "system", content=mapping(), __reduce__={"args": _COMMAND}),
    "dtype": node("DTypeNode", "os", "system", content=plain(1)),
    "masked": node("MaskedArrayNode", "os", "system", content={"data": plain(1), "mask": plain(1)}),
    "partial": node("PartialNode", "os", "system", content={}),
    "factory": node("DefaultDictNode", "os", "system", content={}),
    "generator": node("RandomGeneratorNode", "os", "system", content={}),
    "bytearray": node("BytearrayNode", "os", "system", file="1.npy"),
}
for _label, _node in _LIARS.items():
    put(f"{_label} under another name", "GraphError", "says that it is a", within(_node))

put("two objects of one number", "GraphError", "two objects of the schema have one number", changed(
    "linear", lambda schema: schema["content"].update(__id__=schema["__id__"])
))  # fmt: skip
for _loader in ("CachedNode", "_DictWithDeprecatedKeysNode", "eval", "os.system", "Node", "ReduceNode"):
    put(f"kind {_loader}", "GraphError", "is not a kind of node", within(node(_loader, "builtins", "dict", content={})))
for _number in (None, True, "1", 1.5, [1]):
    put(f"number {_number}", "GraphError", "no number", within({**plain(1), "__id__": _number}))
for _protocol, _part in (
    (0, "open it with"),
    (-1, "-1"),
    (99, "99"),
    (True, "True"),
    ("2", "2"),
    (None, "None"),
    (1.0, "1"),
):
    put(
        f"protocol {_protocol!r}", "VersionError", "the protocol",
        changed("linear", lambda schema, p=_protocol: schema.update(protocol=p)),
    )  # fmt: skip
put("function of an old protocol", "GraphError", "no name", changed("linear", lambda schema: {
    "__loader__": "FunctionNode", "__id__": 1, "protocol": 1,
    "content": {"module_path": "os", "function": "system"},
}))  # fmt: skip


# -- data that compiled code would believe -------------------------------------------------------------------------


def _generator(name: Any) -> Callable[[Node], None]:
    def change(schema: Node) -> None:
        state = schema["content"]["g"]["content"]["bit_generator"]["content"]
        state["bit_generator"]["content"] = json.dumps(name)

    return change


for _name in ("seed", "set_bit_generator", "get_state", "BitGenerator", "os.system", "__doc__"):
    put(f"bit generator {_name}", "GraphError", "bit generator", changed("values", _generator(_name)))
put("bit generator that is no name", "GraphError", "a random generator", changed("values", _generator(7)))


def array_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def with_arrays(kind: str, change: Callable[[np.ndarray], Any], wanted: Callable[[np.ndarray], bool]) -> Any:
    """An honest file in which ``change`` has changed each array of a kind in place."""

    def make() -> bytes:
        members, found = members_of(honest(kind)), 0
        for name, content in members.items():
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(content))
                if wanted(array):
                    array = array.copy()
                    change(array)
                    members[name], found = array_bytes(array), found + 1
        assert found
        return packed(members)

    return make


def _field(name: str, value: float, at: int = 0) -> Callable[[np.ndarray], None]:
    def change(array: np.ndarray) -> None:
        array[name][at] = value

    return change


def _is_nodes(array: np.ndarray) -> bool:
    return "left_child" in (array.dtype.names or ())


for _name, _value in (
    ("left_child", 10**9), ("left_child", -2), ("left_child", 0), ("right_child", 10**6), ("right_child", 0),
    ("feature", 10**7), ("feature", -3), ("feature", 3),
):  # fmt: skip
    put(f"tree with {_name} {_value}", "CheckError", "tree", with_arrays("tree", _field(_name, _value), _is_nodes))


def _index(array: np.ndarray) -> None:
    array[:] = 10**9


put("neighbour tree with a bad index", "CheckError", "", with_arrays(
    "neighbours", _index, lambda array: array.dtype == np.int64 and array.shape == (40,) and array.max() > 1
))  # fmt: skip


def _state(**parts: Any) -> Callable[[Node], None]:
    def change(schema: Node) -> None:
        inner = schema["content"]["s"]["content"]["content"]["state"]["content"]
        for key, value in parts.items():
            inner[key] = value

    return change


for _place in (625, 10**6, -5, 1 << 40):
    put(f"random state at {_place}", "CheckError", "", changed("values", _state(pos=plain(_place))))


def _matrix(change: Callable[[dict[str, np.ndarray]], None]) -> Callable[[], bytes]:
    def make() -> bytes:
        members = members_of(honest("values"))
        name = next(name for name in members if name.endswith(".npz"))
        with np.load(io.BytesIO(members[name])) as found:
            parts = {key: found[key] for key in found.files}
        change(parts)
        file = io.BytesIO()
        np.savez_compressed(file, **parts)
        return packed({**members, name: file.getvalue()})

    return make


put("sparse index outside", "CheckError", "an index is outside", _matrix(lambda p: p["indices"].__setitem__(0, 99)))
put("sparse pointer that falls", "CheckError", "", _matrix(lambda p: p["indptr"].__setitem__(1, 99)))
put("sparse of another format", "GraphError", "says that it is a", _matrix(lambda p: p.update(format=np.array("csc"))))
put("sparse without a part", "GraphError", "lacks a part", _matrix(lambda p: p.pop("indptr")))
put("sparse with objects", "LoadError", "", _matrix(lambda p: p.update(data=np.zeros(3, "V8"))))


# -- arrays --------------------------------------------------------------------------------------------------------


def _header(text: str, body: bytes = b"\0" * 48) -> bytes:
    raw = text.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(raw)) + raw + body


def _first_array(content: bytes) -> Callable[[], bytes]:
    return lambda: packed({**members_of(honest("linear")), "1.npy": content})


_HEADERS = {
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (6,), }",
    "a terabyte": "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627775,), }",
    "a shape that overflows": "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 6), }",
    "a negative length": "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
    "items without size": "{'descr': '|S0', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    "code": f"__import__('os').system({COMMAND!r})",
    "a key too many": "{'descr': '<f8', 'fortran_order': False, 'shape': (6,), 'x': 1}",
    "objects in a field": "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (6,), }",
    "a title": "{'descr': [(('t', 'a'), '<f8')], 'fortran_order': False, 'shape': (6,), }",
    "fields in fields": "{'descr': [('a', [('b', [('c', [('d', '<f8')])])])], 'fortran_order': False, 'shape': (6,)}",
    "brackets": "(" * 5000,
    "no text": "\x00\x01",
    "an order that is none": "{'descr': '<f8', 'fortran_order': 'F', 'shape': (6,), }",
}
for _label, _text in _HEADERS.items():
    put(f"array with {_label}", "GraphError", "", _first_array(_header(_text)))
put("array with bytes behind it", "GraphError", "", _first_array(array_bytes(np.zeros((1, 3))) + b"x"))
put("array that is cut off", "GraphError", "", _first_array(array_bytes(np.zeros((1, 3)))[:-1]))
put("array that is a pickle", "GraphError", "", _first_array(pickle.dumps(np.zeros(3))))
put("array of a later version", "GraphError", "", _first_array(b"\x93NUMPY\x09\0" + b"\0" * 100))


# -- the schema ----------------------------------------------------------------------------------------------------


def _text(schema: bytes) -> Callable[[], bytes]:
    return lambda: packed({"schema.json": schema})


_DEEP = b'{"__class__":"list","__module__":"builtins","__loader__":"ListNode","__id__":%d,"content":['
put("schema that is no JSON", "GraphError", "not valid JSON", _text(b"{"))
put("schema that is a list", "GraphError", "not an object", _text(b"[]"))
put("schema with a key twice", "GraphError", "a key occurs twice", _text(b'{"protocol": 2, "protocol": 2}'))
put("schema of brackets", "GraphError", "", _text(b"[" * 1_000_000))
put("schema without names", "GraphError", "no name", _text(b'{"protocol": 2}'))
put("deep schema", "GraphError", "", _text(
    b'{"protocol":2,' + b"".join(_DEEP % i for i in range(900))[1:] + b"]}" * 900
))  # fmt: skip
put("no schema", "ContainerError", "no schema.json", lambda: packed({"model.json": b"{}"}))
put("plain value that is none", "GraphError", "a plain value", within({**plain(1), "content": '{"a": 1}'}))
put("plain value of a million digits", "GraphError", "a plain value", within({**plain(1), "content": "9" * 1_000_000}))
put("file that is not there", "ContainerError", "has no", within(node("BytesNode", "builtins", "bytes", file="x.bin")))
put("file outside", "ContainerError", "has no", within(node("BytesNode", "builtins", "bytes", file="../../etc/passwd")))


# -- the archive ---------------------------------------------------------------------------------------------------


def _raw(change: Callable[[bytearray], Any], kind: str = "linear") -> Callable[[], bytes]:
    def make() -> bytes:
        data = bytearray(honest(kind))
        return bytes(change(data) or data)

    return make


def _entry(data: bytearray, number: int = 0) -> int:
    """Where an entry of the directory begins."""
    place = struct.unpack_from("<I", data, len(data) - 6)[0]
    for _ in range(number):
        place += 46 + struct.unpack_from("<H", data, place + 28)[0]
    return place


def _poke(layout: str, offset: int, value: int, *, local: int | None = None) -> Callable[[bytearray], None]:
    """Write into the first entry of the directory, and perhaps into the local header, too."""

    def change(data: bytearray) -> None:
        struct.pack_into(layout, data, _entry(data) + offset, value)
        if local is not None:
            struct.pack_into(layout, data, local, value)

    return change


def _named(name: str) -> Callable[[], bytes]:
    return lambda: packed({**members_of(honest("linear")), name: b"x"})


for _name in (
    "../x",
    "/etc/passwd",
    "a/../b",
    "a\\b",
    "C:x",
    "a//b",
    "./a",
    "ü",
    ".",
    "..",
    "a/.",
    "x" * 600,
):
    put(f"member named {_name[:10]!r}", "ContainerError", "name", _named(_name))
put("member twice", "ContainerError", "twice", lambda: _twice("1.npy"))
put("member twice in another case", "ContainerError", "twice", _named("SCHEMA.JSON"))


def _twice(name: str) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")
        for each, content in members_of(honest("linear")).items():
            archive.writestr(zipfile.ZipInfo(each), content)
        archive.writestr(zipfile.ZipInfo(name), b"x")
    return file.getvalue()


put("link", "ContainerError", "no plain file", _raw(_poke("<I", 38, 0o120777 << 16)))
put("device", "ContainerError", "no plain file", _raw(_poke("<I", 38, 0o020666 << 16)))
put("encrypted", "ContainerError", "encrypted", _raw(_poke("<H", 8, 1, local=6)))
put("streamed", "ContainerError", "streamed", _raw(_poke("<H", 8, 8, local=6)))
put("packed in another way", "ContainerError", "packed in an unknown way", _raw(_poke("<H", 10, 14, local=8)))
put("another size in the directory", "ContainerError", "", _raw(_poke("<I", 24, 5)))
put("another checksum", "ContainerError", "announced in two ways", _raw(_poke("<I", 16, 5)))
put("damaged member", "ContainerError", "damaged", _raw(lambda data: data.__setitem__(60, data[60] ^ 1)))
put("overlapping members", "ContainerError", "overlap", _raw(_poke("<I", 42, 5)))
put("something before", "ContainerError", "", _raw(lambda data: b"MZ" + data))
put("something behind", "ContainerError", "", _raw(lambda data: data + b"x"))
put("comment", "ContainerError", "", _raw(lambda data: data[:-2] + b"\1\0x"))
put("cut off", "ContainerError", "", _raw(lambda data: data[:-30]))
put("second volume", "ContainerError", "", _raw(lambda data: struct.pack_into("<H", data, len(data) - 18, 1)))
put("too many members", "ContainerError", "too many members", _raw(
    lambda data: (struct.pack_into("<2H", data, len(data) - 14, 65535, 65535))
))  # fmt: skip
put("a member less", "ContainerError", "", _raw(
    lambda data: (struct.pack_into("<2H", data, len(data) - 14, 1, 1))
))  # fmt: skip
put("name that the directory lacks", "ContainerError", "", _raw(lambda data: data.__setitem__(30, ord("z"))))


def _bomb(size: int, said: int | None = None) -> bytes:
    """Zeros that unpack to ``size`` bytes; ``said`` is what the archive says of them."""
    data = bytearray(packed({**members_of(honest("linear")), "1.npy": b"\0" * size}, zipfile.ZIP_DEFLATED))
    if said is not None:
        name = data.index(b"1.npy")
        struct.pack_into("<I", data, name - 30 + 22, said)
        place = data.rindex(b"1.npy") - 46
        struct.pack_into("<I", data, place + 24, said)
    return bytes(data)


put("bomb", "ContainerError", "unpacks to more than", lambda: _bomb(150_000_000))
put("bomb that says it is small", "ContainerError", "another size", lambda: _bomb(20_000_000, 100))
put("bomb that says it is larger", "ContainerError", "another size", lambda: _bomb(1000, 60_000_000))
put("no archive", "ContainerError", "", lambda: b"PK\x03\x04" + pickle.dumps({"a": 1}) * 10)


def _nested_bomb() -> bytes:
    members = members_of(honest("values"))
    name = next(name for name in members if name.endswith(".npz"))
    inner = packed({"data.npy": b"\0" * 200_000_000}, zipfile.ZIP_DEFLATED)
    return packed({**members, name: inner})


put("bomb in an archive in the archive", "ContainerError", "unpacks to more than", _nested_bomb)
put("schema that is a bomb", "ContainerError", "", lambda: packed(
    {"schema.json": b" " * 150_000_000}, zipfile.ZIP_DEFLATED
))  # fmt: skip
