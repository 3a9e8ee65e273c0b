"""Settings of every test run, and the fresh process that reloads the zoo's models."""

from __future__ import annotations

import os

# Before numpy is imported: a matrix product over several threads may sum in another order, and tests that run side by
# side would only get in each other's way.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import tempfile  # noqa: E402

# What readers remember of registries must neither come from this machine nor stay on it.
os.environ["MODELKEEP_STATE"] = tempfile.mkdtemp(prefix="modelkeep-state-")
os.environ.setdefault("MODELKEEP_CACHE", os.environ["MODELKEEP_STATE"])

from collections.abc import Iterator  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import pytest  # noqa: E402

if TYPE_CHECKING:
    from zoo.fresh import FreshProcess


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshProcess]:
    """A process that loads ``.keep`` files with no trust list and answers."""
    from zoo.fresh import FreshProcess

    process = FreshProcess(tmp_path_factory.mktemp("fresh"))
    yield process
    process.close()
