"""Attacks that have ended a process or read foreign memory, each with the attribute that the refusal must name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def put(name: str, value: Any) -> Callable[[Any], None]:
    return lambda model: vars(model).__setitem__(name, value)


def change(name: str, function: Callable[[Any], Any]) -> Callable[[Any], None]:
    return lambda model: vars(model).__setitem__(name, function(vars(model)[name]))


def take(name: str) -> Callable[[Any], None]:
    return lambda model: vars(model).__delitem__(name)


def inside(*names: Any, then: Callable[[Any], None]) -> Callable[[Any], None]:
    """``then`` on the part that attributes (texts) and items (numbers) lead to."""

    def act(model: Any) -> None:
        for name in names:
            model = vars(model)[name] if isinstance(name, str) else model[name]
        then(model)

    return act


#: What each attack names: the model, the change, and the place that the error gives.
ATTACKS: list[tuple[str, Callable[[Any], None], str]] = [
    ("SVC dense", change("_dual_coef_", lambda a: a[:0]), "_dual_coef_"),
    ("SVC dense", change("support_vectors_", lambda a: a[:, :1].copy()), "support_vectors_"),
    ("SVC dense", change("_intercept_", lambda a: a[:1]), "_intercept_"),
    ("SVC dense", change("_probB", lambda a: a[:1]), "_probA"),
    ("SVC dense", put("_dual_coef_", None), "_dual_coef_"),
    ("SVC dense", put("_impl", "epsilon_svr"), "_impl"),
    ("SVC dense", take("n_features_in_"), "n_features_in_"),
    ("SVC precomputed", change("support_", lambda a: a + 2**20), "support_"),
    ("SVC function", put("kernel", np.maximum), "kernel"),
    ("SVC function", change("_BaseLibSVM__Xfit", lambda a: a[:2]), "_BaseLibSVM__Xfit"),
    ("SVR sparse", inside("_dual_coef_", then=change("data", lambda a: a[:2])), "data"),
    ("OneClassSVM dense", change("_n_support", lambda a: a[:1]), "_n_support"),
    ("KNeighborsClassifier brute", change("_fit_X", lambda a: a[:, :1].copy()), "_fit_X"),
    ("KNeighborsClassifier brute", take("n_features_in_"), "n_features_in_"),
    ("KNeighborsClassifier brute", change("_y", lambda a: a + 5), "_y"),
    ("KNeighborsClassifier brute", put("effective_metric_params_", {"Y_norm_squared": np.ones(1)}), "effective"),
    ("KNeighborsClassifier kd_tree", change("_fit_X", lambda a: a[:5]), "n_samples_fit_"),
    ("KNeighborsClassifier mahalanobis", put("effective_metric_params_", {"VI": np.eye(2)}), "effective"),
    ("KNeighborsClassifier seuclidean", put("effective_metric_params_", {"V": np.ones(2)}), "effective"),
    ("KNeighborsClassifier seuclidean", put("effective_metric_params_", {"V": np.full(4, np.nan)}), "effective"),
    ("KNeighborsClassifier seuclidean", put("effective_metric_params_", {"V": np.zeros(4)}), "effective"),
    ("KNeighborsClassifier brute", change("_fit_X", lambda a: a * np.nan), "_fit_X"),
    ("KNeighborsClassifier brute", change("_fit_X", lambda a: a + 1e200), "_fit_X"),
    ("KernelDensity", put("n_features_in_", 2), "tree_"),
    ("DecisionTreeClassifier", put("n_features_in_", 3), "n_features_in_"),
    ("DecisionTreeClassifier", put("n_outputs_", 1), "n_outputs_"),
    ("RandomForestClassifier", put("n_features_in_", 9), "estimators_"),
    ("IsolationForest", put("estimators_features_", [np.array([0, 7])] * 3), "estimators_features_"),
    ("IsolationForest", put("estimators_features_", [np.array([0])] * 3), "estimators_"),
    ("GradientBoostingClassifier", put("n_trees_per_iteration_", 2), "estimators_"),
    ("GradientBoostingClassifier", inside("estimators_", (0, 0), then=put("tree_", None)), "tree_"),
    ("GradientBoostingClassifier", inside("init_", then=put("class_prior_", np.array(0.5))), "init_"),
    ("GradientBoostingRegressor", put("init_", "one"), "init_"),
    ("HistGradientBoostingClassifier", put("_in_fit", True), "_in_fit"),
    ("HistGradientBoostingClassifier", put("n_features_in_", 2), "_n_features"),
    ("HistGradientBoostingRegressor", inside("_preprocessor", then=put("transformers_", [])), "_preprocessor"),
    ("HistGradientBoostingRegressor", inside("_bin_mapper", then=change("is_categorical_", lambda a: a * 0)), "_pred"),
    ("HistGradientBoostingRegressor", inside("_bin_mapper", then=change("bin_thresholds_", lambda a: a[:1])), "bin_"),
    ("KMeans", change("cluster_centers_", lambda a: np.tile(a, 9)), "cluster_centers_"),
    ("KMeans", put("_n_threads", -1), "_n_threads"),
    ("MiniBatchKMeans", change("_counts", lambda a: a[:1]), "_counts"),
    ("BisectingKMeans", inside("_bisecting_tree", then=put("left", None)), "label"),
    ("Birch", change("_subcluster_norms", lambda a: a[:1]), "_subcluster_norms"),
    ("HDBSCAN", inside("_single_linkage_tree_", then=lambda a: a["left_node"].fill(2**40)), "_single_linkage_tree_"),
    ("MinCovDet", change("precision_", lambda a: a[:, :1]), "precision_"),
    ("SGDRegressor", change("_average_coef", lambda a: a[:1]), "_average_coef"),
    ("NMF", put("max_iter", 2**31), "max_iter"),
    ("OneHotEncoder 0", put("_n_features_outs", [1, 1]), "_n_features_outs"),
    ("OneHotEncoder 1", put("_drop_idx_after_grouping", np.array([0, 9], object)), "_drop_idx_after_grouping"),
    ("OneHotEncoder 2", put("_default_to_infrequent_mappings", [np.array([0, 0, 9])] * 2), "_default_to_infrequent"),
    ("OneHotEncoder numbers", change("categories_", lambda c: [a[::-1] for a in c]), "categories_"),
    ("OneHotEncoder numbers", change("categories_", lambda c: [a[::-1].astype(object) for a in c]), "categories_"),
    ("OneHotEncoder numbers", change("categories_", lambda c: [np.array([1, "a", 0], object)] * 4), "categories_"),
    ("SplineTransformer", inside("bsplines_", 0, then=put("k", 1)), "c"),
    ("SplineTransformer", inside("bsplines_", 0, then=put("k", -2)), "k"),
    ("PolynomialFeatures", put("_max_degree", 2**31), "_max_degree"),
    ("label sets", inside("_cached_dict", then=lambda d: d.update({1: 2**31 - 1})), "_cached_dict"),
    ("CountVectorizer", inside("vocabulary_", then=lambda d: d.update(fox=2**31 - 1)), "vocabulary_"),
    ("CountVectorizer", inside("vocabulary_", then=lambda d: d.update(fox=0.5)), "vocabulary_"),
    ("TfidfVectorizer", inside("_tfidf", then=change("idf_", lambda a: a[:1])), "idf_"),
    ("DictVectorizer", inside("vocabulary_", then=lambda d: d.pop("a")), "vocabulary_"),
    ("FeatureHasher", put("n_features", 0), "n_features"),
    ("HashingVectorizer", put("n_features", 2**31), "n_features"),
]
