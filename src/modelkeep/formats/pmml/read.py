"""A PMML file as a predictor: checked, opened only then, and asked the rows that it carries."""

from __future__ import annotations

import warnings
from typing import Any, BinaryIO

from modelkeep.errors import DriftError, DriftWarning, UsageError
from modelkeep.formats.pmml import verification
from modelkeep.pmml.answers import classes_of, contract_of
from modelkeep.pmml.check import check
from modelkeep.predictors.pmml import PmmlModel


def read(data: memoryview, rules: Any) -> PmmlModel:
    """The predictor. The rows inside the file are asked again unless ``rules.on_drift`` is ``"ignore"``."""
    outline = check(data, allow_regex=rules.policy.allow_regex)
    contract = contract_of(outline)
    model = PmmlModel(bytes(data), contract, {name: outline.types.get(name, "") for name in outline.inputs})
    if classes := classes_of(outline, contract):
        model.classes_ = classes
    if rules.on_drift == "ignore":
        return model
    try:
        try:
            verification.check(model, outline)
        except UsageError as error:  # it does not answer its own rows
            raise DriftError(f"the file does not answer the rows in it: {error}", hint=error.hint) from None
    except DriftError as error:
        if rules.on_drift == "raise":
            raise
        warnings.warn(str(error), DriftWarning, stacklevel=5)
    return model


def rewrite(model: PmmlModel, file: BinaryIO, recipe: Any) -> None:
    """The same bytes again."""
    if recipe.options or recipe.compress:
        raise UsageError("a PMML file is written as it was read", hint="leave options and compress out")
    file.write(model.data)
