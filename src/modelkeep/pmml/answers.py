"""What a PMML file's methods are, and its answers as numpy arrays with the labels that the model had.

A contract says how fields become answers: ``{"version": 1, "inputs": [name, ...], "methods": {"predict":
{"fields": [name, ...], "dtype": "<i8", "labels": [[...]], "texts": [[...]], "flat": true}, "predict_proba":
{"fields": [[name, ...], ...], ...}}}``. Files of other programs have none: then it is made of what PMML itself says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, UsageError, quote
from modelkeep.pmml.outline import Outline

VERSION = 1
METHODS = ("transform", "predict", "predict_proba", "decision_function")
_HINT = "don't use this file: it was made by another program, or to do harm; get the model from its maker"
_TEXT = 1 << 16

Contract = Mapping[str, Any]


def contract_of(outline: Outline) -> Contract:
    """The file's own contract, checked; or one made of its targets and outputs."""
    if outline.contract is None:
        return _natural(outline)
    contract = outline.contract
    known = {"", *outline.targets, *(output.name for output in outline.outputs)}
    methods, inputs = contract.get("methods"), contract.get("inputs")
    if contract.get("version") != VERSION or not isinstance(methods, dict) or not _is_texts(inputs):
        raise CheckError("what modelkeep wrote into the header is damaged, or newer", hint=_HINT)
    if not set(outline.inputs) <= set(inputs or ()) or len(set(inputs or ())) != len(inputs or ()):
        raise CheckError("the header's inputs are not those of the model", hint=_HINT)
    for name, entry in methods.items():
        if name not in METHODS or not isinstance(entry, dict) or not _is_entry(name, entry, known):
            raise CheckError(f"the header's entry for {quote(name)} is damaged", hint=_HINT)
    return contract


def _natural(outline: Outline) -> Contract:
    methods: dict[str, Any] = {"predict": {"fields": outline.targets or [""], "flat": len(outline.targets) < 2}}
    told = [each for each in outline.outputs if each.feature == "probability" and each.value is not None]
    values = [each.value or "" for each in told]
    declared = set().union(*(outline.values.get(name, ()) for name in outline.targets)) or set(values)
    # A row of probabilities has each label once; what tells less is for ``fields`` alone.
    if len(outline.targets) < 2 and len(values) > 1 and len(set(values)) == len(values) and set(values) >= declared:
        methods["predict_proba"] = {"fields": [[each.name for each in told]], "dtype": "<f8", "flat": True}
    return {"version": VERSION, "inputs": outline.inputs, "methods": methods}


def classes_of(outline: Outline, contract: Contract) -> list[Any] | None:
    """The labels of the columns of ``predict_proba``, where one table has them all."""
    entry, labels = contract["methods"].get("predict_proba"), contract["methods"].get("predict", {}).get("labels")
    if entry is None or not entry["flat"]:
        return None
    if outline.contract is not None:
        return labels[0] if labels and len(labels) == 1 and len(labels[0]) == len(entry["fields"][0]) else None
    kind = outline.types.get(outline.targets[0], "") if outline.targets else ""
    values = {each.name: each.value or "" for each in outline.outputs if each.feature == "probability"}
    return [_label(values[name], kind) for name in entry["fields"][0]]


def _label(text: str, kind: str) -> Any:
    """A value as the evaluator gives it for a field of that type."""
    try:
        return {"integer": int, "double": float, "float": float}.get(kind, str)(text)
    except ValueError:
        return text


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_entry(name: str, entry: Mapping[str, Any], known: set[str]) -> bool:
    fields, labels, dtype = entry.get("fields"), entry.get("labels"), entry.get("dtype")
    groups = fields if name == "predict_proba" else [fields]
    if not isinstance(groups, list) or not groups or not all(map(_is_texts, groups)):
        return False
    if not {each for group in groups for each in group} <= known or not isinstance(entry.get("flat"), bool):
        return False
    if entry["flat"] and (
        len(groups) != 1 or (name != "predict_proba" and len(groups[0]) != 1 and name != "transform")
    ):
        return False
    try:
        plain = dtype is None or (isinstance(dtype, str) and np.dtype(dtype).kind in "fiubUO" and len(dtype) < 9)
    except TypeError:
        plain = False
    if labels is None or not plain:
        return plain
    return _is_labels(labels, entry.get("texts"), len(groups[0])) and all(_holds(dtype, each) for each in labels)


def _holds(dtype: str | None, labels: list[Any]) -> bool:
    """Whether labels come out of an array of that type as they went in."""
    try:
        held: bool = np.array(labels, dtype=dtype).tolist() == labels
    except (ValueError, TypeError, OverflowError):
        return False
    return held


def _is_labels(labels: Any, texts: Any, count: int) -> bool:
    if not isinstance(labels, list) or len(labels) != count or not all(isinstance(each, list) for each in labels):
        return False
    if texts is not None and [len(each) for each in texts] != [len(each) for each in labels]:
        return False
    return all(isinstance(label, str | int | float) and len(str(label)) < _TEXT for each in labels for label in each)


def answer_of(name: str, entry: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """One method's answer, as the model gave it: its shape, dtype and labels."""
    if name == "predict_proba":
        made = [_numbers(group, fields, entry.get("dtype")) for group in entry["fields"]]
        return made[0] if entry["flat"] else made
    labels = entry.get("labels")
    if labels is None:
        table = _plain(entry["fields"], fields, entry.get("dtype"))
    else:
        texts = entry.get("texts") or [[text_of(label) for label in each] for each in labels]
        decoded = [
            _decode(column, each, _found(name, fields))
            for name, each, column in zip(entry["fields"], labels, texts, strict=True)
        ]
        table = np.stack([np.array(column, dtype=entry.get("dtype")) for column in decoded], axis=1)
    return table[:, 0] if entry["flat"] else table


def _found(name: str, fields: Mapping[str, Any]) -> Any:
    if name not in fields:
        raise UsageError(f"the file does not answer with {quote(name)}", hint="export the model again")
    return fields[name]


def _numbers(names: list[str], fields: Mapping[str, Any], dtype: str | None) -> Any:
    columns = [np.array([_number(value) for value in _found(name, fields)], dtype=np.float64) for name in names]
    table = np.stack(columns, axis=1)
    whole = np.dtype(dtype or np.float64).kind in "iu"
    if whole and not np.isfinite(table).all():
        raise UsageError("the file gives no answer to some rows", hint="pass rows as the model takes them")
    return table.astype(dtype or np.float64)


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def _plain(names: list[str], fields: Mapping[str, Any], dtype: str | None) -> Any:
    if dtype is not None and np.dtype(dtype).kind in "fiu":
        return _numbers(names, fields, dtype)
    columns = [_column(_found(name, fields)) for name in names]
    return np.stack(columns, axis=1) if dtype is None else np.stack(columns, axis=1).astype(dtype)


def _column(values: Any) -> Any:
    """One value a row, also where the values are lists: the answers of several models, say."""
    if isinstance(values, list) and any(isinstance(value, list | tuple | dict) for value in values):
        return np.array([*values, None], dtype=object)[:-1]
    return np.asarray(values)


def text_of(label: Any) -> str:
    """A label as PMML writes it."""
    if isinstance(label, bool | np.bool_):
        return "true" if label else "false"
    return str(label)


def _decode(texts: list[str], labels: list[Any], values: Any) -> list[Any]:
    """The labels that the evaluator's values stand for: by their text, or as numbers."""
    exact = dict(zip(texts, labels, strict=True))
    loose = {_loose(text): label for text, label in exact.items()}
    found = []
    for value in values.tolist() if isinstance(values, np.ndarray) else values:
        text = text_of(value)
        label = exact.get(text, loose.get(_loose(text)))
        if label is None:
            raise UsageError(f"the file answers {quote(value)}, which is no label", hint="export the model again")
        found.append(label)
    return found


def _loose(text: str) -> str:
    try:
        return repr(float(text))
    except ValueError:
        return text
