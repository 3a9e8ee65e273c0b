"""The contract suite on every format of the table, and on one that breaks it."""

from __future__ import annotations

import functools
import importlib

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from modelkeep import catalog
from modelkeep.testing import FormatSuite

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X.sum(axis=1) > 0).astype(int)


def classic():
    return [LogisticRegression().fit(X, Y)]


def boosted(module, name):
    made = getattr(importlib.import_module(module), name)
    quiet = (
        {"verbose": -1}
        if module == "lightgbm"
        else {"verbose": 0, "allow_writing_files": False}
        if module == "catboost"
        else {}
    )
    return [made(n_estimators=3, **quiet).fit(X, Y)]


def modules():
    import torch

    torch.manual_seed(0)
    return [torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))]


def program():
    import torch

    return [torch.export.export(modules()[0].eval(), (torch.zeros(2, 3),))]


def predicts(model):
    return np.asarray(model.predict(X))


def weights(model):
    """The arrays of a module or of a file, by name."""
    state = model.state_dict() if hasattr(model, "state_dict") else model
    return {name: np.asarray(value) for name, value in state.items()}


def equal(first, second):
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)
    return np.array_equal(first, second)


def answers(module):
    import torch

    called = module.module() if hasattr(module, "module") else module
    with torch.no_grad():
        return called(torch.tensor(X[:2], dtype=torch.float32)).numpy()


#: What a format that does not take everything is asked to keep, and what of it is compared.
KEPT = {
    "skops": (classic, predicts),
    "onnx": (classic, predicts),
    "xgboost": (lambda: boosted("xgboost", "XGBClassifier"), predicts),
    "lightgbm": (lambda: boosted("lightgbm", "LGBMRegressor"), predicts),
    "catboost": (lambda: boosted("catboost", "CatBoostClassifier"), predicts),
    "state_dict": (modules, weights),
    "safetensors": (modules, weights),
    "pt2": (program, answers),
}
#: Formats whose files need Java or TensorFlow, or can't be written: their own tests keep these laws.
APART = ("pmml", "keras", "savedmodel", "torchscript")
WRITES = [name for name in dir(FormatSuite) if name.startswith("test_") and "table" not in name and "cells" not in name]

for _format in catalog.formats():
    _parts = {"format": _format}
    if _format.name in KEPT:
        _make, _told = functools.cache(KEPT[_format.name][0]), KEPT[_format.name][1]
        _parts["models"] = property(lambda self, make=_make: make())
        _parts["same"] = lambda self, first, second, told=_told: equal(told(first), told(second))
    if _format.name in APART:
        _parts |= dict.fromkeys(WRITES)
    _name = f"Test{_format.name.title()}"
    globals()[_name] = type(_name, (FormatSuite,), _parts)


def test_the_suite_fails_on_a_format_that_loses_something(tmp_path):
    class Forgetful(FormatSuite):
        format = catalog.format_named("keep")

        def same(self, first, second):
            return first == {**second, "lost": 1}

    with pytest.raises(AssertionError):
        Forgetful().test_a_model_comes_back(tmp_path)
