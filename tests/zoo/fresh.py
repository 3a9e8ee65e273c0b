"""Answers from a process that has never seen the models: it gets files and rows, nothing else."""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Seconds after which one model's load and answers count as hanging.
PATIENCE = 120


class FreshProcess:
    """One worker process for many models; started at the first question, and again if a model brings it down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = 0
        self.process: subprocess.Popen[bytes] | None = None

    def answers(self, data: bytes, X: Any) -> dict[str, object]:
        """What the model in ``data`` answers over ``X`` there. A crash, a hang or an error fails the caller."""
        self.asked += 1
        name = f"model{self.asked}"
        (self.folder / f"{name}.keep").write_bytes(data)
        (self.folder / f"{name}.rows").write_bytes(pickle.dumps(X, protocol=5))
        self._ask(name)
        found = pickle.loads((self.folder / f"{name}.answers").read_bytes())
        for suffix in ("keep", "rows", "answers"):
            (self.folder / f"{name}.{suffix}").unlink()
        if isinstance(found, str):
            raise AssertionError(f"the model does not answer in a fresh process\n{found}")
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(30)
            self.process = None

    def _ask(self, name: str) -> None:
        process = self.process = self.process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{name}\n".encode())
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        if ready and process.stdout.readline() == f"{name} done\n".encode():
            return
        self.process = None
        process.kill()
        code = process.wait(30)
        raise AssertionError(f"the fresh process {'ended with code ' + str(code) if ready else 'hangs'}")

    def _started(self) -> subprocess.Popen[bytes]:
        tests = Path(__file__).parents[1]
        return subprocess.Popen(
            [sys.executable, "-m", "zoo.worker", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])},
        )
