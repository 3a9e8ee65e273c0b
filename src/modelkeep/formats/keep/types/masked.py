"""numpy's arrays that are more than an array: masked ones, records, matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.types.numpy import an_array

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder


def encode_subclass(encoder: Encoder, array: Any) -> Node:
    return [type(array).__name__, encoder.node(np.asarray(array))]


def decode_subclass(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    cls: Any = np.matrix if node[0] == "matrix" else np.recarray
    array = an_array(builder.build(node[1]))
    if cls is np.matrix and array.ndim != 2:
        raise GraphError("a matrix has two axes")
    return array.view(cls)


def encode_masked(encoder: Encoder, array: Any) -> Node:
    if type(array.data) is not np.ndarray:
        raise Unsaveable(f"a masked {type(array.data).__name__} can't be kept", "mask a plain array")
    mask = None if array.mask is np.ma.nomask else np.asarray(array.mask)
    fill = None if array._fill_value is None else np.asarray(array._fill_value)
    return ["masked", encoder.node(array.data), encoder.node(mask), encoder.node(fill), bool(array.hardmask)]


def decode_masked(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    data, mask, fill = (builder.build(value) for value in node[1:4])
    an_array(data)
    if mask is not None and (an_array(mask).shape != data.shape or mask.dtype != np.ma.make_mask_descr(data.dtype)):
        raise GraphError("a mask does not fit its array")
    if fill is not None and (an_array(fill).dtype != data.dtype or fill.ndim != 0):
        raise GraphError("a fill value does not fit its array")
    if type(node[4]) is not bool:
        raise GraphError("a mask is hard or not")
    made: Any = np.ma.MaskedArray(data, mask=np.ma.nomask if mask is None else mask, hard_mask=node[4])
    made._fill_value = fill
    return made


def encode_mask(encoder: Encoder, value: Any) -> Node:
    return ["maskedvalue"]


def decode_mask(builder: Builder, node: Node) -> Any:
    builder.arity(node, 1)
    return np.ma.masked


HANDLERS = [
    Handler("matrix", ("numpy.matrix", "numpy.matrixlib.defmatrix.matrix"), encode_subclass, decode_subclass),
    Handler("recarray", ("numpy.recarray", "numpy.rec.recarray"), encode_subclass, decode_subclass),
    Handler("masked", ("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"), encode_masked, decode_masked),
    Handler("maskedvalue", ("numpy.ma.MaskedConstant", "numpy.ma.core.MaskedConstant"), encode_mask, decode_mask),
]
