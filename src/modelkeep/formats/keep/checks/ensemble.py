"""Trees and ensembles of them: the trees are sound (tree_checks.py), and here they must fit the rows that they get."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.require import (
    Check,
    State,
    an_array,
    array,
    fail,
    features,
    full_name,
    indices,
    integer,
    is_a,
    number,
    require,
    sequence,
)

_TREE = "sklearn.tree._tree.Tree"
_ONE_TREE = "sklearn.tree._classes.BaseDecisionTree"
_DUMMIES = ("sklearn.dummy.DummyClassifier", "sklearn.dummy.DummyRegressor")


def check_tree(obj: Any) -> None:
    """What a decision tree says of itself is what its compiled tree has room for."""
    state = vars(obj)
    tree = state.get("tree_")
    if tree is None:
        require("tree_" not in state, "tree_", "a fitted decision tree has a tree")
        return
    if not _is_tree(tree):
        fail("tree_", f"a {type(tree).__name__} is not a tree")
    if tree.n_features != state.get("n_features_in_"):
        fail("n_features_in_", f"the tree takes rows of {tree.n_features} features")
    outputs = state.get("n_outputs_")
    if tree.n_outputs != outputs:
        fail("n_outputs_", f"the tree has {tree.n_outputs} outputs")
    classes = state.get("n_classes_")
    if classes is not None:
        if outputs == 1 and tree.max_n_classes != classes:
            fail("n_classes_", f"the tree has {tree.max_n_classes} classes")
        elif outputs != 1 and list(tree.n_classes) != list(np.ravel(classes)):
            fail("n_classes_", "the tree has other numbers of classes")


def _is_tree(obj: Any) -> bool:
    return type(obj).__name__ == "Tree" and full_name(type(obj)) == _TREE


def _check_member(member: Any, path: str, width: int) -> Any:
    """A member of an ensemble that hands its rows to the compiled tree; returns that tree."""
    tree = getattr(member, "__dict__", {}).get("tree_")
    if tree is None or not _is_tree(tree) or not is_a(member, _ONE_TREE):
        fail(path, "the members of such an ensemble are fitted decision trees")
    if tree.n_features != width:
        fail(path, f"a tree of {tree.n_features} features among rows of {width}")
    return tree


def check_forest(obj: Any) -> None:
    state = vars(obj)
    if "estimators_" not in state:
        return
    width, outputs = features(state), state.get("n_outputs_")
    for member in sequence(state, "estimators_"):
        if _check_member(member, "estimators_", width).n_outputs != outputs:
            fail("estimators_", f"a tree with other outputs than {quote(repr(outputs))}")


def check_bagging(obj: Any) -> None:
    """Each member sees its own columns. Those of an isolation forest go straight to its trees."""
    state = vars(obj)
    if "estimators_" not in state:
        return
    members, width = sequence(state, "estimators_"), features(state)
    isolation = is_a(obj, "sklearn.ensemble._iforest.IsolationForest")
    for member, columns in zip(members, sequence(state, "estimators_features_", len(members)), strict=True):
        indices(an_array(columns, "estimators_features_", "i u", (None,)), width, "estimators_features_")
        if isolation:
            _check_member(member, "estimators_", len(columns))
    if isolation:
        for name in ("_average_path_length_per_tree", "_decision_path_lengths"):
            if name in state:
                for i, lengths in enumerate(sequence(state, name, len(members))):
                    array({name: lengths}, name, "f i", (vars(members[i])["tree_"].node_count,))


# -- gradient boosting ----------------------------------------------------------------------------------------------


def check_boosting(obj: Any) -> None:
    """Compiled code adds the value of each tree's leaf to a column per tree: one output, and as many columns."""
    state = vars(obj)
    if "estimators_" not in state:
        return
    width = features(state)
    members = array(state, "estimators_", "O", (None, None))
    columns = integer(state, "n_trees_per_iteration_", 1)
    require(members.size and members.shape[1] == columns, "estimators_", f"not {columns} trees an iteration")
    for member in members.ravel().tolist():
        tree = _check_member(member, "estimators_", width)
        if tree.n_outputs != 1 or tree.max_n_classes != 1:
            fail("estimators_", "a tree with more than one value a leaf")
        if vars(member).get("n_features_in_") != width:
            fail("estimators_", "a tree that takes rows of another width")
    number(state, "learning_rate")
    _check_start(obj, state, columns, width)


def _check_start(obj: Any, state: State, columns: int, width: int) -> None:
    """The predictions that boosting starts from are the matrix that compiled code writes to."""
    init, loss = state.get("init_"), state.get("_loss")
    if type(init) is str:
        require(init == "zero", "init_", f"{quote(init)} is not a way to start")
        return
    require(is_a(loss, "sklearn._loss.loss.BaseLoss"), "_loss", "boosting needs its loss")
    classifier = is_a(obj, "sklearn.base.ClassifierMixin")
    several = classifier and getattr(loss, "is_multiclass", False) is True
    require(several or columns == 1, "n_trees_per_iteration_", "this loss has one tree an iteration")
    if type(init).__name__ in ("DummyClassifier", "DummyRegressor") and _is_plain_dummy(init, columns, several):
        return
    _try_start(init, classifier, several, columns, width)


def _is_plain_dummy(init: Any, columns: int, several: bool) -> bool:
    """The default start, whose answer has a known shape."""
    state = vars(init)
    if not is_a(init, *_DUMMIES) or state.get("n_outputs_") != 1:
        return False
    if "constant_" in state:
        return isinstance(state["constant_"], np.ndarray) and state["constant_"].shape == (1, 1)
    prior = state.get("class_prior_")
    wanted = (columns if several else 2,)
    return state.get("strategy") == "prior" and isinstance(prior, np.ndarray) and prior.shape == wanted


def _try_start(init: Any, classifier: bool, several: bool, columns: int, width: int) -> None:
    """Ask another start, itself checked by now, for the shape of its answer to a few rows."""
    for rows in (1, 2, 3):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                X = np.zeros((rows, width), np.float32)
                answer = np.asarray(init.predict_proba(X) if classifier else init.predict(X))
        except Exception as error:
            fail("init_", f"the model that boosting starts from doesn't answer: {quote(str(error))}")
        if classifier and not several:
            wrong = answer.ndim != 2 or answer.shape[0] != rows or answer.shape[1] < 2
        else:
            wrong = answer.shape != (rows, columns) and not (columns == 1 and answer.shape == (rows,))
        if wrong:
            fail("init_", f"the answer to {rows} rows has shape {answer.shape}, for {columns} trees an iteration")


CHECKS: dict[str, Check] = {
    _ONE_TREE: check_tree,
    "sklearn.ensemble._forest.BaseForest": check_forest,
    "sklearn.ensemble._bagging.BaseBagging": check_bagging,
    "sklearn.ensemble._gb.BaseGradientBoosting": check_boosting,
}
