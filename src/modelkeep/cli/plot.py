"""A picture of an advice: the size of each file against the time of one prediction."""

from __future__ import annotations

from modelkeep.advising import Advice


def ready(path: str) -> None:
    """Refuse before the work begins, if the picture could not be drawn after it."""
    from modelkeep import catalog
    from modelkeep.errors import UsageError, quote

    catalog.require(["matplotlib"])
    if not path.lower().endswith(".png"):
        raise UsageError(f"{quote(path)} is no name of a picture", hint="name a .png file")


def draw(found: Advice, path: str) -> None:
    """Size against latency, both on logarithmic scales; formats that can run code are hollow."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    from modelkeep import atomic

    figure = Figure(figsize=(7, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for each in found.tried:
        if not each.works or each.one is None or not each.size:
            continue
        chosen = each.format == found.format
        face = "none" if each.runs_code else "tab:green" if chosen else "tab:blue"
        axes.scatter(each.size / 1000, each.one * 1e3, s=70, facecolors=face, edgecolors="tab:blue")
        name = f"{each.format} (recommended)" if chosen else each.format
        axes.annotate(name, (each.size / 1000, each.one * 1e3), xytext=(6, 4), textcoords="offset points")
    axes.set(xscale="log", yscale="log", xlabel="size of the file, kB", ylabel="one prediction, ms")
    axes.set_title(f"{found.model.rsplit('.', 1)[-1]}, for {found.purpose}; hollow: reading it can run code")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
        axis.set_minor_locator(LogLocator(subs="auto", numticks=6))
    axes.margins(0.2)
    axes.grid(visible=True, which="major", alpha=0.3)
    with atomic.replacing(path) as file:
        FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]
