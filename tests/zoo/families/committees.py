"""Stacking, voting, bagging."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from zoo import data
from zoo.shelf import Pair, case, entry

_JUDGES = [
    ("scaled", make_pipeline(StandardScaler(), LogisticRegression())),
    ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
    ("bayes", GaussianNB()),
]
_GUESSERS = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)), ("svr", SVR())]

entry("StackingClassifier", StackingClassifier(_JUDGES, cv=2), data.classes)
entry(
    "X:Stacking",
    StackingClassifier(_JUDGES, final_estimator=SVC(), cv=2, passthrough=True, stack_method="predict"),
    data.words,
)
entry(
    "Stacking(decision_function)",
    StackingClassifier(
        [("svc", SVC(random_state=0)), ("line", LogisticRegression())], cv=2, stack_method="decision_function"
    ),
    data.binary,
)
entry(
    "Stacking(labels)",
    StackingClassifier(
        [("knn", KNeighborsClassifier()), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))],
        final_estimator=KNeighborsClassifier(),
        cv=2,
    ),
    data.labels,
)
entry("StackingRegressor", StackingRegressor(_GUESSERS, cv=2), data.regression)
entry(
    "Stacking(forest on top, frame)",
    StackingRegressor(_GUESSERS[:2], final_estimator=RandomForestRegressor(3, random_state=0), cv=2, passthrough=True),
    data.regression_frame,
)
entry("VotingClassifier", VotingClassifier(_JUDGES), data.classes)
entry("X:Voting", VotingClassifier(_JUDGES, voting="soft", weights=[1, 2, 0.5]), data.words)
entry("Voting(soft, not flat)", VotingClassifier(_JUDGES, voting="soft", flatten_transform=False), data.classes)
entry("Voting(hard, dropped)", VotingClassifier([*_JUDGES[:2], ("none", "drop")], weights=[1, 2, 9]), data.words)
entry("VotingRegressor", VotingRegressor(_GUESSERS), data.regression)
entry("VotingRegressor(weights)", VotingRegressor(_GUESSERS, weights=np.array([0.2, 0.5, 0.3])), data.regression)
entry("BaggingClassifier", BaggingClassifier(n_estimators=4, random_state=0), data.classes)
entry("BaggingRegressor", BaggingRegressor(n_estimators=4, random_state=0), data.regression)
entry(
    "X:Bagging(KNN)",
    BaggingClassifier(
        KNeighborsClassifier(2), n_estimators=3, max_features=0.6, bootstrap_features=True, random_state=1
    ),
    data.words,
)
entry(
    "Bagging(pasting)",
    BaggingClassifier(LogisticRegression(), n_estimators=3, bootstrap=False, max_samples=0.7, random_state=2),
    data.classes,
)
entry(
    "Bagging(oob)",
    BaggingRegressor(DecisionTreeRegressor(max_depth=2), n_estimators=20, oob_score=True, random_state=0),
    data.regression,
)
entry("Bagging(sparse SVC)", BaggingClassifier(SVC(), n_estimators=2, random_state=0), data.sparse)


@case("Stacking(prefit)")
def prefit() -> Pair:
    X, y, rows = data.classes()
    judges = [
        (name, model.fit(X, y))
        for name, model in (
            ("line", LogisticRegression()),
            ("tree", DecisionTreeClassifier(max_depth=2, random_state=0)),
        )
    ]
    return StackingClassifier(judges, cv="prefit").fit(X, y), rows


@case("Voting(shared judge)")
def shared() -> Pair:
    """The same fitted object in two places: it must come back as one object."""
    X, y, rows = data.classes()
    model = VotingClassifier(_JUDGES[:2]).fit(X, y)
    model.favourite_ = model.estimators_[1]
    return model, rows
