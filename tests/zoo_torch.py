"""Modules of PyTorch that a file must give back to the last bit: by name, a maker and the inputs that it takes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

warnings.filterwarnings("ignore", category=UserWarning, module="torch")


class Own(nn.Module):
    """A user's own class: attributes of many kinds, a transient buffer, a function, a list of plain values."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 3)
        self.act = functional.gelu
        self.scale, self.names, self.limits = 0.5, ["a", "b", "c"], (1, 2.5)
        self.kind, self.place, self.size = torch.float32, torch.device("cpu"), torch.Size([2, 3])
        self.register_buffer("shift", torch.linspace(-1, 1, 3))
        self.register_buffer("mask", torch.tensor([1.0, 0.0, 1.0]), persistent=False)
        self.loose = torch.arange(3.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.act(self.first(x))) * self.scale * self.mask + self.shift + self.loose


class Tied(nn.Module):
    """The weight of the output is the one of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6, padding_idx=0)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.embedding(x).mean(1))


class Several(nn.Module):
    """Two inputs, one of them by name, and a dictionary of outputs with a tuple in it."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(3, 4), nn.Linear(2, 4)
        self.parts = nn.ParameterList([nn.Parameter(torch.randn(4)) for _ in range(3)])
        self.named = nn.ParameterDict({"gain": nn.Parameter(torch.randn(4))})

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
        total = self.left(x) + self.right(y) + sum(self.parts)
        return {"sum": total * self.named["gain"], "both": (total.relu(), total > 0)}


class Wave(nn.Module):
    """A complex parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.randn(5, dtype=torch.complex64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.irfft(torch.fft.rfft(x) * self.filter, n=8)


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.inner(x)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3), nn.Softmax(-1))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect"), nn.BatchNorm2d(6), nn.SiLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, groups=3, stride=2, dilation=1), nn.GroupNorm(2, 6), nn.PReLU(6), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(6, 2),
    )  # fmt: skip


def channels_last() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 1)).to(memory_format=torch.channels_last)


def with_statistics() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.LayerNorm(6), nn.InstanceNorm1d(6, affine=True))
    for _ in range(3):
        module[:3](torch.randn(16, 4))
    return module[:3]


def transposed() -> nn.Module:
    module = nn.Linear(5, 3)
    module.weight = nn.Parameter(torch.randn(5, 3).t())
    module.bias = nn.Parameter(torch.randn(6)[::2])
    return module


def expanded() -> nn.Module:
    module = nn.Linear(4, 6)
    module.weight = nn.Parameter(torch.randn(6, 1).expand(6, 4))
    return module


def shared_storage() -> nn.Module:
    whole = torch.randn(24)
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[0].weight = nn.Parameter(whole[:16].view(4, 4))
    module[1].weight = nn.Parameter(whole[8:].view(4, 4))
    return module


def shared_submodule() -> nn.Module:
    block = nn.Linear(4, 4)
    return nn.Sequential(block, nn.Tanh(), block, nn.ModuleDict({"again": block})["again"])


def frozen() -> nn.Module:
    module = mlp()
    module[0].requires_grad_(False)
    return module.eval()


def nested() -> nn.Module:
    inner = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4), nn.GELU("tanh"))
    return nn.Sequential(Residual(inner), nn.ModuleList([Residual(nn.Linear(4, 4))])[0], nn.Identity())


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True, activation="gelu")
    return nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8), enable_nested_tensor=False)


def decoder() -> nn.Module:
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), 2)


def upsampler() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(2, 4, 3, stride=2), nn.LocalResponseNorm(2), nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.PixelShuffle(2), nn.ReflectionPad2d(1), nn.Hardtanh(-2, 2),
    )  # fmt: skip


def bilinear() -> nn.Module:
    return nn.Bilinear(3, 2, 4)


def _rows(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


def _words(*shape: int) -> torch.Tensor:
    return torch.randint(0, 11, shape)


Maker = Callable[[], nn.Module]
#: Name: maker, inputs, and whether a class of this file needs trust.
ZOO: dict[str, tuple[Maker, Callable[[], tuple[torch.Tensor, ...]], bool]] = {
    "mlp": (mlp, lambda: (_rows(6, 4),), False),
    "cnn": (cnn, lambda: (_rows(2, 3, 12, 12),), False),
    "channels last": (channels_last, lambda: (_rows(2, 1, 8, 8),), False),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3, padding="same"), lambda: (_rows(2, 3, 9),), False),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2), lambda: (_rows(2, 2, 4, 4, 4),), False),
    "upsampler": (upsampler, lambda: (_rows(2, 2, 4, 4),), False),
    "batch norm with statistics": (with_statistics, lambda: (_rows(5, 4),), False),
    "lstm": (lambda: nn.LSTM(3, 5, 2, batch_first=True, dropout=0.2), lambda: (_rows(4, 6, 3),), False),
    "lstm with projection": (lambda: nn.LSTM(3, 5, proj_size=2), lambda: (_rows(6, 4, 3),), False),
    "gru both ways": (lambda: nn.GRU(3, 4, 2, bidirectional=True), lambda: (_rows(6, 4, 3),), False),
    "rnn": (lambda: nn.RNN(3, 4, nonlinearity="relu", bias=False), lambda: (_rows(6, 4, 3),), False),
    "lstm cell": (lambda: nn.LSTMCell(3, 4), lambda: (_rows(5, 3),), False),
    "transformer encoder": (encoder, lambda: (_rows(4, 5, 8),), False),
    "transformer decoder": (decoder, lambda: (_rows(4, 5, 8), _rows(4, 3, 8)), False),
    "transformer": (lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
                    lambda: (_rows(4, 5, 8), _rows(4, 3, 8)), False),
    "attention": (lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=6, add_bias_kv=True, batch_first=True),
                  lambda: (_rows(3, 5, 8), _rows(3, 4, 4), _rows(3, 4, 6)), False),
    "embedding": (lambda: nn.Sequential(nn.Embedding(11, 4, padding_idx=2), nn.Flatten(), nn.Linear(12, 2)),
                  lambda: (_words(5, 3),), False),
    "embedding bag": (lambda: nn.EmbeddingBag(11, 4, mode="max"), lambda: (_words(5, 3),), False),
    "bfloat16": (lambda: cnn().bfloat16(), lambda: (_rows(2, 3, 12, 12).bfloat16(),), False),
    "float16": (lambda: mlp().half(), lambda: (_rows(6, 4).half(),), False),
    "float64": (lambda: mlp().double(), lambda: (_rows(6, 4).double(),), False),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Linear(4, 3)), lambda: (_rows(6, 4),), False),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Conv1d(3, 4, 3)), lambda: (_rows(2, 3, 9),), False),
    "orthogonal": (lambda: parametrizations.orthogonal(nn.Linear(4, 4)), lambda: (_rows(6, 4),), False),
    "transposed weight": (transposed, lambda: (_rows(6, 5),), False),
    "expanded weight": (expanded, lambda: (_rows(6, 4),), False),
    "shared storage": (shared_storage, lambda: (_rows(6, 4),), False),
    "shared submodule": (shared_submodule, lambda: (_rows(6, 4),), False),
    "frozen": (frozen, lambda: (_rows(6, 4),), False),
    "bilinear": (bilinear, lambda: (_rows(6, 3), _rows(6, 2)), False),
    "own class": (Own, lambda: (_rows(6, 4),), True),
    "tied weights": (Tied, lambda: (_words(5, 3),), True),
    "several inputs and outputs": (Several, lambda: (_rows(6, 3), _rows(6, 2)), True),
    "complex parameter": (Wave, lambda: (_rows(6, 8),), True),
    "nested containers": (nested, lambda: (_rows(6, 4),), True),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """The module and its inputs, the same ones every time."""
    torch.manual_seed(7)
    make, inputs, _ = ZOO[name]
    return make(), inputs()


def trust(name: str) -> tuple[str, ...]:
    return ("zoo_torch",) if ZOO[name][2] else ()


def answers(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> list[bytes]:
    """The bits of every tensor that the module answers with, in eval mode."""
    modes = {each: each.training for each in module.modules()}
    torch.set_num_threads(1)
    with torch.no_grad():
        found = module.eval()(*inputs)
    for each, mode in modes.items():
        each.training = mode
    return [_bits(each) for each in _tensors(found)]


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]


def _bits(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().contiguous().reshape(-1)
    return f"{tensor.dtype} {tuple(tensor.shape)} ".encode() + bytes(plain.view(torch.uint8).numpy())
