"""The environment of a model as a requirements file and as a virtual environment; pip is played by a script.

A real one is made with: ``MODELKEEP_FULL=1 pytest tests/test_rebuilding.py``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

import modelkeep as mk
from modelkeep import rebuilding
from modelkeep.cli import main
from modelkeep.errors import ModelkeepError, PolicyError, StorageError, UsageError

FULL = os.environ.get("MODELKEEP_FULL") == "1"
HERE = {"version": ".".join(map(str, sys.version_info[:3])), "implementation": "CPython"}
RECORDED = {
    "python": {"version": "3.7.9", "implementation": "CPython"},
    "machine": {"system": "Linux", "machine": "x86_64", "byteorder": "little"},
    "packages": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
}
#: An interpreter that only tells what it was asked for.
FAKE = """#!{python}
import json, os, pathlib, shutil, sys, time
args, fails = sys.argv[1:], os.environ.get("FAKE_FAILS", "")
with open(os.environ["FAKE_LOG"], "a") as log:
    log.write(json.dumps(args) + chr(10))
if "-c" in args and "modelkeep" not in args[-1]:
    print(json.dumps(["cpython", "3.7.1"]))
elif "-c" in args:
    print('"9.9"')
    sys.exit(fails == "import")
elif "venv" in args:
    bin = pathlib.Path(args[-1], "bin")
    bin.mkdir()
    shutil.copy(__file__, bin / "python")
    sys.exit(fails == "venv")
else:
    print("Collecting numpy==2.4.6", flush=True)
    if fails == "hang":
        time.sleep(600)
    print("\\x1b[31mERROR: no matching distribution")
    sys.exit(fails == "pip")
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """The path of the script, which logs its arguments, a line each, to ``calls`` beside it."""
    path = tmp_path / "tools" / "python3.7"
    path.parent.mkdir()
    path.write_text(FAKE.format(python=sys.executable))
    path.chmod(0o755)
    monkeypatch.setenv("FAKE_LOG", str(path.with_name("calls")))
    return path


def calls(fake):
    return [json.loads(line) for line in fake.with_name("calls").read_text().splitlines()]


def packages(**found):
    return {"packages": {name.replace("_", "-"): version for name, version in found.items()}}


# -- the requirements file ---------------------------------------------------------------------------------------------


def test_the_requirements_are_exact():
    assert rebuilding.requirements(RECORDED) == (
        "# saved with Python 3.7.9 (CPython) on Linux x86_64\n"
        "numpy==2.4.6\n"
        "scikit-learn==1.9.1\n"
        f"modelkeep=={mk.__version__}  # reads the model\n"
    )


def test_modelkeep_is_asked_for_once_and_as_it_is_here():
    found = rebuilding.requirements(packages(modelkeep="0.0.1", numpy="1.0"))
    assert found.count("modelkeep==") == 1
    assert f"modelkeep=={mk.__version__}" in found


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("2.13.0+cpu", "torch==2.13.0  # recorded as 2.13.0+cpu"),
        ("1.0.dev0+g123", "torch==1.0.dev0  # recorded as 1.0.dev0+g123; an index may not have it"),
        ("1.0.dev3", "torch==1.0.dev3  # a development version; an index may not have it"),
        ("1!2.0rc1.post2", "torch==1!2.0rc1.post2"),
    ],
)
def test_of_a_build_the_public_version_is_asked_for(version, line):
    assert line in rebuilding.requirements(packages(torch=version)).splitlines()


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("numpy", "1.0\n--index-url=http://x"),
        ("numpy", "1.0 --hash=sha256:0"),
        ("numpy", "1.0 ; python_version > '3'"),
        ("numpy", "1.0\\"),
        ("numpy", "1.*"),
        ("numpy", "1.0,>0"),
        ("numpy", ""),
        ("numpy", "1.0 "),
        ("numpy", "1.0\n"),
        ("numpy", "1.0.po\u017ft1"),
        ("numpy", "\u0661.0"),
        ("numpy", 1),
        ("--index-url", "1.0"),
        ("-r", "1.0"),
        ("-e", "1.0"),
        ("numpy @ http://x/y.whl", "1.0"),
        ("http://x/y.whl#", "1.0"),
        ("../numpy", "1.0"),
        ("./numpy", "1.0"),
        ("numpy[x]", "1.0"),
        ("#numpy", "1.0"),
        ("num py", "1.0"),
        ("numpy\n-r", "1.0"),
        ("${HOME}", "1.0"),
        ("NumPy", "1.0"),
        ("num_py", "1.0"),
        ("", "1.0"),
    ],
)
def test_a_line_can_be_nothing_else(name, version, tmp_path):
    recorded = {"packages": {name: version}}
    with pytest.raises(PolicyError, match=r"is recorded as .*, which is not one") as caught:
        rebuilding.requirements(recorded)
    assert "don't install" in caught.value.hint
    with pytest.raises(PolicyError):
        rebuilding.create(recorded, tmp_path / "env", python=sys.executable)
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("key", ["version", "implementation"])
def test_the_header_too_is_judged(key):
    with pytest.raises(PolicyError, match="of Python is recorded as"):
        rebuilding.requirements({"python": {"version": "3.11.7"} | {key: "3\n-r x"}})
    with pytest.raises(PolicyError, match="the system is recorded as"):
        rebuilding.requirements({"machine": {"system": "x\n-r x"}})


VERSIONS = st.text(alphabet="0129!.+-_abcdeopstrv", min_size=1, max_size=12)


@given(VERSIONS)
@example("1.0-1")
@example("1.0.RC1.post2.DEV3+ubuntu-1")
@example("1.0preview")
@example("1.0-alpha_1-rev.2-dev")
def test_versions_are_those_of_the_standard(version):
    try:
        known = not version.startswith("v") and bool(Version(version))
    except InvalidVersion:
        known = False
    assert bool(rebuilding._VERSION.fullmatch(version)) == known
    if known:
        line = rebuilding.requirements(packages(torch=version)).splitlines()[1]
        made = Requirement(line.partition("  # ")[0])
        assert made.name == "torch"
        assert Version(version) in made.specifier or Version(version).is_prerelease
        assert made.specifier.contains(Version(version), prereleases=True)


@given(st.text(alphabet="az09-_.A ", min_size=1, max_size=8))
def test_names_are_those_of_the_standard(name):
    try:
        known = canonicalize_name(name, validate=True) == name
    except ValueError:
        known = False
    assert bool(rebuilding._NAME.fullmatch(name)) == known


def test_a_save_records_what_can_be_rebuilt(tmp_path):
    found = mk.inspect(mk.dumps({"a": msgspec.UNSET.__class__.__name__})).environment
    assert HERE["version"] in rebuilding.requirements(found)


# -- the interpreter ---------------------------------------------------------------------------------------------------


def test_this_interpreter_is_used_where_it_fits():
    assert rebuilding._matching({"python": HERE}).path == sys.executable


def test_an_interpreter_of_the_recorded_version_is_found_on_the_path(fake, monkeypatch):
    monkeypatch.setenv("PATH", str(fake.parent))
    assert rebuilding._matching(RECORDED).path == str(fake)


def test_a_missing_interpreter_is_named(tmp_path, monkeypatch):
    shim = tmp_path / "python3.7"
    shim.write_text("#!/bin/sh\necho 'not here'\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"saved with CPython 3.7.9, and there is no python3.7 on the path") as caught:
        rebuilding.create(RECORDED, tmp_path / "env")
    assert "--python PATH" in caught.value.hint
    assert not (tmp_path / "env").exists()
    with pytest.raises(UsageError, match=r"no pypy3\.9 on the path"):
        rebuilding._matching({"python": {"version": "3.9.1", "implementation": "PyPy"}})


def test_without_a_recorded_version_one_has_to_be_named(tmp_path):
    with pytest.raises(UsageError, match="no version of Python is recorded"):
        rebuilding.create({}, tmp_path / "env")
    with pytest.raises(UsageError, match="is not a Python that runs"):
        rebuilding.create({}, tmp_path / "env", python=str(tmp_path / "nothing"))


# -- the virtual environment -------------------------------------------------------------------------------------------


def test_an_environment_is_made_and_tried(fake, tmp_path):
    said = []
    folder = tmp_path / "deep" / "env"
    made = rebuilding.create(RECORDED, folder, python=str(fake), modelkeep_source="a source", progress=said.append)
    inner = str(folder / "bin" / "python")
    assert made == rebuilding.Created(str(folder), inner, "3.7.1", "9.9", 2)
    asked, venv, pip, tried = calls(fake)
    assert asked[:2] == ["-I", "-c"]
    assert venv == ["-I", "-m", "venv", str(folder)]
    assert pip[:4] == ["-I", "-m", "pip", "install"]
    assert pip[-4:] == ["-r", str(folder / "requirements.txt"), "--", "a source"]
    assert "import json, modelkeep" in tried[-1]
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert lines[1:] == ["numpy==2.4.6", "scikit-learn==1.9.1"]
    assert said[0] == "Collecting numpy==2.4.6"


def test_another_python_is_used_if_asked_for_and_noted(fake, tmp_path):
    recorded = RECORDED | {"python": {"version": "3.8.2"}}
    made = rebuilding.create(recorded, tmp_path / "env", python=str(fake))
    assert made.notes == ("python 3.7.1, recorded 3.8.2",)


@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize(
    ("step", "said"), [("venv", "make a virtual"), ("pip", "install what"), ("import", "import model")]
)
def test_nothing_half_made_is_left(fake, tmp_path, monkeypatch, step, said, was_there):
    monkeypatch.setenv("FAKE_FAILS", step)
    folder = tmp_path / "env"
    if was_there:
        folder.mkdir()
    with pytest.raises(ModelkeepError, match=f"could not {said}") as caught:
        rebuilding.create(RECORDED, folder, python=str(fake))
    assert caught.value.hint
    assert folder.exists() == was_there
    assert not was_there or not list(folder.iterdir())
    if step == "pip":
        assert str(caught.value).splitlines()[1:] == [
            "  Collecting numpy==2.4.6",
            "  \\x1b[31mERROR: no matching distribution",
        ]


def test_an_interrupt_leaves_nothing(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_FAILS", "hang")

    def stop(line):
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        rebuilding.create(RECORDED, tmp_path / "env", python=str(fake), progress=stop)
    assert time.monotonic() - start < 60
    assert not (tmp_path / "env").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_a_signal_while_pip_works_leaves_nothing(fake, tmp_path, monkeypatch, request):
    monkeypatch.setenv("FAKE_FAILS", "hang")
    # A shell starts what runs in its background with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    here, timer = os.getpid(), None

    def soon(line):
        nonlocal timer
        timer = threading.Timer(0.2, os.kill, (here, signal.SIGINT))
        timer.start()

    with pytest.raises(KeyboardInterrupt):
        rebuilding.create(RECORDED, tmp_path / "env", python=str(fake), progress=soon)
    assert timer is not None
    assert not (tmp_path / "env").exists()


def test_what_is_there_stays(fake, tmp_path):
    folder = tmp_path / "env"
    folder.mkdir()
    (folder / "work.txt").write_text("mine")
    for path in (folder, folder / "work.txt"):
        with pytest.raises(UsageError, match="is there, and is not an empty folder"):
            rebuilding.create(RECORDED, path, python=str(fake))
    with pytest.raises(StorageError, match="can't make"):
        rebuilding.create(RECORDED, folder / "work.txt" / "below", python=str(fake))
    assert (folder / "work.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        (None, f"modelkeep=={mk.__version__}"),
        ({"url": Path(__file__).parent.as_uri(), "dir_info": {"editable": True}}, str(Path(__file__).parent)),
        ({"url": "file:///not/there"}, f"modelkeep=={mk.__version__}"),
        ({"url": "https://a/b.whl", "archive_info": {}}, "modelkeep @ https://a/b.whl"),
        (
            {"url": "https://a/b", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "modelkeep @ git+https://a/b@c0ffee",
        ),
    ],
)
def test_modelkeep_comes_from_where_it_came_from_here(monkeypatch, origin, source):
    class Installed:
        def read_text(self, name):
            return json.dumps(origin) if origin else None

    monkeypatch.setattr("importlib.metadata.distribution", lambda name: Installed())
    assert rebuilding._own_source() == source


@pytest.mark.skipif(not FULL, reason="half a minute, and it asks an index: MODELKEEP_FULL=1")
def test_a_real_environment_reads_the_model(tmp_path):
    recorded = {"python": HERE, "packages": {"msgspec": msgspec.__version__}}
    made = rebuilding.create(recorded, tmp_path / "env")
    mk.save({"a": [1.5]}, tmp_path / "a.keep")
    code = "import sys, msgspec, modelkeep as mk; print(mk.load(sys.argv[1]), msgspec.__version__)"
    done = subprocess.run(
        [made.python, "-I", "-c", code, tmp_path / "a.keep"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["{'a':", "[1.5]}", msgspec.__version__]


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELKEEP_REGISTRY", raising=False)
    mk.save({"a": [1.5]}, "a.keep")
    mk.Registry("models").register("a.keep", "table")
    return tmp_path


@pytest.mark.parametrize("target", ["a.keep", "./a.keep", "table", "table:1"])
def test_the_command_prints_requirements(kept, capsys, target):
    assert main(["env", target]) == 0
    text = capsys.readouterr().out
    assert text == rebuilding.requirements(mk.inspect("a.keep").environment)
    assert main(["env", target, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requirements"] == text


def test_the_command_takes_a_registry(kept, capsys):
    (kept / "models").rename("elsewhere")
    assert main(["env", "table"]) != 0
    assert main(["env", "table", "--registry", "elsewhere"]) == 0
    assert "modelkeep==" in capsys.readouterr().out


def test_the_command_makes_an_environment(kept, fake, capsys):
    arguments = ["env", "table", "--create", "env", "--python", str(fake), "--modelkeep", "here"]
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert "with 0 packages as recorded" in shown.out
    assert f"recorded {HERE['version']}" in shown.out
    assert "Collecting numpy" in shown.err
    assert "\x1b" not in shown.err
    assert calls(fake)[2][-1] == "here"
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["kind"] == "usage"
    assert main([*arguments[:3], "env2", *arguments[4:], "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["modelkeep"] == "9.9"
    assert shown.err == ""


def test_a_pickle_records_nothing(kept, capsys):
    mk.save({"a": 1}, "a.pkl")
    assert main(["env", "a.pkl"]) == 2
    assert "a pickle file does not record its environment" in capsys.readouterr().err
    assert main(["env", "not-there.keep"]) == 1
