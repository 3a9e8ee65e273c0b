"""Hostile ONNX files: all refused before a native library sees them, with a reason; mutants end in no signal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelkeep import onnx_checks
from modelkeep.errors import CheckError, GraphError, LoadError, PolicyError, WorkerError
from modelkeep.onnx_checks import wire
from modelkeep.onnx_checks.model import Attribute, Model

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("skl2onnx", reason="the extra onnx is not installed")

import itertools

import onnx
from onnx import TensorProto, helper

import onnx_files
from onnx_files import edited, forest, graph_of, tree_edits

FULL = os.environ.get("MODELKEEP_FULL") == "1"
MUTANTS = 2000 if FULL else 200


def refused(data: bytes, *kinds: type[LoadError]) -> LoadError:
    start = time.process_time()
    with pytest.raises(kinds or LoadError) as caught:
        onnx_checks.checked(data)
    assert time.process_time() - start < 5
    assert caught.value.hint
    assert len(str(caught.value)) < 800
    return caught.value


def relu(**more: Any) -> bytes:
    return graph_of([helper.make_node("Relu", ["x"], ["y"])], **more)


def constant(name: str, values: Any) -> Any:
    return onnx.numpy_helper.from_array(np.asarray(values), name)


# -- trees and their like ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "edit"), list(tree_edits()), ids=[name for name, _ in tree_edits()])
def test_an_edited_forest_is_refused(name: str, edit: Callable[[Any], None]) -> None:
    onnx_checks.checked(forest()[1])
    refused(edited(forest()[1], edit), CheckError)


def test_a_tree_that_leads_back_into_itself_is_refused() -> None:
    def cycle(model: Any) -> None:
        true, modes = (onnx_files.attribute(model, name) for name in ("nodes_truenodeids", "nodes_modes"))
        ids, trees = (onnx_files.attribute(model, f"nodes_{name}ids").ints for name in ("node", "tree"))
        inner = [i for i, mode in enumerate(modes.strings) if mode != b"LEAF" and trees[i] == trees[0]]
        true.ints[inner[-1]] = ids[inner[1]]

    assert "back into itself" in str(refused(edited(forest()[1], cycle), CheckError))


def deep_tree(levels: int) -> bytes:
    count = 2 * levels + 1
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0] * count,
        nodes_nodeids=list(range(count)),
        nodes_featureids=[0] * count,
        nodes_modes=["BRANCH_LEQ"] * levels + ["LEAF"] * (levels + 1),
        nodes_values=[float(i) for i in range(count)],
        nodes_truenodeids=[levels + i for i in range(levels)] + [0] * (levels + 1),
        nodes_falsenodeids=[i + 1 if i + 1 < levels else 2 * levels for i in range(levels)] + [0] * (levels + 1),
        target_treeids=[0],
        target_nodeids=[levels],
        target_ids=[0],
        target_weights=[1.0],
    )
    return graph_of([node])


def test_a_tree_too_deep_for_the_runtime_is_refused() -> None:
    from modelkeep.predictors.onnx import OnnxModel

    assert OnnxModel(deep_tree(8000)).predict(np.full((1, 3), -1, np.float32)).tolist() == [[1.0]]
    assert "levels deep" in str(refused(deep_tree(30_000), CheckError))


def classic(op: str, **attributes: Any) -> bytes:
    return graph_of([helper.make_node(op, ["x"], ["y"], domain="ai.onnx.ml", **attributes)])


def words(**changed: Any) -> bytes:
    given: dict[str, Any] = {
        "max_gram_length": 2,
        "min_gram_length": 1,
        "max_skip_count": 0,
        "mode": "TF",
        "ngram_counts": [0, 2],
        "ngram_indexes": [0, 1, 2],
        "pool_int64s": [1, 2, 1, 2],
    } | changed
    return graph_of([helper.make_node("TfIdfVectorizer", ["x"], ["y"], **given)])


VECTORS: dict[str, Any] = {
    "kernel_type": "RBF",
    "kernel_params": [0.5, 0.0, 3.0],
    "support_vectors": [1.0] * 6,
    "coefficients": [1.0, 1.0],
    "n_supports": 2,
    "rho": [0.1],
}


def test_whole_classical_operators_are_taken() -> None:
    onnx_checks.checked(words())
    onnx_checks.checked(classic("SVMRegressor", **VECTORS))
    onnx_checks.checked(classic("Scaler", offset=[0.0] * 3, scale=[1.0] * 3))


@pytest.mark.parametrize(
    "data",
    [
        lambda: words(ngram_indexes=[0, 10**6, 2]),
        lambda: words(ngram_indexes=[0, -1, 2]),
        lambda: words(ngram_indexes=[0, 1]),
        lambda: words(ngram_counts=[0, 50]),
        lambda: words(ngram_counts=[0, 1]),
        lambda: words(ngram_counts=[3, 1]),
        lambda: words(max_gram_length=10**9),
        lambda: words(min_gram_length=0),
        lambda: words(weights=[1.0]),
        lambda: classic("SVMRegressor", **VECTORS | {"n_supports": 1000}),
        lambda: classic("SVMRegressor", **VECTORS | {"coefficients": [1.0]}),
        lambda: classic("SVMRegressor", **VECTORS | {"kernel_params": [0.5]}),
        lambda: classic("SVMRegressor", **VECTORS | {"support_vectors": [1.0]}),
        lambda: classic("SVMRegressor", **VECTORS | {"kernel_type": "OWN"}),
        lambda: classic("LinearRegressor", coefficients=[1.0] * 3, targets=10**6),
        lambda: classic("LinearRegressor", coefficients=[1.0] * 3, targets=-1),
        lambda: classic("LinearClassifier", coefficients=[1.0] * 5, intercepts=[0.0] * 3, classlabels_ints=[0, 1, 2]),
        lambda: classic("LabelEncoder", keys_int64s=[1, 2], values_int64s=[1]),
        lambda: classic("OneHotEncoder", cats_int64s=[1], cats_strings=["a"]),
        lambda: classic("Scaler", offset=[0.0], scale=[1.0, 2.0]),
        lambda: classic("FeatureVectorizer", inputdimensions=[1 << 40]),
        lambda: classic("Imputer", replaced_value_float=0.0),
    ],
)
def test_lists_that_do_not_agree_are_refused(data: Callable[[], bytes]) -> None:
    refused(data(), CheckError)


# -- tensors -------------------------------------------------------------------------------------------------------


def with_constant(edit: Callable[[Any], None]) -> bytes:
    tensor = constant("w", np.ones((2, 3), np.float32))
    edit(tensor)
    return relu(constants=[tensor])


def put_elsewhere(tensor: Any) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="../../etc/passwd")


def test_a_tensor_in_another_file_is_refused() -> None:
    assert "names no files" in str(refused(with_constant(put_elsewhere), PolicyError)).replace("may name", "names")

    def named_only(tensor: Any) -> None:
        tensor.external_data.add(key="location", value="/etc/passwd")

    refused(with_constant(named_only), PolicyError)

    def in_an_attribute(model: Any) -> None:
        node = model.graph.node.add(op_type="Constant", output=["c"])
        put_elsewhere(node.attribute.add(name="value", type=4).t)

    refused(edited(relu(), in_an_attribute), PolicyError)


@pytest.mark.parametrize(
    "edit",
    [
        lambda tensor: tensor.dims.__setitem__(0, 1 << 40),
        lambda tensor: tensor.dims.__setitem__(0, -2),
        lambda tensor: tensor.dims.__setitem__(0, 3),
        lambda tensor: tensor.dims.extend([1 << 62, 1 << 62]),
        lambda tensor: tensor.dims.extend([1] * 100),
        lambda tensor: setattr(tensor, "data_type", 99),
        lambda tensor: setattr(tensor, "data_type", 8),
        lambda tensor: setattr(tensor, "raw_data", tensor.raw_data[:-1]),
        lambda tensor: tensor.float_data.append(1.0),
        lambda tensor: (tensor.ClearField("raw_data"), tensor.float_data.extend([1.0] * 7)),
        lambda tensor: (tensor.ClearField("raw_data"), tensor.int64_data.extend([1] * 6)),
    ],
)
def test_a_tensor_is_as_large_as_it_says(edit: Callable[[Any], None]) -> None:
    onnx_checks.checked(with_constant(lambda tensor: None))
    refused(with_constant(edit), CheckError)


@pytest.mark.parametrize("places", [[0, 6], [-1, 2], [3, 1], [1, 1]])
def test_a_sparse_tensor_stays_inside(places: list[int]) -> None:
    def sparse(chosen: list[int], dims: list[int]) -> bytes:
        def edit(model: Any) -> None:
            made = helper.make_sparse_tensor(
                constant("s", np.ones(2, np.float32)), constant("i", np.array(chosen, np.int64)), dims
            )
            model.graph.sparse_initializer.append(made)

        return edited(relu(), edit)

    onnx_checks.checked(sparse([0, 5], [2, 3]))
    refused(sparse(places, [2, 3]), CheckError)
    refused(sparse([0, 5], [1 << 30, 1 << 30]), CheckError)


# -- graphs --------------------------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    """Conditions inside of conditions."""
    boolean = [helper.make_tensor_value_info("c", TensorProto.BOOL, [])]

    def branch(level: int) -> Any:
        out = [helper.make_tensor_value_info(f"o{level}", TensorProto.FLOAT, None)]
        if level == levels:
            return helper.make_graph([helper.make_node("Relu", ["x"], [f"o{level}"])], "g", [], out)
        node = helper.make_node(
            "If", ["c"], [f"o{level}"], then_branch=branch(level + 1), else_branch=branch_of_one(level)
        )
        return helper.make_graph([node], "g", [], out)

    def branch_of_one(level: int) -> Any:
        out = [helper.make_tensor_value_info(f"e{level}", TensorProto.FLOAT, None)]
        return helper.make_graph([helper.make_node("Relu", ["x"], [f"e{level}"])], "g", [], out)

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch(1), else_branch=branch_of_one(0))
    return edited(graph_of([node]), lambda model: model.graph.input.extend(boolean))


def test_graphs_are_nested_a_few_levels_only() -> None:
    onnx_checks.checked(nested(4))
    refused(nested(12), GraphError)


def loop(rounds: int | None) -> bytes:
    body_in = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
    ]
    body_out = [
        helper.make_tensor_value_info("go2", TensorProto.BOOL, []),
        helper.make_tensor_value_info("v2", TensorProto.FLOAT, None),
    ]
    nodes = [helper.make_node("Identity", ["go"], ["go2"]), helper.make_node("Relu", ["v"], ["v2"])]
    body = helper.make_graph(nodes, "body", body_in, body_out)
    node = helper.make_node("Loop", ["" if rounds is None else "m", "", "x"], ["y"], body=body)
    return graph_of([node], [] if rounds is None else [constant("m", np.array(rounds, np.int64))])


def test_loops_end() -> None:
    onnx_checks.checked(loop(10))
    refused(loop(1 << 40), CheckError)
    refused(loop(None), CheckError)


def test_functions_do_not_call_themselves() -> None:
    def function(name: str, calls: str, domain: str = "own") -> Any:
        node = helper.make_node(calls, ["a"], ["b"], domain=domain if calls != "Relu" else "")
        return helper.make_function("own", name, ["a"], ["b"], [node], [helper.make_opsetid("", 18)])

    call = [helper.make_node("f", ["x"], ["y"], domain="own")]
    onnx_checks.checked(graph_of(call, functions=[function("f", "g"), function("g", "Relu")]))
    refused(graph_of(call, functions=[function("f", "g"), function("g", "f")]), GraphError)
    refused(graph_of(call, functions=[function("f", "f")]), GraphError)
    refused(graph_of(call, functions=[function("f", "Evil")]), PolicyError)


def test_calls_do_not_multiply() -> None:
    """Each of twenty functions calls the next one ten times."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    functions = []
    for level in range(20):
        op, domain = (f"f{level + 1}", "own") if level < 19 else ("Relu", "")
        names = ["a", *(f"v{i}" for i in range(9)), "b"]
        nodes = [helper.make_node(op, [old], [new], domain=domain) for old, new in itertools.pairwise(names)]
        functions.append(helper.make_function("own", f"f{level}", ["a"], ["b"], nodes, opsets))
    refused(graph_of([helper.make_node("f0", ["x"], ["y"], domain="own")], functions=functions), GraphError)


@pytest.mark.parametrize(
    ("nodes", "kind"),
    [
        ([("Relu", ["z"], ["y"])], GraphError),
        ([("Relu", ["b"], ["y"]), ("Relu", ["x"], ["b"])], GraphError),
        ([("Relu", ["y"], ["y"])], GraphError),
        ([("Relu", ["x"], ["y"]), ("Abs", ["x"], ["y"])], GraphError),
        ([("Relu", ["x"], ["x"]), ("Relu", ["x"], ["y"])], GraphError),
        ([("Relu", ["x"], ["z"])], GraphError),
        ([("PyOp", ["x"], ["y"])], PolicyError),
        ([("ImageDecoder", ["x"], ["y"])], PolicyError),
        ([("RandomNormal", [], ["y"])], PolicyError),
    ],
)
def test_every_value_is_made_once_and_before_it_is_used(nodes: list[Any], kind: type[LoadError]) -> None:
    refused(graph_of([helper.make_node(op, list(ins), list(outs)) for op, ins, outs in nodes]), kind)


@pytest.mark.parametrize("domain", ["com.microsoft", "ai.onnx.ml", "ai.onnx.contrib", "own", "ai.onnx.training"])
def test_operators_of_other_domains_are_refused(domain: str) -> None:
    data = graph_of([helper.make_node("ReadFile", ["x"], ["y"], domain=domain)])
    refused(edited(data, lambda model: model.opset_import.add(domain=domain, version=1)), LoadError)


@pytest.mark.parametrize(
    "edit",
    [
        lambda model: setattr(model, "ir_version", 99),
        lambda model: setattr(model.opset_import[0], "version", 999),
        lambda model: setattr(model.opset_import[0], "version", 1),
        lambda model: model.opset_import.add(domain="", version=17),
        lambda model: model.ClearField("graph"),
        lambda model: model.ClearField("opset_import"),
        lambda model: model.training_info.add(),
        lambda model: model.graph.output.add(name="nothing"),
        lambda model: model.graph.input.add(name="x"),
        lambda model: model.graph.node[0].attribute.add(name="alpha", type=1, i=3),
        lambda model: model.graph.node[0].attribute.add(name="alpha", type=11),
        lambda model: model.graph.node[0].attribute.add(name="alpha", type=1, ref_attr_name="beta"),
        lambda model: [model.graph.node[0].attribute.add(name="alpha", type=1, f=1.0) for _ in range(2)],
        lambda model: model.graph.node[0].attribute.add(name="body", type=5).g.node.add(op_type="Relu"),
    ],
)
def test_other_parts_are_as_the_standard_says(edit: Callable[[Any], None]) -> None:
    onnx_checks.checked(relu())
    refused(edited(relu(), edit))


def sized(op: str, values: list[Any], more: tuple[str, ...] = (), **attributes: Any) -> bytes:
    names = [f"c{i}" for i in range(len(values))]
    constants = [constant(name, value) for name, value in zip(names, values, strict=True)]
    return graph_of([helper.make_node(op, [*more, *names], ["y"], **attributes)], constants)


@pytest.mark.parametrize(
    "data",
    [
        lambda: sized("ConstantOfShape", [np.array([1 << 40])]),
        lambda: sized("ConstantOfShape", [np.array([1 << 20, 1 << 20])]),
        lambda: sized("Expand", [np.array([1 << 31, 3])], ("x",)),
        lambda: sized("Tile", [np.array([1 << 31, 1])], ("x",)),
        lambda: sized("Range", [np.array(0), np.array(1 << 50), np.array(1)]),
        lambda: sized("Range", [np.array(0.0), np.array(1.0), np.array(1e-30)]),
        lambda: sized("Pad", [np.array([0, 0, 0, 1 << 40])], ("x",)),
        lambda: sized("OneHot", [np.array(1 << 40), np.array([0.0, 1.0], np.float32)], ("x",)),
        lambda: sized("Resize", [np.array([1e20, 1e20], np.float32)], ("x", "")),
    ],
)
def test_a_constant_asks_for_no_vast_tensor(data: Callable[[], bytes]) -> None:
    refused(data(), CheckError)


DOUBLING = """
import sys
from modelkeep.predictors import onnx_session
onnx_session._half_of_memory = lambda: 1 << 28
try:
    print("answered", onnx_session.attempt(open(sys.argv[1], "rb").read()))
except Exception as error:
    print(error)
"""


def test_memory_has_an_end(tmp_path: Path) -> None:
    """Each node doubles what it gets: no constant says how much, so the bound of the arena answers."""
    names = ["x", *(f"v{i}" for i in range(44))]
    nodes = [helper.make_node("Concat", [old, old], [new], axis=1) for old, new in itertools.pairwise(names)]
    path = tmp_path / "doubling.onnx"
    path.write_bytes(graph_of([*nodes, helper.make_node("ReduceMax", [names[-1]], ["y"])]))
    onnx_checks.checked(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", DOUBLING, str(path)], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.startswith("one row takes more memory than there is"), done.stdout


# -- the wire ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x08\x09\x08\x09",
        b"\x0b\x0c",
        b"\x7a\x00",
        b"\x08\x09\x12\x05ab",
        b"\x08\x09\x12\x02\xff\xfe",
        b"\x08\x09\x3a\xff\xff\xff\xff\x0f",
        b"\x0d\x00\x00\x00\x00",
        b"\x08\x09" + b"\x3a\x00" * 2,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    refused(data, GraphError)


@pytest.mark.parametrize("size", [0, 1, 7, 300, 5000, 70_000])
def test_lists_of_numbers_are_read_as_the_standard_library_reads_them(size: int) -> None:
    rng = np.random.default_rng(size)
    whole = rng.integers(-(2**63), 2**63 - 1, size) >> rng.integers(0, 63, size)
    parts = rng.standard_normal(size).astype(np.float32)
    proto = helper.make_attribute("a", 1)
    proto.ints.extend(whole.tolist())
    proto.floats.extend(parts.tolist())
    proto.strings.extend([b"x"] * min(size, 50))
    read = wire.parse(Attribute, memoryview(proto.SerializeToString()))
    assert read.ints.tolist() == whole.tolist()
    assert (read.floats == parts).all()
    assert len(read.strings) == min(size, 50)
    packed = bytes(onnx.TensorProto(dims=[size], data_type=7, int64_data=whole.tolist()).SerializeToString())
    model = edited(relu(), lambda made: made.graph.initializer.append(onnx.TensorProto.FromString(packed)))
    graph = wire.parse(Model, memoryview(model)).graph
    assert graph is not None
    assert graph.initializer[0].int64_data.tolist() == whole.tolist()


def test_nested_messages_end() -> None:
    data = b""
    for _ in range(3000):
        size, prefix = len(data), bytearray()
        while True:
            prefix.append((size & 127) | (128 if size > 127 else 0))
            size >>= 7
            if not size:
                break
        data = b"\x2a" + bytes(prefix) + data if len(data) % 2 else b"\x32" + bytes(prefix) + data
    refused(b"\x08\x09\x3a" + b"\xff\xff\x7f" + data, GraphError)


# -- mutants -------------------------------------------------------------------------------------------------------

CAMPAIGN = """
import os, sys
import numpy as np
from modelkeep import onnx_checks
from modelkeep.errors import ModelkeepError
from modelkeep.predictors import onnx_session
from modelkeep.predictors.onnx import OnnxModel

files = [open(path, "rb").read() for path in sys.argv[2:]]
onnx_session.try_first = lambda data: None  # this process is the child
OnnxModel(files[0]).open()
rows = np.ones((3, 4), np.float32)
opened = []
watched = ("open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system")
sys.addaudithook(lambda event, given: opened.append((event, str(given))) if event in watched else None)
rng = np.random.default_rng(int(os.environ["SEED"]))
taken = 0
for number in range(int(sys.argv[1])):
    data = bytearray(files[number % len(files)])
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(data)))
        how = rng.integers(4)
        if how == 0:
            data[place] ^= 1 << int(rng.integers(8))
        elif how == 1:
            data[place] = int(rng.integers(256))
        elif how == 2:
            del data[place : place + int(rng.integers(1, 9))]
        else:
            data[place:place] = rng.bytes(int(rng.integers(1, 9)))
    try:
        model = OnnxModel(bytes(data))
        for method in model.methods:
            getattr(model, method)(rows)
        taken += 1
    except ModelkeepError:
        pass
# Python's own modules are read when they are first used.
print(taken, sorted(event for event in opened if event[0] != "open" or ".py" not in event[1] and ".so" not in event[1]))
"""


def test_mutants_end_in_no_signal(tmp_path: Path) -> None:
    made = {name: data for name, (_, data) in onnx_files.classifiers().items()}
    made |= {name: data for name, (_, _, data) in onnx_files.others().items()}
    paths = []
    for name, data in made.items():
        paths.append(str(tmp_path / f"{name}.onnx"))
        Path(paths[-1]).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", CAMPAIGN, str(MUTANTS), *paths],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "SEED": "0"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    taken, opened = done.stdout.split(" ", 1)
    assert 0 < int(taken) < MUTANTS
    assert opened.strip() == "[]"


def test_a_crash_of_the_runtime_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the checks did not foresee ends a child process."""
    from modelkeep.predictors import onnx_session
    from modelkeep.predictors.onnx import OnnxModel

    def crash(function: str, *arguments: Any, **named: Any) -> Any:
        raise WorkerError("the process for a first look at an ONNX model ended by SIGSEGV", hint="")

    monkeypatch.setattr(onnx_session._child(), "call", crash)
    fresh = edited(forest()[1], lambda model: model.metadata_props.add(key="a", value=os.urandom(8).hex()))
    with pytest.raises(CheckError, match=r"does not survive the model: .*SIGSEGV"):
        OnnxModel(fresh).open()
