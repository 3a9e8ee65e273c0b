"""Which function writes which estimator. A function gets (model, graph, table) and gives outputs by method.

An output is the name of a tensor, or a list of names for several targets; that of ``transform`` is a Table.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from modelkeep.errors import ExportError, said
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.table import Table

Outputs = dict[str, Any]
Write = Callable[[Any, Graph, Table], Outputs]

_LINEAR = """LinearRegression Ridge RidgeCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC ElasticNet ElasticNetCV Lars
LarsCV OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV BayesianRidge ARDRegression HuberRegressor
TheilSenRegressor SGDRegressor PassiveAggressiveRegressor QuantileRegressor LinearSVR MultiTaskLasso MultiTaskLassoCV
MultiTaskElasticNet MultiTaskElasticNetCV PLSRegression PLSCanonical CCA"""
_SCORES = """RidgeClassifier RidgeClassifierCV Perceptron PassiveAggressiveClassifier LinearSVC SGDClassifier
LogisticRegression LogisticRegressionCV LinearDiscriminantAnalysis"""
_SELECTORS = """SelectKBest SelectPercentile SelectFpr SelectFdr SelectFwe GenericUnivariateSelect VarianceThreshold
SelectFromModel SequentialFeatureSelector"""
_SEARCHES = "GridSearchCV RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV"

#: By the name of the class: the module beside this one, and the function.
TABLE: dict[str, str] = {
    **dict.fromkeys(_LINEAR.split(), "linear:regressor"),
    **dict.fromkeys(_SCORES.split(), "linear:classifier"),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"), "linear:generalized"),
    "RANSACRegressor": "linear:ransac",
    "SGDOneClassSVM": "linear:one_class",
    "QuadraticDiscriminantAnalysis": "bayes:quadratic",
    "GaussianNB": "bayes:gaussian",
    **dict.fromkeys(("MultinomialNB", "ComplementNB"), "bayes:counted"),
    "BernoulliNB": "bayes:bernoulli",
    "CategoricalNB": "bayes:categorical",
    **dict.fromkeys(("GaussianMixture", "BayesianGaussianMixture"), "bayes:mixture"),
    "StandardScaler": "scaling:standard",
    "MinMaxScaler": "scaling:min_max",
    "MaxAbsScaler": "scaling:max_abs",
    "RobustScaler": "scaling:robust",
    "Normalizer": "scaling:normalizer",
    "Binarizer": "scaling:binarizer",
    "PolynomialFeatures": "scaling:polynomial",
    "FunctionTransformer": "functions:function",
    "PowerTransformer": "functions:power",
    "QuantileTransformer": "functions:quantile",
    "KBinsDiscretizer": "functions:bins",
    "SplineTransformer": "splines:spline",
    "OneHotEncoder": "encoders:one_hot",
    "OrdinalEncoder": "encoders:ordinal",
    "TargetEncoder": "encoders:target",
    "SimpleImputer": "imputers:simple",
    "MissingIndicator": "imputers:indicator",
    "KNNImputer": "imputers:nearest",
    "IterativeImputer": "imputers:iterative",
    **dict.fromkeys(("PCA", "IncrementalPCA"), "projections:pca"),
    **dict.fromkeys(("TruncatedSVD", "GaussianRandomProjection", "SparseRandomProjection"), "projections:components"),
    "FastICA": "projections:ica",
    "FactorAnalysis": "projections:factors",
    "NeighborhoodComponentsAnalysis": "projections:components",
    "RBFSampler": "projections:rbf_sampler",
    "Nystroem": "kernels:nystroem",
    "KernelPCA": "kernels:pca",
    "KernelRidge": "kernels:ridge",
    "GaussianProcessRegressor": "processes:regressor",
    "GaussianProcessClassifier": "processes:classifier",
    "_BinaryGaussianProcessClassifierLaplace": "processes:binary",
    **dict.fromkeys(("SVR", "NuSVR"), "kernels:svr"),
    **dict.fromkeys(("SVC", "NuSVC"), "kernels:svc"),
    "OneClassSVM": "kernels:one_class",
    **dict.fromkeys(_SELECTORS.split(), "projections:selection"),
    **dict.fromkeys(("RFE", "RFECV"), "compounds:elimination"),
    **dict.fromkeys(("KMeans", "MiniBatchKMeans"), "distances:k_means"),
    **dict.fromkeys(("MeanShift", "AffinityPropagation"), "distances:nearest_centre"),
    "NearestCentroid": "distances:nearest_centroid",
    "KNeighborsClassifier": "distances:k_classifier",
    "KNeighborsRegressor": "distances:k_regressor",
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), "neural:mlp"),
    "BernoulliRBM": "neural:rbm",
    **dict.fromkeys(("DummyRegressor",), "others:dummy_regressor"),
    "DummyClassifier": "others:dummy_classifier",
    "IsotonicRegression": "others:isotonic",
    "EllipticEnvelope": "others:envelope",
    "Pipeline": "compounds:pipeline",
    "ColumnTransformer": "compounds:by_column",
    "FeatureUnion": "compounds:union",
    **dict.fromkeys(_SEARCHES.split(), "compounds:search"),
    "FrozenEstimator": "compounds:frozen",
    "VotingClassifier": "compounds:voting_classifier",
    "VotingRegressor": "compounds:voting_regressor",
    **dict.fromkeys(("StackingClassifier", "StackingRegressor"), "compounds:stacking"),
    "TransformedTargetRegressor": "compounds:transformed_target",
    "CalibratedClassifierCV": "calibration:calibrated",
    "OneVsRestClassifier": "compounds:one_vs_rest",
    "MultiOutputRegressor": "compounds:multi_regressor",
    "MultiOutputClassifier": "compounds:multi_classifier",
    "RegressorChain": "chains:regressor",
    "ClassifierChain": "chains:classifier",
    "OneVsOneClassifier": "chains:one_vs_one",
    "SelfTrainingClassifier": "compounds:self_training",
    **dict.fromkeys(("BaggingClassifier", "BaggingRegressor"), "compounds:bagging"),
    **dict.fromkeys(("FixedThresholdClassifier", "TunedThresholdClassifierCV"), "calibration:threshold"),
    **dict.fromkeys(
        "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor".split(), "trees:tree"
    ),
    **dict.fromkeys(
        "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor".split(), "trees:forest"
    ),
    **dict.fromkeys(("GradientBoostingClassifier", "GradientBoostingRegressor"), "trees:boosting"),
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), "trees:histogram"),
    "IsolationForest": "trees:isolation",
    "AdaBoostClassifier": "trees:adaboost",
    "AdaBoostRegressor": "trees:adaboost_regressor",
    **dict.fromkeys("XGBClassifier XGBRFClassifier".split(), "boosters:xgboost_classifier"),
    **dict.fromkeys("XGBRegressor XGBRFRegressor XGBRanker".split(), "boosters:xgboost_regressor"),
    "LGBMClassifier": "boosters:lightgbm_classifier",
    **dict.fromkeys(("LGBMRegressor", "LGBMRanker"), "boosters:lightgbm_regressor"),
    "Booster": "boosters:booster",
    **dict.fromkeys("CatBoostClassifier CatBoostRegressor CatBoost CatBoostRanker".split(), "boosters:catboost"),
    "CountVectorizer": "texts:counts",
    "TfidfVectorizer": "texts:tfidf",
    "TfidfTransformer": "texts:weights",
}
_LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost")


def converted(model: Any, graph: Graph, table: Table, place: str = "") -> Outputs:
    """The outputs of ``model`` for the rows of ``table``. ``place`` is where in the whole model it is."""
    cls = type(model)
    known = TABLE.get(cls.__name__) if cls.__module__.partition(".")[0] in _LIBRARIES else None
    told = f"{place + ': ' if place else ''}{cls.__name__}"
    if known is None:
        own = "" if cls.__module__.partition(".")[0] in _LIBRARIES else ", a class of your own,"
        raise ExportError(
            f"{told}{own} has no ONNX form",
            hint="run: modelkeep formats --onnx, for those that have; or choose another format with modelkeep advise",
        )
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    module, _, function = known.partition(":")
    write: Write = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    try:
        if hasattr(model, "fit"):  # a booster alone is fitted by what makes it
            check_is_fitted(model)
        return write(model, graph, table)
    except NotFittedError:
        raise ExportError(f"{told} is not fitted", hint="fit it first") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # The state of a model that was changed by hand, or of another version of its library.
        raise ExportError(f"{told}: it is not as fitting leaves it: {said(error)}", hint="fit it again") from error
    except ExportError as error:
        if not getattr(error, "placed", False):
            error.args = (f"{told}: {error}",)
            error.placed = True  # type: ignore[attr-defined]
        raise


def transformed(model: Any, graph: Graph, table: Table, place: str = "") -> Table:
    """What a transformer makes of a table."""
    found = converted(model, graph, table, place).get("transform")
    if not isinstance(found, Table):
        raise ExportError(f"{place}: {type(model).__name__} does not transform", hint="use a transformer there")
    return found
