"""Plain values of every kind that a graph can hold, for the bases of mutants."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import pathlib
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np


def values() -> Any:
    """Python's and numpy's own, shared parts and a cycle."""
    shared = [1, 2.5, "three"]
    cycle: list[Any] = [shared]
    cycle.append(cycle)
    grid = np.arange(12.0).reshape(3, 4)
    made: dict[Any, Any] = {
        "scalars": [None, True, 1 << 70, float("nan"), 1j, b"bytes", bytearray(b"b"), np.float32(1.5), np.int64(-3)],
        "times": [dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, tzinfo=dt.UTC), dt.time(3), dt.timedelta(1, 2)],
        "zone": dt.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        "text": [decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=5), pathlib.PurePosixPath("a/b")],
        "containers": [(1, (2,)), {1, 2}, frozenset("ab"), deque([1], 3), OrderedDict(a=1), Counter("aab")],
        "default": defaultdict(list, {1: [2]}),
        "ranges": [slice(1, None), range(3), ...],
        "arrays": [grid, grid.T, grid[:, ::2], grid[::-1], np.array(["é", "b"]), np.array([1, "x", None], object)],
        "odd": [np.zeros(3, ">i4"), np.ma.array([1, 2], mask=[0, 1]), np.zeros(2, [("a", "<f4"), ("b", "|b1")])],
        "more": [
            np.array(["a", None], np.dtypes.StringDType(na_object=None)),
            np.zeros((2, 3), order="F"),
            np.zeros(2, "c16"),
        ],
        "random": [np.random.RandomState(1), np.random.default_rng(2), np.random.SeedSequence(3)],
        "bits": [np.random.Generator(np.random.Philox(1)), np.random.Generator(np.random.MT19937(1))],
        "names": [np.float64, np.log1p, np.dtype("<M8[ns]")],
        "shared": [shared, shared, cycle],
        (1, "a"): "key",
    }
    return made


def matrices() -> Any:
    """scipy's."""
    import scipy.sparse as sp
    from scipy.interpolate import BSpline

    eye = np.eye(3)
    kinds = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
    return {
        "arrays": [getattr(sp, f"{kind}_array")(eye) for kind in kinds],
        "matrices": [getattr(sp, f"{kind}_matrix")(eye) for kind in kinds],
        "spline": BSpline(np.arange(8.0), np.ones(4), 3),
    }


def law() -> Any:
    """A distribution with its parameters; scipy makes its methods by compiling a text of its own."""
    from scipy.stats import norm

    return [norm(1.0, 2.0), norm]


def table() -> Any:
    import pandas as pd

    return pd.DataFrame(
        {"a": [1.0, None, 3.0, 4.0, 0.5, 6.0], "b": list("xyxyzz"), "c": pd.Categorical(list("ppqqpp"))}
    )


def frames() -> Any:
    """pandas's."""
    import pandas as pd

    days = pd.date_range("2020-01-01", periods=3, tz="UTC")
    columns = {
        "nullable": pd.array([1, None, 3], "Int8"),
        "truth": pd.array([True, None, False], "boolean"),
        "text": pd.array(["a", None, "c"], "string"),
        "day": days,
        "step": pd.to_timedelta([1, 2, 3], "s"),
        "kind": pd.Categorical(["x", "y", "x"], ordered=True),
        "object": pd.Series([1, "x", None], dtype=object),
    }
    frame = pd.DataFrame(columns, index=pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")], names=["i", "j"]))
    series = [
        pd.Series([1.5, 2.5], index=["a", "b"], name="s"),
        pd.Series(pd.period_range("2020", periods=2, freq="D")),
    ]
    index = [pd.RangeIndex(3), days, pd.interval_range(0, 2), pd.CategoricalIndex(["a", "b"]), pd.Index(["x", "y"])]
    return {"frame": frame, "series": series, "index": index, "scalars": [pd.NA, pd.NaT, pd.Timestamp("2020-01-01")]}
