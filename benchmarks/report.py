"""The figures of a run as Markdown."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bars import MB, MS, Bar, Times
from benchmarks.models import SPECS
from benchmarks.peers import PEERS

_HEAD = ["", "save", "load", "load + first predict", "size", "peak memory: save", "peak memory: load"]


def text(times: Times, memory: dict[str, Any], probes: dict[str, Any], bars: list[Bar]) -> str:
    parts = ["# Benchmarks", _about(), "## Bars", _bars(bars), "## Models", _LEGEND]
    for model, peers in times.items():
        parts += [f"### {SPECS[model].title}", _model(peers, memory.get(model, {}))]
    if probes:
        parts += ["## Making the probe", _probes(probes)]
    return "\n\n".join(parts) + "\n"


_LEGEND = (
    "Times are medians in milliseconds, sizes in megabytes (2^20 bytes); in brackets the ratio to pickle. Every save "
    "ends with fsync of the file and of its folder: without that a new file may be gone after a power cut. Peak "
    "memory is what the process takes of its own (RssAnon) above what it held before, watched "
    "from outside in a fresh process; it is measured for models of at least 5 MB."
)


def _about() -> str:
    names = ("modelkeep", "scikit-learn", "numpy", "joblib", "skops", "zstandard", "blake3")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"`python -m benchmarks` on {_processor()}, Python {platform.python_version()}; {versions}."


def _processor() -> str:
    import os

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores ({name})"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _bars(bars: list[Bar]) -> str:
    mark = {True: "pass", False: "**fail**", None: "not measured"}
    rows = [[bar.what, bar.required, bar.measured or "", mark[bar.passed]] for bar in bars]
    return _table(["what", "bar", "measured", ""], rows)


def _model(peers: dict[str, Any], memory: dict[str, Any]) -> str:
    base, held = peers.get("pickle", {}), memory.get("pickle", {})
    rows = []
    for name, figures in peers.items():
        row = [PEERS[name].title]
        row += [_cell(figures[verb], base.get(verb), MS, 2) for verb in ("save", "load", "predict")]
        row += [_cell(figures["size"], base.get("size"), 1 / MB, 3)]
        for verb in ("save", "load"):
            own, other = memory.get(name, {}).get(verb), held.get(verb)
            base_peak = other["anonymous"] if other and other["anonymous"] >= MB else None  # less is noise
            row.append(_cell(own and own["anonymous"], base_peak, 1 / MB, 1))
        rows.append(row)
    return _table(_HEAD, rows)


def _cell(value: float | None, base: float | None, scale: float, digits: int) -> str:
    if value is None:
        return ""
    ratio = f" ({value / base:.2f})" if base else ""
    return f"{value * scale:,.{digits}f}{ratio}"


def _probes(probes: dict[str, Any]) -> str:
    rows = [
        [SPECS[m].title, f"{p['probe'] * MS:.2f}", f"{p['pass'] * MS:.2f}", f"{p['probe'] / p['pass']:.2f}"]
        for m, p in probes.items()
    ]
    return _table(["model", "making and encoding the probe (ms)", "one pass (ms)", "ratio"], rows)
