"""Every model of the zoo comes back from a registry: the file of what was loaded is the file of what was saved."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

import modelkeep as mk
from modelkeep import saving
from modelkeep.formats.keep.seams import ARRAYS
from modelkeep.registry import cutting
from modelkeep.saving import Recipe
from zoo import REFUSED, ZOO

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def registry():
    return mk.Registry("memory://")


@pytest.mark.parametrize("name", ZOO)
def test_a_model_comes_back_from_the_registry(name, registry, monkeypatch):
    if name in REFUSED:
        return
    model, _ = ZOO[name]()
    policy = mk.Policy(trust=["zoo"])
    # Every tensor an object of its own, or shared with the model before: as large and warm-started models are.
    monkeypatch.setattr(cutting, "ALONE", 64)
    monkeypatch.setattr(cutting, "WORTH", 16)
    version = registry.save("zoo", model, probe=False)
    again = registry.load(version, policy=policy)
    assert mk.dumps(again, probe=False) == mk.dumps(model, probe=False)


def test_small_models_are_one_object_and_large_ones_have_their_tensors_alone():
    small = cutting.cut(saving.artifact({"a": np.arange(10.0)}, Recipe()))
    assert len(small.objects) == 1
    large = cutting.cut(saving.artifact({"a": np.zeros(9000), "b": np.ones(100)}, Recipe()))
    assert sorted(stored.codec for stored in large.objects) == ["", "z"]
    assert {stored.size for stored in large.objects if not stored.codec} == {72_000}


def test_a_forest_that_grows_shares_its_beginning():
    X = np.random.default_rng(0).normal(size=(500, 6))
    forest = RandomForestClassifier(20, random_state=0, warm_start=True).fit(X, X[:, 0] > 0)
    registry = mk.Registry("memory://")
    first = registry.save("forest", forest, probe=False)
    forest.set_params(n_estimators=22).fit(X, X[:, 0] > 0)
    second = registry.save("forest", forest, probe=False)
    record = registry._book("forest").record(2)
    assert len(record.files[ARRAYS]) > 4
    assert second.stored < first.stored
    again = registry.load("forest")
    assert np.array_equal(again.predict_proba(X), forest.predict_proba(X))
    assert mk.dumps(again, probe=False) == mk.dumps(forest, probe=False)
