"""The schema: what a model takes and what it gives. Taken from a sample and the model, kept as JSON without floats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: More categories, classes or columns than this are counted, not listed.
LISTED = 1000
JUDGED = 4096


@dataclass(frozen=True)
class Column:
    """One input column, or one of several inputs: then it has a ``shape``, with None for the number of rows.

    ``dtype`` is its name in pandas or numpy; ``missing`` says whether gaps are accepted.

    ``categories`` are those of a categorical dtype, in order; values that JSON has no exact form for are text.
    """

    name: str | int
    dtype: str
    missing: bool | None = None
    categories: tuple[str | int | bool | None, ...] | None = None
    category_count: int | None = None
    category_dtype: str | None = None
    ordered: bool | None = None
    shape: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class Output:
    """What one method gives. ``None`` in ``shape`` stands for the number of rows."""

    kind: str
    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None
    columns: tuple[str | int, ...] | None = None
    items: tuple[Output, ...] | None = None


@dataclass(frozen=True)
class Schema:
    """``kind`` of the input: table, array, sparse, text, records, list, inputs (arrays by name), or unknown."""

    kind: str
    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None
    columns: tuple[Column, ...] | None = None
    missing: bool | None = None
    classes: tuple[Any, ...] | None = None
    class_count: int | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The schema as JSON values, without what is not known and without floats."""
        found: dict[str, Any] = _plain(asdict(self))
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """The inverse of :meth:`as_dict`."""
        values = dict(data)
        if "columns" in values:
            values["columns"] = tuple(
                Column(**{**entry, **_tuple(entry, "categories"), **_tuple(entry, "shape")})
                for entry in values["columns"]
            )
        values["outputs"] = {name: _output(entry) for name, entry in values.get("outputs", {}).items()}
        return cls(**{**values, **_tuple(values, "shape"), **_tuple(values, "classes")})


def of(model: Any, sample: Any, answers: Mapping[str, Any]) -> Schema:
    """The schema of ``model``: inputs from ``sample`` (or from the model without one), outputs from ``answers``.

    ``answers`` is method -> answer, of any number of rows. Nothing is computed on the sample's values, so its size
    doesn't matter.
    """
    gaps = missing_columns(model)
    taken = _inputs(model, sample, gaps)
    classes, count = _classes(model)
    return Schema(
        **taken,
        missing=None if gaps is None else any(gaps.values()) if gaps else False,
        classes=classes,
        class_count=count,
        outputs={name: _describe(answer) for name, answer in answers.items()},
    )


def _told(model: Any, name: str) -> Any:
    """What a model says of itself. It may be a property, which fails where the model is not whole: then nothing."""
    try:
        return getattr(model, name, None)
    except Exception:
        return None


def missing_columns(model: Any) -> dict[int, bool] | None:
    """By column, whether the model takes a missing value there; None when the model doesn't say.

    Read from scikit-learn's tags. In a pipeline a gap goes on to the next step until a step fills or encodes it.
    Of a very wide table only the first columns are judged.
    """
    try:
        fates = _fates(model, min(int(getattr(model, "n_features_in_", 0) or 0), JUDGED), 0)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None  # tags are the model's own code, and attributes named as in a pipeline may be something else
    return None if fates is None else {column: fate != "refuse" for column, fate in enumerate(fates)}


def _fates(model: Any, width: int, depth: int) -> list[str] | None:
    """What a part does with a gap, by column: ``refuse`` it, ``absorb`` it, or ``pass`` it on."""
    state = getattr(model, "__dict__", {})
    if depth > 10:
        return None
    if isinstance(state.get("steps"), list):
        return _chain([entry[1] for entry in state["steps"]], width, depth)
    if isinstance(state.get("transformers_"), list):
        return _split(model, state["transformers_"], width, depth)
    for name in ("best_estimator_", "regressor_"):
        if state.get(name) is not None:
            return _fates(state[name], width, depth + 1)
    tags = getattr(model, "__sklearn_tags__", None)
    if tags is None:
        return None
    if type(model).__name__.endswith("Encoder") and "categories_" in state:
        tolerant = state.get("handle_unknown", "value") != "error"
        return ["absorb" if tolerant or _has_gap(values) else "refuse" for values in state["categories_"]]
    if not tags().input_tags.allow_nan:
        return ["refuse"] * width
    ends = hasattr(model, "predict") or type(model).__name__.endswith("Imputer")
    return ["absorb" if ends else "pass"] * width


def _chain(steps: list[Any], width: int, depth: int) -> list[str] | None:
    fates: list[str] | None = ["pass"] * width
    for step in steps:
        if step is None or step == "passthrough":
            continue
        if fates is None or "pass" not in fates:
            break
        if step is steps[0]:
            fates = _fates(step, width, depth + 1)
        else:  # columns may have moved: one answer for all that still have gaps
            later = _fates(step, 1, depth + 1)
            fate = "refuse" if not later or "refuse" in later else "pass" if "pass" in later else "absorb"
            fates = [fate if old == "pass" else old for old in fates]
    return fates


def _split(model: Any, parts: list[Any], width: int, depth: int) -> list[str]:
    fates = ["pass"] * width
    names = {name: i for i, name in enumerate(getattr(model, "feature_names_in_", ()))}
    for _, part, chosen in parts:
        listed = [chosen] if isinstance(chosen, str | int) else chosen
        if isinstance(listed, slice):
            listed = range(width)[listed] if not isinstance(listed.start or listed.stop, str) else ()
        elif len(listed) and type(listed[0]).__name__ in ("bool", "bool_"):
            listed = [i for i, flag in enumerate(listed) if flag]
        places = [names[key] if isinstance(key, str) else int(key) for key in listed]
        if not isinstance(part, str):
            found = _fates(part, len(places), depth + 1) or ["refuse"] * len(places)
            for place, fate in zip(places, found, strict=False):
                if place < width:
                    fates[place] = "refuse" if "refuse" in (fate, fates[place]) else fate
    return fates


def _has_gap(values: Any) -> bool:
    return any(value is None or value != value for value in values[-2:].tolist())


def _inputs(model: Any, sample: Any, gaps: dict[int, bool] | None) -> dict[str, Any]:
    if sample is None:
        return _known_inputs(model, gaps)
    if hasattr(sample, "columns") and hasattr(sample, "dtypes"):
        return {"kind": "table", "shape": (None, len(sample.columns)), "columns": _columns(sample, gaps)}
    if hasattr(sample, "tocsr"):
        return {"kind": "sparse", "dtype": str(sample.dtype), "shape": (None, *map(int, sample.shape[1:]))}
    if hasattr(sample, "dtype") and hasattr(sample, "shape"):
        first = sample.iloc[0] if hasattr(sample, "iloc") and len(sample) else None
        first = sample.flat[0] if first is None and hasattr(sample, "flat") and sample.size else first
        text = len(sample.shape) == 1 and isinstance(first, str)
        shape = (None, *map(int, sample.shape[1:]))
        return {"kind": "text" if text else "array", "dtype": str(sample.dtype), "shape": shape}
    if isinstance(sample, dict):
        inputs = tuple(Column(name, str(x.dtype), shape=(None, *map(int, x.shape[1:]))) for name, x in sample.items())
        return {"kind": "inputs", "shape": (None,), "columns": inputs}
    first = sample[0] if isinstance(sample, list | tuple) and sample else None
    kind = "text" if isinstance(first, str) else "records" if isinstance(first, dict) else "list"
    return {"kind": kind, "shape": (None,)}


def _known_inputs(model: Any, gaps: dict[int, bool] | None) -> dict[str, Any]:
    """Without a sample the width and the names are known, the dtypes are not."""
    names, width = _told(model, "feature_names_in_"), _told(model, "n_features_in_")
    if not hasattr(width, "__index__"):
        return {"kind": "unknown"}
    if not hasattr(names, "__len__") or len(names) > LISTED:
        return {"kind": "array" if names is None else "table", "shape": (None, int(width))}
    columns = tuple(Column(str(name), "unknown", (gaps or {}).get(i)) for i, name in enumerate(names))
    return {"kind": "table", "shape": (None, int(width)), "columns": columns}


def _columns(frame: Any, gaps: dict[int, bool] | None) -> tuple[Column, ...] | None:
    if len(frame.columns) > LISTED:
        return None
    return tuple(
        Column(_name(name), str(dtype), (gaps or {}).get(i), **_categories(dtype))
        for i, (name, dtype) in enumerate(zip(frame.columns.tolist(), frame.dtypes.tolist(), strict=True))
    )


def _categories(dtype: Any) -> dict[str, Any]:
    values = getattr(dtype, "categories", None)
    if values is None or not hasattr(dtype, "ordered"):
        return {}
    listed = tuple(_exact(value) for value in values.tolist()) if len(values) <= LISTED else None
    return {
        "categories": listed,
        "category_count": len(values),
        "category_dtype": str(values.dtype),
        "ordered": bool(dtype.ordered),
    }


def _classes(model: Any) -> tuple[tuple[Any, ...] | None, int | None]:
    """A model's classes: those of scikit-learn are arrays, a user's own model may have a list."""
    classes = _told(model, "classes_")
    if isinstance(classes, list | tuple) and classes and all(getattr(each, "ndim", 0) == 1 for each in classes):
        listed = tuple(tuple(_exact(value) for value in each.tolist()) for each in classes if len(each) <= LISTED)
        return listed if len(listed) == len(classes) else None, None  # one array an output
    if getattr(classes, "ndim", 0) == 1 and hasattr(classes, "tolist"):
        classes = classes.tolist()
    if not isinstance(classes, list | tuple):
        return None, None
    return (tuple(_exact(value) for value in classes) if len(classes) <= LISTED else None), len(classes)


def _describe(answer: Any) -> Output:
    if isinstance(answer, list | tuple):
        parts = [part for part in answer[:LISTED] if hasattr(part, "shape")]
        if parts and len(parts) == len(answer):
            return Output(type(answer).__name__, items=tuple(_describe(part) for part in parts))
        return Output(type(answer).__name__, shape=(None,))
    if hasattr(answer, "columns") and hasattr(answer, "dtypes"):
        width = len(answer.columns)
        names = tuple(_name(name) for name in answer.columns.tolist()) if width <= LISTED else None
        dtypes = {str(dtype) for dtype in answer.dtypes.tolist()}
        return Output("table", dtypes.pop() if len(dtypes) == 1 else "mixed", (None, width), names)
    if hasattr(answer, "dtype") and hasattr(answer, "shape") and answer.shape:
        kind = "sparse" if hasattr(answer, "tocsr") else "array"
        return Output(kind, str(answer.dtype), (None, *map(int, answer.shape[1:])))
    return Output("value", type(answer).__name__)


def _name(value: Any) -> str | int:
    return value if isinstance(value, str | int) and not isinstance(value, bool) else repr(value)


def _exact(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool) else repr(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _tuple(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The list under ``key`` as a tuple, and lists in it too."""
    return {key: tuple(tuple(item) if isinstance(item, list) else item for item in entry[key])} if key in entry else {}


def _output(entry: Mapping[str, Any]) -> Output:
    items = {"items": tuple(_output(item) for item in entry["items"])} if "items" in entry else {}
    return Output(**{**entry, **_tuple(entry, "shape"), **_tuple(entry, "columns"), **items})
