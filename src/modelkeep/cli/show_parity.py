"""What is printed of a certificate of parity."""

from __future__ import annotations

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import plural, size
from modelkeep.exporting import Exported
from modelkeep.parity import SUFFIX, Certificate


def show_exported(found: Exported) -> None:
    screen = Screen()
    screen.line(f"{found.path}: {found.format}, {size(found.size)}", "bold")
    show_certificate(found.certificate, screen)
    screen.fact("certificate", found.path + SUFFIX)


def show_certificate(found: Certificate, screen: Screen | None = None) -> None:
    if screen is None:
        screen = Screen()
        screen.line(f"{found.format}: {'the same answers' if found.clean else 'answers as accepted'}", "bold")
    rows = ", ".join(f"{count} {kind}" for kind, count in found.rows.items())
    screen.fact("asked", f"{plural(found.asked, 'row')} in a fresh process: {rows}" if rows else "its content")
    for name, output in found.outputs.items():
        labels = f"{plural(output.labels, 'label')} changed, " if output.labels else ""
        difference = f"largest difference {output.absolute:.2g}" if output.absolute else "equal to the last bit"
        style = "yellow" if output.labels or output.beyond else ""
        screen.fact(f"{name} ", f"{labels}{difference}", style=style)
    if found.accepted is not None:
        told = f"labels={found.accepted.labels}, atol={found.accepted.atol:g}, rtol={found.accepted.rtol:g}"
        screen.fact("accepted", f"knowingly, {told}; the format's own tolerance was not met", style="yellow")
    for note in found.notes:
        screen.fact("note", note)
