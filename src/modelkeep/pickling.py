"""What writing a pickle and writing a joblib file share: the protocols, and what is told of what can't be pickled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from modelkeep.errors import ExportError, UsageError, quote, said

_PROTOCOLS = (2, 3, 4, 5)


def protocol_of(options: Mapping[str, Any]) -> int:
    """The protocol that is asked for, 5 if none is."""
    protocol = options.get("protocol", 5)
    if protocol not in _PROTOCOLS:
        raise UsageError(f"protocol is {quote(repr(protocol))}", hint="use 2, 3, 4 or 5")
    return int(protocol)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Whatever the model's own code raises when it is asked for its state becomes an ExportError."""
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise ExportError(
            f"a part of the model can't be pickled: {said(error)}",
            hint="save it as a .keep file: its error names every such part and where it is",
        ) from error
