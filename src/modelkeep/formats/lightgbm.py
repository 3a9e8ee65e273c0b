"""LightGBM's own text file. Reading one checks it and hands LightGBM what modelkeep wrote anew."""

from __future__ import annotations

from typing import Any, BinaryIO

from modelkeep.errors import ExportError
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """All that the file holds is a booster: what a classifier adds to it is lost, so a classifier is refused."""
    from modelkeep.boosters.loading import lightgbm_text

    if hasattr(model, "classes_"):
        raise ExportError(
            "a LightGBM file holds no class labels",
            hint="export model.booster_, whose answers are the shares of the classes; or save it as a .keep file",
        )
    booster = getattr(model, "booster_", model)
    text = lightgbm_text(booster)
    if booster.best_iteration > 0:
        text = booster.model_to_string(num_iteration=booster.best_iteration)
    file.write(text.encode())


def read(data: memoryview, rules: Any) -> Any:
    """A booster."""
    from modelkeep.boosters.loading import lightgbm_booster

    return lightgbm_booster(data)


FORMAT = Format(
    name="lightgbm",
    title="LightGBM's own text, checked before LightGBM sees it",
    safety=Safety.DATA,
    suffixes=(".txt",),
    magic=(b"tree\nversion=",),
    writers={"lightgbm": Cell("modelkeep.formats.lightgbm:write", ("lightgbm",))},
    reader=Cell("modelkeep.formats.lightgbm:read", ("lightgbm",)),
)
