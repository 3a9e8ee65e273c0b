"""Attack models and use what the checks let through, in children: nothing may end one by a signal, or hang it.

``python checks_campaign.py --limit 100000`` attacks every place with every value, and takes an hour;
``--no-checks`` shows what the checks are for.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import random
import re
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a forked child can't use the threads of its parent
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from checks_mutations import Mutation, apply, mutations, parts
from checks_victims import victims

from modelkeep import Policy
from modelkeep.formats.keep.checks import check_of

METHODS = (
    "predict", "predict_proba", "decision_function", "transform", "score_samples", "apply", "decision_path",
    "kneighbors", "radius_neighbors", "kneighbors_graph", "staged_predict", "mahalanobis",
)  # fmt: skip
ATTRIBUTES = ("feature_importances_", "coef_", "n_support_", "estimators_samples_", "dual_coef_")
_SECONDS = 10  # that using one model may take
_MEMORY = 8 << 30
Check = Callable[[Any], None]


def check_object(obj: Any, allow_regex: bool) -> None:
    """The check of an object's class, as a load runs it."""
    check = check_of(type(obj))
    if check is not None:
        check(obj, Policy(allow_regex=allow_regex))


def check_graph(root: Any, check: Check) -> None:
    """Check every part of a model, parts before what holds them, as a load does."""
    seen: dict[int, Any] = {}

    def visit(obj: Any) -> None:
        if id(obj) in seen or isinstance(obj, str | int | float | type | None | np.generic):
            return
        seen[id(obj)] = obj
        for _, part in parts(obj):
            visit(part)
        if hasattr(obj, "__dict__"):
            check(obj)

    visit(root)


def use(model: Any, X: Any, y: Any) -> None:
    """Call all that a model can be asked; what it raises doesn't matter."""

    def attempt(call: Callable[[], Any]) -> Any:
        with contextlib.suppress(Exception):
            answer = call()
            answer = list(answer) if hasattr(answer, "__next__") else answer
            return answer.toarray() if hasattr(answer, "toarray") else answer

    answers = {name: attempt(lambda name=name: getattr(model, name)(X)) for name in METHODS}  # type: ignore[misc]
    attempt(lambda: model.inverse_transform(answers["transform"]))
    attempt(lambda: model.kneighbors())
    attempt(lambda: model.sample())
    attempt(lambda: model.dbscan_clustering(0.5))
    attempt(lambda: model._compute_partial_dependence_recursion(np.zeros((3, 1), "f4"), np.array([0])))
    for name in ATTRIBUTES:
        attempt(lambda name=name: getattr(model, name))  # type: ignore[misc]
    attempt(lambda: repr(model))
    attempt(lambda: model._repr_html_())
    attempt(lambda: model.score(X, y))
    attempt(lambda: model.partial_fit(X) if y is None else model.partial_fit(X, y))
    attempt(lambda: model.predict(X))


def _child(blob: bytes, attacks: list[Mutation], first: int, check: Check | None, out: int) -> None:
    from modelkeep.errors import CheckError

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    warnings.simplefilter("ignore")
    for i in range(first, len(attacks)):
        os.write(out, f"{i} ".encode())
        model, X, y = pickle.loads(blob)
        signal.alarm(_SECONDS)
        apply(model, pickle.loads(pickle.dumps(attacks[i])))
        try:
            if check is not None:
                check_graph(model, check)
            use(model, X[:7], None if y is None else y[:7])
            verdict = "harmless"
        except CheckError:
            verdict = "refused"
        except Exception as error:  # the builder makes a refusal of it
            verdict = f"stumbled:{type(error).__name__}"
        signal.alarm(0)
        os.write(out, f"{verdict}\n".encode())
    os._exit(0)


def attack(name: str, blob: bytes, attacks: list[Mutation], check: Check | None, counts: dict[str, int]) -> list[str]:
    """Run all attacks on one model, a new child after each one that ends a child; returns those."""
    deadly: list[str] = []
    first = 0
    while first < len(attacks):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                _child(blob, attacks, first, check, writing)
            finally:
                os._exit(70)
        os.close(writing)
        with os.fdopen(reading) as lines:
            said = [line.split() for line in lines]
        status = os.waitpid(pid, 0)[1]
        for _, *verdict in said:
            if verdict:
                kind = verdict[0].partition(":")[0]
                counts[kind] = counts.get(kind, 0) + 1
        if said and len(said[-1]) == 2 and int(said[-1][0]) == len(attacks) - 1:
            break
        last = int(said[-1][0]) if said else first
        place, what, *_ = attacks[last]
        ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        deadly.append(f"{name}: {''.join(f'[{key!r}]' for _, key in place)} {what}: {ended}")
        first = last + 1
    return deadly


def fitted(only: str) -> dict[str, bytes]:
    """The victims, made in a child: their fit may start threads, which no fork survives."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as out:
            pickle.dump({name: pickle.dumps(victim) for name, victim in victims(only).items()}, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        made: dict[str, bytes] = pickle.load(lines)
    os.waitpid(pid, 0)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a pattern that the victims' names match")
    parser.add_argument("--place", default="", help="a pattern that the attacked places match")
    parser.add_argument("--limit", type=int, default=40, help="attacks on each model, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-checks", action="store_true")
    options = parser.parse_args()
    check = None if options.no_checks else lambda obj: check_object(obj, False)
    counts = {"attacks": 0, "refused": 0, "harmless": 0, "stumbled": 0}
    deadly: list[str] = []
    for name, blob in fitted(options.only).items():
        attacks = [m for m in mutations(pickle.loads(blob)[0], options.seed) if re.search(options.place, repr(m[0]))]
        if len(attacks) > options.limit:
            attacks = random.Random(options.seed).sample(attacks, options.limit)
        counts["attacks"] += len(attacks)
        deadly += attack(name, blob, attacks, check, counts)
    json.dump({**counts, "deadly": deadly}, sys.stdout)


if __name__ == "__main__":
    main()
