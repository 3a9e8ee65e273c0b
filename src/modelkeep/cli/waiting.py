"""A bar on work that takes longer than a second, and only on a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: Seconds before anything is shown.
PATIENCE = 1.0


class _Bar:
    """Counts from the first moment; shows itself once the patience is over."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.done, self.total = 0, 0
        self._lock = threading.Lock()
        self._shown: Any = None
        self._task: Any = None
        self._over = False
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True
        self._timer.start()

    def update(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        with self._lock:
            if self._shown is not None:
                # At the end of the bytes there may be work that nothing counts: the bar moves on without a number.
                self._shown.update(self._task, completed=done, total=total if done < total else None)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._over:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._shown = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._shown.add_task(self.text, completed=self.done, total=self.total or None)
            self._shown.start()

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._shown is not None:
                self._shown.stop()


@contextlib.contextmanager
def waiting(text: str) -> Iterator[Callable[[int, int], None]]:
    """``with waiting("verifying") as progress: ...``; ``progress(done, total)`` moves the bar."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    bar = _Bar(text)
    try:
        yield bar.update
    finally:
        bar.close()
