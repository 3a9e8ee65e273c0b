"""Writes the files of this folder: small models, pickled by the scikit-learn that runs this script.

    python make.py     (once for each version, in an environment that has it, with joblib)

A file's name says the model, the version and how it was written. ``answers-VERSION.json`` holds what each model
answered where it was fitted. The files are never rewritten: they are what users have on their disks.
"""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).resolve().parent
TEXTS = ["red green blue", "green tea", "blue sky and red sun", "tea in the sun", "sky", "sun sun tea"]
LABELS = [0, 1, 0, 1, 0, 1]


def rows():
    """The rows that each kind of model is fitted on, by kind, and the labels."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 4)).round(2)
    y = (X[:, 0] + X[:, 1] ** 2 > 0.7).astype(int) + (X[:, 2] > 1)
    holes = X.copy()
    holes[::7, 1] = np.nan
    groups = np.column_stack([np.array(["a", "b", "c"], dtype=object)[y], X[:, :2].astype(object)])
    return {"imputer": holes, "columns": groups, "isotonic": X[:, 0], "texts": TEXTS, "": X}, y


def unfitted():
    columns = ColumnTransformer([("a", OneHotEncoder(), [0]), ("b", StandardScaler(), [1, 2])])
    yield "logistic", LogisticRegression()
    yield "pipeline", make_pipeline(StandardScaler(), PCA(3), SVC(probability=True, random_state=0))
    yield "columns", make_pipeline(columns, Ridge())
    yield "imputer", make_pipeline(SimpleImputer(), Ridge())
    yield "tree", DecisionTreeClassifier(random_state=0)
    yield "forest", RandomForestClassifier(5, max_depth=4, random_state=0)
    yield "extra", ExtraTreesRegressor(3, max_depth=4, random_state=0)
    yield "boosting", GradientBoostingClassifier(n_estimators=3, random_state=0)
    yield "histogram", HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5, random_state=0)
    yield "adaboost", AdaBoostClassifier(n_estimators=4, random_state=0)
    yield "isolation", IsolationForest(n_estimators=3, random_state=0)
    yield "neighbours", KNeighborsClassifier(algorithm="kd_tree", leaf_size=5)
    yield "network", MLPClassifier((5,), max_iter=30, random_state=0)
    yield "bayes", GaussianNB()
    yield "clusters", KMeans(3, n_init=1, random_state=0)
    yield "process", GaussianProcessRegressor(RBF(1.0) + WhiteKernel(0.1), optimizer=None)
    yield "isotonic", IsotonicRegression(out_of_bounds="clip")
    yield "texts", make_pipeline(TfidfVectorizer(), SGDClassifier(random_state=0))
    yield "search", GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    yield "stacking", StackingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], cv=2)


def answer(model, X):
    return model.predict_proba(X[:20]) if hasattr(model, "predict_proba") else model.predict(X[:20])


def main():
    warnings.simplefilter("ignore")
    version, answers = sklearn.__version__, {}
    inputs, y = rows()
    for number, (name, model) in enumerate(unfitted()):
        X = inputs.get(name, inputs[""])
        model.fit(X, LABELS if name == "texts" else y)
        protocol = (5, 2, 4, 3)[number % 4]
        if number % 3:
            target = HERE / f"{name}-sklearn-{version}-p{protocol}.pkl"
            target.write_bytes(pickle.dumps(model, protocol))
        else:
            target = HERE / f"{name}-sklearn-{version}.joblib"
            joblib.dump(model, target, compress=3 if number % 2 else 0)
        answers[target.name] = np.asarray(answer(model, X)).tolist()
    (HERE / f"answers-{version}.json").write_text(json.dumps(answers, indent=0) + "\n")


if __name__ == "__main__":
    main()
