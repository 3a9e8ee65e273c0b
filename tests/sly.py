"""Models that change on their way through a file: what a proof must notice."""

from __future__ import annotations

from typing import Any

import numpy as np


class Sly:
    """Answers with a row's sum, or its sign; out of a pickle it is off by ``shift`` on rows beyond ``edge``."""

    def __init__(self, shift: float = 0.0, edge: float = -1e300, labels: bool = False, crash: bool = False) -> None:
        self.shift, self.edge, self.labels, self.crash = shift, edge, labels, crash
        self.restored = False
        self.n_features_in_ = 3

    def fit(self, X: Any, y: Any = None) -> Sly:
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "restored": True}

    def predict(self, X: Any) -> Any:
        total = np.asarray(X, dtype=float).sum(axis=1)
        if self.restored and self.crash:
            raise OSError("the runtime fails")
        moved = np.where(total > self.edge, self.shift, 0.0) if self.restored else 0.0
        return np.where(total + moved > 0, "up", "down") if self.labels else total + moved
