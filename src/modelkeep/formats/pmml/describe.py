"""How a written file's fields answer for the model's methods: the contract that its header carries."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.pmml.answers import VERSION, text_of
from modelkeep.pmml.outline import Outline

_HINT = "export it to another format (modelkeep formats), or save it as a .keep file"
#: An output whose name says that it is the prediction, not the target's value.
EXPONENTIAL = "exp(predict)"
#: The first output is what the model sums up, the second its exponential, which is the prediction.
EXPONENTIAL_OUTPUT = (
    f'<Output><OutputField name="sum({EXPONENTIAL})" optype="continuous" dataType="double" feature="predictedValue"/>'
    f'<OutputField name="{EXPONENTIAL}" optype="continuous" dataType="double" feature="transformedValue">'
    f'<Apply function="exp"><FieldRef field="sum({EXPONENTIAL})"/></Apply></OutputField></Output>'
).encode()


def describe(model: Any, outline: Outline, names: list[str], answers: dict[str, Any]) -> dict[str, Any]:
    """The contract of a file with this outline, made from ``model``; ``answers`` are its own to some rows."""
    entries = {
        "transform": _transform(outline) if not hasattr(model, "predict") else None,
        "predict": _predict(model, outline, answers) if hasattr(model, "predict") else None,
        "predict_proba": _predict_proba(model, outline, answers),
        "decision_function": _named(outline, "decisionFunction") if not outline.targets else None,
    }
    methods: dict[str, Any] = {}
    for name, entry in entries.items():
        if entry is None or not hasattr(model, name):
            continue
        answer = answers.get(name)
        if (
            isinstance(answer, np.ndarray)
            and name == "predict_proba"
            and answer.shape[1:] != (len(entry["fields"][0]),)
        ):
            continue  # the file's probabilities are of other labels
        if answer is not None and "dtype" not in entry:
            first = answer[0] if isinstance(answer, list) else answer
            entry["dtype"] = np.asarray(first).dtype.str
        methods[name] = entry
    return {"version": VERSION, "inputs": names, "methods": methods}


def classes(model: Any) -> list[Any] | None:
    """The labels of each output, or None where answers are numbers."""
    found = getattr(model, "classes_", None)
    if found is None or not len(found):
        return None
    several = isinstance(found, list) and all(isinstance(each, np.ndarray) for each in found)
    return [np.asarray(each) for each in (found if several else [found])]


def _transform(outline: Outline) -> dict[str, Any]:
    return {"fields": outline.targets, "flat": False}


def _predict(model: Any, outline: Outline, answers: dict[str, Any]) -> dict[str, Any]:
    known = [output.name for output in outline.outputs]
    special = next((name for name in ("predict(outlier)", "cluster") if name in known), "")
    fields = [EXPONENTIAL] if EXPONENTIAL in known else outline.targets or [special]
    answer = answers.get("predict")
    entry: dict[str, Any] = {"fields": fields, "flat": len(fields) == 1}
    if answer is not None:
        entry["flat"] = np.ndim(answer) == 1
        width = 1 if entry["flat"] else np.shape(answer)[1]
        if width != len(fields):
            raise ExportError(f"it predicts {width} columns, the PMML file {len(fields)}", hint=_HINT)
    labels = classes(model)
    if labels is not None and len(labels) == len(fields) and outline.targets:
        entry["labels"] = [each.tolist() for each in labels]
        entry["dtype"] = np.asarray(answer).dtype.str if answer is not None else labels[0].dtype.str
        if outline.types.get(fields[0]) == "boolean" and len(labels[0]) == 2 and labels[0].dtype.kind != "b":
            entry["texts"] = [["false", "true"]]  # a score above zero, as CatBoost writes it
        if np.dtype(entry["dtype"]).hasobject:
            entry["dtype"] = "O"
    return entry


def _predict_proba(model: Any, outline: Outline, answers: dict[str, Any]) -> dict[str, Any] | None:
    labels, targets = classes(model), outline.targets
    if labels is None or len(labels) != len(targets):
        return None
    groups = []
    for target, names in zip(targets, labels, strict=True):
        found = [
            each for each in outline.outputs if each.name.startswith("probability(") or each.feature == "probability"
        ]
        own = [each for each in found if each.target == target] or (found if len(targets) == 1 else [])
        by_text = {each.value: each.name for each in own}
        fields = [by_text.get(text) for text in map(text_of, names.tolist())]
        if None in fields and len(own) == len(fields):
            fields = [each.name for each in own]
        if None in fields:
            return None
        groups.append(fields)
    answer = answers.get("predict_proba")
    if isinstance(answer, np.ndarray) and len(groups) > 1 and answer.shape[1:] == (len(groups),):
        groups = [[names[-1] for names in groups]]  # of several labels, each there or not: how probable it is there
    return {"fields": groups, "flat": not isinstance(answer, list) and len(groups) == 1}


def _named(outline: Outline, name: str) -> dict[str, Any] | None:
    found = any(output.name == name for output in outline.outputs)
    return {"fields": [name], "flat": True} if found else None
