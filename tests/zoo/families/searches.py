"""Searches with their results."""

from __future__ import annotations

import numpy as np
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from zoo import data
from zoo.shelf import REFUSED, Pair, case, entry

_RIDGE = Pipeline([("pca", PCA()), ("ridge", Ridge())])
_LOGISTIC = Pipeline([("pca", PCA()), ("logisticregression", LogisticRegression())])
_TARGETS = [
    (Ridge(), {"alpha": [0.1, 1.0]}, data.regression),
    (LogisticRegression(), {"C": [0.1, 1.0]}, data.binary),
    (_RIDGE, {"ridge__alpha": [0.1, 1.0]}, data.regression),
    (_LOGISTIC, {"logisticregression__C": [0.1, 1.0]}, data.binary),
]

for _i, (_model, _grid, _data) in enumerate(_TARGETS):
    _mark = f"#{_i}" if _i else ""
    entry(f"GridSearchCV{_mark}", GridSearchCV(_model, _grid, cv=2), _data)
    entry(f"RandomizedSearchCV{_mark}", RandomizedSearchCV(_model, _grid, n_iter=2, cv=2, random_state=0), _data)
    entry(
        f"HalvingGridSearchCV{_mark}", HalvingGridSearchCV(_model, _grid, cv=2, min_resources=20, random_state=0), _data
    )
    entry(
        f"HalvingRandomSearchCV{_mark}",
        HalvingRandomSearchCV(_model, _grid, n_candidates=2, cv=2, min_resources=20, random_state=0),
        _data,
    )

entry(
    "X:HalvingGrid",
    HalvingGridSearchCV(
        RandomForestClassifier(random_state=0),
        {"max_depth": [2, None]},
        resource="n_estimators",
        max_resources=6,
        min_resources=2,
        factor=2,
        cv=2,
        random_state=np.random.RandomState(0),
    ),
    data.binary,
)
entry(
    "X:GridSearchCV(multi scorer)",
    GridSearchCV(
        LogisticRegression(),
        {"C": [0.1, 1.0]},
        cv=2,
        refit="f",
        scoring={"accuracy": "accuracy", "f": make_scorer(f1_score, average="macro")},
    ),
    data.classes,
)
entry(
    "GridSearchCV(grids)",
    GridSearchCV(
        SVC(),
        [{"kernel": ["linear"], "C": [0.5, 2]}, {"kernel": ["rbf"], "gamma": ["scale", 0.1]}],
        cv=KFold(2, shuffle=True, random_state=3),
        return_train_score=True,
    ),
    data.classes,
)
entry(
    "GridSearchCV(estimators in the grid)",
    GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())]),
        {"scale": ["passthrough", StandardScaler()], "model": [SVC(probability=True, random_state=0)]},
        cv=2,
    ),
    data.binary,
)
entry(
    "GridSearchCV(None and numbers)",
    GridSearchCV(
        RandomForestClassifier(3, random_state=0),
        {"max_depth": [None, 2], "max_features": ["sqrt", 0.5]},
        cv=2,
        pre_dispatch="2*n_jobs",
    ),
    data.classes,
)
entry("GridSearchCV(no refit)", GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2, refit=False), data.regression)
entry(
    "X:RandomizedSearchCV(scipy dist)",
    RandomizedSearchCV(LogisticRegression(), {"C": stats.loguniform(0.01, 10)}, n_iter=3, cv=2, random_state=0),
    data.classes,
)
entry(
    "RandomizedSearchCV(splits)",
    RandomizedSearchCV(
        LogisticRegression(),
        {"C": stats.uniform(0.1, 2), "class_weight": [None, "balanced"]},
        n_iter=2,
        cv=ShuffleSplit(2, random_state=np.random.RandomState(1)),
        random_state=np.random.RandomState(2),
    ),
    data.binary,
)
entry(
    "GridSearchCV(repeated folds)",
    GridSearchCV(
        LogisticRegression(),
        {"C": [0.1, 1]},
        cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=0),
        scoring=["accuracy", "roc_auc"],
        refit="roc_auc",
    ),
    data.binary,
)
entry("GridSearchCV(frame)", GridSearchCV(_LOGISTIC, {"pca__n_components": [2, 3]}, cv=2), data.numbers_frame)


@case("GridSearchCV(generator in the space)")
def generator() -> Pair:
    """A frozen distribution that holds a numpy Generator of its own."""
    X, y, rows = data.binary()
    space = stats.norm(1.0, 0.1)
    space.random_state = np.random.default_rng(5)
    search = RandomizedSearchCV(LogisticRegression(), {"C": space}, n_iter=2, cv=2, random_state=0)
    return search.fit(X, y), rows


@case("X:GridSearchCV(callable refit)", REFUSED)
def callable_refit() -> Pair:
    X, y, rows = data.binary()
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, refit=lambda results: 0)
    return search.fit(X, y), rows
