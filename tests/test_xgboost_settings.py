"""A booster of XGBoost that comes back is trained on as the first one would have been."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import xgboost

import modelkeep as mk
from modelkeep.boosters import xgboost_settings as settings
from modelkeep.errors import GraphError

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 4))
Y = (X[:, 0] > 0).astype(int)


def labelled():
    return xgboost.DMatrix(X, Y)


def ranked():
    rows = labelled()
    rows.set_group([60, 60])
    return rows


def censored():
    rows = xgboost.DMatrix(X)
    rows.set_float_info("label_lower_bound", np.abs(X[:, 0]))
    rows.set_float_info("label_upper_bound", np.abs(X[:, 0]) + 1)
    return rows


CASES = {
    "trees": (labelled, {"objective": "binary:logistic", "eta": 0.05, "max_depth": 2, "seed": 7}),
    "metrics": (labelled, {"objective": "binary:logistic", "eval_metric": ["auc", "error@0.7"]}),
    "constraints": (labelled, {"monotone_constraints": "(1,0,0,0)", "interaction_constraints": "[[0,1],[2,3]]"}),
    "linear": (labelled, {"booster": "gblinear", "alpha": 0.3, "updater": "coord_descent", "top_k": 2}),
    "dart": (labelled, {"booster": "dart", "skip_drop": 1.0, "rate_drop": 0.3, "tree_method": "approx"}),
    "vectors": (labelled, {"objective": "multi:softprob", "num_class": 2, "multi_strategy": "multi_output_tree"}),
    "ranking": (ranked, {"objective": "rank:ndcg", "eval_metric": ["ndcg@3-", "map@2"]}),
    "quantiles": (labelled, {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9], "max_leaves": 4}),
    "survival": (censored, {"objective": "survival:aft", "aft_loss_distribution": "extreme"}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_trained_on_as_what_a_pickle_holds(name):
    rows, params = CASES[name][0](), CASES[name][1]
    booster = xgboost.train({**params, "nthread": 1}, rows, 3)
    kept = mk.dumps(booster)
    ours, theirs = mk.loads(kept), pickle.loads(pickle.dumps(booster))
    assert settings.settings_of(ours) == settings.settings_of(booster)
    assert mk.dumps(ours) == kept
    assert ours.eval(rows) == theirs.eval(rows)
    for each in (ours, theirs):
        each.set_param("nthread", 1)
        for number in range(3, 6):
            each.update(rows, number)
    assert ours.save_raw() == theirs.save_raw()


def test_the_steps_of_an_update_come_back_too():
    """Which a pickle loses."""
    rows = labelled()
    booster = xgboost.Booster({"updater": "grow_histmaker", "eta": 0.1}, [rows])
    booster.update(rows, 0)
    assert settings.settings_of(mk.loads(mk.dumps(booster)))["params"]["updater"] == "grow_histmaker"


def test_a_pickle_that_is_read_without_running_it_brings_them(tmp_path):
    booster = xgboost.train(CASES["trees"][1], labelled(), 2)
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(booster))
    assert settings.settings_of(mk.load(tmp_path / "m.pkl")) == settings.settings_of(booster)


def test_a_pickle_of_the_model_alone_is_read(tmp_path, monkeypatch):
    booster = xgboost.train(CASES["trees"][1], labelled(), 2)
    state = {**booster.__getstate__(), "handle": booster.save_raw("ubj")}
    monkeypatch.setattr(xgboost.Booster, "__getstate__", lambda self: state)
    data = pickle.dumps(booster)
    monkeypatch.undo()
    again = mk.loads(data)
    assert np.array_equal(again.predict(labelled()), booster.predict(labelled()))


PARAMS = [{"eta": "x"}, {"eta": "-5"}, {"eta": 1}, {1: "1"}, {"max_depth": "9" * 30}, {"tree_method": "x"}, [], None]
PARAMS += [{"seed": "1\0"}, {"interaction_constraints": "[" * 100_000}, {"a b": "1"}]
METRICS = [None, {}, [1], ["auc"], [{}], [{"name": "nonsense"}], [{"name": "auc", "x": "y"}], [{"name": "quantile"}]]
METRICS += [[{"name": "quantile", "quantile_loss_param": {"quantile_alpha": "[" * 100_000}}], [{"name": "aft-nloglik"}]]
METRICS += [[{"name": "aft-nloglik", "aft_loss_param": {"aft_loss_distribution": "x"}}]]


@pytest.mark.parametrize(
    "bad",
    [{"params": each, "metrics": []} for each in PARAMS]
    + [{"params": {}, "metrics": each} for each in METRICS]
    + [None, {}, [], {"params": {}}],
    ids=lambda bad: str(bad)[:60],
)
def test_settings_that_are_none_are_refused(bad):
    booster = xgboost.train({}, labelled(), 1)
    with pytest.raises(GraphError, match="settings"):
        settings.apply(booster, settings.checked(bad))


def test_what_another_version_knows_is_left_out():
    booster = xgboost.train({}, labelled(), 1)
    settings.apply(booster, {"params": {"not_yet_known": "1", "eta": "0.125"}, "metrics": []})
    assert settings.settings_of(booster)["params"]["eta"] == "0.125"
