"""CatBoost's own file. CatBoost verifies it; it is opened in a child process first."""

from __future__ import annotations

from typing import Any, BinaryIO

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

_CLASSES = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll")


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    from modelkeep.boosters.loading import settled_catboost

    file.write(settled_catboost(model._serialize_model()))


def read(data: memoryview, rules: Any) -> Any:
    """A classifier where the model was trained as one, else a regressor."""
    import catboost

    from modelkeep.boosters.loading import catboost_bytes

    kept = catboost_bytes(data)
    seen = catboost.CatBoost().load_model(blob=kept)
    loss = str(seen.get_all_params().get("loss_function", "")).partition(":")[0]
    model = catboost.CatBoostClassifier() if loss in _CLASSES else catboost.CatBoostRegressor()
    return model.load_model(blob=kept)


FORMAT = Format(
    name="catboost",
    title="CatBoost's own file, opened in a child process first",
    safety=Safety.DATA,
    suffixes=(".cbm",),
    magic=(b"CBM1",),
    writers={"catboost": Cell("modelkeep.formats.catboost:write", ("catboost",))},
    reader=Cell("modelkeep.formats.catboost:read", ("catboost",)),
)
