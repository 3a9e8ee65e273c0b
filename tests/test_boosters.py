"""Boosters out of files that nobody trusts: what is not well-formed never reaches the library's own code."""

from __future__ import annotations

import os
import pickle
import random

import lightgbm
import numpy as np
import pytest
import xgboost

import modelkeep as mk
from modelkeep.boosters import json_model, loading, ubjson
from modelkeep.boosters import lightgbm as text
from modelkeep.boosters import xgboost as binary
from modelkeep.errors import ContainerError, ExportError, GraphError, LoadError, ModelkeepError, SaveErrors
from modelkeep.workers import Worker

FULL = bool(os.environ.get("MODELKEEP_FULL"))
MUTANTS = 5000 if FULL else 150
RNG = np.random.default_rng(3)
X = RNG.normal(size=(200, 4))
Y = (X[:, 0] > 0).astype(int)
Z = np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])
CODES = np.c_[X[:, :3], RNG.integers(0, 6, 200)]
KINDS = ["q", "q", "q", "c"]


def sets():
    """A booster with splits by category."""
    matrix = xgboost.DMatrix(CODES, label=Z, feature_types=KINDS, enable_categorical=True)
    return xgboost.train(
        {"objective": "multi:softprob", "num_class": 3, "max_cat_to_onehot": 1, "nthread": 1}, matrix, 3
    )


XGB = {
    "trees": lambda: xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, Y).get_booster(),
    "dart": lambda: xgboost.XGBClassifier(n_estimators=3, booster="dart", n_jobs=1).fit(X, Z).get_booster(),
    "linear": lambda: xgboost.XGBRegressor(n_estimators=3, booster="gblinear", n_jobs=1).fit(X, Y).get_booster(),
    "sets": sets,
    "pruned": lambda: xgboost.XGBRegressor(n_estimators=5, gamma=2.0, n_jobs=1).fit(X, X[:, 0]).get_booster(),
    "vectors": lambda: (
        xgboost.XGBRegressor(n_estimators=2, multi_strategy="multi_output_tree", n_jobs=1)
        .fit(X, X[:, :2])
        .get_booster()
    ),
}
QUIET = {"n_estimators": 3, "verbose": -1, "min_child_samples": 5, "n_jobs": 1}
LGB = {
    "trees": lambda: lightgbm.LGBMClassifier(**QUIET).fit(X, Y).booster_,
    "many": lambda: lightgbm.LGBMClassifier(**QUIET).fit(X, Z).booster_,
    "sets": lambda: (
        lightgbm.LGBMClassifier(**QUIET, min_data_per_group=5, cat_smooth=0.0)
        .fit(CODES, CODES[:, 3] % 3, categorical_feature=[3])
        .booster_
    ),
    "linear": lambda: lightgbm.LGBMRegressor(**QUIET, linear_tree=True).fit(X, X[:, 0]).booster_,
    "one leaf": lambda: lightgbm.LGBMRegressor(**QUIET).fit(X, np.ones(200)).booster_,
}


@pytest.mark.parametrize("name", XGB)
def test_an_honest_booster_is_written_anew_as_it_was(name):
    data = bytes(XGB[name]().save_raw(raw_format="ubj"))
    assert binary.rewritten(data) == data


@pytest.mark.parametrize("name", [name for name in XGB if name != "vectors"])
def test_json_says_the_same_as_the_binary_file(name):
    booster = XGB[name]()
    model = json_model.parse(bytes(booster.save_raw(raw_format="json")))
    binary.check(model)
    again = xgboost.Booster(model_file=bytearray(ubjson.emit(model)))
    rows = xgboost.DMatrix(CODES if name == "sets" else X, feature_types=KINDS if name == "sets" else None)
    assert np.array_equal(again.predict(rows), booster.predict(rows))


@pytest.mark.parametrize("name", LGB)
def test_an_honest_text_is_written_anew_as_it_was(name):
    model = LGB[name]().model_to_string()
    assert text.rewritten(model) == model


# -- hostile values ---------------------------------------------------------------------------------------------------

#: The numbers that an index could be instead.
EVIL = (-(2**31), -5, -2, 1_000_000, 2**31 - 1)
FIELDS = ("left_children", "right_children", "parents", "split_indices", "categories", "categories_nodes")
FIELDS += ("categories_segments", "categories_sizes")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", EVIL)
def test_an_index_that_leads_outside_is_refused(field, value):
    data = bytes(sets().save_raw(raw_format="ubj"))
    tried = 0
    for place in ("first", "last"):
        model = ubjson.parse(data)
        for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
            array = tree[field]
            inner = np.flatnonzero(tree["left_children"] != -1) if field == "split_indices" else np.arange(len(array))
            if len(inner) == 0 or not np.iinfo(array.dtype).min <= value <= np.iinfo(array.dtype).max:
                continue
            array[inner[0 if place == "first" else -1]] = value
            tried += 1
        if str(model) != str(ubjson.parse(data)) and (field, value) != ("categories", 1_000_000):  # which is a category
            with pytest.raises(GraphError, match="not well-formed"):
                binary.check(model)
    assert tried


def changed(**facts):
    model = ubjson.parse(bytes(XGB["trees"]().save_raw(raw_format="ubj")))
    for path, value in facts.items():
        *parents, last = path.split("__")
        target = model["learner"]
        for key in parents:
            target = target[int(key) if key.isdigit() else key]
        target[last] = value
    return model


@pytest.mark.parametrize(
    "facts",
    [
        {"learner_model_param__num_feature": "1"},
        {"learner_model_param__num_class": "-3"},
        {"learner_model_param__num_target": "999999999999"},
        {"learner_model_param__base_score": "[" * 500},
        {"gradient_booster__name": "gblinear"},
        {"gradient_booster__name": "evil"},
        {"gradient_booster__model__tree_info": [np.int32(7)] * 3},
        {"gradient_booster__model__trees": []},
        {"gradient_booster__model__gbtree_model_param__num_trees": "9"},
        {"gradient_booster__model__trees__0__tree_param__num_nodes": "4000"},
        {"gradient_booster__model__trees__0__tree_param__size_leaf_vector": "5"},
        {"gradient_booster__model__trees__0__default_left": np.zeros(1, np.uint8)},
        {"feature_names": ["a"]},
        {"attributes": {"a": {}}},
    ],
    ids=str,
)
def test_a_lie_about_sizes_is_refused(facts):
    with pytest.raises(GraphError, match="not well-formed"):
        binary.check(changed(**facts))


def test_children_that_change_places_are_refused():
    model = changed()
    tree = model["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"][0], tree["right_children"][0] = tree["right_children"][0], tree["left_children"][0]
    with pytest.raises(GraphError, match="side by side"):
        binary.check(model)


@pytest.mark.parametrize("deep", [b"{L\0\0\0\0\0\0\0\x01a" * 100_000, b"[#L\0\0\0\0\0\0\0\x01" * 100_000])
def test_a_deep_file_is_refused(deep):
    with pytest.raises(GraphError, match=r"nested too deep|begin"):
        ubjson.parse(b"{L\0\0\0\0\0\0\0\x01a" + deep)


def test_a_deep_json_is_refused():
    with pytest.raises(GraphError):
        json_model.parse(b'{"learner":' * 100_000)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[[],[" * 100_000, "1e99"])
def test_an_objective_whose_texts_xgboost_could_not_bear_is_refused(text):
    matrix = xgboost.DMatrix(X, Y)
    booster = xgboost.train({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}, matrix, 1)
    model = ubjson.parse(bytes(booster.save_raw("ubj")))
    model["learner"]["objective"]["quantile_loss_param"]["quantile_alpha"] = text
    with pytest.raises(GraphError, match=r"nested too deep|in the range"):
        loading.xgboost_booster(ubjson.emit(model))


def test_a_deep_text_for_scikit_learn_is_none(tmp_path):
    booster = xgboost.train({}, xgboost.DMatrix(X, Y), 1)
    booster.set_attr(scikit_learn="[" * 100_000)
    booster.save_model(tmp_path / "m.ubj")
    assert type(mk.load(tmp_path / "m.ubj")).__name__ == "Booster"


LINES = ("left_child", "right_child", "split_feature", "decision_type", "cat_boundaries", "cat_threshold", "num_leaves")
LINES += ("num_cat", "leaf_value", "threshold", "max_feature_idx", "num_tree_per_iteration")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("value", [-99, 99, 2**31, 2**40])
def test_a_number_of_the_text_that_leads_outside_is_refused(line, value):
    model = LGB["sets"]().model_to_string()
    start = model.index(f"\n{line}=") + len(line) + 2
    end = min(model.index(each, start) for each in (" ", "\n") if each in model[start:])
    if line in ("leaf_value", "threshold"):
        value = "nan(0x1)" if line == "leaf_value" else "x"
    if line == "cat_threshold" and 0 <= value < 2**32:  # 32 bits of a set, whatever they are
        assert text.rewritten(model[:start] + str(value) + model[end:])
        return
    with pytest.raises(GraphError, match="not well-formed"):
        text.rewritten(model[:start] + str(value) + model[end:])


@pytest.mark.parametrize("cut", [10, 400, -30])
def test_a_text_that_ends_early_is_refused(cut):
    model = LGB["trees"]().model_to_string()
    with pytest.raises(GraphError):
        text.rewritten(model[:cut] if cut > 0 else model[: model.index("end of trees") + cut])


# -- mutants, in a process of their own -------------------------------------------------------------------------------


def asked(data, kind, rows):
    """In the child: read a mutant and ask it; True if it was refused."""
    from modelkeep.boosters import loading

    try:
        booster = loading.xgboost_booster(data) if kind == "xgboost" else loading.lightgbm_booster(data)
    except ModelkeepError:
        return True
    if kind == "xgboost":
        library = __import__("xgboost")
        try:
            booster.predict(library.DMatrix(rows))
        except (ValueError, library.core.XGBoostError):
            return False
    else:
        booster.predict(rows)
    return False


def mutants(data, count, seed):
    draw = random.Random(seed)
    for _ in range(count):
        made = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 5))):
            place = draw.randrange(len(made))
            how = draw.randrange(4)
            if how == 0:
                made[place] ^= 1 << draw.randrange(8)
            elif how == 1:
                made[place] = draw.randrange(256)
            elif how == 2:
                del made[place : place + draw.randrange(1, 9)]
            else:
                made[place:place] = bytes(draw.choice(data[place:] or b"0") for _ in range(draw.randrange(1, 5)))
        yield bytes(made)


@pytest.mark.parametrize(
    ("kind", "name"), [("xgboost", "trees"), ("xgboost", "sets"), ("lightgbm", "trees"), ("lightgbm", "sets")]
)
def test_no_mutant_ends_a_process(kind, name):
    booster = (XGB if kind == "xgboost" else LGB)[name]()
    data = bytes(booster.save_raw(raw_format="ubj")) if kind == "xgboost" else booster.model_to_string().encode()
    rows = CODES[:20] if name == "sets" else X[:20]
    refused = 0
    with Worker("mutants", {"PYTHONPATH": os.path.dirname(__file__)}) as worker:
        for number, made in enumerate(mutants(data, MUTANTS, f"{kind} {name}")):
            try:
                refused += worker.call("test_boosters:asked", made, kind, rows, timeout=60)
            except ModelkeepError as error:
                raise AssertionError(f"mutant {number} of {kind}, {name}: {error}") from None
    print(f"\n{MUTANTS} mutants of {kind} {name}: {refused} refused, no process ended")
    assert refused > MUTANTS // 4


# -- files of the libraries' own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".ubj", ".json"])
def test_a_file_of_xgboost_gives_the_same_model(tmp_path, suffix):
    model = xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(X, Z)
    made = mk.export(model, tmp_path / f"m{suffix}", sample=X)
    assert made.certificate.clean
    again = mk.load(tmp_path / f"m{suffix}")
    assert type(again) is xgboost.XGBClassifier
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("suffix", [".ubj", ".json"])
def test_what_a_ranking_has_learnt_of_positions_comes_along(tmp_path, suffix):
    model = xgboost.XGBRanker(n_estimators=3, lambdarank_unbiased=True, n_jobs=1).fit(X, Z, qid=np.arange(200) // 20)
    assert mk.export(model, tmp_path / f"m{suffix}", sample=X).certificate.clean
    again = mk.load(tmp_path / f"m{suffix}")
    assert again.get_booster().save_raw("ubj") == model.get_booster().save_raw("ubj")


def test_another_number_for_missing_is_not_lost_in_silence(tmp_path):
    model = xgboost.XGBRegressor(n_estimators=2, missing=-999.0, n_jobs=1).fit(X, Y)
    with pytest.raises(ExportError, match=r"-999\.0 stands for a missing number"):
        mk.export(model, tmp_path / "m.ubj", sample=X)  # no row of the sample has one
    assert not list(tmp_path.iterdir())


def test_trees_with_vectors_as_older_versions_wrote_them():
    booster = XGB["vectors"]()
    model = ubjson.parse(booster.save_raw("ubj"))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        leaf = tree["left_children"] == -1
        weights = tree["base_weights"].reshape(len(leaf), -1)
        weights[leaf] = tree.pop("leaf_weights").reshape(-1, 2)[tree["right_children"][leaf]]
        tree["base_weights"], tree["right_children"][leaf] = weights.ravel(), -1
        del tree["loss_changes"], tree["sum_hessian"]
    again = loading.xgboost_booster(ubjson.emit(model))
    assert np.array_equal(again.predict(xgboost.DMatrix(X)), booster.predict(xgboost.DMatrix(X)))


@pytest.mark.parametrize("number", [b"1", b"2.5", b"1e400", b"1" + b"0" * 400])
@pytest.mark.parametrize("place", [b'"name":"gbtree"', b'"attributes":{}', b'"default_left":[0'])
def test_a_number_where_none_belongs_is_refused(number, place):
    whole = bytes(XGB["trees"]().save_raw("json"))
    start = max(place.rfind(b":"), place.rfind(b"[")) + 1
    made = whole.replace(place, place[:start] + number.replace(b"1", b"300", 1), 1)
    assert made != whole
    with pytest.raises(LoadError):
        loading.xgboost_booster(made)


def test_a_file_of_lightgbm_gives_a_booster_and_is_refused_for_a_classifier(tmp_path):
    model = lightgbm.LGBMClassifier(**QUIET).fit(X, Y)
    with pytest.raises(ExportError, match="no class labels"):
        mk.export(model, tmp_path / "m.txt", sample=X)
    assert mk.export(model.booster_, tmp_path / "m.txt", sample=X).certificate.clean
    assert np.array_equal(mk.load(tmp_path / "m.txt").predict(X), model.booster_.predict(X))


KINDS_OF_CATBOOST = {
    "CatBoostClassifier": ("MultiLogloss", {}, lambda: np.c_[Y, 1 - Y]),
    "CatBoostRegressor": ("Poisson", {}, lambda: Z),
    "CatBoostRanker": ("YetiRank", {"group_id": np.arange(200) // 20}, lambda: Z),
}


@pytest.mark.parametrize("name", KINDS_OF_CATBOOST)
def test_a_file_of_catboost_answers_as_what_it_was_trained_for(tmp_path, name):
    catboost = pytest.importorskip("catboost", reason="CatBoost is one of the extras")
    loss, more, labels = KINDS_OF_CATBOOST[name]
    model = getattr(catboost, name)(iterations=3, loss_function=loss, verbose=0, allow_writing_files=False)
    model.fit(X, labels(), **more)
    assert mk.export(model, tmp_path / "m.cbm", sample=X).certificate.clean
    again = mk.load(tmp_path / "m.cbm")
    assert type(again) is type(model)
    assert np.array_equal(again.predict(X), model.predict(X))


def test_a_sum_of_catboost_models_says_nothing_of_its_training(tmp_path):
    catboost = pytest.importorskip("catboost", reason="CatBoost is one of the extras")
    parts = [
        catboost.CatBoostRegressor(iterations=2, depth=n, verbose=0, allow_writing_files=False).fit(X, Y)
        for n in (2, 3)
    ]
    model = catboost.sum_models(parts, weights=[0.5, 0.5])
    mk.export(model, tmp_path / "m.cbm", sample=X)
    assert np.array_equal(mk.load(tmp_path / "m.cbm").predict(X), model.predict(X))


def test_a_model_of_texts_is_saved_again_and_again():
    catboost = pytest.importorskip("catboost", reason="CatBoost is one of the extras")
    rows = [[f"red fox {'dog' if y else 'sky'} {n % 5}"] for n, y in enumerate(Y)]
    model = catboost.CatBoostClassifier(iterations=3, text_features=[0], verbose=0, allow_writing_files=False)
    data = mk.dumps(model.fit(rows, Y))
    again = mk.loads(data)
    assert np.array_equal(again.predict_proba(rows), model.predict_proba(rows))
    assert mk.dumps(again) == data
    broken = pickle.loads(pickle.dumps(model))  # which writes bytes that end the process that reads them
    with pytest.raises(SaveErrors) as caught:
        mk.dumps(broken)
    assert "no load would take this booster" in str(caught.value.exceptions[0])


def test_a_damaged_file_of_catboost_is_refused(tmp_path):
    catboost = pytest.importorskip("catboost", reason="CatBoost is one of the extras")
    model = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False).fit(X, Y)
    mk.export(model, tmp_path / "m.cbm", sample=X)
    whole = (tmp_path / "m.cbm").read_bytes()
    for bad in (whole[:-100], whole[:8] + bytes(200) + whole[208:], b"CBM1" + b"\xff" * 40):
        (tmp_path / "bad.cbm").write_bytes(bad)
        with pytest.raises(LoadError):
            mk.load(tmp_path / "bad.cbm")
    (tmp_path / "bad.cbm").write_bytes(b"not a model")
    with pytest.raises(ContainerError):
        mk.load(tmp_path / "bad.cbm")


@pytest.mark.parametrize("name", ["trees", "sets"])
def test_a_bare_booster_comes_back(name):
    booster = XGB[name]()
    again = mk.loads(mk.dumps(booster))
    rows = xgboost.DMatrix(CODES if name == "sets" else X, feature_types=KINDS if name == "sets" else None)
    assert np.array_equal(again.predict(rows), booster.predict(rows))
    assert mk.dumps(again) == mk.dumps(booster)
