"""ModelVerification: rows and the model's answers inside a file, written with it and asked again when it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from modelkeep.errors import DriftError, UsageError, quote
from modelkeep.formats.pmml.convert import is_text
from modelkeep.pmml.answers import text_of
from modelkeep.pmml.columns import columns_of
from modelkeep.pmml.outline import Expected, Outline
from modelkeep.predictors.pmml import PmmlModel

#: What an answer may differ by: |a - b| <= this * |a|, or both numbers below it.
PRECISION = 1e-6
_NUMBERS = ("double", "float", "integer")
_HINT = 'don\'t use the file here: install the evaluator that it was proved with, or pass on_drift="ignore"'


def first_rows(sample: Any, count: int) -> Any:
    """The first rows. A probe, which is what a sample mostly is here, begins with rows as they came."""
    if sample is None:
        return None
    return sample.iloc[:count] if hasattr(sample, "iloc") else sample[:count]


def fresh(rows: Any) -> Any:
    return rows.copy() if hasattr(rows, "copy") else rows


def width_of(rows: Any) -> int | None:
    """The number of columns; texts are one."""
    shape = getattr(rows, "shape", None)
    if shape is None:
        first = rows[0] if len(rows) else None
        return len(first) if isinstance(first, list | tuple | np.ndarray) else None if isinstance(first, Mapping) else 1
    return int(shape[1]) if len(shape) == 2 else 1 if len(shape) == 1 else None


def element(outline: Outline, contract: Mapping[str, Any], rows: Any, answers: Mapping[str, Any]) -> str:
    """The element with the rows, or nothing where they can't be put into a table."""
    try:
        columns, count = columns_of(rows, contract["inputs"], outline.inputs)
    except UsageError:
        return ""
    table = {name: [_text(value) for value in _listed(values)] for name, values in columns.items()}
    table |= _expected_texts(contract, answers)
    if any(text is not None and not is_text(text) for texts in table.values() for text in texts):
        return ""
    fields = [
        f'\t\t\t\t<VerificationField field={quoteattr(name)} column="c{i}" precision="{PRECISION}"'
        f' zeroThreshold="{PRECISION}"/>'
        for i, name in enumerate(table)
    ]
    lines = [f'\t\t<ModelVerification recordCount="{count}" fieldCount="{len(table)}">', "\t\t\t<VerificationFields>"]
    lines += [*fields, "\t\t\t</VerificationFields>", "\t\t\t<InlineTable>"]
    for row in range(count):
        cells = ((i, texts[row]) for i, texts in enumerate(table.values()))
        inside = "".join(f"<c{i}>{_escaped(text)}</c{i}>" for i, text in cells if text is not None)
        lines.append(f"\t\t\t\t<row>{inside}</row>")
    return "\n".join([*lines, "\t\t\t</InlineTable>", "\t\t</ModelVerification>\n\t"]).removeprefix("\t")


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _listed(values: Any) -> list[Any]:
    return [None if value != value else value for value in values.tolist()] if hasattr(values, "tolist") else values


def _text(value: Any) -> str | None:
    return None if value is None else text_of(value)


def _expected_texts(contract: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """The fields that PMML names, with the model's answers in them. Fields without a name can't be verified."""
    found: dict[str, list[str | None]] = {}
    for method, entry in contract["methods"].items():
        if method not in answers:
            continue
        answer, groups = answers[method], entry["fields"]
        if method != "predict_proba":
            answer, groups = [answer], [groups]
        elif entry["flat"]:
            answer = [answer]
        for table, names in zip(answer, groups, strict=True):
            columns = np.asarray(table).reshape(len(table), len(names))
            if method == "transform":  # the regression that gives them back gives numbers
                columns = columns.astype(np.float64)
            texts: list[Callable[[Any], str | None]] = [_text] * len(names)
            if "texts" in entry:
                texts = [
                    dict(zip(*each, strict=True)).get for each in zip(entry["labels"], entry["texts"], strict=True)
                ]
            for i, name in enumerate(names):
                if name:
                    found[name] = [texts[i](each) for each in _listed(columns[:, i])]
    return found


def check(model: PmmlModel, outline: Outline) -> None:
    """Ask the file the rows that it carries; a DriftError where it does not answer as it says."""
    answers = [each for each in outline.expected if each.name not in outline.inputs]
    if not outline.rows or not answers:
        return
    by_name = {each.name: each.column for each in outline.expected}
    columns = {
        name: [_typed(row.get(by_name.get(name, "")), outline.types.get(name, "")) for row in outline.rows]
        for name in outline.inputs
    }
    fields = model.evaluate(columns, len(outline.rows))
    for expected in answers:
        given = _listed(fields[expected.name]) if expected.name in fields else [None] * len(outline.rows)
        for number, (row, value) in enumerate(zip(outline.rows, given, strict=True)):
            wanted = row.get(expected.column)
            if wanted is not None and not _same(wanted, value, expected, 0.0 if outline.contract is None else 1.0):
                raise DriftError(
                    f"the file answers differently from what it was verified with: row {number}, "
                    f"{quote(expected.name)}: expected {quote(wanted, 40)}, got {quote(value, 40)}",
                    hint=_HINT,
                )


def _typed(text: str | None, kind: str) -> Any:
    if text is None:
        return None
    try:
        if kind in _NUMBERS:
            return float(text) if kind != "integer" or not text.lstrip("-").isdigit() else int(text)
    except ValueError:
        return text
    return text == "true" if kind == "boolean" and text in ("true", "false") else text


def _same(wanted: str, value: Any, rule: Expected, floor: float) -> bool:
    """PMML's rule; numbers below ``floor`` may differ by as much as those at it, as in a certificate."""
    text = "" if value is None else text_of(value)
    if wanted == text or value is None:
        return value is not None
    try:
        a, b = float(wanted), float(text)
    except ValueError:
        return False
    return abs(a - b) <= rule.precision * (floor + abs(a)) or (abs(a) <= rule.zero and abs(b) <= rule.zero)
