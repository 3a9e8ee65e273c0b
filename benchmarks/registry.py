"""The registry's figures: beside MLflow, with 1,000 models of 50 versions, and with a model of 512 MB.

``make bench-registry`` runs it. MLflow lives in an environment of its own, with modelkeep in it too: both are timed
there in turn, in one process.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MLFLOW = ROOT / ".venv-mlflow" / "bin" / "python"
ROUNDS = 5


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        os.environ["MODELKEEP_STATE"] = str(Path(folder, "state"))
        if sys.argv[1:] == ["beside-mlflow"]:
            print(json.dumps(beside_mlflow(Path(folder))))
            return 0
        if MLFLOW.exists():
            done = subprocess.run(
                [MLFLOW, "-m", "benchmarks.registry", "beside-mlflow"], cwd=ROOT, capture_output=True, text=True
            )
            print(_compared(done))
        else:
            print("MLflow: not measured, run: make bench-registry")
        many(Path(folder))
        large(Path(folder))
    return 0


def _compared(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        return f"MLflow: failed\n{done.stderr[-2000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    theirs, ours = (statistics.median(found[name]) for name in ("mlflow", "modelkeep"))
    return (
        f"register + load of iris, median of {ROUNDS}: MLflow {theirs * 1e3:.0f} ms, modelkeep {ours * 1e3:.1f} ms: "
        f"{theirs / ours:.0f} times faster (bar 50)"
    )


def beside_mlflow(folder: Path) -> dict[str, list[float]]:
    """Seconds of one registration and one load, of each in turn, with defaults and a file store."""
    import mlflow
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    import modelkeep as mk

    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(X, y)
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    mlflow.set_tracking_uri((folder / "mlruns").as_uri())
    registry = mk.Registry(folder / "models")

    def theirs() -> Any:
        with mlflow.start_run():
            mlflow.sklearn.log_model(model, name="model", registered_model_name="iris")
        version = max(int(v.version) for v in mlflow.MlflowClient().search_model_versions("name='iris'"))
        return mlflow.sklearn.load_model(f"models:/iris/{version}")

    def ours() -> Any:
        return registry.load(registry.save("iris", model, sample=X))

    found: dict[str, list[float]] = {"mlflow": [], "modelkeep": []}
    for each in range(ROUNDS + 1):
        for name, run in (("mlflow", theirs), ("modelkeep", ours)):
            seconds, loaded = _timed(run)
            assert (loaded.predict(X) == model.predict(X)).all()
            if each:  # the first one imports
                found[name].append(seconds)
    return found


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = run()
    return time.perf_counter() - began, made


def fixture(folder: Path, models: int = 1000, versions: int = 50) -> Path:
    """A registry of many models: one is written, the others are copies of its files, which hold no name."""
    import numpy as np

    import modelkeep as mk

    place = folder / "many"
    registry = mk.Registry(place)
    for i in range(versions):
        registry.save("m0000", {"w": np.arange(5.0) + i}, metrics={"accuracy": 0.9 + i / 1000}, message="again")
    registry.set_alias("m0000", "production", versions - 2)
    for n in range(1, models):
        shutil.copytree(place / "models" / "m0000", place / "models" / f"m{n:04d}")
    registry.gc()  # makes heads and index anew
    return place


def many(folder: Path, models: int = 1000, versions: int = 50) -> None:
    """How long it takes to look into a registry of many."""
    import modelkeep as mk

    place, name = fixture(folder, models, versions), f"m{models // 2:04d}"
    asked: dict[str, Callable[[Any], Any]] = {
        "list": lambda registry: registry.summaries(),
        "list NAME": lambda registry: registry.versions(name),
        "show": lambda registry: registry.version(f"{name}@production"),
        "load": lambda registry: registry.load(f"{name}@production"),
    }
    print(f"{models:,} models x {versions} versions, local folder, medians (bar 200 ms):")
    for what, ask in asked.items():
        times = [_timed(lambda ask=ask: ask(mk.Registry(place)))[0] for _ in range(ROUNDS)]  # type: ignore[misc]
        print(f"  {what:<9} {statistics.median(times) * 1e3:6.1f} ms")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "pyc")
    for words in (["list"], ["show", f"{name}@production"]):
        command = [sys.executable, "-m", "modelkeep", *words, "--registry", str(place)]
        times = [
            _timed(lambda c=command: subprocess.run(c, env=environment, check=True, capture_output=True))[0]  # type: ignore[misc]
            for _ in range(ROUNDS)
        ]
        print(f"  the whole command `modelkeep {words[0]}` {statistics.median(times) * 1e3:6.0f} ms")


_LARGE = """
import pickle, sys, time
import modelkeep as mk
registry = mk.Registry(sys.argv[1])
rows = pickle.load(open(sys.argv[2], "rb"))
registry.load("small").predict(rows["small"])
began = time.perf_counter()
registry.load("large").predict(rows["large"])
print(time.perf_counter() - began)
"""


def large(folder: Path) -> None:
    """The dense model of 512 MB, opened by a fresh process in which a small one answered before."""
    import pickle

    import modelkeep as mk
    from benchmarks.models import dense

    registry = mk.Registry(folder / "large")
    model, rows = dense()
    registry.save("large", model, sample=rows)
    registry.save("small", type(model)(loss="log_loss").fit(rows[:, :4], [0, 1] * (rows.shape[0] // 2)))
    del model
    asked = folder / "rows.pkl"
    asked.write_bytes(pickle.dumps({"small": rows[:1, :4], "large": rows[:1]}))
    times = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-W", "ignore", "-c", _LARGE, str(folder / "large"), str(asked)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    print(f"first answer of a model of 512 MB: {statistics.median(times) * 1e3:.1f} ms (bar 20)")


if __name__ == "__main__":
    raise SystemExit(main())
