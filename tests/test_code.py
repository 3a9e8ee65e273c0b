"""Classes of the user's own: by trust, and with their source inside the file under a private name."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import modelkeep as mk
from modelkeep.errors import PolicyError, SaveErrors

SCALER = """
from sklearn.base import BaseEstimator, TransformerMixin
from .factor import FACTOR
import {name}.factor as again

class Scaler(TransformerMixin, BaseEstimator):
    def __init__(self, by=1.0):
        self.by = by
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self
    def transform(self, X):
        assert again.FACTOR == FACTOR
        return X * self.by * FACTOR
"""


def write_package(folder, name, factor):
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"from {name}.scaler import Scaler\n")
    (package / "scaler.py").write_text(SCALER.format(name=name))
    (package / "factor.py").write_text(f"FACTOR = {factor}\n")
    return package


def save_in_process(folder, name, path, code):
    script = textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(folder)!r})
        import numpy as np, modelkeep as mk
        from {name} import Scaler
        X = np.arange(6.0).reshape(3, 2)
        mk.save(Scaler(2.0).fit(X), {str(path)!r}, sample=X, code={code!r})
    """)
    subprocess.run([sys.executable, "-c", script], check=True)


def test_two_artifacts_with_a_module_of_one_name_do_not_meet(tmp_path):
    import numpy as np

    X = np.ones((2, 2))
    models = []
    for factor in (10, 1000):
        package = write_package(tmp_path / str(factor), "samename", factor)
        path = tmp_path / f"{factor}.keep"
        save_in_process(package.parent, "samename", path, [str(package)])
        models.append(mk.load(path, policy=mk.Policy(allow_code=True)))
    assert [float(model.transform(X)[0, 0]) for model in models] == [20.0, 2000.0]
    assert "samename" not in sys.modules
    # Saved again, each takes its own source along, and the bytes are the same.
    for factor, model in zip((10, 1000), models, strict=True):
        again = tmp_path / "again.keep"
        mk.save(model, again, sample=np.arange(6.0).reshape(3, 2))
        assert again.read_bytes() == (tmp_path / f"{factor}.keep").read_bytes()


def test_source_needs_the_policy(tmp_path):
    package = write_package(tmp_path, "carried", 1)
    path = tmp_path / "m.keep"
    save_in_process(tmp_path, "carried", path, [str(package)])
    with pytest.raises(PolicyError, match="carries source"):
        mk.load(path)
    with pytest.raises(PolicyError, match="carries source"):
        mk.load(path, policy=mk.Policy(trust=["carried"]))


def test_a_class_of_ones_own_needs_trust(tmp_path, monkeypatch):
    write_package(tmp_path, "owned", 3)
    path = tmp_path / "m.keep"
    save_in_process(tmp_path, "owned", path, ())
    with pytest.raises(PolicyError, match=r"owned\.scaler\.Scaler.*does not trust") as caught:
        mk.load(path)
    assert "--trust owned.scaler.Scaler" in caught.value.hint
    assert "owned" not in sys.modules, "a refused class was imported"
    monkeypatch.syspath_prepend(tmp_path)
    for trust in ("owned.scaler.Scaler", "owned.Scaler", "owned"):
        model = mk.load(path, policy=mk.Policy(trust=[trust]))
        assert type(model).__module__ == "owned.scaler"
    with pytest.raises(PolicyError):
        mk.load(path, policy=mk.Policy(trust=["owne"]))


def test_a_relative_import_can_not_leave_the_source(tmp_path):
    package = write_package(tmp_path, "leaving", 1)
    path = tmp_path / "m.keep"
    (package / "scaler.py").write_text(
        SCALER.format(name="leaving") + "\ntry:\n    from ... import x\nexcept ImportError:\n    pass\n"
    )
    save_in_process(tmp_path, "leaving", path, [str(package)])
    mk.load(path, policy=mk.Policy(allow_code=True))


def test_local_classes_and_lambdas_are_refused_with_their_place(tmp_path):
    class Local:
        pass

    with pytest.raises(SaveErrors) as caught:
        mk.save({"a": [Local()], "b": lambda x: x}, tmp_path / "m.keep")
    text = str(caught.value)
    assert "dict.a[0]: the class '" in text
    assert "dict.b: a lambda" in text
