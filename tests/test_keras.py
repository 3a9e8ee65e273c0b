"""Keras models: each comes back bit-equal in a fresh process, on both backends, from keep files and Keras's own."""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.keras_specs import BAD_COMPILED, BAD_CONFIGS, BAD_SPECS, NOT_TRUSTED, mutant

MISSING = [name for name in ("keras", "tensorflow", "h5py") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
ROOT = Path(__file__).parent.parent


def child(backend: str, *commands: str, names: str = "") -> None:
    """Run commands of tests/keras_child.py in one process."""
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.keras_child", *commands, names]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]


def zoo_names() -> tuple[list[str], set[str]]:
    """The names of the zoo and those for TensorFlow alone, without importing Keras."""
    tree = ast.parse((ROOT / "tests" / "zoo_keras.py").read_text())
    marked = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any(ast.unparse(mark) == "model" for mark in node.decorator_list)
    ]
    only = next(n for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "TENSORFLOW_ONLY")
    return marked, ast.literal_eval(only.value)


NAMES, TENSORFLOW_ONLY = zoo_names()
BOTH = [name for name in NAMES if name not in TENSORFLOW_ONLY]
#: Keras itself answers otherwise on PyTorch: poolings with "same" and strides; float64 that is multiplied in float32.
APART = {"cnn_shapes", "double_precision"}


@pytest.fixture(scope="module")
def tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorflow")
    child("tensorflow", f"make:{folder}")
    child("tensorflow", f"read:{folder}", f"keras:{folder}")
    return folder


@pytest.fixture(scope="module")
def pytorch(tensorflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("torch") is None:
        pytest.skip("the extra torch is not installed")
    folder = tmp_path_factory.mktemp("torch")
    names = ",".join(BOTH)
    child("torch", f"make:{folder}", names=names)
    child("torch", f"read:{folder}", f"cross:{tensorflow}", names=names)
    return folder


def told(folder: Path, command: str, name: str) -> str:
    found: dict[str, str] = json.loads((folder / f"{command}.json").read_text())
    return found[name]


def test_the_zoo_is_large_enough() -> None:
    assert len(NAMES) >= 40
    assert len(BOTH) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_a_model_comes_back_bit_equal_in_a_fresh_process(tensorflow: Path, name: str) -> None:
    assert told(tensorflow, "make", name) == "made"
    assert told(tensorflow, "read", name) == "read"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_keras_itself_is_read_as_data(tensorflow: Path, name: str) -> None:
    found = told(tensorflow, "keras", name)
    if name == "low_rank":  # Keras adds the two matrices up on saving: what is in the file is another model
        assert "a layer keeps something else than its variables" in found
    else:
        assert found == "read"


@pytest.mark.parametrize("name", BOTH)
def test_a_model_on_pytorch_comes_back_bit_equal(pytorch: Path, name: str) -> None:
    assert told(pytorch, "make", name) == "made"
    assert told(pytorch, "read", name) == "read"


@pytest.mark.parametrize("name", BOTH)
def test_a_file_from_tensorflow_opens_on_pytorch(pytorch: Path, tensorflow: Path, name: str) -> None:
    """Within tolerance, which the probe finds; where Keras differs between its backends, the load says so."""
    found = told(tensorflow, "cross", name)
    if name in APART:
        assert found == "read" or "DriftError" in found
    else:
        assert found == "read"


# -- what must be refused ----------------------------------------------------------------------------------------------


@pytest.fixture
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals come before Keras is imported: here it can't be."""
    for name in ("keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize("name", BAD_SPECS)
@pytest.mark.usefixtures("without_keras")
def test_a_bad_spec_in_a_keep_file_is_refused(name: str) -> None:
    from modelkeep.errors import LoadError
    from modelkeep.formats.keep import files
    from modelkeep.policy import Policy

    graph = {"version": 1, "types": [], "functions": [], "pools": [], "packed": []}
    graph["root"] = ["keras", BAD_SPECS[name], None, [], None]
    with pytest.raises(LoadError) as caught:
        files.read_graph({"graph.json": memoryview(json.dumps(graph).encode())}, Policy())
    assert "import of keras" not in str(caught.value)


@pytest.mark.parametrize("name", BAD_COMPILED)
@pytest.mark.usefixtures("without_keras")
def test_bad_compile_arguments_are_refused(name: str) -> None:
    from tests.keras_specs import DENSE

    from modelkeep.errors import CheckError
    from modelkeep.keras_layers import model as models

    trust = models.Trust(lambda number: None, lambda number: None)
    models.check(DENSE, {"optimizer": "adam", "loss": "mse", "metrics": ["accuracy"]}, trust)
    with pytest.raises(CheckError):
        models.check(DENSE, BAD_COMPILED[name], trust)


@pytest.mark.parametrize("name", BAD_CONFIGS)
@pytest.mark.usefixtures("without_keras")
def test_a_bad_config_in_a_keras_file_is_refused(name: str) -> None:
    from tests.keras_files import keras_file

    from modelkeep.errors import LoadError, PolicyError
    from modelkeep.formats.keras.read import read
    from modelkeep.loading import Rules

    with pytest.raises(LoadError) as caught:
        read(memoryview(keras_file(BAD_CONFIGS[name])), Rules())
    assert "import of keras" not in str(caught.value)
    assert caught.value.hint
    assert isinstance(caught.value, PolicyError) == (name in NOT_TRUSTED)


@pytest.mark.usefixtures("without_keras")
def test_mutants_of_specs_are_refused_or_checked(tensorflow: Path) -> None:
    """Whatever stands where: the checks raise nothing but refusals, and Keras is not needed for them."""
    from modelkeep.errors import LoadError
    from modelkeep.keras_layers import model as models

    chance, outcomes = random.Random(3), set()
    trust = models.Trust(lambda number: None, lambda number: None)
    graphs = [json.loads(zipfile.ZipFile(path).read("graph.json")) for path in sorted(tensorflow.glob("*.keep"))]
    for _ in range(20_000 if os.environ.get("MODELKEEP_FULL") else 1500):
        _, spec, compiled, *_ = chance.choice(graphs)["root"]
        try:
            models.check(mutant(spec, chance), mutant(compiled, chance) if compiled else None, trust)
            outcomes.add("checked")
        except LoadError:
            outcomes.add("refused")
    assert outcomes == {"checked", "refused"}


@pytest.mark.usefixtures("without_keras")
def test_archives_are_read_strictly() -> None:
    from tests.keras_files import CONFIG, archive, keras_file

    from modelkeep.errors import ContainerError, LoadError
    from modelkeep.formats.keras.read import read
    from modelkeep.loading import Rules

    for data in (
        keras_file(CONFIG, more={"../escape": b"x"}),
        keras_file(CONFIG, more={"/etc/passwd": b"x"}),
        keras_file(CONFIG, more={"program.py": b"import os"}),
        archive({"config.json": b"{}" + b" " * (200 << 20), "metadata.json": b"{}"}, packed=True),
        archive({"config.json": b'{"class_name": "Sequential", "class_name": "Functional"}', "metadata.json": b"{}"}),
        archive({"config.json": b"[" * 100_000, "metadata.json": b"{}"}),
        archive({"metadata.json": b"{}"}),
        keras_file(CONFIG)[:-30],
        b"before" + keras_file(CONFIG),
    ):
        with pytest.raises(LoadError) as caught:
            read(memoryview(data), Rules())
        assert isinstance(caught.value, ContainerError)


@pytest.mark.parametrize(
    "name", ["external", "soft", "outside", "virtual", "filter", "cycle", "twice", "bomb", "text", "deep"]
)
def test_hostile_hdf5_is_refused(name: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="the extra keras is not installed")
    from tests.keras_files import hostile_hdf5

    from modelkeep.errors import CheckError
    from modelkeep.formats.keras import hdf5

    secret = tmp_path / "secret"
    secret.write_bytes(b"secret" * 100)
    with pytest.raises(CheckError):
        hdf5.arrays(hostile_hdf5(name, tmp_path), 1 << 30)


def test_plain_and_gzip_arrays_are_read() -> None:
    h5py = pytest.importorskip("h5py", reason="the extra keras is not installed")
    import io

    import numpy as np

    from modelkeep.formats.keras import hdf5

    room = io.BytesIO()
    with h5py.File(room, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=np.arange(12.0).reshape(3, 4))
        file.create_dataset("layers/dense/vars/1", data=np.arange(500, dtype=">i4"), compression="gzip")
    found = hdf5.arrays(room.getvalue(), 1 << 30)
    assert found["layers/dense/vars/0"][0].tolist() == np.arange(12.0).reshape(3, 4).tolist()
    assert found["layers/dense/vars/1"][0].dtype == np.dtype("=i4")
    assert found["layers/dense/vars/1"][0].sum() == 499 * 250


def test_what_needs_keras_to_be_refused() -> None:
    """Shapes, missing weights and sizes that no memory has: told by a child, whose memory has a bound.

    It also takes each class of the tables through a spec and back, and looks for classes that the tables lack.
    """
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "tests.keras_files"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("honest") == "read"
    assert found.pop("optimizer") == "kept"
    assert found.pop("tables") == {}
    assert set(found.pop("mutants")) <= {"read", "refused"}
    assert found == dict.fromkeys(found, "refused")
    assert len(found) >= 6
