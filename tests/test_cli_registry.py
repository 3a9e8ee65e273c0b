"""The commands on registries: what they print, their JSON, their errors, and how they start."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import modelkeep as mk
from modelkeep.cli import main
from modelkeep.cli.screen import Screen
from modelkeep.cli.sparkline import shown, sparkline

X, Y = load_iris(return_X_y=True)
HOSTILE = "\x1b[31mred\x1b]0;title\x07\u202eabc\x85\u2028next"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files, and a registry with three versions of iris and one of bare, which has no metric."""
    place = tmp_path_factory.mktemp("registry")
    for name, c in (("a", 1.0), ("b", 2.0)):
        mk.save(LogisticRegression(max_iter=300, C=c).fit(X, Y), place / f"{name}.keep", sample=X)
    registry = mk.Registry(place / "models", author="ann")
    first = registry.register(place / "a.keep", "iris", metrics={"accuracy": 0.9, "loss": 0.5}, message="first\nmore")
    registry.register(place / "b.keep", "iris", metrics={"accuracy": 0.95}, parent=first, tags={"team": "flowers"})
    registry.register(place / "b.keep", "iris", metrics={"accuracy": 0.99, "loss": 0.1})
    registry.register(place / "a.keep", "bare")
    registry.set_alias("iris", "production", 1, message="go")
    registry.set_alias("iris", "production", 2)
    return place


class Shell:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""
        self.code = 0

    def __call__(self, *arguments: str) -> int:
        self.code = main(arguments)
        self.out, self.err = self.capsys.readouterr()
        return self.code

    def json(self, *arguments: str) -> Any:
        self(*arguments, "--json")
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))

    def says(self, *arguments: str) -> str:
        """What a command that succeeds prints."""
        assert self(*arguments) == 0, self.err
        return self.out

    def refuses(self, *arguments: str) -> tuple[str, str]:
        """The error and the hint, which are the same in text and in JSON."""
        assert self(*arguments) in (1, 2)
        assert self.out == ""
        first, *_, last = self.err.splitlines()
        code, found = self.code, self.json(*arguments)
        assert (self.code, self.err) == (code, "")
        assert first == f"modelkeep: error: {found['error'].splitlines()[0]}"
        assert last == f"modelkeep: hint: {found['hint']}"
        return found["error"], found["hint"]


@pytest.fixture
def shell(origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """In a folder with copies of the files and of the registry, which is at the default place."""
    shutil.copytree(origin, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("MODELKEEP_AUTHOR", "tess")
    monkeypatch.setenv("MODELKEEP_STATE", str(tmp_path / "state"))  # the copies of one registry go their own ways
    for name in ("MODELKEEP_REGISTRY", "MODELKEEP_IDENTITY", "MODELKEEP_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)


# -- looking -----------------------------------------------------------------------------------------------------------


def test_list_shows_the_models(shell: Shell) -> None:
    header, bare, iris, _, count = shell.says("list").splitlines()
    assert header.split() == ["model", "versions", "latest", "aliases", "metric"]
    assert bare.split()[:3] == ["bare", "1", "1,"]
    assert iris.split()[:3] == ["iris", "3", "3,"]
    assert "production 2" in iris
    assert "▁▄█ accuracy 0.99" in iris
    assert count.startswith("2 models in ")
    assert shell.says("list", "--limit", "1").splitlines()[-1].startswith("the first 1 of 2 models")


def test_list_as_json(shell: Shell) -> None:
    bare, iris = shell.json("list")["models"]
    assert (bare["name"], bare["metrics"], bare["aliases"]) == ("bare", [{}], {})
    assert (iris["versions"], iris["latest"]["version"], iris["aliases"]) == (3, 3, {"production": 2})
    assert [each["accuracy"] for each in iris["metrics"]] == [0.9, 0.95, 0.99]


def test_list_of_a_model_shows_its_versions_the_latest_first(shell: Shell) -> None:
    lines = shell.says("list", "iris").splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["3", "2", "1"]
    assert "production" in lines[2]
    assert lines[3].endswith("first ...")
    assert "accuracy    ▁▄█  0.9 to 0.99" in shell.out
    assert "loss        █ ▁  0.5 to 0.1" in shell.out  # the second version has none
    assert "... and 2 earlier ones" in shell.says("list", "iris", "--limit", "1")
    found = shell.json("list", "iris")
    assert [each["version"] for each in found["versions"]] == [1, 2, 3]
    assert found["versions"][0]["message"] == "first\nmore"
    assert [each["version"] for each in shell.json("list", "iris", "--limit", "2")["versions"]] == [2, 3]
    assert "▁" not in shell.says("list", "bare")


def test_list_of_nothing(shell: Shell) -> None:
    shell.says("rm", "bare", "--all", "--yes")
    assert shell.says("list", "bare") == "all versions of bare were deleted\n"
    shell.says("alias", "iris", "production", "--remove")
    shell.says("rm", "iris", "--all", "--yes")
    assert "no model in" in shell.says("list")
    assert "register one: modelkeep register FILE NAME" in shell.out
    assert shell.json("list")["models"] == []


def test_show_tells_all_of_a_version(shell: Shell) -> None:
    text = shell.says("show", "iris@production")
    for expected in ("iris:2  (production)", "LogisticRegression", "by ann", "accuracy 0.95", "team: flowers"):
        assert expected in text
    assert "made from\niris:1" in text
    found = shell.json("show", "iris:2")
    assert (found["ref"], found["parent"], found["lineage"]) == ("iris:2", "iris:1", ["iris:1"])
    assert found["probe"]["rows"] > 0


def test_show_prints_and_edits_the_card(shell: Shell) -> None:
    assert "# iris, version 3" in shell.says("show", "iris", "--card")
    Path("card.md").write_text(f"---\nlicense: mit\n---\n\ttabs and {HOSTILE}\n", encoding="utf-8", newline="\n")
    shell("show", "iris", "--edit", "card.md", "--card")
    assert_clean(shell.out.replace("\t", "") + shell.err)
    Path("card.md").write_text("---\nlicense: mit\n---\nmine\n")
    assert "mine" in shell.says("show", "iris", "--edit", "card.md", "--card")
    assert shell.json("show", "iris", "--card")["card"].endswith("mine\n")
    Path("card.md").write_text("")
    assert "# iris, version 3" in shell.says("show", "iris", "--edit", "card.md", "--card")
    Path("card.md").write_bytes(b"\xff")
    assert "not a file of UTF-8 text" in shell.refuses("show", "iris", "--edit", "card.md")[0]


def test_history_tells_who_what_and_why(shell: Shell) -> None:
    lines = shell.says("history", "iris").splitlines()
    assert lines[0].split() == ["time", "(UTC)", "author", "what", "why"]
    assert "alias production: none -> 1" in lines[4]
    assert lines[4].endswith("go")
    assert "▁▄█" in shell.out
    events = shell.json("history", "iris")["events"]
    assert [event["event"] for event in events] == ["register"] * 3 + ["alias"] * 2
    assert (events[4]["from"], events[4]["to"], events[0]["author"]) == (1, 2, "ann")
    assert "... 4 earlier events" in shell.says("history", "iris", "--limit", "1")


def test_files_and_versions_are_inspected_verified_and_compared_alike(shell: Shell) -> None:
    assert "LogisticRegression" in shell.says("inspect", "iris:1")
    assert "equal to the last bit" in shell.says("verify", "iris:1")
    assert shell.json("verify", "iris@production")["exact"] is True
    assert shell("diff", "iris:1", "iris:2") == 1
    assert "C: 1.0 -> 2.0" in shell.out
    assert shell("diff", "iris:2", "iris:3") == 0
    assert shell("diff", "a.keep", "iris:1") == 0
    assert shell("diff", "iris:1", "iris:9") == 2
    assert shell.json("diff", "iris:1", "b.keep")["different"] is True


def test_env_prints_requirements(shell: Shell) -> None:
    assert "scikit-learn==" in shell.says("env", "iris:1")
    assert "scikit-learn==" in shell.json("env", "iris")["requirements"]


# -- changing ----------------------------------------------------------------------------------------------------------


def test_register(shell: Shell) -> None:
    text = shell.says(
        *("register", "a.keep", "iris", "-m", "why", "--metric", "accuracy=1", "--metric", "loss=1e-3"),
        *("--tag", "k=v=w", "--parent", "iris@production"),
    )
    assert text.startswith("iris:4: registered in ")
    assert "this took 0 B in the registry" in text
    found = shell.json("show", "iris")
    assert (found["message"], found["author"], found["parent"]) == ("why", "tess", "iris:2")
    assert (found["metrics"], found["tags"]) == ({"accuracy": 1, "loss": 0.001}, {"k": "v=w"})
    made = shell.json("register", "a.keep", "new", "--author", "zoe")
    assert (made["ref"], made["author"], made["digest"][:7]) == ("new:1", "zoe", "blake3:")


def test_alias_and_rollback(shell: Shell) -> None:
    assert "iris:3" in shell.says("alias", "iris", "production", "3", "-m", "newest")
    assert shell.json("alias", "iris", "canary", "iris:1")["aliases"] == {"canary": 1, "production": 3}
    assert shell.says("rollback", "iris", "production") == "iris@production: 3 -> 2\n"
    assert shell.json("rollback", "iris", "production")["to"] == 1
    assert "never pointed at another" in shell.refuses("rollback", "iris", "production")[0]
    assert "canary" not in shell.says("alias", "iris", "canary", "--remove")
    assert shell.says("alias", "bare") == "bare has no alias\n"


def test_promote_asks_the_gates(shell: Shell) -> None:
    text = shell.says("promote", "iris:3", "production", "--min", "accuracy=0.9", "--not-below", "accuracy", "--probe")
    assert text.startswith("iris@production: 2 -> 3\n")
    assert "passed      probe:" in text
    found = shell.json("promote", "iris:1", "canary", "--max", "loss=1")
    assert (found["from"], found["to"], len(found["checks"])) == (None, 1, 1)
    for gate in (["--min", "accuracy=0.99"], ["--max", "loss=0.1"], ["--not-below", "accuracy"], ["--min", "auc=1"]):
        error, hint = shell.refuses("promote", "iris:1", "production", *gate)
        assert error.startswith("iris:1 may not become production\n  - metric ")
        assert "production stays where it was" in hint
    assert shell.json("alias", "iris")["aliases"]["production"] == 3


def test_tag(shell: Shell) -> None:
    text = shell.says("tag", "iris:2", "reviewed=yes", "--metric", "auc=0.98", "--remove", "team")
    assert "auc 0.98" in text
    assert "reviewed: yes" in text
    assert shell.json("tag", "iris:2", "more=x")["tags"] == {"reviewed": "yes", "more": "x"}


def test_rm_gc_and_what_keeps_a_version(shell: Shell) -> None:
    assert "production points at" in shell.refuses("rm", "iris:2", "--yes")[0]
    assert "pass --all" in shell.refuses("rm", "iris", "--yes")[1]
    assert shell.says("rm", "iris:1", "bare:1", "--yes", "-m", "old").startswith("deleted iris:1, bare:1\n")
    dry = shell.json("gc", "--dry-run")
    assert (dry["dry_run"], dry["objects"]) == (True, 1)
    assert shell.says("gc").startswith("1 object removed, ")
    assert shell.json("gc")["objects"] == 0
    assert shell.says("fsck").startswith("clean\n")


def test_rm_asks_on_a_terminal_only(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert shell.refuses("rm", "iris:1") == ("there is no terminal to ask if iris:1 may be deleted", "pass --yes")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: "n\n", raising=False)
    assert shell("rm", "iris:1") == 1
    assert shell.out == "nothing was deleted\n"
    assert shell.err == "delete iris:1? [y/N] "
    monkeypatch.setattr(sys.stdin, "readline", lambda: "y\n", raising=False)
    assert shell.says("rm", "iris:1").startswith("deleted iris:1\n")


def test_copy_to_a_folder_and_back(shell: Shell) -> None:
    assert shell.says("copy", "iris:3", "elsewhere") == "iris:3 is iris:1 in elsewhere\n"
    found = shell.json("copy", "iris", "elsewhere", "--all", "--name", "flower")
    assert found["versions"] == ["flower:1", "flower:2", "flower:3"]
    assert shell.json("alias", "flower", "--registry", "elsewhere")["aliases"] == {"production": 2}
    assert "back:1" in shell.says("copy", "--registry", "elsewhere", "flower:1", "models", "--name", "back")
    assert shell("diff", "iris:1", "back:1") == 0
    assert "copied from" in shell.says("show", "back")


def test_export_file_gives_the_file_back(shell: Shell) -> None:
    found = shell.json("export-file", "iris:1", "out.keep")
    assert (found["ref"], found["file"]) == ("iris:1", "out.keep")
    assert Path("out.keep").read_bytes() == Path("a.keep").read_bytes()
    assert shell.says("export-file", "iris@production", "two.keep").startswith("two.keep: iris:2\n")
    assert "modelkeep convert" in shell.refuses("export-file", "iris:1", "out.pkl")[1]


def test_fsck_finds_damage_and_repairs_it(shell: Shell) -> None:
    shutil.copytree("models", "good")
    target = next(path for path in sorted(Path("models/objects").rglob("*")) if path.is_file())
    target.chmod(0o644)
    content = target.read_bytes()
    target.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert shell("fsck") == 1
    assert shell.out.startswith("damaged\n")
    assert "modelkeep fsck --from PLACE" in shell.out
    found = shell.json("fsck")
    assert shell.code == 1
    assert found["problems"][0]["repaired"] is False
    assert shell("fsck", "--from", "good") == 0
    assert "repaired" in shell.out
    assert target.read_bytes() == content
    assert shell("fsck") == 0


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["sign", "seal"])
def test_keygen_never_overwrites(shell: Shell, purpose: str) -> None:
    found = shell.json("keygen", "my.key", "--for", purpose)
    assert (found["secret"], found["public"], found["for"]) == ("my.key", "my.key.pub", purpose)
    if os.name == "posix":
        assert stat.S_IMODE(os.stat("my.key").st_mode) == 0o600
    before = Path("my.key").read_bytes()
    assert "is there already" in shell.refuses("keygen", "my.key", "--for", purpose)[0]
    assert Path("my.key").read_bytes() == before
    Path("my.key").rename("other.key")
    assert "my.key.pub" in shell.refuses("keygen", "my.key", "--for", purpose)[0]
    assert not Path("my.key").exists()  # no half of a pair
    assert "choose sign or seal" in shell.refuses("keygen", "x", "--for", "both")[1]


def test_sign_and_verify_files_and_versions(shell: Shell) -> None:
    shell.says("keygen", "s.pem")
    shell.says("keygen", "t.pem", "--algorithm", "p256")
    assert "signed" in shell.says("sign", "a.keep", "--key", "s.pem")
    assert shell.json("sign", "iris:3", "--key", "s.pem")["version"] == 3
    for target in ("a.keep", "iris:3"):
        assert "signature   valid" in shell.says("verify", target, "--signer", "s.pem.pub")
        shell.refuses("verify", target, "--signer", "t.pem.pub")
    assert "there is no signature" in shell.refuses("verify", "iris:1", "--signer", "s.pem.pub")[0]
    assert "1 signature" in shell.says("show", "iris:3")
    assert shell("promote", "iris:3", "signed", "--signer", "s.pem.pub") == 0
    assert "may not become" in shell.refuses("promote", "iris:1", "signed", "--signer", "s.pem.pub")[0]


def test_a_sealed_registry_needs_its_key(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.says("keygen", "me.key", "--for", "seal")
    shell.says("register", "a.keep", "iris", "--registry", "closed", "--seal-to", "me.key.pub")
    error, hint = shell.refuses("list", "--registry", "closed")
    assert "is sealed" in error
    assert "--identity" in hint
    assert "iris" in shell.says("list", "--registry", "closed", "--identity", "me.key")
    monkeypatch.setenv("MODELKEEP_IDENTITY", "me.key")
    assert "iris:1" in shell.says("show", "iris", "--registry", "closed")
    assert "iris:3" in shell.says("show", "iris")  # one that is not sealed is read all the same


# -- where the registry is ---------------------------------------------------------------------------------------------


def test_the_option_comes_before_the_variable_and_that_before_the_default(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.says("register", "a.keep", "second", "--registry", "other")
    monkeypatch.setenv("MODELKEEP_REGISTRY", "other")
    assert [each["name"] for each in shell.json("list")["models"]] == ["second"]
    assert len(shell.json("list", "--registry", "models")["models"]) == 2
    monkeypatch.delenv("MODELKEEP_REGISTRY")
    assert len(shell.json("list")["models"]) == 2


# -- errors ------------------------------------------------------------------------------------------------------------

BAD = {
    "model": (["show", "nope"], "there is no model nope in", "modelkeep list"),
    "version": (["show", "iris:9"], "iris:9 does not exist; there is 3, 2, 1", "modelkeep list iris"),
    "alias": (["show", "iris@nope"], "iris has no alias 'nope'", "modelkeep alias iris nope VERSION"),
    "name": (["register", "a.keep", "A B"], "'A B' is not a name of a model", "small letters"),
    "alias name": (["alias", "iris", "a b", "1"], "'a b' is not a name of an alias", "small letters"),
    "alias alone": (["alias", "iris", "canary"], "an alias needs a version", "modelkeep alias iris canary VERSION"),
    "both": (["alias", "iris", "canary", "1", "--remove"], "gets no version", "leave out VERSION"),
    "place": (["list", "--registry", "no/where"], "there is no registry at 'no/where'", "check the place"),
    "not a registry": (["list", "--registry", "."], "there is no registry at", "modelkeep register FILE NAME"),
    "file": (["register", "no.keep", "iris"], "can't read 'no.keep'", "check the path"),
    "pair": (["tag", "iris", "x"], "'x' is not a name with a value", "reviewed=yes"),
    "twice": (["tag", "iris", "x=1", "x=2"], "'x' is named twice", "leave one of them out"),
    "nothing": (["tag", "iris"], "there is nothing to add", "modelkeep tag iris ok=yes"),
    "number": (["tag", "iris", "--metric", "a=b"], "'b' is not a number", "--metric accuracy=0.97"),
    "nan": (["tag", "iris", "--metric", "a=nan"], "not a finite number", "leave it out"),
    "key": (["sign", "iris", "--key", "no.pem"], "can't read the signing key from 'no.pem'", "name a file"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_and_what_to_do(shell: Shell, name: str) -> None:
    arguments, message, advice = BAD[name]
    error, hint = shell.refuses(*arguments)
    assert message in error
    assert advice in hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "x"], "--limit"),
        (["show"], "missing argument 'REF'"),
    ],
)
def test_a_wrong_call_exits_with_2(shell: Shell, arguments: list[str], message: str) -> None:
    assert shell(*arguments) == 2
    assert message in shell.err
    assert f"see: modelkeep {arguments[0]} --help" in shell.err


# -- terminals ---------------------------------------------------------------------------------------------------------


def assert_clean(printed: str) -> None:
    assert not [c for c in printed if (ord(c) < 32 and c != "\n") or c in "\x7f\x85\u202e\u2028"]


@pytest.mark.parametrize("width", ["40", "120"])
def test_nothing_in_a_record_controls_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    said = ("-m", HOSTILE, "--tag", f"t={HOSTILE}", "--author", HOSTILE, "--parent", "iris:1")
    assert_clean(shell.says("register", "a.keep", "iris", *said))
    for command in (["list"], ["list", "iris"], ["show", "iris"], ["show", "iris", "--card"], ["history", "iris"]):
        text = shell.says(*command)
        assert_clean(text)
        assert ("\\x1b[31mred" in text) == (command[1:] == ["iris"])
    for command in (["show", HOSTILE], ["alias", "iris", HOSTILE, "1"], ["list", "--registry", HOSTILE]):
        assert shell(*command) in (1, 2)
        assert_clean(shell.err)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("command", [["list"], ["list", "iris"], ["history", "iris"], ["show", "iris:2"], ["fsck"]])
def test_text_fits_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, width: int, command: list[str]) -> None:
    shell.says("register", "a.keep", "iris", "-m", "a long message of many words " * 9, "--metric", "accuracy=0.5")
    monkeypatch.setenv("COLUMNS", str(width))
    for line in shell.says(*command).splitlines():
        long_word = max(map(len, line.split()), default=0) > width - 20  # a digest or a path is never cut
        assert len(line) <= width or long_word, line


def test_a_table_of_many_rows_is_aligned_and_needs_no_layout(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table(["a", "b"], [[f"m{i:03}", "漢字" if i else "x" * 300] for i in range(150)], right=[1])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 151
    assert lines[1] == "  m000  " + "x" * 300
    assert lines[2] == "  m001  " + " " * 296 + "漢字"


def test_sparklines() -> None:
    assert sparkline([0.0, 0.5, 1.0]) == "▁▄█"
    assert sparkline([1, None, 1]) == "▅ ▅"
    assert sparkline([-1.7e308, 1.7e308]) == "▁█"
    assert sparkline([10**400 // 10**100, 0]) == "█▁"
    assert sparkline([]) == ""
    assert shown([None]) == " "


# -- the command itself ------------------------------------------------------------------------------------------------


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "MODELKEEP_REGISTRY")}
    command = [sys.executable, "-m", "modelkeep", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment | variables, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def test_the_command_writes_plain_text_to_a_pipe(origin: Path) -> None:
    done = run(origin, "list", "iris", PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines())
    done = run(origin, "history", "iris", "--json", MODELKEEP_REGISTRY=str(origin / "models"))
    assert len(json.loads(done.stdout)["events"]) == 5
    done = run(origin, "rm", "iris:1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("modelkeep: hint: pass --yes\n")
    assert json.loads(run(origin, "show", "iris:9", "--json").stdout)["kind"] == "not-found"


def test_stdout_in_ascii_is_no_error(origin: Path, tmp_path: Path) -> None:
    assert (
        run(origin, "register", "a.keep", "iris", "--registry", str(tmp_path / "r"), "-m", "größer 漢字").returncode
        == 0
    )
    for command in (["list", "iris"], ["show", "iris"], ["history", "iris"]):
        done = run(origin, *command, "--registry", str(tmp_path / "r"), PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, "")
        assert "gr\\xf6\\xdfer \\u6f22\\u5b57" in done.stdout
    done = run(origin, "list", PYTHONIOENCODING="ascii")
    assert "_~# accuracy 0.99" in done.stdout


def test_a_list_starts_without_what_it_does_not_need(origin: Path) -> None:
    code = (
        "import sys; from modelkeep.cli import main; code = main(['list']); "
        "main(['list', 'iris', '--registry', 'models']); "
        "print(code, [n for n in ('rich', 'pydantic', 'numpy', 'zstandard', 'modelkeep.loading') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=origin, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
