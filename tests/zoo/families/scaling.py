"""Scalers, transformers of values, splines, bins."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special
from sklearn import preprocessing as pp
from sklearn.metrics.pairwise import rbf_kernel

from zoo import data
from zoo.shelf import REFUSED, Pair, case, entry, known

entry("Binarizer", pp.Binarizer(threshold=0.5), data.features)
entry("MaxAbsScaler", pp.MaxAbsScaler(), data.features)
entry("MaxAbsScaler(sparse)", pp.MaxAbsScaler(), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry("MinMaxScaler", pp.MinMaxScaler((-1, 1), clip=True), data.features)
entry("Normalizer", pp.Normalizer("l1"), data.features)
entry("RobustScaler", pp.RobustScaler(quantile_range=(10.0, 90.0), unit_variance=True), data.features)
entry("StandardScaler", pp.StandardScaler(), data.features)
entry("StandardScaler(missing)", pp.StandardScaler(), data.holes)
entry("StandardScaler(float32)", pp.StandardScaler(), lambda: (data.single()[0], None, data.single()[2]))
entry("StandardScaler(sparse)", pp.StandardScaler(with_mean=False), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry(
    "StandardScaler(pandas out)",
    pp.StandardScaler().set_output(transform="pandas"),
    lambda: (data.numbers_frame()[0], None, data.numbers_frame()[2]),
)
entry("PowerTransformer", pp.PowerTransformer(), data.features)
entry(
    "PowerTransformer(box-cox)",
    pp.PowerTransformer("box-cox", standardize=False),
    lambda: (np.exp(data.features()[0]), None, np.exp(data.features()[2])),
)
entry("QuantileTransformer", pp.QuantileTransformer(n_quantiles=20), data.features)
entry(
    "X:QuantileTransformer",
    pp.QuantileTransformer(
        n_quantiles=15, output_distribution="normal", subsample=50, random_state=np.random.RandomState(0)
    ),
    data.holes,
)
entry("PolynomialFeatures", pp.PolynomialFeatures(2), data.features)
entry(
    "PolynomialFeatures(interactions)",
    pp.PolynomialFeatures((2, 3), interaction_only=True, include_bias=False, order="F"),
    data.features,
)

entry("SplineTransformer", pp.SplineTransformer(), data.features)
entry("SplineTransformer#1", known(pp.SplineTransformer, handle_missing="zeros"), data.holes)
entry(
    "X:SplineTransformer",
    pp.SplineTransformer(n_knots=4, degree=2, knots="quantile", extrapolation="periodic"),
    data.features,
)
for _extrapolation in ("linear", "constant", "continue", "error"):
    entry(
        f"SplineTransformer({_extrapolation})",
        pp.SplineTransformer(n_knots=4, extrapolation=_extrapolation, include_bias=False),
        lambda: (data.features()[0], None, data.features()[0][:10]),
    )
entry(
    "SplineTransformer(given knots, sparse)",
    pp.SplineTransformer(knots=np.array([[-3.0], [0], [1], [4]]), degree=1, sparse_output=True),
    lambda: (data.one_column()[0], None, data.one_column()[2]),
)

for _strategy in ("uniform", "quantile", "kmeans"):
    for _encode in ("onehot", "ordinal", "onehot-dense"):
        _name = {("quantile", "onehot"): "KBinsDiscretizer", ("kmeans", "ordinal"): "X:KBins"}.get(
            (_strategy, _encode), f"KBins({_strategy}, {_encode})"
        )
        entry(
            _name,
            known(
                pp.KBinsDiscretizer,
                n_bins=3,
                strategy=_strategy,
                encode=_encode,
                random_state=0,
                quantile_method="averaged_inverted_cdf",
            ),
            data.features,
        )
entry(
    "KBins(float32, many)",
    pp.KBinsDiscretizer([2, 3, 4, 5, 3, 2], dtype=np.float32, encode="ordinal", strategy="uniform", subsample=None),
    data.features,
)

entry(
    "KernelCenterer",
    pp.KernelCenterer(),
    lambda: (rbf_kernel(data.features()[0]), None, rbf_kernel(data.features()[2], data.features()[0])),
)
entry("FunctionTransformer", pp.FunctionTransformer(), data.features)
entry("X:FunctionTransformer(np.log1p)", pp.FunctionTransformer(np.log1p, inverse_func=np.expm1), data.unit)
for _function, _inverse in (
    (np.sqrt, np.square), (np.abs, None), (special.expit, special.logit), (special.erf, None), (special.gammaln, None),
    (pp.normalize, None), (pp.minmax_scale, None), (np.nan_to_num, None), (np.cbrt, None)):  # fmt: skip
    entry(
        f"FunctionTransformer({_function.__name__})",
        pp.FunctionTransformer(_function, _inverse, feature_names_out="one-to-one", check_inverse=False),
        data.unit,
    )
entry(
    "FunctionTransformer(kw_args)",
    pp.FunctionTransformer(np.clip, kw_args={"a_min": 0.1, "a_max": 0.4}, inv_kw_args={}),
    data.unit,
)
entry(
    "FunctionTransformer(frame)",
    pp.FunctionTransformer(np.tanh, feature_names_out="one-to-one"),
    lambda: (data.numbers_frame()[0], None, data.numbers_frame()[2]),
)


@case("X:FunctionTransformer(lambda)", REFUSED)
def with_lambda() -> Pair:
    X, _, rows = data.features()
    return pp.FunctionTransformer(lambda X: X * 2).fit(X), rows


@case("StandardScaler(in parts)")
def in_parts() -> Pair:
    X, _, rows = data.features()
    return pp.StandardScaler().partial_fit(X[:30]).partial_fit(X[30:]), rows


@case("MinMaxScaler(frame with spaces)")
def spaced() -> Pair:
    X = pd.DataFrame({"größe (cm)": [1.0, 2.5, 4.0], "a b\n": [0, 1, 2]})
    return pp.MinMaxScaler().fit(X), X
