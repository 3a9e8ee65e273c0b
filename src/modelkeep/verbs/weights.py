"""The verb on weights: from a file into a model that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelkeep import weights
from modelkeep.keys import Secret
from modelkeep.loading import Rules, Source
from modelkeep.policy import Policy
from modelkeep.seals.age import Unlock
from modelkeep.weights import Weights


def load_weights(
    source: Source | Mapping[str, Any],
    *,
    into: Any,
    strict: bool = True,
    policy: Policy | None = None,
    format: str | None = None,
    identity: Secret | None = None,
    passphrase: Secret | None = None,
) -> Weights:
    """Put the weights of a keep, safetensors or state_dict file into a module of PyTorch or a Keras model.

    source: a path, bytes, a binary file, or arrays by name. No class in a keep file is looked up, so none is trusted.
    strict: whether the names must be the same on both sides; else those of both are put in, and the rest is reported.

    Names, shapes and dtypes are compared first: a ``CheckError`` names what differs, and nothing was put in.

    >>> import torch
    >>> line = torch.nn.Linear(1, 1)
    >>> load_weights({"weight": torch.ones(1, 1), "bias": torch.zeros(1)}, into=line)
    Weights(loaded=2, missing=(), unexpected=())
    """
    rules = Rules(policy or Policy(), unlock=Unlock(identity, passphrase))
    return weights.load(source, into, rules, strict=strict, format=format)
