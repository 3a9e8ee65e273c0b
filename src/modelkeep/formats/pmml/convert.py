"""What runs in the child beside Java: a scikit-learn, XGBoost or LightGBM model becomes PMML text.

sklearn2pmml's converter classes are driven one after the other in one Java, without its command: that one starts a Java
for each model, and reports failures to its makers over the network.
"""

from __future__ import annotations

import os
import pickle
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelkeep.errors import ExportError, UsageError, quote, said
from modelkeep.formats.pmml import gaps
from modelkeep.formats.pmml.describe import EXPONENTIAL_OUTPUT
from modelkeep.pmml import java

#: The newest scikit-learn that the converter knows: it compares this text, and refuses what is newer by a digit.
_KNOWN = "1.9.0"
_DEPTH = 40
_SCHEMA_END = b"</MiningSchema>"
_HINT = "export it to another format (modelkeep formats), or save it as a .keep file"


def convert(model: bytes, names: list[str] | None, targets: list[str] | None, width: int) -> bytes:
    """The PMML document of a pickled model of the parent; ``width`` columns of ``transform``, 0 where it predicts."""
    try:
        found = pickle.loads(model)  # of our own parent, made a moment ago from the user's live model
    except Exception as error:
        raise ExportError(
            f"the model can't be opened in another process: {said(error)}",
            hint="define its classes in a module that can be imported",
        ) from error
    _check_votes(_last(found))
    repairs = _repairs(found)
    _configure_trees(found, set(), 0)
    document = _document(found, names, targets, width)
    for wrong, right in repairs:
        document = re.sub(wrong, right, document, count=1 if wrong == _SCHEMA_END else 0, flags=re.DOTALL)
    if type(found).__module__.startswith("lightgbm.") and names is not None and hasattr(found, "booster_"):
        document = gaps.zeros(document, found, names)
    return document


def _check_votes(model: Any) -> None:
    """Of classes with as many votes scikit-learn takes the first, and evaluators another."""
    if type(model).__name__ != "KNeighborsClassifier" or model.n_neighbors == 1:
        return
    if len(model.classes_) > 2 or model.n_neighbors % 2 == 0:
        raise ExportError(
            "its neighbours can give two classes as many votes, which PMML settles otherwise",
            hint="fit it on two classes with an odd n_neighbors, or export it to another format",
        )


def _document(found: Any, names: list[str] | None, targets: list[str] | None, width: int) -> bytes:
    steps = [("model", found)]
    try:
        return _converted(_ended(steps, width), names, targets)
    except ExportError as error:
        if "feature type" not in str(error) or names is None:
            raise
    steps.insert(0, ("columns", _identity_scaler(len(names))))  # selectors don't stand first
    return _converted(_ended(steps, width), names, targets)


def _repairs(model: Any) -> list[tuple[bytes, bytes]]:
    """Where the converter writes what an older scikit-learn did, or forgets a rule: patterns, and what to write."""
    import numpy as np
    from sklearn.preprocessing import KBinsDiscretizer

    repairs = []
    bins = KBinsDiscretizer(n_bins=2, encode="ordinal", strategy="uniform").fit(np.array([[0.0], [2.0]]))
    if not bins.transform([[1 - 1e-9]]).any():  # edges are exact now, once a little was added to each number
        function = rb'(<DefineFunction name="add_eps"[^>]*>\s*<ParameterField name="x"/>).*?(</DefineFunction>)'
        repairs.append((function, rb'\1<FieldRef field="x"/>\2'))
    if type(model).__name__.startswith("HistGradientBoosting"):  # an unseen category goes where a missing one goes
        repairs.append((rb'invalidValueTreatment="asIs"', rb'invalidValueTreatment="asMissing"'))
    if getattr(_last(model), "loss", None) in ("poisson", "gamma") and hasattr(model, "predict"):
        repairs.append((_SCHEMA_END, _SCHEMA_END + EXPONENTIAL_OUTPUT))  # the converter leaves the sum as it is
    return repairs


def _last(model: Any) -> Any:
    """The estimator that predicts."""
    while hasattr(model, "steps") or hasattr(model, "best_estimator_"):
        model = model.best_estimator_ if hasattr(model, "best_estimator_") else model.steps[-1][1]
    return model


def _ended(steps: list[tuple[str, Any]], width: int) -> Any:
    """PMML has no models that only transform: a regression that gives back its columns stands behind them."""
    import numpy as np
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import Pipeline

    if not width:
        return steps[0][1] if len(steps) == 1 else Pipeline(steps)
    identity = LinearRegression()
    identity.coef_ = np.eye(width) if width > 1 else np.ones(1)
    identity.intercept_ = np.zeros(width) if width > 1 else 0.0
    identity.n_features_in_ = width
    return Pipeline([*steps, ("columns out", identity)])


def _identity_scaler(width: int) -> Any:
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_mean=False, with_std=False)
    scaler.mean_ = scaler.var_ = scaler.scale_ = None
    scaler.n_features_in_, scaler.n_samples_seen_ = width, 1
    return scaler


def _configure_trees(model: Any, met: set[int], depth: int) -> None:
    """Trees know where missing values go, also those that met none: they are to say so.

    None is pruned: the converter takes away branches whose leaves differ.
    """
    if depth > _DEPTH or id(model) in met or isinstance(model, type):
        return
    met.add(id(model))
    if isinstance(model, list | tuple | dict):
        for each in model.values() if isinstance(model, dict) else model:
            _configure_trees(each, met, depth + 1)
        return
    state = getattr(model, "__dict__", None)
    if state is None or not hasattr(model, "get_params"):
        return
    trees = [tree for tree in _trees(model) if tree is not None]
    if trees:
        takes_gaps = model.__sklearn_tags__().input_tags.allow_nan
        model.pmml_options_ = {
            "prune": False,
            **({"allow_missing": True, "compact": False, "node_id": True} if takes_gaps else {}),
        }
    for value in list(state.values()):
        if hasattr(value, "ravel") and getattr(getattr(value, "dtype", None), "hasobject", False):
            value = value.ravel().tolist()
        _configure_trees(value, met, depth + 1)


def _trees(model: Any) -> list[Any]:
    members = getattr(model, "estimators_", ())
    found = members.ravel().tolist() if hasattr(members, "ravel") else list(members) if members is not None else []
    return [getattr(each, "tree_", None) for each in [model, *found]]


@contextmanager
def _dumped(pipeline: Any) -> Iterator[str]:
    """The pipeline in a file that the converter reads, under a version that it knows."""
    import joblib
    import sklearn.base

    version = sklearn.base.__version__
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        path = os.path.join(folder, "model.pkl")
        known = tuple(map(int, _KNOWN.split(".")[:2]))
        if tuple(map(int, version.split(".")[:2])) == known:
            sklearn.base.__version__ = _KNOWN
        try:
            joblib.dump(pipeline, path)
        finally:
            sklearn.base.__version__ = version
        yield path


def _converted(model: Any, names: list[str] | None, targets: list[str] | None) -> bytes:
    import sklearn2pmml

    try:
        pipeline = sklearn2pmml.make_pmml_pipeline(model, names, targets)
        pipeline = sklearn2pmml._escape(pipeline, sklearn2pmml._escape)
    except Exception as error:  # it looks into every part of the model
        raise ExportError(f"the model has no PMML form: {said(error)}", hint=_HINT) from error
    jpype_class = java.start(jars())
    from jpype import JException

    jpype_class("java.util.logging.LogManager").getLogManager().reset()
    jpype_class("org.jpmml.sklearn.SkLearnUtil").initOnce()
    try:
        with _dumped(pipeline) as path:
            return _in_java(jpype_class, path)
    except JException as error:
        raise ExportError(reason(java.causes(error)), hint=_HINT) from None
    except RecursionError:
        raise ExportError("the model is nested too deep for pickle, which the converter reads", hint=_HINT) from None


def jars() -> list[str]:
    """The converter's jars, without the one that talks to its makers."""
    return [jar for jar in java.jars_of("sklearn2pmml", "resources") if "telemetry" not in os.path.basename(jar)]


def _in_java(jpype_class: Any, path: str) -> bytes:
    storage = jpype_class("org.jpmml.python.StorageUtil").createStorage(jpype_class("java.io.File")(path))
    try:
        loaded = jpype_class("org.jpmml.sklearn.SkLearnUnpickler")().load(storage)
    finally:
        storage.close()
    encodable = jpype_class("org.jpmml.sklearn.EncodableUtil")
    document = encodable.encodePMML(encodable.toEncodable(loaded))
    out = jpype_class("java.io.ByteArrayOutputStream")()
    jpype_class("org.jpmml.model.metro.MetroJAXBSerializer")().serializePretty(document, out)
    return bytes(out.toByteArray())


def reason(causes: list[str]) -> str:
    """Which part has no PMML form, and why, from what the converter says."""
    told = [cause.partition(": ")[2] or cause for cause in causes]
    parts = [match[1] for text in told if (match := re.search(r"\(Python class ([\w.]+)\)", text))]
    parts = [part for part in parts if not part.startswith("sklearn2pmml.")] or parts
    part = parts[-1].rpartition(".")[2] if parts else "the model"
    if any("is not a supported" in text for text in told):
        return f"the part {part} has no PMML form: the converter does not know it"
    why = next((text for text in reversed(told) if not text.startswith("Cannot cast net.razorvine")), told[-1])
    return f"the part {part} has no PMML form: {quote(why)[1:-1]}"


def check_names(names: list[str]) -> None:
    """Columns that a file can name: no two alike, and of characters that XML has."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageError(f"two columns are called {quote(name)}", hint="rename one of them")
        if not name or not is_text(name):
            raise UsageError(f"a column is called {quote(name)}, which XML can't hold", hint="rename it")
        seen.add(name)


def is_text(text: str) -> bool:
    """Whether XML 1.0 can hold a text."""
    return not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", text)
