"""XGBoost, LightGBM and CatBoost over a table. In a frame, columns of categories become the codes that trees know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.steps.encoders import is_one_of
from modelkeep.formats.onnx.table import Part, Table
from modelkeep.formats.onnx.trees import catboost as write_catboost
from modelkeep.formats.onnx.trees import lightgbm as write_lightgbm
from modelkeep.formats.onnx.trees import xgboost as write_xgboost


def xgboost_classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    return write_xgboost.classifier(model, graph, _coded(graph, table, _xgboost_categories(model, table)))


def xgboost_regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    return write_xgboost.booster(model, graph, _coded(graph, table, _xgboost_categories(model, table)))


def lightgbm_classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    return write_lightgbm.classifier(model, graph, _coded(graph, table, _lightgbm_categories(model, table)))


def lightgbm_regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    return write_lightgbm.booster(model, graph, _coded(graph, table, _lightgbm_categories(model, table)))


def booster(model: Any, graph: Graph, table: Table) -> Outputs:
    """A booster without the scikit-learn interface: both libraries call it so."""
    own = xgboost_regressor if type(model).__module__.startswith("xgboost") else lightgbm_regressor
    return own(model, graph, table)


def catboost(model: Any, graph: Graph, table: Table) -> Outputs:
    """Its own check comes before that of the rows, for the sake of what it says."""
    write_catboost.of_model(model)
    return write_catboost.catboost(model, graph, table.numbers(graph))


def _xgboost_categories(model: Any, table: Table) -> Sequence[Any]:
    found = write_xgboost.of_model(model).categories if table.names else ()
    if any(isinstance(name, str) and not name.isascii() for column in found for name in column or ()):
        raise ExportError(
            "XGBoost keeps the names of its categories cut short where they are not plain ASCII",
            hint="rename the categories and fit it again, or export it to another format",
        )
    return found


def _lightgbm_categories(model: Any, table: Table) -> Sequence[Any]:
    """The library lists the categories of those columns that have any, in order; which they are, its trees tell."""
    booster = getattr(model, "booster_", model)
    known = booster.pandas_categorical if table.names else None
    if not known:
        return ()
    infos = write_lightgbm.of_model(model).feature_infos
    texts = [part.text for part in table.parts for _ in range(part.width)]
    chosen = [i for i, info in enumerate(infos) if texts[i] or _is_set(info)]
    if len(chosen) != len(known):
        raise ExportError("not every column of categories is used by its trees", hint="leave out those that are not")
    found: list[Any] = [None] * table.width
    for place, names in zip(chosen, known, strict=True):
        found[place] = names
    return found


def _is_set(info: str) -> bool:
    """Ranges are written in brackets, sets of categories with colons, and columns that do not vary as none."""
    return info != "none" and not info.startswith("[")


def _coded(graph: Graph, table: Table, categories: Sequence[Any]) -> str:
    """The rows as numbers; where a column has categories, their places, and NaN for others."""
    if not any(categories):
        return table.numbers(graph)
    parts = []
    for place in range(table.width):
        part = table.columns(graph, [place]).parts[0]
        known = categories[place] if place < len(categories) else None
        parts.append(_codes(graph, part, known) if known else part)
    return Table(tuple(parts)).numbers(graph)


def _codes(graph: Graph, part: Part, known: Any) -> Part:
    same = graph.add("Cast", is_one_of(graph, part, known), to=11)
    code = graph.add("MatMul", same, graph.const(np.arange(len(known), dtype=np.float64)[:, None]))
    met = graph.add("ReduceSum", same, graph.const([1], np.int64), keepdims=1)
    absent = graph.add("Equal", met, graph.const(0.0, np.float64))
    return Part(graph.add("Where", absent, graph.const(np.nan, np.float64), code), 1)
