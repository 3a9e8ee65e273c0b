"""What a node's attributes hold, counted and taken the same way by all checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from modelkeep.errors import CheckError, quote
from modelkeep.onnx_checks.model import Attribute, Node
from modelkeep.onnx_checks.wire import HINT

Attributes = Mapping[str, Attribute]
#: Columns of an answer, words of a vocabulary, classes: what an index of a file may lead to.
MAX_WIDTH = 1 << 24


def refuse(node: Node, why: str) -> NoReturn:
    raise CheckError(f"the node {quote(node.name or '')} ({node.op_type}): {why}", hint=HINT)


def ints(attributes: Attributes, name: str) -> Any:
    found = attributes.get(name)
    return found.ints if found is not None else np.zeros(0, np.int64)


def floats(attributes: Attributes, name: str) -> Any:
    found = attributes.get(name)
    return found.floats if found is not None else np.zeros(0, np.float32)


def length(attributes: Attributes, name: str) -> int:
    """How many values an attribute has, whichever kind they are."""
    found = attributes.get(name)
    if found is None:
        return 0
    if found.t is not None:
        return int(np.prod(found.t.dims, dtype=object))
    return max(len(found.floats), len(found.ints), len(found.strings))


def number(attributes: Attributes, name: str, default: int) -> int:
    found = attributes.get(name)
    return default if found is None or found.i is None else found.i


def classes(attributes: Attributes) -> int:
    return max(length(attributes, name) for name in ("classlabels_ints", "classlabels_int64s", "classlabels_strings"))
