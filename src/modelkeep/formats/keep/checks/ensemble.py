"""Trees and ensembles of them: the trees are sound (tree_checks.py), and here they must fit the rows that they get."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from modelkeep.errors import quote, said
from modelkeep.formats.keep.checks.require import (
    Array,
    Check,
    State,
    an_array,
    ancestors,
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
#: What a start is asked about, until it answers.
_VALUES = (0, 1, 2, 0.5, 3, 10, 100)
_DUMMIES = ("sklearn.dummy.DummyClassifier", "sklearn.dummy.DummyRegressor")


def check_tree(obj: Any) -> None:
    """What a decision tree says of itself is what its compiled tree has room for."""
    state = vars(obj)
    tree = state.get("tree_")
    if tree is None:
        require("tree_" not in state, "tree_", "a fitted decision tree has a tree")
        return
    if not is_a(tree, _TREE):
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


def trees_of(members: list[Any]) -> list[Any]:
    """The compiled trees of an ensemble's members, each of which has passed ``check_tree``."""
    for cls in set(map(type, members)):
        if _ONE_TREE not in ancestors(cls):
            fail("estimators_", f"a {cls.__name__} among decision trees")
    trees = [member.__dict__.get("tree_") for member in members]
    for cls in set(map(type, trees)):
        if full_name(cls) != _TREE:
            fail("estimators_", "a decision tree that is not fitted")
    return trees


def check_forest(obj: Any) -> None:
    state = vars(obj)
    if "estimators_" not in state:
        return
    width, outputs = features(state), integer(state, "n_outputs_", 1)
    trees = trees_of(sequence(state, "estimators_"))
    require({tree.n_features for tree in trees} <= {width}, "estimators_", f"a tree that doesn't take {width} features")
    require({tree.n_outputs for tree in trees} <= {outputs}, "estimators_", f"a tree that hasn't {outputs} outputs")


def check_bagging(obj: Any) -> None:
    """Each member sees its own columns. Those of an isolation forest go straight to its trees."""
    state = vars(obj)
    if "estimators_" not in state:
        return
    members, width = sequence(state, "estimators_"), features(state)
    chosen = sequence(state, "estimators_features_", len(members))
    for columns in chosen:
        an_array(columns, "estimators_features_", "i u", (None,))
    if chosen:
        indices(np.concatenate(chosen), width, "estimators_features_")
    if is_a(obj, "sklearn.ensemble._iforest.IsolationForest"):
        _check_isolation(state, trees_of(members), chosen)


def _check_isolation(state: State, trees: list[Any], chosen: list[Any]) -> None:
    good = all(tree.n_features == len(columns) for tree, columns in zip(trees, chosen, strict=True))
    require(good, "estimators_", "a tree of another number of features than it is given")
    for name in ("_average_path_length_per_tree", "_decision_path_lengths"):
        if name in state:
            lengths = sequence(state, name, len(trees))
            good = all(np.shape(found) == (tree.node_count,) for tree, found in zip(trees, lengths, strict=True))
            require(good, name, "not a length for each node of each tree")


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
    trees = trees_of(members.ravel().tolist())
    require({tree.n_features for tree in trees} == {width}, "estimators_", f"a tree that doesn't take {width} features")
    values = {(tree.n_outputs, tree.max_n_classes) for tree in trees}
    require(values == {(1, 1)}, "estimators_", "a tree with more than one value a leaf")
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
        answer = _answer(init, classifier, (rows, width))
        if classifier and not several:
            wrong = answer.ndim != 2 or answer.shape[0] != rows or answer.shape[1] < 2
        else:
            wrong = answer.shape != (rows, columns) and not (columns == 1 and answer.shape == (rows,))
        if wrong:
            fail("init_", f"the answer to {rows} rows has shape {answer.shape}, for {columns} trees an iteration")


def _answer(init: Any, classifier: bool, shape: tuple[int, int]) -> Array:
    """To rows of zeros, or of other numbers where it takes no zeros: a logarithm and a category may not."""
    for i, value in enumerate(_VALUES, 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                X = np.full(shape, value, np.float32)
                return np.asarray(init.predict_proba(X) if classifier else init.predict(X))
        except Exception as error:
            if i == len(_VALUES):
                fail("init_", f"the model that boosting starts from doesn't answer: {said(error)}")
    raise AssertionError


def check_adaboost(obj: Any) -> None:
    """Shares that vote were given up in scikit-learn 1.6: newer versions would count votes, and answer otherwise."""
    from sklearn.ensemble import _weight_boosting as installed

    if vars(obj).get("algorithm") == "SAMME.R" and not hasattr(installed, "_samme_proba"):
        fail("algorithm", "the installed scikit-learn has no SAMME.R", "install scikit-learn 1.5, or fit it again")


CHECKS: dict[str, Check] = {
    "sklearn.ensemble._weight_boosting.AdaBoostClassifier": check_adaboost,
    _ONE_TREE: check_tree,
    "sklearn.ensemble._forest.BaseForest": check_forest,
    "sklearn.ensemble._bagging.BaseBagging": check_bagging,
    "sklearn.ensemble._gb.BaseGradientBoosting": check_boosting,
}
