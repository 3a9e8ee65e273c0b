"""Objects, classes and functions: by name from the loader's tables, or by the reader's own trust."""

from __future__ import annotations

import enum
import functools
import keyword
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, LoadError, quote, said
from modelkeep.formats.keep import code, names
from modelkeep.formats.keep.checks import check_of, checks_for
from modelkeep.formats.keep.checks.common import check_memory
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable

if TYPE_CHECKING:
    from modelkeep.formats.keep.checks.require import Check
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder
    from modelkeep.policy import Policy

#: Attributes that are not kept, by the class that defines them: caches that no other process could use.
DROPPED: dict[str, frozenset[str]] = {
    "sklearn.feature_extraction.text._VectorizerMixin": frozenset({"_stop_words_id"}),  # an id() of this process
    "sklearn.cluster._kmeans._BaseKMeans": frozenset({"_n_threads"}),  # of this machine; made anew on loading
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.BaseHistGradientBoosting": frozenset({"_raw_predict"}),
    "sklearn.isotonic.IsotonicRegression": frozenset({"f_"}),  # follows from the thresholds
    "sklearn.cluster._birch._CFNode": frozenset({"prev_leaf_", "next_leaf_"}),  # linked anew, see encode_birch
}
#: Parameters that would write files, kept as None: a cache folder is a fact of the machine that trained the model.
CLEARED: dict[str, frozenset[str]] = {
    name: frozenset({"memory"})
    for name in (
        "sklearn.pipeline.Pipeline",
        "sklearn.cluster._optics.OPTICS",
        "sklearn.cluster._agglomerative.AgglomerativeClustering",
    )
}
_MAX_KEY = 256
_MAX_KNOWN = 10_000


def full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def is_standard(cls: type) -> bool:
    """Whether a class comes with Python itself."""
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names and cls.__module__ != "__main__"


@functools.cache
def is_a_module(cls: type) -> bool:
    """Whether it is a class of PyTorch modules, which torch_modules.py keeps."""
    return any(full_name(base) == "torch.nn.modules.module.Module" for base in cls.__mro__)


def kept(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an object of ``cls`` that are kept, and as what."""
    drop, clear = _left_out(cls)
    if drop:
        state = {key: value for key, value in state.items() if key not in drop}
    if clear and (found := clear & state.keys()):
        state = state | dict.fromkeys(found)
    return state


@functools.cache
def _left_out(cls: type) -> tuple[frozenset[str], frozenset[str]]:
    """The attributes of a class that are not kept, and those that are kept as None."""
    names = [full_name(base) for base in cls.__mro__]
    none: frozenset[str] = frozenset()
    return none.union(*(DROPPED.get(n, none) for n in names)), none.union(*(CLEARED.get(n, none) for n in names))


def encode_object(encoder: Encoder, obj: Any) -> Node:
    cls: Any = type(obj)
    node: Node = ["object", type_number(encoder, cls), encoder.state(kept(cls, vars(obj)))]
    if checks := checks_for(cls):
        _refuse_unreadable(encoder, obj, checks)
    return node


def _refuse_unreadable(encoder: Encoder, obj: Any, checks: tuple[Check, ...]) -> None:
    """What every load would refuse is better refused now, while whoever trained it can do something about it."""
    try:
        for check in checks:
            if check is not check_memory:  # the folder is left out
                check(obj)
    except LoadError as error:
        encoder.problem(f"no load would take it: {error}", error.hint or _CHECK_HINT)
    except Exception as error:
        encoder.problem(
            f"no load would take it, a {type(obj).__name__} that is not well-formed: {said(error)}", _CHECK_HINT
        )


_CHECK_HINT = "compiled code could crash on it: mend that and fit again"


def type_number(encoder: Encoder, cls: type) -> int:
    number = encoder.type_numbers.get(cls)
    if number is None:
        encoder.sources.add(code.private_root(cls))
        number = encoder.type_numbers[cls] = encoder.type_index(_class_name(cls))
    return number


@functools.cache
def _class_name(cls: type) -> str:
    return names.of_class(cls)


def decode_object(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    cls: Any = builder.an_object_type(node[1])
    obj = cls.__new__(cls)
    builder.register(obj)
    known, restore, check = _facts(cls)
    state = builder.a_dict(node[2])
    if not state.keys() <= known:
        check_keys(cls, state, known)
    object.__setattr__(obj, "__dict__", builder.fill_state(state))  # a frozen dataclass lets nobody else
    if restore is not None:
        restore(builder, obj)
    if check is not None:
        builder.later(check, obj)
    return obj


@functools.cache
def _facts(cls: type) -> tuple[set[str], Callable[[Builder, Any], None] | None, Callable[[Any, Policy], None] | None]:
    """What restoring an object of ``cls`` needs: the keys found usable so far, what to do then, and its check."""
    if is_a_module(cls):
        raise GraphError(f"a {cls.__name__} is kept as a module, not as a plain object")
    restore = next((_RESTORE[name] for base in cls.__mro__ if (name := full_name(base)) in _RESTORE), None)
    return set(), restore, check_of(cls)


def check_keys(cls: type, state: dict[str, Any], known: set[str]) -> None:
    """An attribute from a file must not replace what the class does."""
    for key in state.keys() - known:
        if not key.isidentifier() or keyword.iskeyword(key) or key.startswith("__") or len(key) > _MAX_KEY:
            raise GraphError(f"{quote(key)} is not the name of an attribute")
        found = next((vars(base)[key] for base in cls.__mro__ if key in vars(base)), None)
        if callable(found) or hasattr(found, "__get__"):
            raise GraphError(f"the attribute {quote(key)} would replace a method of {cls.__name__}")
        if len(known) < _MAX_KNOWN:  # a hostile file must not fill this process with its keys
            known.add(key)


# -- what some classes need after their attributes are set ---------------------------------------------------------


def _restore_threads(builder: Builder, obj: Any) -> None:
    if "cluster_centers_" in vars(obj):
        obj._n_threads = _threads()


def _threads() -> int:
    """As many as OpenMP may use. scikit-learn's own count starts a process (``lscpu``), which no load is to do."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) else cores


def _restore_isotonic(builder: Builder, obj: Any) -> None:
    def build(obj: Any, policy: Any) -> None:
        if hasattr(obj, "X_thresholds_") and hasattr(obj, "y_thresholds_"):
            obj._build_f(obj.X_thresholds_, obj.y_thresholds_)

    builder.checks.append((build, obj))


def _restore_leaf(builder: Builder, obj: Any) -> None:
    obj.prev_leaf_ = obj.next_leaf_ = None


_RESTORE = {
    "sklearn.cluster._birch._CFNode": _restore_leaf,
    "sklearn.cluster._kmeans._BaseKMeans": _restore_threads,
    "sklearn.isotonic.IsotonicRegression": _restore_isotonic,
}


# -- classes, functions, enums, named tuples -----------------------------------------------------------------------


def encode_class(encoder: Encoder, cls: type) -> Node:
    return ["class", type_number(encoder, cls)]


def decode_class(builder: Builder, node: Node) -> type:
    builder.arity(node, 2)
    return builder.a_type(node[1])


def encode_function(encoder: Encoder, function: Any) -> Node:
    encoder.sources.add(code.private_root(function))
    return ["function", encoder.function_index(names.of_function(function))]


def decode_function(builder: Builder, node: Node) -> Any:
    builder.arity(node, 2)
    return builder.a_function(node[1])


def encode_partial(encoder: Encoder, value: Any) -> Node:
    return ["partial", encoder.at(".func", value.func), encoder.items(list(value.args)), encoder.state(value.keywords)]


def decode_partial(builder: Builder, node: Node) -> Any:
    """Only of a listed or trusted function, and only with plain values: a partial runs when the model is used."""
    builder.arity(node, 4)
    function = builder.build(node[1])
    args, keywords = builder.fill(builder.a_list(node[2])), builder.fill_state(builder.a_dict(node[3]))
    if not any(function is known for known in builder.functions):
        raise GraphError("a partial is not of a function of the table")
    if any(callable(value) and not isinstance(value, type) for value in (*args, *keywords.values())):
        raise GraphError("a partial is given a function")
    return functools.partial(function, *args, **keywords)


def encode_enum(encoder: Encoder, value: enum.Enum) -> Node:
    if value.name not in type(value).__members__:
        raise Unsaveable("a combination of flags has no name of its own", "keep its value, or its members")
    return ["enum", type_number(encoder, type(value)), value.name]


def decode_enum(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    cls = builder.a_type(node[1])
    if not issubclass(cls, enum.Enum) or node[2] not in cls.__members__:
        raise GraphError(f"{quote(repr(node[2]))} is not a member of an enum")
    return cls[node[2]]


def encode_named_tuple(encoder: Encoder, value: Any) -> Node:
    return ["namedtuple", type_number(encoder, type(value)), encoder.items(list(value))]


def decode_named_tuple(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    cls, items = builder.a_type(node[1]), builder.fill(builder.a_list(node[2]))
    fields = getattr(cls, "_fields", None)
    if not issubclass(cls, tuple) or not isinstance(fields, tuple) or len(fields) != len(items):
        raise GraphError("a named tuple does not fit its class")
    return tuple.__new__(cls, items)


HANDLERS = [
    Handler("object", (), encode_object, decode_object, cyclic=True),
    Handler("class", ("builtins.type",), encode_class, decode_class, atom=True),
    Handler("function", ("builtins.function", "numpy.ufunc"), encode_function, decode_function, atom=True),
    Handler("partial", ("functools.partial",), encode_partial, decode_partial),
    Handler("enum", ("enum.Enum",), encode_enum, decode_enum, atom=True),
    Handler("namedtuple", (), encode_named_tuple, decode_named_tuple),
]
