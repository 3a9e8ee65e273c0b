"""Models made of models: each part is written in its turn."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.answers import labels_of, plain
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, converted, transformed
from modelkeep.formats.onnx.steps.linear import flat, of_scores
from modelkeep.formats.onnx.table import Part, Table, joined, of_numbers


def pipeline(model: Any, graph: Graph, table: Table) -> Outputs:
    steps = [(name, step) for name, step in model.steps if not (isinstance(step, str) or step is None)]
    if not steps:
        return {"transform": table}
    for name, step in steps[:-1]:
        table = transformed(step, graph, table, f"steps[{name}]")
    return converted(steps[-1][1], graph, table, f"steps[{steps[-1][0]}]")


def by_column(model: Any, graph: Graph, table: Table) -> Outputs:
    """Each transformer gets its columns; the results lie in the order of the transformers."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    weights = model.transformer_weights or {}
    parts = []
    for name, step, chosen in model.transformers_:
        places = columns_of(chosen, names, int(model.n_features_in_))
        if (isinstance(step, str) and step == "drop") or not places:
            continue
        own = table.columns(graph, places)
        kept = isinstance(step, str) or (type(step).__name__ == "FunctionTransformer" and step.func is None)
        found = own if kept else transformed(step, graph, own, f"transformers[{name}]")
        parts.append(_weighted(graph, found, weights.get(name)))
    return {"transform": joined(parts)}


def columns_of(chosen: Any, names: Sequence[str], width: int) -> list[int]:
    """The columns that a transformer was fitted on, as positions."""
    listed = [chosen] if isinstance(chosen, str | int) else chosen
    if isinstance(listed, slice):
        ends = (listed.start, listed.stop)
        if any(isinstance(each, str) for each in ends):
            first = 0 if listed.start is None else names.index(listed.start)
            last = width if listed.stop is None else names.index(listed.stop) + 1
            return list(range(first, last))
        return list(range(width))[listed]
    values = list(np.asarray(listed, dtype=object).tolist()) if not isinstance(listed, list) else listed
    if values and all(isinstance(each, bool | np.bool_) for each in values):
        return [i for i, flag in enumerate(values) if flag]
    return [names.index(each) if isinstance(each, str) else int(each) % width for each in values]


def union(model: Any, graph: Graph, table: Table) -> Outputs:
    weights = model.transformer_weights or {}
    parts = []
    for name, step in model.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        found = table if isinstance(step, str) else transformed(step, graph, table, f"transformer_list[{name}]")
        parts.append(_weighted(graph, found, weights.get(name)))
    return {"transform": joined(parts)}


def _weighted(graph: Graph, table: Table, weight: float | None) -> Table:
    if weight is None:
        return table
    return of_numbers(graph.add("Mul", table.numbers(graph), graph.const(float(weight), np.float64)), table.width)


def search(model: Any, graph: Graph, table: Table) -> Outputs:
    if not hasattr(model, "best_estimator_"):
        raise ExportError("it was fitted with refit=False, and has no best model", hint="fit it with refit=True")
    return converted(model.best_estimator_, graph, table, "best_estimator_")


def frozen(model: Any, graph: Graph, table: Table) -> Outputs:
    return converted(model.estimator, graph, table, "estimator")


def self_training(model: Any, graph: Graph, table: Table) -> Outputs:
    return converted(model.estimator_, graph, table, "estimator_")


def elimination(model: Any, graph: Graph, table: Table) -> Outputs:
    own = table.columns(graph, np.flatnonzero(model.support_).tolist())
    return {**converted(model.estimator_, graph, own, "estimator_"), "transform": own}


def mean_of(graph: Graph, parts: Sequence[str], weights: Any) -> str:
    """The mean of the answers by weight, added up in order."""
    shares = np.ones(len(parts)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = ""
    for part, share in zip(parts, shares, strict=True):
        each = graph.add("Mul", part, graph.const(float(share), np.float64)) if weights is not None else part
        total = graph.add("Add", total, each) if total else each
    return graph.add("Div", total, graph.const(float(shares.sum()), np.float64))


def voting_regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    parts = [converted(each, graph, table, f"estimators_[{i}]")["predict"] for i, each in enumerate(model.estimators_)]
    return {"predict": mean_of(graph, parts, model._weights_not_none)}


def voting_classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    outputs = [converted(each, graph, table, f"estimators_[{i}]") for i, each in enumerate(model.estimators_)]
    weights = model._weights_not_none
    if model.voting == "soft":
        if not all("predict_proba" in each for each in outputs):
            raise ExportError("a member gives no shares of classes in ONNX", hint='vote with voting="hard"')
        mean = mean_of(graph, [each["predict_proba"] for each in outputs], weights)
        return {"predict": labels_of(graph, mean, model.classes_), "predict_proba": mean}
    votes = [_is_class(graph, each["predict"], np.arange(len(model.classes_))) for each in outputs]
    return {"predict": labels_of(graph, mean_of(graph, votes, weights), model.classes_)}


def _is_class(graph: Graph, labels: str, classes: Any) -> str:
    """1.0 in the column of a row's label."""
    column = graph.add("Unsqueeze", labels, graph.const([1], np.int64))
    same = graph.add("Equal", column, graph.const(plain(classes).reshape(1, -1)))
    return graph.add("Cast", same, to=11)


def stacking(model: Any, graph: Graph, table: Table) -> Outputs:
    parts = []
    methods = model.stack_method_
    fitted = [each for each in model.estimators_ if not isinstance(each, str)]
    for place, (each, method) in enumerate(zip(fitted, methods, strict=True)):
        found = converted(each, graph, table, f"estimators_[{place}]")
        if method not in found:
            raise ExportError(f"estimators_[{place}] has no {method} in ONNX", hint="choose another stack_method")
        parts.append(_stacked(graph, found[method], method, each))
    if model.passthrough:
        parts.append(Part(table.numbers(graph), table.width))
    inner = converted(model.final_estimator_, graph, Table(tuple(parts)), "final_estimator_")
    if not hasattr(model, "classes_"):
        return {"predict": inner["predict"]}
    label = graph.add("Gather", graph.const(plain(model.classes_)), inner["predict"], axis=0)
    return {**{k: v for k, v in inner.items() if k in ("predict_proba", "decision_function")}, "predict": label}


def _stacked(graph: Graph, found: Any, method: str, each: Any) -> Part:
    if isinstance(found, list):
        raise ExportError("a member has several outputs", hint="stack models of one output")
    count = len(getattr(each, "classes_", (0,)))
    if method == "predict_proba":
        if count == 2:
            return Part(graph.add("Gather", found, graph.const([1], np.int64), axis=1), 1)
        return Part(found, count)
    if method == "decision_function" and count > 2:
        return Part(found, count)
    numbers = graph.add("Cast", found, to=11)
    return Part(graph.add("Unsqueeze", numbers, graph.const([1], np.int64)), 1)


def transformed_target(model: Any, graph: Graph, table: Table) -> Outputs:
    from modelkeep.formats.onnx.steps.functions import applied

    found = converted(model.regressor_, graph, table, "regressor_")["predict"]
    back = model.transformer_
    if type(back).__name__ == "FunctionTransformer":
        return {"predict": applied(back.inverse_func, graph, found, dict(back.inv_kw_args or {}))}
    if type(back).__name__ == "StandardScaler":
        for operator, values in (("Mul", back.scale_), ("Add", back.mean_)):
            if values is not None:
                found = graph.add(operator, found, graph.const(np.asarray(values, dtype=np.float64)))
        return {"predict": found}
    if type(back).__name__ == "MinMaxScaler":
        found = graph.add("Sub", found, graph.const(np.asarray(back.min_, dtype=np.float64)))
        return {"predict": graph.add("Div", found, graph.const(np.asarray(back.scale_, dtype=np.float64)))}
    raise ExportError(
        f"its transformer {type(back).__name__} can't be undone in ONNX", hint="use a function or a scaler"
    )


def one_vs_rest(model: Any, graph: Graph, table: Table) -> Outputs:
    if model.multilabel_:
        raise ExportError("it gives several labels", hint="use MultiOutputClassifier")
    found = [converted(each, graph, table, f"estimators_[{i}]") for i, each in enumerate(model.estimators_)]
    scored = hasattr(model.estimators_[0], "decision_function")
    method = "decision_function" if scored else "predict_proba"
    if not all(method in each for each in found):
        raise ExportError("its members give no scores in ONNX", hint="use other members")
    if method == "decision_function":
        columns = [graph.add("Unsqueeze", each[method], graph.const([1], np.int64)) for each in found]
    else:
        columns = [graph.add("Gather", each[method], graph.const([1], np.int64), axis=1) for each in found]
    scores = graph.add("Concat", *columns, axis=1)
    if len(found) > 1:
        outputs = {"predict": labels_of(graph, scores, model.classes_, last=_last_of_equals())}
        outputs |= {"decision_function": scores} if scored else {}
    else:
        outputs = of_scores(model, graph, scores) if scored else _of_share(model, graph, scores)
    if all("predict_proba" in each for each in found) and len(found) > 1:
        shares = [graph.add("Gather", each["predict_proba"], graph.const([1], np.int64), axis=1) for each in found]
        table_of = graph.add("Concat", *shares, axis=1)
        total = graph.add("ReduceSum", table_of, graph.const([1], np.int64), keepdims=1)
        if not _nothing_is_nan():
            nothing = graph.add("Equal", total, graph.const(0.0, np.float64))
            total = graph.add("Where", nothing, graph.const(1.0, np.float64), total)
        outputs["predict_proba"] = graph.add("Div", table_of, total)
    return outputs


@functools.cache
def _last_of_equals() -> bool:
    """Whether the installed version takes the last of equally likely classes, as older ones do: it is asked."""
    from sklearn.dummy import DummyClassifier
    from sklearn.multiclass import OneVsRestClassifier

    level = OneVsRestClassifier(DummyClassifier(strategy="prior")).fit([[0], [0], [0]], [0, 1, 2])
    return int(level.predict([[0]])[0]) == 2


@functools.cache
def _nothing_is_nan() -> bool:
    """Whether the installed version divides by the sum of shares where all are zero, as older ones do: it is asked."""
    from sklearn.dummy import DummyClassifier
    from sklearn.multiclass import OneVsRestClassifier

    never = OneVsRestClassifier(DummyClassifier(strategy="constant", constant=0)).fit([[0], [0], [0]], [0, 1, 2])
    with np.errstate(invalid="ignore"):
        return bool(np.isnan(never.predict_proba([[0]])).any())


def _of_share(model: Any, graph: Graph, scores: str) -> Outputs:
    above = graph.add("Cast", graph.add("Greater", flat(graph, scores), graph.const(0.5, np.float64)), to=7)
    return {"predict": graph.add("Gather", graph.const(plain(model.classes_)), above, axis=0)}


def _side_by_side(graph: Graph, found: Sequence[Outputs]) -> str:
    columns = [graph.add("Unsqueeze", each["predict"], graph.const([1], np.int64)) for each in found]
    return graph.add("Concat", *columns, axis=1)


def multi_regressor(model: Any, graph: Graph, table: Table) -> Outputs:
    found = [converted(each, graph, table, f"estimators_[{i}]") for i, each in enumerate(model.estimators_)]
    return {"predict": _side_by_side(graph, found)}


def multi_classifier(model: Any, graph: Graph, table: Table) -> Outputs:
    found = [converted(each, graph, table, f"estimators_[{i}]") for i, each in enumerate(model.estimators_)]
    outputs: Outputs = {"predict": _side_by_side(graph, found)}
    if all("predict_proba" in each for each in found):
        outputs["predict_proba"] = [each["predict_proba"] for each in found]
    return outputs


def bagging(model: Any, graph: Graph, table: Table) -> Outputs:
    """The mean of the members' shares; of trees all at once."""
    if all(hasattr(each, "tree_") for each in model.estimators_):
        from modelkeep.formats.onnx.trees import sklearn as trees

        return trees.bagging(model, graph, table.numbers(graph))
    method = "predict_proba" if hasattr(model, "classes_") else "predict"
    parts = []
    for place, (each, features) in enumerate(zip(model.estimators_, model.estimators_features_, strict=True)):
        own = table.columns(graph, np.asarray(features).tolist())
        found = converted(each, graph, own, f"estimators_[{place}]")
        if method not in found:
            raise ExportError(f"estimators_[{place}] gives no shares in ONNX", hint="bag another model")
        if method == "predict_proba" and len(each.classes_) != len(model.classes_):
            raise ExportError("a member has not seen all classes", hint="bag larger samples")
        parts.append(found[method])
    mean = mean_of(graph, parts, None)
    if method == "predict":
        return {"predict": mean}
    return {"predict": labels_of(graph, mean, model.classes_), "predict_proba": mean}
