"""What runs in the child beside Java: a checked file becomes an evaluator, and columns of rows become answers.

jpmml-evaluator is asked where it is installed, else pypmml's library. Both take every row; a row that the file
does not answer is told with its number.
"""

from __future__ import annotations

import io
import json
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelkeep.errors import UsageError, quote
from modelkeep.pmml import java

#: Evaluators that are kept; the one that was used longest ago goes first.
_KEPT = 32
_opened: OrderedDict[tuple[str, str], Callable[[dict[str, list[Any]], int], dict[str, Any]]] = OrderedDict()

Columns = Mapping[str, Any]


def ask(engine: str, digest: str, columns: Columns, count: int) -> dict[str, Any]:
    """Answers by field; ``{}`` where the file of that digest is not open here."""
    evaluate = _opened.get((engine, digest))
    if evaluate is None:
        return {}
    _opened.move_to_end((engine, digest))
    answers = evaluate({name: plain(values) for name, values in columns.items()}, count)
    return {"fields": {name or "": packed(values) for name, values in answers.items()}}


def open_file(engine: str, digest: str, data: bytes) -> None:
    """Make an evaluator of checked bytes."""
    jpype_class = java.start(jars())
    from jpype import JException

    try:
        _opened[engine, digest] = ENGINES[engine](jpype_class, data)
    except JException as error:
        raise UsageError(
            f"the file is no model that {engine} evaluates: {quote(java.causes(error)[-1])}",
            hint="use the program that made the file"
            if engine != "pypmml"
            else "install jpmml_evaluator, which evaluates more: pip install 'modelkeep[pmml-export]'",
        ) from None
    while len(_opened) > _KEPT:
        _opened.popitem(last=False)


def jars() -> list[str]:
    return java.jars_of("jpmml_evaluator", "resources", "dependencies") + java.jars_of("pypmml", "jars")


def plain(values: Any) -> list[Any]:
    """A column as Python values; missing is None."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return [None if value != value else value for value in values.tolist()]
    return list(values.tolist() if isinstance(values, np.ndarray) else values)


def packed(values: list[Any]) -> Any:
    """Numbers as one array; a missing one is NaN."""
    if values and all(type(value) is float or value is None for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return values


class _Plain(pickle.Unpickler):
    """What the evaluator sends is numbers, texts, lists and dicts; nothing in it may name a class."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"an answer names {module}.{name}")


def _jpmml(jpype_class: Any, data: bytes) -> Callable[[dict[str, list[Any]], int], dict[str, Any]]:
    stream = jpype_class("java.io.ByteArrayInputStream")(data)
    evaluator = jpype_class("org.jpmml.evaluator.LoadingModelEvaluatorBuilder")().load(stream).build()
    calls = jpype_class("org.jpmml.evaluator.python.PythonEvaluatorUtil")

    def evaluate(columns: dict[str, list[Any]], count: int) -> dict[str, Any]:
        from jpype import JException

        # The table needs a column; one that no field has the name of is left aside.
        table = columns or {"": [None] * count}
        sent = pickle.dumps({"columns": list(table), "data": list(table.values())}, protocol=2)
        try:
            answer = calls.evaluateAll(evaluator, sent, None, 1)
        except JException as error:
            raise _refusal(None, java.causes(error)[-1]) from None
        told = _Plain(io.BytesIO(bytes(answer))).load()
        for row, failure in enumerate(told["errors"] or ()):
            if failure:
                raise _refusal(row, failure)
        return dict(zip(told["columns"], told["data"], strict=True))

    return evaluate


def _pypmml(jpype_class: Any, data: bytes) -> Callable[[dict[str, list[Any]], int], dict[str, Any]]:
    model = jpype_class("org.pmml4s.model.Model").fromString(data.decode("utf-8-sig"))
    model.setSupplementOutput(True)
    predicted = {f"predicted_{name}" for name in map(str, model.targetNames())}

    def evaluate(columns: dict[str, list[Any]], count: int) -> dict[str, Any]:
        from jpype import JException

        rows = [list(row) for row in zip(*columns.values(), strict=True)] if columns else [[]] * count
        table = {"columns": list(columns), "data": [list(map(_marked, row)) for row in rows]}
        sent = _unmarked(json.dumps(table))
        try:
            told = json.loads(str(model.predict(sent)))
        except JException as error:
            raise _refusal(None, java.causes(error)[-1]) from None
        answers = zip(*told["data"], strict=True) if told["data"] else [[] for _ in told["columns"]]
        # A target's value has a name of its own there.
        names = [name.removeprefix("predicted_") if name in predicted else name for name in told["columns"]]
        return {name: list(values) for name, values in zip(names, answers, strict=True)}

    return evaluate


def _marked(value: Any) -> Any:
    """JSON has no infinity, but numbers that become one when they are read: marked here, written by ``_unmarked``."""
    return "\0+" if value == np.inf else "\0-" if value == -np.inf else value


def _unmarked(text: str) -> str:
    return text.replace('"\\u0000+"', "1e999").replace('"\\u0000-"', "-1e999")


#: Parts of the names of errors that blame the file, not the row.
_FILES_OWN = (
    ".Unsupported",
    ".InvalidAttribute",
    ".InvalidElement",
    ".MissingAttribute",
    ".MissingElement",
    ".HasProbability",
)
ENGINES = {"jpmml-evaluator": _jpmml, "pypmml": _pypmml}


def _refusal(row: int | None, error: object) -> UsageError:
    where = "a row" if row is None else f"row {row}"
    whose = any(word in str(error) for word in _FILES_OWN)  # no row would be answered
    hint = "use the program that made the file" if whose else "pass rows as the model takes them"
    return UsageError(f"the file does not answer {where}: {quote(error)}", hint=hint)
