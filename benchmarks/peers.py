"""The ways to keep a model that are compared. Every save is made durable before it counts as done."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: What the benchmark's models need beyond skops' own list: its safe use, nothing else is trusted.
SKOPS_TRUSTED = [
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
]


@dataclass(frozen=True)
class Peer:
    """One way. ``file_of`` names the peer whose file it loads, where it has no save of its own."""

    name: str
    title: str
    save: Callable[[Any, str], None] | None
    load: Callable[[str], Any]
    file_of: str = ""

    @property
    def file(self) -> str:
        return self.file_of or self.name


def _durable(path: str) -> None:
    """The file, and its folder: a new name is not on the disk before its folder is (fsync(2))."""
    for name in (path, os.path.dirname(path)):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _pickle_save(model: Any, path: str) -> None:
    with open(path, "wb") as file:
        pickle.dump(model, file, protocol=5)
    _durable(path)


def _pickle_load(path: str) -> Any:
    with open(path, "rb") as file:
        return pickle.load(file)


def _joblib_save(compress: int) -> Callable[[Any, str], None]:
    def save(model: Any, path: str) -> None:
        import joblib

        joblib.dump(model, path, compress=compress)
        _durable(path)

    return save


def _joblib_load(path: str) -> Any:
    import joblib

    return joblib.load(path)


def _skops_save(model: Any, path: str) -> None:
    import skops.io

    skops.io.dump(model, path)
    _durable(path)


def _skops_load(path: str) -> Any:
    import skops.io

    return skops.io.load(path, trusted=SKOPS_TRUSTED)


def _keep_save(compress: str | None) -> Callable[[Any, str], None]:
    def save(model: Any, path: str) -> None:
        import modelkeep as mk

        mk.save(model, path, probe=False, compress=compress)  # durable by itself

    return save


def _keep_load(path: str) -> Any:
    import modelkeep as mk

    return mk.load(path)


def _keep_load_trusted(path: str) -> Any:
    import modelkeep as mk

    return mk.load(path, integrity="trusted")


PEERS = {
    peer.name: peer
    for peer in (
        Peer("pickle", "pickle protocol 5", _pickle_save, _pickle_load),
        Peer("joblib", "joblib", _joblib_save(0), _joblib_load),
        Peer("joblib3", "joblib compress=3", _joblib_save(3), _joblib_load),
        Peer("skops", "skops", _skops_save, _skops_load),
        Peer("keep", "modelkeep", _keep_save(None), _keep_load),
        Peer("keep-trusted", 'modelkeep integrity="trusted"', None, _keep_load_trusted, file_of="keep"),
        Peer("keep-zstd", 'modelkeep compress="zstd"', _keep_save("zstd"), _keep_load),
    )
}


def file_name(peer: Peer) -> str:
    return f"{peer.file}.{'keep' if peer.file.startswith('keep') else peer.file}"


def warm_up(peer: Peer, folder: str) -> None:
    """Pay the imports of a peer before anything is measured."""
    from sklearn.linear_model import LogisticRegression

    path = os.path.join(folder, f"warm.{file_name(peer)}")
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    saver = peer.save or PEERS[peer.file].save
    assert saver is not None
    saver(model, path)
    peer.load(path).predict([[0.0]])
    os.unlink(path)
