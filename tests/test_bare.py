"""With nothing installed but the core: plain values work, and what is missing is told with the command to type."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    "cryptography pyrage obstore oras model_signing OpenSSL".split()
)


def run(code, *arguments):
    script = BLOCK.format(absent=EXTRAS) + code
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)


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
