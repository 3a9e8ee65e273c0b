"""PyTorch's own formats and safetensors: what is written opens elsewhere, and hostile files of each are refused."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelkeep as mk
from modelkeep import catalog, safetensors_file, saving, torch_programs
from modelkeep.errors import ContainerError, ExportError, GraphError, LoadError, PolicyError, UsageError

torch = pytest.importorskip("torch", reason="the extra [torch] is not installed")
from torch import nn  # noqa: E402

import zoo_torch  # noqa: E402

LIMIT = 1 << 40


def state() -> dict[str, Any]:
    torch.manual_seed(3)
    return {"a": torch.randn(3, 4), "b": torch.randn(4, 3).t().bfloat16(), "n": torch.tensor(7)}


def saved(value: Any) -> bytes:
    memory = io.BytesIO()
    torch.save(value, memory)
    return memory.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as file:
        for name, data in parts.items():
            file.writestr(zipfile.ZipInfo(name), data, method)
    return memory.getvalue()


def load(data: bytes, format: str, **options: Any) -> Any:
    return mk.load(data, format=format, **options)


# -- state dicts ---------------------------------------------------------------------------------------------------


def same(first: Any, second: Any) -> bool:
    return str(first) == str(second) and first.dtype == second.dtype and first.stride() == second.stride()


def test_a_state_dict_is_read_as_pytorch_reads_it() -> None:
    shared = torch.randn(10)
    value = {
        "weights": OrderedDict(state()), "epoch": 3, "rate": 0.5, "names": ["a", None, True, (1, 2)], "bytes": b"x" * 9,
        "views": [shared[:4], shared[2:]], "parameter": nn.Parameter(torch.randn(2)), "size": torch.Size([2, 3]),
        "dtype": torch.float16, "empty": torch.zeros(0, 3), "small": torch.zeros(3, dtype=torch.float8_e5m2),
        "odd": torch.zeros(2, dtype=torch.uint16), "complex": torch.randn(2, dtype=torch.complex64), "set": {1, 2},
    }  # fmt: skip
    found, expected = load(saved(value), "state_dict"), torch.load(io.BytesIO(saved(value)), weights_only=True)
    assert str(found) == str(expected)
    assert all(same(found["weights"][name], expected["weights"][name]) for name in expected["weights"])
    found["views"][0][2] = 99.0
    assert found["views"][1][0].item() == 99.0
    assert type(found["parameter"]) is nn.Parameter
    repacked = load(zipped(members(saved(value))), "state_dict")
    assert str(repacked["weights"]) == str(expected["weights"])


def test_an_optimizer_and_the_zoo_come_back(tmp_path: Path) -> None:
    for name in zoo_torch.ZOO:
        module = zoo_torch.made(name)[0]
        found = load(saved(module.state_dict()), "state_dict")
        assert all(same(found[key], each) for key, each in module.state_dict().items()), name
    module = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    found = load(saved(optimizer.state_dict()), "state_dict")
    assert str(found) == str(optimizer.state_dict())


def test_an_exported_state_dict_has_its_certificate(tmp_path: Path) -> None:
    module, inputs = zoo_torch.made("bfloat16")
    path = tmp_path / "m.pth"
    assert mk.export(module, path, sample=inputs).certificate.passed
    assert list(torch.load(path, weights_only=True)) == list(module.state_dict())
    first = path.read_bytes()
    mk.save(module, path)
    assert path.read_bytes() == first


class Evil:
    def __reduce__(self) -> Any:
        return (os.system, ("touch /tmp/modelkeep-was-here",))


def pickled(value: Any, **parts: bytes) -> bytes:
    """An archive with ``value`` as its pickle, which may be anything."""
    raw = value if isinstance(value, bytes) else pickle.dumps(value, 2)
    return zipped({"archive/data.pkl": raw, "archive/version": b"3\n", **parts})


def tensor_pickle(
    storage: str = "FloatStorage", key: str = "0", items: int = 12, offset: int = 0, size: str = "K\x03K\x04",
    stride: str = "K\x04K\x01", grad: str = "\x89", hooks: str = "ccollections\nOrderedDict\n)R",
) -> bytes:  # fmt: skip
    """The pickle of one tensor, part by part."""
    text = (
        f"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\n{storage}\nU{chr(len(key))}{key}U\x03cpuJ"
    ).encode("latin-1")
    text += struct.pack("<i", items) + b"tQJ" + struct.pack("<i", offset)
    return text + f"({size}t({stride}t{grad}{hooks}tR.".encode("latin-1")


FLOATS = np.arange(12, dtype=np.float32).tobytes()
STATE_DICTS: dict[str, Callable[[], bytes]] = {
    "code": lambda: pickled({"a": Evil()}),
    "a whole module": lambda: saved(nn.Linear(2, 2)),
    "another global": lambda: pickled(b"\x80\x02cos\nsystem\n."),
    "a dtype that is none": lambda: pickled(b"\x80\x02ctorch\nload\n."),
    "setitem on a tensor": lambda: pickled(tensor_pickle()[:-1] + b"K\x01K\x02s.", **{"archive/data/0": FLOATS}),
    "new without a state": lambda: pickled(b"\x80\x02ctorch\nTensor\n)\x81."),
    "build on a global": lambda: pickled(b"\x80\x02ctorch\nTensor\n}b."),
    "extension code": lambda: pickled(b"\x80\x02\x82\x01."),
    "text persistent id": lambda: pickled(b"\x80\x02Pstorage\n."),
    "persistent id of a list": lambda: pickled(b"\x80\x02]Q."),
    "bytes behind the pickle": lambda: pickled(pickle.dumps({}, 2) + b"x"),
    "two pickles": lambda: pickled(pickle.dumps({}, 2) * 2),
    "deep": lambda: pickled(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"."),
    "storage outside": lambda: pickled(tensor_pickle(key="../0"), **{"archive/data/0": FLOATS}),
    "storage missing": lambda: pickled(tensor_pickle()),
    "storage too short": lambda: pickled(tensor_pickle(), **{"archive/data/0": FLOATS[:-4]}),
    "storage of another kind": lambda: pickled(tensor_pickle("QInt8Storage"), **{"archive/data/0": FLOATS}),
    "negative items": lambda: pickled(tensor_pickle(items=-1), **{"archive/data/0": FLOATS}),
    "offset outside": lambda: pickled(tensor_pickle(offset=1), **{"archive/data/0": FLOATS}),
    "negative offset": lambda: pickled(tensor_pickle(offset=-4), **{"archive/data/0": FLOATS}),
    "strides outside": lambda: pickled(tensor_pickle(stride="M\xff\x0fK\x01"), **{"archive/data/0": FLOATS}),
    "huge size": lambda: pickled(
        tensor_pickle(size="J\xff\xff\xff\x7fK\x04", stride="K\x00K\x00"), **{"archive/data/0": FLOATS}
    ),
    "size of fractions": lambda: pickled(
        tensor_pickle(size="G@\x08\x00\x00\x00\x00\x00\x00K\x04"), **{"archive/data/0": FLOATS}
    ),
    "hooks": lambda: pickled(tensor_pickle(hooks="ccollections\nOrderedDict\n)RK\x01K\x02s"),
                             **{"archive/data/0": FLOATS}),
    "gradients of whole numbers": lambda: pickled(tensor_pickle("IntStorage", grad="\x88"),
                                                  **{"archive/data/0": FLOATS}),
    "a member that nothing names": lambda: pickled({}, **{"archive/data/7": FLOATS}),
    "another byte order": lambda: pickled({}, **{"archive/byteorder": b"big"}),
    "two folders": lambda: pickled({}, **{"other/data/0": FLOATS}),
    "path traversal": lambda: pickled({}, **{"archive/../../x": FLOATS}),
    "no pickle": lambda: zipped({"archive/version": b"3\n"}),
    "a bomb": lambda: zipped({"archive/data.pkl": pickle.dumps({}, 2), "archive/data/0": bytes(1 << 24)},
                             zipfile.ZIP_DEFLATED),
    "not a zip": lambda: b"PK\x03\x04" + bytes(100),
    "empty": lambda: b"",
    "TorchScript": lambda: zipped({"a/data.pkl": pickle.dumps({}, 2), "a/constants.pkl": b"", "a/code/x.py": b""}),
}  # fmt: skip


@pytest.mark.parametrize("name", STATE_DICTS)
def test_a_hostile_state_dict_is_refused(name: str) -> None:
    with pytest.raises(LoadError) as caught:
        load(STATE_DICTS[name](), "state_dict", policy=mk.Policy(max_bytes=1 << 23 if name == "a bomb" else LIMIT))
    assert caught.value.hint
    assert not os.path.exists("/tmp/modelkeep-was-here")


def test_the_archive_that_pytorch_writes_is_read_strictly() -> None:
    data = saved(state())
    assert len(load(data, "state_dict")) == 3
    directory = data.rindex(b"PK\x06\x06")
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x07\x08")
    for changed in (
        data[:-1], data + b"x", b"x" + data, data[:1000] + data[1001:],
        data.replace(b"archive/data/0", b"archive/data/1"), data.replace(b"archive/data/0", b"archive/../..0"),
        _with(data, first + 10, b"\x08"), _with(data, first + 20, b"\xff"), _with(data, first + 42, b"\x10"),
        _with(data, second + 4, b"\x00\x00\x00\x00"), _with(data, second + 8, b"\x00"),
        _with(data, directory + 24, b"\x63"),
        _with(data, 6, b"\x01"), _with(data, 8, b"\x08"), _with(data, first + 38, b"\x00\x00\x00\xa0"),
        _with(data, data.index(b"ZZZZ") + 40, b"\x00"),
    ):  # fmt: skip
        if changed != data:
            with pytest.raises(LoadError):
                load(changed, "state_dict")


def _with(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def test_no_changed_byte_is_taken_for_another_tensor() -> None:
    data, expected = saved(state()), str(state())
    rng = np.random.default_rng(0)
    tries = 1500 if os.environ.get("MODELKEEP_FULL") else 150
    for place in rng.integers(0, len(data), tries).tolist():
        changed = _with(data, place, bytes([data[place] ^ (1 << int(rng.integers(8)))]))
        try:
            found = load(changed, "state_dict")
        except LoadError:
            continue
        assert str(dict(found)) == expected, place  # padding, dates, versions: nothing that a reader looks at


# -- TorchScript ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_torchscript_is_code() -> None:
    memory = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval()), memory)
    data = memory.getvalue()
    with pytest.raises(PolicyError, match="can run any code"):
        load(data, "torchscript")
    again = load(data, "torchscript", policy=mk.Policy(allow_code=True))
    assert again(torch.ones(2, 3)).shape == (2, 2)
    with pytest.raises(ContainerError, match="no TorchScript"):
        load(saved(state()), "torchscript", policy=mk.Policy(allow_code=True))


# -- safetensors ---------------------------------------------------------------------------------------------------


def file_of(header: Any, body: bytes, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + body


def entry(begin: int, end: int, shape: list[Any] | None = None, dtype: str = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


def test_safetensors_of_others_are_read() -> None:
    header = {"__metadata__": {"by": "me"}, "b": entry(4, 12, [2], "F32"), "a": entry(0, 4, [2, 2])}
    found = load(file_of(header, bytes(range(12))), "safetensors")
    assert found["a"].tolist() == [[0, 1], [2, 3]]
    assert found["b"].dtype == np.float32
    assert load(file_of({"z": entry(0, 0, [0, 3], "F64")}, b""), "safetensors")["z"].shape == (0, 3)
    assert load(file_of({}, b""), "safetensors") == {}


SAFETENSORS: dict[str, Callable[[], bytes]] = {
    "overlap": lambda: file_of({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12)),
    "the same bytes twice": lambda: file_of({"a": entry(0, 8), "b": entry(0, 8)}, bytes(8)),
    "a hole": lambda: file_of({"a": entry(0, 4), "b": entry(8, 12)}, bytes(12)),
    "a hole at the start": lambda: file_of({"a": entry(4, 8)}, bytes(8)),
    "bytes behind": lambda: file_of({"a": entry(0, 4)}, bytes(5)),
    "too few bytes": lambda: file_of({"a": entry(0, 4)}, bytes(3)),
    "a name twice": lambda: file_of(b'{"a":%s,"a":%s}' % ((json.dumps(entry(0, 4)).encode(),) * 2), bytes(4)),
    "a key twice": lambda: file_of(b'{"a":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}', bytes(4)),
    "size of the header": lambda: file_of({"a": entry(0, 4)}, bytes(4), 1 << 62),
    "no header": lambda: struct.pack("<Q", 0),
    "cut": lambda: b"\x08\x00",
    "empty": lambda: b"",
    "negative offsets": lambda: file_of({"a": entry(-4, 0, [4])}, bytes(4)),
    "backwards": lambda: file_of({"a": entry(4, 0, [4])}, bytes(4)),
    "another size": lambda: file_of({"a": entry(0, 4, [5])}, bytes(4)),
    "a size that overflows": lambda: file_of({"a": entry(0, 4, [1 << 32, 1 << 32, 1 << 32])}, bytes(4)),
    "a negative axis": lambda: file_of({"a": entry(0, 4, [-2, -2])}, bytes(4)),
    "a fraction": lambda: file_of({"a": entry(0, 4, [4.0])}, bytes(4)),
    "a flag": lambda: file_of({"a": entry(0, 1, [True])}, bytes(1)),
    "too many axes": lambda: file_of({"a": entry(0, 1, [1] * 33)}, bytes(1)),
    "unknown dtype": lambda: file_of({"a": entry(0, 4, None, "OBJ")}, bytes(4)),
    "dtype of a list": lambda: file_of({"a": entry(0, 4) | {"dtype": ["U8"]}}, bytes(4)),
    "another field": lambda: file_of({"a": entry(0, 4) | {"code": "x"}}, bytes(4)),
    "metadata of numbers": lambda: file_of({"__metadata__": {"a": 1}}, b""),
    "no object": lambda: file_of([], b""),
    "not JSON": lambda: file_of(b"{nonsense}", b""),
    "not UTF-8": lambda: file_of(b'{"\xff":1}', b""),
    "NaN": lambda: file_of(b'{"a":NaN}', b""),
    "deep": lambda: file_of(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b""),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_a_hostile_safetensors_file_is_refused(name: str) -> None:
    with pytest.raises(LoadError) as caught:
        load(SAFETENSORS[name](), "safetensors")
    assert caught.value.hint


def test_safetensors_hold_a_modules_weights(tmp_path: Path) -> None:
    pytest.importorskip("ml_dtypes", reason="numpy has no bfloat16 of its own")
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2).bfloat16())
    path = tmp_path / "m.safetensors"
    assert mk.export(module, path, sample=torch.zeros(1, 2)).certificate.passed
    found = mk.load(path)
    assert set(found) == set(module.state_dict())
    assert np.array_equal(found["0.weight"], module[0].weight.detach().numpy())
    assert str(found["1.weight"].dtype) == "bfloat16"
    first = path.read_bytes()
    assert first == b"".join(map(bytes, safetensors_file.write(_pieces(module), {"format": "pt"})))
    found["0.weight"][0] = 5.0  # the file's memory is the reader's own
    assert path.read_bytes() == first


def _pieces(module: Any) -> Any:
    from modelkeep.formats.safetensors.files import pieces

    return pieces(module)


def test_safetensors_hold_the_arrays_of_any_model(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="the extra [sklearn] is not installed")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = np.random.default_rng(0).normal(size=(30, 3))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] > 0)
    assert mk.export(model, tmp_path / "m.safetensors", sample=X).certificate.passed
    found = mk.load(tmp_path / "m.safetensors")
    assert np.array_equal(found["steps[1][1].coef_"], model[-1].coef_)
    mk.save({"a": np.arange(3), "b": [np.ones(2)]}, tmp_path / "d.safetensors")
    assert set(mk.load(tmp_path / "d.safetensors")) == {"a", "b[0]"}
    with pytest.raises(ExportError, match="complex128"):
        mk.save({"a": np.ones(2, complex)}, tmp_path / "c.safetensors")


def test_weights_cross_from_one_format_to_another(tmp_path: Path) -> None:
    pytest.importorskip("ml_dtypes", reason="numpy has no bfloat16 of its own")
    torch.save(state(), tmp_path / "a.pt")
    for first, second in (("a.pt", "b.safetensors"), ("b.safetensors", "c.pt"), ("c.pt", "d.keep")):
        mk.convert(tmp_path / first, tmp_path / second)
    found = mk.load(tmp_path / "d.keep")
    assert {name: (each.dtype, each.tolist()) for name, each in found.items()} == {
        name: (each.dtype, each.tolist()) for name, each in state().items()
    }


# -- exported programs ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def program() -> bytes:
    """The archive of a small program with attention and an LSTM."""
    torch.manual_seed(5)
    return torch_programs.archive_of(torch_programs.export(Mixed().eval(), torch.randn(3, 5, 8)))


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.lstm = nn.LSTM(8, 4, batch_first=True, bidirectional=True)
        self.register_buffer("shift", torch.ones(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = self.attention(x, x, x, need_weights=False)[0]
        return self.lstm(mixed + self.shift)[0][:, -1]


def document(data: bytes) -> tuple[dict[str, bytes], Any]:
    parts = members(data)
    return parts, json.loads(parts["model/models/model.json"])


def again(parts: dict[str, bytes], text: Any) -> bytes:
    return zipped(parts | {"model/models/model.json": json.dumps(text).encode()})


def test_a_program_answers_as_its_module(program: bytes, tmp_path: Path) -> None:
    torch.manual_seed(5)
    module = Mixed().eval()
    loaded = load(program, "pt2")
    rows = torch.randn(7, 5, 8)
    with torch.no_grad():
        assert torch.allclose(loaded(rows), module(rows), atol=1e-6)
    (tmp_path / "m.pt2").write_bytes(program)
    assert torch.export.load(tmp_path / "m.pt2").module()(rows).shape == (7, 8)
    assert torch_programs.emit(torch_programs.check(memoryview(program), LIMIT)) == program
    assert torch_programs.archive_of(torch_programs.export(module, torch.randn(3, 5, 8))) == program
    once = torch_programs.archive_of(loaded.exported_program)  # PyTorch has simplified some sizes
    assert torch_programs.archive_of(load(once, "pt2").exported_program) == once


def test_nothing_of_this_machine_is_in_a_program(program: bytes) -> None:
    parts, text = document(program)
    assert b"stack_trace" not in parts["model/models/model.json"]
    assert os.getcwd().encode() not in program
    assert text["guards_code"] == []
    assert parts["model/data/sample_inputs/model.pt"] == b""


def node(text: Any, target: str) -> Any:
    return next(each for each in text["graph_module"]["graph"]["nodes"] if each["target"].startswith(target))


def first_config(parts: dict[str, bytes]) -> Any:
    return json.loads(parts["model/data/weights/model_weights_config.json"])


def with_config(parts: dict[str, bytes], change: Callable[[Any], None]) -> dict[str, bytes]:
    config = first_config(parts)
    change(config["config"]["lstm.weight_ih_l0"])
    return parts | {"model/data/weights/model_weights_config.json": json.dumps(config).encode()}


def _set(place: Any, key: Any, value: Any) -> None:
    place[key] = value


def _symbol(text: Any, expression: str) -> None:
    values = text["graph_module"]["graph"]["tensor_values"]
    sizes = next(each["sizes"] for each in values.values() if "as_expr" in each["sizes"][0])
    sizes[0]["as_expr"]["expr_str"] = expression


GRAPH = "graph_module"
DOCUMENTS: dict[str, Callable[[Any], None]] = {
    "os.system by torch": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.serialization.os.system"),
    "torch.load": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.load"),
    "an operator": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "_operator.methodcaller"),
    "operator.attrgetter": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "_operator.attrgetter"),
    "a file": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.ops.aten.from_file.default"),
    "memory": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.ops.aten.empty.memory_format"),
    "strides": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.ops.aten.as_strided.default"),
    "set": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.ops.aten.set_.default"),
    "an extension": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "#evil:op"),
    "another library": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.ops.evil.add.default"),
    "a dunder": lambda d: _set(node(d, "torch.ops.aten.add"), "target", "torch.ops.aten.__class__.add"),
    "a list as target": lambda d: _set(node(d, "torch.ops.aten.add"), "target", ["x"]),
    "code as a name": lambda d: _set(node(d, "torch.ops.aten.add"), "name", "x=__import__('os')"),
    "code as an output": lambda d: _set(node(d, "torch.ops.aten.add")["outputs"][0]["as_tensor"], "name", "a, b"),
    "code as an input": lambda d: _set(d[GRAPH]["graph"]["inputs"][-1]["as_tensor"], "name", "x: print(1)"),
    "a keyword": lambda d: _set(node(d, "torch.ops.aten.add"), "name", "lambda"),
    "a size that is called": lambda d: _symbol(d, "__import__('os').system('true')"),
    "a size of attributes": lambda d: _symbol(d, "().__class__"),
    "a size that grows": lambda d: _symbol(d, "9**9**9"),
    "a symbol that is code": lambda d: _symbol(d, "Symbol('os.system')"),
    "a lambda as size": lambda d: _symbol(d, "(lambda: 1)()"),
    "a function as size": lambda d: _symbol(d, "factorial(Integer(9999999))"),
    "a range that is code": lambda d: _set(d, "range_constraints", {"exit()": {"min_val": 0, "max_val": 1}}),
    "an operator as value": lambda d: _set(
        node(d, "torch.ops.aten.add")["inputs"][1], "arg", {"as_operator": "torch.load"}
    ),
    "an object as value": lambda d: _set(
        node(d, "torch.ops.aten.add")["inputs"][1], "arg", {"as_custom_obj": {"name": "a", "class_fqn": "b"}}
    ),
    "a tensor that is not there": lambda d: _set(
        node(d, "torch.ops.aten.add")["inputs"][1], "arg", {"as_tensor": {"name": "nowhere"}}
    ),
    "two kinds of value": lambda d: _set(
        node(d, "torch.ops.aten.add")["inputs"][1], "arg", {"as_int": 1, "as_bool": True}
    ),
    "another device": lambda d: _set(
        d[GRAPH]["graph"]["tensor_values"]["p_attention_in_proj_weight"], "device", {"type": "cuda", "index": 0}
    ),
    "a namedtuple": lambda d: _set(d[GRAPH], "treespec_namedtuple_fields", {"os.system": {"field_names": []}}),
    "a class as nesting": lambda d: _set(
        d[GRAPH]["module_call_graph"][0]["signature"], "in_spec",
        '[1, {"type": "subprocess.Popen", "context": "null", "children_spec": []}]',
    ),
    "no nesting": lambda d: _set(d[GRAPH]["module_call_graph"][0]["signature"], "in_spec", "[]"),
    "no call": lambda d: _set(d[GRAPH], "module_call_graph", []),
    "a verifier of one's own": lambda d: _set(d, "verifiers", ["os"]),
    "a newer schema": lambda d: _set(d["schema_version"], "major", 9),
    "an object as input": lambda d: _set(
        d[GRAPH]["signature"]["input_specs"], 0, {"custom_obj": {"arg": {"name": "x", "class_fqn": "y"},
                                                                 "custom_obj_name": "z"}}
    ),
    "a field of its own": lambda d: _set(d, "code", "x"),
    "no graph": lambda d: _set(d[GRAPH], "graph", None),
    "an LSTM with other weights": lambda d: _set(
        node(d, "torch.ops.aten.lstm")["inputs"][2]["arg"]["as_tensors"][1], "name", "p_attention_in_proj_weight"
    ),
    "an LSTM of more layers": lambda d: _set(node(d, "torch.ops.aten.lstm")["inputs"][4], "arg", {"as_int": 2}),
    "an LSTM of computed weights": lambda d: _set(
        node(d, "torch.ops.aten.lstm")["inputs"][2]["arg"]["as_tensors"][0], "name", "add"
    ),
    "a tensor without end": lambda d: node(d, "torch.ops.aten.add").update(
        target="torch.ops.aten.full.default",
        inputs=[{"name": "size", "arg": {"as_ints": [1 << 20, 1 << 20]}, "kind": 1},
                {"name": "fill_value", "arg": {"as_float": 1.0}, "kind": 1}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_program_is_refused(program: bytes, name: str) -> None:
    parts, text = document(program)
    DOCUMENTS[name](text)
    with pytest.raises(LoadError) as caught:
        load(again(parts, text), "pt2")
    assert caught.value.hint


ARCHIVES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "a pickled weight": lambda p: with_config(p, lambda c: _set(c, "use_pickle", True)),
    "a custom object": lambda p: with_config(p, lambda c: _set(c, "path_name", "custom_obj_0")),
    "an opaque object": lambda p: with_config(p, lambda c: _set(c, "path_name", "opaque_obj_0")),
    "a path outside": lambda p: with_config(p, lambda c: _set(c, "path_name", "../models/model.json")),
    "a weight that is not there": lambda p: with_config(p, lambda c: _set(c, "path_name", "weight_99")),
    "larger sizes": lambda p: with_config(p, lambda c: _set(c["tensor_meta"], "sizes", [{"as_int": 1 << 30}] * 2)),
    "longer strides": lambda p: with_config(p, lambda c: _set(c["tensor_meta"]["strides"], 0, {"as_int": 1 << 20})),
    "an offset": lambda p: with_config(p, lambda c: _set(c["tensor_meta"], "storage_offset", {"as_int": 1})),
    "another dtype": lambda p: with_config(p, lambda c: _set(c["tensor_meta"], "dtype", 8)),
    "compiled code": lambda p: p | {"model/data/aotinductor/model/x.so": b"\x7fELF"},
    "old weights": lambda p: p | {"model/data/weights/model.pt": pickle.dumps(Evil())},
    "old constants": lambda p: p | {"model/data/constants/model.pt": pickle.dumps(Evil())},
    "a second model": lambda p: p | {"model/models/other.json": b"{}"},
    "no model": lambda p: {name: data for name, data in p.items() if "models/" not in name},
    "no JSON": lambda p: p | {"model/models/model.json": b"nothing"},
    "a key twice": lambda p: p | {"model/models/model.json": b'{"a":1,"a":2}'},
    "deep JSON": lambda p: p | {"model/models/model.json": b"[" * 100_000},
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_of_a_program_is_refused(program: bytes, name: str) -> None:
    with pytest.raises(LoadError) as caught:
        load(zipped(ARCHIVES[name](members(program))), "pt2")
    assert caught.value.hint


def test_samples_and_guards_of_a_program_are_never_read(program: bytes) -> None:
    parts, text = document(program)
    text["guards_code"] = ["__import__('os').system('touch /tmp/modelkeep-was-here')"]
    text["graph_module"]["metadata"] = {"x": "y"}
    parts["model/data/sample_inputs/model.pt"] = pickle.dumps(Evil())
    assert load(again(parts, text), "pt2")(torch.randn(2, 5, 8)).shape == (2, 8)
    assert not os.path.exists("/tmp/modelkeep-was-here")


_ASK = """
import sys, torch, modelkeep as mk
module = mk.load(sys.argv[1])
try:
    module(torch.randn(2, 5, 8))
except Exception as error:
    print("refused", type(error).__name__)
"""


@pytest.mark.parametrize("kind", ["attention", "lstm rows", "lstm states"])
def test_a_kernel_never_reads_beyond_its_tensors(program: bytes, tmp_path: Path, kind: str) -> None:
    """The sizes that the file states are right, and those that its tensors have are not."""
    parts, text = document(program)
    graph = text["graph_module"]["graph"]
    target = "torch.ops.aten.scaled_dot" if kind == "attention" else "torch.ops.aten.lstm"
    call = node(text, target)
    arg = call["inputs"][{"attention": 2, "lstm rows": 0, "lstm states": 1}[kind]]["arg"]
    name = (arg["as_tensor"] if "as_tensor" in arg else arg["as_tensors"][0])["name"]
    axis, times = (2, [1, 1, 4096, 1]) if kind == "attention" else (-1, [1, 1, 4096])
    graph["tensor_values"]["grown"] = graph["tensor_values"][name]
    place = graph["nodes"].index(call)
    if kind == "attention":  # fewer values than keys: a single one
        grown = {
            "target": "torch.ops.aten.slice.Tensor",
            "inputs": [
                {"name": "self", "arg": {"as_tensor": {"name": name}}, "kind": 1},
                {"name": "dim", "arg": {"as_int": axis}, "kind": 1},
                {"name": "start", "arg": {"as_int": 0}, "kind": 1},
                {"name": "end", "arg": {"as_int": 1}, "kind": 1},
            ],
        }
    else:
        grown = {
            "target": "torch.ops.aten.repeat.default",
            "inputs": [
                {"name": "self", "arg": {"as_tensor": {"name": name}}, "kind": 1},
                {"name": "repeats", "arg": {"as_ints": times}, "kind": 1},
            ],
        }
    grown |= {"outputs": [{"as_tensor": {"name": "grown"}}], "metadata": {}, "name": "grown"}
    (arg["as_tensor"] if "as_tensor" in arg else arg["as_tensors"][0])["name"] = "grown"
    graph["nodes"].insert(place, grown)
    (tmp_path / "m.pt2").write_bytes(again(parts, text))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ASK, tmp_path / "m.pt2"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["refused"]), done.stdout + done.stderr


def test_the_parts_of_a_normed_weight_are_compared() -> None:
    module = zoo_torch.parametrizations.weight_norm(nn.Linear(4, 3))
    parts, text = document(torch_programs.archive_of(torch_programs.export(module, torch.ones(2, 4))))
    assert load(again(parts, text), "pt2")(torch.ones(2, 4)).shape == (2, 3)
    directions = node(text, "torch.ops.aten._weight_norm")["inputs"][0]["arg"]
    for change in (
        lambda inputs: inputs[1].update(arg=directions),
        lambda inputs: inputs[0].update(arg={"as_tensor": {"name": "p_bias"}}),
        lambda inputs: inputs.append({"name": "dim", "arg": {"as_int": 1}, "kind": 1}),
        lambda inputs: inputs.append({"name": "dim", "arg": {"as_int": 7}, "kind": 1}),
    ):
        _, changed = document(again(parts, text))
        change(node(changed, "torch.ops.aten._weight_norm")["inputs"])
        with pytest.raises(LoadError, match="normed weight"):
            load(again(parts, changed), "pt2")


def test_what_can_not_be_a_program_says_why(tmp_path: Path) -> None:
    def written(module: nn.Module, **options: Any) -> None:
        """By the format's own writer: an export would ask for rows to prove the file with."""
        saving.save(module, tmp_path / "m.pt2", saving.Recipe(options=options), catalog.format_named("pt2"))

    with pytest.raises(ExportError, match="embedding_bag"):
        written(nn.EmbeddingBag(5, 3), example=torch.ones(2, 3).long())
    with pytest.raises(ExportError, match="there are none"):
        written(nn.Linear(2, 2))
    with pytest.raises(ExportError, match="can't trace"):
        written(nn.Linear(2, 2), example=torch.ones(3, 3))
    with pytest.raises(UsageError, match="no option"):
        written(nn.Linear(2, 2), opset=3)
    assert not (tmp_path / "m.pt2").exists()


# -- a program beside the weights ----------------------------------------------------------------------------------


def test_a_module_of_an_own_class_opens_anywhere(tmp_path: Path) -> None:
    module, (rows,) = zoo_torch.made("own class")
    path = tmp_path / "m.keep"
    mk.save(module, path, sample=rows, example=rows)
    first = path.read_bytes()
    mk.save(module, path, sample=rows, example=rows)
    assert path.read_bytes() == first
    program = mk.load(path)
    module.eval()
    with torch.no_grad():
        assert torch.allclose(program(rows[:3]), module(rows[:3]), atol=1e-6)
    assert type(mk.load(path, policy=mk.Policy(trust=["zoo_torch"]))) is zoo_torch.Own
    verified = mk.verify(path)
    assert verified.rows > 0  # type: ignore[union-attr]
    mk.save(program, tmp_path / "p.keep", sample=rows)
    with torch.no_grad():
        assert torch.equal(mk.load(tmp_path / "p.keep")(rows), program(rows))


def test_without_a_program_the_class_is_asked_for(tmp_path: Path) -> None:
    module, (rows,) = zoo_torch.made("own class")
    mk.save(module, tmp_path / "m.keep", sample=rows)
    with pytest.raises(PolicyError, match="does not trust"):
        mk.load(tmp_path / "m.keep")


# -- weights into a module -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["keep", "pt", "safetensors"])
@pytest.mark.parametrize("name", ["own class", "tied weights", "bfloat16", "weight norm", "shared submodule"])
def test_weights_go_into_a_module(tmp_path: Path, suffix: str, name: str) -> None:
    module, inputs = zoo_torch.made(name)
    path = tmp_path / f"m.{suffix}"
    mk.save(module, path)
    torch.manual_seed(99)
    other = zoo_torch.ZOO[name][0]()
    expected = zoo_torch.answers(module, inputs)
    assert zoo_torch.answers(other, inputs) != expected
    done = mk.load_weights(path, into=other)
    assert (done.missing, done.unexpected) == ((), ())
    assert done.loaded == len(module.state_dict())
    assert zoo_torch.answers(other, inputs) == expected


def expanded(module: nn.Linear) -> nn.Linear:
    module.weight = nn.Parameter(torch.ones(1, 1).expand(module.out_features, module.in_features))
    return module


def test_weights_that_do_not_fit_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    mk.save(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), path)
    wrong = nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1))
    before = [each.detach().clone() for each in wrong.parameters()]
    for into, strict, text in (
        (wrong, False, "1.weight is of shape (1, 3), not (1, 4)"),
        (nn.Sequential(nn.Linear(2, 3)), True, "2 are not the model's: 1.weight, 1.bias"),
        (nn.Sequential(*wrong, nn.Linear(1, 1)), True, "2 are missing: 2.weight, 2.bias"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).double(), True, "float32, not float64"),
        (nn.Linear(2, 3, device="meta"), False, "missing"),
        (
            nn.Sequential(nn.Linear(2, 3, device="meta"), nn.Linear(3, 1)),
            True,
            "0.weight is for a tensor without",
        ),
        (nn.Sequential(nn.Linear(2, 3), expanded(nn.Linear(3, 1))), True, "1.weight is for a tensor without"),
    ):
        with pytest.raises(LoadError) as caught:
            mk.load_weights(path, into=into, strict=strict)
        assert text in str(caught.value)
        assert caught.value.hint
    assert all(torch.equal(a, b) for a, b in zip(before, wrong.parameters(), strict=True))
    part = nn.Sequential(nn.Linear(2, 3))
    assert mk.load_weights(path, into=part, strict=False).unexpected == ("1.weight", "1.bias")


def test_weights_come_from_nothing_else(tmp_path: Path) -> None:
    torch.save({"model": state(), "epoch": 3}, tmp_path / "c.pt")
    with pytest.raises(UsageError, match="more than weights by name: model, epoch"):
        mk.load_weights(tmp_path / "c.pt", into=nn.Linear(2, 2))
    with pytest.raises(UsageError, match="takes no weights"):
        mk.load_weights({"a": np.ones(2)}, into={})
    mk.save([1, 2], tmp_path / "list.keep")
    with pytest.raises(GraphError, match="no weights by name"):
        mk.load_weights(tmp_path / "list.keep", into=nn.Linear(2, 2))
    module = nn.Linear(2, 1)
    arrays = {"weight": np.ones((1, 2), np.float32), "bias": np.zeros(1, np.float32)}
    assert mk.load_weights(arrays, into=module).loaded == 2
    assert math.isclose(module(torch.ones(1, 2)).item(), 2.0)


def test_checksums_are_compared() -> None:
    data = saved({"a": torch.arange(64, dtype=torch.float32)})
    place = data.index(np.arange(64, dtype=np.float32).tobytes())
    assert zlib.crc32(data[place : place + 256])
    with pytest.raises(ContainerError, match="damaged"):
        load(_with(data, place + 100, b"\x55"), "state_dict")


_KERAS = """
import os, sys
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np, modelkeep as mk

def made(width=2):
    dense = keras.layers.Dense
    layers = [dense(4, name="a"), keras.layers.BatchNormalization(name="n"), dense(width, name="b")]
    return keras.Sequential([keras.Input((3,)), *layers])

def answer(model):
    return keras.ops.convert_to_numpy(model(np.ones((2, 3), "float32"), training=False))

first = made()
for suffix in ("keep", "safetensors"):
    path = f"{sys.argv[1]}/k.{suffix}"
    mk.save(first, path, probe=False)
    other = made()
    print(mk.load_weights(path, into=other, strict=False).loaded, np.array_equal(answer(other), answer(first)))
"""


def test_weights_go_into_a_keras_model(tmp_path: Path) -> None:
    pytest.importorskip("keras", reason="the extra [keras] is not installed")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _KERAS, tmp_path],
        capture_output=True, text=True, timeout=200, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-2:] == ["8 True", "8 True"]


def test_a_program_is_proved_as_strictly_as_it_is_compared_when_it_is_saved():
    assert catalog.format_named("pt2").tolerance == torch_programs.TOLERANCE
