"""Which format for which purpose, and the sentence that says why."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modelkeep.advising import Tried


class Purpose(NamedTuple):
    """``place`` is where the file must run; among those that do, ``best`` gives the smallest for the one to choose.

    ``why`` is told of the chosen one. ``none`` is told where no format will do.
    """

    place: str
    best: Callable[[Tried], tuple[object, ...]]
    why: Callable[[Tried], str]
    none: str


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.3g} ms"


def _pace(seconds: float) -> int:
    """The same for times that lie close: a median of a few calls is no better than that."""
    return round(math.log(seconds, 1.5))


def _exactness(tried: Tried) -> tuple[int, float]:
    return tried.labels or 0, tried.difference or 0.0


def _same(tried: Tried) -> str:
    return (
        "the same answers to the last bit" if not any(_exactness(tried)) else f"answers within {tried.difference:.2g}"
    )


_CROSSING = ("onnx", "pt2", "safetensors", "keras", "savedmodel")


def _ranked(*names: str) -> Callable[[Tried], tuple[object, ...]]:
    return lambda tried: (names.index(tried.format) if tried.format in names else len(names), *_exactness(tried))


PURPOSES: dict[str, Purpose] = {
    "share": Purpose(
        "Python",
        lambda tried: (tried.runs_code, tried.format != "keep", *_exactness(tried)),
        lambda tried: f"whoever opens it runs no code of the file, and it gives {_same(tried)}",
        "no format holds this model without code that its reader would have to run",
    ),
    "archive": Purpose(
        "Python",
        lambda tried: (tried.runs_code, tried.format != "keep", *_exactness(tried), tried.size),
        lambda tried: (
            f"it is data with a digest of every byte and a probe that tells when a later version of the "
            f"library answers differently, in {(tried.size or 0) / 1000:.3g} kB"
        ),
        "no format holds this model as data",
    ),
    "web": Purpose(
        "Python",
        lambda tried: (tried.runs_code, tried.one is None, _pace(tried.one or 1.0), tried.format != "keep", tried.one),
        lambda tried: (
            f"a row takes {_ms(tried.one)} and a thousand {_ms(tried.many)}, the least of the formats that "
            f"run no code of the file, with {_same(tried)}"
        ),
        "no format answers in Python without running code of its file",
    ),
    "mobile": Purpose(
        "phone",
        _ranked("onnx"),
        lambda tried: (
            f"onnxruntime runs it on Android and iOS, with {_same(tried)}; for trees and linear models take "
            "the full package, not the old mobile one"
        ),
        "no format that this model takes runs on a phone; serve it on the web instead",
    ),
    "embedded": Purpose(
        "microcontroller",
        _ranked(),
        lambda tried: f"it runs without an operating system, with {_same(tried)}",
        "no format that was tried runs on a microcontroller; on a small computer with Linux take onnx if it works",
    ),
    "browser": Purpose(
        "browser",
        _ranked("onnx"),
        lambda tried: f"onnxruntime-web runs it in the page, with {_same(tried)}: no map is in its outputs",
        "no format that this model takes runs in a browser; serve it on the web instead",
    ),
    "java": Purpose(
        "JVM",
        _ranked("pmml", "onnx"),
        lambda tried: "a JVM reads it without Python" + f", with {_same(tried)}",
        "no format that this model takes runs on a JVM",
    ),
    "deep-learning": Purpose(
        "Python",
        lambda tried: (tried.runs_code, *_ranked(*_CROSSING)(tried)),
        lambda tried: f"other deep-learning frameworks read it, with {_same(tried)}",
        "no format takes this model to another deep-learning framework",
    ),
}
#: Purposes for which only these formats count.
_ONLY = {"deep-learning": _CROSSING, "browser": ("onnx",), "mobile": ("onnx",)}


def recommend(purpose: str, tried: Sequence[Tried]) -> tuple[str | None, str]:
    """The format, or None, and the sentence."""
    wanted = PURPOSES[purpose]
    able = [
        each
        for each in tried
        if each.works and wanted.place in each.runs_on and each.format in _ONLY.get(purpose, (each.format,))
    ]
    if not able:
        return None, f"for {purpose}: {wanted.none}"
    best = min(able, key=wanted.best)
    risk = "; but reading it can run any code, so give its digest along" if best.runs_code else ""
    return best.format, f"for {purpose}: {best.format}, because {wanted.why(best)}{risk}"
