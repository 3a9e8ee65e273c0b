"""The registry: versions, aliases, rollback, history, gates, copies, and what it refuses."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import modelkeep as mk
from modelkeep import errors
from modelkeep.registry import records

X, y = load_iris(return_X_y=True)
MODELS = [LogisticRegression(max_iter=500, C=c).fit(X, y) for c in (0.1, 1.0, 10.0)]


@pytest.fixture
def registry(tmp_path):
    return mk.Registry(tmp_path / "models", author="ada")


@pytest.fixture
def iris(registry):
    """Three versions of one model."""
    for i, model in enumerate(MODELS):
        registry.save("iris", model, sample=X, metrics={"accuracy": 0.95 + i / 100}, message=f"try {i}")
    return registry


def same(first, second):
    return np.array_equal(first.predict_proba(X), second.predict_proba(X))


# -- versions ----------------------------------------------------------------------------------------------------------


def test_versions_count_up_and_come_back(iris):
    assert [int(v) for v in iris.versions("iris")] == [1, 2, 3]
    assert same(iris.load("iris"), MODELS[2])
    assert same(iris.load("iris:1"), MODELS[0])


def test_a_version_is_its_number_and_knows_its_facts(registry):
    v = registry.save("iris", MODELS[0], metrics={"f1": np.float32(0.5)}, tags={"team": "flowers"}, message="more data")
    assert v == 1
    assert f"iris:{v}" == v.ref == "iris:1"
    assert (v.metrics, v.tags, v.message, v.author) == ({"f1": 0.5}, {"team": "flowers"}, "more data", "ada")
    assert v.model.endswith("LogisticRegression")
    again = pickle.loads(pickle.dumps(v))
    assert (again, again.as_dict()) == (v, v.as_dict())
    assert registry.version("iris:1").as_dict() == v.as_dict() | {"stored": None}


def test_another_process_loads_the_same(iris, tmp_path):
    code = "import sys, modelkeep as mk; print(mk.Registry(sys.argv[1]).load('iris:2').coef_.tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "models"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == MODELS[1].coef_.tobytes().hex()


def test_a_keep_file_is_registered_and_exported_byte_by_byte(registry, tmp_path):
    mk.save(MODELS[0], tmp_path / "iris.keep", sample=X)
    v = registry.register(tmp_path / "iris.keep", "iris")
    assert same(registry.load(v), MODELS[0])
    registry.export("iris:1", tmp_path / "again.keep")
    assert (tmp_path / "again.keep").read_bytes() == (tmp_path / "iris.keep").read_bytes()
    assert registry.save("iris", MODELS[0], sample=X).digest == v.digest


def test_a_parent_is_a_version(iris):
    assert iris.save("iris", MODELS[0], parent="iris:2").parent == "iris:2"
    assert iris.save("other", MODELS[0], parent="iris").parent == "iris:4"
    with pytest.raises(errors.NotFoundError, match="iris:9 does not exist; there is 4, 3, 2, 1"):
        iris.save("iris", MODELS[0], parent="iris:9")


def test_tags_and_metrics_may_be_added_later(iris):
    before = sum(f.stat().st_size for f in (iris_objects(iris)))
    v = iris.tag("iris:1", {"stage": "old", "x": "1"}, {"auc": 0.9})
    assert (v.tags, v.metrics) == ({"stage": "old", "x": "1"}, {"accuracy": 0.95, "auc": 0.9})
    assert iris.tag("iris:1", {"x": None}).tags == {"stage": "old"}
    assert [v.metrics.get("auc") for v in iris.versions("iris")] == [0.9, None, None]
    assert sum(f.stat().st_size for f in iris_objects(iris)) == before


def iris_objects(registry):
    return sorted(Path(registry.url, "objects").iterdir())


def test_more_than_one_block_of_versions(registry):
    for i in range(130):
        registry.save("many", {"n": i}, probe=False, metrics={"n": i})
    assert [v.metrics["n"] for v in registry.versions("many")] == list(range(130))
    assert [e.new for e in registry.history("many")] == list(range(1, 131))
    assert registry.load("many:65") == {"n": 64}
    [summary] = registry.summaries()
    assert summary.latest == summary.versions == 130
    assert summary.metrics[-1] == {"n": 129}


# -- aliases -----------------------------------------------------------------------------------------------------------


def test_aliases_move_and_roll_back_step_by_step(iris):
    for number in (1, 3, 2, 3):
        iris.set_alias("iris", "production", number)
    assert iris.aliases("iris") == {"production": 3}
    assert [int(iris.rollback("iris", "production")) for _ in range(3)] == [2, 3, 1]
    with pytest.raises(errors.RegistryError, match="points at version 1, and never pointed at another"):
        iris.rollback("iris", "production")
    iris.set_alias("iris", "production", 2)
    assert iris.rollback("iris", "production") == 1
    moves = [(e.event, e.old, e.new) for e in iris.history("iris") if e.alias]
    assert moves[4:] == [
        ("rollback", 3, 2),
        ("rollback", 2, 3),
        ("rollback", 3, 1),
        ("alias", 1, 2),
        ("rollback", 2, 1),
    ]
    assert same(iris.load("iris@production"), MODELS[0])


def test_a_rollback_passes_over_what_was_deleted(iris):
    for number in (1, 2, 3):
        iris.set_alias("iris", "production", number)
    iris.remove("iris:2")
    assert iris.rollback("iris", "production") == 1


def test_a_rollback_ends_though_records_lead_in_circles(iris, monkeypatch):
    from msgspec import structs

    from modelkeep.registry.records import Place
    from modelkeep.registry.sequence import Sequence

    for number in (1, 2):
        iris.set_alias("iris", "production", number)
    iris.set_alias("iris", "other", 3)
    read = Sequence.read

    def circular(sequence, number):
        record = read(sequence, number)
        return structs.replace(record, before=Place(2, 2)) if hasattr(record, "before") else record

    monkeypatch.setattr(Sequence, "read", circular)
    with pytest.raises(errors.RegistryError, match="never pointed at another"):
        iris.rollback("iris", "production")


def test_an_alias_may_be_given_a_version_or_a_reference(iris):
    v = iris.version("iris:2")
    assert iris.set_alias("iris", "a", v).aliases == ("a",)
    assert iris.set_alias("iris", "b", "iris@a") == 2
    other = iris.save("other", MODELS[0])
    with pytest.raises(errors.UsageError, match="other:1 is not a version of 'iris'"):
        iris.set_alias("iris", "a", other)


def test_aliases_are_taken_away(iris):
    iris.set_alias("iris", "old", 1)
    iris.remove_alias("iris", "old")
    with pytest.raises(errors.NotFoundError, match="iris has no alias 'old': it has none"):
        iris.load("iris@old")
    assert iris.history("iris")[-1].event == "unalias"


def test_the_history_tells_who_did_what(iris):
    iris.set_alias("iris", "production", 2, message="go")
    iris.remove("iris:3", message="broken")
    events = [(e.event, e.author, e.message, e.versions) for e in iris.history("iris")]
    assert events == [
        ("register", "ada", "try 0", (1,)),
        ("register", "ada", "try 1", (2,)),
        ("register", "ada", "try 2", (3,)),
        ("alias", "ada", "go", (2,)),
        ("delete", "ada", "broken", (3,)),
    ]
    times = [e.time for e in iris.history("iris")]
    assert times == sorted(times)


# -- deletion and collection -------------------------------------------------------------------------------------------


def test_what_an_alias_points_at_is_not_deleted(iris):
    iris.set_alias("iris", "production", 3)
    with pytest.raises(errors.RegistryError, match="iris:3 is what iris@production points at"):
        iris.remove("iris:3")
    assert len(iris.versions("iris")) == 3


def test_numbers_of_deleted_versions_do_not_come_back(iris):
    iris.remove("iris:3", "iris:1")
    assert iris.gc().objects == 2
    assert same(iris.load("iris"), MODELS[1])
    assert iris.save("iris", MODELS[0]) == 4
    with pytest.raises(errors.NotFoundError, match="iris:3 was deleted; there is 4, 2"):
        iris.load("iris:3")
    iris.remove("iris:2", "iris:4")
    with pytest.raises(errors.NotFoundError, match="all versions of iris were deleted"):
        iris.load("iris")
    assert [s.versions for s in iris.summaries()] in ([], [0])


def test_a_collection_says_how_much_and_keeps_what_is_needed(iris):
    assert iris.gc().objects == 0
    iris.remove("iris:1")
    dry = iris.gc(dry_run=True)
    assert dry.objects == 1
    assert dry.bytes > 1000
    assert (iris.gc().objects, iris.gc().objects) == (1, 0)
    assert iris.fsck()
    assert same(iris.load("iris:2"), MODELS[1])


# -- gates -------------------------------------------------------------------------------------------------------------


def test_a_promotion_passes_its_gates_and_says_so(iris):
    iris.set_alias("iris", "production", 1)
    gates = [mk.gates.probe(), mk.gates.metric("accuracy", at_least=0.9, not_below="production")]
    assert iris.promote("iris:2", "production", gates=gates, message="better") == 2
    event = iris.history("iris")[-1]
    assert (event.event, event.old, event.new) == ("promote", 1, 2)
    assert event.checks[1] == "metric accuracy: accuracy 0.96, not below iris:1 (0.95)"


def test_a_refusal_names_every_gate_and_by_how_much(iris):
    iris.set_alias("iris", "production", 3)
    gates = [
        mk.gates.metric("accuracy", at_least=0.99, not_below="production"),
        mk.gates.metric("accuracy", not_below="production"),
        mk.gates.metric("auc", at_most=1),
        mk.gates.parity("onnx"),
    ]
    with pytest.raises(errors.GateError) as refused:
        iris.promote("iris:1", "production", gates=gates)
    lines = str(refused.value).splitlines()
    assert lines[0] == "iris:1 may not become production"
    assert "accuracy is 0.95, by 0.04 not at least 0.99" in lines[1]
    assert "accuracy is 0.95, by 0.02 below iris:3 (production, 0.97)" in lines[2]
    assert "iris:1 has no metric 'auc'; it has accuracy" in lines[3]
    assert "no certificate of parity with onnx" in lines[4]
    assert iris.aliases("iris") == {"production": 3}


def test_a_certificate_lets_the_parity_gate_pass(iris):
    iris.certify("iris:1", {"format": "onnx", "passed": True, "rows": 150})
    assert iris.promote("iris:1", "mobile", gates=[mk.gates.parity("onnx")]) == 1
    with pytest.raises(errors.UsageError, match="a certificate names its format"):
        iris.certify("iris:1", {"format": "onnx"})


def test_a_version_without_a_probe_does_not_pass_the_probe(registry):
    registry.save("bare", MODELS[0], probe=False)
    with pytest.raises(errors.GateError, match="no probe"):
        registry.promote("bare", "production", gates=[mk.gates.probe()])


def test_a_bound_for_an_alias_that_is_not_there_yet_holds_nobody_back(iris):
    assert iris.promote("iris", "new", gates=[mk.gates.metric("accuracy", not_below="new")]) == 3


# -- copies ------------------------------------------------------------------------------------------------------------


def test_a_copy_is_made_once_and_shares_objects(iris, tmp_path):
    other = mk.Registry(tmp_path / "other")
    [first] = iris.copy("iris:2", other)
    assert (first, first.message, first.metrics) == (1, "try 1", {"accuracy": 0.96})
    assert iris.copy("iris:2", other) == [1]
    assert iris.copy("iris:2", other, name="renamed")[0].ref == "renamed:1"
    assert len(iris_objects(other)) == 1
    assert same(other.load("iris"), MODELS[1])
    [back] = other.copy("iris:1", iris)
    assert back == 4
    assert iris.version("iris:4").digest == iris.version("iris:2").digest


def test_all_versions_and_aliases_are_copied(iris, tmp_path):
    iris.set_alias("iris", "production", 2)
    iris.remove("iris:1")
    iris.tag("iris:3", {"a": "b"})
    other = mk.Registry(tmp_path / "other")
    assert iris.copy("iris", other, every=True) == [1, 2]
    assert other.aliases("iris") == {"production": 1}
    assert other.version("iris:2").tags == {"a": "b"}


def test_a_copied_folder_is_a_registry(iris, tmp_path):
    subprocess.run(["cp", "-r", tmp_path / "models", tmp_path / "copy"], check=True)
    copy = mk.Registry(tmp_path / "copy")
    assert [int(v) for v in copy.versions("iris")] == [1, 2, 3]
    assert copy.fsck()


# -- damage ------------------------------------------------------------------------------------------------------------


def test_damage_is_found_named_and_repaired(iris, tmp_path):
    subprocess.run(["cp", "-r", tmp_path / "models", tmp_path / "copy"], check=True)
    broken = iris_objects(iris)[0]
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    found = iris.fsck()
    assert not found
    assert [p.key for p in found.problems] == [f"objects/{broken.name}"]
    [ref] = found.problems[0].versions
    with pytest.raises(errors.IntegrityError, match=ref):
        iris.load(ref)
    assert iris.fsck(tmp_path / "copy")
    assert iris.fsck().problems == ()
    iris.load(ref)


def test_a_lost_record_is_found_and_repaired(iris, tmp_path):
    subprocess.run(["cp", "-r", tmp_path / "models", tmp_path / "copy"], check=True)
    (tmp_path / "models/models/iris/versions/00000002.json").unlink()
    assert "00000002" in iris.fsck().problems[0].key
    assert iris.fsck(tmp_path / "copy")
    assert same(iris.load("iris:2"), MODELS[1])


def test_a_history_that_went_backwards_is_refused(iris, tmp_path):
    subprocess.run(["cp", "-r", tmp_path / "models", tmp_path / "old"], check=True)
    iris.save("iris", MODELS[0])
    old = mk.Registry(tmp_path / "old")
    with pytest.raises(errors.HistoryError, match="it had 4 records of its versions, and has 3"):
        old.load("iris")
    old.accept("iris")
    assert same(old.load("iris"), MODELS[2])


def test_a_history_that_was_rewritten_is_refused(iris, tmp_path):
    iris.set_alias("iris", "production", 1)
    record = tmp_path / "models/models/iris/log/00000001.json"
    made = records.decode(records.Change, record.read_bytes(), "")
    record.write_bytes(records.encode(msgspec.structs.replace(made, aliases={"production": records.Place(2, 1)})))
    with pytest.raises(errors.HistoryError, match="record 1 of its log is not the one that was there"):
        mk.Registry(tmp_path / "models").load("iris@production")


def test_a_newer_layout_is_not_guessed_at(iris, tmp_path):
    settings = tmp_path / "models/registry.json"
    settings.write_text(settings.read_text().replace('"modelkeep":1', '"modelkeep":2,"new":true'))
    with pytest.raises(errors.VersionError, match="registry's layout has version '2'"):
        mk.Registry(tmp_path / "models").load("iris")


# -- wrong calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Iris",
        "../iris",
        "a/b",
        ".hidden",
        "-x",
        "ïris",
        "ｉris",
        "iris ",
        "a" * 129,
        "a\0b",
        "iris\n",
        None,
        3,
        "iris:1",
    ],
)
def test_names_outside_the_grammar_are_refused(registry, name):
    with pytest.raises(errors.UsageError):
        registry.save(name, {"a": 1})
    assert not Path(registry.url).exists()


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        ("nope", "there is no model nope in .*: it has iris"),
        ("iris:0", "'0' is not the number of a version"),
        ("iris:01", "'01' is not the number of a version"),
        ("iris:-1", "is not the number of a version"),
        ("iris:4", "iris:4 does not exist; there is 3, 2, 1"),
        ("iris@staging", "iris has no alias 'staging': it has none"),
        ("iris:1@production", "is not the number|names a version and an alias"),
        ("iris@", "is not a name of an alias"),
    ],
)
def test_references_that_lead_nowhere_say_what_there_is(iris, ref, text):
    with pytest.raises((errors.NotFoundError, errors.UsageError), match=text):
        iris.load(ref)


def test_a_place_without_a_registry(tmp_path):
    with pytest.raises(errors.NotFoundError, match="there is no registry at"):
        mk.Registry(tmp_path / "none").load("iris")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(errors.RegistryError, match=r"is not a registry: it holds 'thesis\.tex'"):
        mk.Registry(tmp_path / "full").save("iris", {"a": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.9", None, True, [1]])
def test_a_metric_is_a_finite_number(registry, value):
    with pytest.raises(errors.UsageError, match="the metric 'm' is"):
        registry.save("iris", {"a": 1}, metrics={"m": value})


def test_nothing_is_registered_by_a_save_that_fails(registry):
    with pytest.raises(errors.SaveErrors):
        registry.save("iris", {"f": lambda: 0})
    assert not Path(registry.url).exists()


# -- compression, memory, requests -------------------------------------------------------------------------------------


def test_a_compressed_registry(tmp_path):
    registry = mk.Registry(tmp_path / "zst", compress="zstd")
    model = {"w": np.zeros(1 << 20)}
    v = registry.save("zeros", model)
    assert v.stored < 10_000 < v.size
    assert np.array_equal(mk.Registry(tmp_path / "zst").load("zeros")["w"], model["w"])
    assert registry.fsck()
    mk.Registry(tmp_path / "plain").save("a", {"a": 1})
    with pytest.raises(errors.UsageError, match="was created without"):
        mk.Registry(tmp_path / "plain", compress="zstd").save("a", {"a": 1})


def test_equal_tensors_do_not_share_memory_after_a_load(registry):
    registry.save("twins", {"a": np.zeros(50_000), "b": np.zeros(50_000)})
    twins = registry.load("twins")
    twins["a"][0] = 1
    assert twins["b"][0] == 0
    assert registry.load("twins")["a"][0] == 0


def test_few_requests(monkeypatch):
    registry = mk.Registry("memory://")
    for i in range(50):
        registry.save("m", {"w": np.arange(5.0) + i}, metrics={"a": i})
    registry.set_alias("m", "production", 40)

    class Counted:
        def __init__(self, store):
            self._store, self.count = store, 0

        def __getattr__(self, name):
            found = getattr(self._store, name)
            if name == "url":
                return found

            def counted(*args):
                self.count += 1
                return found(*args)

            return counted

    for ask in (
        lambda r: r.load("m"),
        lambda r: r.load("m@production"),
        lambda r: r.version("m@production"),
        lambda r: r.versions("m"),
        lambda r: r.summaries(),
    ):
        store = Counted(registry.store)
        ask(mk.Registry(store))
        assert store.count < 10
