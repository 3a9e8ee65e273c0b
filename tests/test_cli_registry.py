"""The registry's command line: what each command prints, its errors, and that nothing in a registry controls it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import modelkeep as mk
from modelkeep.cli import screen, show_registry, sparkline
from test_cli import HOSTILE, Shell, assert_clean

X, Y = load_iris(return_X_y=True)
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry of two models, and a file."""
    place = tmp_path_factory.mktemp("made")
    registry = mk.Registry(place / "models", author="ada")
    for i, c in enumerate((0.1, 1.0, 10.0)):
        model = LogisticRegression(max_iter=500, C=c).fit(X, Y)
        metrics = {"accuracy": 0.95 + i / 100, "loss": 0.3 - i / 10}
        parent = f"iris:{i}" if i else None
        registry.save("iris", model, sample=X, metrics=metrics, message=f"try {i}\nmore of it", parent=parent)
    registry.set_alias("iris", "production", 2, message="go")
    registry.save("plain", {"w": [1.0]}, tags={"team": "flowers"})
    mk.save(LogisticRegression(max_iter=500, C=3.0).fit(X, Y), place / "new.keep", sample=X)
    return place


@pytest.fixture
def shell(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Commands in a copy of that folder."""
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("MODELKEEP_STATE", str(tmp_path / "state"))
    for name in ("REGISTRY", "AUTHOR", "IDENTITY", "PASSPHRASE"):
        monkeypatch.delenv(f"MODELKEEP_{name}", raising=False)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it
    return Shell(capsys)


def words(text: str) -> str:
    return " ".join(text.split())


# -- looking -----------------------------------------------------------------------------------------------------------


def test_list_shows_models_with_their_latest_metric(shell: Shell) -> None:
    assert shell("list") == 0
    assert shell.err == ""
    iris, plain = (line for line in shell.out.splitlines() if line.startswith(("  iris", "  plain")))
    assert words(iris) == "iris 3 3, just now production 2 ▁▄█ accuracy 0.97"
    assert words(plain) == "plain 1 1, just now"
    assert "2 models in " in shell.out
    found = shell.json("list")["models"]
    assert [each["name"] for each in found] == ["iris", "plain"]
    assert found[0]["latest"]["metrics"] == {"accuracy": 0.97, "loss": pytest.approx(0.1)}
    assert shell.json("list", "--limit", "1")["models"] == found[:1]
    shell("list", "--limit", "1")
    assert "the first 1 of 2 models" in shell.out


def test_list_of_a_model_shows_its_versions_the_newest_first(shell: Shell) -> None:
    assert shell("list", "iris") == 0
    rows = [words(line) for line in shell.out.splitlines()]
    assert [row[0] for row in rows[1:4]] == ["3", "2", "1"]
    assert re.fullmatch(r"2 production \d{4}-\d\d-\d\d \d\d:\d\d ada accuracy 0.96, loss 0.2 7.0 kB try 1 ...", rows[2])
    assert "accuracy ▁▄█ 0.95 to 0.97" in rows
    assert "loss █▄▁ 0.3 to 0.1" in rows
    found = shell.json("list", "iris")
    assert [each["version"] for each in found["versions"]] == [1, 2, 3]
    assert found["versions"][1]["aliases"] == ["production"]
    assert [each["version"] for each in shell.json("list", "iris", "--limit", "2")["versions"]] == [2, 3]
    shell("list", "iris", "--limit", "2")
    assert "... and 1 earlier one" in shell.out
    assert "▁▄█" in shell.out  # the trail is of all versions


def test_show_tells_what_is_known_of_a_version(shell: Shell) -> None:
    assert shell("show", "iris@production") == 0
    shown = words(shell.out)
    for expected in (
        "iris:2 (production)",
        "model sklearn.linear_model._logistic.LogisticRegression (sklearn)",
        "UTC by ada, just now",
        "message try 1 more of it",
        "metric accuracy 0.96",
        "of the registry",
        "digest blake3:",
        "takes array, float64, n x 4",
        "rows with the answers of decision_function, predict,",
        "saved with CPython 3.",
        "made from iris:1 accuracy 0.95, loss 0.3 try 0 ... └── iris:2",
    ):
        assert expected in shown
    assert "differs here" not in shown
    found = shell.json("show", "iris@production")
    assert (found["ref"], found["lineage"], found["changes"]) == ("iris:2", ["iris:1"], [])
    assert found["objects"]["count"] == 1
    assert 1000 < found["objects"]["bytes"] < found["size"]
    assert found["schema"]["shape"] == [None, 4]
    assert shell.json("show", "iris")["version"] == 3
    shell("show", "plain")
    assert "tag team: flowers" in words(shell.out)
    assert "made from" not in shell.out


def test_show_reads_no_array(shell: Shell) -> None:
    registry = mk.Registry("models")
    version = registry.save("large", {"w": np.random.default_rng(0).random(100_000)}, probe=False)
    large = max(Path("models/objects").iterdir(), key=lambda path: path.stat().st_size)
    large.write_bytes(b"")
    assert shell("show", "large") == 0
    assert version.digest in shell.out


def test_lineage_goes_on_where_a_parent_is_gone(shell: Shell) -> None:
    assert shell("rm", "iris:1", "--yes") == 0
    shell("show", "iris")
    assert "made from iris:1 (not here any more) └── iris:2" in words(shell.out)
    assert shell.json("show", "iris")["lineage"] == ["iris:2", "iris:1"]


def test_history_tells_who_did_what_and_why(shell: Shell) -> None:
    assert shell("history", "iris") == 0
    assert "ada register iris:1 try 0 ..." in words(shell.out)
    assert "ada alias production: none -> 2 go" in words(shell.out)
    assert "accuracy ▁▄█ 0.95 to 0.97" in words(shell.out)
    found = shell.json("history", "iris")
    assert [event["event"] for event in found["events"]] == ["register"] * 3 + ["alias"]
    assert found["events"][3]["from"] is None
    assert found["events"][3]["to"] == 2
    assert len(shell.json("history", "iris", "--limit", "1")["events"]) == 1
    shell("history", "iris", "--limit", "1")
    assert "... 3 earlier events" in shell.out


def test_cards_are_printed_edited_and_made_again(shell: Shell, tmp_path: Path) -> None:
    assert shell("show", "iris", "--card") == 0
    made = shell.out
    assert made.startswith('---\nlibrary_name: "sklearn"\n')
    assert shell.json("show", "iris", "--card") == {"ref": "iris:3", "card": made}
    (tmp_path / "card.md").write_text("---\nlicense: mit\n---\n\n# Mine\n\ta tab\n")
    assert shell("show", "iris", "--edit", str(tmp_path / "card.md"), "--card") == 0
    assert shell.out == (tmp_path / "card.md").read_text()
    (tmp_path / "card.md").write_text("")
    assert shell("show", "iris", "--edit", str(tmp_path / "card.md"), "--card") == 0
    assert shell.out.splitlines()[:2] == made.splitlines()[:2]


# -- changing ----------------------------------------------------------------------------------------------------------


def test_register_takes_all_that_is_to_be_said(shell: Shell) -> None:
    said = ["--metric", "accuracy=0.99", "--metric", "rows=150", "--tag", "team=a=b", "--parent", "iris:2"]
    assert shell("register", "new.keep", "iris", *said, "-m", "more data", "--author", "bob") == 0
    assert "iris:4: registered in " in shell.out
    found = shell.json("show", "iris:4")
    assert (found["metrics"], found["tags"]) == ({"accuracy": 0.99, "rows": 150}, {"team": "a=b"})
    assert (found["message"], found["author"], found["parent"]) == ("more data", "bob", "iris:2")
    again = shell.json("register", "new.keep", "iris")
    assert (again["ref"], again["stored"]) == ("iris:5", 0)


def test_a_registry_is_made_at_the_first_registration(shell: Shell) -> None:
    assert shell("register", "new.keep", "first", "--registry", "other", "--compress", "zstd") == 0
    assert shell.json("list", "--registry", "other")["models"][0]["name"] == "first"
    assert json.loads(Path("other/registry.json").read_text())["compress"] == "zst"


def test_aliases_are_set_listed_and_taken_away(shell: Shell) -> None:
    assert shell("alias", "iris") == 0
    assert words(shell.out) == "alias version production iris:2"
    assert shell.json("alias", "iris", "staging", "3")["aliases"] == {"production": 2, "staging": 3}
    assert shell.json("alias", "iris", "production", "iris@staging")["aliases"]["production"] == 3
    moved = {"name": "iris", "alias": "production", "from": 3, "to": 2}
    assert shell.json("rollback", "iris", "production", "-m", "oh") == moved
    assert shell("rollback", "iris", "production") == 1
    assert "never pointed at another" in shell.err
    assert shell("alias", "iris", "staging", "--remove") == 0
    assert shell.json("alias", "iris")["aliases"] == {"production": 2}
    shell("rollback", "iris", "production")
    shell("alias", "plain")
    assert shell.out == "plain has no alias\n"
    assert shell.json("history", "iris")["events"][-2]["message"] == "oh"


def test_a_promotion_passes_its_gates_or_says_all_that_refuse(shell: Shell) -> None:
    gates = ["--probe", "--min", "accuracy=0.9", "--max", "loss=0.2", "--not-below", "accuracy", "--not-above", "loss"]
    assert shell("promote", "iris:3", "production", *gates, "-m", "better") == 0
    assert shell.out.startswith("iris@production: 2 -> 3\n  passed      probe: ")
    assert "accuracy 0.97, not below iris:2 (0.96)" in shell.out
    assert shell.json("history", "iris")["events"][-1]["checks"][1] == (
        "metric accuracy: accuracy 0.97, not below iris:2 (0.96)"
    )
    refused = ["--min", "accuracy=0.99", "--max", "auc=1", "--not-below", "accuracy=production", "--parity", "onnx"]
    assert shell("promote", "iris:1", "production", *refused) == 1
    assert shell.out == ""
    lines = shell.err.splitlines()
    assert lines[0] == "modelkeep: error: iris:1 may not become production"
    assert [line[:11] for line in lines[1:-1]] == ["  - metric ", "  - metric ", "  - parity "]
    assert "it has accuracy, loss" in lines[2]
    assert shell.json("promote", "iris:1", "production", *refused)["kind"] == "gate"
    assert shell.json("alias", "iris")["aliases"] == {"production": 3}


def test_a_promotion_without_gates_asks_the_probe(shell: Shell) -> None:
    found = shell.json("promote", "iris:1", "fresh")
    assert (found["from"], found["to"]) == (None, 1)
    assert found["checks"][0].startswith("probe: ")
    mk.Registry("models").save("bare", {"w": 1}, probe=False)
    assert shell("promote", "bare", "production") == 1
    assert "the version has no probe" in shell.err


def test_a_bound_that_is_given_twice_counts_twice(shell: Shell) -> None:
    shell("alias", "iris", "best", "3")
    assert shell("promote", "iris:2", "next", "--not-below", "loss=best", "--not-below", "loss=production") == 0
    assert shell.out.count("passed") == 2
    assert shell("promote", "iris:2", "next", "--min", "loss=0", "--min", "loss=1") == 2
    assert "'loss' is named twice" in shell.err


def test_tags_and_metrics_come_and_go(shell: Shell) -> None:
    assert shell("tag", "iris:1", "reviewed=yes", "x=", "--metric", "auc=1e-3") == 0
    assert words(shell.out) == "iris:1 has now metrics accuracy 0.95, auc 0.001, loss 0.3 tag reviewed: yes tag x:"
    found = shell.json("tag", "iris:1", "--remove", "x")
    assert found["tags"] == {"reviewed": "yes"}
    assert shell("tag", "iris:1") == 2
    assert "there is nothing to add" in shell.err
    assert len(shell.json("history", "iris")["events"]) == 6


def test_versions_are_deleted_only_when_that_is_sure(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell("rm", "iris:1") == 2
    assert "no terminal to ask if iris:1 may be deleted" in shell.err
    assert "pass --yes" in shell.err
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert shell("rm", "iris:1", "iris:1", "iris:3") == 1
    assert (shell.out, shell.err) == ("nothing was deleted\n", "delete iris:1, iris:3? [y/N] ")
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert shell.json("rm", "iris:1") == {"removed": []}
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert shell.json("rm", "iris:1") == {"removed": ["iris:1"]}
    assert [each["version"] for each in shell.json("list", "iris")["versions"]] == [2, 3]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bare_name_is_deleted_only_with_all(shell: Shell) -> None:
    assert shell("rm", "iris", "--yes") == 2
    assert "name one, as in iris:3; or pass --all" in shell.err
    assert shell("rm", "iris", "--all", "--yes") == 1
    assert "iris:2 is what iris@production points at" in shell.err
    shell("alias", "iris", "production", "--remove")
    assert shell.json("rm", "iris", "--all", "--yes")["removed"] == ["iris:1", "iris:2", "iris:3"]
    shell("list", "iris")
    assert shell.out == "all versions of iris were deleted\n"
    assert shell.json("list", "iris")["versions"] == []
    assert [each["name"] for each in shell.json("list")["models"]] == ["plain"]
    assert shell("history", "iris") == 0
    assert "delete iris:1, iris:2, iris:3" in shell.out
    assert shell("show", "iris") == 1
    assert "all versions of iris were deleted" in shell.err


def test_a_version_becomes_a_file_again(shell: Shell) -> None:
    shell("register", "new.keep", "iris")
    assert shell("export-file", "iris", "out.keep") == 0
    assert Path("out.keep").read_bytes() == Path("new.keep").read_bytes()
    assert shell.json("export-file", "iris:4", "out.keep")["ref"] == "iris:4"
    for name, text in (("out.pkl", "has not the suffix of a keep file"), ("out.x", "no format has the suffix")):
        assert shell("export-file", "iris", name) == 2
        assert text in shell.err
        assert not Path(name).exists()


# -- files and versions ------------------------------------------------------------------------------------------------


def test_versions_are_verified_and_inspected_as_files_are(shell: Shell) -> None:
    assert shell("verify", "iris@production") == 0
    assert shell.out.startswith("iris:2: verified\n")
    assert "equal to the last bit" in shell.out
    assert shell.json("verify", "iris:1")["path"] == "iris:1"
    assert shell("inspect", "iris") == 0
    assert shell.out.startswith("iris:3\n  format      keep, ")
    assert shell.json("inspect", "iris")["tree"]["parameters"]["C"] == "10.0"


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("iris:1", "iris@production", 1),
        ("iris", "iris:3", 0),
        ("new.keep", "iris", 1),
        ("iris", "./new.keep", 1),
        ("iris", "nope.keep", 2),
        ("iris", "iris:9", 2),
    ],
)
def test_versions_and_files_are_compared(shell: Shell, first: str, second: str, code: int) -> None:
    assert shell("diff", first, second) == code
    if code == 1:
        assert "~ logisticregression.C: " in shell.out


def test_a_file_that_is_there_goes_before_a_model_of_its_name(shell: Shell) -> None:
    shutil.copy("new.keep", "iris")
    assert shell.json("verify", "iris")["path"] == "iris"
    assert shell.json("verify", "iris:3")["path"] == "iris:3"
    Path("iris").unlink()
    Path("iris").mkdir()
    assert shell.json("verify", "iris")["path"] == "iris:3"


def test_where_no_registry_is_a_word_is_a_file(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shell("verify", "iris") == 1
    assert "can't read 'iris': no such file" in shell.err
    assert shell("verify", "iris:1") == 1
    assert "there is no registry at './models'" in shell.err
    assert shell.json("verify", "iris", "--registry", "work/models")["path"] == "iris:3"


# -- between registries, and upkeep ------------------------------------------------------------------------------------


def test_versions_are_copied_and_not_twice(shell: Shell) -> None:
    assert shell("copy", "iris:3", "there") == 0
    assert shell.out == "iris:3 is iris:1 in there\n"
    assert shell.json("copy", "iris:3", "there")["versions"] == ["iris:1"]
    assert shell.json("copy", "iris", "there", "--name", "flowers", "--all")["versions"] == [
        *("flowers:1", "flowers:2", "flowers:3"),
    ]
    assert shell.json("alias", "flowers", "--registry", "there")["aliases"] == {"production": 2}
    assert shell.json("copy", "flowers:1", "back", "--registry", "there")["versions"] == ["flowers:1"]
    assert shell.json("fsck", "--registry", "back")["clean"] is True
    assert shell("copy", "iris:9", "there") == 1


def test_gc_frees_what_was_deleted_and_says_how_much(shell: Shell) -> None:
    shell("gc")
    assert shell.out.startswith("0 objects removed")
    shell("rm", "iris:1", "--yes")
    before = len(list(Path("models/objects").iterdir()))
    assert shell("gc", "--dry-run") == 0
    assert shell.out.startswith("1 object would be removed, ")
    assert len(list(Path("models/objects").iterdir())) == before
    found = shell.json("gc")
    assert (found["objects"], found["dry_run"]) == (1, False)
    assert len(list(Path("models/objects").iterdir())) == before - 1


def test_fsck_finds_damage_and_repairs_it_from_a_copy(shell: Shell) -> None:
    assert shell("fsck") == 0
    assert shell.out.startswith("clean\n")
    shutil.copytree("models", "copy")
    broken = next(Path("models/objects").iterdir())
    broken.write_bytes(broken.read_bytes()[:-1] + b"?")
    assert shell("fsck") == 1
    assert shell.out.startswith("damaged\n")
    assert "modelkeep fsck --from PLACE" in shell.out
    found = shell.json("fsck")
    assert shell.code == 1
    assert found["clean"] is False
    assert found["problems"][0]["versions"]
    assert shell("fsck", "--from", "copy") == 0
    assert shell.out.startswith("repaired\n")
    assert shell("fsck") == 0
    assert shell("fsck", "--from", "nowhere") == 1
    assert "there is no registry at 'nowhere'" in shell.err


def test_an_older_history_is_refused_until_it_is_accepted(shell: Shell) -> None:
    shutil.copytree("models", "older")
    assert shell("register", "new.keep", "iris") == 0
    shutil.rmtree("models")
    shutil.move("older", "models")
    assert shell("list", "iris") == 1
    assert "the history of iris went backwards" in shell.err
    assert "modelkeep fsck --accept iris" in shell.err
    assert shell("fsck", "--accept", "iris") == 0
    assert shell("list", "iris") == 0
    assert shell("fsck", "--accept", "nope") == 1
    assert "there is no model nope" in shell.err


# -- which registry, which author --------------------------------------------------------------------------------------


def test_a_registry_is_found_by_option_environment_or_default(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("register", "new.keep", "one", "--registry", "first")
    shell("register", "new.keep", "two", "--registry", "second")
    monkeypatch.setenv("MODELKEEP_REGISTRY", "first")
    assert [each["name"] for each in shell.json("list")["models"]] == ["one"]
    assert [each["name"] for each in shell.json("list", "--registry", "second")["models"]] == ["two"]
    monkeypatch.setenv("MODELKEEP_REGISTRY", "")
    assert [each["name"] for each in shell.json("list")["models"]] == ["iris", "plain"]
    monkeypatch.chdir(tmp_path)
    assert shell("list") == 1
    assert "there is no registry at './models'" in shell.err
    assert "modelkeep register FILE NAME" in shell.err


def test_an_author_is_named_by_option_or_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELKEEP_AUTHOR", "carol")
    assert shell.json("register", "new.keep", "iris")["author"] == "carol"
    assert shell.json("register", "new.keep", "iris", "--author", "dan")["author"] == "dan"
    monkeypatch.delenv("MODELKEEP_AUTHOR")
    monkeypatch.setenv("LOGNAME", "eve")
    assert shell.json("register", "new.keep", "iris")["author"] == "eve"


def test_keys_of_the_environment_open_sealed_registries_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyrage", reason="sealing needs it")
    assert shell("keygen", "mine.key", "--for", "seal") == 0
    recipient = Path("mine.key.pub").read_text().strip()
    assert shell("register", "new.keep", "secret", "--registry", "sealed", "--seal-to", recipient) == 0
    assert shell("list", "--registry", "sealed") == 1
    assert "is sealed" in shell.err
    assert shell.json("list", "--registry", "sealed", "--identity", "mine.key")["models"][0]["name"] == "secret"
    monkeypatch.setenv("MODELKEEP_IDENTITY", "mine.key")
    assert shell.json("show", "secret", "--registry", "sealed")["version"] == 1
    assert shell.json("list")["models"][0]["name"] == "iris"
    assert shell.json("copy", "secret", "models", "--registry", "sealed")["versions"] == ["secret:1"]


# -- errors ------------------------------------------------------------------------------------------------------------

WRONG = {
    "model": (["list", "nope"], 1, "there is no model nope in", "it has iris, plain"),
    "model to show": (["show", "nope"], 1, "there is no model nope in", "it has iris, plain"),
    "model's history": (["history", "nope"], 1, "there is no model nope in", "it has iris, plain"),
    "version": (["show", "iris:9"], 1, "iris:9 does not exist; there is 3, 2, 1", "modelkeep list iris"),
    "alias": (["show", "iris@nope"], 1, "iris has no alias 'nope': it has production", "alias iris nope VERSION"),
    "rollback": (["rollback", "iris", "nope"], 1, "iris has no alias 'nope': it has production", "modelkeep alias"),
    "number": (["alias", "iris", "production", "9"], 1, "iris:9 does not exist; there is 3, 2, 1", "modelkeep list"),
    "long number": (["alias", "iris", "a", "9" * 30], 2, "is not a version of 'iris'", "iris:3"),
    "other model": (["alias", "iris", "a", "plain:1"], 2, "plain:1 is not a version of 'iris'", "iris:3"),
    "no version": (["alias", "iris", "a"], 2, "an alias needs a version", "modelkeep alias iris a VERSION"),
    "both": (["alias", "iris", "production", "2", "--remove"], 2, "gets no version", "leave out"),
    "name": (["register", "new.keep", "Iris"], 2, "'Iris' is not a name of a model", "small letters"),
    "alias name": (["alias", "iris", "Prod", "2"], 2, "'Prod' is not a name of an alias", "small letters"),
    "no file": (["register", "nope.keep", "iris"], 1, "can't read 'nope.keep': no such file", "check the path"),
    "parent": (["register", "new.keep", "iris", "--parent", "iris:9"], 1, "iris:9 does not exist", "list iris"),
    "metric": (["register", "new.keep", "iris", "--metric", "a=x"], 2, "'x' is not a number", "--metric accuracy=0.97"),
    "nan": (["tag", "iris", "--metric", "a=nan"], 2, "not a finite number", "leave it out"),
    "no value": (["tag", "iris", "key"], 2, "'key' is not a name with a value", "reviewed=yes"),
    "bound": (["promote", "iris", "a", "--min", "x"], 2, "'x' is not a name with a value", "--min accuracy=0.97"),
    "registry": (["list", "--registry", "nowhere"], 1, "there is no registry at 'nowhere'", "check the place"),
    "store": (["list", "--registry", "ftp9://x"], 2, "there is no store for 'ftp9://'", "s3://"),
    "limit": (["list", "--limit", "0"], 2, "--limit", "modelkeep list --help"),
    "no limit": (["history", "iris", "--limit", "x"], 2, "--limit", "modelkeep history --help"),
    "card": (["show", "iris", "--edit", "nope.md"], 1, "can't read 'nope.md': no such file", "check the path"),
    "bad card": (["show", "iris", "--edit", "new.keep"], 2, "is not a file of UTF-8 text", "UTF-8"),
    "no folder": (["export-file", "iris", "no/such.keep"], 1, "no/such.keep", "folder"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_say_what_there_is_and_what_to_do(shell: Shell, name: str) -> None:
    arguments, code, message, more = WRONG[name]
    assert shell(*arguments) == code
    assert shell.out == ""
    assert shell.err.startswith("modelkeep: error: ")
    assert message in shell.err
    assert more in shell.err
    found = shell.json(*arguments)
    assert shell.code == code
    assert set(found) >= {"error", "hint", "kind"}
    assert message in found["error"]
    assert shell.err == ""


def test_a_wrong_call_changes_nothing(shell: Shell) -> None:
    def everything() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in Path("models").rglob("*") if path.is_file())

    before = everything()
    for arguments, *_ in WRONG.values():
        shell(*arguments)
    assert everything() == before


# -- nothing in a registry controls the terminal -----------------------------------------------------------------------


@pytest.mark.parametrize("width", ["40", "160"])
def test_texts_of_a_registry_are_shown_clean(shell: Shell, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    registry = mk.Registry("models", author=f"eve{HOSTILE}")
    first = registry.save("bad", {"w": 1}, message=HOSTILE, tags={"a": HOSTILE})
    registry.save("bad", {"w": 2}, message=HOSTILE, metrics={"m [bold]x[/bold]": 1.5}, parent=first)
    registry.set_alias("bad", "production", 1, message=HOSTILE)
    registry.set_card("bad", f"---\nlicense: mit\n---\n{HOSTILE}\n")
    for command in (
        *(["list"], ["list", "bad"], ["show", "bad"], ["show", "bad:1"], ["history", "bad"], ["alias", "bad"]),
        *(["show", "bad", "--card"], ["tag", "bad:1", f"k={HOSTILE}"], ["diff", "bad:1", "bad:2"]),
        *(["inspect", "bad"], ["verify", "bad"], ["rm", "bad:2", "--yes", "-m", HOSTILE], ["gc"], ["fsck"]),
    ):
        assert shell(*command) in (0, 1), command
        assert_clean(shell.out + shell.err)
        assert "\\x1b[31mred" in shell.out or command[0] not in ("show", "history")


def test_names_in_records_of_other_writers_are_shown_clean(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from modelkeep.registry import facts

    with monkeypatch.context() as patched:  # as a writer that refuses nothing
        patched.setattr(facts, "_key", lambda key, what: key)
        registry = mk.Registry("models")
        registry.save("bad", {"w": 1}, metrics={HOSTILE: 1}, tags={HOSTILE: "a"})
        registry.save("bad", {"w": 2}, metrics={HOSTILE: 2}, tags={HOSTILE: "b"})
    for width in ("40", "160"):
        monkeypatch.setenv("COLUMNS", width)
        for command in (["list"], ["list", "bad"], ["show", "bad"], ["history", "bad"], ["show", "bad", "--card"]):
            assert shell(*command) == 0
            assert_clean(shell.out)
            assert "\\x1b" in shell.out or "--card" in command


def test_what_is_asked_for_is_shown_clean_too(shell: Shell) -> None:
    for command in (
        *(["show", HOSTILE], ["list", f"iris{HOSTILE}"], ["alias", "iris", HOSTILE, "2"], ["tag", "iris", HOSTILE]),
        *(["rm", HOSTILE, "--yes"], ["list", "--registry", HOSTILE], ["register", HOSTILE, "iris"]),
        *(["promote", "iris", "a", "--min", f"{HOSTILE}=2"], ["verify", HOSTILE], ["copy", HOSTILE, "x"]),
        *(["export-file", "iris", f"{HOSTILE}.keep/x"], ["fsck", "--accept", HOSTILE], ["diff", "iris", HOSTILE]),
    ):
        assert shell(*command) in (1, 2), command
        assert_clean(shell.out + shell.err)
        shell.json(*command)


def test_records_with_strange_times_are_shown(shell: Shell) -> None:
    assert show_registry.age("yesterday") == show_registry.when("yesterday") == "yesterday"
    assert show_registry.age("0001-01-01T00:00:00+23:00") == "0001-01-01T00:00:00+23:00"
    assert show_registry.age("9999-01-01T00:00:00Z") == "9999-01-01 00:00"
    assert show_registry.age("2020-01-01T00:00:00").endswith("years ago")  # no zone


# -- terminals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 75, 76, 100])
@pytest.mark.parametrize(
    "command", [["list"], ["list", "iris"], ["show", "iris"], ["history", "iris"], ["alias", "iris"], ["fsck"]]
)
def test_text_fits_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, width: int, command: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert shell(*command) == 0
    for line in shell.out.splitlines():
        long_word = max(map(len, line.split()), default=0) > width - 20  # a digest or a path is never cut
        assert len(line) <= width or long_word, line


def test_a_narrow_terminal_gets_no_columns(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shell("list")
    assert "iris\n    3 versions, latest 3, just now\n    production 2\n    ▁▄█ accuracy 0.97\n" in shell.out
    shell("list", "iris")
    assert "iris:2 (production)\n" in shell.out
    assert "\n    accuracy 0.96, loss 0.2\n    try 1 ...\n" in shell.out
    shell("history", "iris")
    assert "ada: register iris:1\n    try 0 ...\n" in shell.out


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "modelkeep", *arguments]
    own = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "MODELKEEP_REGISTRY")}
    return subprocess.run(command, cwd=folder, env={**own, **environment}, capture_output=True, check=False)


def test_a_pipe_gets_plain_text_in_its_encoding(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "work")
    done = run(tmp_path / "work", "list", "iris", PYTHONIOENCODING="utf-8", TERM="xterm-256color")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout
    assert "▁▄█" in done.stdout.decode()
    assert run(tmp_path / "work", "tag", "iris", "größe=漢字").returncode == 0
    for command in (["list", "iris"], ["list"], ["show", "iris"], ["history", "iris"]):
        done = run(tmp_path / "work", *command, PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.isascii()
    shown = run(tmp_path / "work", "show", "iris", PYTHONIOENCODING="latin-1").stdout.decode("latin-1")
    assert "größe: \\u6f22\\u5b57" in shown
    assert "`-- iris:3" in shown
    with open(tmp_path / "out.json", "wb") as file:
        subprocess.run([sys.executable, "-m", "modelkeep", "list", "--json"], cwd=tmp_path / "work", stdout=file)
    assert json.loads((tmp_path / "out.json").read_text())["models"]


def test_a_list_starts_without_what_it_does_not_need(made: Path) -> None:
    code = (
        "import sys; from modelkeep.cli import main; main(['list']); main(['history', 'iris']);"
        "print([name for name in ('numpy', 'sklearn', 'pandas', 'rich', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=made, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_of_every_option_says_something(shell: Shell) -> None:
    for command in ("list", "show", "history", "register", "alias", "promote", "rollback", "tag", "copy", "rm", "gc"):
        assert shell(command, "--help") == 0
        assert "--registry" in shell.out
        assert "MODELKEEP_REGISTRY" in shell.out


def test_a_table_is_aligned_by_the_columns_of_its_letters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen.Screen().table(["a", "b"], [["x", "漢字"], ["e\u0301", "1"]], right=[1])
    assert capsys.readouterr().out == "  a     b\n  x  漢字\n  e\u0301     1\n"
    screen.Screen().table(["a", "b"], [[f"m{i:03}", "x" * 300 if i == 0 else "y"] for i in range(150)])
    lines = capsys.readouterr().out.splitlines()  # so many rows are not folded
    assert (len(lines), lines[1], lines[2]) == (151, f"  m000  {'x' * 300}", "  m001  y")


@pytest.mark.parametrize("purpose", ["sign", "seal"])
def test_keygen_writes_two_files_or_none(shell: Shell, purpose: str) -> None:
    found = shell.json("keygen", "my.key", "--for", purpose)
    assert (found["secret"], found["public"], found["for"]) == ("my.key", "my.key.pub", purpose)
    if os.name == "posix":
        assert os.stat("my.key").st_mode & 0o777 == 0o600
    Path("my.key").rename("kept.key")
    assert shell("keygen", "my.key", "--for", purpose) == 2
    assert "'my.key.pub' is there already" in shell.err
    assert not Path("my.key").exists()


# -- sparklines --------------------------------------------------------------------------------------------------------


def test_an_empty_registry_says_how_to_begin(shell: Shell) -> None:
    mk.Registry("empty").save("a", {"w": 1})
    assert shell("rm", "a", "--all", "--yes", "--registry", "empty") == 0
    assert shell("list", "--registry", "empty") == 0
    assert "no model in " in shell.out
    assert "modelkeep register FILE NAME" in shell.out
    assert shell.json("list", "--registry", "empty")["models"] == []


def test_one_version_and_missing_metrics_have_their_lines(shell: Shell) -> None:
    registry = mk.Registry("models")
    for metrics in ({"a": 1}, {}, {"a": 1, "b": 2.5}, {"b": 2.5}):
        registry.save("gaps", {"w": 1}, metrics=metrics)
    shell("list", "gaps")
    lines = shell.out.splitlines()
    assert "  b             ▅▅  2.5 to 2.5" in lines
    assert "  a           ▅ ▅   1 to 1" in lines
    shell("list", "plain")
    assert "▅" not in shell.out
    registry.save("once", {"w": 1}, metrics={"a": 0.5})
    shell("list", "once")
    assert "  a           ▅  0.5" in shell.out.splitlines()


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([None, None], "  "),
        ([1.5], "▅"),
        ([2, 2, 2], "▅▅▅"),
        ([0, None, 7], "▁ █"),
        ([-1.7e308, 0, 1.7e308], "▁▄█"),
        ([5e-324, 0, 5e-324], "▅▅▅"),
        ([1 << 53, (1 << 53) - 2], "█▁"),
        (range(8), "▁▂▃▄▅▆▇█"),
    ],
)
def test_sparklines_take_all_finite_numbers(values: Any, bars: str) -> None:
    assert sparkline.sparkline(values) == bars
    assert sparkline.sparkline(values, sparkline._PLAIN).isascii()
