"""A predictor over a PMML file: the methods that the file holds, answered by Java in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelkeep.errors import CheckError
from modelkeep.pmml import evaluator
from modelkeep.pmml.answers import METHODS, Contract, answer_of
from modelkeep.pmml.columns import columns_of
from modelkeep.predictors import refusals


class PmmlModel:
    """What ``modelkeep.load("model.pmml")`` gives: ``predict``, ``predict_proba``, ... where the file holds them.

    Rows are what the model took: arrays of ``(rows, columns)``, data frames, sparse rows, lists. A method that the
    file has not is no attribute. ``feature_names_in_`` are the columns in their order, ``classes_`` the labels of the
    columns of ``predict_proba``, where the file tells. The first question of a Python
    process starts Java, which takes a second or two; all PMML models share it.
    """

    classes_: list[Any]

    def __init__(self, data: bytes, contract: Contract, needed: Mapping[str, str], engine: str | None = None) -> None:
        self.data = data
        self.engine = engine
        self.feature_names_in_ = list(contract["inputs"])
        self.n_features_in_ = len(self.feature_names_in_)
        self._needed = dict(needed)  # the data types by the names of the columns that the model looks at
        self._entries = dict(contract["methods"])
        self._refused = contract.get("refuses", {})
        if not refusals.is_told(self._refused):
            raise CheckError(
                "the header's word on what the model refuses is damaged", hint="get the file from its maker"
            )
        self._digest = evaluator.digest(data)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        if name in METHODS and name in self.__dict__.get("_entries", ()):
            return lambda rows: self._ask(name, rows)
        raise AttributeError(f"the PMML file has no {name}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._entries})

    def __repr__(self) -> str:
        return f"PmmlModel({self.n_features_in_} columns; {', '.join(sorted(self._entries))})"

    def fields(self, rows: Any) -> dict[str, Any]:
        """Every field that the file answers rows with, by name."""
        columns, count = columns_of(rows, self.feature_names_in_, list(self._needed))
        refusals.check(self._refused, columns)
        return self.evaluate(columns, count)

    def evaluate(self, columns: dict[str, Any], count: int) -> dict[str, Any]:
        """The same for columns by name. What the file calls a float is one, for evaluators that know doubles only."""
        for name, values in columns.items():
            if self._needed.get(name) == "float" and isinstance(values, np.ndarray) and values.dtype.kind == "f":
                with np.errstate(over="ignore"):
                    columns[name] = values.astype(np.float32).astype(np.float64)
        return evaluator.ask(self.engine or evaluator.engine(), self.data, self._digest, columns, count)

    def _ask(self, method: str, rows: Any) -> Any:
        return answer_of(method, self._entries[method], self.fields(rows))
