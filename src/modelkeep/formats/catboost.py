"""CatBoost's own file. CatBoost verifies it; it is opened in a child process first."""

from __future__ import annotations

from typing import Any, BinaryIO

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

#: By what a model was trained to lessen: the interface of scikit-learn that takes it. All others are regressions.
_CLASSIFIERS = frozenset(
    "Logloss CrossEntropy Focal MultiClass MultiClassOneVsAll MultiLogloss MultiCrossEntropy".split()
)
_RANKERS = frozenset(
    "PairLogit PairLogitPairwise YetiRank YetiRankPairwise LambdaMart StochasticFilter StochasticRank QueryRMSE "
    "QuerySoftMax QueryCrossEntropy".split()
)


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    from modelkeep.boosters.loading import settled_catboost

    file.write(settled_catboost(model))


def read(data: memoryview, rules: Any) -> Any:
    """A classifier or a ranker where the model was trained as one, else a regressor.

    A sum of models does not say what it was trained as, and is a plain ``CatBoost``.
    """
    from modelkeep.boosters.loading import catboost_bytes, catboost_loss, catboost_model

    kept = catboost_bytes(data)
    seen = catboost_model("CatBoost", kept)
    loss = catboost_loss(seen)
    if loss is None:
        return seen
    name = loss.partition(":")[0]
    kind = "Classifier" if name in _CLASSIFIERS else "Ranker" if name in _RANKERS else "Regressor"
    # By its loss a model decides what predict gives: the exponent of the sums, for some.
    return catboost_model(f"CatBoost{kind}", kept, **({"loss_function": loss} if loss else {}))


FORMAT = Format(
    name="catboost",
    title="CatBoost's own file, opened in a child process first",
    safety=Safety.DATA,
    suffixes=(".cbm",),
    magic=(b"CBM1",),
    writers={"catboost": Cell("modelkeep.formats.catboost:write", ("catboost",))},
    reader=Cell("modelkeep.formats.catboost:read", ("catboost",)),
)
