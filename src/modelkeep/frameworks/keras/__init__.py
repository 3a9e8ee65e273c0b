"""Keras 3 models, on any of its backends. They are asked as in inference, in batches of one size."""

from __future__ import annotations

from modelkeep.ports import Cell, Framework

FRAMEWORK = Framework(
    name="keras",
    title="Keras",
    claims=("keras.src.models.model.Model",),
    methods=("predict",),
    distributions=("keras",),
    ask=Cell("modelkeep.frameworks.keras.asking:ask", ("keras",)),
    rows=Cell("modelkeep.frameworks.keras.asking:rows", ("keras",)),
)
