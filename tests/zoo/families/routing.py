"""Metadata routing and output settings."""

from __future__ import annotations

import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoo import data
from zoo.shelf import Builder, Pair, case


def routed(name: str) -> object:
    """A case that is built, and fitted, with metadata routing on."""

    def put(builder: Builder) -> Builder:
        def build() -> Pair:
            with sklearn.config_context(enable_metadata_routing=True):
                return builder()

        case(name)(build)
        return builder

    return put


@routed("X:LR(metadata routing)")
def logistic() -> Pair:
    X, y, rows = data.classes()
    model = LogisticRegression().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    return model.fit(X, y, sample_weight=np.linspace(0.5, 1.5, len(y))), rows


@routed("X:LR(pandas,metadata routing)")
def framed() -> Pair:
    X, y, rows = data.numbers_frame()
    model = LogisticRegression().set_fit_request(sample_weight="weights")
    return make_pipeline(StandardScaler(), model).set_output(transform="pandas").fit(
        X, y, weights=np.linspace(0.5, 1.5, len(y))
    ), rows


@routed("GridSearchCV(metadata routing)")
def search() -> Pair:
    X, y, rows = data.classes()
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
    model = LogisticRegression().set_fit_request(sample_weight=True)
    found = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=GroupKFold(2), scoring=scorer)
    return found.fit(X, y, sample_weight=np.ones(len(y)), groups=np.arange(len(y)) % 4), rows


@routed("RidgeCV(metadata routing)")
def ridge() -> Pair:
    X, y, rows = data.regression()
    scorer = get_scorer("r2").set_score_request(sample_weight=True)
    return RidgeCV(alphas=[0.1, 1.0], cv=2, scoring=scorer).fit(X, y, sample_weight=np.ones(len(y))), rows


@routed("Voting(metadata routing)")
def voting() -> Pair:
    X, y, rows = data.classes()
    judges = [
        ("a", LogisticRegression().set_fit_request(sample_weight=True)),
        ("b", LogisticRegression(C=0.1).set_fit_request(sample_weight=False)),
    ]
    return VotingClassifier(judges, voting="soft").fit(X, y, sample_weight=np.linspace(1, 2, len(y))), rows


@case("PCA(pandas out)")
def pandas_out() -> Pair:
    X, _, rows = data.numbers_frame()
    return PCA(2).set_output(transform="pandas").fit(X), rows


@case("Ridge(output default)")
def default_out() -> Pair:
    X, y, rows = data.regression_frame()
    return make_pipeline(StandardScaler().set_output(transform="default"), Ridge()).fit(X, y), rows
