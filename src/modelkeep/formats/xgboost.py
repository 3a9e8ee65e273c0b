"""XGBoost's own files. Reading one checks it and hands XGBoost what modelkeep wrote anew."""

from __future__ import annotations

from typing import Any, BinaryIO

from modelkeep.errors import ExportError
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """As ``save_model`` writes: binary, or JSON with ``{"json": True}``."""
    import math
    import os
    import tempfile

    missing = getattr(model, "missing", None)
    if missing is not None and not math.isnan(missing):
        raise ExportError(
            f"an XGBoost file does not hold that {missing} stands for a missing number",
            hint="save the model as a .keep file; or fit it on rows with NaN in its place",
        )
    suffix = ".json" if recipe.options.get("json") or str(getattr(file, "name", "")).endswith(".json") else ".ubj"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"model{suffix}")
        model.save_model(path)
        with open(path, "rb") as written:
            file.write(written.read())


def read(data: memoryview, rules: Any) -> Any:
    """A booster; where the file says so, the model of XGBoost's interface of scikit-learn around it."""
    import xgboost

    from modelkeep.boosters.loading import estimator_type, xgboost_booster

    booster = xgboost_booster(data)
    kinds = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}
    kind = kinds.get(estimator_type(booster) or "")
    if kind is None:
        return booster
    model = getattr(xgboost, kind)(enable_categorical=True)
    model.load_model(booster.save_raw(raw_format="ubj"))
    return model


FORMAT = Format(
    name="xgboost",
    title="XGBoost's own file, checked before XGBoost sees it",
    safety=Safety.DATA,
    suffixes=(".ubj", ".json"),
    magic=(b"{L\0\0\0\0\0\0\0\x07", b'{"learner"', b'{"version"'),
    writers={"xgboost": Cell("modelkeep.formats.xgboost:write", ("xgboost",))},
    reader=Cell("modelkeep.formats.xgboost:read", ("xgboost",)),
)
