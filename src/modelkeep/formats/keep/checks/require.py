"""What a check asks of an attribute, so that each check reads like a specification.

A check gets ``vars(obj)`` and the name of an attribute; the name becomes the place in the error.
"""

from __future__ import annotations

import functools
from array import array as array_of
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from modelkeep.errors import CheckError, quote

Array = NDArray[Any]
State = dict[str, Any]
Check = Callable[[Any], None]

#: The most that compiled code which counts in four bytes can count.
INT32 = 2**31 - 1
FLOATS = "f4 f8"


def fail(path: str, message: str, hint: str = "") -> NoReturn:
    raise CheckError(message, path=path, hint=hint)


def require(condition: object, path: str, message: str) -> None:
    if not condition:
        raise CheckError(message, path=path)


def full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def is_a(obj: object, *names: str) -> bool:
    """Whether a class of ``obj`` has one of these full names; nothing is imported to find out."""
    cls: type = type(obj)
    return not ancestors(cls).isdisjoint(names)


@functools.cache
def ancestors(cls: type) -> frozenset[str]:
    """The full names of a class and of what it inherits from."""
    return frozenset(map(full_name, cls.__mro__))


def integer(state: State, name: str, low: int = 0, high: int = INT32) -> int:
    """The whole number in an attribute, of Python or numpy."""
    found: Any = state.get(name)
    if type(found) is not int:
        require(isinstance(found, np.integer), name, f"{quote(repr(found))} is not a whole number")
    value = int(found)
    if not low <= value <= high:
        fail(name, f"{value} is not from {low} to {high}")
    return value


def number(state: State, name: str, low: float = -np.inf, high: float = np.inf) -> float:
    """The finite number in an attribute."""
    value = state.get(name)
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        fail(name, f"{quote(repr(value))} is not a number")
    if not (low <= value <= high and np.isfinite(float(value))):
        fail(name, f"{value} is not a finite number from {low} to {high}")
    return float(value)


def features(state: State) -> int:
    """The number of columns that scikit-learn holds a user's rows against; without it, it takes rows of any width."""
    if "n_features_in_" not in state:
        fail("n_features_in_", "the number of features is not there, so rows of any width would be taken")
    return integer(state, "n_features_in_")


def array(state: State, name: str, dtypes: str, shape: tuple[int | None, ...]) -> Array:
    """The array in an attribute: of one of ``dtypes`` ("f4 f8"), of ``shape``, where None is any length."""
    return an_array(state.get(name), name, dtypes, shape)


def an_array(value: Any, path: str, dtypes: str, shape: tuple[int | None, ...]) -> Array:
    if not isinstance(value, np.ndarray):
        fail(path, f"{quote(repr(type(value).__name__))} is not an array")
    if dtypes and value.dtype.str[1:] not in dtypes and value.dtype.kind not in dtypes.split():
        fail(path, f"an array of {value.dtype}, not of {' or '.join(dtypes.split())}")
    if value.ndim != len(shape) or any(a != b for a, b in zip(value.shape, shape, strict=True) if b is not None):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        fail(path, f"an array of shape {value.shape}, not ({wanted})")
    return value


def indices(values: Array, bound: int, path: str) -> None:
    """Every value is a position among ``bound``: one linear pass."""
    if values.size:
        low, high = int(values.min()), int(values.max())
        if low < 0 or high >= bound:
            fail(path, f"the index {low if low < 0 else high} is outside of 0 to {bound - 1}")


def sequence(state: State, name: str, length: int | None = None) -> list[Any]:
    """The list or tuple in an attribute."""
    value = state.get(name)
    if type(value) is not list and type(value) is not tuple:
        fail(name, f"{quote(repr(type(value).__name__))} is not a list")
    if length is not None and len(value) != length:
        fail(name, f"{len(value)} entries, not {length}")
    return value  # type: ignore[return-value]


def permutation(values: Iterable[Any], length: int, path: str) -> None:
    """Each of 0 to ``length - 1`` occurs once. Compiled code fills a row of a matrix by these positions."""
    try:
        found = np.frombuffer(array_of("q", values), np.int64) if length else np.zeros(0, np.int64)
    except (TypeError, OverflowError):
        fail(path, "a position that is not a whole number")
    indices(found, length, path)
    seen = np.zeros(length, bool)
    seen[found] = True
    if len(found) != length or not seen.all():
        fail(path, f"the {length} positions are not all different")


def sparse_or_array(value: Any, path: str, dtypes: str, shape: tuple[int | None, int | None]) -> tuple[int, int]:
    """The shape of a dense or sparse matrix (a sparse one has been checked when it was finished)."""
    if is_a(value, "scipy.sparse._base._spbase"):
        found = vars(value).get("_shape")
        dtype = getattr(vars(value).get("data"), "dtype", None)
        require(dtype is not None and (dtype.str[1:] in dtypes or dtype.kind in dtypes.split()), path, "another dtype")
    else:
        found = an_array(value, path, dtypes, (None, None)).shape
    if len(found) != 2 or any(a != b for a, b in zip(found, shape, strict=True) if b is not None):
        fail(path, f"a matrix of shape {found}, not {shape}")
    return found  # type: ignore[no-any-return]
