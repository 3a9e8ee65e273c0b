"""Steps in which ONNX and scikit-learn easily differ without a word: the file answers as the model, or is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  scikit-learn's word before IterativeImputer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, Matern, PairwiseKernel, WhiteKernel
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import BayesianGaussianMixture
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC, NuSVC

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.write import model_bytes
from modelkeep.predictors.onnx import OnnxModel

RNG = np.random.default_rng(7)
X = RNG.normal(size=(80, 4))
TWO = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = np.array(["ash", "b\u00e9ech", "oak"])[np.digitize(X[:, 0], [-0.5, 0.5])]
SEVERAL = (X[:, :3] > 0.1).astype(int)


def compare(model, sample, *others):
    """Every method of the file beside that of the model, on the sample and on other rows."""
    found = OnnxModel(model_bytes(model, sample, {}))
    assert found.methods
    for rows in (sample, *others):
        for method in found.methods:
            expected, answer = getattr(model, method)(rows), getattr(found, method)(rows)
            expected = np.asarray(expected.toarray() if hasattr(expected, "toarray") else expected)
            if expected.dtype.kind in "fc":
                np.testing.assert_allclose(np.asarray(answer, dtype=float), expected, rtol=1e-9, atol=1e-9)
            else:
                assert np.asarray(answer).tolist() == expected.tolist()
    return set(found.methods)


@pytest.mark.parametrize("function", [np.log1p, np.expm1, np.cos, np.nan_to_num, np.cbrt, np.rint])
def test_functions_of_numbers_at_the_edge(function):
    edges = np.array([[np.nan, np.inf], [-np.inf, -0.0], [-1.0, -2.0], [1e300, 1e-300], [2.5, 1e5]])
    with np.errstate(all="ignore"):
        compare(FunctionTransformer(function).fit(edges), edges)


@pytest.mark.parametrize(
    ("function", "dtype"),
    [(np.reciprocal, "int64"), (np.square, "int32"), (np.negative, "uint8"), (np.log1p, "int8"), (np.square, "bool")],
)
def test_functions_that_are_others_for_integers_are_refused(function, dtype):
    rows = np.array([[1, 0], [1, 1]]).astype(dtype)
    with pytest.raises(ExportError, match=f"another one for {dtype}"):
        model_bytes(FunctionTransformer(function).fit(rows), rows, {})
    frame = pd.DataFrame({"a": rows[:, 0], "b": [1.0, 2.0]})
    with pytest.raises(ExportError, match="FunctionTransformer"):
        model_bytes(FunctionTransformer(function).fit(frame), frame, {})


def test_functions_of_integers_that_are_the_same():
    rows = np.array([[1, 2], [30, 400]])
    compare(FunctionTransformer(np.sqrt).fit(rows), rows)
    compare(FunctionTransformer(np.clip, kw_args={"a_min": 1.5, "a_max": 99}).fit(rows), rows)


def log(rows):
    return rows + 1


@pytest.mark.parametrize("function", [log, np.ma.log, lambda rows: rows])
def test_only_the_very_functions_of_numpy_are_known(function):
    with pytest.raises(ExportError, match="has no ONNX form"):
        model_bytes(FunctionTransformer(function).fit(X), X, {})


TEXTS = [
    "Istanbul is good",
    "\u0130stanbul tall",
    "A\u0130B stanbul ab ai",
    "na\u00efve CAF\u00c9 x_1",
    "",
    "\u0130 \u0130",
]


@pytest.mark.parametrize("pattern", [r"(?u)\b\w\w+\b", r"(?u)\b\w+\b"])
@pytest.mark.parametrize("longest", [1, 2])
def test_words_end_after_a_dotted_capital_i(pattern, longest):
    model = CountVectorizer(token_pattern=pattern, ngram_range=(1, longest)).fit(TEXTS)
    compare(model, TEXTS, ["I\u0130I \u0130x is good", "\u65e5\u672c ABC", "nothing known"], [""])


def test_words_with_a_sigma_are_refused_and_others_are_not_touched_by_one():
    sigma = ["\u039f\u0394\u039f\u03a3 good", "bad"]
    with pytest.raises(ExportError, match="sigma"):
        model_bytes(CountVectorizer().fit(sigma), sigma, {})
    compare(CountVectorizer(lowercase=False).fit(sigma), sigma)
    compare(CountVectorizer().fit(["good bad"]), ["good bad"], sigma)


@pytest.mark.parametrize("pattern", [r"\w{1,}", r"\b\w{3,}\b", r"(?u)\w\w\w+"])
def test_patterns_of_runs_of_letters(pattern):
    compare(
        CountVectorizer(token_pattern=pattern, lowercase=False).fit(TEXTS),
        TEXTS,
        ["I is goo good x_ \u65e5\u672c\u8a9e"],
    )


def test_a_pattern_of_another_kind_is_refused():
    with pytest.raises(ExportError, match="token_pattern"):
        model_bytes(CountVectorizer(token_pattern="[a-z]+").fit(TEXTS), TEXTS, {})


def test_words_are_taken_out_before_runs_of_words_are_made():
    texts = ["the end of the world", "of the", "", "world end", "an END"]
    others = ["the world of the end of an end", "nothing of it", "the the the"]
    compare(CountVectorizer(stop_words=["the", "of"], ngram_range=(1, 3)).fit(texts), texts, others)
    compare(TfidfVectorizer(stop_words="english", ngram_range=(2, 2)).fit(texts), texts, others)
    compare(CountVectorizer(vocabulary=["the", "end"], stop_words=["the"]).fit(texts), texts, others)


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize(
    ("analyzer", "runs"), [("char", (1, 3)), ("char", (3, 3)), ("char_wb", (1, 3)), ("char_wb", (4, 5))]
)
def test_runs_of_signs(analyzer, runs, lowercase):
    """Spaces of every kind, words shorter than the runs, signs of several bytes, and a capital that becomes two."""
    signs = [
        "a",
        "b",
        "\u0130",
        "I",
        "\u00df",
        " ",
        "  ",
        "\t\n",
        "\xa0",
        "\x1c",
        "\u65e5",
        "\U0001f600",
        "e\u0301",
        "!",
    ]
    texts = [*TEXTS, "modelkeep:none modelkeep:room", *("".join(RNG.choice(signs, 12)) for _ in range(40))]
    others = ["".join(RNG.choice(signs, RNG.integers(0, 20))) for _ in range(100)]
    model = CountVectorizer(analyzer=analyzer, ngram_range=runs, lowercase=lowercase).fit(texts)
    compare(model, texts, others, ["", " "], ["\u2003"], ["zzz"])


@pytest.mark.parametrize("gap", [None, np.nan])
@pytest.mark.parametrize("frequency", [None, 3])
def test_codes_of_missing_categories(gap, frequency):
    column = pd.Series(["a"] * 5 + ["b"] * 4 + ["c", "d"] + [gap] * 2, dtype=object)
    frame = pd.DataFrame({"city": column, "size": np.arange(13) % 4})
    made = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, min_frequency=frequency
    )
    unseen = pd.DataFrame({"city": ["zzz", "a"], "size": [9, 1]})
    compare(made.fit(frame), frame, unseen)


@pytest.mark.parametrize("known", [None, np.nan, "both"])
@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), TargetEncoder(cv=2)])
def test_missing_texts_are_told_apart_as_the_encoder_does(encoder, known):
    gaps = [None, np.nan] if known == "both" else [known, known]
    frame = pd.DataFrame({"a": pd.Series(["x", "y", *gaps] * 3, dtype=object)})
    model = make_pipeline(encoder, LogisticRegression()).fit(frame, [0, 1, 1, 0] * 3)
    rows = pd.DataFrame({"a": pd.Series(["x", None, np.nan, pd.NA, "new"], dtype=object)})
    read = OnnxModel(model_bytes(model, frame, {}))
    assert np.allclose(read.predict_proba(rows), model.predict_proba(rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_an_imputer_of_texts_fills_its_own_kind_of_gap(missing):
    frame = pd.DataFrame({"a": pd.Series(["x", "x", "y", missing], dtype=object)})
    model = SimpleImputer(missing_values=missing, strategy="most_frequent").fit(frame)
    assert OnnxModel(model_bytes(model, frame, {})).transform(frame).tolist() == [["x"], ["x"], ["y"], ["x"]]
    if missing is not None:  # to one that looks for None, NaN is an error
        rows = pd.DataFrame({"a": pd.Series(["y", None], dtype=object)})
        assert OnnxModel(model_bytes(model, frame, {})).transform(rows).tolist() == model.transform(rows).tolist()


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_nearly_nothing_are_not_scaled_up(norm, dtype):
    rows = np.outer(10.0 ** -np.arange(0, 30, 0.25), [1.0, -2.0, 0.5]).astype(dtype)
    model = Normalizer(norm).fit(rows)
    assert np.allclose(OnnxModel(model_bytes(model, rows, {})).transform(rows), model.transform(rows), rtol=1e-5)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
def test_neighbours_that_only_the_order_of_the_search_tells_apart_are_refused(weights, algorithm):
    draw = np.random.default_rng(0)
    rows, labels = draw.integers(0, 4, (200, 4)), draw.integers(0, 3, 200)
    model = KNeighborsClassifier(weights=weights, algorithm=algorithm).fit(rows, labels)
    with pytest.raises(ExportError, match="equally far"):
        model_bytes(model, rows, {})
    compare(model.fit(draw.normal(size=(200, 4)), labels), draw.normal(size=(50, 4)))


def test_distances_of_a_far_row_with_gaps():
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.2] = np.nan
    far = holes[:5] * 1e3
    compare(KNNImputer(n_neighbors=3, weights="distance").fit(holes), holes, far)


BAGGED = {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}
BASES = [LinearSVC(), GaussianNB(), *(LGBMClassifier(n_estimators=4, verbose=-1, **how) for how in ({}, BAGGED))]


@pytest.mark.parametrize("base", BASES)
def test_scores_of_members_are_those_that_scikit_learn_asks_for(base):
    compare(CalibratedClassifierCV(base, cv=2).fit(X, TWO), X, X * 100)
    compare(OneVsRestClassifier(base).fit(X, THREE), X, X * 100)
    compare(OneVsOneClassifier(base).fit(X, THREE), X, X * 100)
    compare(OneVsOneClassifier(base).fit(X, TWO), X)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_chains_pass_on_what_they_were_fitted_on(method):
    model = ClassifierChain(LogisticRegression(), chain_method=method, order=[2, 0, 1]).fit(X, SEVERAL)
    assert compare(model, X, -X) == {"predict", "predict_proba", "decision_function"}
    compare(RegressorChain(Ridge(), order=[1, 2, 0]).fit(X, X[:, :3] ** 2), X)


KERNELS = [
    ConstantKernel(2.0) * RBF([1.0, 2.0, 1.0, 3.0]) + WhiteKernel(0.1),
    Matern(2.0, nu=0.5) * DotProduct(),
    Matern(nu=2.5) ** 2 + Matern(nu=np.inf),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_gaussian_processes(kernel):
    compare(GaussianProcessRegressor(kernel, alpha=0.1, normalize_y=True, optimizer=None).fit(X, X[:, 0]), X, X * 3)
    compare(GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None).fit(X, X[:, :2]), X)


def test_a_kernel_without_a_form_is_named():
    model = GaussianProcessRegressor(PairwiseKernel(metric="rbf"), alpha=0.1, optimizer=None).fit(X, X[:, 0])
    with pytest.raises(ExportError, match="PairwiseKernel has no ONNX form"):
        model_bytes(model, X, {})


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("weights", ["dirichlet_process", "dirichlet_distribution"])
def test_variational_mixtures(covariance, weights):
    model = BayesianGaussianMixture(
        n_components=3, covariance_type=covariance, weight_concentration_prior_type=weights, random_state=0, max_iter=20
    )
    assert compare(model.fit(X), X, X * 2) == {"predict", "predict_proba", "score_samples"}


@pytest.mark.parametrize("names", [["constant_1", "Sub_2"], ["X", "a b"], ["\u00fc:/\u00e9", "Div_3"]])
def test_columns_of_any_name(names):
    frame = pd.DataFrame(X[:, :2], columns=names)
    compare(make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, TWO), frame)


@pytest.mark.parametrize(("name", "reason"), [("predict", "as what the file answers is"), ("", "no name")])
def test_columns_that_can_not_be_inputs(name, reason):
    frame = pd.DataFrame(X[:, :2], columns=[name, "b"])
    with pytest.raises(ExportError, match=reason):
        model_bytes(LogisticRegression().fit(frame, TWO), frame, {})


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_categories_that_are_one_in_float64_are_refused(encoder):
    rows = np.array([[2**60], [2**60 + 1], [5]])
    with pytest.raises(ExportError, match="integers that float64 does not have"):
        model_bytes(encoder.fit(rows), rows, {})
    compare(encoder.fit(rows % 1000), rows % 1000)


@pytest.mark.parametrize("labels", [TWO, THREE, np.digitize(X[:, 0], np.linspace(-1, 1, 6))], ids=["two", "three", "7"])
@pytest.mark.parametrize(
    "machine", [SVC(probability=True, random_state=0), NuSVC(nu=0.1, kernel="poly", probability=True)]
)
def test_shares_of_support_vector_machines(machine, labels):
    """libsvm couples the pairs' shares by an iteration, which ends for each row by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # newer versions advise against shares
        fitted = clone(machine).fit(X, labels)
    methods = compare(fitted, X, RNG.normal(size=(3000, 4)) * 4, X[:1])
    assert methods == {"predict", "predict_proba", "decision_function"}


def test_gaussian_processes_that_classify():
    far = RNG.normal(size=(500, 4)) * 3
    kernel = 1.5 * RBF(1.2) + WhiteKernel(0.1)
    assert "predict_proba" in compare(GaussianProcessClassifier(kernel).fit(X, TWO), X, far)
    assert "predict_proba" in compare(GaussianProcessClassifier(Matern(nu=1.5), optimizer=None).fit(X, THREE), X, far)
    mixed = DotProduct() ** 2 + ConstantKernel(0.5) * RBF([1.0, 2.0, 3.0, 1.0])
    pairs = GaussianProcessClassifier(mixed, optimizer=None, multi_class="one_vs_one").fit(X, THREE)
    assert compare(pairs, X, far) == {"predict"}


@pytest.mark.parametrize(
    "imputer",
    [
        IterativeImputer(max_iter=3, random_state=0, add_indicator=True),
        IterativeImputer(max_iter=2, random_state=0, min_value=-1, max_value=[0.5, 1, 2, 3], skip_complete=True),
        IterativeImputer(
            ExtraTreesRegressor(3, random_state=0), max_iter=2, n_nearest_features=2, imputation_order="random"
        ),
        IterativeImputer(max_iter=2, random_state=0, keep_empty_features=True, initial_strategy="median"),
        IterativeImputer(max_iter=0),
    ],
    ids=["indicator", "limits", "trees", "empty", "started"],
)
@pytest.mark.filterwarnings("ignore:.*Early stopping|Skipping features")
def test_iterative_imputers(imputer):
    """Also rows that are nothing but gaps: scikit-learn takes another way where a whole batch is such."""
    gaps = np.where(RNG.random(X.shape) < 0.3, np.nan, X)
    gaps[:, 2] = np.nan if imputer.keep_empty_features else gaps[:, 2]
    others = np.where(RNG.random((200, 4)) < 0.5, np.nan, RNG.normal(size=(200, 4)) * 3)
    fitted = clone(imputer).fit(gaps)
    compare(fitted, gaps, others, np.full((3, 4), np.nan), np.array([[np.nan, 1.0, np.nan, np.nan]]))


def test_an_imputer_that_draws_is_refused():
    drawing = IterativeImputer(sample_posterior=True, max_iter=1, random_state=0).fit(X)
    with pytest.raises(ExportError, match="draws what it fills in"):
        model_bytes(drawing, X, {})
