"""What ``demo`` prints: for someone who sees modelkeep for the first time."""

from __future__ import annotations

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import plural, seconds, size
from modelkeep.demo import Demo


def show(found: Demo) -> None:
    screen = Screen()
    screen.line("Two models, each saved as one file, and loaded in a new Python process", "bold")
    screen.line()
    for model in found.models:
        screen.fact(model.file, f"{model.title}; it takes {model.takes}", width=15)
    screen.line()
    rows = [(m.file, size(m.size), seconds(m.save_seconds), seconds(m.load_seconds)) for m in found.models]
    screen.table(["file", "size", "saved in", "loaded in"], rows, right=[1, 2, 3])
    _answers(screen, found)
    _refusals(screen, found)
    screen.line()
    screen.line(_verdict(found), "bold green" if found.passed else "bold red")
    _next(screen, found)


def _answers(screen: Screen, found: Demo) -> None:
    screen.heading(f"Are the answers of process {found.fresh_process} those of process {found.process}?")
    rows = [
        (
            model.file if number == 0 else "",
            method.name,
            f"{method.rows:,}",
            f"{method.equal:,} of {method.values:,}",
            screen.verdict(method.equal == method.values, "yes, to the last bit", "NO"),
        )
        for model in found.models
        for number, method in enumerate(model.methods)
    ]
    screen.line()
    screen.table(["file", "method", "rows", "equal values", "the same?"], rows, right=[2, 3])


def _refusals(screen: Screen, found: Demo) -> None:
    screen.heading("What happens to a bad file?")
    for refusal in found.refusals:
        screen.line()
        screen.paragraph(refusal.title, 2)
        times = f"refused, {refusal.refusals:,} times of {refusal.tried:,}" if refusal.tried > 1 else "refused"
        screen.line(f"    {times if refusal.refused else 'NOT ' + times}", "green" if refusal.refused else "bold red")
        screen.paragraph(refusal.error, 4, "dim", hanging=2)
        if refusal.instead:
            screen.paragraph(f"(without modelkeep: {refusal.instead})", 4, "dim", hanging=2)


def _verdict(found: Demo) -> str:
    values = sum(method.values for model in found.models for method in model.methods)
    took = f"in {seconds(found.seconds)}"
    if not found.passed:
        return f"Something above is not as it should be ({took}); please run: modelkeep doctor"
    tried = sum(refusal.tried for refusal in found.refusals)
    return f"All {values:,} values are equal, and all {plural(tried, 'bad file')} were refused ({took})."


def _next(screen: Screen, found: Demo) -> None:
    screen.heading("With a model of your own, in Python:")
    for line in ("import modelkeep as mk", 'mk.save(model, "model.keep", sample=X)', 'model = mk.load("model.keep")'):
        screen.line(f"    {line}")
    screen.line()
    first = f"{found.folder}/{found.models[0].file}" if found.folder else "model.keep"
    screen.line(f"Then: modelkeep inspect {first}")
