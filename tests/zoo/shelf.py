"""Where the families put their entries: a name, and how to build the model and the rows that it answers."""

from __future__ import annotations

import functools
import inspect
import os
import random
import unittest
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

Pair = tuple[Any, Any]
Builder = Callable[[], Pair]
#: Training rows, targets (or None) and the rows that the fitted model answers.
Sample = tuple[Any, Any, Any]

#: The oldest versions of the libraries are tried, which can't fit all.
OLDEST = os.environ.get("MODELKEEP_OLDEST") == "1"

ZOO: dict[str, Builder] = {}
#: Models that hold something that no table can name (a lambda, a bound method, a cache on disk).
REFUSED: dict[str, Builder] = {}


def case(name: str, shelf: dict[str, Builder] = ZOO) -> Callable[[Builder], Builder]:
    """Put a builder on the shelf under ``name``."""

    def put(builder: Builder) -> Builder:
        if name in shelf:
            raise ValueError(f"two zoo entries are named {name!r}")
        shelf[name] = _kept(name, builder)
        return builder

    return put


def entry(name: str, unfitted: Any, data: Callable[[], Sample], **fit: Any) -> None:
    """Put a clone of ``unfitted``, fitted on ``data``, on the shelf. ``fit`` goes to its fit method."""
    from sklearn.base import clone

    def build() -> Pair:
        X, y, rows = data()
        model = clone(unfitted)
        return (model.fit(X, **fit) if y is None else model.fit(X, y, **fit)), rows

    case(name)(build)


def known(cls: Any, **params: Any) -> Any:
    """An estimator with those of the parameters that the installed version has."""
    return cls(**{name: value for name, value in params.items() if name in inspect.signature(cls).parameters})


def _kept(name: str, builder: Builder) -> Builder:
    @functools.cache
    def build() -> Pair:
        # Models with random_state=None draw from the global states: seeded by name, they are the same in every run.
        seed = zlib.crc32(name.encode())
        np.random.seed(seed)
        random.seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return builder()
            except (ValueError, TypeError, ImportError) as error:
                if not OLDEST:
                    raise
                raise unittest.SkipTest(f"the installed version does not fit it: {error}"[:200]) from None

    return build
