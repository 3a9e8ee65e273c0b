"""Edges: labels of every type, one row, one column, odd memory layouts, random states, users' own attributes."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import uuid

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from zoo import data
from zoo.shelf import REFUSED, Pair, case, entry

_LABELS = {
    "bools": np.array([False, True]),
    "objects": np.array(["no", "yes"], dtype=object),
    "negative ints": np.array([-5, 7]),
    "int8": np.array([1, 2], dtype=np.int8),
    "uint64": np.array([1, 2**63 + 5], dtype=np.uint64),
    "floats": np.array([0.0, 1.0]),
    "long words": np.array(["a" * 300, "ß\U0001f600"]),
    "empty word": np.array(["", "x"]),
}
for _name, _values in _LABELS.items():
    entry(f"labels({_name}) logistic", LogisticRegression(), data.relabelled(data.binary, _values))
    entry(
        f"labels({_name}) tree",
        DecisionTreeClassifier(max_depth=3, random_state=0),
        data.relabelled(data.binary, _values),
    )
entry("labels(words) neighbours", KNeighborsClassifier(3), data.relabelled(data.binary, ["b", "a"]))
entry("labels(bools) SVC", SVC(), data.relabelled(data.binary, [False, True]))
entry(
    "labels(objects) forest",
    RandomForestClassifier(3, random_state=0),
    data.relabelled(data.binary, np.array(["no", "yes"], dtype=object)),
)

entry("one column", LinearRegression(), data.one_column)
entry("fortran order", KNeighborsClassifier(3, algorithm="brute"), data.fortran)
entry("fortran order SGD", SGDClassifier(random_state=0, max_iter=10), data.fortran)
entry("fortran order KMeans", KMeans(2, n_init=1, random_state=0), lambda: (data.fortran()[0], None, data.fortran()[2]))


@case("one row")
def one_row() -> Pair:
    return StandardScaler().fit([[1.0, 2.0]]), np.array([[3.0, 4.0]])


@case("one row, one class")
def one_class() -> Pair:
    return GaussianNB().fit([[1.0, 2.0], [1.5, 2.5]], ["only", "only"]), np.array([[3.0, 4.0]])


@case("one row tree")
def one_row_tree() -> Pair:
    return DecisionTreeClassifier().fit([[1.0]], [4]), np.array([[3.0], [-1e30]])


@case("dummy without columns")
def no_columns() -> Pair:
    return DummyClassifier().fit(np.empty((3, 0)), [0, 1, 1]), np.empty((2, 0))


@case("constant columns")
def constant() -> Pair:
    X, _, rows = data.classes()
    X[:, 0], X[:, 3] = 0.0, -0.0
    return PCA(3).fit(X), rows


@case("extreme values")
def extreme() -> Pair:
    X = np.array([[1e-310, -1e300], [5e-324, 1e300], [0.0, -0.0], [np.pi, 1e-5]])
    return DecisionTreeClassifier(random_state=0).fit(np.clip(X, -1e30, 1e30), [0, 1, 0, 1]), np.clip(X, -1e30, 1e30)


@case("big-endian rows")
def big_endian() -> Pair:
    X, y, rows = data.classes()
    return KNeighborsClassifier(3, algorithm="brute").fit(X.astype(">f8"), y), rows


@case("strided coefficients")
def strided() -> Pair:
    X, y, rows = data.classes()
    model = LogisticRegression().fit(X, y)
    model.coef_ = np.repeat(model.coef_, 2, axis=1)[:, ::2]
    model.intercept_ = np.repeat(model.intercept_, 3)[::-3].copy()[::-1]
    return model, rows


@case("overlapping arrays")
def overlapping() -> Pair:
    """Two attributes that share memory: changing one changes the other, in the copy too."""
    X, y, rows = data.targets()
    model = Ridge().fit(X, y)
    model.kept_ = model.coef_[1]
    model.again_ = model.coef_
    return model, rows


@case("random state None")
def random_none() -> Pair:
    X, y, rows = data.classes()
    return SGDClassifier(random_state=None, max_iter=10).fit(X, y), rows


@case("random states kept")
def random_states() -> Pair:
    """Every bit generator that numpy has, as attributes."""
    X, y, rows = data.regression()
    fitted = LinearRegression().fit(X, y)
    for kind in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"):
        rng = np.random.Generator(getattr(np.random, kind)(7))
        rng.standard_normal(5)
        rng.integers(0, 9, dtype=np.uint32)
        setattr(fitted, f"rng_{kind.lower()}", rng)
    fitted.legacy_rng = np.random.RandomState(3)
    fitted.legacy_rng.normal()
    fitted.draws_ = np.array([1.0])
    return fitted, rows


@case("users' attributes")
def attributes() -> Pair:
    X, y, rows = data.classes()
    model = LogisticRegression().fit(X, y)
    model.notes_ = {"by": "Ada", "tags": ["a", ("b", 2)], "nested": {"deep": {"er": [None, True, 1.5, -0.0]}}}
    model.numbers_ = {1: "one", 2.5: "two and a half", (1, "x"): "pair", None: 0, False: "no"}
    model.sets_ = [len({1, 2}), len(frozenset("ab"))]
    model.big_ = [2**100, -(2**63), float("inf"), float("nan"), 1e-320, 3 + 4j]
    model.made_ = datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=datetime.UTC)
    model.day_, model.span_ = datetime.date(1999, 12, 31), datetime.timedelta(days=3, microseconds=1)
    model.price_, model.share_ = decimal.Decimal("12.340"), fractions.Fraction(1, 3)
    model.id_ = uuid.UUID(int=77)
    model.raw_, model.text_ = b"\x00\xff", "line\nbreak \x1b[31m ünïcode \U0001f40d"
    model.ordered_ = collections.OrderedDict([("z", 1), ("a", 2)])
    model.defaults_ = collections.defaultdict(list, {"k": [1]})
    model.counter_ = collections.Counter("abca")
    model.slices_, model.ranges_ = [slice(1, None, 2)], [range(0, 10, 3)]
    return model, rows


@case("users' arrays")
def arrays() -> Pair:
    X, y, rows = data.classes()
    model = LogisticRegression().fit(X, y)
    for kind in ("?", "i1", "u2", "<i4", ">i4", "f2", "<f8", ">f8", "g", "c8", "c16", "U3", "S4", "M8[D]", "m8[ns]"):
        model.__dict__[f"array_{np.dtype(kind).str[1:].replace('[', '_').replace(']', '')}_{kind[0] == '>'}_"] = (
            np.arange(6).astype(kind).reshape(2, 3)
        )
    model.scalar_, model.zero_d_ = np.float32(1.1), np.array(3.5)
    model.empty_, model.void_ = np.empty((0, 4)), np.empty((3, 0), dtype="i2")
    model.record_ = np.array([(1, 2.5, "ab")], dtype=[("a", "i4"), ("b", "f8"), ("c", "U2")])
    model.masked_ = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0], fill_value=-1)
    model.objects_ = np.array([None, "a", 1, [2, 3], {"k": (4,)}], dtype=object)
    model.column_ = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    model.reversed_ = np.arange(5.0)[::-1]
    model.dtype_ = [np.dtype("f4"), np.dtype([("x", "i2")]), np.float64]
    return model, rows


@case("users' tables and sparse matrices")
def tables() -> Pair:
    X, y, rows = data.classes()
    model = LogisticRegression().fit(X, y)
    model.table_ = data.frame()[0]
    model.series_ = pd.Series([1, None, 3], dtype="Int64", name="n", index=["a", "b", "c"])
    model.dates_ = pd.Series(pd.date_range("2024-01-01", periods=3, tz="Europe/Oslo"))
    model.index_table_ = pd.DataFrame({"v": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    for kind in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok"):
        matrix = getattr(sp, f"{kind}_matrix")(np.eye(3) + np.diag([2.0, 0.0], 1))
        setattr(model, f"sparse_{kind}_", matrix.tocsr() if kind not in ("csr", "csc") else matrix)
        setattr(model, f"sparse_{kind}", matrix)
    return model, rows


@case("an attribute with a lock", REFUSED)
def lock() -> Pair:
    import threading

    X, y, rows = data.classes()
    model = LogisticRegression().fit(X, y)
    model.guard_ = {"inside": [threading.Lock()]}
    return model, rows


@case("an attribute with a generator", REFUSED)
def generator() -> Pair:
    X, y, rows = data.classes()
    model = LogisticRegression().fit(X, y)
    model.later_ = (i for i in range(3))
    return model, rows
