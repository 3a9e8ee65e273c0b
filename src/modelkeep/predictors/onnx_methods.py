"""Which outputs of an ONNX graph answer which method.

modelkeep's own writers say it in the file: the metadata ``modelkeep.methods`` is JSON, a method's name to the name of
its output, or to a list or an object of them, nested as the model's answer is. Of other files it is told by names,
types and the operators that make the outputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, UsageError, quote
from modelkeep.onnx_checks import Graph, Model
from modelkeep.onnx_checks.attributes import floats
from modelkeep.onnx_checks.model import Node
from modelkeep.onnx_checks.wire import HINT
from modelkeep.predictors import METHODS
from modelkeep.predictors.onnx_ports import Port

#: Writers whose regressors give a column where the model gives a row of numbers.
_CLASSIC = ("skl2onnx", "OnnxMLTools", "CatBoost", "onnxml")
_PREPARES = frozenset("Scaler Imputer Normalizer OneHotEncoder Binarizer TfIdfVectorizer FeatureVectorizer".split())
_PASSES = frozenset("Identity Cast ZipMap Reshape Flatten Slice Squeeze Unsqueeze ArrayFeatureExtractor Split".split())
_SHARED = ("predict_proba", "plain")
_SHARES = frozenset("Softmax Normalizer Sigmoid Div".split())
#: Sums and products of the columns: what comes of these alone is no probability.
_LINEAR = frozenset(
    "MatMul Gemm Add Sub Mul Neg Concat Cast Identity Reshape Flatten Slice Squeeze Unsqueeze Transpose Split Gather "
    "ArrayFeatureExtractor ZipMap Scaler Imputer".split()
)
_REGRESSES = ("LinearRegressor", "TreeEnsembleRegressor", "SVMRegressor")
_MAX_LEVELS = 16
#: How far from 0 and 1 the rounding of probabilities leads.
_NEAR = 1e-3
_MOST_NODES = 256


@dataclass(frozen=True)
class Answer:
    """One method: ``outputs`` is an output's name, or a tree of them; ``form`` how it is made into an answer.

    Forms: plain; column (one column becomes a row of numbers); row (so does one row); maps (a map for each row becomes
    a table in the order of ``keys``); columns (an output for each); first and second (of two columns, for two classes,
    that one).
    """

    outputs: Any
    form: str = "plain"
    keys: tuple[Any, ...] = ()
    #: Of maps and columns for two classes, the form that their columns are given in.
    then: str = "plain"
    #: Whether the file says it, or it was told by names and operators.
    told: bool = False


def methods_of(model: Model, graph: Graph, outputs: Sequence[Port]) -> dict[str, Answer]:
    """The methods that a file holds."""
    names = [port.name for port in outputs]
    told = model.metadata().get("modelkeep.methods")
    if told is not None:
        return _declared(told, names)
    if set(names) & set(METHODS) and set(names) <= set(METHODS):
        return {name: Answer(name) for name in names}
    makers = {name: node for node in graph.node for name in node.output}
    classic = any((model.producer_name or "").startswith(name) for name in _CLASSIC)
    if len(outputs) == 3 and names[2] == "class_labels":
        outputs = outputs[:2]
    if len(outputs) == 2 and _is_label(outputs[0]) and not _is_label(outputs[1]):
        return _labelled(outputs, makers)
    if classic and len(outputs) > 2 and _is_label(outputs[0]) and all(map(_is_column, outputs[1:])):
        method, then = ("decision_function", _one(names[1], makers)) if _is_raw(names[1], makers) else _SHARED
        return {"predict": _label(names[0], makers), method: Answer(names[1:], "columns", then=then)}
    if len(outputs) == 1:
        return _single(outputs, makers, classic)
    return {"predict": Answer({name: name for name in names}), "forward": Answer(names)}


def _declared(told: str, names: Sequence[str]) -> dict[str, Answer]:
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not set(found) <= set(METHODS):
        raise GraphError("its modelkeep.methods is not JSON that names methods", hint=HINT)
    for tree in found.values():
        _check_tree(tree, names, 0)
    return {name: Answer(tree, told=True) for name, tree in found.items()}


def _check_tree(tree: Any, names: Sequence[str], level: int) -> None:
    if isinstance(tree, str) and tree in names:
        return
    if not isinstance(tree, list | dict) or level > _MAX_LEVELS:
        raise GraphError(f"its modelkeep.methods names {quote(tree)}, which is no output", hint=HINT)
    for each in tree.values() if isinstance(tree, dict) else tree:
        _check_tree(each, names, level + 1)


def _is_label(port: Port) -> bool:
    return port.dtype is not None and (port.dtype == object or port.dtype.kind in "iub")


def _is_column(port: Port) -> bool:
    return port.dtype is not None and port.dtype.kind == "f" and port.shape is not None and len(port.shape) == 1


def _label(name: str, makers: Mapping[str, Node]) -> Answer:
    """Labels. Those that are taken out of a list lie in one row, unless they are moved."""
    node = makers.get(name)
    while node is not None and node.op_type in ("Cast", "Identity") and node.input:
        node = makers.get(node.input[0])
    return Answer(name, "row" if node is not None and node.op_type == "ArrayFeatureExtractor" else "column")


def _labelled(outputs: Sequence[Port], makers: Mapping[str, Node]) -> dict[str, Answer]:
    """A label and what it was chosen by: probabilities, scores of classes, distances, or how usual a row is."""
    label, scores = outputs
    labels, raw = _label(label.name, makers), _is_raw(scores.name, makers)
    maker, one = makers.get(scores.name), _one(scores.name, makers)
    if maker is not None and maker.op_type == "ZipMap":
        method, then = ("decision_function", one) if raw else _SHARED
        return {"predict": labels, method: Answer(scores.name, "maps", _keys(maker), then)}
    if scores.dtype is None:
        return {"predict": labels, "predict_proba": Answer(scores.name, "maps")}
    if scores.name == "scores" and (scores.width or 1) > 1:
        return {"predict": labels, "transform": Answer(scores.name)}
    if "score" in scores.name or raw:
        return {"predict": labels, "decision_function": Answer(scores.name, one)}
    return {"predict": labels, "predict_proba": Answer(scores.name)}


def _one(name: str, makers: Mapping[str, Node]) -> str:
    """Which of two columns is the score of the second class: support vectors have it under the name of the first."""
    source = _source(name, makers)
    return "first" if source is not None and source.op_type == "SVMClassifier" else "second"


def _keys(node: Node) -> tuple[Any, ...]:
    attributes = node.attributes()
    if "classlabels_strings" in attributes:
        return tuple(str(text, "utf-8", "replace") for text in attributes["classlabels_strings"].strings)
    return tuple(attributes["classlabels_int64s"].ints.tolist()) if "classlabels_int64s" in attributes else ()


def _source(name: str, makers: Mapping[str, Node]) -> Node | None:
    """The node that computes an output, behind those that only hand on."""
    for _ in range(64):
        node = makers.get(name)
        if node is None or node.op_type not in _PASSES or not node.input:
            return node
        name = node.input[0]
    return None


def _is_raw(name: str, makers: Mapping[str, Node]) -> bool:
    """Whether a classifier's numbers are scores: it gives them as they are, and nothing behind it makes shares."""
    waiting, met, used = [name], set[str](), set[str]()
    while waiting and len(met) < _MOST_NODES:
        node = makers.get(waiting.pop())
        if node is None:
            continue
        used.add(node.op_type or "")
        if node.op_type in _SHARES:
            continue
        if node.op_type in ("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"):
            return _gives_scores(node)
        waiting += [each for each in node.input if each not in met]
        met.update(node.input)
    return not waiting and used <= _LINEAR and bool(used & {"MatMul", "Gemm"})


def _gives_scores(node: Node) -> bool:
    """Whether a classifier's numbers are no probabilities. Shares in the leaves of trees are at least zero."""
    attributes = node.attributes()
    after = attributes.get("post_transform")
    if (after is not None and bytes(after.s or b"") != b"NONE") or "prob_a" in attributes:
        return False
    if node.op_type != "TreeEnsembleClassifier":
        return True
    return any(bool((floats(attributes, name) < 0).any()) for name in ("class_weights", "base_values"))


def _single(outputs: Sequence[Port], makers: Mapping[str, Node], classic: bool) -> dict[str, Answer]:
    port = outputs[0]
    maker = _source(port.name, makers)
    if maker is not None and maker.op_type in _PREPARES:
        return {"transform": Answer(port.name)}
    if port.dtype is None and (classic or getattr(makers.get(port.name), "op_type", "") == "ZipMap"):
        return {"predict_proba": Answer(port.name, "maps")}
    if not classic:
        return dict.fromkeys(("predict", "forward"), Answer(port.name))
    found = {"predict": Answer(port.name, "column")}
    if port.width != 1 and (maker is None or maker.op_type not in _REGRESSES):
        # Nothing in the file tells a transformer from a model of several numbers.
        found["transform"] = Answer(port.name)
    return found


def shape(answer: Answer, found: Mapping[str, Any]) -> Any:
    """What a method gives, from the outputs by name."""
    if answer.form == "maps":
        rows = found[answer.outputs]
        if len(rows) and not isinstance(rows[0], dict):  # an array for each of several targets
            return list(rows)
        keys = answer.keys or (tuple(sorted(rows[0])) if len(rows) else ())
        table = np.array([[row[key] for key in keys] for row in rows], np.float32).reshape(len(rows), len(keys))
        return _one_of(answer.then, table)
    if answer.form == "plain":
        return tree_of(answer.outputs, found)
    if answer.form == "columns":
        return _one_of(answer.then, np.stack([found[name] for name in answer.outputs], axis=1))
    values = found[answer.outputs]
    if answer.form == "row":
        return values.ravel()
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else _one_of(answer.form, values)


def _one_of(form: str, values: Any) -> Any:
    if form not in ("first", "second") or values.ndim != 2 or values.shape[1] != 2:
        return values
    return values[:, 0 if form == "first" else 1]


def _are_shares(made: Any) -> bool:
    least, most = np.nanmin(made, initial=0.0), np.nanmax(made, initial=0.0)
    return bool(least >= -_NEAR and most <= 1 + _NEAR)


def check(method: str, answer: Answer, made: Any, counts: set[int]) -> None:
    """Refuse what was taken for the answer of ``method`` and can't be it. Raises UsageError."""
    if answer.told or not isinstance(made, np.ndarray):
        return
    why = ""
    if answer.form != "plain" and len(counts) == 1 and made.ndim and {len(made)} != counts:
        why = f"has {len(made)} rows for {counts.pop()}"
    elif method == "predict_proba" and made.dtype.kind == "f" and not _are_shares(made):
        why = "holds scores that are no probabilities"
    if why:
        name = names_in(answer.outputs)[0]
        raise UsageError(f"the output {quote(name)} {why}", hint="use run(rows), which gives every output as it is")


def tree_of(outputs: Any, found: Mapping[str, Any]) -> Any:
    if isinstance(outputs, dict):
        return {name: tree_of(each, found) for name, each in outputs.items()}
    if isinstance(outputs, list):
        return tuple(tree_of(each, found) for each in outputs)
    return found[outputs]


def names_in(outputs: Any) -> list[str]:
    """The outputs that a tree of them names, each once."""
    if isinstance(outputs, str):
        return [outputs]
    inner = outputs.values() if isinstance(outputs, dict) else outputs
    return list(dict.fromkeys(name for each in inner for name in names_in(each)))
