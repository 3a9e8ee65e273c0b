"""What a model knows of its raw input columns: split thresholds, categories, vocabulary, centre and spread.

Everything is read from attributes by name, so that a compound is walked without importing its framework. Only parts
that see the raw columns are asked; what lies behind a transformer that changes values is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Parts of a compound deeper than this, and trees beyond this number, are not asked.
DEPTH = 10
TREES = 6
#: Rows of a fitted sample (such as ``_fit_X``) from which centre and spread are taken.
FITTED_ROWS = 256

_TOLERANT = ("ignore", "infrequent_if_exist", "warn", "use_encoded_value")
#: Attributes that hold a part which sees the same columns, the fitted one first.
_PARTS = ("best_estimator_", "estimator_", "regressor_", "classifier_", "base_estimator_", "estimator", "_preprocessor")
_CENTRES = (("mean_", "scale_"), ("center_", "scale_"), ("statistics_", None), ("mean_", None))
_SAMPLES = ("_fit_X", "X_train_", "X_fit_", "support_vectors_", "cluster_centers_", "means_", "theta_", "centroids_")

Columns = np.ndarray[Any, Any]
NONE = np.arange(0)
WIDEST = 1 << 20


@dataclass
class Facts:
    """``edges`` are (column, value) at which an answer jumps; ``trees`` come with the raw columns that they see."""

    width: int | None = None
    names: list[str] | None = None
    edges: list[tuple[int, float]] = field(default_factory=list)
    trees: list[tuple[Any, Columns]] = field(default_factory=list)
    categories: dict[int, Any] = field(default_factory=dict)
    unseen: set[int] = field(default_factory=set)
    texts: set[int] = field(default_factory=set)
    vocabulary: list[str] = field(default_factory=list)
    centre: Columns = field(default_factory=lambda: np.zeros(0))
    spread: Columns = field(default_factory=lambda: np.zeros(0))
    text: bool = False
    records: list[str] | None = None
    fitted: Columns | None = None


def look(model: Any, *, values: bool = True) -> Facts:
    """Walk ``model`` and note what it knows. Cheap: only shapes, names and a few values are read.

    ``centre`` is NaN in columns of which no scale is known; without ``values`` it stays empty.
    """
    names = getattr(model, "feature_names_in_", None)
    facts = Facts(_width(model, 0))
    if isinstance(names, np.ndarray) and names.ndim == 1:
        facts.names = [str(name) for name in names.tolist()]
    if values and facts.width is not None:
        facts.centre, facts.spread = np.full(facts.width, np.nan), np.ones(facts.width)
    # Rows wider than this are never edited, and their column numbers alone would cost more than all answers.
    _visit(model, np.arange(facts.width or 0) if (facts.width or 0) <= WIDEST else NONE, facts, 0)
    return facts


#: What tells how many columns a bare model of a library takes, a method or a list of names.
_COUNTERS = {"xgboost": "num_features", "lightgbm": "num_feature", "catboost": "feature_names_"}


def _width(model: Any, depth: int) -> int | None:
    """The number of raw columns: the model's own, or that of its first part which sees them."""
    width = getattr(model, "n_features_in_", None)
    state = getattr(model, "__dict__", None)
    if isinstance(width, int | np.integer) and width > 0:  # CatBoost's own loader leaves 0
        return int(width)
    if (name := _COUNTERS.get(type(model).__module__.partition(".")[0])) and hasattr(model, name):
        count = getattr(model, name)
        return int(count()) if callable(count) else len(count or ()) or None
    if state is None or depth > 4:
        return None
    if state.get("kernel") is not None and len(shape := state.get("shape_fit_", ())) == 2:
        return int(shape[1])
    return next((found for part, _ in parts(model, state, NONE) if (found := _width(part, depth + 1))), None)


def _visit(model: Any, columns: Columns, facts: Facts, depth: int) -> None:
    state = getattr(model, "__dict__", None)
    if depth > DEPTH or state is None or isinstance(model, type):
        return
    _note_tree(model, state, columns, facts)
    _note_categories(state, columns, facts)
    _note_text(model, state, columns, facts)
    if len(facts.centre):
        _note_values(state, columns, facts)
    _note_edges(state, columns, facts)
    for part, seen in parts(model, state, columns):
        _visit(part, seen, facts, depth + 1)


def parts(model: Any, state: dict[str, Any], columns: Columns, members: int = TREES) -> Iterator[tuple[Any, Columns]]:
    """The parts of a compound that see raw columns, each with those columns; of an ensemble at most ``members``."""
    if isinstance(state.get("steps"), list):
        yield from _steps(state["steps"], columns)
    elif isinstance(state.get("transformers_"), list):
        for _, part, chosen in state["transformers_"]:
            yield part, chosen_columns(model, chosen, columns)
    elif isinstance(state.get("transformer_list"), list):
        yield from ((entry[1], columns) for entry in state["transformer_list"])
    elif "support_" in state and "estimator_" in state and len(state["support_"]) == len(columns):
        yield state["estimator_"], columns[state["support_"]]
    else:
        for name in _PARTS:
            if state.get(name) is not None:
                yield state[name], columns
                break
    yield from _many(state, columns, members)


def _many(state: dict[str, Any], columns: Columns, most: int) -> Iterator[tuple[Any, Columns]]:
    members = state.get("estimators_", state.get("calibrated_classifiers_"))
    if not isinstance(members, list | np.ndarray) or len(members) == 0:
        return
    flat = members.ravel() if isinstance(members, np.ndarray) else members
    chosen = state.get("estimators_features_")
    for i in spaced(len(flat), most):
        seen = columns[chosen[i]] if chosen is not None and len(columns) else columns
        yield flat[i], seen


def _steps(steps: list[Any], columns: Columns) -> Iterator[tuple[Any, Columns]]:
    """Each step as long as the columns before it are passed on as they came."""
    for entry in steps:
        step = entry[1]
        if step is None or step == "passthrough":
            continue
        yield step, columns
        state = getattr(step, "__dict__", {})
        if hasattr(step, "get_support") and len(columns):
            columns = columns[step.get_support()]
        elif not (type(step).__name__.endswith("Imputer") and _keeps_columns(state)):
            return


def _keeps_columns(state: dict[str, Any]) -> bool:
    if state.get("add_indicator"):
        return False
    statistics = state.get("statistics_")
    return statistics is None or statistics.dtype.kind != "f" or not np.isnan(statistics).any()


def chosen_columns(model: Any, chosen: Any, columns: Columns) -> Columns:
    """The columns that one transformer of a ColumnTransformer was given, as positions in the raw table."""
    if callable(chosen):
        return columns[:0]
    names = getattr(model, "feature_names_in_", None)
    listed = [chosen] if isinstance(chosen, str | int) else chosen
    if isinstance(listed, slice) and not isinstance(listed.start or listed.stop, str):
        return columns[listed]
    if isinstance(listed, slice) or (len(listed) and isinstance(listed[0], str)):
        if names is None:
            return columns[:0]
        place = {name: i for i, name in enumerate(names.tolist())}
        if isinstance(listed, slice):
            last = len(place) if listed.stop is None else place.get(listed.stop, -1) + 1
            return columns[place.get(listed.start, 0) : last]
        return columns[[place[name] for name in listed if name in place]]
    index = np.asarray(listed)
    found: Columns = columns[index if index.dtype == bool else index.astype(np.intp)]
    return found


def _note_tree(model: Any, state: dict[str, Any], columns: Columns, facts: Facts) -> None:
    if len(facts.trees) >= TREES or not len(columns):
        return
    if hasattr(state.get("tree_"), "children_left"):
        facts.trees.append((state["tree_"], columns))
    predictors = state.get("_predictors")
    if isinstance(predictors, list) and predictors:
        categorical = state.get("is_categorical_")
        if categorical is not None and len(categorical) == len(columns):
            columns = np.concatenate([columns[categorical], columns[~categorical]])
        for i in spaced(len(predictors), TREES - len(facts.trees)):
            facts.trees.append((predictors[i][0], columns))
        if len(facts.centre):
            _note_bins(state, columns, facts)


def _note_bins(state: dict[str, Any], columns: Columns, facts: Facts) -> None:
    thresholds = getattr(state.get("_bin_mapper"), "bin_thresholds_", None)
    found = [
        (column, values[len(values) // 2], (values[-1] - values[0]) / 4)
        for column, values in zip(columns.tolist(), thresholds or (), strict=False)
        if len(values)
    ]
    if found:
        places, centre, spread = map(np.array, zip(*found, strict=True))
        _set(facts, places, centre, spread)


def _note_categories(state: dict[str, Any], columns: Columns, facts: Facts) -> None:
    found = state.get("categories_")
    if isinstance(found, list) and len(found) == len(columns):
        for column, values in zip(columns.tolist(), found, strict=True):
            facts.categories.setdefault(column, values)
        if state.get("handle_unknown") in _TOLERANT or "target_type_" in state:
            facts.unseen.update(columns.tolist())
    counts = state.get("n_categories_")
    if isinstance(counts, np.ndarray) and len(counts) == len(columns):
        facts.categories.update((column, np.arange(n)) for column, n in zip(columns.tolist(), counts, strict=True))


def _note_text(model: Any, state: dict[str, Any], columns: Columns, facts: Facts) -> None:
    vocabulary = state.get("vocabulary_", state.get("vocabulary"))
    if "feature_names_" in state and vocabulary is not None:
        facts.records = [str(name) for name in state["feature_names_"][:64]]
    elif hasattr(model, "build_analyzer"):
        if isinstance(vocabulary, dict | list | tuple):
            facts.vocabulary.extend(str(word) for word, _ in zip(vocabulary, range(64), strict=False))
        facts.texts.update(columns.tolist())
        facts.text = facts.text or not len(columns)


def _note_values(state: dict[str, Any], columns: Columns, facts: Facts) -> None:
    """Centre and spread of each column; what an outer part said stays."""
    width = len(columns)
    if not width:
        return
    for name in _SAMPLES:
        sample = state.get(name)
        if isinstance(sample, np.ndarray) and sample.ndim == 2 and sample.shape[1] == width and len(sample):
            if facts.fitted is None and width == facts.width:
                facts.fitted = sample
            _set(facts, columns, sample[:FITTED_ROWS].mean(axis=0), sample[:FITTED_ROWS].std(axis=0))
            return
    if isinstance(low := state.get("data_min_"), np.ndarray) and len(low) == width:
        _set(facts, columns, (low + state["data_max_"]) / 2, (state["data_max_"] - low) / 4)
        return
    for first, second in _CENTRES:
        centre, spread = state.get(first), state.get(second) if second else None
        if isinstance(centre, np.ndarray) and centre.shape == (width,) and centre.dtype.kind == "f":
            _set(facts, columns, centre, spread if isinstance(spread, np.ndarray) else np.ones(width))
            return


def _set(facts: Facts, columns: Columns, centre: Any, spread: Any) -> None:
    """Fill in the columns of which nothing is known yet."""
    new = np.isnan(facts.centre[columns])
    spread = np.where(np.isfinite(spread) & (np.asarray(spread) > 0), spread, 1.0)
    facts.spread[columns] = np.where(new, spread, facts.spread[columns])
    facts.centre[columns] = np.where(new, centre, facts.centre[columns])


def _note_edges(state: dict[str, Any], columns: Columns, facts: Facts) -> None:
    """Edges of bins, of quantiles and of isotonic steps: the middle one of each column."""
    found: Any = None
    if isinstance(edges := state.get("bin_edges_"), np.ndarray) and len(edges) == len(columns):
        found = list(edges)
    elif isinstance(quantiles := state.get("quantiles_"), np.ndarray) and quantiles.shape[1:] == (len(columns),):
        found = list(quantiles.T)
    elif isinstance(steps := state.get("X_thresholds_"), np.ndarray):
        found, columns = [steps], np.zeros(1, dtype=np.intp)
    for column, values in zip(columns[:64].tolist(), found or (), strict=False):
        inner = values[len(values) // 2] if len(values) else np.nan
        if np.isfinite(inner):
            facts.edges.append((column, float(inner)))
            if column < len(facts.centre):
                _set(facts, np.array([column]), inner, (values[-1] - values[0]) / 4)


def spaced(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` positions out of ``count``, evenly spaced, with the first and the last.

    >>> spaced(10, 4), spaced(3, 4), spaced(0, 4)
    ([0, 3, 6, 9], [0, 1, 2], [])
    """
    if count <= wanted:
        return list(range(count))
    if wanted <= 1:
        return [0][:wanted]
    return [i * (count - 1) // (wanted - 1) for i in range(wanted)]
