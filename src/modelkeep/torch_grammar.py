"""Small checks of JSON from strangers, and larger ones made of them: each gives a copy of what it understood."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable
from typing import Any

from modelkeep.errors import GraphError, quote

Check = Callable[[Any], Any]
HINT = "save the program again with torch.export.save, or the module as a .keep file"
_MAX_PARTS = 1_000_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,499}")
_DOTTED = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
#: Sizes are arithmetic on symbols; no text in it may name anything else, for PyTorch evaluates it.
_FUNCTIONS = frozenset(
    "Add CeilToInt CleanDiv FloorDiv FloorToInt Integer IntTrueDiv Max Min Mod Mul PythonMod".split()
)
_SYMBOL = re.compile(r"[su]\d{1,6}")
_FACTS = frozenset(("integer", "negative", "nonnegative", "positive"))


def refused(message: str) -> GraphError:
    return GraphError(message, hint=HINT)


# -- plain values --------------------------------------------------------------------------------------------------


def of_kind(*kinds: type) -> Check:
    def run(value: Any) -> Any:
        if type(value) not in kinds:
            raise refused(f"{quote(repr(value), 60)} is not of the kind that is needed here")
        return value

    return run


flag, _integer_of = of_kind(bool), of_kind(int)


def integer(value: Any) -> int:
    number: int = _integer_of(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise refused("a number is too large")
    return number


def fraction(value: Any) -> Any:
    if type(value) is str and value in ("Infinity", "-Infinity", "NaN"):
        return value
    return of_kind(float, int)(value)


def text(value: Any) -> str:
    if type(value) is not str or len(value) > 500 or not value.isprintable():
        raise refused(f"{quote(repr(value), 60)} is not a short text")
    return value


def a_name(value: Any) -> str:
    """A name that may stand in Python source."""
    if type(value) is not str or not _NAME.fullmatch(value) or keyword.iskeyword(value):
        raise refused(f"{quote(repr(value), 60)} is not a name")
    return value


def dotted(value: Any) -> str:
    if type(value) is not str or len(value) > 1000 or not _DOTTED.fullmatch(value):
        raise refused(f"{quote(repr(value), 60)} is not the name of a tensor")
    return value


def expression(value: Any) -> str:
    """Arithmetic on sizes, as sympy writes it: no power, so that a short text can't ask for a long number."""
    try:
        tree = ast.parse(text(value), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if tree is None or not _is_size(tree):
        raise refused(f"{quote(value)} is not an expression of sizes")
    return str(value)


def _is_size(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int and abs(node.value) < 1 << 63
    if isinstance(node, ast.Name):
        return _SYMBOL.fullmatch(node.id) is not None
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _is_size(node.operand)
    if isinstance(node, ast.BinOp):
        known = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv | ast.Mod)
        return known and _is_size(node.left) and _is_size(node.right)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    if node.func.id == "Symbol":
        return _is_symbol(node)
    return node.func.id in _FUNCTIONS and not node.keywords and all(map(_is_size, node.args))


def _is_symbol(node: ast.Call) -> bool:
    """``Symbol('s77', positive=True, integer=True)``"""
    names = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
    facts = [each.arg in _FACTS and isinstance(each.value, ast.Constant) and type(each.value.value) is bool
             for each in node.keywords]  # fmt: skip
    return len(names) == 1 and type(names[0]) is str and _SYMBOL.fullmatch(names[0]) is not None and all(facts)


# -- structures ----------------------------------------------------------------------------------------------------


def record(**fields: Check) -> Check:
    """A dictionary with these fields; unknown ones are refused, missing ones are for the check of None to judge."""

    def run(value: Any) -> dict[str, Any]:
        if type(value) is not dict or not value.keys() <= fields.keys():
            raise refused(f"{quote(repr(value), 80)} has other fields than {', '.join(fields)}")
        return {name: check(value.get(name)) for name, check in fields.items()}

    return run


def union(**kinds: Check) -> Check:
    def run(value: Any) -> dict[str, Any]:
        if type(value) is not dict or len(value) != 1 or next(iter(value)) not in kinds:
            raise refused(f"{quote(repr(value), 80)} is none of {', '.join(kinds)}")
        kind, inner = next(iter(value.items()))
        return {kind: kinds[kind](inner)}

    return run


def many(check: Check) -> Check:
    def run(value: Any) -> list[Any]:
        if type(value) is not list or len(value) > _MAX_PARTS:
            raise refused("a list is needed")
        return [check(each) for each in value]

    return run


def mapping(key: Check, check: Check) -> Check:
    def run(value: Any) -> dict[str, Any]:
        if type(value) is not dict or len(value) > _MAX_PARTS:
            raise refused("a dictionary is needed")
        return {key(name): check(each) for name, each in value.items()}

    return run


def maybe(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def always(fixed: Any) -> Check:
    """Whatever the file says there is not needed."""
    return lambda value: fixed


def one_of(*values: Any) -> Check:
    def run(value: Any) -> Any:
        if not any(value is each or (type(value) is type(each) and value == each) for each in values):
            raise refused(f"{quote(repr(value), 60)} is none of {', '.join(map(str, values))}")
        return value

    return run
