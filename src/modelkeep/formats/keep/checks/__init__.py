"""Structural checks of finished scikit-learn, scipy and PyTorch objects, before anyone uses them.

Compiled code indexes by the numbers in a model and sizes its buffers by them, without a look at whether they fit.
``CHECKS`` has, for each class that hands numbers to such code, what must hold of them; every class in an object's MRO
contributes. A check reads the object's ``__dict__`` and raises ``CheckError``. An attribute that is missing means not
fitted, unless scikit-learn would skip a test of its own without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from modelkeep.formats.keep.checks import (
    cluster,
    common,
    encoders,
    ensemble,
    hist_boosting,
    linear,
    neighbors,
    params,
    sparse,
    svm,
    text,
    torch_modules,
    voting,
)
from modelkeep.formats.keep.checks.params import regex_params
from modelkeep.formats.keep.checks.require import Check, full_name
from modelkeep.policy import Policy

__all__ = ["CHECKS", "check_of", "checks_for", "regex_params"]

_MODULES = (
    common,
    params,
    neighbors,
    svm,
    ensemble,
    hist_boosting,
    cluster,
    linear,
    encoders,
    text,
    sparse,
    voting,
    torch_modules,
)

CHECKS: dict[str, Check] = {name: check for module in _MODULES for name, check in module.CHECKS.items()}


@functools.cache
def checks_for(cls: type) -> tuple[Check, ...]:
    """The checks of a class, its bases' first."""
    names = [full_name(base) for base in reversed(cls.__mro__)]
    found = [CHECKS[name] for name in names if name in CHECKS]
    if ensemble.check_tree in found:
        found.remove(common.check_estimator)  # an ensemble has hundreds of trees, and none has what that looks for
    return tuple(found)


@functools.cache
def check_of(cls: type) -> Callable[[Any, Policy], None] | None:
    """The check of a class's finished objects, whose parts were checked before them; None if there is nothing to see.

    It raises ``CheckError`` unless compiled code can use the object, and unless its patterns run in linear time or the
    policy allows any.
    """
    checks, patterns = checks_for(cls), bool(params.pattern_names(cls))

    def check(obj: Any, policy: Policy) -> None:
        for one in checks:
            one(obj)
        if patterns:
            params.check_patterns(obj, policy.allow_regex)

    return check if checks or patterns else None
