"""The names that a pickle or joblib file would import, listed without importing any."""

from __future__ import annotations

from modelkeep.formats.unpickle.read import records
from modelkeep.formats.unpickle.records import Global, walk
from modelkeep.policy import Policy


def names(data: memoryview, policy: Policy) -> list[str]:
    """Each ``module.name`` once, sorted. A file that is not well-formed is refused as in ``records``."""
    return sorted({repr(found) for found in walk(records(data, policy)) if isinstance(found, Global)})
