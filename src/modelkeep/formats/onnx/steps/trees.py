"""Tree models over a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, Write, converted
from modelkeep.formats.onnx.table import Part, Table, of_numbers
from modelkeep.formats.onnx.trees import sklearn as write


def _of_numbers(writer: Callable[[Any, Graph, str], Outputs]) -> Write:
    """A writer that takes rows, over a table of numbers."""
    return lambda model, graph, table: writer(model, graph, table.numbers(graph))


tree, forest, isolation = (_of_numbers(each) for each in (write.tree, write.forest, write.isolation))
adaboost, adaboost_regressor = (_of_numbers(each) for each in (write.adaboost, write.adaboost_regressor))


def boosting(model: Any, graph: Graph, table: Table) -> Outputs:
    """The first guess may be an estimator of the user's, which gets the rows as float32."""
    rows = table.numbers(graph)
    if write.starts_constant(model):
        return write.boosting(model, graph, rows)
    narrow = graph.narrowed(rows)
    found = converted(model.init_, graph, Table((Part(narrow, table.width, narrow=True),)), "init_")
    return write.boosting(model, graph, rows, write.start_of(model, graph, found))


def histogram(model: Any, graph: Graph, table: Table) -> Outputs:
    """Its preprocessor, where it has one, puts the categories first, as numbers from 0."""
    preprocessor = model._preprocessor
    if preprocessor is None:
        return write.histogram(model, graph, table.numbers(graph))
    categorical = np.asarray(model.is_categorical_)
    mask = _raw_mask(preprocessor, table.width)
    encoder = preprocessor.named_transformers_["encoder"]
    codes = _codes(encoder, graph, table.columns(graph, np.flatnonzero(mask).tolist()))
    rest = table.columns(graph, np.flatnonzero(~mask).tolist())
    if int(categorical.sum()) != codes.width:
        raise ExportError("its categories are not those of its encoder", hint="fit the model again")
    numbers = [codes.numbers(graph)] + ([rest.numbers(graph)] if rest.width else [])
    rows = graph.add("Concat", *numbers, axis=1) if len(numbers) > 1 else numbers[0]
    return write.histogram(model, graph, rows)


def _raw_mask(preprocessor: Any, width: int) -> Any:
    """Which columns of the rows hold categories."""
    for name, _, columns in preprocessor.transformers_:
        if name == "encoder":
            mask = np.zeros(width, dtype=bool)
            mask[np.asarray(columns)] = True
            return mask
    raise ExportError("its preprocessor has no encoder", hint="fit the model again")


def _codes(encoder: Any, graph: Graph, table: Table) -> Table:
    from modelkeep.formats.onnx.steps import encoders

    found: Table = encoders.ordinal(encoder, graph, table)["transform"]
    return of_numbers(found.numbers(graph), found.width)
