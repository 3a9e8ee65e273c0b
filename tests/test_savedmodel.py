"""SavedModels: audited without TensorFlow, answered in a process of their own; what does more than compute is code."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import modelkeep as mk
from modelkeep.errors import CheckError, LoadError, ModelkeepError, PolicyError, StorageError, UsageError
from modelkeep.formats.savedmodel import operators, wire
from modelkeep.formats.savedmodel.audit import audit
from modelkeep.predictors.savedmodel import SavedModel

pytestmark = pytest.mark.skipif(find_spec("tensorflow") is None, reason="the extra keras is not installed")
ROOT = Path(__file__).parent.parent
HONEST = ("linear", "loop", "table")
HOSTILE = (
    "read", "write", "python", "numpy", "print", "in a loop", "in a branch", "dataset", "checkpoint", "table of a file",
    "vast",
)  # fmt: skip
ROWS = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 4.0]], "f4")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("savedmodels")
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.savedmodel_child", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    names = json.loads((folder / "made.json").read_text())
    assert names == {"honest": sorted(HONEST), "hostile": sorted(HOSTILE)}
    return folder


@pytest.fixture(scope="module")
def honest(made: Path) -> Iterator[dict[str, SavedModel]]:
    """All in one process, which keeps them apart by their folders: TensorFlow takes its time to start."""
    models = {name: mk.load(made / "honest" / name) for name in HONEST}
    first = models["linear"]
    for model in models.values():
        model._worker = first._worker
    yield models
    first.close()


def loaded() -> bool:
    """Whether this process has TensorFlow: another test of it may."""
    return "tensorflow" in sys.modules


@pytest.fixture(autouse=True)
def _no_library_is_loaded_here() -> Iterator[None]:
    before = loaded()
    yield
    assert loaded() == before


def test_a_model_answers_in_another_process(honest: dict[str, SavedModel]) -> None:
    weight = np.arange(6, dtype="f4").reshape(3, 2)
    assert np.allclose(honest["linear"].predict(ROWS), ROWS @ weight)
    assert np.allclose(honest["loop"].predict(ROWS.astype("f8")), ROWS * np.float32(1.5**4))
    assert honest["table"].predict(ROWS).tolist() == [[10.0, 20.0, -1.0], [-1.0, -1.0, -1.0]]


def test_signatures_are_named(honest: dict[str, SavedModel]) -> None:
    signature = honest["linear"].signatures["serving_default"]
    assert signature.inputs == {"x": ["float32", [None, 3]]}
    assert list(signature.outputs) == ["y"]
    assert np.array_equal(signature({"x": ROWS}), honest["linear"].predict(ROWS))
    with pytest.raises(UsageError, match="the inputs are x"):
        signature({"other": ROWS})
    with pytest.raises(UsageError):
        signature(np.array([["text"] * 3]))


def test_a_predictor_is_written_as_the_files_it_was_read_from(honest: dict[str, SavedModel], tmp_path: Path) -> None:
    from modelkeep.formats.savedmodel.write import write_tensorflow
    from modelkeep.saving import Recipe

    write_tensorflow(honest["linear"], str(tmp_path), Recipe())
    again = mk.load(tmp_path)
    assert again.files == honest["linear"].files


def test_a_process_that_died_is_replaced(honest: dict[str, SavedModel]) -> None:
    before = honest["linear"].predict(ROWS)
    honest["linear"].close()
    assert np.array_equal(honest["linear"].predict(ROWS), before)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_does_more_than_compute_is_refused(made: Path, name: str) -> None:
    with pytest.raises(LoadError) as caught:
        mk.load(made / "hostile" / name)
    assert isinstance(caught.value, CheckError if name in ("vast", "table of a file") else PolicyError)
    assert caught.value.hint
    assert not [path.name for path in made.iterdir() if path.name.startswith("secret.")]


def test_code_runs_only_where_the_policy_allows_it(made: Path) -> None:
    model = mk.load(made / "hostile" / "read", policy=mk.Policy(allow_code=True))
    assert np.allclose(model.predict(ROWS), ROWS + len("word\nother\n"))
    model.close()


def test_no_operator_of_the_list_touches_more_than_tensors() -> None:
    words = ("File", "Dataset", "Iterator", "Py", "Print", "Save", "Restore", "Send", "Recv", "Summary", "Queue", "Rpc")
    allowed = {"DisableCopyOnRead"}
    assert not [op for op in operators.PURE - allowed if any(word in op for word in words)]
    assert not operators.PURE & operators.CHECKPOINT


@pytest.mark.parametrize("link", ["symbolic", "hard", "folder"])
def test_links_out_of_the_folder_are_refused(made: Path, tmp_path: Path, link: str) -> None:
    model = tmp_path / "model"
    shutil.copytree(made / "honest" / "linear", model)
    victim = model / "variables" / "variables.index"
    if link == "folder":
        shutil.move(model / "variables", tmp_path / "elsewhere")
        (model / "variables").symlink_to(tmp_path / "elsewhere")
    else:
        shutil.move(victim, tmp_path / "elsewhere")
        (victim.symlink_to if link == "symbolic" else victim.hardlink_to)(tmp_path / "elsewhere")
    with pytest.raises((LoadError, StorageError)):
        mk.load(model)


def test_what_is_audited_is_what_tensorflow_gets(made: Path) -> None:
    """The graph is written anew: without the functions that save and restore, and the same when audited again."""
    raw = (made / "honest" / "linear" / "saved_model.pb").read_bytes()
    assert b"SaveV2" in raw
    found = audit(memoryview(raw))
    assert not found.impure
    assert not any(op.encode() in found.clean for op in operators.CHECKPOINT)
    assert audit(memoryview(found.clean)).clean == found.clean


def test_messages_are_read_and_written_the_same(made: Path) -> None:
    raw = memoryview((made / "honest" / "loop" / "saved_model.pb").read_bytes())
    assert wire.encode(wire.fields(raw)) == raw
    for bad in (
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x0b\x00",
        b"\x07",
        b"\x00\x00",
        b"\x0a\x05ab",
    ):
        with pytest.raises(LoadError):
            list(wire.fields(memoryview(bad)))


def test_mutants_are_refused_or_audited(made: Path) -> None:
    """No byte makes the audit raise anything but a refusal."""
    chance = random.Random(5)
    raw = (made / "hostile" / "in a loop" / "saved_model.pb").read_bytes()
    outcomes = set()
    for _ in range(2000 if os.environ.get("MODELKEEP_FULL") else 150):
        mutant = bytearray(raw)
        for _ in range(chance.randint(1, 8)):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        try:
            outcomes.add(bool(audit(memoryview(bytes(mutant))).impure))
        except ModelkeepError as error:
            outcomes.add(type(error).__name__)
    assert True in outcomes  # the reading of a file stays noticed
    assert outcomes <= {True, False, "GraphError", "CheckError"}


def test_a_keras_model_is_exported_with_its_certificate(tmp_path: Path) -> None:
    code = (
        "import sys, keras, numpy as np, modelkeep as mk\n"
        "x = np.random.default_rng(0).normal(size=(9, 4)).astype('f4')\n"
        "m = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, 'tanh')])\n"
        "for name in ('m.savedmodel', 'm.keras'):\n"
        "    done = mk.export(m, f'{sys.argv[1]}/{name}', sample=x)\n"
        "    assert done.certificate.passed\n"
    )
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "m.savedmodel" / "saved_model.pb").is_file()
    assert (tmp_path / "m.keras").is_file()
