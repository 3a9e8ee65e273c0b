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
    best = booster.best_iteration  # the rounds that early stopping leaves to answer, 0 for all
    file.write(lightgbm_text(booster, best if best > 0 else -1).encode())


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
