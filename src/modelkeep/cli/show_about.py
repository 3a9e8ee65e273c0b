"""What ``formats`` and ``doctor`` print."""

from __future__ import annotations

from collections.abc import Sequence

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import plural
from modelkeep.doctor import Report
from modelkeep.matrix import Row

_SAFETY = {"data": "runs no code", "code": "can run any code"}
_HOLE = "-"


def show_formats(rows: Sequence[Row]) -> None:
    screen = Screen()
    frameworks = list(rows[0].frameworks) if rows else []
    screen.table(
        ["format", "suffix", "reading it", *(f"{name} models" for name in frameworks)],
        [
            (
                row.name,
                " ".join(row.suffixes),
                screen.verdict(row.safety == "data", _SAFETY["data"], _SAFETY["code"]),
                *(row.frameworks[name] or _HOLE for name in frameworks),
            )
            for row in rows
        ],
    )
    screen.line()
    for row in rows:
        screen.fact(row.name, row.title)
    screen.line()
    coded = [row.name for row in rows if row.safety == "code"]
    screen.paragraph(
        f"Reading {' and '.join(coded)} needs --allow-code. To use such a file without running it: "
        "modelkeep convert OLD NEW.keep",
        hanging=0,
    )
    for row in rows:
        for package in row.missing:
            screen.paragraph(f"{row.name} needs {package}, which is not installed")


def show_report(found: Report) -> None:
    screen = Screen()
    screen.line(f"modelkeep {found.modelkeep}", "bold")
    screen.fact("python", f"{found.python}, {found.executable}")
    screen.fact("system", found.system)
    screen.fact("processor", ", ".join(word for word in (plural(found.cpus, "core"), found.simd) if word))
    for threads in found.threads:
        screen.fact("threads", threads)
    screen.heading("packages")
    screen.table(
        ["package", "version", "needed", "tested up to", ""],
        [
            (
                package.name,
                package.version or _HOLE,
                package.needed and f">= {package.needed}",
                package.tested,
                screen.verdict(package.state in ("ok", "newer than tested"), package.state, package.state),
            )
            for package in found.packages
        ],
    )
    for command in dict.fromkeys(package.install for package in found.packages if package.install):
        screen.line(f"  to get what is missing: {command}")
    screen.heading("checks")
    for check in found.checks:
        screen.fact(check.name, f"{'ok' if check.passed else 'FAILED'}: {check.detail}", 15, _style(check.passed))


def _style(good: bool) -> str:
    return "" if good else "bold red"
