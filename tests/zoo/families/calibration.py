"""Calibration, decision thresholds, frozen and transformed-target models."""

from __future__ import annotations

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import LinearSVC

from zoo import data
from zoo.shelf import REFUSED, Pair, case, entry

_MARGIN = LinearSVC(random_state=0)

entry("CalibratedClassifierCV", CalibratedClassifierCV(LogisticRegression(), cv=2), data.classes)
entry("X:CalibratedCV(isotonic)", CalibratedClassifierCV(_MARGIN, method="isotonic", cv=2), data.words)
entry(
    "X:CalibratedCV(temperature)",
    CalibratedClassifierCV(LogisticRegression(), method="temperature", cv=2),
    data.classes,
)
for _method in ("sigmoid", "isotonic", "temperature"):
    entry(
        f"CalibratedCV({_method}, one model)",
        CalibratedClassifierCV(_MARGIN, method=_method, cv=2, ensemble=False),
        data.classes,
    )
entry(
    "CalibratedCV(forest, binary)", CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2), data.binary
)

entry("FixedThresholdClassifier", FixedThresholdClassifier(LogisticRegression()), data.binary)
entry(
    "X:FixedThreshold",
    FixedThresholdClassifier(LogisticRegression(), threshold=0.7, pos_label="no", response_method="predict_proba"),
    data.relabelled(data.binary, ["yes", "no"]),
)
entry("TunedThresholdClassifierCV", TunedThresholdClassifierCV(LogisticRegression(), cv=2, thresholds=10), data.binary)
entry(
    "X:TunedThreshold",
    TunedThresholdClassifierCV(
        LogisticRegression(),
        scoring=make_scorer(balanced_accuracy_score),
        cv=2,
        thresholds=np.linspace(0.1, 0.9, 7),
        store_cv_results=True,
        random_state=0,
    ),
    data.binary,
)
entry(
    "TunedThreshold(no refit)",
    TunedThresholdClassifierCV(LogisticRegression(), scoring="f1", cv=0.5, refit=False, thresholds=5, random_state=1),
    data.binary,
)

entry("TransformedTargetRegressor", TransformedTargetRegressor(), data.regression)
entry("X:TTR(func)", TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1), data.positive)
entry(
    "X:TTR(transformer)",
    TransformedTargetRegressor(LinearRegression(), transformer=QuantileTransformer(n_quantiles=10)),
    data.regression,
)
entry("TTR(targets)", TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), data.targets)


def _prefit(method: str) -> Pair:
    from sklearn.frozen import FrozenEstimator

    X, y, rows = data.classes()
    base = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:50], y[:50])
    return CalibratedClassifierCV(FrozenEstimator(base), method=method).fit(X[50:], y[50:]), rows


for _method in ("sigmoid", "isotonic", "temperature"):
    case(f"CalibratedCV({_method}, prefit)")(lambda method=_method: _prefit(method))


@case("FrozenEstimator")
def frozen() -> Pair:
    from sklearn.frozen import FrozenEstimator

    X, y, rows = data.classes()
    return FrozenEstimator(LogisticRegression().fit(X, y)), rows


@case("X:Frozen")
def frozen_in_pipeline() -> Pair:
    from sklearn.frozen import FrozenEstimator

    X, y, rows = data.words()
    return make_pipeline(FrozenEstimator(StandardScaler().fit(X)), LogisticRegression()).fit(X, y), rows


@case("FixedThreshold(frozen)")
def fixed() -> Pair:
    from sklearn.frozen import FrozenEstimator

    X, y, rows = data.binary()
    return FixedThresholdClassifier(FrozenEstimator(LogisticRegression().fit(X, y)), threshold=0.2).fit(X, y), rows


@case("TTR(lambda)", REFUSED)
def with_lambda() -> Pair:
    X, y, rows = data.positive()
    model = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=lambda y: np.exp(y), check_inverse=False)
    return model.fit(X, y), rows
