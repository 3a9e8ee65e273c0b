"""scipy.sparse: matrices and arrays of every format, with every index checked before compiled code sees it."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import CheckError, GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.tensors import MAX_DIMENSIONS
from modelkeep.formats.keep.types import scipy_functions, scipy_stats

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

Parts = dict[str, Any]

#: The parts of each format. What scipy caches beside them (sorted? canonical?) it finds out again by itself.
PARTS = {
    "csr": ("data", "indices", "indptr"), "csc": ("data", "indices", "indptr"), "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "coords", "has_canonical_format"), "dia": ("data", "offsets"),
    "lil": ("data", "indices", "indptr"), "dok": ("data", "coords"),
}  # fmt: skip
CLASSES = frozenset(f"{kind}_{form}" for kind in PARTS for form in ("array", "matrix"))
#: Formats that may have another number of axes than two.
_AXES = {"coo_array": range(1, MAX_DIMENSIONS + 1), "csr_array": range(1, 3), "dok_array": range(1, 3)}
_MAXPRINT = 50
_INDEX_DTYPES = (np.dtype(np.int32), np.dtype(np.int64))
_HINT = "rebuild the matrix by its constructor, then save"


def encode_sparse(encoder: Encoder, matrix: Any) -> Node:
    name, shape = type(matrix).__name__, tuple(map(int, matrix.shape))
    extra = [key for key in vars(matrix) if not key.startswith("_") and key not in _KNOWN]
    if extra:
        raise Unsaveable(f"a {name} has the attribute {quote(extra[0])} beside its own", "keep it outside the matrix")
    parts = _taken_apart(matrix)
    if fault := _size_fault(name, shape) or _form_fault(name, shape, parts) or _index_fault(name, shape, parts):
        raise Unsaveable(f"a {name} is not well-formed: {fault}", _HINT)
    _separate(parts)
    if vars(matrix).get("maxprint", _MAXPRINT) != _MAXPRINT:
        parts["maxprint"] = int(matrix.maxprint)
    return ["sparse", name, list(shape), encoder.state(parts)]


_KNOWN = {"maxprint", "dtype", "data", "indices", "indptr", "coords", "has_canonical_format", "offsets", "rows"}


def decode_sparse(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    name, shape = node[1], builder.sizes(node[2])
    if type(name) is not str or name not in CLASSES:
        raise GraphError(f"{quote(repr(name))} is not a class of scipy.sparse")
    parts = builder.fill_state(builder.a_dict(node[3]))
    if parts.keys() - {"maxprint"} != set(PARTS[name[:3]]) or type(parts.get("maxprint", 0)) is not int:
        raise GraphError(f"a {name} has other parts than {', '.join(PARTS[name[:3]])}")
    fault = _size_fault(name, shape) or _form_fault(name, shape, parts)
    if builder.check and not fault:
        fault = _index_fault(name, shape, parts)
    if fault:
        raise CheckError(f"a {name} is not well-formed: {fault}")
    return _put_together(name, shape, parts)


# -- from an object to its parts, and back -------------------------------------------------------------------------


def _taken_apart(matrix: Any) -> Parts:
    kind = matrix.format
    if kind == "lil":
        return _lists_apart(matrix)
    if kind == "dok":
        return _keys_apart(matrix)
    parts = {key: getattr(matrix, key) for key in PARTS[kind]}
    if kind == "coo":
        parts["coords"] = tuple(parts["coords"])
        parts["has_canonical_format"] = bool(parts["has_canonical_format"])
    elif kind in ("csr", "csc", "bsr") and _is_index(parts["indptr"], 1) and len(parts["indptr"]):
        _trim(matrix, parts)
    return parts


def _trim(matrix: Any, parts: Parts) -> None:
    """What lies behind the last row is kept if it could be used; memory that nobody filled is not."""
    used = int(parts["indptr"][-1])
    rest = parts["indices"][used:]
    if len(rest) and _is_index(rest, 1) and not _within(rest, _minor(matrix.format, matrix.shape, parts["data"])):
        parts["indices"], parts["data"] = parts["indices"][:used], parts["data"][:used]


def _lists_apart(matrix: Any) -> Parts:
    """The lists of all rows as one, with where each row begins."""
    rows, values = list(matrix.rows), list(matrix.data)
    lengths = [len(row) for row in rows]
    if lengths != [len(row) for row in values]:
        raise Unsaveable("a row of a lil matrix has another number of values than of columns", _HINT)
    indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    indices = np.fromiter(itertools.chain.from_iterable(rows), np.int64, sum(lengths))
    return {"data": _values(itertools.chain.from_iterable(values), matrix.dtype), "indices": indices, "indptr": indptr}


def _keys_apart(matrix: Any) -> Parts:
    keys = list(matrix._dict)
    axes = len(matrix.shape)
    coords = np.array(keys, np.int64).reshape(len(keys), axes).T
    return {"data": _values(matrix._dict.values(), matrix.dtype), "coords": np.ascontiguousarray(coords)}


def _values(values: Any, dtype: Any) -> np.ndarray:
    return np.array(list(values), dtype=dtype)


def _put_together(name: str, shape: tuple[int, ...], parts: Parts) -> Any:
    from scipy import sparse

    cls: Any = getattr(sparse, name)
    if len(shape) not in getattr(cls, "_allow_nd", (2,)):
        raise GraphError(f"the installed scipy has no {name} of {len(shape)} axes")
    made = cls.__new__(cls)
    state: Parts = {"_shape": shape, "maxprint": _MAXPRINT, **parts}
    if name[:3] == "lil":
        state |= _as_lists(state.pop("indptr"), state.pop("indices"), state["data"])
    elif name[:3] == "dok":
        coords, data = state.pop("coords"), state.pop("data")
        keys: Any = zip(*coords.tolist(), strict=True) if len(shape) == 2 else coords[0].tolist()
        state |= {"_dict": dict(zip(keys, data, strict=True)), "dtype": data.dtype}
        if len(state["_dict"]) != len(data):
            raise CheckError(f"a {name} has a key twice")
    else:
        _separate(state)
    vars(made).update(state)
    return made


def _as_lists(indptr: np.ndarray, indices: np.ndarray, data: np.ndarray) -> Parts:
    rows, values = np.empty(len(indptr) - 1, object), np.empty(len(indptr) - 1, object)
    columns, items = indices.tolist(), data.tolist()
    for i, (start, end) in enumerate(itertools.pairwise(indptr.tolist())):
        rows[i], values[i] = columns[start:end], items[start:end]
    return {"rows": rows, "data": values, "dtype": data.dtype}


def _separate(state: Parts) -> None:
    """Give indices memory of their own: work in place on the values must never change them."""
    if "coords" in state and type(state["coords"]) is tuple:
        data = state["data"]
        state["coords"] = tuple(c.copy() if np.may_share_memory(c, data) else c for c in state["coords"])
    others = [state["data"]]
    for key in ("indptr", "indices", "offsets"):
        if key in state:
            if any(np.may_share_memory(state[key], other) for other in others):
                state[key] = state[key].copy()
            others.append(state[key])


# -- what must hold ------------------------------------------------------------------------------------------------


def _size_fault(name: str, shape: tuple[int, ...]) -> str:
    if len(shape) not in _AXES.get(name, (2,)):
        return f"it can't have {len(shape)} axes"
    if any(not 0 <= n < 1 << 40 for n in shape) or math.prod(shape) >= 1 << 62:
        return "its shape is too large"
    return ""


def _form_fault(name: str, shape: tuple[int, ...], parts: Parts) -> str:
    """Kinds and lengths: quick, whatever the size."""
    kind, data = name[:3], parts["data"]
    axes = {"bsr": 3, "dia": 2}.get(kind, 1)
    if type(data) is not np.ndarray or data.ndim != axes or data.dtype.kind not in "biufc":
        return f"its data are not an array of numbers with {axes} axes"
    if kind == "coo":
        return _coordinate_form_fault(shape, parts)
    if kind == "dok":
        coords = parts["coords"]
        return "" if _is_index(coords, 2) and coords.shape == (len(shape), len(data)) else "its keys do not fit"
    if kind == "dia":
        offsets = parts["offsets"]
        return "" if _is_index(offsets, 1) and len(offsets) == len(data) else "its offsets do not fit its diagonals"
    return _compressed_form_fault(kind, shape, parts)


def _coordinate_form_fault(shape: tuple[int, ...], parts: Parts) -> str:
    coords = parts["coords"]
    if type(coords) is not tuple or len(coords) != len(shape) or type(parts["has_canonical_format"]) is not bool:
        return "it needs one array of coordinates for each axis"
    if not all(_is_index(c, 1, max(shape)) and len(c) == len(parts["data"]) for c in coords):
        return "it needs one coordinate for each value"
    return ""


def _compressed_form_fault(kind: str, shape: tuple[int, ...], parts: Parts) -> str:
    data, indices, indptr = parts["data"], parts["indices"], parts["indptr"]
    largest = max(*shape, len(data), 1)
    if not _is_index(indices, 1, max(shape)) or not _is_index(indptr, 1, largest):
        return "its indices are not of an index dtype that holds its shape"
    if len(indices) != len(data):
        return "it has another number of indices than of values"
    rows, columns = (1, *shape)[-2:]
    if kind == "bsr":
        height, width = data.shape[1:]
        if not height or not width or rows % height or columns % width:
            return "its blocks do not fit its shape"
        rows //= height
    elif kind == "csc":
        rows = columns
    if len(indptr) != rows + 1 or indptr[0] != 0:
        return "its row pointer does not fit its shape"
    if not 0 <= int(indptr[-1]) <= len(indices) or (kind == "lil" and indptr[-1] != len(indices)):
        return "its row pointer does not end with its values"
    return ""


def _minor(kind: str, shape: tuple[int, ...], data: np.ndarray) -> int:
    """What indices must be below."""
    if kind == "bsr" and data.ndim == 3 and data.shape[2]:
        return int(shape[1] // data.shape[2])
    return int(shape[0] if kind == "csc" else shape[-1])


def _index_fault(name: str, shape: tuple[int, ...], parts: Parts) -> str:
    """Every index, one by one."""
    kind = name[:3]
    if kind in ("coo", "dok"):
        ok = all(_within(c, n) for c, n in zip(parts["coords"], shape, strict=True))
        return "" if ok else "a coordinate is outside its shape"
    if kind == "dia":
        offsets = parts["offsets"]
        if len(offsets) and (offsets.min() < -shape[0] or offsets.max() > shape[1]):
            return "a diagonal is outside its shape"
        return "" if len(np.unique(offsets)) == len(offsets) else "a diagonal occurs twice"
    if np.any(parts["indptr"][1:] < parts["indptr"][:-1]):
        return "its row pointer falls"
    return "" if _within(parts["indices"], _minor(kind, shape, parts["data"])) else "an index is outside its shape"


def _is_index(array: Any, axes: int, largest: int = 0) -> bool:
    return (
        type(array) is np.ndarray
        and array.dtype in _INDEX_DTYPES
        and array.ndim == axes
        and largest <= np.iinfo(array.dtype).max
    )


def _within(indices: np.ndarray, bound: int) -> bool:
    """Whether all are from 0 to below ``bound``; as unsigned numbers, negative ones are too large."""
    return not indices.size or int(indices.view(f"u{indices.itemsize}").max()) < bound


_SPARSE = [f"scipy.sparse._{name[:3]}.{name}" for name in sorted(CLASSES)]

HANDLERS = [
    Handler("sparse", tuple(_SPARSE), encode_sparse, decode_sparse),
    *scipy_functions.HANDLERS,
    *scipy_stats.HANDLERS,
]
