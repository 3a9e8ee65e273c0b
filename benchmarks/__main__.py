"""Measures, prints and writes benchmarks/results.md. Each model is timed in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import bars, memory, report
from benchmarks.models import SPECS, cached
from benchmarks.peers import PEERS

RESULTS = Path(__file__).with_name("results.md")
QUICK = ["iris", "forest100", "tfidf", "neighbours", "svc", "mlp"]
#: Peak memory says something only where the model is larger than the interpreter's own noise.
HEAVY = 5 * 2**20


def main() -> None:
    options = _options()
    if options.task:
        print(json.dumps(_task(options)))
        return
    figures = Figures()
    for name in options.models:
        _say(name)
        cached(SPECS[name], fresh=options.fresh)
        with tempfile.TemporaryDirectory(prefix="modelkeep-", dir=options.folder) as folder:
            _measure(name, options, folder, figures)
    found = bars.judged(figures.times, figures.memory, figures.probes)
    text = report.text(figures.times, figures.memory, figures.probes, found)
    print(text)
    whole = set(options.models) == set(SPECS) and set(options.peers) == set(PEERS) and not figures.failed
    if options.write and whole and options.memory and options.probe:
        RESULTS.write_text(text)
    else:
        _say(f"{RESULTS.name} is left as it is: it shows whole runs only")
    if figures.failed:
        sys.exit(f"not measured: {', '.join(figures.failed)}")


@dataclass
class Figures:
    """All that a run measured, by model; ``failed`` names what could not be."""

    times: bars.Times = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    probes: dict[str, Any] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def _measure(name: str, options: argparse.Namespace, folder: str, figures: Figures) -> None:
    try:
        figures.times[name] = _child(options, "time", name, folder)
        size = next(iter(figures.times[name].values()))["size"]
        if options.memory and size >= HEAVY:
            figures.memory[name] = _peaks(name, options.peers, folder)
        if options.probe:
            figures.probes[name] = _child(options, "probe", name, folder)
    except (subprocess.CalledProcessError, RuntimeError) as error:
        # One model that fails must not throw away the minutes spent on the others.
        _say(f"{name}: {error}")
        figures.failed.append(name)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--models", nargs="+", choices=SPECS, default=list(SPECS), metavar="MODEL")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER")
    parser.add_argument("--repeats", type=int, default=7, help="rounds; three times as many for quick models")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds after which a peer sits out, for a model")
    parser.add_argument("--folder", default=None, help="where the files go; by default the temporary folder")
    parser.add_argument("--fresh", action="store_true", help="fit the models again")
    parser.add_argument("--no-memory", dest="memory", action="store_false")
    parser.add_argument("--no-probe", dest="probe", action="store_false")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave results.md as it is")
    parser.add_argument("--task", choices=["time", "probe"], help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="the models that are fitted in seconds, three rounds")
    options = parser.parse_args()
    if options.quick:
        options.models, options.repeats = QUICK, 3
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _child(options: argparse.Namespace, task: str, model: str, folder: str) -> Any:
    command = [sys.executable, "-m", "benchmarks", "--task", task, "--models", model, "--folder", folder]
    command += ["--repeats", str(options.repeats), "--budget", str(options.budget), "--peers", *options.peers]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _task(options: argparse.Namespace) -> Any:
    from benchmarks import probe_cost, timing

    model = options.models[0]
    if options.task == "probe":
        return probe_cost.measure(model, options.repeats)
    return timing.measure(model, options.peers, options.folder, options.repeats, options.budget)


def _peaks(model: str, peers: list[str], folder: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in peers:
        verbs = ["save", "load"] if PEERS[name].save is not None else ["load"]
        found[name] = {verb: memory.measure(model, name, verb, folder) for verb in verbs}
    return found


if __name__ == "__main__":
    main()
