"""The two models of the demonstration, trained on data that ships with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trained:
    """A fitted model, the rows that it is asked, and the methods that answer."""

    name: str
    title: str
    takes: str
    model: Any
    rows: Any
    methods: tuple[str, ...]


def iris() -> Trained:
    """Three kinds of iris told apart by four lengths."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, kinds = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(rows, kinds)
    return Trained(
        "iris",
        "which of three kinds of iris, by logistic regression",
        "4 lengths and widths",
        model,
        rows,
        ("predict", "predict_proba", "predict_log_proba", "decision_function"),
    )


def diabetes() -> Trained:
    """Whether diabetes progresses faster than usual, from a table with numbers, categories and gaps."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table, progression = diabetes_table()
    numbers = table.select_dtypes("number").columns.tolist()
    categories = [name for name in table.columns if name not in numbers]
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )
    model = make_pipeline(prepare, RandomForestClassifier(100, max_depth=6, random_state=0))
    model.fit(table, progression)
    takes = f"a pandas DataFrame of {len(numbers)} numbers and {len(categories)} categories, with gaps in both"
    title = "whether diabetes will advance fast, by a pipeline that fills gaps, scales, encodes and asks 100 trees"
    return Trained("diabetes", title, takes, model, table, ("predict", "predict_proba", "predict_log_proba"))


def diabetes_table() -> tuple[Any, Any]:
    """The diabetes data as people would have it: words where there were codes, and gaps."""
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_diabetes

    found = load_diabetes(as_frame=True, scaled=False)
    table, target = found.data, found.target
    table = table.assign(
        sex=table["sex"].map({1.0: "1", 2.0: "2"}),
        age_group=pd.cut(table["age"], [0, 35, 50, 65, 120], labels=["young", "middle", "older", "old"]),
        pressure=np.where(table["bp"] > 100, "high", "usual"),
    )
    # Every 7th and every 11th entry is missing, by position: the same gaps on every machine.
    table.loc[table.index % 7 == 3, "bmi"] = np.nan
    table.loc[table.index % 11 == 5, "s5"] = np.nan
    table.loc[table.index % 13 == 2, "pressure"] = None
    return table, np.where(target > target.median(), "faster", "slower")


MODELS: tuple[Callable[[], Trained], ...] = (iris, diabetes)
