"""PyTorch in keep files: every module of the zoo comes back to the last bit, and hostile graphs are refused."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelkeep as mk
from keeping import decoded, encoded, kept
from modelkeep.errors import CheckError, GraphError, LoadError, PolicyError, SaveErrors

torch = pytest.importorskip("torch", reason="the extra [torch] is not installed")
from torch import nn  # noqa: E402

import zoo_torch  # noqa: E402

HERE = Path(__file__).parent
OWN = mk.Policy(trust=["zoo_torch"])


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every module in a file, with a probe of the inputs."""
    folder = tmp_path_factory.mktemp("zoo")
    for number, name in enumerate(zoo_torch.ZOO):
        module, inputs = zoo_torch.made(name)
        before = [each.training for each in module.modules()]
        saved = mk.save(module, folder / f"{number}.keep", sample=inputs)
        assert saved.probe_rows > 0, (name, saved.notes)
        assert [each.training for each in module.modules()] == before
    return folder


_CHILD = """
import sys; sys.path.insert(0, sys.argv[2])
import hashlib, json, modelkeep as mk, zoo_torch
digests = {}
for number, name in enumerate(zoo_torch.ZOO):
    module = mk.load(f"{sys.argv[1]}/{number}.keep", policy=mk.Policy(trust=zoo_torch.trust(name)))
    inputs = zoo_torch.made(name)[1]
    digests[name] = [hashlib.sha256(bits).hexdigest() for bits in zoo_torch.answers(module, inputs)]
print(json.dumps(digests))
"""


def test_every_module_answers_the_same_in_a_fresh_process(zoo: Path) -> None:
    import hashlib

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, zoo, HERE],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    for name in zoo_torch.ZOO:
        module, inputs = zoo_torch.made(name)
        expected = [hashlib.sha256(bits).hexdigest() for bits in zoo_torch.answers(module, inputs)]
        assert found[name] == expected, name
    assert len(found) >= 25


@pytest.mark.parametrize("name", zoo_torch.ZOO)
def test_a_module_comes_back_whole(name: str) -> None:
    module = zoo_torch.made(name)[0]
    again = kept(module, OWN)
    assert type(again).__qualname__ == type(module).__qualname__
    assert repr(again) == repr(module)
    first, second = module.state_dict(keep_vars=True), again.state_dict(keep_vars=True)
    assert list(first) == list(second)
    for key, tensor in first.items():
        other = second[key]
        assert (type(tensor), tensor.dtype, tensor.shape) == (type(other), other.dtype, other.shape)
        assert tensor.requires_grad == other.requires_grad
        assert tensor.is_contiguous() == other.is_contiguous()
    assert [each.training for each in again.modules()] == [each.training for each in module.modules()]


@pytest.mark.parametrize("name", ["own class", "bfloat16", "several inputs and outputs", "lstm"])
def test_the_probe_is_replayed(zoo: Path, name: str) -> None:
    path = zoo / f"{list(zoo_torch.ZOO).index(name)}.keep"
    verified = mk.verify(path, policy=OWN)
    assert verified.methods == ("forward",)  # type: ignore[union-attr]
    assert verified.exact  # type: ignore[union-attr]


def test_the_same_module_gives_the_same_bytes(zoo: Path, tmp_path: Path) -> None:
    for name in ("transformer encoder", "tied weights", "shared storage"):
        module, inputs = zoo_torch.made(name)
        mk.save(module, tmp_path / "again.keep", sample=inputs)
        first = (zoo / f"{list(zoo_torch.ZOO).index(name)}.keep").read_bytes()
        assert (tmp_path / "again.keep").read_bytes() == first


def test_training_goes_on_after_a_load() -> None:
    module, inputs = zoo_torch.made("lstm")
    again = kept(module)
    for each in (module, again):
        each.train()
        torch.manual_seed(1)
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1)
        each(*inputs)[0].square().sum().backward()
        optimizer.step()
    for first, second in zip(module.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    assert again._flat_weights[0] is again.weight_ih_l0


def test_shared_parts_are_shared_again() -> None:
    tied = kept(zoo_torch.made("tied weights")[0], OWN)
    assert tied.head.weight is tied.embedding.weight
    views = kept(zoo_torch.made("shared storage")[0])
    with torch.no_grad():
        views[0].weight.view(-1)[8] = 99.0
    assert views[1].weight.view(-1)[0].item() == 99.0
    block = kept(zoo_torch.made("shared submodule")[0])
    assert block[0] is block[2] is block[3]


TENSORS = {
    "transposed": lambda: torch.randn(3, 4).t(),
    "channels last of one channel": lambda: torch.randn(4, 1, 3, 3).to(memory_format=torch.channels_last),
    "expanded": lambda: torch.randn(3, 1).expand(3, 5),
    "strided": lambda: torch.randn(4, 6)[:, ::2],
    "empty": lambda: torch.zeros(0, 3),
    "scalar": lambda: torch.tensor(3.5),
    "bool": lambda: torch.tensor([True, False]),
    "lazy conjugate": lambda: torch.randn(3, dtype=torch.complex64).conj(),
    **{
        str(dtype): lambda dtype=dtype: torch.arange(5).to(dtype)  # type: ignore[misc]
        for dtype in (
            torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.uint64, torch.int64,
            torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
            torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_comes_back_with_its_bits_and_strides(name: str) -> None:
    tensor = TENSORS[name]()
    again = kept(tensor)
    assert (again.dtype, again.shape, again.requires_grad) == (tensor.dtype, tensor.shape, tensor.requires_grad)
    assert again.is_contiguous() == tensor.is_contiguous()
    assert again.is_contiguous(memory_format=torch.contiguous_format) == tensor.is_contiguous()
    assert str(again) == str(tensor.resolve_conj())


@pytest.mark.parametrize(("dtype", "label"), [("bfloat16", "BF16"), ("float8_e4m3fn", "F8_E4M3"), ("float16", "F16")])
def test_arrays_have_the_dtypes_of_safetensors(dtype: str, label: str) -> None:
    made = encoded(torch.arange(6).to(getattr(torch, dtype)).reshape(2, 3))["arrays.safetensors"]
    header = json.loads(made[8 : 8 + int.from_bytes(made[:8], "little")])
    assert header["0"]["dtype"] == label
    assert header["0"]["shape"] == [2, 3]


def test_large_weights_are_mapped_from_the_file(tmp_path: Path) -> None:
    module = nn.Linear(512, 512)
    mk.save(module, tmp_path / "m.keep", probe=False)
    again = mk.load(tmp_path / "m.keep")
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux tells what is mapped")
    place = again.weight.data_ptr()
    spans = [line.split() for line in maps.read_text().splitlines() if line.endswith("m.keep")]
    assert any(int(s[0].split("-")[0], 16) <= place < int(s[0].split("-")[1], 16) for s in spans)
    with torch.no_grad():
        again.weight.zero_()  # copy-on-write: the file stays
    assert torch.equal(mk.load(tmp_path / "m.keep").weight, module.weight)


# -- what can't be kept, and says so -------------------------------------------------------------------------------


class Hooked(nn.Linear):
    def __init__(self) -> None:
        super().__init__(2, 2)
        self.register_forward_hook(lambda module, args, out: out * 2)


class Pickled(nn.Linear):
    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__


REFUSED = {
    "hooks": (lambda: Hooked(), "hooks"),
    "meta": (lambda: nn.Linear(2, 2, device="meta"), "without values"),
    "lazy": (lambda: nn.LazyLinear(2), "lazy"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.qint8), "quantized"),
    "sparse": (lambda: torch.eye(3).to_sparse(), "layout"),
    "parallel": (lambda: nn.DataParallel(nn.Linear(2, 2)), "parallel"),
    "says itself": (lambda: Pickled(2, 2), "__getstate__"),
    "another size": (lambda: _resized(), "no load would take it"),
    "generator": (lambda: torch.Generator(), "Generator"),
    "lambda": (lambda: _with_lambda(), "lambda"),
}


def _resized() -> nn.Module:
    module = nn.LSTM(3, 4)
    module.weight_hh_l0 = nn.Parameter(torch.randn(2, 2))
    return module


def _with_lambda() -> nn.Module:
    module = nn.Linear(2, 2)
    module.act = lambda x: x  # type: ignore[assignment]
    return module


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_kept_says_why(name: str) -> None:
    make, text = REFUSED[name]
    with pytest.raises(SaveErrors) as caught:
        encoded(make())
    assert text in str(caught.value)
    assert all(each.hint for each in caught.value.exceptions)


def test_of_a_pruned_module_the_hint_says_what_to_do() -> None:
    import torch.nn.utils.prune as prune

    module = prune.l1_unstructured(nn.Linear(3, 2), "weight", 0.5)
    with pytest.raises(SaveErrors) as caught:
        encoded(module)
    assert any("prune.remove" in each.hint for each in caught.value.exceptions)
    encoded(prune.remove(module, "weight"))


# -- hostile graphs ------------------------------------------------------------------------------------------------


def forged(value: Any, *changes: tuple[str, Any]) -> dict[str, bytes]:
    """The files of ``value`` with parts of its graph changed: ``a.b.0`` leads to a part of the root node."""
    files = encoded(value)
    graph = json.loads(files["graph.json"])
    for path, new in changes:
        *steps, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
        place = graph["root"]
        for step in steps:
            place = place[step]
        place[last] = new
    return files | {"graph.json": json.dumps(graph, separators=(",", ":")).encode()}


def module_of(name: str) -> Any:
    return {
        "linear": lambda: nn.Linear(3, 4),
        "embedding": lambda: nn.Embedding(5, 3, padding_idx=1),
        "bag": lambda: nn.EmbeddingBag(5, 3),
        "conv": lambda: nn.Conv2d(4, 4, 3, groups=2),
        "norm": lambda: nn.BatchNorm1d(4),
        "lstm": lambda: nn.LSTM(3, 4, 2, bidirectional=True),
        "gru": lambda: nn.GRUCell(3, 4),
        "attention": lambda: nn.MultiheadAttention(8, 2),
        "layer": lambda: nn.TransformerEncoderLayer(8, 2, 16),
        "group": lambda: nn.GroupNorm(2, 4),
        "weight norm": lambda: zoo_torch.parametrizations.weight_norm(nn.Linear(3, 4)),
    }[name]()


HOSTILE = [
    ("linear", "7/in_features", 4_000_000, CheckError),
    ("linear", "7/out_features", -1, CheckError),
    ("linear", "7/in_features", True, CheckError),
    ("linear", "3/weight", None, CheckError),
    ("linear", "7/forward", 1, GraphError),
    ("linear", "7/_forward_hooks", ["dict", {}], GraphError),
    ("linear", "7/_parameters", ["dict", {}], GraphError),
    ("linear", "7/_compiled_call_impl", 1, GraphError),
    ("linear", "3/a.b", None, GraphError),
    ("linear", "4", {"weight": None}, GraphError),
    ("linear", "4", {"x": 3}, GraphError),
    ("linear", "6", {"x": ["list", []]}, GraphError),
    ("linear", "5", ["nothing"], GraphError),
    ("linear", "2", 1, GraphError),
    ("linear", "3/weight/2", "float64", GraphError),
    ("linear", "3/weight/2", "Storage", GraphError),
    ("linear", "3/weight/2", "int32", GraphError),
    ("linear", "3/weight/4", {"backward": 1}, GraphError),
    ("linear", "3/weight/4", {"data": 1}, GraphError),
    ("linear", "3/weight/1/1", 77, GraphError),
    ("embedding", "7/padding_idx", 5, CheckError),
    ("embedding", "7/num_embeddings", 50, CheckError),
    ("bag", "7/embedding_dim", 1 << 50, CheckError),
    ("conv", "7/groups", 3, CheckError),
    ("conv", "7/groups", 0, CheckError),
    ("conv", "7/kernel_size", ["tuple", [9, 9]], CheckError),
    ("conv", "7/stride", ["tuple", [0, 1]], CheckError),
    ("norm", "7/num_features", 5, CheckError),
    ("lstm", "7/num_layers", 1_000_000_000, GraphError),
    ("lstm", "7/hidden_size", 4096, CheckError),
    ("lstm", "7/input_size", 1, CheckError),
    ("lstm", "7/bidirectional", False, CheckError),
    ("lstm", "7/mode", "GRU", CheckError),
    ("lstm", "7/proj_size", 2, CheckError),
    ("lstm", "7/_flat_weights", ["list", []], GraphError),
    ("gru", "7/hidden_size", 3, CheckError),
    ("attention", "7/embed_dim", 16, CheckError),
    ("attention", "7/head_dim", 8, CheckError),
    ("attention", "7/num_heads", 0, CheckError),
    ("layer", "7/activation_relu_or_gelu", 9, CheckError),
    ("group", "7/num_groups", 3, CheckError),
]


@pytest.mark.parametrize(("name", "path", "value", "error"), HOSTILE, ids=lambda value: str(value)[:30])
def test_a_hostile_graph_is_refused(name: str, path: str, value: Any, error: type[Exception]) -> None:
    files = forged(module_of(name), (path, value))
    with pytest.raises(error):
        decoded(files)


def test_the_parts_of_a_normed_weight_fit() -> None:
    module = module_of("weight norm")
    assert decoded(encoded(module))(torch.randn(2, 3)).shape == (2, 4)
    module.parametrizations.weight._parameters["original0"] = nn.Parameter(torch.randn(1, 1))
    files = encoded_unchecked(module)
    with pytest.raises(CheckError):
        decoded(files)


def encoded_unchecked(module: nn.Module) -> dict[str, bytes]:
    """The files of a module that no honest save would write."""
    from modelkeep.formats.keep.types import torch_modules

    refuse = torch_modules._refuse_unreadable
    torch_modules._refuse_unreadable = lambda *parts: None  # type: ignore[assignment]
    try:
        return encoded(module)
    finally:
        torch_modules._refuse_unreadable = refuse


def test_a_module_is_no_plain_object_and_no_other_class() -> None:
    files = encoded(nn.Linear(2, 2))
    for root in (["object", 0, {}], ["module", 0], ["reduced", 0, [], None, [], [[], []]]):
        graph = json.loads(files["graph.json"]) | {"root": root}
        with pytest.raises(LoadError):
            decoded(files | {"graph.json": json.dumps(graph, separators=(",", ":")).encode()})
    graph = json.loads(files["graph.json"]) | {"types": ["collections.OrderedDict"]}
    with pytest.raises(GraphError, match="not kept as a module"):
        decoded(files | {"graph.json": json.dumps(graph, separators=(",", ":")).encode()})


@pytest.mark.parametrize(
    "name", ["torch.load", "torch.nn.functional.cross_entropy", "torch.hub.load", "torch.jit.load"]
)
def test_no_function_beyond_the_list_is_named(name: str) -> None:
    files = encoded(nn.TransformerEncoderLayer(8, 2, 16))
    graph = json.loads(files["graph.json"])
    assert graph["functions"] == ["torch.nn.functional.relu"]
    graph["functions"] = [name]
    with pytest.raises(GraphError, match="on no list"):
        decoded(files | {"graph.json": json.dumps(graph, separators=(",", ":")).encode()})


def test_an_own_class_needs_trust() -> None:
    files = encoded(zoo_torch.Own())
    with pytest.raises(PolicyError, match="zoo_torch"):
        decoded(files)


@pytest.mark.parametrize(("kind", "few", "many"), [("graphs", 250, 5000), ("programs", 30, 1000)])
def test_no_mutant_ends_the_process(kind: str, few: int, many: int) -> None:
    count = many if os.environ.get("MODELKEEP_FULL") else few
    command = [sys.executable, HERE / "torch_mutants.py", kind, "11", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert sum(told.values()) == count
    assert told["refused"] > count // 3


# -- asking --------------------------------------------------------------------------------------------------------


def test_asking_leaves_the_module_as_it_was() -> None:
    from modelkeep.catalog import ask_of, rows_of

    module = zoo_torch.mlp()
    module[2].eval()
    modes = [each.training for each in module.modules()]
    threads = torch.get_num_threads()
    ask = ask_of(module)
    rows = rows_of(module, torch.randn(5, 4, dtype=torch.float64))
    first, second = ask(module, "forward", rows), ask(module, "forward", rows)
    assert first.dtype == np.float32
    assert np.array_equal(first, second)
    assert [each.training for each in module.modules()] == modes
    assert torch.get_num_threads() == threads
    with pytest.raises(RuntimeError):
        ask(module, "forward", np.zeros((2, 9), np.float32))
    assert [each.training for each in module.modules()] == modes


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: torch.Tensor, *, scale: torch.Tensor | None = None) -> torch.Tensor:
        self.count += 1
        return x * self.count if scale is None else x * scale


def test_buffers_that_forward_writes_are_put_back() -> None:
    from modelkeep.catalog import ask_of

    module = Counting()
    ask = ask_of(module)
    assert ask(module, "forward", np.ones((2, 1), np.float32)).tolist() == [[1.0], [1.0]]
    assert ask(module, "forward", np.ones((2, 1), np.float32)).tolist() == [[1.0], [1.0]]
    assert float(module.count) == 0.0


def test_inputs_by_name_and_by_place() -> None:
    from modelkeep.catalog import ask_of, rows_of

    module = Counting()
    rows = rows_of(module, {"0": torch.ones(2, 1), "scale": torch.tensor([[3.0], [4.0]])})
    assert ask_of(module)(module, "forward", rows).tolist() == [[3.0], [4.0]]
    both = zoo_torch.Several()
    answer = ask_of(both)(both, "forward", rows_of(both, (torch.ones(2, 3), torch.ones(2, 2))))
    assert set(answer) == {"sum", "both"}
    assert answer["both"][1].dtype == np.bool_


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_fractions_become_what_the_weights_are(dtype: str) -> None:
    from modelkeep.catalog import ask_of

    module = copy.deepcopy(nn.Linear(3, 2)).to(getattr(torch, dtype))
    answer = ask_of(module)(module, "forward", np.ones((2, 3)))
    assert answer.dtype == {"bfloat16": np.float32, "float16": np.float16, "float64": np.float64}[dtype]


def test_a_module_is_shown_as_the_tree_that_it_is(zoo: Path) -> None:
    found = mk.inspect(zoo / f"{list(zoo_torch.ZOO).index('lstm with projection')}.keep")
    assert {each.path for each in found.arrays} >= {"lstm.weight_ih_l0", "lstm.weight_hr_l0"}
    assert found.framework == "torch"
    assert found.tree is not None


def test_an_example_is_a_sample_too(tmp_path: Path) -> None:
    saved = mk.save(nn.Linear(3, 2), tmp_path / "m.keep", example=torch.ones(4, 3))
    assert saved.probe_rows >= 4
    assert "program.pt2" in mk.inspect(tmp_path / "m.keep").files
    assert type(mk.load(tmp_path / "m.keep")) is nn.Linear


def test_weights_of_a_version_go_into_a_module(tmp_path):
    registry = mk.Registry(tmp_path / "models")
    torch.manual_seed(0)
    model, into = (torch.nn.Linear(3, 2) for _ in range(2))
    registry.save("line", model)
    assert registry.load_weights("line:1", into).loaded == 2
    assert torch.equal(model.weight, into.weight)
    with pytest.raises(CheckError):
        registry.load_weights("line", torch.nn.Linear(4, 2))
