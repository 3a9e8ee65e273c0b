"""XGBoost: its models behave as scikit-learn's do; a bare booster is asked by a matrix of its own."""

from __future__ import annotations

from typing import Any

from modelkeep.ports import Cell, Framework


def ask(model: Any, method: str, rows: Any) -> Any:
    if type(model).__name__ != "Booster":
        return getattr(model, method)(rows)
    import xgboost

    named = hasattr(rows, "columns")
    names = None if named else model.feature_names
    return model.predict(xgboost.DMatrix(rows, feature_names=names, enable_categorical=named))


def edges(model: Any) -> tuple[Any, Any]:
    """The columns and thresholds of its trees."""
    from modelkeep.forests.xgboost import parsed

    booster = model if type(model).__name__ == "Booster" else model.get_booster()
    forest = parsed(booster.save_raw(raw_format="json")).forest
    return ((), ()) if forest is None else forest.edges()


FRAMEWORK = Framework(
    name="xgboost",
    title="XGBoost",
    claims=("xgboost.",),
    methods=("predict", "predict_proba", "apply"),
    distributions=("xgboost", "xgboost-cpu", "numpy"),
    ask=Cell("modelkeep.frameworks.xgboost:ask", ("xgboost",)),
    edges=Cell("modelkeep.frameworks.xgboost:edges", ("xgboost",)),
)
