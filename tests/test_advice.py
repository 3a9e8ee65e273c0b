"""Advice: what was tried, what is told of it, and what is recommended for which purpose."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

import modelkeep as mk
from modelkeep import catalog, exporting
from modelkeep.advising import Advice, Tried, choice
from modelkeep.cli.app import app_for
from modelkeep.errors import UsageError, WorkerError
from modelkeep.exporting import Order

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X.sum(axis=1) > 0).astype(int)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("advice") / "m.keep"
    mk.save(LogisticRegression().fit(X, Y), path, sample=X)
    return path


@pytest.fixture(scope="module")
def told(file):
    """The command, once: every format is tried in two processes."""
    picture = file.with_suffix(".png")
    found = CliRunner().invoke(
        app_for(["advise"]), ["advise", str(file), "--for", "web", "--plot", str(picture), "--json"]
    )
    assert found.exit_code == 0, found.output
    return json.loads(found.output), picture


def test_every_format_is_tried(told):
    found, _ = told
    tried = {each["format"]: each for each in found["tried"]}
    takes = [each.name for each in catalog.formats() if {"sklearn", "*"} & set(each.writers)]
    assert list(tried) == takes
    for name in ("keep", "pickle", "joblib"):
        row = tried[name]
        assert row["works"]
        assert (row["labels"], row["difference"]) == (0, 0.0)
        assert min(row[time] for time in ("save", "load", "reload", "first", "one", "many")) > 0
        assert row["size"] > 500
    assert tried["keep"]["runs_code"] is False
    assert tried["pickle"]["runs_code"] is True
    assert all(each["works"] or each["reason"] for each in found["tried"])


def test_the_recommendation_has_a_reason(told):
    found, _ = told
    assert found["purpose"] == "web"
    assert found["format"] in {each["format"] for each in found["tried"] if each["works"] and not each["runs_code"]}
    assert found["recommendation"].startswith(f"for web: {found['format']}, because a row takes")


def test_the_picture_is_one(told):
    assert told[1].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_purpose_is_checked(file):
    with pytest.raises(UsageError, match="no purpose") as caught:
        mk.advise(file, "toaster")
    assert "browser" in caught.value.hint


def test_what_a_file_tells_of_its_rows_is_used(tmp_path):
    """A model of a table is tried with that table's rows, not with numbers made up for it."""
    table = pd.DataFrame({"size": X[:, 0], "city": pd.Categorical(["x", "y", "z"] * 20)})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(table, Y)
    mk.save(model, tmp_path / "m.keep", sample=table)
    order = Order()
    rows = exporting.rows_of(exporting.subject(tmp_path / "m.keep", order), order)
    assert list(rows.columns) == ["size", "city"]
    assert rows["city"].cat.categories[:3].tolist() == ["x", "y", "z"]  # and one that it has not seen


def tried(format, **facts):
    known = {
        "works": True,
        "size": 1000,
        "one": 1e-3,
        "many": 1e-2,
        "difference": 0.0,
        "labels": 0,
        "runs_on": ("Python",),
    }
    return Tried(format, **{**known, **facts})


KEEP = tried("keep")
PICKLE = tried("pickle", runs_code=True, one=1e-6, size=10)
ONNX = tried("onnx", one=1e-4, difference=1e-7, runs_on=("Python", "browser", "phone", "JVM"))
PMML = tried("pmml", one=1e-2, runs_on=("JVM", "Python"))


@pytest.mark.parametrize(
    ("purpose", "best"),
    [
        ("share", "keep"),
        ("archive", "keep"),
        ("web", "onnx"),
        ("mobile", "onnx"),
        ("browser", "onnx"),
        ("java", "pmml"),
        ("deep-learning", "onnx"),
        ("embedded", None),
    ],
)
def test_the_best_of_all_for_each_purpose(purpose, best):
    found, text = choice.recommend(purpose, [PICKLE, PMML, ONNX, KEEP])
    assert found == best
    assert text.startswith(f"for {purpose}: ")


def test_what_does_not_work_is_not_recommended():
    broken = tried("onnx", works=False, reason="no", runs_on=("browser",))
    assert choice.recommend("browser", [KEEP, broken])[0] is None
    found, text = choice.recommend("share", [PICKLE])
    assert found == "pickle"
    assert "can run any code" in text


def test_times_that_lie_close_do_not_decide():
    slower = tried("keep", one=1.05e-3)
    assert choice.recommend("web", [tried("skops", one=1.04e-3), slower])[0] == "keep"


@pytest.mark.parametrize("purpose", ["browser", "mobile"])
def test_only_what_the_sentence_names_runs_in_a_page_or_on_a_phone(purpose):
    """Arrays alone can be read in a browser, too, but nothing there computes with them."""
    tried = [
        Tried("safetensors", True, size=1, difference=0.0, labels=0, runs_on=("Python", "Rust", "browser", "phone")),
        Tried("onnx", False, reason="no way", runs_on=("Python", "browser", "phone")),
    ]
    format, told = choice.recommend(purpose, tried)
    assert format is None
    assert "serve it on the web instead" in told


def test_an_interrupt_does_not_wait_for_formats_under_way(file, monkeypatch):
    """Each format may take minutes: the processes end, and those that wait are not begun."""
    begun = []

    def write(format, worker, *_):
        begun.append(format.name)
        with contextlib.suppress(WorkerError), worker:
            worker.call("time:sleep", 60.0)
        return Tried(format.name, False)

    monkeypatch.setattr("modelkeep.advising._written", write)
    timer = threading.Timer(2.0, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            mk.advise(str(file))
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - started < 20
    assert len(begun) == 2


@pytest.mark.parametrize("width", [72, 80, 100, 114, 115, 160])
def test_no_word_of_the_table_is_broken(width, monkeypatch, capsys):
    from modelkeep.cli import show_advice

    monkeypatch.setenv("COLUMNS", str(width))
    places = ("Python", "browser", "phone", "JVM", "C++", ".NET")
    times = {"save": 0.0132, "load": 1.6, "reload": 0.0166, "first": 0.0638, "one": 6.38e-5, "many": 0.00626}
    tried = tuple(
        Tried(name, True, size=18234, **times, difference=2.2e-16, labels=3, runs_on=places)
        for name in ("keep", "safetensors", "state_dict", "savedmodel")
    )
    show_advice.show(Advice("a.Model", "web", "keep", "for web: keep", tried))
    shown = capsys.readouterr().out
    for word in ("safetensors", "state_dict", "savedmodel", "16.6 ms", "63.8 us", "differs", "labels", "browser"):
        assert word in shown
    assert max(map(len, shown.splitlines())) <= width
