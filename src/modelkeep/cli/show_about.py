"""What ``formats`` and ``doctor`` print."""

from __future__ import annotations

from collections.abc import Sequence

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import plural
from modelkeep.doctor import Report
from modelkeep.matrix import Row

_SAFETY = {"data": "runs no code", "code": "can run any code"}
_HOLE = "-"


_GIVES = {"model": "the model", "predictor": "a predictor", "weights": "arrays", "": "not read"}


def _listed(names: list[str]) -> str:
    return " and ".join(names)


def show_formats(rows: Sequence[Row]) -> None:
    screen = Screen()
    screen.table(
        ["format", "suffix", "reading it", "gives", "written from"],
        [
            (
                row.name,
                " ".join(row.suffixes),
                screen.verdict(row.safety == "data" or row.inert, _SAFETY["data"], _SAFETY["code"]),
                _GIVES[row.gives],
                _written(row),
            )
            for row in rows
        ],
    )
    screen.line()
    for row in rows:
        screen.fact(row.name, row.title)
    screen.line()
    coded = [row.name for row in rows if row.safety == "code" and not row.inert]
    inert = [row.name for row in rows if row.inert]
    screen.paragraph(
        f"With --allow-code {_listed(inert)} {'is' if len(inert) == 1 else 'are'} run instead of read as data"
        + (f", and {_listed(coded)} can be read" if coded else "")
        + ": that can run any code.",
        hanging=0,
    )
    for row in rows:
        for package in row.missing:
            screen.paragraph(f"{row.name} needs {package}, which is not installed")


def show_onnx(found: Sequence[tuple[str, bool, str]]) -> None:
    """Estimators that have an ONNX form, and the others by reason."""
    screen = Screen()
    written = [name for name, has, _ in found if has]
    screen.line(f"{len(written)} estimators can be written as ONNX, alone and inside one another", "bold")
    screen.paragraph(", ".join(written))
    for reason in sorted({why for _, has, why in found if not has}):
        names = [name for name, has, why in found if not has and why == reason]
        screen.heading(f"refused: {reason}")
        screen.paragraph(", ".join(names))
    screen.line()
    screen.paragraph(
        "Each export is proved all the same: what answers differently is refused, with the rows.", indent=0
    )


def _written(row: Row) -> str:
    """The frameworks whose models the format takes."""
    taken = [name for name, cell in row.frameworks.items() if "write" in cell]
    return "any" if len(taken) == len(row.frameworks) else ", ".join(taken) or _HOLE


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
