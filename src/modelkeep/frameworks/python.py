"""Any Python object: a scaler of your own, a dictionary of arrays. It answers by the methods that it has."""

from __future__ import annotations

from modelkeep.ports import Framework

FRAMEWORK = Framework(
    name="python",
    title="plain Python objects",
    claims=(),
    methods=("transform", "predict", "predict_proba"),
)
