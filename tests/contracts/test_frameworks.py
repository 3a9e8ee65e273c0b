"""The contract suite on the frameworks."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from modelkeep import catalog
from modelkeep.testing import FrameworkSuite

X = np.random.default_rng(0).normal(size=(30, 4))
y = np.arange(30) % 2


class TestSklearn(FrameworkSuite):
    framework = {f.name: f for f in catalog.frameworks()}["sklearn"]

    def models(self):
        return [(LogisticRegression().fit(X, y), X), (StandardScaler().fit(X), X)]
