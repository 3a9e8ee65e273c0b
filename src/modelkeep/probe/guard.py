"""Keeps a model as it was while its output methods run, and makes them answer the same way everywhere."""

from __future__ import annotations

import contextlib
import ctypes
import random
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

#: Packages whose output methods draw random numbers only from numpy's states, which are watched here.
KNOWN = frozenset({"builtins", "numpy", "scipy", "sklearn", "pandas", "xgboost", "lightgbm", "catboost"})
#: A long container whose first, middle and last member are plain values is not searched for objects.
SEARCHED = 1000

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)
#: The settings that change answers, at the values that a fresh process has.
_SETTINGS = {"assume_finite": False, "transform_output": "default", "working_memory": 1024}
# Warning filters, thread limits and numpy's global random state belong to the process: one probe at a time.
_LOCK = threading.RLock()
_controllers: dict[frozenset[str], Any] = {}


class _Random:
    """One random state, as it was."""

    def __init__(self, rng: Any) -> None:
        self.rng = rng
        self.state = rng.get_state() if hasattr(rng, "get_state") else rng.bit_generator.state
        waiting = isinstance(self.state, tuple) and self.state[3]
        self.words = b"" if waiting else _words(rng)

    def moved(self) -> bool:
        if self.words:
            return _words(self.rng) != self.words
        return not _equal(_Random(self.rng).state, self.state)

    def restore(self) -> None:
        if not self.moved():
            return
        if hasattr(self.rng, "set_state"):
            self.rng.set_state(self.state)
        else:
            self.rng.bit_generator.state = self.state


def _words(rng: Any) -> bytes:
    """The words of a Mersenne Twister, or nothing for other generators.

    ``get_state`` takes as long as the prediction of a small model. These bytes don't tell whether half of a pair of
    normal numbers is waiting, so they are only compared when none was.
    """
    generator = np.random.get_bit_generator() if rng is np.random else getattr(rng, "_bit_generator", None)
    if type(generator) is not np.random.MT19937:
        return b""
    return ctypes.string_at(generator.ctypes.state_address, 4 * 624 + 4)


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return all(_equal(first[key], second[key]) for key in first)
    if isinstance(first, tuple) and isinstance(second, tuple):
        return all(_equal(a, b) for a, b in zip(first, second, strict=True))
    return bool(np.array_equal(first, second))


class Still:
    """A photograph of a model: its attributes and random states, to be put back.

    Attributes are compared by identity and put back one by one, so that a thread that uses the model at the same
    time never sees it empty.
    """

    def __init__(self, model: object) -> None:
        self.attributes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.states: list[_Random] = [_Random(np.random)]
        self.foreign = False
        self._seen: set[int] = set()
        self._search(model)
        self._random = random.getstate() if self.foreign else None

    def moved(self) -> bool:
        """Whether a random state has moved since the photograph: an answer may have drawn from it."""
        if self._random is not None and random.getstate() != self._random:
            return True
        return any(state.moved() for state in self.states)

    def restore(self) -> None:
        for live, kept in self.attributes:
            for key in [key for key in live if key not in kept]:
                del live[key]
            for key, value in kept.items():
                if live.get(key, self) is not value:
                    live[key] = value
        for state in self.states:
            state.restore()
        if self._random is not None:
            random.setstate(self._random)

    def _search(self, value: Any) -> None:
        stack = [value]
        while stack:
            value = stack.pop()
            if isinstance(value, _PLAIN) or id(value) in self._seen:
                continue
            self._seen.add(id(value))
            if isinstance(value, np.ndarray):
                stack.extend(value.ravel().tolist() if value.dtype.kind == "O" and value.size <= SEARCHED else ())
            elif isinstance(value, dict):
                if type(value) is dict and len(value) <= SEARCHED:  # parameters that a method may add to
                    self.attributes.append((value, dict(value)))
                stack.extend(_members(list(value.values()) if len(value) <= SEARCHED else value.values()))
            elif isinstance(value, list | tuple | set | frozenset):
                stack.extend(_members(value))
            elif isinstance(value, np.random.RandomState | np.random.Generator):
                self.states.append(_Random(value))
            elif isinstance(value, type):
                continue
            else:
                self._object(value, stack)

    def _object(self, value: Any, stack: list[Any]) -> None:
        code = value if isinstance(value, types.FunctionType) else type(value)
        if (code.__module__ or "").partition(".")[0] not in KNOWN:
            self.foreign = True
        state = getattr(value, "__dict__", None)
        if isinstance(state, dict) and not isinstance(value, types.FunctionType | types.ModuleType):
            self.attributes.append((state, dict(state)))
            stack.extend(state.values())


def _members(values: Any) -> Any:
    count = len(values)
    if count > SEARCHED:
        items = values if isinstance(values, list | tuple) else list(values)
        if all(isinstance(items[i], _PLAIN) for i in (0, count // 2, count - 1)):
            return ()
        return items
    return values


@contextlib.contextmanager
def still(model: object) -> Iterator[Still]:
    """Everything inside runs on one thread, without warnings, with the settings of a fresh process.

    One thread, because a forest adds its trees' votes in the order in which threads finish, and a matrix product
    over several threads sums in another order: the last bit would depend on the number of cores.
    """
    with _LOCK, warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        for context in _surroundings():
            stack.enter_context(context)
        picture = Still(model)
        try:
            yield picture
        finally:
            picture.restore()


def _surroundings() -> Iterator[Any]:
    joblib = sys.modules.get("joblib")
    if joblib is not None:
        yield joblib.parallel_config(backend="sequential")
    sklearn = sys.modules.get("sklearn")
    if sklearn is not None:
        current = sklearn.get_config()
        if any(current.get(key, value) != value for key, value in _SETTINGS.items()):
            yield sklearn.config_context(**_SETTINGS)
    yield _one_thread()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    # threadpoolctl's own limit() also describes each library, which takes longer than a small model's answer.
    before = [(pool, pool.get_num_threads()) for pool in _pools()]
    try:
        for pool, threads in before:
            if threads != 1:
                pool.set_num_threads(1)
        yield
    finally:
        for pool, threads in before:
            if threads not in (None, 1):
                pool.set_num_threads(threads)


def _pools() -> Any:
    """The thread pools of the loaded libraries, looked for again when another of those that bring one appears."""
    threadpoolctl = sys.modules.get("threadpoolctl")
    if threadpoolctl is None:
        return ()
    loaded = frozenset(sys.modules.keys() & {"sklearn", "scipy.linalg", "xgboost", "lightgbm", "catboost", "torch"})
    if loaded not in _controllers:
        _controllers[loaded] = threadpoolctl.ThreadpoolController().lib_controllers
    return _controllers[loaded]
