"""Kinds of arguments: what a value from a file may be. Each is a function that raises ``CheckError``, or returns.

A table names a kind by a text: ``count``, ``count?`` (or None), ``int:0:9`` (with a range), ``enum:valid|same``.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from modelkeep.errors import CheckError, quote

#: Sizes of axes: weights are held against the arrays in the file, and this is for what has no weights.
MOST = 1 << 31
MAX_TEXT = 1000
MAX_DEPTH = 40
MAX_DIMENSIONS = 32
_MANY_WORDS = 1000
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_WORD = re.compile(r"[A-Za-z0-9_/. -]{1,200}")
DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 string complex64 "
    "complex128".split()
)
POLICIES = DTYPES | {"mixed_float16", "mixed_bfloat16"}
_HINT = "get the file again from where it came from; no Keras writes this"

Kind = Callable[[Any, str], None]


def refuse(place: str, why: str, hint: str = _HINT) -> NoReturn:
    raise CheckError(why, path=place, hint=hint)


def require(condition: object, place: str, value: Any, wanted: str) -> None:
    if not condition:
        refuse(place, f"{quote(repr(value), 80)} is not {wanted}")


def is_int(value: Any) -> bool:
    return type(value) is int


def is_number(value: Any) -> bool:
    """A number of JSON, or one that JSON lacks: ``{"float": "inf"}``."""
    if type(value) is dict:
        return value in ({"float": "inf"}, {"float": "-inf"}, {"float": "nan"})
    return (is_int(value) and abs(value) < 1 << 63) or (type(value) is float and math.isfinite(value))


def whole(value: Any, place: str, low: int = -MOST, high: int = MOST) -> None:
    require(is_int(value) and low <= value <= high, place, value, f"a whole number from {low} to {high}")


def number(value: Any, place: str, low: float = -math.inf, high: float = math.inf) -> None:
    require(is_number(value), place, value, "a number")
    if type(value) is not dict:
        require(low <= value <= high, place, value, f"from {low} to {high}")


def boolean(value: Any, place: str) -> None:
    require(type(value) is bool, place, value, "true or false")


def text(value: Any, place: str) -> None:
    require(type(value) is str and len(value) <= MAX_TEXT, place, value, "a short text")


def base64(value: Any, place: str) -> None:
    require(type(value) is str and _BASE64.fullmatch(value), place, value, "bytes as a text")


def name(value: Any, place: str) -> None:
    """The name of a layer: one step of a path."""
    text(value, place)
    require(value and "/" not in value and value.isprintable(), place, value, "a name")


def words(value: Any, place: str) -> None:
    """Words that Keras looks for in the names of variables: nothing that is more than itself to its search."""
    good = type(value) is list and len(value) <= _MANY_WORDS
    require(
        good and all(type(each) is str and _WORD.fullmatch(each) for each in value), place, value, "a list of words"
    )


def sizes(value: Any, place: str, low: int = 1, high: int = 1 << 16) -> None:
    """One whole number, or a few."""
    many = value if type(value) is list else [value]
    require(0 < len(many) <= MAX_DIMENSIONS, place, value, "one number, or a few")
    for each in many:
        whole(each, place, low, high)


def nested(value: Any, place: str) -> None:
    """Paddings: a number, or a list of numbers or pairs."""
    for each in value if type(value) is list else [value]:
        sizes(each, place, 0)


def numbers(value: Any, place: str) -> None:
    """A number, or lists of numbers."""
    _leaves(value, place, 0, lambda each: require(is_number(each), place, each, "a number"))


def _leaves(value: Any, place: str, depth: int, check: Callable[[Any], None]) -> None:
    if type(value) is not list:
        check(value)
        return
    require(depth < MAX_DIMENSIONS, place, "a list", "nested so deep")
    if all(type(each) is float and math.isfinite(each) for each in value):
        return
    for each in value:
        _leaves(each, place, depth + 1, check)


def shape(value: Any, place: str) -> None:
    """A shape, with None for an axis of any length."""
    require(type(value) is list and len(value) <= MAX_DIMENSIONS, place, value, "a shape")
    for each in value:
        if each is not None:
            whole(each, place, -1)


def shapes(value: Any, place: str) -> None:
    """A shape, or a list or dict of shapes: what a layer was built with."""
    plain(value, place)


def dtype(value: Any, place: str) -> None:
    require(type(value) is str and value in DTYPES, place, value, "a dtype")


def vocabulary(value: Any, place: str) -> None:
    """Tokens as data. A text would be a path or an address, and is refused."""
    if type(value) is not list:
        hint = "save the model again with its vocabulary: the file names it by a path"
        refuse(place, f"a vocabulary is a list of tokens, not {quote(repr(value), 80)}", hint)
    kinds = set(map(type, value))
    require(kinds <= {str} or kinds <= {int}, place, "a vocabulary", "all texts or all whole numbers")


def token(value: Any, place: str) -> None:
    require(type(value) in (str, int), place, value, "a text or a whole number")


def plain(value: Any, place: str, depth: int = 0) -> None:
    """Data: numbers, texts, lists, and marked values without classes."""
    require(depth < MAX_DEPTH, place, "a value", "nested so deep")
    if type(value) is list:
        for each in value:
            plain(each, place, depth + 1)
    elif type(value) is dict:
        _marked(value, place, depth)
    else:
        require(value is None or type(value) in (str, bool) or is_number(value), place, value, "plain data")


def _marked(value: dict[str, Any], place: str, depth: int) -> None:
    """One of the marked values: what JSON has no form for."""
    require(len(value) == 1, place, value, "plain data")
    [(mark, inside)] = value.items()
    if mark == "dict":
        require(type(inside) is dict, place, inside, "a dictionary")
        plain(list(inside.values()), place, depth + 1)
    elif mark == "slice":
        require(type(inside) is list and len(inside) == 3, place, inside, "a slice")
        plain(inside, place, depth + 1)
    elif mark == "array":
        array(inside, place)
    elif mark == "bytes":
        require(type(inside) is str, place, inside, "a text")
    else:
        require(mark in ("float", "ellipsis") and (is_number(value) or value == {"ellipsis": True}), place, value, mark)


def array(value: Any, place: str) -> None:
    """``[dtype, shape, values]``."""
    require(type(value) is list and len(value) == 3, place, value, "an array")
    dtype(value[0], place)
    shape(value[1], place)
    require(type(value[2]) is list and None not in value[1], place, value[1], "the shape of an array")
    require(math.prod(value[1]) == len(value[2]) and min(value[1], default=0) >= 0, place, value[1], "its shape")
    if set(map(type, value[2])) - {str, bool}:
        numbers(value[2], place)


def enum(*allowed: str) -> Kind:
    def check(value: Any, place: str) -> None:
        require(type(value) is str and value in allowed, place, value, f"one of {', '.join(allowed)}")

    return check


_NAMED: dict[str, Kind] = {
    "bool": boolean, "text": text, "name": name, "words": words, "sizes": sizes, "nested": nested, "numbers": numbers,
    "shape": shape, "dtype": dtype, "vocabulary": vocabulary, "token": token, "plain": plain, "shapes": shapes,
    "count": functools.partial(whole, low=1), "rate": functools.partial(number, low=0.0, high=1.0),
    "axis": functools.partial(sizes, low=-MAX_DIMENSIONS, high=MAX_DIMENSIONS),
    "base64": base64, "sizes0": functools.partial(sizes, low=0), "dims": functools.partial(sizes, low=-1, high=MOST),
}  # fmt: skip


@functools.cache
def kind(described: str) -> Kind:
    """The kind that a text of a table describes."""
    stem, _, rest = described.removesuffix("?").partition(":")
    if stem == "enum":
        check = enum(*rest.split("|"))
    elif stem == "int":
        low, high = rest.split(":") if rest else (-MOST, MOST)
        check = functools.partial(whole, low=int(low), high=int(high))
    elif stem == "float":
        least, most = rest.split(":") if rest else ("-inf", "inf")
        check = functools.partial(number, low=float(least), high=float(most))
    else:
        check = _NAMED[stem]
    if not described.endswith("?"):
        return check
    return lambda value, place: None if value is None else check(value, place)
