"""Structural checks of finished scikit-learn and scipy objects, before anyone uses them.

Compiled code indexes by the numbers in a model and sizes its buffers by them, without a look at whether they fit.
``CHECKS`` has, for each class that hands numbers to such code, what must hold of them; every class in an object's MRO
contributes. A check reads the object's ``__dict__`` and raises ``CheckError``. An attribute that is missing means not
fitted, unless scikit-learn would skip a test of its own without it.
"""

from __future__ import annotations

import functools
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
    voting,
)
from modelkeep.formats.keep.checks.params import regex_params
from modelkeep.formats.keep.checks.require import Check, full_name

__all__ = ["CHECKS", "check_object", "checks_for", "needs_check", "regex_params"]

_MODULES = (common, params, neighbors, svm, ensemble, hist_boosting, cluster, linear, encoders, text, sparse, voting)

CHECKS: dict[str, Check] = {name: check for module in _MODULES for name, check in module.CHECKS.items()}


@functools.cache
def checks_for(cls: type) -> tuple[Check, ...]:
    """The checks of a class, its bases' first."""
    names = [full_name(base) for base in reversed(cls.__mro__)]
    found = [CHECKS[name] for name in names if name in CHECKS]
    if ensemble.check_tree in found:
        found.remove(common.check_estimator)  # an ensemble has hundreds of trees, and none has what that looks for
    return tuple(found)


def needs_check(cls: type) -> bool:
    """Whether ``check_object`` has anything to look at in objects of ``cls``."""
    return bool(checks_for(cls) or params.pattern_names(cls))


def check_object(obj: Any, allow_regex: bool) -> None:
    """Raise ``CheckError`` unless compiled code can use the finished ``obj``, whose parts were checked before it."""
    cls: type = type(obj)
    for check in checks_for(cls):
        check(obj)
    if params.pattern_names(cls):
        params.check_patterns(obj, allow_regex)
