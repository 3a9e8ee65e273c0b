"""Parameters that would do more than answer: open files, run long, or become code in a library that reads them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from encodings.aliases import aliases
from typing import Any

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.regex import why_slow
from modelkeep.formats.keep.checks.require import Check, State, fail, full_name, require

_NOT_TEXT = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec", "mbcs"}
_ENCODINGS = (aliases.keys() | set(aliases.values()) | {"utf_8_sig", "cp65001"}) - _NOT_TEXT
_ENCODINGS -= {name for name, codec in aliases.items() if codec in _NOT_TEXT}
_DISPATCH = re.compile(r"all|[0-9]{1,9}|(?:[0-9]{1,6}(?:\.[0-9]{1,6})? ?\* ?)?n_jobs|n_jobs ?\* ?[0-9]{1,6}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,63}")
_DOTTED = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_CONTAINERS = ("default", "pandas", "polars")
#: Parameters whose text a library looks up in its own tables.
_NAMED = ("kernel", "metric", "affinity", "weights", "algorithm", "effective_metric_", "_fit_method", "analyzer")
_NO_OPTION = ("out", "shape", "like")  # of numpy's functions: they would write elsewhere, or make any size


def _check_input(value: Any, path: str) -> None:
    if value != "content":
        fail(path, f"texts of {quote(repr(value))} would be read as the names of files", "use input='content'")


def _check_encoding(value: Any, path: str) -> None:
    name = value.lower().replace("-", "_").replace(" ", "_") if type(value) is str else ""
    require(name in _ENCODINGS, path, f"{quote(repr(value))} is not an encoding of texts")


def _check_decode_error(value: Any, path: str) -> None:
    require(value in ("strict", "ignore", "replace"), path, f"{quote(repr(value))} is not a way to go on")


def _check_dispatch(value: Any, path: str) -> None:
    good = value is None or type(value) is int or (type(value) is str and _DISPATCH.fullmatch(value))
    require(good, path, f"{quote(repr(value))} is neither a number nor a multiple of n_jobs")


def _check_getter(value: Any, path: str) -> None:
    if type(value) is str:
        require(len(value) < 256 and _DOTTED.fullmatch(value), path, f"{quote(value)} is not the name of an attribute")


def _check_name(value: Any, path: str) -> None:
    if type(value) is str:
        require(_NAME.fullmatch(value), path, f"{quote(value)} is not a name")


def _check_options(value: Any, path: str) -> None:
    require(value is None or type(value) is dict, path, "options are a dictionary")
    for key in value or ():
        require(type(key) is str and key.isidentifier(), path, f"{quote(repr(key))} is not the name of an option")
        require(key not in _NO_OPTION, path, f"the option {key} would write elsewhere, or make any size")


def _check_output(value: Any, path: str) -> None:
    require(type(value) is dict, path, "not a configuration")
    for key, container in value.items():
        require(key == "transform" and container in (*_CONTAINERS, None), path, "not a container for output")


#: By the name of an attribute, for every estimator.
_RULES: dict[str, Callable[[Any, str], None]] = {
    "pre_dispatch": _check_dispatch,
    "importance_getter": _check_getter,
    "kw_args": _check_options,
    "inv_kw_args": _check_options,
    "_sklearn_output_config": _check_output,
    **dict.fromkeys(_NAMED, _check_name),
}
_OF_TEXT: dict[str, Callable[[Any, str], None]] = {
    "input": _check_input,
    "encoding": _check_encoding,
    "decode_error": _check_decode_error,
}


def check_rules(state: State) -> None:
    for name in _RULES.keys() & state.keys():
        _RULES[name](state[name], name)


def check_text(obj: Any) -> None:
    state = vars(obj)
    for name in _OF_TEXT.keys() & state.keys():
        _OF_TEXT[name](state[name], name)


_PATTERNS = {
    "sklearn.feature_extraction.text._VectorizerMixin": "token_pattern",
    "sklearn.compose._column_transformer.make_column_selector": "pattern",
}


@functools.cache
def pattern_names(cls: type) -> tuple[str, ...]:
    """The parameters of a class that are regular expressions."""
    names = map(full_name, cls.__mro__)
    return tuple(_PATTERNS[name] for name in names if name in _PATTERNS)


def regex_params(obj: Any) -> Iterator[tuple[str, str]]:
    """The regular expressions among the parameters of ``obj``: their names and texts."""
    cls: type = type(obj)
    for name in pattern_names(cls):
        if vars(obj).get(name) is not None:
            yield name, vars(obj)[name]


def check_patterns(obj: Any, allow_regex: bool) -> None:
    for name, pattern in regex_params(obj):
        require(type(pattern) is str, name, "a pattern is a text")
        why = None if allow_regex else why_slow(pattern)
        if why is not None:
            fail(
                name,
                f"the pattern {quote(pattern)} could run for very long: {why}",
                "simplify it, or load with Policy(allow_regex=True) if you trust the file",
            )


def check_selector(obj: Any) -> None:
    pattern = vars(obj).get("pattern")
    require(pattern is None or type(pattern) is str, "pattern", "a pattern is a text")


CHECKS: dict[str, Check] = {
    "sklearn.feature_extraction.text._VectorizerMixin": check_text,
    "sklearn.compose._column_transformer.make_column_selector": check_selector,
}
