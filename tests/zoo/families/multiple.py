"""Many outputs and many classes out of simpler models."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from zoo import data
from zoo.shelf import Pair, Sample, case, entry

entry("MultiOutputClassifier", MultiOutputClassifier(LogisticRegression()), data.labels)
entry("X:MultiOutput(RF)", MultiOutputClassifier(RandomForestClassifier(4, random_state=0)), data.outputs)
entry("MultiOutputRegressor", MultiOutputRegressor(Ridge()), data.targets)
entry("MultiOutputRegressor(SGD)", MultiOutputRegressor(SGDRegressor(random_state=0, max_iter=10)), data.targets)
entry("ClassifierChain", ClassifierChain(LogisticRegression(), cv=2), data.labels)
entry(
    "X:ClassifierChain",
    ClassifierChain(DecisionTreeClassifier(max_depth=3, random_state=0), order="random", random_state=1),
    data.labels,
)
entry(
    "ClassifierChain(log odds)",
    ClassifierChain(LogisticRegression(), order=[2, 0, 1], chain_method="predict_log_proba"),
    data.labels,
)
entry("RegressorChain", RegressorChain(Ridge()), data.targets)
entry("RegressorChain(random order)", RegressorChain(Ridge(), order="random", cv=2, random_state=3), data.targets)
entry("OneVsRestClassifier", OneVsRestClassifier(LogisticRegression()), data.classes)
entry("X:OneVsRest", OneVsRestClassifier(SVC(random_state=0)), data.words)
entry("OneVsRest(labels)", OneVsRestClassifier(LogisticRegression()), data.labels)
entry("OneVsOneClassifier", OneVsOneClassifier(LinearSVC(random_state=0)), data.words)
entry("OutputCodeClassifier", OutputCodeClassifier(LogisticRegression(), random_state=0), data.classes)
entry(
    "OutputCode(large code)",
    OutputCodeClassifier(
        DecisionTreeClassifier(max_depth=3, random_state=0), code_size=4.0, random_state=np.random.RandomState(2)
    ),
    data.classes,
)


def with_constant() -> Sample:
    X, y, rows = data.labels()
    y[:, 1] = 1
    return X, y, rows


entry("OneVsRest(constant label)", OneVsRestClassifier(LogisticRegression()), with_constant)


@case("OneVsRest(sets of labels)")
def sets() -> Pair:
    import scipy.sparse as sp

    X, y, rows = data.labels()
    return OneVsRestClassifier(LogisticRegression()).fit(X, sp.csr_matrix(y)), rows


@case("OneVsOne(in parts)")
def in_parts() -> Pair:
    from sklearn.linear_model import SGDClassifier

    X, y, rows = data.classes()
    model = OneVsOneClassifier(SGDClassifier(random_state=0))
    return model.partial_fit(X[:50], y[:50], classes=[0, 1, 2]).partial_fit(X[50:], y[50:]), rows
