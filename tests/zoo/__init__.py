"""The test zoo: several hundred small fitted models of every kind, built on demand, each with rows to answer.

``ZOO[name]()`` gives ``(model, X)``: deterministic, fitted at the first call, kept for the process. ``UNFITTED`` holds
every public estimator before its fit. ``REFUSED`` holds models that no file can keep without the loader's trust.
The families are imported on first use, so that ``zoo.answers`` and ``zoo.worker`` stay free of scikit-learn.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.shelf import REFUSED as REFUSED
    from zoo.shelf import ZOO as ZOO
    from zoo.unfitted import UNFITTED as UNFITTED

__all__ = ["REFUSED", "UNFITTED", "ZOO"]


def __getattr__(name: str) -> Any:
    if name == "UNFITTED":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return importlib.import_module("zoo.unfitted").UNFITTED
    if name not in ("ZOO", "REFUSED"):
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    families = importlib.import_module("zoo.families")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # deprecated estimators are kept too
        for family in sorted(module.name for module in pkgutil.iter_modules(families.__path__)):
            importlib.import_module(f"zoo.families.{family}")
    return getattr(importlib.import_module("zoo.shelf"), name)
