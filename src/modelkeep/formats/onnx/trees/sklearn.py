"""scikit-learn's tree models: what each makes of the sums of its trees.

A function takes the model, the graph and its rows (float64, rows x columns), and gives the output of each method.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.forests import joined
from modelkeep.forests.sklearn import of_predictors, of_tree, of_trees
from modelkeep.formats.onnx.answers import labels_of, shares_of_two, softmax
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.trees.emit import emit

Outputs = dict[str, Any]


def tree(model: Any, graph: Graph, rows: str) -> Outputs:
    """Decision trees and extra trees."""
    return _of_values(model, graph, emit(of_tree(model.tree_), graph, rows))


def forest(model: Any, graph: Graph, rows: str) -> Outputs:
    """Random forests and extra trees: the mean of the trees."""
    total = emit(of_trees([each.tree_ for each in model.estimators_]), graph, rows)
    return _of_values(model, graph, _over(graph, total, len(model.estimators_)))


def _over(graph: Graph, total: str, count: float) -> str:
    return graph.add("Div", total, graph.const(float(count), np.float64))


def _of_values(model: Any, graph: Graph, values: str) -> Outputs:
    """From the numbers of all outputs side by side, each as many as the output with the most classes."""
    count = int(model.n_outputs_)
    if not hasattr(model, "classes_"):
        return {"predict": graph.add("Squeeze", values, graph.const([1], np.int64)) if count == 1 else values}
    if count == 1:
        return {"predict": labels_of(graph, values, model.classes_), "predict_proba": values}
    widest = max(len(each) for each in model.classes_)
    shares, labels = [], []
    for output, classes in enumerate(model.classes_):
        columns = np.arange(len(classes)) + output * widest
        shares.append(graph.add("Gather", values, graph.const(columns, np.int64), axis=1))
        label = labels_of(graph, shares[-1], np.asarray(classes))
        labels.append(graph.add("Unsqueeze", label, graph.const([1], np.int64)))
    return {"predict": graph.add("Concat", *labels, axis=1), "predict_proba": shares}


def boosting(model: Any, graph: Graph, rows: str, start: str = "") -> Outputs:
    """Gradient boosting: a constant or ``start`` (rows x targets), and the trees times the learning rate."""
    parts = [
        of_tree(each.tree_, each.tree_.value[:, 0, 0] * model.learning_rate, target=target, n_targets=stage.shape[0])
        for stage in model.estimators_
        for target, each in enumerate(stage)
    ]
    whole = joined(parts)
    if start:
        raw = graph.add("Add", start, emit(whole, graph, rows))
    else:
        raw = emit(whole.replaced(base=_constant_start(model)), graph, rows)
    if not hasattr(model, "classes_"):
        return {"predict": graph.add("Squeeze", raw, graph.const([1], np.int64))}
    scale = 2.0 if model.loss == "exponential" else 1.0
    return _of_scores(model, graph, raw, scale, above_zero=True)


def starts_constant(model: Any) -> bool:
    """Whether a boosting model's first guess is the same for all rows."""
    return isinstance(model.init_, str) or type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor")


def _constant_start(model: Any) -> Any:
    zeros = np.zeros((1, model.n_features_in_), dtype=np.float32)
    return np.asarray(model._raw_predict_init(zeros), dtype=np.float64).ravel()


def start_of(model: Any, graph: Graph, found: Outputs) -> str:
    """The start of the sums, from what an estimator that makes the first guess gives."""
    axis = graph.const([1], np.int64)
    if not hasattr(model, "classes_"):
        return graph.add("Unsqueeze", found["predict"], axis)
    if "predict_proba" not in found:
        raise ExportError("its first guess has no probabilities in ONNX", hint="leave out init= and fit it again")
    nearest, one = np.finfo(np.float64).eps, graph.const(1.0, np.float64)
    shares = graph.add("Max", found["predict_proba"], graph.const(nearest, np.float64))
    shares = graph.add("Min", shares, graph.const(1.0 - nearest, np.float64))
    if len(model.classes_) > 2:
        logs = graph.add("Log", shares)
        return graph.add("Sub", logs, graph.add("ReduceMean", logs, axis, keepdims=1))
    share = graph.add("Gather", shares, axis, axis=1)
    odds = graph.add("Log", graph.add("Div", share, graph.add("Sub", one, share)))
    return graph.add("Mul", odds, graph.const(0.5, np.float64)) if model.loss == "exponential" else odds


def _of_scores(model: Any, graph: Graph, raw: str, scale: float = 1.0, *, above_zero: bool) -> Outputs:
    """Labels and shares from scores: one score for two classes, else one for each.

    ``above_zero``: of two classes a score of exactly zero is the second one.
    """
    if len(model.classes_) > 2:
        shares = softmax(graph, raw)
        return {"predict": labels_of(graph, raw, model.classes_), "predict_proba": shares, "decision_function": raw}
    score = graph.add("Squeeze", raw, graph.const([1], np.int64))
    scaled = graph.add("Mul", raw, graph.const(scale, np.float64)) if scale != 1.0 else raw
    shares = shares_of_two(graph, scaled)
    if above_zero:
        second = graph.add("GreaterOrEqual", score, graph.const(0.0, np.float64))
        label = graph.add("Gather", graph.const(model.classes_), graph.add("Cast", second, to=7), axis=0)
    else:
        label = labels_of(graph, shares, model.classes_)
    return {"predict": label, "predict_proba": shares, "decision_function": score}


def histogram(model: Any, graph: Graph, rows: str) -> Outputs:
    """Histogram gradient boosting over the columns as its preprocessor leaves them."""
    raw = emit(of_predictors(model), graph, rows)
    if hasattr(model, "classes_"):
        return _of_scores(model, graph, raw, above_zero=False)
    score = graph.add("Squeeze", raw, graph.const([1], np.int64))
    link = type(model._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise ExportError(f"its link {link} has no ONNX form", hint="choose a loss with an identity or a log link")
    return {"predict": graph.add("Exp", score) if link == "LogLink" else score}


def isolation(model: Any, graph: Graph, rows: str) -> Outputs:
    """Isolation forest: how deep a row falls, over all trees."""
    parts = []
    for each, features, path, average in zip(
        model.estimators_,
        model.estimators_features_,
        model._decision_path_lengths,
        model._average_path_length_per_tree,
        strict=True,
    ):
        depth = of_tree(each.tree_, path + average - 1.0, target=0, n_targets=1)
        parts.append(depth.with_features(features.tolist(), model.n_features_in_))
    depths = graph.add("Squeeze", emit(joined(parts), graph, rows), graph.const([1], np.int64))
    whole = len(model.estimators_) * _average_path(model._max_samples)
    share = graph.add("Div", depths, graph.const(whole, np.float64)) if whole else _ones(graph, depths)
    power = graph.add("Pow", graph.const(2.0, np.float64), graph.add("Neg", share))
    scores = graph.add("Neg", power)
    decision = graph.add("Sub", scores, graph.const(float(model.offset_), np.float64))
    outside = graph.add("Less", depths, graph.const(_shallowest(model, whole), np.float64))
    label = graph.add("Where", outside, graph.const(-1, np.int64), graph.const(1, np.int64))
    return {"predict": label, "decision_function": decision, "score_samples": scores}


def _shallowest(model: Any, whole: float) -> float:
    """The depth from which on a row is inside, as numpy computes it: a power's last bit differs between libraries."""

    def is_inside(depth: float) -> bool:
        share = np.divide(np.array([depth]), whole) if whole else np.ones(1)
        return bool((-(2**-share) - model.offset_)[0] >= 0)

    low, high = np.array([0.0, np.finfo(np.float64).max / 4]).view(np.int64).tolist()
    if is_inside(0.0):
        return 0.0
    while high - low > 1:  # between neighbours among the floats, whose bits are in their order
        middle = (low + high) // 2
        if is_inside(float(np.array(middle).view(np.float64))):
            high = middle
        else:
            low = middle
    return float(np.array(high).view(np.float64))


def _ones(graph: Graph, like: str) -> str:
    zero = graph.add("Mul", like, graph.const(0.0, np.float64))
    return graph.add("Add", zero, graph.const(1.0, np.float64))


def _average_path(samples: int) -> float:
    from sklearn.ensemble._iforest import _average_path_length

    return float(_average_path_length([samples])[0])


def adaboost(model: Any, graph: Graph, rows: str) -> Outputs:
    """AdaBoost of trees: every tree has a vote of its weight."""
    count, weights = len(model.classes_), np.asarray(model.estimator_weights_)
    if count == 1:
        raise ExportError("it knows one class only", hint="fit it again on rows of two classes or more")
    if getattr(model, "algorithm", "SAMME") == "SAMME.R":
        raise ExportError("its algorithm SAMME.R has no ONNX form", hint='fit it again with algorithm="SAMME"')
    parts = []
    for each, weight in zip(model.estimators_, weights, strict=True):
        _need_tree(each)
        chosen = np.argmax(each.tree_.value[:, 0, :], axis=1)
        own = np.searchsorted(model.classes_, each.classes_)[chosen]
        votes = np.where(np.arange(count)[None, :] == own[:, None], weight, -1 / (count - 1) * weight)
        parts.append(of_tree(each.tree_, votes))
    scores = _over(graph, emit(joined(parts), graph, rows), weights.sum())
    if count == 2:
        signs = graph.const([[-1.0, 1.0]])
        score = graph.add("ReduceSum", graph.add("Mul", scores, signs), graph.const([1], np.int64), keepdims=0)
        above = graph.add("Greater", score, graph.const(0.0, np.float64))
        label = graph.add("Gather", graph.const(model.classes_), graph.add("Cast", above, to=7), axis=0)
        column = graph.add("Unsqueeze", score, graph.const([1], np.int64))
        halves = graph.add("Div", graph.add("Mul", column, signs), graph.const(2.0, np.float64))
        return {"predict": label, "predict_proba": softmax(graph, halves), "decision_function": score}
    label = labels_of(graph, scores, model.classes_)
    shares = softmax(graph, _over(graph, scores, count - 1))
    return {"predict": label, "predict_proba": shares, "decision_function": scores}


def _need_tree(each: Any) -> None:
    if not hasattr(each, "tree_"):
        raise ExportError(f"its members are {type(each).__name__}, not trees", hint="use trees as its members")


def adaboost_regressor(model: Any, graph: Graph, rows: str) -> Outputs:
    """AdaBoost for numbers: the median of the trees' answers by weight."""
    weights = np.asarray(model.estimator_weights_)[: len(model.estimators_)]
    count = len(model.estimators_)
    for each in model.estimators_:
        _need_tree(each)
    parts = [
        of_tree(each.tree_, each.tree_.value[:, 0, :1], target=i, n_targets=count)
        for i, each in enumerate(model.estimators_)
    ]
    answers = emit(joined(parts), graph, rows)
    ordered, order = graph.several("TopK", [answers, graph.const([count], np.int64)], 2, axis=1, largest=0, sorted=1)
    sums = graph.add("CumSum", graph.add("Gather", graph.const(weights), order, axis=0), graph.const(1, np.int64))
    last = graph.add("Gather", sums, graph.const([count - 1], np.int64), axis=1)
    enough = graph.add("GreaterOrEqual", sums, graph.add("Mul", last, graph.const(0.5, np.float64)))
    place = graph.add("ArgMax", graph.add("Cast", enough, to=6), axis=1, keepdims=1)
    found = graph.add("GatherElements", ordered, place, axis=1)
    return {"predict": graph.add("Squeeze", found, graph.const([1], np.int64))}


def bagging(model: Any, graph: Graph, rows: str) -> Outputs:
    """Bagged trees, each over columns of its own."""
    parts = []
    for each, features in zip(model.estimators_, model.estimators_features_, strict=True):
        _need_tree(each)
        if each.n_outputs_ != 1:
            raise ExportError("its trees have several outputs", hint="use a forest, which has an ONNX form")
        values = each.tree_.value[:, 0, :]
        if hasattr(model, "classes_"):
            spread = np.zeros((len(values), len(model.classes_)))
            spread[:, np.asarray(each.classes_, dtype=np.int64)] = values
            values = spread
        parts.append(of_tree(each.tree_, values).with_features(np.asarray(features).tolist(), model.n_features_in_))
    mean = _over(graph, emit(joined(parts), graph, rows), len(parts))
    if not hasattr(model, "classes_"):
        return {"predict": graph.add("Squeeze", mean, graph.const([1], np.int64))}
    return {"predict": labels_of(graph, mean, model.classes_), "predict_proba": mean}
