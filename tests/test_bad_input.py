"""What users do wrong, and what they are told: each error names the place and says what to do."""

from __future__ import annotations

import io
import logging
import os
import pickle
import queue
import re
import socket
import sqlite3
import tempfile
import threading
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PowerTransformer, StandardScaler

import modelkeep as mk
from fuzz import forge
from modelkeep.errors import (
    ContainerError,
    DriftError,
    GraphError,
    ModelkeepError,
    PolicyError,
    SaveErrors,
    StorageError,
    UsageError,
    VersionError,
)


def told(kind: type[ModelkeepError], call: Callable[[], Any]) -> str:
    """The text and the hint of the error that ``call`` must raise."""
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert caught.value.hint
    assert caught.value.as_dict()["hint"] == caught.value.hint
    return f"{caught.value}\nhint: {caught.value.hint}"


def fitted() -> LogisticRegression:
    return LogisticRegression().fit([[0.0], [1.0]], [0, 1])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the current one, so that texts show short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestPaths:
    def test_missing(self, here: Path) -> None:
        assert told(StorageError, lambda: mk.load("none.keep")) == (
            "can't read 'none.keep': no such file or folder\n"
            "hint: check the path; relative paths start at the current folder"
        )

    def test_a_folder(self, here: Path) -> None:
        (here / "a.keep").mkdir()
        text = told(StorageError, lambda: mk.load("a.keep"))
        assert text == "can't read 'a.keep': this is a folder, not a file\nhint: name a file, as in model.keep"
        text = told(StorageError, lambda: mk.save([1], "a.keep"))
        assert text.startswith("can't write 'a.keep': this is a folder, not a file; what was there before is untouched")

    def test_a_parent_that_is_missing(self, here: Path) -> None:
        text = told(StorageError, lambda: mk.save([1], "no/such/a.keep"))
        assert "can't write 'no/such/a.keep': no such file or folder" in text
        assert "hint: check the path" in text

    def test_a_parent_that_is_a_file(self, here: Path) -> None:
        (here / "file").write_text("x")
        assert "not a directory" in told(StorageError, lambda: mk.save([1], "file/a.keep"))
        assert "not a directory" in told(StorageError, lambda: mk.load("file/a.keep"))

    def test_an_empty_file(self, here: Path) -> None:
        (here / "a.keep").touch()
        assert told(ContainerError, lambda: mk.load("a.keep")) == (
            "a.keep: the file is empty\nhint: save the model again"
        )

    def test_an_empty_path(self) -> None:
        assert "no such file or folder" in told(StorageError, lambda: mk.load(""))
        assert "no format has the suffix of ''" in told(UsageError, lambda: mk.save([1], ""))

    @pytest.mark.parametrize("name", ["a b.keep", "é模🙂.keep", "-x.keep", "a'b\"c.keep", "UPPER.KEEP", "a.b.c.keep"])
    def test_unusual_names(self, here: Path, name: str) -> None:
        mk.save([1.5], name)
        assert mk.load(name) == [1.5]
        mk.save([2.5], here / name)
        assert mk.load(here / name) == [2.5]

    def test_names_that_would_clear_a_screen_are_shown_harmless(self, here: Path) -> None:
        assert "\x1b" not in told(StorageError, lambda: mk.load("\x1b[2J.keep"))

    def test_bytes_that_are_no_text_in_a_name(self, here: Path) -> None:
        name = os.fsdecode(b"\xff.keep")
        mk.save([1.5], name)
        assert mk.load(name) == [1.5]

    def test_a_pipe(self, here: Path) -> None:
        os.mkfifo("a.keep")
        assert "not a regular file" in told(StorageError, lambda: mk.load("a.keep"))
        assert "not a regular file" in told(StorageError, lambda: mk.save([1], "a.keep"))

    def test_a_suffix_that_no_format_has(self, here: Path) -> None:
        text = told(UsageError, lambda: mk.save([1], "a.model"))
        assert "no format has the suffix of 'a.model'" in text
        assert ".keep" in text
        mk.save([1], "a.model", format="keep")
        assert mk.load("a.model") == [1]


class TestOtherFormats:
    """The bytes tell the format, and have to agree with what was asked for."""

    def test_text(self, here: Path) -> None:
        (here / "a.keep").write_text("hello")
        text = told(ContainerError, lambda: mk.load("a.keep"))
        assert "a.keep: this is not a file of a format that modelkeep reads, though keep is asked for" in text

    @pytest.mark.parametrize("protocol", range(6))
    def test_a_pickle_named_keep(self, here: Path, protocol: int) -> None:
        (here / "a.keep").write_bytes(pickle.dumps({"a": 1}, protocol))
        assert "though keep is asked for" in told(ContainerError, lambda: mk.load("a.keep"))

    @pytest.mark.parametrize("suffix", ["pkl", "pickle", "joblib"])
    def test_a_keep_file_named_otherwise(self, here: Path, suffix: str) -> None:
        mk.save([1], "a.keep")
        os.rename("a.keep", f"a.{suffix}")
        text = told(ContainerError, lambda: mk.load(f"a.{suffix}", policy=mk.Policy(allow_code=True)))
        assert "this is a keep file, though " in text
        assert 'hint: pass format="keep"' in text
        assert mk.load(f"a.{suffix}", format="keep") == [1]

    @pytest.mark.parametrize("suffix", ["pkl", "joblib"])
    def test_a_pickle_is_read_as_data(self, here: Path, suffix: str) -> None:
        mk.save([1, {"a": np.arange(3.0)}], f"a.{suffix}")
        assert mk.load(f"a.{suffix}")[1]["a"].tolist() == [0, 1, 2]

    def test_a_pickle_is_not_run_unasked(self, here: Path) -> None:
        (here / "a.pkl").write_bytes(b"\x80\x04cnowhere\nThing\n)R.")
        text = told(PolicyError, lambda: mk.load("a.pkl"))
        assert "the file names nowhere.Thing, which modelkeep does not map, and calls it" in text
        assert "trust=" not in text  # that would not help
        assert "allow_code=True" in text
        (here / "b.pkl").write_bytes(b"\x80\x04cnowhere\nThing\n)\x81.")
        text = told(PolicyError, lambda: mk.load("b.pkl"))
        assert 'Policy(trust=["nowhere.Thing"])' in text
        assert "allow_code=True" in text

    def test_a_zip_of_another_program(self, here: Path) -> None:
        with zipfile.ZipFile("a.keep", "w") as archive:
            archive.writestr("model.json", "{}")
        text = told(ContainerError, lambda: mk.load("a.keep"))
        assert "not a whole keep file: it is cut short, or another program wrote it" in text
        np.savez("b.npz", a=np.arange(3))
        os.rename("b.npz", "b.keep")
        assert "another program wrote it" in told(ContainerError, lambda: mk.load("b.keep"))

    def test_a_keep_file_that_was_packed_again(self, here: Path) -> None:
        """Unpacked and zipped by another program, nothing is bound to anything any more."""
        mk.save([1], "a.keep")
        with zipfile.ZipFile("a.keep") as old, zipfile.ZipFile("b.keep", "w") as new:
            for info in old.infolist():
                new.writestr(info.filename, old.read(info))
        assert "another program wrote it" in told(ContainerError, lambda: mk.load("b.keep"))

    def test_a_download_that_stopped(self, here: Path) -> None:
        data = mk.dumps({"w": np.arange(1000.0)})
        (here / "a.keep").write_bytes(data[: len(data) // 2])
        text = told(ContainerError, lambda: mk.load("a.keep"))
        assert "cut short" in text
        assert "hint: get the file again" in text

    def test_a_format_that_nobody_knows(self, here: Path) -> None:
        mk.save([1], "a.keep")
        assert "there is no format 'xyz'" in told(UsageError, lambda: mk.load("a.keep", format="xyz"))
        assert "there is no format 'xyz'" in told(UsageError, lambda: mk.save([1], "a.keep", format="xyz"))


class TestVersions:
    @pytest.mark.parametrize(
        ("edit", "what"),
        [
            (lambda d: d.replace(b"modelkeep/1 ", b"modelkeep/2 "), "container version '2'"),
            (lambda d: forge.with_manifest(d, lambda m: m.update(modelkeep=2)), "artifact has version '2'"),
            (lambda d: forge.with_graph(d, lambda g: g.update(version=2)), "graph has version '2'"),
        ],
    )
    def test_newer_formats(self, edit: Callable[[bytes], bytes], what: str) -> None:
        text = told(VersionError, lambda: mk.loads(edit(mk.dumps([1]))))
        assert what in text
        assert "hint: install a newer modelkeep: pip install -U modelkeep" in text

    @staticmethod
    def elsewhere(model: Any, change: Callable[[bytes], bytes] = lambda graph: graph, **options: Any) -> bytes:
        """A file that scikit-learn 99.0 wrote."""
        pieces = forge.take_apart(mk.dumps(model, **options))
        pieces.manifest["environment"]["packages"]["scikit-learn"] = "99.0"
        pieces.files["graph.json"] = change(pieces.files["graph.json"])
        return pieces.seal()

    def test_a_newer_scikit_learn_that_answers_the_same(self) -> None:
        assert mk.loads(self.elsewhere(fitted())).predict([[1.0]]) == [1]

    def test_a_newer_scikit_learn_with_a_class_of_its_own(self) -> None:
        data = self.elsewhere(fitted(), lambda graph: graph.replace(b"LogisticRegression", b"QuantumRegression"))
        text = told(GraphError, lambda: mk.loads(data))
        assert "the class 'sklearn.linear_model.QuantumRegression' is on no list" in text
        assert "saved elsewhere: scikit-learn 99.0, now " in text

    def test_a_newer_scikit_learn_that_answers_otherwise(self) -> None:
        linear = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
        data = self.elsewhere(
            linear, lambda graph: graph.replace(b'"rank_"', b'"rank2"').replace(b"intercept_", b"intercept2")
        )
        text = told(DriftError, lambda: mk.loads(data))
        assert "predict fails now" in text
        assert "saved elsewhere: scikit-learn 99.0, now " in text
        assert 'on_drift="warn"' in text

    def test_nothing_proves_it(self) -> None:
        data = self.elsewhere(fitted(), probe=False)
        text = told(DriftError, lambda: mk.loads(data))
        assert "nothing proves that the model answers as it did: it has no probe" in text
        with pytest.warns(UserWarning, match="nothing proves"):
            mk.loads(data, on_drift="warn")
        mk.loads(data, on_drift="ignore")

    def test_not_fitted(self, here: Path) -> None:
        """An estimator that is not fitted may be saved; its probe is empty and says so."""
        saved = mk.save(make_pipeline(StandardScaler(), LogisticRegression(C=3.0)), "a.keep")
        assert saved.probe_rows == 0
        assert saved.notes == ("the model is not fitted",)
        assert mk.load("a.keep").steps[1][1].C == 3.0


def module_function(x: Any) -> Any:
    return x


class OutOfReach:
    """A class whose name leads to another class."""


HIDDEN = OutOfReach()


class OutOfReach:  # type: ignore[no-redef]
    pass


def local_things() -> tuple[Any, Any]:
    class Inner:
        def __init__(self) -> None:
            self.value = 1

    def inner(x: Any) -> Any:
        return x

    return Inner(), inner


INSTANCE, FUNCTION = local_things()
#: What can't be kept -> (one of it, what the error says, what to do about it).
UNKEPT: dict[str, tuple[Callable[[], Any], str, str]] = {
    "lambda": (lambda: lambda x: x, "a lambda has no name that a file could keep", "define it at the top of a module"),
    "inner function": (lambda: FUNCTION, r"'local_things\.<locals>\.inner' is defined inside a function", "at the top"),
    "inner class": (lambda: INSTANCE, r"'local_things\.<locals>\.Inner' is defined inside a function", "at the top"),
    "replaced class": (lambda: HIDDEN, "OutOfReach is not this class any more", "import its module again"),
    "open file": (
        lambda: io.TextIOWrapper(io.FileIO(os.devnull)),
        "an open file can't be kept",
        "keep its path, or its content",
    ),
    "open binary file": (
        lambda: io.BufferedReader(io.FileIO(os.devnull)),
        "an open file can't be kept",
        "keep its path",
    ),
    "temporary file": (tempfile.TemporaryFile, "", "take it out|keep its path"),
    "lock": (threading.Lock, "a lock can't be kept: it belongs to one process", "take it out of the model"),
    "reentrant lock": (threading.RLock, "a lock can't be kept", "take it out of the model"),
    "condition": (threading.Condition, "", "take it out of the model"),
    "thread": (threading.Thread, r"no way to keep a threading\.Thread", "take it out of the model"),
    "generator": (lambda: (i for i in [1]), "a generator can't be kept", "make it a list"),
    "iterator": (lambda: iter([1]), "list_iterator", "take it out of the model"),
    "module": (lambda: os, "a module can't be kept", "keep the values"),
    "bound method": (lambda: fitted().predict, "a bound method can't be kept", "a function at the top of a module"),
    "method of a text": (lambda: "x".upper, "a bound method can't be kept", "a function at the top of a module"),
    "builtin": (lambda: print, r"builtins\.print is not model data", "take it out"),
    "function of the library": (lambda: os.system, "system is not model data", "take it out"),
    "socket": (socket.socket, r"socket\.socket", "take it out of the model"),
    "database": (lambda: sqlite3.connect(":memory:"), r"sqlite3\.Connection", "take it out of the model"),
    "queue": (queue.Queue, r"queue\.Queue", "take it out of the model"),
    "logger": (lambda: logging.getLogger("x"), r"logging\.Logger", "take it out of the model"),
    "pattern": (lambda: re.compile("x"), r"re\.Pattern", "take it out of the model"),
    "exception": (lambda: ValueError("x"), "ValueError", "take it out of the model"),
    "namespace": (lambda: types.SimpleNamespace(a=1), r"types\.SimpleNamespace", "take it out|plain data"),
    "memory view": (lambda: memoryview(b"x"), "memoryview", "plain data"),
    "bare object": (object, r"builtins\.object", "plain data"),
    "large integer": (lambda: 1 << 2000, "an integer of more than 1024 bits", "keep it as text"),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", list(UNKEPT))
def test_what_cant_be_kept_is_named_with_its_place(name: str, here: Path) -> None:
    make, what, hint = UNKEPT[name]
    mk.save({"version": "old"}, "a.keep")
    model = fitted()
    model.notes_ = {"deep": [1, make()]}
    with pytest.raises(SaveErrors) as caught:
        mk.save(make_pipeline(StandardScaler(), model), "a.keep")
    (error,) = caught.value.exceptions
    assert error.path == "pipeline.steps[1][1].notes_.deep[1]"
    assert str(error).startswith(f"{error.path}: ")
    assert re.search(what, str(error))
    assert re.search(hint, error.hint)
    assert str(error) in str(caught.value)
    assert caught.value.hint
    assert mk.load("a.keep") == {"version": "old"}
    assert os.listdir(here) == ["a.keep"]


def test_all_that_cant_be_kept_is_told_at_once() -> None:
    columns = ColumnTransformer(
        [("a", FunctionTransformer(lambda x: x), [0]), ("b", FunctionTransformer(FUNCTION, lambda x: x), [1])]
    )
    with pytest.raises(SaveErrors, match="3 parts of the model can't be saved") as caught:
        mk.dumps(columns)
    assert [error.path for error in caught.value.exceptions] == [
        "columntransformer.transformers[0][1].func",
        "columntransformer.transformers[1][1].func",
        "columntransformer.transformers[1][1].inverse_func",
    ]


def test_what_every_load_would_refuse_is_refused_at_save() -> None:
    rows = np.array([[3], [1], [2]], object)
    unsorted = OneHotEncoder(categories=[np.array([3, 1, 2], object)]).fit(rows)
    text = told(SaveErrors, lambda: mk.dumps(make_pipeline(unsorted)))
    assert "pipeline.steps[0][1]: no load would take it: categories_[0]: the categories are not sorted" in text
    huge = NearestNeighbors(algorithm="brute").fit([[1e200], [2.0]])
    assert "nearestneighbors: no load would take it: _fit_X: a number that makes a distance infinite" in told(
        SaveErrors, lambda: mk.dumps(huge)
    )


class Needy(LogisticRegression):
    def __new__(cls, needed: int, **parameters: Any) -> Any:
        return super().__new__(cls)


def test_a_class_that_no_reader_could_make_is_refused_at_save() -> None:
    text = told(SaveErrors, lambda: mk.dumps(Needy(1)))
    assert "can't be made anew: its __new__ is missing a required argument: 'needed'" in text


def test_boosting_that_starts_from_a_model_that_takes_no_zeros() -> None:
    rows = np.random.default_rng(0).uniform(1, 2, (30, 2))
    start = make_pipeline(PowerTransformer("box-cox"), Ridge())
    model = GradientBoostingRegressor(n_estimators=2, init=start).fit(rows, rows[:, 0])
    assert (mk.loads(mk.dumps(model)).predict(rows) == model.predict(rows)).all()


def test_a_cache_folder_is_left_out_and_refuses_nothing(here: Path) -> None:
    model = Pipeline([("scale", StandardScaler()), ("fit", LinearRegression())], memory="cache")
    model.fit([[0.0], [1.0]], [0.0, 1.0])
    assert mk.loads(mk.dumps(model)).memory is None


def test_text_that_is_not_unicode() -> None:
    text = told(SaveErrors, lambda: mk.dumps({"a": ["half a character: \ud800"]}))
    assert "is not valid Unicode" in text
    assert "hint: mend the text and save again" in text
    assert "\ud800" not in text


def test_a_structure_that_is_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert "nested more than 100 levels deep" in told(SaveErrors, lambda: mk.dumps(deep))


class TestArguments:
    def test_what_is_no_source(self) -> None:
        for source in (5, None, [1], object()):
            assert "is neither a path nor bytes" in told(UsageError, lambda: mk.load(source))  # noqa: B023
        assert "is neither a path nor a binary file" in told(UsageError, lambda: mk.save([1], 5, format="keep"))

    def test_options(self) -> None:
        data = mk.dumps([1])
        assert "use one of: raise, warn, ignore" in told(UsageError, lambda: mk.loads(data, on_drift="maybe"))
        assert "use one of: full, trusted" in told(UsageError, lambda: mk.loads(data, integrity="none"))
        assert 'pass compress="zstd"' in told(UsageError, lambda: mk.dumps([1], compress="gzip"))
        assert "is not a policy" in told(UsageError, lambda: mk.loads(data, policy={"trust": []}))

    def test_trust_is_a_list_of_names(self) -> None:
        """There is no word for trusting everything."""
        assert "names nothing" in told(UsageError, lambda: mk.Policy(trust=True))  # type: ignore[arg-type]
        for name in ("*", "a b", "", "a..b", "os;system"):
            assert "is not a dotted name" in told(UsageError, lambda: mk.Policy(trust=[name]))  # noqa: B023
        assert mk.Policy(trust="mypkg").trust == ("mypkg",)

    def test_sizes(self) -> None:
        data = mk.dumps([1])
        small = mk.Policy(max_bytes=100)
        for source in (data, io.BytesIO(data)):
            text = told(ContainerError, lambda: mk.load(source, policy=small))  # noqa: B023
            assert "and the policy allows 100" in text
            assert "max_bytes" in text


class TestFileObjects:
    def test_there_and_back(self, here: Path) -> None:
        model = {"w": np.arange(300_000.0)}
        with open("a.keep", "w+b") as file:
            mk.save(model, file)
            file.seek(0)
            assert np.array_equal(mk.load(file)["w"], model["w"])
        assert np.array_equal(mk.load("a.keep")["w"], model["w"])
        assert Path("a.keep").read_bytes() == mk.dumps(model)

    def test_text_files(self, here: Path) -> None:
        mk.save([1], "a.keep")
        with open("a.keep") as file:
            assert 'open it with open(path, "rb")' in told(UsageError, lambda: mk.load(file))
        assert "is not a binary file" in told(UsageError, lambda: mk.save([1], io.StringIO()))

    def test_pipes(self) -> None:
        read, write = os.pipe()
        with open(read, "rb"), open(write, "wb") as file:
            text = told(UsageError, lambda: mk.save([1], file))
        assert "is not a binary file with positions" in text
        assert "dumps()" in text

    def test_not_at_the_start(self) -> None:
        file = io.BytesIO(b"header")
        file.seek(6)
        assert "is not at its start" in told(UsageError, lambda: mk.save([1], file))
        assert file.getvalue() == b"header"

    @pytest.mark.parametrize("numbers", [10, 1_000_000])
    def test_one_that_was_longer_before(self, here: Path, numbers: int) -> None:
        Path("a.keep").write_bytes(bytes(20_000_000))
        with open("a.keep", "r+b") as file:
            saved = mk.save(np.arange(numbers), file)
        assert saved.size == Path("a.keep").stat().st_size
        assert len(mk.load("a.keep")) == numbers

    @pytest.mark.parametrize("mode", ["ab", "a+b"])
    def test_one_that_is_open_for_appending(self, here: Path, mode: str) -> None:
        with open("a.keep", mode) as file:
            assert 'open it with open(path, "wb")' in told(UsageError, lambda: mk.save([1], file))

    @pytest.mark.parametrize("numbers", [10, 1_000_000])
    def test_one_with_a_write_of_its_own(self, here: Path, numbers: int) -> None:
        class Turned(io.FileIO):
            def write(self, data: Any) -> int:
                return super().write(bytes(np.frombuffer(data, np.uint8) ^ 0x55))

        with Turned("a.turned", "w") as file:
            mk.save(np.arange(numbers), file)
        turned = np.frombuffer(Path("a.turned").read_bytes(), np.uint8)
        assert len(mk.loads((turned ^ 0x55).tobytes())) == numbers

    @pytest.mark.skipif(os.name == "nt", reason="there is no /dev/null")
    def test_one_that_keeps_nothing(self) -> None:
        with open("/dev/null", "wb", buffering=0) as file:
            assert mk.save(np.arange(1_000_000), file).size > 8_000_000

    def test_one_that_does_not_count_what_it_writes(self) -> None:
        class Silent(io.BytesIO):
            def write(self, data: Any) -> None:  # type: ignore[override]
                super().write(data)

        file = Silent()
        mk.save({"w": np.arange(300_000.0)}, file)
        assert len(mk.loads(file.getvalue())["w"]) == 300_000

    def test_changing_the_buffer_does_not_change_the_model(self) -> None:
        data = bytearray(mk.dumps(np.arange(4.0)))
        model = mk.loads(data)
        data[:] = bytes(len(data))
        assert model.tolist() == [0.0, 1.0, 2.0, 3.0]


class Odd:
    """A model of a user's own, with attributes named as scikit-learn's and filled otherwise."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        {"classes_": ["a", "b"]},
        {"classes_": 5},
        {"classes_": ("a", 1)},
        {"classes_": np.int64(3)},
        {"classes_": [[1]]},
        {"classes_": []},
        {"steps": [1, 2]},
        {"steps": "abc"},
        {"transformers_": [5]},
        {"n_features_in_": "three"},
        {"n_features_in_": 10**15},
        {"n_features_in_": 2, "feature_names_in_": 7},
        {"feature_names_in_": [1, None]},
        {"categories_": 3, "best_estimator_": 4},
        {"regressor_": "x"},
    ],
    ids=str,
)
def test_attributes_that_mean_something_else(attributes: dict[str, Any]) -> None:
    """What the schema and the probe read of a model they don't know may be anything."""
    model = mk.loads(mk.dumps(Odd(**attributes)), policy=mk.Policy(trust=[f"{__name__}.Odd"]))
    assert vars(model).keys() == attributes.keys()


def test_saving_over_an_existing_file_needs_no_flag(here: Path) -> None:
    for value in (1, 2, 3):
        mk.save([value], "a.keep")
        assert mk.load("a.keep") == [value]
    assert os.listdir(here) == ["a.keep"]
