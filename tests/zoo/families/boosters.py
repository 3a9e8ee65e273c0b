"""XGBoost, LightGBM and CatBoost: every kind of answer, booster and column."""

from __future__ import annotations

from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zoo.shelf import case

RNG = np.random.default_rng(7)
X = RNG.normal(size=(240, 5))
GAPS = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
Y2 = (X[:, 0] + X[:, 1] ** 2 > 0.6).astype(int)
Y3 = np.digitize(X[:, 0] + 0.3 * X[:, 2], [-0.5, 0.5])
WORDS = np.array(["low", "mid", "high"])[Y3]
NUMBERS = X[:, 0] * 2 + np.sin(X[:, 1])
COUNTS = RNG.poisson(np.exp(X[:, 0] / 2))
TABLE = pd.DataFrame(GAPS, columns=["a", "b", "c", "d", "e"]).assign(
    city=pd.Categorical(RNG.choice(["oslo", "rome", "bern", "lima", "cairo"], 240))
)
ROWS = GAPS[:40]

XGB = {"n_estimators": 6, "max_depth": 3, "n_jobs": 1}
LGB = {"n_estimators": 6, "num_leaves": 7, "min_child_samples": 5, "verbose": -1, "n_jobs": 1, "deterministic": True}
CAT = {"iterations": 6, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 0}


def put(name: str, model: Any, data: Any, target: Any, rows: Any, **fit: Any) -> None:
    case(name)(lambda: (model.fit(data, target, **fit), rows))


for kind, model in {
    "binary": xgboost.XGBClassifier(**XGB),
    "dart": xgboost.XGBClassifier(**XGB, booster="dart", rate_drop=0.3, random_state=0),
    "scaled": xgboost.XGBClassifier(**XGB, scale_pos_weight=2.0, base_score=0.3),
    "parallel": xgboost.XGBClassifier(**XGB, num_parallel_tree=3, subsample=0.7, random_state=0),
    "forest": xgboost.XGBRFClassifier(n_estimators=6, max_depth=3, random_state=0, n_jobs=1),
    "hinge": xgboost.XGBClassifier(**XGB, objective="binary:hinge"),
    "pruned": xgboost.XGBClassifier(**XGB, gamma=2.0),
}.items():
    put(f"XGBC({kind})", model, GAPS, Y2, ROWS)
put("XGBC(multi)", xgboost.XGBClassifier(**XGB), GAPS, Y3, ROWS)
put("XGBC(softmax)", xgboost.XGBClassifier(**XGB, objective="multi:softmax"), GAPS, Y3, ROWS)
put(
    "XGBC(categories)",
    xgboost.XGBClassifier(**XGB, enable_categorical=True, max_cat_to_onehot=2),
    TABLE,
    Y3,
    TABLE[:40],
)
for kind, model in {
    "squares": xgboost.XGBRegressor(**XGB),
    "linear": xgboost.XGBRegressor(n_estimators=6, booster="gblinear", n_jobs=1),
    "absolute": xgboost.XGBRegressor(**XGB, objective="reg:absoluteerror"),
    "quantile": xgboost.XGBRegressor(**XGB, objective="reg:quantileerror", quantile_alpha=[0.2, 0.8]),
    "monotone": xgboost.XGBRegressor(**XGB, monotone_constraints=(1, 0, 0, 0, 0)),
}.items():
    put(f"XGBR({kind})", model, X, NUMBERS, X[:40])
put("XGBR(poisson)", xgboost.XGBRegressor(**XGB, objective="count:poisson"), X, COUNTS, X[:40])
put("XGBR(survival)", xgboost.XGBRegressor(**XGB, objective="survival:cox"), X, COUNTS + 1, X[:40])
put("XGBR(targets)", xgboost.XGBRegressor(**XGB), X, np.c_[NUMBERS, -NUMBERS], X[:40])
put(
    "XGBR(trees of targets)",
    xgboost.XGBRegressor(**XGB, multi_strategy="multi_output_tree"),
    X,
    np.c_[NUMBERS, COUNTS],
    X[:40],
)
put("XGBR(missing is -1)", xgboost.XGBRegressor(**XGB, missing=-1.0), np.nan_to_num(GAPS, nan=-1.0), NUMBERS, X[:40])
put("XGBRanker", xgboost.XGBRanker(**XGB), X, Y3, X[:40], group=[120, 120])
put(
    "XGBC(early)",
    xgboost.XGBClassifier(n_estimators=40, max_depth=2, early_stopping_rounds=2, n_jobs=1),
    GAPS,
    Y2,
    ROWS,
    eval_set=[(GAPS[:60], Y2[:60])],
    verbose=False,
)
put(
    "XGBC(early, by a callback)",
    xgboost.XGBClassifier(**XGB, callbacks=[xgboost.callback.EarlyStopping(rounds=2, save_best=True)]),
    GAPS,
    Y2,
    ROWS,
    eval_set=[(GAPS[:60], Y2[:60])],
    verbose=False,
)


for kind, model in {
    "binary": lightgbm.LGBMClassifier(**LGB),
    "dart": lightgbm.LGBMClassifier(**LGB, boosting_type="dart"),
    "rf": lightgbm.LGBMClassifier(**LGB, boosting_type="rf", bagging_freq=1, bagging_fraction=0.6),
    "unbalanced": lightgbm.LGBMClassifier(**LGB, class_weight="balanced"),
    "zero is missing": lightgbm.LGBMClassifier(**LGB, zero_as_missing=True),
}.items():
    put(f"LGBMC({kind})", model, GAPS, Y2, ROWS)
put("LGBMC(words)", lightgbm.LGBMClassifier(**LGB), GAPS, WORDS, ROWS)
put("LGBMC(one against all)", lightgbm.LGBMClassifier(**LGB, objective="multiclassova"), GAPS, Y3, ROWS)
put("LGBMC(categories)", lightgbm.LGBMClassifier(**LGB, min_data_per_group=5, cat_smooth=0.0), TABLE, Y3, TABLE[:40])
for kind, model in {
    "squares": lightgbm.LGBMRegressor(**LGB),
    "linear trees": lightgbm.LGBMRegressor(**LGB, linear_tree=True),
    "quantile": lightgbm.LGBMRegressor(**LGB, objective="quantile", alpha=0.3),
    "no missing": lightgbm.LGBMRegressor(**LGB, use_missing=False),
}.items():
    put(f"LGBMR({kind})", model, X, NUMBERS, X[:40])
put("LGBMR(tweedie)", lightgbm.LGBMRegressor(**LGB, objective="tweedie"), X, COUNTS, X[:40])
put("LGBMR(constant)", lightgbm.LGBMRegressor(**LGB), X, np.ones(240), X[:40])
put("LGBMRanker", lightgbm.LGBMRanker(**LGB), X, Y3, X[:40], group=[120, 120])
put(
    "LGBMC(early)",
    lightgbm.LGBMClassifier(**{**LGB, "n_estimators": 40}),
    GAPS,
    Y2,
    ROWS,
    eval_set=[(GAPS[:60], Y2[:60])],
    callbacks=[lightgbm.early_stopping(2, verbose=False)],
)


@case("LGBMBooster")
def _lgbmbooster() -> Any:
    data = lightgbm.Dataset(GAPS, label=NUMBERS)
    return lightgbm.train({"verbose": -1, "num_threads": 1, "num_leaves": 7}, data, 6), GAPS[:40]


for kind, model, target in (
    ("binary", catboost.CatBoostClassifier(**CAT), Y2),
    ("multi", catboost.CatBoostClassifier(**CAT), WORDS),
    ("lossguide", catboost.CatBoostClassifier(**CAT, grow_policy="Lossguide", max_leaves=6), Y2),
    ("squares", catboost.CatBoostRegressor(**CAT), NUMBERS),
    ("poisson", catboost.CatBoostRegressor(**CAT, loss_function="Poisson"), COUNTS),
    ("raw", catboost.CatBoost({**CAT, "loss_function": "RMSE"}), NUMBERS),
):
    put(f"CatBoost({kind})", model, GAPS, target, ROWS)
TEXTS = TABLE.assign(city=TABLE["city"].astype(str))
put("CatBoost(categories)", catboost.CatBoostClassifier(**CAT, cat_features=["city"]), TEXTS, Y2, TEXTS[:40])
put("Scaler + XGBC", make_pipeline(StandardScaler(), xgboost.XGBClassifier(**XGB)), X, Y3, X[:40])
put("Scaler + LGBMC", make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(**LGB)), X, Y3, X[:40])
put("Scaler + CatBoost", make_pipeline(StandardScaler(), catboost.CatBoostRegressor(**CAT)), X, NUMBERS, X[:40])
put(
    "Voting(boosters)",
    VotingClassifier([("x", xgboost.XGBClassifier(**XGB)), ("l", lightgbm.LGBMClassifier(**LGB))], voting="soft"),
    X,
    Y2,
    X[:40],
)
put(
    "Stacking(boosters)",
    StackingClassifier(
        [("x", xgboost.XGBClassifier(**XGB)), ("c", catboost.CatBoostClassifier(**CAT))], LogisticRegression(), cv=2
    ),
    X,
    Y2,
    X[:40],
)
