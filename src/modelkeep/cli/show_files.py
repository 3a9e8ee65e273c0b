"""What ``verify`` and ``convert`` print."""

from __future__ import annotations

from modelkeep.cli.screen import Screen
from modelkeep.cli.show_parity import show_certificate
from modelkeep.cli.text import plural, size
from modelkeep.conversion import Converted
from modelkeep.verification import Verified


def show_verified(found: Verified, *, signed: bool = False) -> None:
    screen = Screen()
    screen.line(f"{found.path}: verified", "bold")
    screen.fact("bytes", f"{size(found.size)}, every one as it was saved")
    screen.fact("digest", found.digest)
    if signed:
        screen.fact("signature", "valid, by a key that you named")
    screen.fact("inside", "well-formed, and safe for compiled code")
    if found.exact is None:
        screen.fact("answers", "not compared: the file has no probe", style="yellow")
    else:
        exact = "equal to the last bit" if found.exact else f"equal within {found.tolerance:g}"
        screen.fact("answers", f"{exact}: {plural(found.rows, 'row')} through {', '.join(found.methods)}")
    screen.fact("environment", "the same as when it was saved" if found.same_environment else "differs:")
    for change in found.changes:
        screen.fact("", change, style="yellow")
    for note in found.notes:
        screen.fact("note", note)


def show_converted(found: Converted) -> None:
    screen = Screen()
    screen.line(f"{found.target}: {found.target_format}, {size(found.size)}, from {found.source}", "bold")
    if found.digest:
        screen.fact("digest", found.digest)
    if found.executed:
        screen.fact("read", f"BY RUNNING the {found.source_format} file, as --allow-code allows", style="yellow")
    elif found.source_format != "keep":
        screen.fact("read", f"without running the {found.source_format} file")
    for name, value in found.facts.items():
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        if text:
            screen.fact("", f"{name.replace('_', ' ')}: {text}")
    for name in found.trust:
        screen.fact("trust", f"to load it, pass --trust {name}")
    if found.certificate is not None:
        show_certificate(found.certificate, screen)
    for note in found.notes:
        screen.fact("note", note)
