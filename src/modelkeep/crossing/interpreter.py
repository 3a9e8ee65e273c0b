"""Runs a program over the functions of a library of arrays: numpy for sizes and constants, torch or Keras for the rest.

Values that are known without rows (constants, shapes and what is computed from them) are numpy arrays, and stay so:
a library that traces the program sees plain numbers for sizes. A size that is not known yet is an object of the
library inside of such an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelkeep.crossing import control, elementwise, neural, places, recurrent, reducing, resizing, shapes
from modelkeep.crossing.program import Program, Step
from modelkeep.errors import ExportError, UsageError

HINT = "keep it as an ONNX predictor: modelkeep.load answers with it as it is"

Operator = Callable[..., Any]
#: Each takes the library, the attributes (with ``opset``), and the inputs, None for one that is left out.
OPERATORS: Mapping[str, Operator] = {
    **elementwise.OPERATORS,
    **shapes.OPERATORS,
    **places.OPERATORS,
    **reducing.OPERATORS,
    **neural.OPERATORS,
    **resizing.OPERATORS,
    **recurrent.OPERATORS,
}
#: Inputs that must be known without rows: sizes, axes, places.
KNOWN = {
    "Reshape": {1}, "Slice": {1, 2, 3, 4}, "Expand": {1}, "Tile": {1}, "Pad": {1, 2, 3}, "Squeeze": {1},
    "Unsqueeze": {1}, "Split": {1}, "TopK": {1}, "Resize": {1, 2, 3}, "Range": {0, 1, 2}, "ConstantOfShape": {0},
    "OneHot": {1, 2}, "CumSum": {1}, "Trilu": {1}, "Upsample": {1}, "Dropout": {1, 2}, "Loop": {0}, "Scan": set[int](),
    **{f"Reduce{name}": {1} for name in "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".split()},
}  # fmt: skip
#: Operators that numpy computes where all of their inputs are known.
_ON_SIZES = frozenset(
    "Add Sub Mul Div Mod Neg Abs Max Min Gather Slice Concat Cast Squeeze Unsqueeze Reshape Equal Less Greater "
    "LessOrEqual GreaterOrEqual And Or Not Where Range ReduceProd ReduceSum ReduceMax ReduceMin Expand ConstantOfShape "
    "Ceil Floor Identity Transpose Split Tile Flatten Sqrt Pow CastLike Reciprocal".split()
)
_GROWING = ("Expand", "ConstantOfShape", "Tile", "Range")
#: Attributes that say again what the inputs say, or that matter in training only.
_IDLE = {
    "Conv": {"kernel_shape"},
    "ConvTranspose": {"kernel_shape"},
    "BatchNormalization": {"momentum", "spatial"},
    "LayerNormalization": {"stash_type"},
    "RMSNormalization": {"stash_type"},
    "GroupNormalization": {"stash_type"},
    "Attention": {"q_num_heads", "kv_num_heads", "qk_matmul_output_mode", "softmax_precision"},
    "Resize": {
        "cubic_coeff_a",
        "extrapolation_value",
        "exclude_outside",
        "nearest_mode",
        "coordinate_transformation_mode",
    },
    "Cast": {"saturate", "round_mode"},
    "CastLike": {"saturate", "round_mode"},
    "Dropout": {"ratio", "seed", "is_test"},
    "MaxPool": {"storage_order"},
    "TopK": {"sorted"},
    "LSTM": {"clip"},
}


#: What sizes that no tensor has end in.
_SIZES = (ArithmeticError, MemoryError)


class _Asked(dict[str, Any]):
    """Attributes that know which of them an operator looked at: what it did not is nothing that it can do."""

    def __init__(self, values: Mapping[str, Any], **more: Any) -> None:
        super().__init__(values, **more)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def check(self, step: Step) -> None:
        left = sorted(step.attributes.keys() - self.asked - _IDLE.get(step.op, set()))
        if left:
            raise ExportError(f"{step.title} has an attribute {left[0]!r} that is not computed here", hint=HINT)


class Run:
    """One run of a program: ``k`` is the library's adapter, ``weights`` its own arrays for constants by name."""

    def __init__(self, program: Program, k: Any, weights: Mapping[str, Any], outer: Mapping[str, Any] | None = None):
        self.program, self.k, self.weights = program, k, weights
        self.values: dict[str, Any] = {**(outer or {}), **program.constants}

    def __call__(self, inputs: Mapping[str, Any]) -> list[Any]:
        """The outputs in order; those that are known without rows as numpy arrays."""
        self.values.update(inputs)
        for step in self.program.steps:
            answer = self.step(step)
            answers = answer if isinstance(answer, tuple) else (answer,)
            self.values.update(zip(step.outputs, answers, strict=False))
        missing = [name for name in self.program.outputs if name not in self.values]
        if missing:
            raise ExportError(f"the output {missing[0]!r} is one that is not computed here", hint=HINT)
        found = [self.tensor(name) if name in self.weights else self.values[name] for name in self.program.outputs]
        for port, value in zip(self.program.results, found, strict=False):
            made = str(value.dtype) if isinstance(value, np.ndarray) else self.k.dtype(value)
            if port.dtype is not None and made not in (str(port.dtype), "object"):
                raise ExportError(f"the output {port.name!r} is {made} here and {port.dtype} in the file", hint=HINT)
        return found

    def tensor(self, name: str) -> Any:
        """A value as an array of the library."""
        value = self.values[name]
        if not isinstance(value, np.ndarray):
            return value
        known = self.weights.get(name) if self.program.constants.get(name) is value else None
        return known if known is not None else self.k.constant(value)

    def step(self, step: Step) -> Any:
        attributes = _Asked(step.attributes, opset=self.program.opset, outputs=len(step.outputs))
        try:
            known = all(not name or isinstance(self.values[name], np.ndarray) for name in step.inputs)
            answer = self._answer(step, attributes, known=known)
            attributes.check(step)
            return answer
        except (ExportError, UsageError):
            raise
        except (LookupError, AttributeError, NotImplementedError, ValueError, TypeError, *_SIZES) as error:
            raise ExportError(f"{step.title} has a form that is not computed here: {error!r}", hint=HINT) from error

    def _answer(self, step: Step, attributes: _Asked, *, known: bool) -> Any:
        if step.op in control.OPERATORS:
            return control.OPERATORS[step.op](self, attributes, step)
        if step.op == "Shape":
            return shapes.shape(self.k, attributes, self.values[step.inputs[0]])
        values = [self.values[name] if name else None for name in step.inputs]
        if step.op == "CastLike" and isinstance(values[0], np.ndarray) and values[0].size == 1:
            kind = values[1].dtype.name if isinstance(values[1], np.ndarray) else self.k.dtype(values[1])
            return NUMPY.cast(values[0], kind)  # of the second only the kind is asked, which needs no rows
        if known and step.op in _ON_SIZES and values and not self._grows(step, values):
            return _known(OPERATORS[step.op](NUMPY, attributes, *values))
        return OPERATORS[step.op](self.k, attributes, *self._inputs(step))

    @staticmethod
    def _grows(step: Step, values: list[Any]) -> bool:
        """Whether a constant is to have a size that is not known yet."""
        return step.op in _GROWING and any(each is not None and each.dtype == object for each in values)

    def _inputs(self, step: Step) -> list[Any]:
        fixed = KNOWN.get(step.op, ())
        found: list[Any] = []
        for place, name in enumerate(step.inputs):
            if not name:
                found.append(None)
            elif place in fixed:
                found.append(self.known(name, step))
            else:
                found.append(self.tensor(name))
        return found

    def known(self, name: str, step: Step) -> Any:
        """A value that must not depend on the rows."""
        value = self.values[name]
        if not isinstance(value, np.ndarray):
            raise ExportError(f"{step.title} takes a size or a place that depends on the rows", hint=HINT)
        return value


def _known(answer: Any) -> Any:
    """numpy gives the element of an array without axes, which may be an object of another library."""
    if isinstance(answer, tuple):
        return tuple(map(_known, answer))
    if isinstance(answer, np.ndarray | np.generic):
        return np.asarray(answer)
    made = np.empty((), np.int64 if isinstance(answer, int) else object)
    made[()] = answer
    return made


class _Numpy:
    """numpy as such a library, for sizes. They may be objects that only know arithmetic."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def constant(value: Any) -> Any:
        return value

    @staticmethod
    def cast(value: Any, dtype: str) -> Any:
        return value if value.dtype == object else value.astype(dtype)

    @staticmethod
    def dtype(value: Any) -> str:
        return "int64" if value.dtype == object else str(value.dtype)

    @staticmethod
    def shape(value: Any) -> Any:
        return value.shape

    @staticmethod
    def int_divide(a: Any, b: Any) -> Any:
        return a // b

    @staticmethod
    def maximum(a: Any, b: Any) -> Any:
        if a.dtype != object and b.dtype != object:
            return np.maximum(a, b)
        pairs = np.broadcast(a, b)
        return shapes.known([_larger(x, y) for x, y in pairs]).reshape(pairs.shape)

    @staticmethod
    def equal(a: Any, b: Any) -> Any:
        """A size that is not known yet is no constant below zero: exporters ask for -1."""
        if a.dtype != object and b.dtype != object:
            return np.equal(a, b)
        pairs = np.broadcast(a, b)
        return np.array([_same(x, y) for x, y in pairs], bool).reshape(pairs.shape)


def _larger(a: Any, b: Any) -> Any:
    if isinstance(a, shapes.Unknown):
        return a.larger(b)
    return b.larger(a) if isinstance(b, shapes.Unknown) else max(int(a), int(b))


def _same(a: Any, b: Any) -> bool:
    if not isinstance(a, shapes.Unknown) and not isinstance(b, shapes.Unknown):
        return bool(a == b)
    plain = next((each for each in (a, b) if not isinstance(each, shapes.Unknown)), None)
    if plain is None or plain >= 0:
        raise NotImplementedError("a condition on a size that is not known yet")
    return False


NUMPY = _Numpy()
