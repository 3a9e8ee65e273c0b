"""Tree models of every family, small, and the hardest rows for each: next to its thresholds, gaps, infinities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

COLUMNS = 5


@dataclass(frozen=True)
class Case:
    """``make(trees)`` gives an unfitted model; ``target`` names what it learns, ``gaps`` says that it takes NaN."""

    make: Callable[[int], Any]
    target: str
    gaps: bool = True
    infinite: bool = False
    tolerance: float = 1e-12


def training(rows: int = 600, seed: int = 0) -> tuple[Any, dict[str, Any]]:
    """Rows with gaps, and targets of several kinds."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, COLUMNS))
    two = (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(int)
    three = np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.5])
    number = 3 * x[:, 0] + np.sin(x[:, 1])
    positive = np.abs(number) + 0.01
    targets = {
        "two": two,
        "three": three,
        "texts": np.array(["low", "middle", "high"])[three],
        "floats": two * 2.0,
        "number": number,
        "positive": positive,
        "share": positive / positive.max(),
        "numbers": np.c_[number, -number],
        "labels": np.c_[two, three],
        "flags": np.c_[two, three > 0].astype(int),
        "same": np.zeros(rows, dtype=int),
    }
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, targets


def _sklearn() -> dict[str, Case]:
    from sklearn import ensemble, tree
    from sklearn.linear_model import LogisticRegression

    deep = {"max_depth": 7, "random_state": 0}
    gradient, histogram = ensemble.GradientBoostingClassifier, ensemble.HistGradientBoostingClassifier
    return {
        "tree": Case(lambda n: tree.DecisionTreeClassifier(random_state=0), "texts"),
        "tree, several labels": Case(lambda n: tree.DecisionTreeClassifier(**deep), "labels"),
        "tree, one node": Case(lambda n: tree.DecisionTreeClassifier(**deep), "same"),
        "tree, numbers": Case(lambda n: tree.DecisionTreeRegressor(random_state=0), "numbers"),
        "extra tree": Case(lambda n: tree.ExtraTreeClassifier(random_state=0), "three"),
        "extra tree, number": Case(lambda n: tree.ExtraTreeRegressor(**deep), "number"),
        "forest": Case(lambda n: ensemble.RandomForestClassifier(n, random_state=0), "texts"),
        "forest, floats as labels": Case(lambda n: ensemble.RandomForestClassifier(n, **deep), "floats"),
        "forest, several labels": Case(lambda n: ensemble.RandomForestClassifier(n, **deep), "labels"),
        "forest, one class": Case(lambda n: ensemble.RandomForestClassifier(n, **deep), "same"),
        "forest, number": Case(lambda n: ensemble.RandomForestRegressor(n, random_state=0), "number"),
        "forest, numbers": Case(lambda n: ensemble.RandomForestRegressor(n, max_features=2, **deep), "numbers"),
        "extra trees": Case(lambda n: ensemble.ExtraTreesClassifier(n, **deep), "three"),
        "extra trees, number": Case(lambda n: ensemble.ExtraTreesRegressor(n, **deep), "number"),
        "boosting": Case(lambda n: gradient(n_estimators=n), "two", gaps=False),
        "boosting, three classes": Case(lambda n: gradient(n_estimators=n), "texts", gaps=False),
        "boosting, exponential": Case(lambda n: gradient(n_estimators=n, loss="exponential"), "two", gaps=False),
        "boosting from zero": Case(lambda n: gradient(n_estimators=n, init="zero"), "three", gaps=False),
        "boosting, number": Case(lambda n: ensemble.GradientBoostingRegressor(n_estimators=n), "number", gaps=False),
        "boosting, quantile": Case(
            lambda n: ensemble.GradientBoostingRegressor(n_estimators=n, loss="quantile"), "number", gaps=False
        ),
        "boosting from a forest": Case(
            lambda n: ensemble.GradientBoostingRegressor(
                n_estimators=n, init=ensemble.RandomForestRegressor(5, random_state=0)
            ),
            "number",
            gaps=False,
        ),
        "histogram": Case(lambda n: histogram(max_iter=n), "two", infinite=True),
        "histogram, three classes": Case(lambda n: histogram(max_iter=n), "texts", infinite=True),
        "histogram, number": Case(
            lambda n: ensemble.HistGradientBoostingRegressor(max_iter=n), "number", infinite=True
        ),
        "histogram, poisson": Case(
            lambda n: ensemble.HistGradientBoostingRegressor(max_iter=n, loss="poisson"), "positive", infinite=True
        ),
        "isolation": Case(lambda n: ensemble.IsolationForest(n_estimators=n, random_state=0), "two", gaps=False),
        "isolation, some columns": Case(
            lambda n: ensemble.IsolationForest(n_estimators=n, max_features=3, contamination=0.1, random_state=0),
            "two",
            gaps=False,
        ),
        "adaboost": Case(lambda n: ensemble.AdaBoostClassifier(n_estimators=n, random_state=0), "texts", gaps=False),
        "adaboost, two classes": Case(
            lambda n: ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=3), n_estimators=n),
            "two",
            gaps=False,
        ),
        "adaboost, number": Case(
            lambda n: ensemble.AdaBoostRegressor(n_estimators=n, random_state=0), "number", gaps=False
        ),
        "bagging, some columns": Case(
            lambda n: ensemble.BaggingClassifier(n_estimators=n, max_features=0.6, random_state=0), "texts"
        ),
        "bagging, number": Case(lambda n: ensemble.BaggingRegressor(n_estimators=n, random_state=0), "number"),
        "voting of trees": Case(
            lambda n: ensemble.VotingClassifier(
                [("a", tree.DecisionTreeClassifier(**deep)), ("b", histogram(max_iter=n))], voting="soft"
            ),
            "two",
        ),
        "stacking on trees": Case(
            lambda n: ensemble.StackingClassifier(
                [("a", ensemble.RandomForestClassifier(n, **deep)), ("b", histogram(max_iter=n))], LogisticRegression()
            ),
            "two",
            tolerance=1e-9,
        ),
    }


def _xgboost() -> dict[str, Case]:
    import xgboost

    classifier, regressor = xgboost.XGBClassifier, xgboost.XGBRegressor

    def case(make: Any, target: str, **settings: Any) -> Case:
        settings = {"max_depth": 4, **settings}
        return Case(lambda n: make(n_estimators=n, **settings), target, tolerance=1e-6)

    return {
        "xgboost": case(classifier, "two"),
        "xgboost, three classes": case(classifier, "three"),
        "xgboost, softmax": case(classifier, "three", objective="multi:softmax"),
        "xgboost, hinge": case(classifier, "two", objective="binary:hinge"),
        "xgboost, raw": case(classifier, "two", objective="binary:logitraw"),
        "xgboost, flags": case(classifier, "flags"),
        "xgboost, one class": case(classifier, "same"),
        "xgboost, dropping trees": case(classifier, "three", booster="dart", rate_drop=0.3),
        "xgboost, forests": case(classifier, "two", num_parallel_tree=3, subsample=0.7),
        "xgboost, linear": case(classifier, "three", booster="gblinear", max_depth=None),
        "xgboost forest": case(xgboost.XGBRFClassifier, "three"),
        "xgboost, number": case(regressor, "number", base_score=0.25),
        "xgboost, numbers": case(regressor, "numbers"),
        "xgboost, trees of numbers": case(regressor, "numbers", multi_strategy="multi_output_tree"),
        "xgboost, gap is zero": case(regressor, "number", missing=0.0),
        **{
            f"xgboost, {objective}": case(regressor, "share", objective=objective)
            for objective in ("count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic", "reg:squaredlogerror")
        },
        "xgboost, cox": case(regressor, "positive", objective="survival:cox"),
    }


def _lightgbm() -> dict[str, Case]:
    import lightgbm

    classifier, regressor = lightgbm.LGBMClassifier, lightgbm.LGBMRegressor
    forest = {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}

    def case(make: Any, target: str, *, gaps: bool = True, **settings: Any) -> Case:
        settings = {"num_leaves": 15, "verbose": -1, **settings}
        return Case(lambda n: make(n_estimators=n, **settings), target, gaps=gaps, infinite=True)

    return {
        "lightgbm": case(classifier, "two"),
        "lightgbm, three classes": case(classifier, "texts"),
        "lightgbm, one against all": case(classifier, "three", objective="multiclassova"),
        "lightgbm, dropping trees": case(classifier, "two", boosting_type="dart"),
        "lightgbm forest": case(classifier, "three", **forest),
        "lightgbm forest, number": case(regressor, "number", **forest),
        "lightgbm, zero is a gap": case(classifier, "two", zero_as_missing=True),
        "lightgbm, no gaps": case(classifier, "two", use_missing=False),
        "lightgbm, one class": case(classifier, "same"),
        "lightgbm, number": case(regressor, "number"),
        "lightgbm, roots": case(regressor, "positive", reg_sqrt=True),
        **{
            f"lightgbm, {objective}": case(regressor, "share", objective=objective)
            for objective in ("poisson", "gamma", "tweedie", "cross_entropy", "cross_entropy_lambda", "quantile")
        },
    }


def _catboost() -> dict[str, Case]:
    import catboost

    classifier, regressor = catboost.CatBoostClassifier, catboost.CatBoostRegressor

    def case(make: Any, target: str, **settings: Any) -> Case:
        settings = {"depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1, **settings}
        return Case(lambda n: make(iterations=n, **settings), target, infinite=True)

    return {
        "catboost": case(classifier, "two"),
        "catboost, three classes": case(classifier, "texts"),
        "catboost, one against all": case(classifier, "three", loss_function="MultiClassOneVsAll"),
        "catboost, flags": case(classifier, "flags", loss_function="MultiLogloss"),
        "catboost, gaps above": case(classifier, "two", nan_mode="Max"),
        "catboost, by leaf": case(classifier, "three", grow_policy="Lossguide"),
        "catboost, number": case(regressor, "number", grow_policy="Depthwise"),
        "catboost, numbers": case(regressor, "numbers", loss_function="MultiRMSE"),
        "catboost, poisson": case(regressor, "positive", loss_function="Poisson"),
        "catboost, with its doubt": case(regressor, "number", loss_function="RMSEWithUncertainty"),
    }


def cases() -> dict[str, Case]:
    """All of them, by what they are."""
    return {**_sklearn(), **_xgboost(), **_lightgbm(), **_catboost()}


def hard_rows(thresholds: list[tuple[int, float]], case: Case, count: int, most: int, seed: int = 1) -> Any:
    """Random rows, then for ``most`` of the thresholds the numbers next to it in float32 and float64, then gaps."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(count, COLUMNS)) * 1.5]
    chosen = rng.permutation(len(thresholds))[:most]
    near = []
    for column, value in (thresholds[place] for place in chosen):
        with np.errstate(over="ignore"):
            narrow = np.float32(value)
        for each in (
            value,
            np.nextafter(value, np.inf),
            np.nextafter(value, -np.inf),
            float(narrow),
            float(np.nextafter(narrow, np.float32(np.inf))),
            float(np.nextafter(narrow, np.float32(-np.inf))),
        ):
            if not case.infinite and not abs(each) < np.finfo(np.float32).max:
                continue  # no row that such a model takes has it
            row = rng.normal(size=COLUMNS)
            row[column] = each
            near.append(row)
    rows += [np.array(near).reshape(-1, COLUMNS), np.zeros((1, COLUMNS))]
    odd = [0.0, 1e-35, -1e-35, 1e300] if case.infinite else [0.0, 1e-35]
    odd += [np.nan] if case.gaps else []
    odd += [np.inf, -np.inf] if case.infinite else []
    for column in range(COLUMNS):
        for value in odd:
            some = rng.normal(size=(20, COLUMNS))
            some[:, column] = value
            rows.append(some)
    whole = np.vstack(rows)
    if case.gaps:
        whole[rng.random(whole.shape) < 0.03] = np.nan
    return whole
