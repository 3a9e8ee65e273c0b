"""From one deep-learning framework to another: an ONNX graph as a torch module, or as a Keras model.

The same table of operators computes it over both. What it lacks is an error that names the operator.

>>> from modelkeep import crossing
>>> hasattr(crossing, "to_torch") and hasattr(crossing, "to_keras")
True
"""

from __future__ import annotations

from typing import Any

from modelkeep.crossing import control
from modelkeep.crossing.interpreter import OPERATORS
from modelkeep.crossing.program import Program, program_of
from modelkeep.predictors.onnx import OnnxModel

_KNOWN = frozenset(OPERATORS) | frozenset(control.OPERATORS)


def to_torch(model: Any) -> Any:
    """A ``torch.nn.Module`` that answers as the ONNX model does, with its weights as parameters, in eval mode.

    model: an ``OnnxModel``, or the bytes of a file. The module takes the inputs in their order, and its answer has the
    form that the file names, else that of the one output or of a tuple. It can be traced and trained.
    Raises LoadErrors for bytes that are refused, ExportError for an operator that is not known.
    """
    from modelkeep.crossing.torch_side import module_of

    return module_of(_program(model))


def to_program(model: Any) -> Any:
    """As ``to_torch``, as a ``torch.export.ExportedProgram`` for any number of rows: it opens with no class."""
    from modelkeep.crossing.torch_side import exported

    return exported(_program(model))


def to_keras(model: Any) -> Any:
    """A ``keras.Model`` that answers as the ONNX model does, over the backend of this process. As ``to_torch``.

    Its one layer holds the weights, and is registered with Keras as ``modelkeep>OnnxGraph``.
    """
    from modelkeep.crossing.keras_side import model_of

    return model_of(_bytes(model))


def _program(model: Any) -> Program:
    return program_of(_bytes(model), _KNOWN)


def _bytes(model: Any) -> bytes:
    """The file, once the runtime has opened it: what it refuses has no answer that one could be equal to."""
    return bytes((OnnxModel(model) if isinstance(model, bytes) else model).open().data)


__all__ = ["to_keras", "to_program", "to_torch"]
