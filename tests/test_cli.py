"""The command line: what it prints, its exit codes, its errors, and that no file can speak to the terminal."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import modelkeep as mk
from modelkeep.cli import main, text

X, Y = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli")
    model = LogisticRegression(max_iter=300).fit(X, Y)
    mk.save(model, place / "a.keep", sample=X)
    mk.save(LogisticRegression(max_iter=300, C=2.0).fit(X, Y), place / "b.keep", sample=X)
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)).fit(X, Y)
    mk.save(forest, place / "forest.keep", sample=X)
    (place / "old.pkl").write_bytes(pickle.dumps(model))
    joblib.dump(forest, place / "old.joblib")
    (place / "empty.keep").write_bytes(b"")
    (place / "cut.keep").write_bytes((place / "a.keep").read_bytes()[:3000])
    (place / "noise.keep").write_bytes(b"nothing that anybody would know")
    (place / "wrong.keep").write_bytes((place / "old.pkl").read_bytes())
    return place


class Shell:
    """Runs commands in this process, in ``folder``."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = main(arguments)
        self.out, self.err = self.capsys.readouterr()
        return code

    def json(self, *arguments: str) -> Any:
        self.code = self(*arguments, "--json")
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.fixture
def shell(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main replaces it
    return Shell(capsys)


# -- what each command prints ------------------------------------------------------------------------------------------


def test_inspect_shows_the_parts_and_their_parameters(shell: Shell) -> None:
    assert shell("inspect", "forest.keep") == 0
    assert shell.err == ""
    for expected in (
        "reading it runs no code",
        "standardscaler: StandardScaler",
        "with_mean=True",
        "20 x DecisionTreeClassifier",
        "(they differ in random_state)",
        "array, float64, n x 4",
        "predict_proba: array, float64, n x 3",
        "classes: 0, 1, 2",
        "the same here",
        "rows with the answers of predict",
    ):
        assert expected in shell.out


def test_inspect_all_lists_every_array_and_parameter(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shell("inspect", "forest.keep", "--all")
    assert "steps['randomforestclassifier'].estimators_[19].classes_" in shell.out
    assert "sklearn.tree.DecisionTreeClassifier" in shell.out


def test_inspect_json_is_the_dataclass(shell: Shell) -> None:
    found = shell.json("inspect", "forest.keep")
    assert shell.code == 0
    assert found == json.loads(json.dumps(mk.inspect("forest.keep").as_dict()))
    assert found["tree"]["children"][0]["parameters"]["with_std"] == "True"


def test_inspect_tells_what_a_pickle_would_import(shell: Shell) -> None:
    assert shell("inspect", "old.pkl") == 0
    assert "reading it can run any code" in shell.out
    assert "sklearn.linear_model._logistic.LogisticRegression" in shell.out


def test_verify_says_what_was_compared(shell: Shell) -> None:
    assert shell("verify", "a.keep") == 0
    assert "every one as it was saved" in shell.out
    assert "equal to the last bit" in shell.out
    assert "the same as when it was saved" in shell.out
    found = shell.json("verify", "a.keep")
    assert found["exact"] is True
    assert found["same_environment"] is True
    assert found["rows"] > 0


@pytest.mark.parametrize(("second", "code"), [("a.keep", 0), ("b.keep", 1), ("old.pkl", 2), ("missing.keep", 2)])
def test_diff_has_the_exit_codes_of_diff(shell: Shell, second: str, code: int) -> None:
    assert shell("diff", "a.keep", second) == code
    assert shell.json("diff", "a.keep", second).get("different", "trouble") == {0: False, 1: True, 2: "trouble"}[code]


def test_diff_tells_parameters_arrays_and_answers(shell: Shell) -> None:
    shell("diff", "a.keep", "b.keep")
    assert "~ logisticregression.C: 1.0 -> 2.0" in shell.out
    assert "12 of 12 differ, by up to" in shell.out
    assert "~ predict_proba:" in shell.out
    assert "row 0 column 0:" in shell.out


def test_convert_reads_a_pickle_without_running_it(shell: Shell, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.keep"
    for source in ("old.pkl", "old.joblib"):
        assert shell("convert", source, str(target)) == 0
        assert "without running the" in shell.out
        assert "there is no probe" in shell.out
        again, first = mk.load(target), joblib.load(folder / source)
        assert again.predict_proba(X).tobytes() == first.predict_proba(X).tobytes()


def test_convert_runs_a_pickle_only_if_told_to_and_says_so(shell: Shell, tmp_path: Path) -> None:
    path, marker = tmp_path / "acts.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps({"file": Makes(str(marker))}))
    assert shell("convert", str(path), str(tmp_path / "new.keep")) == 1
    assert not marker.exists()
    assert shell("convert", str(path), str(tmp_path / "new.keep"), "--allow-code") == 0
    assert marker.exists()
    assert "BY RUNNING the pickle file" in shell.out
    assert mk.load(tmp_path / "new.keep") == {"file": None}


class Makes:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (self.path,))


def test_convert_back_says_what_is_lost(shell: Shell, tmp_path: Path) -> None:
    found = shell.json("convert", "a.keep", str(tmp_path / "back.pkl"))
    assert (found["source_format"], found["target_format"], found["digest"]) == ("keep", "pickle", None)
    assert "can run any code" in found["notes"][0]
    assert found["certificate"]["passed"] is True
    assert json.loads((tmp_path / "back.pkl.parity.json").read_text()) == found["certificate"]
    assert pickle.loads((tmp_path / "back.pkl").read_bytes()).predict(X).shape == (150,)


def test_convert_takes_formats_where_suffixes_do_not_say(shell: Shell, tmp_path: Path) -> None:
    assert shell("convert", "wrong.keep", str(tmp_path / "new"), "--from", "pickle", "--to", "keep") == 0
    assert mk.load(tmp_path / "new").predict(X).shape == (150,)


def test_formats_shows_the_whole_table(shell: Shell) -> None:
    assert shell("formats") == 0
    for name in ("keep", "pickle", "joblib", "can run any code", "the model", "any"):
        assert name in shell.out
    rows = {row["name"]: row for row in shell.json("formats")["formats"]}
    assert rows["keep"]["safety"] == "data"
    assert rows["pickle"]["safety"] == "code"
    assert rows["joblib"]["convert"] is True


def test_doctor_checks_this_installation(shell: Shell) -> None:
    assert shell("doctor") == 0
    assert "came back equal to the last bit" in shell.out
    found = shell.json("doctor")
    assert found["healthy"] is True
    assert {"numpy", "scikit-learn", "zstandard"} <= {package["name"] for package in found["packages"]}
    assert all(check["passed"] for check in found["checks"])


def test_doctor_names_what_is_missing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkeep import doctor

    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: {"zstandard": "", "numpy": "1.26.4"}.get(name, real(name)))
    found = {package.name: package for package in doctor.examine().packages}
    assert found["zstandard"].state == "missing"
    assert found["zstandard"].install == "pip install 'modelkeep[zstd]'"
    assert found["numpy"].state == "too old"
    assert shell("doctor") == 1
    assert "pip install 'modelkeep[zstd]'" in shell.out
    assert "FAILED" not in shell.out


def test_no_command_shows_the_help(shell: Shell) -> None:
    assert shell() == 0
    assert "Start with: modelkeep demo" in shell.out


def test_python_m_modelkeep() -> None:
    done = subprocess.run([sys.executable, "-m", "modelkeep", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"modelkeep {mk.__version__}\n"


# -- errors ------------------------------------------------------------------------------------------------------------

BAD = {
    "missing": (["inspect", "nope.keep"], "can't read 'nope.keep': no such file or folder", "check the path"),
    "folder": (["inspect", "."], "this is a folder, not a file", "name a file"),
    "empty": (["verify", "empty.keep"], "empty.keep: the file is empty", "save the model again"),
    "cut": (["inspect", "cut.keep"], "cut.keep: a zip file, but not a whole keep file", "get the file again"),
    "noise": (["inspect", "noise.keep"], "noise.keep: this is not a file of a format", "modelkeep formats"),
    "wrong suffix": (["verify", "wrong.keep"], "wrong.keep: this is a pickle file, though keep", "pickle"),
    "unverifiable": (["verify", "old.pkl"], "old.pkl: a pickle file has no digest and no probe", "modelkeep convert"),
    "same format": (["convert", "a.keep", "c.keep"], "both files are keep files", "copy the file"),
    "no format": (["convert", "a.keep", "c.xyz"], "no format has the suffix of 'c.xyz'", "use one of .keep"),
}


@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_and_what_to_do(shell: Shell, name: str) -> None:
    arguments, message, hint = BAD[name]
    code = shell(*arguments)
    assert code in (1, 2)
    assert shell.out == ""
    first, *_, last = shell.err.splitlines()
    assert first.startswith("modelkeep: error: ")
    assert message in first
    assert last.startswith("modelkeep: hint: ")
    assert hint in last
    found = shell.json(*arguments)
    assert shell.code == code
    assert message in found["error"]
    assert hint in found["hint"]
    assert found["kind"]
    assert shell.err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "no such command 'frobnicate'"),
        (["inspect"], "missing argument 'FILE|REF'"),
        (["inspect", "a.keep", "--frob"], "no such option: --frob"),
        (["convert", "old.pkl", "c.keep", "--on-drift", "maybe"], "choose raise, warn or ignore"),
    ],
)
def test_a_wrong_call_exits_with_2(shell: Shell, arguments: list[str], message: str) -> None:
    assert shell(*arguments) == 2
    assert message.lower() in shell.err.lower()
    assert "modelkeep: hint: see: modelkeep" in shell.err
    assert shell.json(*arguments)["kind"] == "usage"


def test_an_error_of_several_lines_keeps_its_lines(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"a": subprocess.Popen, "b": os.getcwd}))
    assert shell("convert", str(tmp_path / "bad.pkl"), str(tmp_path / "bad.keep")) == 1
    assert shell.err.startswith("modelkeep: error: ")
    assert not (tmp_path / "bad.keep").exists()


def test_what_nobody_foresaw_is_short_and_says_how_to_report(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkeep import verbs

    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(verbs, "inspect", broken)
    assert shell("inspect", "a.keep") == 1
    assert "ZeroDivisionError: oh" in shell.err
    assert "please report it" in shell.err
    assert "Traceback" not in shell.err
    monkeypatch.setenv("MODELKEEP_DEBUG", "1")
    assert shell("inspect", "a.keep") == 1
    assert "Traceback" in shell.err
    assert shell.json("inspect", "a.keep")["kind"] == "internal"


def test_drift_is_told_and_can_be_allowed(shell: Shell, folder: Path, tmp_path: Path) -> None:
    model = pickle.loads((folder / "old.pkl").read_bytes())
    data = pickle.dumps(model).replace(b"\x8c\x051.", b"\x8c\x050.", 1)  # the version that scikit-learn writes
    assert data != pickle.dumps(model)
    (tmp_path / "older.pkl").write_bytes(data)
    assert shell("convert", str(tmp_path / "older.pkl"), str(tmp_path / "n.keep")) == 1
    assert "nothing proves that the model still answers the same" in shell.err
    assert shell("convert", str(tmp_path / "older.pkl"), str(tmp_path / "n.keep"), "--on-drift", "warn") == 0
    assert "modelkeep: warning: " in shell.err
    assert shell("convert", str(tmp_path / "older.pkl"), str(tmp_path / "n.keep"), "--allow-code") == 1
    assert "nothing proves" in shell.err


# -- files can't speak to the terminal ---------------------------------------------------------------------------------

HOSTILE = "\x1b[31mred\x1b]0;title\x07\u202eabc\x85\r\nnext"


def test_nothing_in_a_file_controls_the_terminal(shell: Shell, tmp_path: Path) -> None:
    labels = np.array([HOSTILE, "b", "c"], dtype=object)[Y]
    models = [LogisticRegression(max_iter=300, C=c).fit(X, labels) for c in (1, 2)]
    models[0].note_ = {HOSTILE: HOSTILE}
    first, second = (tmp_path / f"{HOSTILE[:5]}{i}.keep" for i in range(2))
    for model, path in zip(models, (first, second), strict=True):
        mk.save(model, path, sample=X)
    for command in (["inspect", first], ["inspect", first, "--all"], ["verify", first], ["diff", first, second]):
        assert shell(*map(str, command)) in (0, 1)
        assert_clean(shell.out + shell.err)
    assert shell("inspect", str(first) + "\x1b[2Jmissing") == 1
    assert_clean(shell.err)
    assert shell("inspect", "--\x1b[2J") == 2
    assert_clean(shell.err)


def assert_clean(shown: str) -> None:
    bad = [c for c in shown if (ord(c) < 32 and c != "\n") or c in "\x7f\x85\u202e\u2028"]
    assert not bad


def test_source_in_a_file_is_shown_clean(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = 'class Own:\n\t"""\x1b[31mred"""\n\tdef predict(self, rows):\n\t\treturn rows[:, 0] * self.rate\n'
    (tmp_path / "ownpart.py").write_text(source, newline="\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = __import__("ownpart").Own()
    own.rate = 0.5
    mk.save(own, tmp_path / "own.keep", sample=X, code=[str(tmp_path / "ownpart.py")])
    assert shell("inspect", str(tmp_path / "own.keep"), "--code") == 0
    assert "class Own:\n" in shell.out
    assert "\\x1b[31mred" in shell.out
    shell("inspect", str(tmp_path / "own.keep"))
    assert "carries source (1 file; see --code)" in " ".join(shell.out.split())
    assert shell("verify", str(tmp_path / "own.keep")) == 1
    assert "--allow-code" in shell.err
    assert shell("verify", str(tmp_path / "own.keep"), "--allow-code") == 0
    assert "equal to the last bit" in shell.out


def test_text_escapes_what_is_not_printable() -> None:
    assert text.clean("plain é 漢字") == "plain é 漢字"
    assert text.clean("a\x1bb\u202ec\n") == "a\\x1bb\\u202ec\\n"
    assert text.clean("a\tb\x00", keep="\t") == "a\tb\\x00"


# -- terminals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("command", [["inspect", "forest.keep"], ["diff", "a.keep", "b.keep"], ["doctor"], ["formats"]])
def test_text_fits_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, width: int, command: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shell(*command)
    for line in shell.out.splitlines():
        long_word = max(map(len, line.split()), default=0) > width - 20  # a digest or a path is never cut
        assert len(line) <= width or long_word, line


def test_a_pipe_gets_no_colours(folder: Path) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "modelkeep", "inspect", str(folder / "a.keep")]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    command = [sys.executable, "-m", "modelkeep", "inspect", str(folder / "forest.keep"), "--all"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    shown = process.stderr.read()
    process.wait(60)
    process.stderr.close()
    assert shown == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("arguments", [["inspect", "a.keep"], ["inspect", "a.keep", "--json"], ["nope", "--json"]])
def test_a_full_disk_behind_stdout_is_told(folder: Path, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "modelkeep", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder, check=False)
    expected = "no such command 'nope'" if arguments[0] == "nope" else "can't write the answer to stdout: no space left"
    assert done.stderr.startswith(f"modelkeep: error: {expected}")
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if arguments[0] == "nope" else 1)


def test_a_daemon_needs_no_streams(folder: Path, tmp_path: Path) -> None:
    """Files that are opened next must not get the numbers of the streams, or what is printed lands in them."""
    target = tmp_path / "new.joblib"
    script = "import os, sys; os.closerange(0, 3); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-m", "modelkeep", "convert", str(folder / "a.keep"), str(target)]
    assert subprocess.run([sys.executable, "-c", script, *command], check=False, timeout=120).returncode == 0
    assert (mk.load(target, policy=mk.Policy(allow_code=True)).coef_ == mk.load(folder / "a.keep").coef_).all()


def test_an_interrupted_command_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("modelkeep.verbs.inspect", interrupted)
    assert shell("inspect", "a.keep") == 130
    assert shell.err == "modelkeep: error: interrupted\n"
    assert shell.json("inspect", "a.keep") == {"error": "interrupted", "hint": "", "kind": "interrupted"}
    assert shell.code == 130


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "EOFError"),
        (b"PK\3\4xx", "BadZipFile"),
        (b"\x93NUMPY\1\0\x76\0{'descr': '<f8', 'fortran_order': False, 'shape': (1" + b"0" * 15 + b",)}", "Error"),
        (b"\x93NUMPY\1\0", "ValueError"),
    ],
)
def test_rows_that_cannot_be_read_are_told(shell: Shell, tmp_path: Path, content: bytes, told: str) -> None:
    rows = tmp_path / "rows.npy"
    rows.write_bytes(content)
    assert shell("convert", "a.keep", str(tmp_path / "new.joblib"), "--sample", str(rows)) == 2
    assert shell.err.startswith(f"modelkeep: error: can't read rows from '{rows}': ")
    assert told in shell.err


def test_several_arrays_are_no_rows(shell: Shell, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", a=X, b=Y)
    rows = (tmp_path / "rows.npz").rename(tmp_path / "rows.npy")
    assert shell("convert", "a.keep", str(tmp_path / "new.joblib"), "--check", str(rows)) == 2
    assert "it holds several arrays" in shell.err


def test_the_end_of_a_file_is_told_as_what_it_is(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: object, **__: object) -> None:
        raise EOFError("too short")

    monkeypatch.setattr("modelkeep.verbs.inspect", short)
    assert shell("inspect", "a.keep") == 1
    assert "did not foresee: EOFError: too short" in shell.err


def test_the_bar_shows_only_on_a_terminal_and_only_when_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkeep.cli import waiting

    with waiting.waiting("work") as progress:
        progress(1, 2)
    assert not hasattr(progress, "__self__")  # no bar: the standard error is not a terminal here
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with waiting.waiting("work") as progress:
        progress(1, 2)
        bar = progress.__self__  # type: ignore[attr-defined]
        assert bar._shown is None
    bar = waiting._Bar("work")
    bar._show()
    bar.update(5, 10)
    assert bar._shown.tasks[0].completed == 5
    assert bar._shown.tasks[0].total == 10
    bar.close()
    bar._show()  # too late: nothing happens
    assert bar._shown.finished or not bar._shown.live.is_started


# -- completion --------------------------------------------------------------------------------------------------------


def complete(words: str, count: int) -> list[str]:
    environment = {
        **os.environ,
        "_MODELKEEP_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
    }
    command = [sys.executable, "-c", "from modelkeep.cli import main; main([])"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout.split()


def test_the_shell_completes_commands_and_options() -> None:
    assert complete("modelkeep in", 1) == ["inspect"]
    assert "--on-drift" in complete("modelkeep convert --on", 2)


def test_completion_can_be_shown() -> None:
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [sys.executable, "-m", "modelkeep", "--show-completion", "bash"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "complete -o default -F _modelkeep_completion modelkeep" in done.stdout
