"""Models as PMML files: converted in a child, described vouched for here, with the same bytes for the same model."""

from __future__ import annotations

import json
import os
import pickle
import re
import tempfile
from collections.abc import Mapping
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

from modelkeep.boosters.loading import catboost_loss
from modelkeep.errors import ExportError, LoadError, UsageError, quote, said
from modelkeep.formats.pmml import gaps, verification
from modelkeep.formats.pmml.convert import check_names
from modelkeep.formats.pmml.describe import EXPONENTIAL, describe
from modelkeep.pmml import java
from modelkeep.pmml.answers import METHODS
from modelkeep.pmml.check import check
from modelkeep.pmml.facts import EXTENDER
from modelkeep.predictors.refusals import refusals
from modelkeep.workers import Worker

#: Rows of the sample whose answers go into the file.
ROWS = 16
_TIMEOUT = 600.0
_worker = Worker("the PMML converter", java.ENVIRONMENT)
_HINT = "export it to another format (modelkeep formats), or save it as a .keep file"
_TIMESTAMP = re.compile(rb"\s*<Timestamp>[^<]*</Timestamp>")
_HEADER = re.compile(rb"<Header\b[^>]*?(/?)>")
_PREDICATE = re.compile(rb'(<SimplePredicate field="([^"]*)" operator="\w+" value=")([-+\d.eE]+)("/>)')
_END = re.compile(rb"</(\w+)>\s*</PMML>\s*$")

#: CatBoost writes which class a score means, not how probable it is.
_PROBABILITY = (
    '<OutputField name="probability({})" optype="continuous" dataType="double" feature="transformedValue">'
    '<Apply function="/"><Constant dataType="double">1</Constant><Apply function="+"><Constant dataType="double">1'
    '</Constant><Apply function="exp"><Apply function="*"><Constant dataType="double">{}</Constant>'
    '<FieldRef field="approx"/></Apply></Apply></Apply></Apply></OutputField>'
)
_PROBABILITIES = f"<Output>{_PROBABILITY.format('false', 1)}{_PROBABILITY.format('true', -1)}</Output>".encode()

#: Losses whose models predict the exponential of their score.
_EXPONENTIAL = (
    f'<OutputField name="{EXPONENTIAL}" optype="continuous" dataType="double" feature="transformedValue">'
    '<Apply function="exp"><FieldRef field="prediction"/></Apply></OutputField>'
).encode()
_EXPONENTIALS = ("Poisson", "Tweedie", "LogLinQuantile")


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """Through sklearn2pmml's converter. ``recipe.sample`` gives the columns' names and the rows to vouch for."""
    _check_recipe(recipe)
    if type(model).__name__ == "Booster":
        raise ExportError(
            "a Booster has no PMML form", hint="export the model of the scikit-learn API, or another format"
        )
    rows = verification.first_rows(recipe.sample, ROWS)
    names = _names(model, rows)
    answers = _answers(model, rows)
    width = 0
    if not hasattr(model, "predict"):
        width = _width(model, answers)
    try:
        pickled = pickle.dumps(model, protocol=5)
    except Exception as error:  # any part of the model may refuse
        raise ExportError(f"the model can't be handed to the converter: {said(error)}", hint=_HINT) from error
    java.find()
    asked = ("modelkeep.formats.pmml.convert:convert", pickled, names, _targets(names, answers, width), width)
    document = _worker.call(*asked, timeout=_TIMEOUT)
    _finish(model, file, document, names or [], rows, answers)


def write_catboost(model: Any, file: BinaryIO, recipe: Any) -> None:
    """By CatBoost's own exporter: regression and two classes."""
    _check_recipe(recipe)
    rows = verification.first_rows(recipe.sample, ROWS)
    answers = _answers(model, rows)
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        path = os.path.join(folder, "model.pmml")
        try:
            model.save_model(path, format="pmml")
        except Exception as error:
            raise ExportError(f"CatBoost can't write the model as PMML: {said(error)}", hint=_HINT) from error
        with open(path, "rb") as made:
            document = gaps.default_children(made.read())
    if (catboost_loss(model) or "").partition(":")[0] in _EXPONENTIALS:
        document = document.replace(b"</Output>", _EXPONENTIAL + b"</Output>", 1)
    if hasattr(model, "predict_proba"):
        document = document.replace(b"</MiningSchema>", b"</MiningSchema>" + _PROBABILITIES, 1)
    _finish(model, file, document, list(check(memoryview(document)).inputs), rows, answers)


def _check_recipe(recipe: Any) -> None:
    if recipe.options:
        raise UsageError(f"PMML has no option {quote(min(recipe.options))}", hint="leave options out")
    if recipe.compress:
        raise UsageError("PMML files are not compressed", hint="leave compress out")


def _names(model: Any, rows: Any) -> list[str] | None:
    """The columns' names: those of the frame, those that the model was fitted with, or x1, x2, ..."""
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        names = [str(name) for name in rows.columns]
    else:
        own = getattr(model, "feature_names_in_", None)
        width = verification.width_of(rows) if rows is not None else getattr(model, "n_features_in_", None)
        if own is not None and (width is None or len(own) == width):
            names = [str(name) for name in own]
        elif width is None:
            return None
        else:
            names = [f"x{i + 1}" for i in range(width)]
    check_names(names)
    return names


def _answers(model: Any, rows: Any) -> dict[str, Any]:
    """The live model's answers to the rows that go into the file."""
    answers = {}
    for method in METHODS:
        if rows is not None and hasattr(model, method) and not (method == "transform" and hasattr(model, "predict")):
            try:
                answer = getattr(model, method)(verification.fresh(rows))
            except Exception as error:
                raise ExportError(
                    f"the model does not answer the sample: {said(error)}", hint="pass sample=, rows as it takes them"
                ) from error
            answers[method] = answer.toarray() if hasattr(answer, "toarray") else answer
            if hasattr(answer, "iloc"):
                answers[method] = answer.to_numpy()
    return answers


def _width(model: Any, answers: dict[str, Any]) -> int:
    if not hasattr(model, "transform"):
        raise ExportError(f"{type(model).__name__} neither predicts nor transforms rows", hint=_HINT)
    if "transform" not in answers:
        raise ExportError("what the model transforms rows to is not known", hint="pass sample=, rows as it takes them")
    answer = np.asarray(answers["transform"])
    if answer.ndim != 2 or not answer.shape[1]:
        raise ExportError(f"it transforms rows to {answer.ndim} dimensions, PMML has columns", hint=_HINT)
    return int(answer.shape[1])


def _targets(names: list[str] | None, answers: dict[str, Any], width: int) -> list[str] | None:
    """Names of the targets where the converter's own, y or y1, y2, ..., are columns already."""
    shape = np.shape(answers.get("predict", 0))
    count = width or (shape[1] if len(shape) == 2 else 1)
    usual = {"y", *(f"y{i + 1}" for i in range(count))}
    if usual.isdisjoint(names or ()):
        return None
    stem = "target"
    while any(name.startswith(stem) for name in names or ()):
        stem += "_"
    return [stem] if count == 1 else [f"{stem}{i + 1}" for i in range(count)]


def _exact_thresholds(document: bytes, types: dict[str, str]) -> bytes:
    """Thresholds of float columns with every digit, so that evaluators that know doubles only compare the same."""

    floats = {quoteattr(name)[1:-1].encode() for name, kind in types.items() if kind == "float"}

    def exact(match: re.Match[bytes]) -> bytes:
        number = repr(float(np.float32(match[3]))).encode()
        return match[1] + number + match[4] if match[2] in floats else match[0]

    return _PREDICATE.sub(exact, document)


def _columns(inputs: list[str], names: list[str]) -> list[str]:
    """All columns by the names that the file has for them: where steps count columns, those are x1, x2, ..."""
    if set(inputs) <= set(names):
        return names
    counted = [f"x{i + 1}" for i in range(len(names))]
    return counted if set(inputs) <= set(counted) else list(inputs)


def _refused(model: Any, rows: Any, contract: Mapping[str, Any]) -> dict[str, Any]:
    """What the contract says of numbers that the model refuses, by the names of columns."""
    names, method = contract["inputs"], next(iter(contract["methods"]), "")
    places = {str(name): place for place, name in enumerate(getattr(rows, "columns", ()))}
    found = {
        kind: names if columns is True else [names[places.get(each, each)] for each in columns]
        for kind, columns in refusals(model, rows, method).items()
    }
    return {"refuses": found} if found else {}


def _finish(model: Any, file: BinaryIO, document: bytes, names: list[str], rows: Any, answers: dict[str, Any]) -> None:
    """Write the document with what modelkeep adds: no time, the contract in the header, the rows to verify."""
    try:
        outline = check(memoryview(document), allow_regex=True)
    except LoadError as error:
        raise ExportError(f"the converter's file would be refused: {error}", hint=_HINT) from error
    contract = describe(model, outline, _columns(outline.inputs, names), answers)
    contract |= _refused(model, rows, contract)
    document = _exact_thresholds(_TIMESTAMP.sub(b"", document, count=1), outline.types)
    text = json.dumps(contract, sort_keys=True, separators=(",", ":"))
    extension = f'<Extension extender="{EXTENDER}" name="contract" value={quoteattr(text)}/>'.encode()
    head, end = _HEADER.search(document), _END.search(document)
    if head is None or end is None:
        raise ExportError("the converter's file has no header or no end", hint=_HINT)
    opened = head[0].removesuffix(b"/>") + b">" if head[1] else head[0]
    closed = b"</Header>" if head[1] else b""
    proof = verification.element(outline, contract, rows, answers) if rows is not None else ""
    file.write(document[: head.start()] + opened + b"\n\t\t" + extension + closed)
    file.write(document[head.end() : end.start()] + proof.encode() + document[end.start() :])
