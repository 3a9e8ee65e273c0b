"""The demonstration shows what it says: and would say so if it were otherwise."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelkeep as mk
from modelkeep import demo
from modelkeep.cli import main
from modelkeep.demo import hostile
from modelkeep.errors import MissingPackageError


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    return demo.run(str(tmp_path_factory.mktemp("demo")))


def test_every_answer_is_equal_in_another_process(shown: demo.Demo) -> None:
    assert shown.passed
    assert shown.process != shown.fresh_process
    assert [model.file for model in shown.models] == ["iris.keep", "diabetes.keep"]
    for model in shown.models:
        assert len(model.methods) >= 3
        assert all(method.equal == method.values > 0 for method in model.methods)
        assert model.probe_rows > 0


def test_the_mixed_table_has_numbers_categories_and_gaps(shown: demo.Demo) -> None:
    assert shown.folder is not None
    schema = mk.inspect(Path(shown.folder) / "diabetes.keep").schema
    kinds = {column["dtype"] for column in schema["columns"]}
    assert schema["kind"] == "table"
    assert "float64" in kinds
    assert "category" in kinds
    assert any(column["missing"] for column in schema["columns"])


def test_bad_files_are_refused_and_the_hostile_pickle_is_one(shown: demo.Demo) -> None:
    assert all(refusal.refused for refusal in shown.refusals)
    kinds = {refusal.kind for refusal in shown.refusals}
    assert {"policy", "check"} <= kinds
    assert any("pickle.load made the file" in refusal.instead for refusal in shown.refusals)
    assert shown.refusals[0].tried == hostile.FLIPS


def test_the_command_prints_it(shown: demo.Demo, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "run", lambda folder: shown)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["demo"]) == 0
    text = capsys.readouterr().out
    assert "yes, to the last bit" in text
    assert "refused, 200 times of 200" in text
    assert "mk.save(model" in text
    assert max(map(len, text.splitlines())) <= 120
    assert main(["demo", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert len(found["models"]) == 2


def test_a_difference_would_be_seen() -> None:
    here = np.array([[0.1, 0.2], [0.3, np.nan]])
    there = here.copy()
    assert demo.equal_values(here, there) == 4
    there[0, 0] = np.nextafter(0.1, 1)
    assert demo.equal_values(here, there) == 3
    assert demo.equal_values(np.array([0.0]), np.array([-0.0])) == 0
    assert demo.equal_values(here, here.astype("f4")) == 0
    assert demo.equal_values(np.array(["a", "b"]), np.array(["a", "c"])) == 1


def test_a_failure_would_be_told(shown: demo.Demo, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    method = demo.Method("predict", 10, 10, 9)
    model = demo.Kept("m", "x", "m.keep", 1, 1, 0.1, 0.1, (method,))
    refusal = hostile.Refusal("a file", 3, 2, "it was loaded", "")
    bad = demo.Demo((model,), (refusal,), 1, 2, 0.5, None)
    assert not bad.passed
    monkeypatch.setattr(demo, "run", lambda folder: bad)
    assert main(["demo"]) == 1
    text = capsys.readouterr().out
    assert "NO" in text
    assert "NOT refused" in text
    assert "modelkeep doctor" in text


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from modelkeep import catalog

    real = importlib.util.find_spec
    monkeypatch.setattr(catalog, "find_spec", lambda name: None if name == "sklearn" else real(name))
    with pytest.raises(MissingPackageError) as missing:
        demo.run()
    assert "pip install 'modelkeep[sklearn]'" in missing.value.hint
    assert main(["demo"]) == 1
    assert "pip install 'modelkeep[sklearn]'" in capsys.readouterr().err
