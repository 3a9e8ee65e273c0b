"""Small data sets for the zoo. Each function gives fresh ``(X, y, rows)``: training data and rows to answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.datasets import make_blobs, make_classification, make_regression

from zoo.shelf import Sample


def rows_of(X: np.ndarray, seed: int = 5) -> np.ndarray:
    """Twelve training rows and twelve that lie beside them."""
    near = X[:12] + np.random.RandomState(seed).normal(scale=0.3, size=X[:12].shape).astype(X.dtype)
    return np.vstack([X[:12], near])


def classes() -> Sample:
    X, y = make_classification(90, 6, n_informative=4, n_classes=3, random_state=7)
    return X, y, rows_of(X)


def binary() -> Sample:
    X, y = make_classification(80, 5, random_state=3)
    return X, y, rows_of(X)


def words() -> Sample:
    X, y, rows = classes()
    return X, np.array(["ash", "birch", "cédre"])[y], rows


def regression() -> Sample:
    X, y = make_regression(80, 5, n_informative=4, noise=3.0, random_state=11)
    return X, y, rows_of(X)


def positive() -> Sample:
    X, y, rows = regression()
    return X, np.exp(y / np.abs(y).max()), rows


def line() -> Sample:
    rng = np.random.RandomState(2)
    x = rng.uniform(-3, 3, 60)
    return x, np.cumsum(rng.rand(60))[np.argsort(np.argsort(x))], np.linspace(-3.5, 3.5, 25)


def targets() -> Sample:
    X, y = make_regression(70, 5, n_targets=3, noise=2.0, random_state=4)
    return X, y, rows_of(X)


def labels() -> Sample:
    X, y, rows = binary()
    return X, np.column_stack([y, X[:, 0] > 0, X[:, 1] + X[:, 2] > 0.2]).astype(np.int64), rows


def outputs() -> Sample:
    """Two targets, of two and of three classes."""
    X, y, rows = classes()
    return X, np.column_stack([y, (X[:, 0] > 0).astype(np.int64)]), rows


def blobs() -> Sample:
    X, y = make_blobs(70, 3, centers=4, cluster_std=0.7, random_state=9)
    return X, y, rows_of(X)


def features() -> Sample:
    X, _, rows = classes()
    return X, None, rows


def points() -> Sample:
    X, _, rows = blobs()
    return X, None, rows


def counts() -> Sample:
    rng = np.random.RandomState(6)
    X = rng.poisson(1.5, size=(80, 6)).astype(np.float64)
    y = (X[:, 0] + X[:, 3] > 3).astype(np.int64) + (X[:, 1] > 2)
    return X, y, X[:15].copy()


def unit() -> Sample:
    """Values between 0 and 1, no target."""
    X, _, _ = counts()
    X = X / X.max()
    return X, None, X[:15].copy()


def missing() -> Sample:
    X, y, rows = classes()
    rng = np.random.RandomState(8)
    X[rng.rand(*X.shape) < 0.15] = np.nan
    rows[rng.rand(*rows.shape) < 0.2] = np.nan
    return X, y, rows


def holes() -> Sample:
    X, _, rows = missing()
    return X, None, rows


def missing_regression() -> Sample:
    X, y, rows = regression()
    X[np.random.RandomState(8).rand(*X.shape) < 0.15] = np.nan
    rows[::3, 1] = np.nan
    return X, y, rows


def sparse() -> Sample:
    X, y, rows = counts()
    return sp.csr_matrix(X), y, sp.csr_matrix(rows)


def sparse_array() -> Sample:
    X, y, rows = counts()
    return sp.csr_array(X), y, sp.csr_array(rows)


def sparse_regression() -> Sample:
    X, y, rows = regression()
    X[np.abs(X) < 0.6] = 0
    rows[np.abs(rows) < 0.6] = 0
    return sp.csr_matrix(X), y, sp.csr_matrix(rows)


def single() -> Sample:
    """Classes over float32 values."""
    X, y, rows = classes()
    return X.astype(np.float32), y, rows.astype(np.float32)


def single_regression() -> Sample:
    X, y, rows = regression()
    return X.astype(np.float32), y.astype(np.float32), rows.astype(np.float32)


def fortran() -> Sample:
    X, y, rows = classes()
    return np.asfortranarray(X), y, np.asfortranarray(rows)


def one_column() -> Sample:
    X, y, rows = regression()
    return X[:, :1].copy(), y, rows[:, :1].copy()


def categories() -> Sample:
    """Strings in two columns, a target, and rows with a category that the training has not seen."""
    rng = np.random.RandomState(1)
    X = np.column_stack(
        [
            np.array(["red", "green", "blue", "teal"], dtype=object)[rng.choice(4, 60, p=[0.5, 0.3, 0.15, 0.05])],
            np.array(["s", "m", "l"], dtype=object)[rng.randint(0, 3, 60)],
        ]
    )
    y = (X[:, 0] == "red").astype(np.int64) + (X[:, 1] == "l")
    rows = np.vstack([X[:12], np.array([["pink", "s"], ["red", "xl"]], dtype=object)])
    return X, y, rows


def known_categories() -> Sample:
    X, y, rows = categories()
    return X, y, rows[:12]


def codes() -> Sample:
    rng = np.random.RandomState(1)
    X = rng.randint(0, 4, size=(60, 3))
    return X, (X.sum(axis=1) > 4).astype(np.int64), X[:15].copy()


def frame() -> Sample:
    """A DataFrame of every column type that a table brings along: numbers, words, nullable types, categories."""
    rng = np.random.RandomState(12)
    n = 60
    age = rng.randint(18, 80, n).astype(np.float64)
    age[rng.rand(n) < 0.1] = np.nan
    visits = pd.array(rng.randint(0, 9, n), dtype="Int64")
    visits[[3, 17]] = pd.NA
    member = pd.array(rng.rand(n) < 0.4, dtype="boolean")
    member[[5, 20]] = pd.NA
    city = pd.array(np.array(["Oslo", "Bern", "Quito"])[rng.randint(0, 3, n)], dtype="string")
    street = pd.array(np.array(["High St", "Park Ln"], dtype=object)[rng.randint(0, 2, n)], dtype="str")
    street[[2, 30]] = np.nan
    size = pd.Categorical(np.array(["s", "m", "l"])[rng.randint(0, 3, n)], categories=["s", "m", "l"], ordered=True)
    colour = np.array(["red", "green", None], dtype=object)[rng.choice(3, n, p=[0.5, 0.4, 0.1])]
    table = pd.DataFrame(
        {
            "age": age,
            "income": rng.lognormal(10, 1, n),
            "visits": visits,
            "member": member,
            "city": city,
            "size": size,
            "colour": colour,
            "street": street,
        }
    )
    y = ((table["income"] > 2e4) | (table["city"] == "Oslo")).to_numpy(dtype=np.int64)
    return table, y, table.iloc[:20].copy()


def numbers_frame() -> Sample:
    X, y, rows = classes()
    names = [f"petal {i}" for i in range(X.shape[1])]
    return pd.DataFrame(X, columns=names), y, pd.DataFrame(rows, columns=names)


def regression_frame() -> Sample:
    X, y, rows = regression()
    names = [f"x{i}" for i in range(X.shape[1])]
    return pd.DataFrame(X, columns=names), y, pd.DataFrame(rows, columns=names)


_NOUNS = ["cat", "dog", "bird", "house", "river", "stone", "cloud", "naïve", "Straße", "東京", "tree", "road", "night"]


def texts() -> Sample:
    rng = np.random.RandomState(0)
    documents = [" ".join(rng.choice(_NOUNS, size=8)) + f" {i % 7}x" for i in range(40)]
    y = np.array([int("cat" in d) for d in documents])
    return documents, y, [*documents[:8], "", "nothing known here", "CAT dog!"]


def records() -> Sample:
    rng = np.random.RandomState(0)
    X = [{"kind": str(rng.choice(["a", "b", "c"])), "n": float(rng.rand()), f"f{i % 3}": 1} for i in range(20)]
    return X, None, [*X[:5], {"kind": "z", "n": 2.0}, {}]


def squares() -> Sample:
    """A symmetric kernel matrix to fit, and rows of similarities to the training rows."""
    X, y, rows = binary()
    return X @ X.T, y, rows @ X.T


def distances() -> Sample:
    from sklearn.metrics import pairwise_distances

    X, y, rows = binary()
    return pairwise_distances(X), y, pairwise_distances(rows, X)


def square_targets() -> Sample:
    from sklearn.metrics import pairwise_distances

    X, y, rows = regression()
    return pairwise_distances(X), y, pairwise_distances(rows, X)


def globe() -> Sample:
    rng = np.random.RandomState(3)
    X = np.column_stack([rng.uniform(-1.4, 1.4, 60), rng.uniform(-3, 3, 60)])
    return X, (X[:, 0] > 0).astype(np.int64), X[:12] * 0.9


def relabelled(data: Any, values: Any) -> Any:
    """``data`` with its integer classes named by ``values``."""

    def made() -> Sample:
        X, y, rows = data()
        return X, np.asarray(values)[y], rows

    return made
