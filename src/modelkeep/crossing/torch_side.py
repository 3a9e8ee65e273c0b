"""A program as a torch module: its weights are parameters, and it can be traced, exported, trained and saved."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.crossing.interpreter import Run
from modelkeep.crossing.program import Program
from modelkeep.crossing.shapes import sizes
from modelkeep.errors import ExportError, said
from modelkeep.predictors.onnx_methods import tree_of

_NAMES = {
    "power": "pow", "negative": "neg", "broadcast_to": "broadcast_to", "moveaxis": "movedim", "flip": "flip",
    "expand_dims": "unsqueeze", "concatenate": "cat",
}  # fmt: skip
_LIKE_TORCH = frozenset(
    "abs arccos arccosh arcsin arcsinh arctan arctanh ceil cos cosh exp expm1 floor isnan isinf log logical_not "
    "reciprocal relu sigmoid sin sinh sqrt square tan tanh add logical_and logical_or logical_xor greater "
    "greater_equal less less_equal equal matmul multiply subtract divide maximum minimum where trunc zeros_like stack "
    "tile triu tril cumsum einsum reshape mean sum round bitwise_and bitwise_not bitwise_or bitwise_xor".split()
)


class TorchMath:
    """torch's functions by the names that the operators use."""

    def __getattr__(self, name: str) -> Any:
        import torch

        if name in _LIKE_TORCH:
            return getattr(torch, _NAMES.get(name, name)) if name != "equal" else torch.eq
        if name in ("power", "negative", "moveaxis", "expand_dims", "concatenate", "broadcast_to"):
            return getattr(torch, _NAMES[name])
        if name in ("erf", "det"):
            return getattr(torch, name)
        raise AttributeError(name)

    def constant(self, value: Any) -> Any:
        import torch

        if value.dtype == object:  # sizes that are not known while the module is traced
            whole = [torch.scalar_tensor(each, dtype=torch.int64) for each in sizes(value)]
            return torch.stack(whole).reshape(value.shape)
        return torch.from_numpy(np.array(value))

    def like(self, value: Any, x: Any) -> Any:
        import torch

        return value.to(x.dtype) if isinstance(value, torch.Tensor) else torch.scalar_tensor(value, dtype=x.dtype)

    def zeros_of(self, shape: tuple[Any, ...], x: Any) -> Any:
        return x.new_zeros(shape)

    def shape(self, x: Any) -> Any:
        return tuple(x.shape)

    def dtype(self, x: Any) -> str:
        return str(x.dtype).removeprefix("torch.")

    def cast(self, x: Any, dtype: str) -> Any:
        import torch

        return x.to(getattr(torch, dtype))

    def lowest(self, x: Any) -> float:
        if not x.dtype.is_floating_point:
            raise NotImplementedError("the largest of whole numbers in a window")
        return float("-inf")

    def int_divide(self, a: Any, b: Any) -> Any:
        import torch

        return torch.div(a, b, rounding_mode="trunc")

    def mod(self, a: Any, b: Any) -> Any:
        import torch

        return torch.remainder(a, b)

    def fmod(self, a: Any, b: Any) -> Any:
        import torch

        return torch.fmod(a.double(), b.double()).to(a.dtype)  # of shorter ones it rounds the quotient

    def sign(self, x: Any) -> Any:
        import torch

        return torch.where(torch.isnan(x), x, torch.sign(x))

    def scatter_update(self, x: Any, places: Any, values: Any) -> Any:
        return x.index_put(places.unbind(-1), values)

    def softplus(self, x: Any) -> Any:
        import torch

        return torch.logaddexp(x, torch.zeros_like(x))

    def transpose(self, x: Any, order: tuple[int, ...]) -> Any:
        return x.permute(order)

    def squeeze(self, x: Any, axis: int) -> Any:
        return x.squeeze(axis)

    def flip(self, x: Any, axis: int) -> Any:
        return x.flip(axis)

    def repeat(self, x: Any, times: int, axis: int = 0) -> Any:
        return x.repeat_interleave(times, axis)

    def take(self, x: Any, places: Any, axis: int) -> Any:
        shape = tuple(x.shape)
        axis = axis % len(shape)
        found = x.index_select(axis, places.reshape(-1))
        return found.reshape((*shape[:axis], *places.shape, *shape[axis + 1 :]))

    def take_along_axis(self, x: Any, places: Any, axis: int) -> Any:
        return x.gather(axis, places)

    def arange(self, start: Any, stop: Any, step: Any) -> Any:
        import torch

        return torch.arange(start, stop, step)

    def max(self, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        return x.amax(axis, keepdim=keepdims)

    def min(self, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        return x.amin(axis, keepdim=keepdims)

    def prod(self, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        for each in sorted(axis, reverse=True):
            x = x.prod(each, keepdim=keepdims)
        return x

    def argmax(self, x: Any, axis: int) -> Any:
        return x.argmax(axis)

    def softmax(self, x: Any, axis: int) -> Any:
        return x.softmax(axis)

    def log_softmax(self, x: Any, axis: int) -> Any:
        return x.log_softmax(axis)

    def top_k(self, x: Any, count: int) -> Any:
        values, places = x.sort(dim=-1, descending=True, stable=True)  # of equal ones the first
        return values[..., :count], places[..., :count]

    def pad(self, x: Any, pairs: list[tuple[int, int]], mode: str, value: float) -> Any:
        from torch.nn import functional

        if mode == "constant":
            return functional.pad(x, [each for pair in reversed(pairs) for each in pair], value=value)
        return _folded_pad(self, x, pairs, mode)

    def conv(self, x: Any, weight: Any, strides: list[int], dilations: list[int], groups: int) -> Any:
        from torch.nn import functional

        function = (functional.conv1d, functional.conv2d, functional.conv3d)[len(strides) - 1]
        return function(x, weight, stride=strides, dilation=dilations, groups=groups)

    def max_pool(self, x: Any, kernel: list[int], strides: list[int], dilations: list[int]) -> Any:
        from torch.nn import functional

        function = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[len(kernel) - 1]
        return function(x, kernel, strides, dilation=dilations)

    def mean_pool(self, x: Any, kernel: list[int], strides: list[int], dilations: list[int]) -> Any:
        from torch.nn import functional

        if any(each != 1 for each in dilations):
            raise NotImplementedError("average pooling of dilated windows")
        pools: tuple[Callable[..., Any], ...] = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
        return pools[len(kernel) - 1](x, kernel, strides)


def _folded_pad(k: Any, x: Any, pairs: list[tuple[int, int]], mode: str) -> Any:
    """Edges repeated, mirrored or wrapped, by taking elements along each axis."""
    ways = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}
    for axis, (low, high) in enumerate(pairs):
        if low or high:
            places = np.pad(np.arange(int(k.shape(x)[axis])), (low, high), ways[mode])  # type: ignore[call-overload]
            x = k.take(x, k.constant(places), axis)
    return x


@functools.cache
def _module_class() -> Any:
    import torch

    class OnnxGraph(torch.nn.Module):
        def __init__(self, program: Program) -> None:
            super().__init__()
            self.program = program
            self.places = {}
            for number, (name, value) in enumerate(program.weights().items()):
                self.places[name] = f"weight_{number}"
                self.register_parameter(f"weight_{number}", torch.nn.Parameter(torch.from_numpy(np.array(value))))

        def forward(self, *inputs: Any, **named: Any) -> Any:
            weights = {name: getattr(self, place) for name, place in self.places.items()}
            given = {**dict(zip(self.program.inputs, inputs, strict=False)), **named}
            answers = Run(self.program, TorchMath(), weights)(given)
            made = [TorchMath().constant(each) if isinstance(each, np.ndarray) else each for each in answers]
            return tree_of(self.program.form, dict(zip(self.program.outputs, made, strict=True)))

    return OnnxGraph


def module_of(program: Program) -> Any:
    """The program as a ``torch.nn.Module``, in eval mode. It takes the inputs in order and gives the outputs."""
    return _module_class()(program).eval()


def _by_name(module: Any, names: tuple[str, ...]) -> Any:
    """The module with parameters of its inputs' names, which is what torch tells them by."""
    import torch

    if not all(name.isidentifier() for name in names):
        raise ExportError("an input has a name that no parameter can have", hint="use to_torch, and trace it")
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD

    class Named(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: Any, **named: Any) -> Any:
            return self.inner(*inputs, **named)

    parameters = [inspect.Parameter(name, kind) for name in ("self", *names)]
    Named.forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return Named().eval()


def exported(program: Program) -> Any:
    """The program as a ``torch.export.ExportedProgram``, for any number of rows where the graph allows it."""
    import torch

    rows = torch.export.Dim("rows")
    example, shapes = dict[str, Any](), dict[str, Any]()
    for port in program.ports:
        if port.shape is None or port.dtype is None or port.dtype == object:
            raise ExportError(f"the input {port.name!r} is no tensor of a known shape", hint="keep it as a predictor")
        sizes = [size if isinstance(size, int) else 2 for size in port.shape]
        example[port.name] = torch.from_numpy(np.zeros(sizes, port.dtype))
        shapes[port.name] = {0: rows} if port.shape and not isinstance(port.shape[0], int) else None
    positional, named, dynamic = tuple(example.values()), dict[str, Any](), {"inputs": tuple(shapes.values())}
    module = module_of(program)
    if len(example) > 1:  # several inputs are asked by their names
        positional, named, dynamic = (), example, shapes
        module = _by_name(module, tuple(example))
    try:
        return torch.export.export(module, positional, named, dynamic_shapes=dynamic)
    except (RuntimeError, ValueError, torch._dynamo.exc.UserError) as error:
        raise ExportError(
            f"torch can't trace the graph for any number of rows: {said(error)}", hint="use to_torch, and trace it"
        ) from error
