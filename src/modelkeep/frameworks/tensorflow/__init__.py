"""TensorFlow: SavedModels, which answer in a process of their own, and live modules with signatures."""

from __future__ import annotations

from modelkeep.ports import Cell, Framework

FRAMEWORK = Framework(
    name="tensorflow",
    title="TensorFlow",
    claims=("modelkeep.predictors.savedmodel.", "tensorflow.python.trackable.autotrackable.AutoTrackable"),
    methods=("predict", "__call__"),
    distributions=("tensorflow",),
    ask=Cell("modelkeep.frameworks.tensorflow.asking:ask", ("tensorflow",)),
)
