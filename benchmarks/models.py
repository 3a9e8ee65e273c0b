"""The benchmark models: fitted once, kept as pickles in the user's temporary folder."""

from __future__ import annotations

import getpass
import hashlib
import inspect
import os
import pickle
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: Some training rows that serve as the sample of a probe; the first one is the row of the first prediction.
SAMPLE = 200
Fitted = tuple[Any, Any]


@dataclass(frozen=True)
class Spec:
    """One model. ``build`` gives the fitted model and rows that it takes."""

    name: str
    title: str
    build: Callable[[], Fitted]


def iris() -> Fitted:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=500).fit(X, y), X


def _table(rows: int, classes: int = 2) -> Fitted:
    from sklearn.datasets import make_classification

    return make_classification(rows, 20, n_informative=12, n_classes=classes, flip_y=0.05, random_state=0)  # type: ignore[no-any-return]


def forest500() -> Fitted:
    from sklearn.ensemble import RandomForestClassifier

    X, y = _table(20_000, 4)
    model = RandomForestClassifier(500, n_jobs=-1, random_state=0).fit(X, y)
    return model.set_params(n_jobs=None), X


def forest100() -> Fitted:
    from sklearn.ensemble import RandomForestClassifier

    X, y = _table(5_000, 3)
    return RandomForestClassifier(100, max_depth=6, random_state=0).fit(X, y), X


def boosting() -> Fitted:
    from sklearn.ensemble import GradientBoostingClassifier

    X, y = _table(3_000)
    return GradientBoostingClassifier(n_estimators=500, random_state=0).fit(X, y), X


def histogram() -> Fitted:
    from sklearn.ensemble import HistGradientBoostingClassifier

    X, y = _table(20_000)
    return HistGradientBoostingClassifier(max_iter=500, early_stopping=False, random_state=0).fit(X, y), X


def tfidf() -> Fitted:
    """200,000 different words, each in at least one of 5,000 texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    rng = np.random.RandomState(0)
    words = np.array([f"w{i:06d}" for i in range(200_000)])
    rng.shuffle(words)
    texts = [" ".join([*part, *rng.choice(words, 40)]) for part in np.array_split(words, 5_000)]
    y = rng.randint(0, 2, len(texts))
    return make_pipeline(TfidfVectorizer(), SGDClassifier(loss="log_loss", random_state=0)).fit(texts, y), texts


def neighbours() -> Fitted:
    from sklearn.neighbors import KNeighborsClassifier

    X, y = _table(100_000, 3)
    return KNeighborsClassifier(algorithm="kd_tree").fit(X, y), X


def svc() -> Fitted:
    from sklearn.svm import SVC

    X, y = _table(6_000, 3)
    return SVC(random_state=0).fit(X, y), X


def mlp() -> Fitted:
    from sklearn.neural_network import MLPClassifier

    X, y = _table(5_000, 3)
    return MLPClassifier((256, 128), max_iter=15, random_state=0).fit(X, y), X


def dense() -> Fitted:
    """2**26 weights, 512 MB. A few rows make the model valid; random weights stand for those of a long training."""
    import scipy.sparse as sp
    from sklearn.linear_model import SGDClassifier

    features = 2**26
    rng = np.random.default_rng(0)
    columns = rng.integers(0, features, (64, 50)).ravel()
    X = sp.csr_matrix((np.ones(64 * 50), (np.repeat(np.arange(64), 50), columns)), shape=(64, features))
    model = SGDClassifier(loss="log_loss", max_iter=1, tol=None, random_state=0).fit(X, np.arange(64) % 2)
    rng.standard_normal(out=model.coef_.reshape(-1))
    return model, X


SPECS = {
    spec.name: spec
    for spec in (
        Spec("iris", "iris logistic regression", iris),
        Spec("forest500", "random forest, 500 trees on 20,000 x 20", forest500),
        Spec("forest100", "random forest, 100 trees of depth 6", forest100),
        Spec("boosting", "gradient boosting, 500 trees", boosting),
        Spec("histogram", "histogram gradient boosting, 500 trees", histogram),
        Spec("tfidf", "tf-idf of 200,000 words + SGD", tfidf),
        Spec("neighbours", "nearest neighbours, 100,000 x 20, kd-tree", neighbours),
        Spec("svc", "SVC, 6,000 x 20", svc),
        Spec("mlp", "multi-layer perceptron 256-128", mlp),
        Spec("dense", "dense model of 512 MB", dense),
    )
}


def cache_folder() -> Path:
    """A folder of the user's own: it holds pickles, so nobody else may write there."""
    folder = Path(tempfile.gettempdir()) / f"modelkeep-benchmarks-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022:
        raise SystemExit(f"{folder} is not a private folder of yours; remove it")
    return folder


def cached(spec: Spec, fresh: bool = False) -> Path:
    """The pickle of ``(model, rows)``, fitted now if the model's recipe or scikit-learn has changed."""
    import sklearn

    recipe = inspect.getsource(spec.build) + inspect.getsource(_table) + sklearn.__version__
    mark = hashlib.blake2b(recipe.encode(), digest_size=6).hexdigest()
    path = cache_folder() / f"{spec.name}-{mark}.pickle"
    if fresh or not path.exists():
        for old in cache_folder().glob(f"{spec.name}-*.pickle"):
            if re.fullmatch(rf"{spec.name}-[0-9a-f]{{12}}", old.stem):
                old.unlink()
        model, rows = spec.build()
        with open(path.with_suffix(".new"), "wb") as file:
            pickle.dump((model, rows[:SAMPLE]), file, protocol=5)
        path.with_suffix(".new").rename(path)
    return path


def load(path: Path) -> Fitted:
    with open(path, "rb") as file:
        return pickle.load(file)  # type: ignore[no-any-return]


def first_answer(model: Any, rows: Any) -> Any:
    """What a server does with its first request: one row."""
    return model.predict(rows[:1])
