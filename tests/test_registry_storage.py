"""What versions take on the disk when they share, and how soon the first answer comes of a model of half a gigabyte.

The full measure (a model of 512 MB): ``make kill``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor

import modelkeep as mk
from fuzz.run import child_environment

FULL = os.environ.get("MODELKEEP_FULL") == "1"
X, y = make_classification(1000, 20, n_informative=10, n_classes=3, random_state=0)
X_long, y_long = make_regression(6000, 20, random_state=0)

#: Small, middling, large. Of a model of 100 kB the probe alone, whose hard rows are others each time, is a tenth.
GROWING = {
    "boosting": (GradientBoostingRegressor(max_depth=7, warm_start=True, random_state=0), X_long, y_long),
    "forest": (RandomForestClassifier(60, warm_start=True, random_state=0), X, y),
    "regression": (RandomForestRegressor(60, warm_start=True, random_state=0), X_long, y_long),
}


def on_disk(folder: Path) -> int:
    """The bytes of all files; those of models are what counts, but records and lists are files too."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", GROWING)
def test_more_trees_take_little_more(tmp_path: Path, name: str) -> None:
    """60 trees, and then 66 that begin with the same 60."""
    model, rows, targets = GROWING[name]
    registry = mk.Registry(tmp_path / "r")
    registry.save("m", model.set_params(n_estimators=60).fit(rows, targets), sample=rows[:20])
    before = on_disk(tmp_path / "r")
    model.set_params(n_estimators=66).fit(rows, targets)
    registry.save("m", model, sample=rows[:20])
    added = on_disk(tmp_path / "r") - before
    mk.Registry(tmp_path / "alone").save("m", model, sample=rows[:20])
    registry.export("m:2", tmp_path / "m.keep")
    full, alone = (tmp_path / "m.keep").stat().st_size, on_disk(tmp_path / "alone")
    assert np.array_equal(registry.load("m:2").predict(rows), model.predict(rows))
    assert registry.fsck().problems == ()
    print(
        f"{name}, 60 to 66 trees: {added:,} bytes, {added / full:.1%} of the file ({full:,}), "
        f"{added / alone:.1%} of a registry of its own ({alone:,})"
    )
    assert added <= 0.12 * full


def test_heads_over_one_frozen_network(tmp_path: Path) -> None:
    """Ten fine-tuned heads, each registered with the same 100 MB below it."""
    rng = np.random.default_rng(0)
    frozen = {f"layer{i}": rng.standard_normal(655_360 if FULL else 65_536) for i in range(20)}
    registry, sizes = mk.Registry(tmp_path / "r"), []
    for i in range(10):
        head = {"weights": rng.standard_normal((64, 10)), "bias": rng.standard_normal(10)}
        registry.save(f"head{i}", {"network": frozen, "head": head}, parent="head0" if i else None)
        sizes.append(on_disk(tmp_path / "r"))
    for i in range(10):
        assert np.array_equal(registry.load(f"head{i}")["network"]["layer7"], frozen["layer7"])
    print(f"ten heads over one network: {sizes[-1]:,} bytes, {sizes[-1] / sizes[0]:.4f} times one ({sizes[0]:,})")
    assert sizes[-1] <= 1.1 * sizes[0]


@pytest.mark.parametrize(("size", "trees", "most_objects"), [("small", 1, 12), ("large", 20, 20)])
def test_a_long_chain_of_growing_versions(tmp_path: Path, size: str, trees: int, most_objects: int) -> None:
    """Each version has some trees more. The last one still comes from few objects, and the whole takes little.

    A large column is an object of its own in any case.
    """
    steps = 60 if FULL else 12
    model = RandomForestClassifier(trees, warm_start=True, max_depth=9, random_state=0)
    registry = mk.Registry(tmp_path / "r")
    most = alone = 0
    for count in range(trees, (steps + 1) * trees, trees):
        model.set_params(n_estimators=count).fit(X, y)
        version = registry.save("m", model, probe=False)
        most = max(most, len(registry._book("m").record(version.number).objects))
        assert np.array_equal(registry.load(version).predict_proba(X), model.predict_proba(X))
        alone += version.size
    whole = on_disk(tmp_path / "r")
    print(f"{steps} growing {size} versions: at most {most} objects each, {whole / alone:.1%} of {alone:,} bytes")
    assert most <= most_objects
    assert registry.fsck().problems == ()


# -- the first answer of a large model ---------------------------------------------------------------------------------

FIRST_ANSWER = """
import json, resource, sys, time
import modelkeep as mk

def rss():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024

registry = mk.Registry(sys.argv[1])
rows = registry.load("rows")
registry.load("small").predict(rows)  # what has to be imported is
before = rss()
start = time.perf_counter()
answer = mk.Registry(sys.argv[1]).load(sys.argv[2]).predict(rows)
print(json.dumps([time.perf_counter() - start, rss() - before, answer.tolist()]))
"""


@pytest.mark.skipif(not FULL, reason="takes a gigabyte of disk and a minute")
def test_half_a_gigabyte_answers_at_once(tmp_path: Path) -> None:
    from benchmarks.models import SPECS
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

    model, rows = SPECS["dense"].build()
    wide = csr_matrix(rows[:1])
    registry = mk.Registry(tmp_path / "r")
    small = SGDClassifier(random_state=0).fit(rows[:20, :], [0, 1] * 10)
    assert registry.save("large", model, probe=False).size > 512 << 20
    registry.save("small", small, probe=False)
    registry.save("rows", wide, probe=False)
    command = [sys.executable, "-c", FIRST_ANSWER, str(tmp_path / "r"), "large"]
    times = []
    for _ in range(5):
        done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=True)
        seconds, grown, answer = json.loads(done.stdout)
        assert answer == model.predict(wide).tolist()
        times.append(seconds * 1e3)
    print(f"512 MB: the first answer after {sorted(times)[2]:.1f} ms (each: {times}), {grown / 1e6:.1f} MB more memory")
    assert sorted(times)[2] < 20
    assert grown < 64 << 20
