"""What a reader may do with a file: load it or refuse it, with one of modelkeep's errors, soon and in little room."""

from __future__ import annotations

import contextlib
import json
import sys
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import modelkeep as mk
from modelkeep.errors import LoadError, ModelkeepError

MIB = 1 << 20
#: A list of empty lists costs 24 times its text, whichever JSON reader makes it.
JSON_FACTOR = 40
TEXT_LIMIT = 4000


class Watch:
    """Records what the process does besides computing, by an audit hook. Only inside ``with`` blocks."""

    FORBIDDEN = ("socket.", "subprocess.", "os.", "shutil.", "ctypes.", "pickle.", "marshal.", "urllib.", "tempfile.")
    ALSO = frozenset({"open", "exec", "compile", "import", "pty.spawn", "code.__new__", "mmap.__new__"})
    QUIET = frozenset({"os.listdir", "os.scandir"})
    #: What the replay of a probe does: threadpoolctl lists this process's libraries, and numpy's state is read.
    REPLAY = ("open ('/proc/self/maps'", "ctypes.string_at ", "ctypes.dlopen ", "ctypes.dlsym")

    def __init__(self, roots: frozenset[str] = frozenset()) -> None:
        self.roots = roots
        self.seen: list[str] = []
        self._on = False
        sys.addaudithook(self._hear)

    def __enter__(self) -> list[str]:
        self.seen = []
        self._on = True
        return self.seen

    def __exit__(self, *error: object) -> None:
        self._on = False

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._on or event in self.QUIET:
            return
        if event in self.ALSO or event.startswith(self.FORBIDDEN):
            if event == "import" and str(args[0]).partition(".")[0] in self.roots:
                return
            shown = f"{event} {args}"
            # A time zone is looked up in the database of zones, which may be the package tzdata.
            if not shown.startswith(self.REPLAY) and "/zoneinfo/" not in shown and "tzdata" not in shown:
                self.seen.append(shown[:200])


def peak() -> int:
    """The largest resident size since the last ``reset_peak``, in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise OSError("no VmHWM in /proc/self/status")


def reset_peak() -> int:
    """Start a new measurement; returns the resident size now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def allowed_memory(size: int, graph_size: int) -> int:
    """Twice the file, what its JSON costs as Python objects, and 32 MiB."""
    return 2 * size + JSON_FACTOR * graph_size + 32 * MIB


def refusal_faults(error: ModelkeepError) -> list[str]:
    """What is wrong with the text of a refusal."""
    text = f"{error}\n{error.hint}"
    faults = []
    if len(text) > TEXT_LIMIT:
        faults.append(f"a text of {len(text)} characters")
    bad = {c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"}
    if bad:
        faults.append(f"control characters in the text: {sorted(map(ascii, bad))}")
    if not str(error):
        faults.append("no text")
    return faults


def load(data: bytes, watch: Watch) -> tuple[str, Any, list[str]]:
    """Outcome (``loaded`` or the stage that refused), the model, and everything that broke a promise."""
    model, faults = None, []
    with warnings.catch_warnings(), watch as seen:
        warnings.simplefilter("ignore")
        try:
            model = mk.loads(data)
            outcome = "loaded"
        except ModelkeepError as error:
            outcome = error.stage if isinstance(error, LoadError) else error.kind
            refused = error
        except BaseException as error:
            outcome = "foreign"
            faults.append(f"foreign exception {type(error).__name__}: {str(error)[:200]}")
    if outcome not in ("loaded", "foreign"):
        faults += refusal_faults(refused)
    return outcome, model, faults + [f"event {event}" for event in seen]


def look(data: bytes, base: bytes, watch: Watch) -> list[str]:
    """What the verbs that only look at a file make of it: an answer, or one of modelkeep's errors."""
    faults: list[str] = []
    calls = {
        "inspect": lambda: mk.inspect(data),
        "verify": lambda: mk.verify(data),
        "diff": lambda: mk.diff(base, data),
    }
    with warnings.catch_warnings(), watch as seen:
        warnings.simplefilter("ignore")
        for name, call in calls.items():
            try:
                json.dumps(call(), default=str)
            except ModelkeepError as error:
                faults += [f"{name}: {fault}" for fault in refusal_faults(error)]
            except BaseException as error:
                faults.append(f"{name}: foreign exception {type(error).__name__}: {str(error)[:200]}")
    return faults + [f"looked at: event {event}" for event in seen]


METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples", "kneighbors", "get_params")


def use(model: Any, rows: Any, watch: Watch) -> list[str]:
    """Work with a model that was loaded. Python's own exceptions are fair; what kills or escapes is not."""
    faults: list[str] = []
    with warnings.catch_warnings(), watch as seen:
        warnings.simplefilter("ignore")
        with contextlib.suppress(Exception):  # scikit-learn's repr asks a model for parameters that it may have lost
            repr(model)
        for name in METHODS:
            try:
                method = getattr(model, name, None)
                if callable(method):
                    method() if name == "get_params" else method(rows)
            except SystemError as error:
                faults.append(f"{name}: SystemError {error}")
            except Exception:
                continue
    # Printing and fitting anew may import; only data that leaves the process or kills it is counted here.
    faults += [
        f"in use: event {event}" for event in seen if event.startswith(("socket", "subprocess", "os.", "shutil"))
    ]
    return faults + resave(model)


def resave(model: Any) -> list[str]:
    """What was loaded can be saved again or is refused by name, and comes back the same."""
    try:
        first = mk.dumps(model, probe=False)
    except ModelkeepError:
        return []
    except Exception as error:
        return [f"saving again: {type(error).__name__}: {str(error)[:200]}"]
    try:
        second = mk.dumps(mk.loads(first), probe=False)
    except ModelkeepError as error:
        return [f"saved again, it is refused: {error}"]
    return [] if first == second else ["saved, loaded and saved, the bytes differ"]
