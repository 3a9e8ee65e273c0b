"""What scikit-learn 1.4 to 1.7 hand over in another form than today's: saved there, and read from their pickles."""

from __future__ import annotations

from collections import UserList
from typing import Any

import pytest
from sklearn._loss._loss import CyHalfSquaredError, CyPinballLoss
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier

import modelkeep as mk
from keeping import kept
from modelkeep.errors import GraphError, SaveErrors
from modelkeep.formats.unpickle import read

X, Y = load_iris(return_X_y=True)


def renamed(module: str, name: str, *bases: type, **own: Any) -> Any:
    """A class that says of itself that it is another."""
    return type(name, bases, {"__module__": module, "__qualname__": name, **own})


def made_anew(*args: Any) -> Any:
    raise AssertionError("never called: the parameters are read from the arguments")


@pytest.mark.parametrize(("name", "parameters"), [("CyPinballLoss", (0.25,)), ("CyHalfSquaredError", ())])
@pytest.mark.parametrize("by", ["class", "function"])
def test_compiled_losses_whose_module_has_a_short_name(name: str, parameters: tuple[float, ...], by: str) -> None:
    def reduced(loss: Any) -> Any:
        return (type(loss), parameters) if by == "class" else (made_anew, (type(loss), 123, parameters))

    cls = renamed("_loss", name, __reduce__=reduced)
    (found,) = kept([cls()])
    assert type(found) is {"CyPinballLoss": CyPinballLoss, "CyHalfSquaredError": CyHalfSquaredError}[name]
    assert found.__reduce__()[1] == parameters


def test_a_loss_that_later_versions_do_not_have() -> None:
    cls = renamed("sklearn.linear_model._sgd_fast", "Huber", __reduce__=lambda loss: (type(loss), (0.1,)))
    with pytest.raises(GraphError, match="has no sklearn") as caught:
        kept([cls()])
    assert "install the scikit-learn that wrote the file" in caught.value.hint


@pytest.mark.parametrize("module", [b"_loss", b"sklearn._loss._loss"])
@pytest.mark.parametrize("parameters", [b"(F0.25\nt", b"N"])
def test_pickles_of_losses_with_parameters(module: bytes, parameters: bytes) -> None:
    """Protocol 0: a call with the class, a checksum and the parameters, or with these as the state behind it."""
    call = b"(c%s\nCyPinballLoss\nI123\n%stR" % (module, parameters)
    late = b"(F0.25\ntb" if parameters == b"N" else b""
    found, _ = read(b"c%s\n__pyx_unpickle_CyPinballLoss\n%s%s." % (module, call, late))
    assert type(found) is CyPinballLoss
    assert found.__reduce__()[1] == (0.25,)


@pytest.mark.parametrize("parameters", [b"(Vtext\nt", b"(N(F0.5\ntt", b"(F0.25\nF0.5\nF1.0\nt"])
def test_pickles_of_losses_with_other_parameters_are_refused(parameters: bytes) -> None:
    call = b"(c_loss\nCyPinballLoss\nI123\n%stR" % parameters
    with pytest.raises(mk.errors.LoadError):
        read(b"c_loss\n__pyx_unpickle_CyPinballLoss\n%s." % call)


def test_a_list_that_warns_comes_back_as_the_list_in_it() -> None:
    def looked_at(self: Any, place: Any) -> Any:
        raise AssertionError("it would warn")

    cls = renamed("sklearn.compose._column_transformer", "_RemainderColsList", UserList, __getitem__=looked_at)
    columns, many = cls(["a", 2]), cls(list(range(100)))
    first, second, third = kept([columns, columns, many])
    assert type(first) is list
    assert first == ["a", 2]
    assert second is first
    assert third == list(range(100))


def test_an_adaboost_that_newer_versions_would_answer_for_by_other_votes() -> None:
    model = AdaBoostClassifier(n_estimators=2).fit(X, Y)
    model.algorithm = "SAMME.R"
    with pytest.raises(SaveErrors) as caught:
        mk.dumps(model, sample=X)
    assert "no SAMME.R" in str(caught.value.exceptions[0])
