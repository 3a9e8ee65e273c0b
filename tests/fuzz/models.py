"""Small models of every kind that matters to a reader, saved once, and the rows that each is asked with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fuzz.values import frames, matrices, table, values

TEXTS = ["red fox", "blue sea", "red sea", "green hill", "blue fox", "hill"]


def estimators() -> dict[str, tuple[Any, Any]]:
    """Name -> (fitted model, rows)."""
    from sklearn.cluster import KMeans
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel
    from sklearn.impute import SimpleImputer
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
    from sklearn.svm import SVC

    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    frame, target = table(), [0, 1, 0, 1, 0, 1]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["a"]), (OneHotEncoder(handle_unknown="ignore"), ["b", "c"])
    )
    models: dict[str, tuple[Any, Any]] = {
        "logistic": (LogisticRegression().fit(X, y), X),
        "mixed": (make_pipeline(columns, LogisticRegression()).fit(frame, target), frame),
        "forest": (RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, y), X),
        "histogram": (HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(X, y), X),
        "isolation": (IsolationForest(n_estimators=3, random_state=0).fit(X), X),
        "neighbours": (KNeighborsClassifier(3, algorithm="kd_tree", leaf_size=5).fit(X, y), X),
        "balls": (KNeighborsClassifier(3, algorithm="ball_tree", leaf_size=5, metric="minkowski", p=3).fit(X, y), X),
        "vectors": (SVC().fit(X, y), X),
        "network": (MLPClassifier((3,), max_iter=5).fit(X, y), X),
        "words": (make_pipeline(TfidfVectorizer(), SGDClassifier()).fit(TEXTS, target), TEXTS),
        "counts": (CountVectorizer(ngram_range=(1, 2)).fit(TEXTS), TEXTS),
        "process": (GaussianProcessRegressor(RBF() + WhiteKernel(), random_state=0).fit(X[:8], y[:8]), X),
        "clusters": (KMeans(2, n_init=1, random_state=0).fit(X), X),
        "isotonic": (IsotonicRegression(out_of_bounds="clip").fit(X[:, 0], y), X[:, 0]),
        "splines": (make_pipeline(SplineTransformer(3), FunctionTransformer(np.log1p)).fit(abs(X)), abs(X)),
        "search": (GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y), X),
    }
    return models


def write_bases(folder: Path) -> None:
    """Save all of them, with probes, and two compressed."""
    import warnings

    import modelkeep as mk

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = estimators()
    for name, value in (("values", values()), ("matrices", matrices()), ("frames", frames()), ("table", table())):
        mk.save(value, folder / f"{name}.keep")
    for name, (model, rows) in models.items():
        mk.save(model, folder / f"{name}.keep", sample=rows)
    mk.save(models["forest"][0], folder / "packed.keep", probe=False, compress="zstd")
    mk.save(models["words"][0], folder / "packed_words.keep", probe=False, compress="zstd")


def rows_for(name: str) -> Any:
    """What a model of that base is asked with after it was loaded."""
    if "words" in name or name == "counts":
        return TEXTS
    if name == "mixed":
        return table()
    rows = np.random.RandomState(1).normal(size=(5, 3))
    return rows[:, 0] if name == "isotonic" else rows
