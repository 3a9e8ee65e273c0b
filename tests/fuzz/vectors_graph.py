"""Vectors for graph.json: its text, its tables, its nodes, and what the policy has to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fuzz import forge

Vector = tuple[str, str, str, bytes]
OK = forge.graph_file(1)
NAN = ["float", "7ff8000000000000"]


def sealed(text: bytes) -> bytes:
    return forge.artifact(text)


def node(root: Any, **tables: Any) -> bytes:
    return forge.artifact(root, **tables)


def vectors() -> Iterator[Vector]:
    for name, text, why in (*_texts(), *_tops()):
        yield name, "parse", f"the graph {why}", sealed(text)
    for name, root, why in (*_nodes(), *_shared(), *_values(), *_bombs()):
        yield name, "parse", why, node(root)
    yield from _names()
    yield from _policy()
    yield "version_graph", "manifest", "version 2 of the graph", sealed(OK.replace(b'"version":1', b'"version":2'))
    newer = OK.replace(b'"version":1', b'"version":9,"sparse":[]')
    yield "version_graph_fields", "manifest", "version 9 of the graph, with a field that version 1 lacks", sealed(newer)
    empty = forge.take_apart(sealed(OK))
    empty.files = {"probe.json": OK}
    yield "no_graph", "parse", "there is no graph", empty.seal()
    more = forge.take_apart(sealed(OK))
    more.files["notes.txt"] = b"nothing"
    yield "file_unknown", "container", "a file that no reader knows", more.seal()


def _root(text: bytes) -> bytes:
    return OK.replace(b'"root":1', b'"root":' + text)


def _texts() -> Iterator[tuple[str, bytes, str]]:
    yield "graph_empty", b"", "is empty"
    yield "graph_not_json", OK[:-1], "lacks its last brace"
    yield "graph_two", OK + OK, "is there twice"
    yield "graph_bom", b"\xef\xbb\xbf" + OK, "begins with a byte order mark"
    yield "graph_space_before", b" " + OK, "begins with a space"
    yield "graph_space_behind", OK + b"\n", "ends with a new line"
    yield "graph_utf16", OK.decode().encode("utf-16"), "is UTF-16"
    yield "graph_not_utf8", _root(b'"\xff"'), "is not UTF-8"
    yield "graph_surrogate_bytes", _root(b'"\xed\xa0\x80"'), "holds half a character as bytes"
    yield "graph_surrogate_escape", _root(b'"\\ud800"'), "holds half a character as an escape"
    yield "graph_control", _root(b'"a\x01"'), "holds a control character in a text"
    yield "graph_nan", _root(b"NaN"), "holds NaN"
    yield "graph_infinity", _root(b"-Infinity"), "holds -Infinity"
    yield "graph_number_range", _root(b"1e999"), "holds a number beyond all float64"
    yield "graph_number_zeros", _root(b"0123"), "holds a number with a leading zero"
    yield "graph_number_long", _root(b"7" * 5000), "holds an integer of 5000 digits"
    yield "graph_comment", _root(b"/* */ 1"), "holds a comment"
    yield "graph_comma", _root(b'["list",[1,]]'), "holds a comma too many"
    yield "graph_deep", _root(b"[" * 3000 + b"]" * 3000), "is nested 3000 levels deep"
    yield "graph_deep_nodes", _root(b'["list",[' * 200 + b"]]" * 200), "has 200 lists in one another"
    yield "graph_key_twice", _root(b'["dict",{"a":1,"a":2}]'), "has a dictionary with a key twice"
    yield "graph_key_twice_escaped", _root(b'["dict",{"a":1,"\\u0061":2}]'), "has a key twice, once escaped"


def _tops() -> Iterator[tuple[str, bytes, str]]:
    yield "graph_list", b"[]", "is a list"
    yield "graph_no_fields", b"{}", "has no fields"
    yield "graph_no_root", OK.replace(b',"root":1', b""), "has no root"
    yield "graph_root_twice", OK.replace(b'"root":1', b'"root":1,"root":2'), "has two roots"
    yield "graph_unknown_field", OK.replace(b'"root"', b'"code":[],"root"'), "has a field that the format lacks"
    yield (
        "graph_unknown_field_escape",
        OK.replace(b'"root"', b'"\\u001b[2J":0,"root"'),
        "has a field that clears a screen",
    )
    yield "graph_version_zero", OK.replace(b'"version":1', b'"version":0'), "is of version 0"
    yield "graph_version_text", OK.replace(b'"version":1', b'"version":"1"'), "gives its version as text"
    yield "graph_version_true", OK.replace(b'"version":1', b'"version":true'), "gives its version as true"
    yield "graph_types_kind", OK.replace(b'"types":[]', b'"types":[1]'), "has a class without a name"
    yield "graph_functions_kind", OK.replace(b'"functions":[]', b'"functions":{}'), "has no list of functions"
    yield "graph_pool_kind", OK.replace(b'"pools":[]', b'"pools":[1]'), "has a pool that is a number"
    yield "graph_pool_unknown", OK.replace(b'"pools":[]', b'"pools":[{"kind":"x"}]'), "has a pool of an unknown kind"
    yield "graph_packed_kind", OK.replace(b'"packed":[]', b'"packed":[[0]]'), "has a short row in its packed table"


def _nodes() -> Iterator[tuple[str, Any, str]]:
    yield "node_bare_object", {"a": 1}, "a JSON object stands outside of a node"
    yield "node_empty", [], "a node has no kind"
    yield "node_kind_number", [1, 2], "a kind is a number"
    yield "node_kind_list", [["list"], []], "a kind is a list"
    yield "node_kind_unknown", ["eval", "1+1"], "a kind is unknown"
    yield "node_arity", ["list", [], []], "a list has three parts"
    yield "node_list_of_text", ["list", "abc"], "a list holds a text for its items"
    yield "node_dict_of_list", ["dict", [1]], "a dictionary holds a list"
    yield "node_map_lengths", ["map", [1, 2], [1]], "a map has more keys than values"
    yield "node_map_twice", ["map", [1, 1.0], [1, 2]], "a map has two equal keys"
    yield "node_map_unhashable", ["map", [["list", []]], [1]], "a map has a list for a key"
    yield "node_set_twice", ["set", [1, True]], "a set has two equal elements"
    yield "node_set_unhashable", ["set", [["dict", {}]]], "a set has a dictionary for an element"
    yield "node_deque_negative", ["deque", -1, []], "a deque of length -1"
    yield "node_default_factory", ["defaultdict", 5, [], []], "a default factory that is no class"


def _shared() -> Iterator[tuple[str, Any, str]]:
    yield "ref_to_nothing", ["ref", 0], "a reference to an object that nothing defines"
    yield "ref_forward", ["list", [["ref", 0], ["def", 0, ["list", []]]]], "a reference before the definition"
    yield "ref_text", ["ref", "0"], "a reference by a text"
    yield "ref_true", ["list", [["def", 1, ["list", []]], ["ref", True]]], "a reference by a truth value"
    yield "def_twice", ["list", [["def", 0, ["list", []]], ["def", 0, ["list", []]]]], "a number is defined twice"
    yield "def_of_scalar", ["def", 0, 5], "a definition of a number"
    yield "def_of_def", ["def", 0, ["def", 1, ["list", []]]], "a definition of a definition"
    yield "def_of_ref", ["list", [["def", 0, ["list", []]], ["def", 1, ["ref", 0]]]], "a definition of a reference"
    yield "cycle_of_tuple", ["def", 0, ["tuple", [["ref", 0]]]], "a tuple that holds itself"
    yield "cycle_of_set", ["def", 0, ["frozenset", [["ref", 0]]]], "a frozen set that holds itself"


def _values() -> Iterator[tuple[str, Any, str]]:
    yield "int_small", ["int", "5"], "an integer that JSON holds is written in digits of its own"
    yield "int_zeros", ["int", "0" + "f" * 20], "an integer with a leading zero"
    yield "int_long", ["int", "f" * 257], "an integer of more than 1024 bits"
    yield "int_python", ["int", "0x" + "f" * 20], "an integer with a prefix"
    yield "float_finite", ["float", "3ff0000000000000"], "a finite number is written as bytes"
    yield "float_capitals", ["float", "7FF8000000000000"], "hexadecimal digits in capitals"
    yield "float_short", ["float", "7ff8"], "a float of two bytes"
    yield "bytes_no_base64", ["bytes", "*"], "bytes that are not in base64"
    yield "fraction_zero", ["fraction", 1, 0], "a fraction over zero"
    yield "fraction_text", ["fraction", "1e999999999", None], "a fraction from a text: ten to the power of a billion"
    yield "fraction_decimal", ["fraction", ["decimal", "1e999999999"], None], "the same, from a decimal"
    yield "range_float", ["range", 0, 1.5, 1], "a range of fractions"
    yield "decimal_text", ["decimal", "one"], "a decimal that is no number"
    yield "date_impossible", ["date", "2023-02-30"], "a day that no month has"
    yield "time_zone_kind", ["datetime", "2020-01-01T00:00:00", ["list", []], 0], "a list for a time zone"
    yield "zone_parent", ["zone", "../../../etc/passwd"], "a time zone outside of the folder of zones"
    yield "zone_absolute", ["zone", "/etc/passwd"], "a time zone by an absolute path"
    yield "zone_unknown", ["zone", "Mars/Olympus"], "a time zone that nobody knows"
    yield "uuid_short", ["uuid", "12"], "a UUID of two digits"
    yield "scalar_range", ["scalar", "|u1", 256], "a byte of value 256"
    yield "scalar_kind", ["scalar", "<i8", 1.5], "an integer with a fraction"
    yield "scalar_bool", ["scalar", "|b1", 2], "a truth value of 2"
    yield "scalar_object", ["scalar", "|O", 1], "a numpy scalar that is a pointer"
    yield "dtype_object_in_struct", ["dtype", {"names": ["a"], "formats": ["|O"], "offsets": [0], "itemsize": 8,
                                               "aligned": False}], "a struct with a pointer"  # fmt: skip
    yield "dtype_overlap", ["dtype", {"names": ["a", "b"], "formats": ["<f8", "<f8"], "offsets": [0, 4], "itemsize": 12,
                                      "aligned": False}], "a struct whose fields overlap"  # fmt: skip
    yield "dtype_unknown", ["dtype", "f8,f8"], "a dtype in another spelling"
    yield "dtype_deep", ["dtype", _deep_dtype(20)], "a dtype nested 20 levels deep"
    yield "objects_count", ["objects", [3], [1, 2], "C"], "an object array with an element too few"
    yield "objects_shape", ["objects", [1 << 40, 1 << 40], [], "C"], "an object array of 2**80 elements"
    yield "objects_negative", ["objects", [-1], [], "C"], "an object array of length -1"
    yield "matrix_of_list", ["matrix", ["list", []]], "a matrix that is a list"
    yield "generator_of_nothing", ["generator", None], "a generator without bits"
    yield (
        "bit_generator_name",
        ["bitgenerator", ["dict", {"bit_generator": "seed"}], None],
        "a bit generator named seed",
    )


def _deep_dtype(depth: int) -> Any:
    made: Any = "<f8"
    for _ in range(depth):
        made = {"item": made, "shape": [1]}
    return made


def _bombs() -> Iterator[tuple[str, Any, str]]:
    pair: Any = ["tuple", []]
    for i in range(60):
        pair = ["tuple", [["def", i, pair], ["ref", i]]]
    yield "bomb_hash", ["set", [pair]], "tuples that share tuples, 60 levels: 2**60 steps to hash"
    yield "bomb_hash_key", ["map", [pair], [1]], "the same as the key of a map"
    yield "bomb_axes", ["objects", [1] * 40, [1], "C"], "an array of 40 axes"


def _names() -> Iterator[Vector]:
    for name, tables, root, why in (
        ("type_unknown", {"types": ["os.system"]}, ["class", 0], "a class that is on no list"),
        ("type_private", {"types": ["sklearn.linear_model._logistic.LogisticRegression"]}, 1, "a private name"),
        ("type_twice", {"types": ["builtins.int", "builtins.int"]}, 1, "a class is in the table twice"),
        ("type_index", {"types": ["builtins.int"]}, ["class", 1], "a class outside of the table"),
        ("type_index_negative", {"types": ["builtins.int"]}, ["class", -1], "a class before the table"),
        ("type_is_function", {"types": ["numpy.log1p"]}, ["class", 0], "a function in the table of classes"),
        ("function_unknown", {"functions": ["os.system"]}, ["function", 0], "a function that is on no list"),
        ("function_builtin", {"functions": ["builtins.eval"]}, 1, "the function eval"),
        ("function_is_class", {"functions": ["builtins.int"]}, 1, "a class in the table of functions"),
        ("function_index", {"functions": []}, ["function", 0], "a function outside of the table"),
        ("name_nothing", {"types": [""]}, 1, "a class without a name"),
        ("name_escape", {"types": ["a\x1b[2J.b"]}, 1, "a class whose name clears the screen"),
        ("name_long", {"types": ["a" * 5000]}, 1, "a class whose name has 5000 letters"),
        ("object_of_value", {"types": ["builtins.int"]}, ["object", 0, {}], "an int kept by attributes"),
        ("object_of_ndarray", {"types": ["numpy.ndarray"]}, ["object", 0, {}], "an array kept by attributes"),
        ("reduced_listed", {"types": ["sklearn.cluster.KMeans"]}, ["reduced", 0, [], None, [], [[], []]],
         "a listed class that says itself how it is kept"),
        ("partial_of_class", {"types": ["builtins.int"]}, ["partial", ["class", 0], [], {}], "a partial of a class"),
        ("partial_function", {"functions": ["numpy.log1p"]}, ["partial", ["function", 0], [["function", 0]], {}],
         "a partial that is given a function"),
        ("enum_of_int", {"types": ["builtins.int"]}, ["enum", 0, "real"], "an enum that is none"),
        ("tuple_of_int", {"types": ["builtins.int"]}, ["namedtuple", 0, []], "a named tuple that is none"),
        ("tree_no_pool", {}, ["tree", 0, 0], "a tree of a pool that is not there"),
    ):  # fmt: skip
        yield name, "parse", why, node(root, **tables)
    for name, key, why in (
        ("dunder", "__class__", "its class"), ("dict", "__dict__", "its own dictionary"),
        ("method", "predict", "a method"),
        ("empty", "", "an empty name"), ("space", "a b", "a name with a space"), ("keyword", "class", "a keyword"),
        ("long", "x" * 300, "a name of 300 letters"),
    ):  # fmt: skip
        data = node(["object", 0, {key: 1}], types=["sklearn.cluster.KMeans"])
        yield f"attribute_{name}", "parse", f"an object's attribute is {why}", data


def _policy() -> Iterator[Vector]:
    for name, tables, why in (
        ("own_class", {"types": ["mypkg:MyScaler"]}, "a class of the user's own"),
        ("own_function", {"functions": ["mypkg.inner:helper"]}, "a function of the user's own"),
        ("own_system", {"functions": ["os:system"]}, "os.system as if it were the user's own"),
        ("own_builtin", {"functions": ["builtins:eval"]}, "eval as if it were the user's own"),
        ("own_sklearn", {"types": ["sklearn.cluster:KMeans"]}, "a class of scikit-learn as if it were the user's own"),
    ):
        yield name, "policy", f"{why}, which the policy does not trust", node(1, **tables)
    for name, text in (("own_no_name", "mypkg:"), ("own_walk", "mypkg:a.b c"), ("own_lambda", "mypkg:<lambda>")):
        yield name, "parse", f"the name {text!r}, which can't be one", node(1, types=[text])
    pieces = forge.take_apart(node(1))
    pieces.files["code/mypkg.py"] = b"raise SystemExit\n"
    yield "code", "policy", "source travels along, and the policy allows none", pieces.seal()


def as_json(data: bytes) -> Any:
    """The graph of a vector, for people."""
    return json.loads(forge.take_apart(data).files[forge.GRAPH])
