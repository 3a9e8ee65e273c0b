"""Deep-learning models across ONNX: from torch and Keras, and into both."""

from __future__ import annotations

import functools
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import modelkeep as mk
from modelkeep import crossing
from modelkeep.crossing.interpreter import KNOWN, Run
from modelkeep.crossing.program import program_of
from modelkeep.errors import ExportError, ModelkeepError, PolicyError, UsageError
from modelkeep.predictors.onnx import OnnxModel

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxscript", reason="the extra onnx is not installed")

import onnx_edges  # noqa: E402  only where the extras are
import onnx_files  # noqa: E402

FULL = os.environ.get("MODELKEEP_FULL") == "1"
nn = torch.nn


class Reader(nn.Module):
    """Of a class of its own: an encoder, a recurrent layer, and an answer of several parts."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.lstm = nn.LSTM(8, 4, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        out, (h, c) = self.lstm(self.encoder(x))
        return self.head(out[:, -1]), {"h": h, "c": c}


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 4)
        self.size = nn.Linear(3, 4)

    def forward(self, ids: Any, x: Any) -> Any:
        return self.words(ids).mean(1) * self.size(x)


class Square(nn.Module):
    """A number for each row of a square, which is no bias of its columns."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(4, 1))

    def forward(self, x: Any) -> Any:
        return x + self.rows


class Steps(nn.Module):
    """Of operators that no layer has."""

    def forward(self, x: Any) -> Any:
        low, high = x.chunk(2, dim=1)
        top, places = x.topk(2, dim=-1)
        mixed = torch.einsum("bi,bj->bij", low, high).triu(1).cumsum(-1)
        kept = torch.where(x > 0, x, x.clamp(-0.5, 0.5)).roll(1, 1)
        return mixed.flatten(1), top.softmax(-1) + places, torch.nn.functional.gelu(kept).norm(dim=1, keepdim=True)


def modules() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Modules and the rows that they take."""
    torch.manual_seed(0)
    image = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=3, padding="same"),
        nn.GroupNorm(2, 6),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
        nn.Softmax(-1),
    )
    rows = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ELU(), nn.Dropout(0.5), nn.LayerNorm(8), nn.Linear(8, 2), nn.Tanh()
    )
    gates = nn.GRU(5, 4, num_layers=2, batch_first=True)
    return {
        "rows": (rows, (torch.randn(4, 6),)),
        "image": (image, (torch.randn(3, 3, 9, 9),)),
        "gates": (gates, (torch.randn(3, 5, 5),)),
        "reader": (Reader(), (torch.randn(3, 5, 8),)),
        "two": (Two(), (torch.randint(0, 10, (4, 5)), torch.randn(4, 3))),
        "steps": (Steps(), (torch.randn(4, 6),)),
        "square": (Square(), (torch.randn(3, 4, 4),)),
    }


def written(module: Any, example: Any, **options: Any) -> bytes:
    from modelkeep.formats.onnx import deep_torch

    file = io.BytesIO()
    deep_torch.write(module, file, SimpleNamespace(options={"example": example, **options}, sample=None))
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of every module."""
    place = tmp_path_factory.mktemp("torch")
    for name, (module, example) in modules().items():
        (place / f"torch_{name}.onnx").write_bytes(written(module, example))
    return place


def flat(answer: Any) -> list[Any]:
    if isinstance(answer, dict):
        return [leaf for each in answer.values() for leaf in flat(each)]
    if isinstance(answer, list | tuple):
        return [leaf for each in answer for leaf in flat(each)]
    return [answer.detach().numpy() if hasattr(answer, "detach") else answer]


def alike(first: Any, second: Any, atol: float = 1e-5) -> None:
    for a, b in zip(flat(first), flat(second), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize("name", modules())
def test_a_torch_module_crosses_to_onnx_and_back(name: str, folder: Path) -> None:
    module, example = modules()[name]
    module.eval()
    read = OnnxModel((folder / f"torch_{name}.onnx").read_bytes())
    again, program = crossing.to_torch(read), crossing.to_program(read)
    for count in (2, 3, 7):  # not the number of rows that it was traced with
        tensors = tuple(torch.cat([each] * 4)[:count] for each in example)
        expected = module(*tensors)
        alike(expected, read.forward({str(i): each.numpy() for i, each in enumerate(tensors)}))
        alike(expected, again(*tensors))
        named = {port.name: each for port, each in zip(read.inputs, tensors, strict=True)}
        alike(expected, program.module()(*tensors) if len(tensors) == 1 else program.module()(**named))


def test_the_answer_keeps_its_form(folder: Path) -> None:
    read = OnnxModel((folder / "torch_reader.onnx").read_bytes())
    answer = read.forward(np.zeros((2, 5, 8)))
    assert isinstance(answer, tuple)
    assert list(answer[1]) == ["h", "c"]


def test_the_same_module_gives_the_same_bytes_and_no_paths(folder: Path) -> None:
    module, example = modules()["image"]
    data = (folder / "torch_image.onnx").read_bytes()
    assert written(module, example) == data
    for text in (b".py", b"/home", b"/work", b"site-packages", os.getcwd().encode()):
        assert text not in data


def test_what_crossed_can_learn() -> None:
    module = crossing.to_torch(written(*modules()["rows"]))
    before = {name: each.detach().clone() for name, each in module.named_parameters()}
    module(torch.randn(8, 6)).square().sum().backward()
    torch.optim.SGD(module.parameters(), 0.1).step()
    assert len(before) > 4
    assert any(not torch.equal(each, before[name]) for name, each in module.named_parameters())


def test_an_export_carries_its_certificate(tmp_path: Path) -> None:
    module, example = modules()["two"]
    done = mk.export(module, tmp_path / "two.onnx", sample=example)
    assert done.certificate.passed
    loaded = mk.load(tmp_path / "two.onnx")
    alike(module.eval()(*example), loaded.forward({"ids": example[0].numpy(), "x": example[1].numpy()}))


def test_a_predictor_is_exported_to_a_program_of_torch(folder: Path, tmp_path: Path) -> None:
    """From one framework to the other with a certificate: the program opens with no class of Python."""
    read = mk.load(folder / "torch_two.onnx")
    rows = {"ids": np.arange(20).reshape(4, 5) % 10, "x": np.ones((4, 3), np.float32)}
    done = mk.export(read, tmp_path / "two.pt2", sample=rows)
    assert done.certificate.passed
    program = mk.load(tmp_path / "two.pt2")
    alike(program(**{name: torch.from_numpy(each) for name, each in rows.items()}), read.forward(rows))


def test_what_has_no_form_is_told() -> None:
    class Choosing(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2 if x.sum() > 0 else x

    class Saying(nn.Module):
        def forward(self, x: Any) -> Any:
            return x, "text"

    rows = torch.randn(4, 3)
    with pytest.raises(ExportError, match="can't trace the module"):
        written(Choosing(), rows)
    with pytest.raises(ExportError, match="no tensor"):
        written(Saying(), rows)
    with pytest.raises(ExportError, match="refuses the example"):
        written(nn.Linear(4, 2), rows)
    with pytest.raises(ExportError, match="has no rows to run it on"):
        written(nn.Linear(3, 2), None)
    with pytest.raises(UsageError, match="no option 'colour'"):
        written(nn.Linear(3, 2), rows, colour=1)
    fixed = OnnxModel(written(nn.Linear(3, 2), rows, dynamic=False))
    assert fixed.inputs[0].shape == (4, 3)


# -- crossing ------------------------------------------------------------------------------------------------------


def test_trees_do_not_cross_and_say_so() -> None:
    with pytest.raises(ExportError, match=r"ai\.onnx\.ml\.TreeEnsembleClassifier"):
        crossing.to_torch(onnx_files.forest()[1])


def test_hostile_bytes_are_refused_before_they_cross() -> None:
    data = onnx_files.graph_of([onnx.helper.make_node("Evil", ["x"], ["y"], domain="own")])
    with pytest.raises(PolicyError):
        crossing.to_torch(data)


def test_an_attribute_that_is_not_computed_is_told() -> None:
    node = onnx.helper.make_node("Resize", ["x", "", "s"], ["y"], mode="cubic")
    data = onnx_files.graph_of([node], [onnx.numpy_helper.from_array(np.ones(2, np.float32), "s")])
    module = crossing.to_torch(data)
    with pytest.raises(ExportError, match="'Resize'"):
        module(torch.zeros(2, 3))
    odd = onnx_files.graph_of([onnx.helper.make_node("Relu", ["x"], ["y"], strength=3)])
    with pytest.raises(ModelkeepError, match="attribute"):
        crossing.to_torch(odd)


@functools.cache
def cases() -> list[Any]:
    """The standard's own cases for every operator that crosses, all with numbers."""
    from onnx.backend.test.case.node import collect_testcases

    found = []
    for case in collect_testcases(None):
        known = case.model is not None and {node.op_type for node in case.model.graph.node} <= crossing._KNOWN
        if known and "cast" not in case.name:
            ports = [*case.model.graph.input, *case.model.graph.output]
            kinds = {port.type.tensor_type.elem_type for port in ports}
            if kinds <= {1, 6, 7, 9, 11}:
                found.append(case)
    return found


def test_operators_answer_as_the_standard_says() -> None:
    """A case is computed as the standard says, or it is told by name what is not computed; it is never wrong."""
    from modelkeep.crossing.torch_side import TorchMath

    right, told, wrong = 0, 0, []
    library = TorchMath()
    for case in cases():
        fixed = {
            node.input[place]
            for node in case.model.graph.node
            for place in KNOWN.get(node.op_type, ())
            if place < len(node.input)
        }
        for inputs, outputs in case.data_sets:
            ports = zip(case.model.graph.input, inputs, strict=False)
            given = {port.name: np.asarray(value) for port, value in ports}
            given = {name: each if name in fixed else library.constant(each) for name, each in given.items()}
            try:
                program = program_of(case.model.SerializeToString(), crossing._KNOWN)
                answers = Run(program, library, {})(given)
            except ModelkeepError:
                told += 1
                continue
            pairs = [(np.asarray(each), np.asarray(out)) for each, out in zip(answers, outputs, strict=True)]
            same = all(a.shape == b.shape and np.allclose(a, b, 1e-3, 1e-4, equal_nan=True) for a, b in pairs)
            right += same
            wrong += [] if same else [case.name]
    assert wrong == []
    assert right > 500
    assert told < right / 2


def test_operators_answer_at_the_edges_as_the_runtime_does() -> None:
    for node, *values in onnx_edges.edges():
        data = onnx_edges.alone(node, *values)
        answer, expected = crossing.to_torch(data)(*map(torch.from_numpy, values)), onnx_edges.asked(data, *values)[0]
        assert answer.numpy().dtype == expected.dtype
        assert np.allclose(answer, expected, 1e-5, 1e-6, equal_nan=True), (node.op_type, values[0].dtype)


def test_attributes_mean_what_the_runtime_takes_them_for() -> None:
    for name, data, *values in onnx_edges.forms():
        answer, expected = crossing.to_torch(data)(*map(torch.from_numpy, values)), onnx_edges.asked(data, *values)[0]
        assert answer.shape == expected.shape, name
        assert answer.numpy().dtype == expected.dtype, name
        assert np.allclose(answer, expected, 1e-5, 1e-6), name


def test_what_runtimes_take_in_two_ways_is_told() -> None:
    for data in onnx_edges.unclear():
        with pytest.raises(ModelkeepError, match=r"not computed here|onnxruntime refuses"):
            crossing.to_torch(data)(torch.ones((1, 1, 3, 4)))


def test_branches_keep_their_own_constants() -> None:
    rows = np.ones((3, 2), np.float32)
    answers = crossing.to_torch(onnx_edges.branches())(torch.from_numpy(rows))
    for answer, expected in zip(answers, onnx_edges.asked(onnx_edges.branches(), rows), strict=True):
        assert np.array_equal(answer.detach(), expected)


# -- Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_operators_answer_over_keras_as_the_standard_says(backend: str) -> None:
    pytest.importorskip("keras", reason="the extra keras is not installed")
    if backend == "tensorflow":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    stride = 1 if FULL else 5
    told = json.loads(child_of("onnx_cases_child.py", backend, str(stride)))
    assert told["wrong"] == []
    assert told["right"] > 850 / stride
    assert told["told"] < told["right"] / 3


def child_of(script: str, backend: str, *arguments: str) -> str:
    """The last line that a script says in a process of its own, with Keras over the backend."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_keras_models_cross_both_ways(backend: str, folder: Path, tmp_path: Path) -> None:
    names = ["image", "words", "two"] if FULL or backend == "tensorflow" else ["two"]
    pytest.importorskip("keras", reason="the extra keras is not installed")
    if backend == "tensorflow":
        pytest.importorskip("tf2onnx", reason="TensorFlow is not installed")
    for path in folder.glob("*.onnx"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told = json.loads(child_of("onnx_keras_child.py", backend, str(tmp_path), *names))
    assert {name: each["apart"] < 1e-5 for name, each in told["written"].items()} == dict.fromkeys(names, True)
    assert all(each["free"] for each in told["written"].values())
    # tf2onnx writes the loops of recurrent layers in an order that varies.
    assert all(each["same"] for name, each in told["written"].items() if (name, backend) != ("words", "tensorflow"))
    assert told["written"]["two"]["inputs"] == ["a", "b"]
    assert {name: difference < 1e-5 for name, difference in told["crossed"].items()} == dict.fromkeys(
        told["crossed"], True
    )
    assert len(told["crossed"]) == len(modules()) + len(names)
    assert told["spoiled"] == 3
    # And on into torch.
    for path in tmp_path.glob("keras_*.onnx"):
        read = OnnxModel(path.read_bytes())
        rows = [np.ones((3, *port.shape[1:]), port.dtype) for port in read.inputs if port.shape]  # type: ignore[misc]
        expected = read.forward({port.name: row for port, row in zip(read.inputs, rows, strict=True)})
        alike(expected, crossing.to_torch(read)(*map(torch.from_numpy, rows)))
