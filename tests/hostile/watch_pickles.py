"""Run in a process of its own: reads every hostile file and some honest ones under an audit hook, prints what it saw.

python -m hostile.watch_pickles records|read
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import warnings

import joblib
import lz4.frame  # noqa: F401  imported here, so that the reader finds it there
import numpy as np
import sklearn.ensemble
import sklearn.pipeline

from hostile.pickles import CASES
from modelkeep.errors import ModelkeepError
from modelkeep.formats.unpickle import arrays, dtypes, read, records  # noqa: F401  imported before the hook is set
from modelkeep.policy import Policy

#: What no step of reading may do. ``object.__getattr__`` is what a look-up of a function's globals would raise.
WATCHED = ("import", "open", "exec", "compile", "os.", "subprocess.", "socket.", "ctypes.", "shutil.", "pty.", "code.")
seen: list[str] = []
watching = False


def hook(event: str, args: tuple[object, ...]) -> None:
    if watching and event.startswith(WATCHED):
        seen.append(f"{event} {str(args)[:100]}")


def honest() -> list[bytes]:
    X = np.random.RandomState(0).normal(size=(60, 3))
    forest = sklearn.ensemble.RandomForestClassifier(3, random_state=0).fit(X, X[:, 0] > 0)
    model = sklearn.pipeline.make_pipeline(forest)
    out = io.BytesIO()
    joblib.dump(model, out, compress=3)
    return [*(pickle.dumps(model, protocol) for protocol in range(6)), out.getvalue()]


def main(step: str) -> None:
    global watching
    good, bad = honest(), [make() for make, _, _ in CASES.values()]
    run = (lambda data: records(data, Policy())) if step == "records" else read
    warnings.simplefilter("ignore")
    if step == "read":  # the classes of these files are imported now, and by no hostile file later
        for data in good + bad:
            attempt(run, data)
    sys.addaudithook(hook)
    watching = True
    done = sum(attempt(run, data) for data in good)
    refused = sum(not attempt(run, data) for data in bad)
    open_seen = len(seen)
    with open("/dev/null"):
        pass
    watching = False
    print(json.dumps({"seen": seen[:open_seen], "proof": len(seen) - open_seen, "read": done, "refused": refused}))


def attempt(run: object, data: bytes) -> bool:
    try:
        run(data)  # type: ignore[operator]
    except ModelkeepError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
