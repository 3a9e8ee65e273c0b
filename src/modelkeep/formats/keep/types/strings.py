"""numpy's text of variable width: its dtype, and arrays of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError
from modelkeep.formats.keep.handlers import Node

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder


def encode_strings(encoder: Encoder, array: np.ndarray) -> Node:
    """Text of variable width. What stands for a missing one is part of the dtype."""
    options: dict[str, Any] = {} if array.dtype.coerce else {"coerce": False}  # type: ignore[attr-defined]
    items = array.ravel().tolist()
    if hasattr(array.dtype, "na_object"):
        missing = array.dtype.na_object
        options["missing"] = encoder.node(missing)
        items = [None if item is missing else item for item in items]
    return ["strings", list(array.shape), items, options]


def decode_strings(builder: Builder, node: Node) -> np.ndarray:
    builder.arity(node, 4)
    shape, items, options = builder.sizes(node[1]), builder.a_list(node[2]), builder.a_dict(node[3])
    if math.prod(shape) != len(items) or not set(map(type, items)) <= {str, type(None)}:
        raise GraphError("a text array needs as many texts as its shape says")
    dtype = string_dtype(builder, options)
    if None in items:
        if "missing" not in options:
            raise GraphError("a text array lacks a text")
        items = [dtype.na_object if item is None else item for item in items]
    return np.array(items, dtype=dtype).reshape(shape)


def string_dtype(builder: Builder, options: dict[str, Any]) -> Any:
    if not options.keys() <= {"coerce", "missing"} or options.get("coerce") not in (None, False):
        raise GraphError("a text dtype has options that the format lacks")
    keywords: dict[str, Any] = {"coerce": "coerce" not in options}
    if "missing" in options:
        keywords["na_object"] = missing = builder.build(options["missing"])
        if not (missing is None or type(missing) in (str, float) or type(missing).__name__ == "NAType"):
            raise GraphError("a text dtype has an unusable stand-in for what is missing")
    return np.dtypes.StringDType(**keywords)
