"""Which models have an ONNX form, and why the others have none."""

from __future__ import annotations

from typing import Any

from modelkeep.formats.onnx.steps import TABLE

_ITERATES = """NMF MiniBatchNMF LatentDirichletAllocation DictionaryLearning MiniBatchDictionaryLearning SparseCoder
SparsePCA MiniBatchSparsePCA LabelPropagation LabelSpreading"""
_SEARCHES = """KernelDensity LocalOutlierFactor NearestNeighbors RadiusNeighborsClassifier RadiusNeighborsRegressor
KNeighborsTransformer RadiusNeighborsTransformer Isomap LocallyLinearEmbedding Birch BisectingKMeans"""
_RECORDS = (
    "DictVectorizer FeatureHasher HashingVectorizer MultiLabelBinarizer LabelEncoder LabelBinarizer PatchExtractor"
)
_REASONS = {
    **dict.fromkeys(_ITERATES.split(), "solves a problem for each row"),
    **dict.fromkeys(_SEARCHES.split(), "searches the rows that it was fitted on"),
    **dict.fromkeys(_RECORDS.split(), "takes records, labels or hashes, not rows of a table"),
}


def support() -> tuple[tuple[str, bool, str], ...]:
    """For each estimator, by name: whether it has an ONNX form, and the reason where it has none.

    Estimators of scikit-learn are listed where it is installed, those of the boosting libraries always.
    """
    found = {name: (True, "") for name in TABLE if not name.startswith("_")}
    for name, cls in _estimators():
        if name not in found:
            found[name] = (False, _REASONS.get(name) or _reason(cls))
    return tuple((name, written, reason) for name, (written, reason) in sorted(found.items()))


def _estimators() -> list[tuple[str, Any]]:
    import importlib.util

    if importlib.util.find_spec("sklearn") is None:
        return []
    from sklearn.utils import all_estimators

    listed: list[tuple[str, Any]] = all_estimators()
    return listed


def _reason(cls: Any) -> str:
    if not any(hasattr(cls, name) for name in ("predict", "transform", "decision_function", "score_samples")):
        return "answers only the rows that it was fitted on"
    return "has no converter that was proved"
