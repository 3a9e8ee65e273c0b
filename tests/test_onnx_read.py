"""ONNX files of other programs as predictors: their methods, their rows, their errors, and the same bytes again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import modelkeep as mk
from modelkeep.errors import GraphError, UsageError
from modelkeep.predictors.onnx import OnnxModel

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("skl2onnx", reason="the extra onnx is not installed")

import onnx_files
from onnx_files import edited, flowers, forest, graph_of, linear


@pytest.mark.parametrize("name", ["linear", "forest", "xgboost", "lightgbm", "catboost"])
def test_a_classifier_answers_as_its_model(name: str) -> None:
    model, data = onnx_files.classifiers()[name]
    rows, _ = flowers()
    read = OnnxModel(data)
    assert read.methods == ("predict", "predict_proba")
    assert not hasattr(read, "transform")
    assert (read.predict(rows).ravel() == np.ravel(model.predict(rows))).all()
    assert read.predict(rows).shape == (len(rows),)
    np.testing.assert_allclose(read.predict_proba(rows), model.predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize(
    "name", ["ridge", "trees", "svr", "scores", "votes", "outliers", "scaler", "components", "centres"]
)
def test_other_answers_have_their_own_names(name: str) -> None:
    model, method, data = onnx_files.others()[name]
    rows, _ = flowers()
    read = OnnxModel(data)
    answer = getattr(read, method)(rows)
    expected = np.asarray(getattr(model, method)(rows))
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, atol=1e-3)
    if method == "decision_function":
        assert not hasattr(read, "predict_proba")  # scores are no probabilities


@pytest.mark.parametrize(
    "name",
    [
        "maps of scores", "support vectors", "maps of support vectors", "negated support vectors", "sums of leaves",
        "sums of columns", "columns", "columns of scores", "names", "labels in one row",
    ],
)  # fmt: skip
def test_a_classifier_answers_as_its_model_in_every_form(name: str) -> None:
    model, methods, data = onnx_files.forms()[name]
    rows, _ = flowers()
    read = OnnxModel(data)
    assert read.methods == methods
    for count in (len(rows), 1):
        assert read.predict(rows[:count]).tolist() == model.predict(rows[:count]).tolist()
        answer, expected = (getattr(each, methods[1])(rows[:count]) for each in (read, model))
        assert answer.shape == expected.shape
        np.testing.assert_allclose(answer, expected, 1e-3, 1e-4)


def test_what_can_not_be_the_answer_is_told() -> None:
    from onnx import TensorProto, helper, numpy_helper

    def second(node: Any) -> Any:
        """A file with a label, and with the shares of classes that the node makes."""
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in "xy")
        label = helper.make_tensor_value_info("label", TensorProto.INT64, None)
        shape = numpy_helper.from_array(np.array([-1, 1]), "shape")
        nodes = [node, helper.make_node("Reshape", ["x", "shape"], ["flat"])]
        nodes += [helper.make_node("Cast", ["flat"], ["label"], to=TensorProto.INT64)]
        graph = helper.make_graph(nodes, "g", [x], [label, y], [shape])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return OnnxModel(made.SerializeToString())

    rows = np.array([[0.25, 3.0]], np.float32)
    with pytest.raises(UsageError, match="holds scores that are no probabilities"):
        second(helper.make_node("Tan", ["x"], ["y"])).predict_proba(rows)
    with pytest.raises(UsageError, match="has 2 rows for 1"):
        second(helper.make_node("Softmax", ["x"], ["y"])).predict(rows)
    answer = second(helper.make_node("Softmax", ["x"], ["y"])).predict_proba(rows)
    assert answer.sum() == pytest.approx(1)


def test_numbers_of_16_bits_are_those_of_the_runtimes_domain() -> None:
    from onnx import TensorProto, helper, numpy_helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in "xy"]
    constants = [numpy_helper.from_array(np.array(0.5, np.float32), "s"), numpy_helper.from_array(np.uint16(9), "z")]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], domain="com.microsoft"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], domain="com.microsoft"),
    ]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], constants)
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, opset_imports=versions, ir_version=8).SerializeToString()
    assert OnnxModel(made).predict([[0.6, -90.0]]).tolist() == [[0.5, -4.5]]


def test_a_file_says_which_output_answers_what() -> None:
    from onnx import helper

    data = graph_of([helper.make_node("Relu", ["x"], ["y"])])

    def say(methods: Any) -> bytes:
        def edit(model: Any) -> None:
            model.metadata_props.add(key="modelkeep.methods", value=json.dumps(methods))

        return edited(data, edit)

    rows = np.array([[-1, 0, 1]], np.float32)
    read = OnnxModel(say({"forward": ["y", {"again": "y"}]}))
    first, second = read.forward(rows)
    assert first.tolist() == second["again"].tolist() == [[0, 0, 1]]
    assert read.methods == ("forward",)
    for wrong in ({"forward": "z"}, {"__init__": "y"}, ["y"], {"predict": 3}, {"predict": [[[["y", 1]]]]}):
        with pytest.raises(GraphError, match=r"modelkeep\.methods"):
            OnnxModel(say(wrong))


# -- rows ----------------------------------------------------------------------------------------------------------


def columns_model() -> tuple[Any, bytes]:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows, labels = flowers()
    table = pd.DataFrame(rows, columns=list("abcd"))
    table["kind"] = np.array(["x", "y"])[labels % 2]
    split = ColumnTransformer(
        [("n", StandardScaler(), list("abcd")), ("k", OneHotEncoder(handle_unknown="ignore"), ["kind"])]
    )
    model = make_pipeline(split, LogisticRegression()).fit(table, labels)
    kinds: list[Any] = [(name, FloatTensorType([None, 1])) for name in "abcd"]
    made = convert_sklearn(model, initial_types=[*kinds, ("kind", StringTensorType([None, 1]))])
    return model, made.SerializeToString()


def test_a_table_gives_its_columns_to_inputs_by_name() -> None:
    model, data = columns_model()
    rows, labels = flowers()
    table = pd.DataFrame(rows, columns=list("abcd"))
    table["kind"] = pd.Categorical(np.array(["x", "y"])[labels % 2])
    shuffled = table[["kind", "d", "b", "a", "c"]]
    read = OnnxModel(data)
    np.testing.assert_allclose(read.predict_proba(shuffled), model.predict_proba(table), atol=1e-5)
    by_name = {name: table[name].to_numpy() for name in "abcd"} | {"kind": table["kind"].tolist()}
    assert (read.predict(by_name) == model.predict(table)).all()
    with pytest.raises(UsageError, match="no column 'kind'"):
        read.predict(table[list("abcd")])
    with pytest.raises(UsageError, match="'kind' takes text, and"):
        read.predict(table.assign(kind=1.5))
    with pytest.raises(UsageError, match="'a' takes float32, not text"):
        read.predict(table.assign(a="x"))
    missing = table.assign(kind=[None, *table["kind"].tolist()[1:]])
    assert read.predict(missing).shape == (len(rows),)  # no text is an unknown category


def test_one_input_takes_arrays_tables_lists_and_sparse_rows() -> None:
    from scipy.sparse import csr_array

    model, data = linear()
    rows, _ = flowers()
    read = OnnxModel(data)
    expected = model.predict_proba(rows)
    for given in (rows, rows.astype(np.float64), pd.DataFrame(rows), rows.tolist(), csr_array(rows), {"X": rows}):
        np.testing.assert_allclose(read.predict_proba(given), expected, atol=1e-5)
    assert read.predict(rows[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (np.zeros((2, 3)), r"'X' is of shape \(any, 4\), and the rows are of shape \(2, 3\)"),
        (np.zeros((2, 4, 1)), "of shape"),
        ({"Z": np.zeros((2, 4))}, "no input 'Z'"),
        ({}, "an input 'X' that is not given"),
        (np.array([["a"] * 4]), "takes float32, not text"),
        (np.full((1, 4), 1e300), "no room for 1e\\+300"),
        (np.array([[0, 0, 0, (1 << 24) + 1]]), "no room for 16777217"),
        (np.zeros((1, 4), "M8[s]"), "takes float32, not datetime64"),
    ],
)
def test_rows_that_do_not_fit_are_told(rows: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        OnnxModel(linear()[1]).predict(rows)
    assert caught.value.hint


def test_a_fixed_number_of_rows_is_asked_in_pieces() -> None:
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.INT64, [2, 3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "graph", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    read = OnnxModel(model.SerializeToString())
    rows = np.arange(18).reshape(6, 3)
    assert (read.predict(rows) == -rows).all()
    assert (read.predict(rows.astype(float)) == -rows).all()  # whole numbers all the same
    with pytest.raises(UsageError, match="takes 2 rows at a time"):
        read.predict(rows[:5])
    with pytest.raises(UsageError, match=r"no room for 0\.5"):
        read.predict(rows + 0.5)


# -- files ---------------------------------------------------------------------------------------------------------


def test_it_is_loaded_kept_and_written_with_the_same_bytes(tmp_path: Path) -> None:
    rows, _ = flowers()
    first = tmp_path / "first.onnx"
    first.write_bytes(forest()[1])
    model = mk.load(first)
    assert isinstance(model, OnnxModel)
    mk.save(model, tmp_path / "model.keep", sample=rows)
    kept = mk.load(tmp_path / "model.keep")
    assert (kept.data, kept.methods) == (first.read_bytes(), model.methods)
    assert (kept.predict_proba(rows) == model.predict_proba(rows)).all()
    done = mk.export(kept, tmp_path / "second.onnx", sample=rows[:20])
    assert done.certificate.passed
    assert (tmp_path / "second.onnx").read_bytes() == first.read_bytes()
    assert pickle.loads(pickle.dumps(model)).predict(rows).tolist() == model.predict(rows).tolist()


def test_its_bytes_inside_a_keep_file_are_checked() -> None:
    model = OnnxModel(linear()[1])
    model.data = edited(model.data, lambda made: made.graph.node.add(op_type="Evil", domain="own", output=["z"]))
    with pytest.raises(mk.errors.PolicyError, match=r"own\.Evil"):
        mk.loads(mk.dumps(model, probe=False))


def test_inputs_and_outputs_are_described() -> None:
    read = OnnxModel(linear()[1])
    (port,) = read.inputs
    assert (port.name, port.dtype, port.shape, port.width) == ("X", np.float32, (None, 4), 4)
    assert read.n_features_in_ == 4
    assert [port.name for port in read.outputs] == ["output_label", "output_probability"]
    assert set(read.run(flowers()[0][:2], ["output_label"])) == {"output_label"}
    with pytest.raises(UsageError, match="no output 'other'"):
        read.run(flowers()[0], ["other"])
    with pytest.raises(UsageError, match="optimization"):
        OnnxModel(linear()[1], optimization="most")
    assert "predict_proba" in dir(read)
