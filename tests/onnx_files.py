"""ONNX files as other programs write them, small ones, and edits of them that a reader must refuse."""

from __future__ import annotations

import functools
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Edit = Callable[[Any], None]


@functools.cache
def flowers() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_iris

    rows, labels = load_iris(return_X_y=True)
    return rows.astype(np.float32), labels


def _skl(model: Any, rows: Any, **options: Any) -> bytes:
    from skl2onnx import to_onnx

    return bytes(to_onnx(model, rows, options={id(model): options} if options else None).SerializeToString())


@functools.cache
def linear() -> tuple[Any, bytes]:
    from sklearn.linear_model import LogisticRegression

    rows, labels = flowers()
    model = LogisticRegression(max_iter=300).fit(rows, np.array(["a", "b", "c"])[labels])
    return model, _skl(model, rows[:1])


@functools.cache
def forest() -> tuple[Any, bytes]:
    from sklearn.ensemble import RandomForestClassifier

    rows, labels = flowers()
    model = RandomForestClassifier(4, max_depth=4, random_state=0).fit(rows, labels)
    return model, _skl(model, rows[:1])


@functools.cache
def classifiers() -> dict[str, tuple[Any, bytes]]:
    """Whatever has labels, by several writers: with maps, with tensors, with texts for labels."""
    import catboost
    import lightgbm
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows, labels = flowers()
    names = np.array(["a", "b", "c"])[labels]
    kinds = [("input", FloatTensorType([None, 4]))]
    boosted = xgboost.XGBClassifier(n_estimators=3).fit(rows, labels)
    light = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(rows, labels)
    cat = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False).fit(rows, names)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = os.path.join(folder, "cat.onnx")
        cat.save_model(path, format="onnx")
        with open(path, "rb") as file:
            saved = file.read()
        return {
            "linear": linear(),
            "forest": forest(),
            "xgboost": (boosted, convert_xgboost(boosted, initial_types=kinds).SerializeToString()),
            "lightgbm": (light, convert_lightgbm(light, initial_types=kinds).SerializeToString()),
            "catboost": (cat, saved),
        }


@functools.cache
def others() -> dict[str, tuple[Any, str, bytes]]:
    """Models, the method that their one answer is of, and their files."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM

    rows, labels = flowers()
    made = {
        "ridge": (Ridge().fit(rows, labels), "predict"),
        "trees": (RandomForestRegressor(3, max_depth=3, random_state=0).fit(rows, labels), "predict"),
        "svr": (SVR().fit(rows, labels), "predict"),
        "scores": (LinearSVC().fit(rows, labels), "decision_function"),
        "votes": (SVC().fit(rows, labels), "decision_function"),
        "outliers": (OneClassSVM().fit(rows), "decision_function"),
        "scaler": (StandardScaler().fit(rows), "transform"),
        "components": (PCA(2).fit(rows), "transform"),
        "centres": (KMeans(3, n_init=1, random_state=0).fit(rows), "transform"),
    }
    return {name: (model, method, _skl(model, rows[:1])) for name, (model, method) in made.items()}


@functools.cache
def forms() -> dict[str, tuple[Any, tuple[str, ...], bytes]]:
    """Classifiers in the forms that their converter has options for, and the methods of each."""
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.svm import SVC

    rows, labels = flowers()
    two = np.array(["no", "yes"])[(labels == 2).astype(int)]
    scores, shares = ("predict", "decision_function"), ("predict", "predict_proba")
    made: list[tuple[str, Any, Any, tuple[str, ...], dict[str, Any]]] = [
        ("maps of scores", LogisticRegression(max_iter=300), two, scores, {"raw_scores": True}),
        ("support vectors", SVC(), two, scores, {"zipmap": False}),
        ("maps of support vectors", SVC(), two, scores, {}),
        ("negated support vectors", SVC(), two, scores, {"raw_scores": True, "zipmap": False}),
        ("sums of leaves", GradientBoostingClassifier(n_estimators=3), two, scores, {"raw_scores": True}),
        ("sums of columns", SGDClassifier(random_state=0), labels, scores, {"zipmap": False}),
        ("columns", LogisticRegression(max_iter=300), labels, shares, {"zipmap": "columns"}),
        ("columns of scores", SVC(), two, scores, {"zipmap": "columns"}),
        ("names", LogisticRegression(max_iter=300), two, shares, {"output_class_labels": True, "zipmap": False}),
        ("labels in one row", QuadraticDiscriminantAnalysis(), labels, shares, {"zipmap": False}),
    ]
    return {
        name: (model.fit(rows, wanted), methods, _skl(model, rows[:1], **options))
        for name, model, wanted, methods, options in made
    }


# -- edits ---------------------------------------------------------------------------------------------------------


def edited(data: bytes, edit: Edit) -> bytes:
    import onnx

    model = onnx.load_from_string(data)
    edit(model)
    return bytes(model.SerializeToString())


def attribute(model: Any, name: str) -> Any:
    return next(each for node in model.graph.node for each in node.attribute if each.name == name)


def graph_of(nodes: list[Any], constants: list[Any] | None = None, functions: list[Any] | None = None) -> bytes:
    """A model of ``nodes`` from ``x`` to ``y``."""
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "xy"]
    graph = helper.make_graph(nodes, "graph", ports[:1], ports[1:], constants or [])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=opsets, functions=functions or [])
    model.ir_version = 9
    return bytes(model.SerializeToString())


def tree_edits() -> Iterator[tuple[str, Edit]]:
    """Attributes of a forest that would lead its operator astray."""

    def put(name: str, place: int, value: Any, field: str = "ints") -> Edit:
        def edit(model: Any) -> None:
            getattr(attribute(model, name), field)[place] = value

        return edit

    def cut(name: str, field: str = "ints") -> Edit:
        return lambda model: getattr(attribute(model, name), field).pop()

    for side in ("nodes_truenodeids", "nodes_falsenodeids"):
        for value in (10**9, -1, 0, 2**62):
            yield f"{side} {value}", put(side, 0, value)
    for value in (4, 10**9, -1, -(2**40)):
        yield f"feature {value}", put("nodes_featureids", 0, value)
    yield "two nodes of one number", put("nodes_nodeids", 1, 0)
    yield "a node of a tree that is not there", put("nodes_treeids", 1, 77)
    yield "a class that is not there", put("class_ids", 0, 3)
    yield "a class below zero", put("class_ids", 0, -1)
    yield "an answer at no node", put("class_nodeids", 0, 10**6)
    yield "an answer in no tree", put("class_treeids", 0, 10**6)
    yield "a mode of its own", put("nodes_modes", 0, b"JUMP", "strings")
    for name in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_truenodeids", "class_ids"):
        yield f"short {name}", cut(name)
    yield "short nodes_values", cut("nodes_values", "floats")
    yield "short class_weights", cut("class_weights", "floats")
    yield "short nodes_modes", cut("nodes_modes", "strings")
    yield "no classes", lambda model: attribute(model, "classlabels_int64s").ClearField("ints")
