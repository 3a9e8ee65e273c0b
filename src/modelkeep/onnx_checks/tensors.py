"""Tensors in a file: as many bytes as their dimensions say, inside the file, and as numpy arrays where they are asked.

The layout of each kind: the comments of TensorProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, PolicyError, quote
from modelkeep.onnx_checks.model import Sparse, Tensor
from modelkeep.onnx_checks.wire import HINT

TEXT = 8
#: Bits of an element, and the field that holds elements which are not raw bytes.
_KINDS = {
    1: (32, "float_data"),
    2: (8, "int32_data"),
    3: (8, "int32_data"),
    4: (16, "int32_data"),
    5: (16, "int32_data"),
    6: (32, "int32_data"),
    7: (64, "int64_data"),
    TEXT: (0, "string_data"),
    9: (8, "int32_data"),
    10: (16, "int32_data"),
    11: (64, "double_data"),
    12: (32, "uint64_data"),
    13: (64, "uint64_data"),
    16: (16, "int32_data"),
    **dict.fromkeys((17, 18, 19, 20), (8, "int32_data")),
    **dict.fromkeys((21, 22), (4, "int32_data")),
}
_DTYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
    10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64,
}  # fmt: skip
_FIELDS = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
MAX_RANK = 64
MAX_TEXT = 1 << 20
#: A sparse tensor is unfolded by the runtime.
MAX_UNFOLDED = 1 << 28


def dtype_of(data_type: int | None) -> np.dtype[Any] | None:
    """numpy's dtype of an ONNX element type; object for text, None where numpy has none."""
    if data_type == TEXT:
        return np.dtype(object)
    return np.dtype(_DTYPES[data_type]) if data_type in _DTYPES else None


def count_of(dims: Any) -> int:
    """How many elements ``dims`` say, counted without overflow."""
    sizes = [int(size) for size in dims]
    if len(sizes) > MAX_RANK or any(size < 0 for size in sizes):
        raise CheckError("a tensor has dimensions that no tensor has", hint=HINT)
    return math.prod(sizes)


def check(tensor: Tensor) -> None:
    """Refuse a tensor whose elements lie elsewhere, or are not as many as its dimensions say."""
    name = quote(tensor.name or "")
    if len(tensor.external_data) or tensor.data_location not in (None, 0):
        raise PolicyError(
            f"the tensor {name} lies in another file, and a model may name no files",
            hint="store the model in one file: onnx.save_model(model, path, save_as_external_data=False)",
        )
    if tensor.data_type not in _KINDS:
        raise CheckError(f"the tensor {name} has elements of an unknown type", hint=HINT)
    bits, field = _KINDS[tensor.data_type]
    count = count_of(tensor.dims)
    stored = [each for each in _FIELDS if len(getattr(tensor, each))]
    if tensor.raw_data is not None and (len(tensor.raw_data) or not stored):
        right = not stored and bits and len(tensor.raw_data) == (count * bits + 7) // 8
    else:
        wanted = (count + 1) // 2 if bits == 4 else count
        right = stored in ([field], []) and len(getattr(tensor, field)) == wanted
    if not right:
        raise CheckError(f"the tensor {name} has not as many elements as its dimensions say", hint=HINT)
    if any(len(text) > MAX_TEXT for text in tensor.string_data):
        raise CheckError(f"the tensor {name} has a text of more than {MAX_TEXT} bytes", hint=HINT)


def check_sparse(sparse: Sparse) -> None:
    """Refuse a sparse tensor whose indices lead outside of it, or that is too large to unfold."""
    values, indices = sparse.values, sparse.indices
    if values is None or indices is None:
        raise CheckError("a sparse tensor lacks its values or indices", hint=HINT)
    check(values)
    check(indices)
    dims = [int(size) for size in sparse.dims]
    total = count_of(dims)
    if not 0 < total <= MAX_UNFOLDED or len(values.dims) != 1 or indices.data_type != 7:
        raise CheckError("a sparse tensor is too large, or not a list of numbers and places", hint=HINT)
    places, stored = array(indices), int(values.dims[0])
    if places.shape == (stored, len(dims)):
        if np.any(places < 0) or np.any(places >= np.array(dims)):
            raise CheckError("a sparse tensor has indices outside of it", hint=HINT)
        places = np.ravel_multi_index(tuple(places.T), tuple(dims))
    if places.shape != (stored,) or (stored and (places.min() < 0 or places.max() >= total)):
        raise CheckError("a sparse tensor has indices outside of it", hint=HINT)
    if np.any(np.diff(places) <= 0):
        raise CheckError("a sparse tensor has indices out of order", hint=HINT)


def array(tensor: Tensor) -> Any:
    """A checked tensor as a numpy array of its own. Raises CheckError for element types that numpy lacks."""
    kind = tensor.data_type or 0
    shape = tuple(int(size) for size in tensor.dims)
    if kind == TEXT:
        texts = [str(text, "utf-8", "replace") for text in tensor.string_data]
        return np.array(texts, dtype=object).reshape(shape)
    if kind == 16:  # bfloat16 is the upper half of a float32
        raw = _plain(tensor, np.dtype(np.uint16)).astype(np.uint32)
        return (raw << np.uint32(16)).view(np.float32).reshape(shape)
    dtype = dtype_of(kind)
    if dtype is None:
        raise CheckError(f"the tensor {quote(tensor.name or '')} has elements of a type that numpy lacks", hint=HINT)
    return _plain(tensor, dtype).reshape(shape)


def _plain(tensor: Tensor, dtype: np.dtype[Any]) -> Any:
    if tensor.raw_data is not None and len(tensor.raw_data):
        return np.frombuffer(tensor.raw_data, dtype.newbyteorder("<")).astype(dtype)
    values = getattr(tensor, _KINDS[tensor.data_type or 0][1])
    if dtype == np.float16:
        return values.astype(np.uint16).view(np.float16)
    return values.astype(dtype)
