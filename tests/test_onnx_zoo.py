"""The zoo as ONNX: what is written answers as the model does, and the rest is refused with a reason."""

from __future__ import annotations

import os
import warnings
import zlib

import numpy as np
import pytest

import modelkeep as mk
from modelkeep.errors import ExportError, UsageError
from modelkeep.formats.onnx.write import model_bytes
from modelkeep.parity import _has_labels
from modelkeep.parity.judging import Tolerance, judge
from modelkeep.predictors.onnx import OnnxModel
from zoo import ZOO

FULL = bool(os.environ.get("MODELKEEP_FULL"))
#: Of the models that are written at least so many have a clean certificate.
LEAST = 640
#: Ties of equally near points, which a search by brute force and one by trees break in different ways.
TIES = {"X:KNN(sparse)"}
NAMES = [name for name in ZOO if FULL or zlib.crc32(name.encode()) % 4 == 0]
RULE = (Tolerance.of(1e-5), Tolerance.of(1e-5))


def answers(name):
    """The outputs of the file beside the model's own: by method, what the judge says."""
    model, rows = ZOO[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = model_bytes(model, rows, {})
        assert model_bytes(model, rows, {}) == data
        found = OnnxModel(data)
        outputs = {}
        for method in found.methods:
            if hasattr(model, method):
                expected = getattr(model, method)(rows)
                labels = method == "predict" and (_has_labels(model) or np.asarray(expected).dtype.kind not in "fc")
                judge(outputs, "zoo", method, expected, getattr(found, method)(rows), RULE, labels=labels)
        return outputs


@pytest.mark.parametrize("name", NAMES)
def test_model_answers_the_same_as_onnx_or_is_refused(name):
    outputs, error = attempt(name)
    if error is not None:
        told = (str(error), error.hint)
        assert all(len(text) > 10 for text in told)
    elif name in TIES:
        assert any(output.labels for output in outputs.values())  # what a proof refuses
    else:
        assert outputs
        assert not {method: output.rows for method, output in outputs.items() if not equal(output)}


def attempt(name):
    try:
        return answers(name), None
    except ExportError as error:
        return {}, error


def equal(output):
    return (output.labels, output.beyond, output.other) == (0, 0, "")


@pytest.mark.skipif(not FULL, reason="a quarter of an hour: MODELKEEP_FULL=1, or make zoo")
def test_most_of_the_zoo_has_a_clean_certificate(tmp_path):
    clean, classes, refused = 0, set(), {}
    for name in ZOO:
        model, rows = ZOO[name]()
        try:
            made = mk.export(model, tmp_path / "model.onnx", sample=rows)
        except ExportError as error:
            refused.setdefault(str(error).splitlines()[0], []).append(name)
            continue
        clean += made.certificate.clean
        classes.add(type(model).__name__)
    print(f"\n{clean} of {len(ZOO)} models, of {len(classes)} classes, have a clean certificate as ONNX")
    for reason, names in sorted(refused.items(), key=lambda each: -len(each[1])):
        print(f"  {len(names):3} {reason}: {', '.join(names[:4])}")
    assert clean >= LEAST


def test_an_option_is_checked():
    model, rows = ZOO["LogisticRegression"]()
    with pytest.raises(UsageError, match="no option"):
        model_bytes(model, rows, {"opsat": 18})
    with pytest.raises(UsageError, match="opset is 3"):
        model_bytes(model, rows, {"opset": 3})
    assert OnnxModel(model_bytes(model, rows, {"opset": 18})).predict(rows).tolist() == model.predict(rows).tolist()
