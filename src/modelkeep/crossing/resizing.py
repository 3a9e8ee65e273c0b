"""Images made larger or smaller: to the nearest element or by lines, an axis at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelkeep.crossing.shapes import sizes

Attributes = dict[str, Any]


def resize(k: Any, a: Attributes, x: Any, region: Any = None, scales: Any = None, target: Any = None) -> Any:
    """To the nearest or by lines, an axis at a time: each is a product with a small known matrix."""
    actual = k.shape(x)
    by = [float(each) for each in np.ravel(scales)] if scales is not None and np.size(scales) else None
    wanted = sizes(target) if target is not None and np.size(target) else None
    mode = a.get("mode", "nearest")
    if a.get("axes") or a.get("antialias") or mode not in ("nearest", "linear") or (by is None and wanted is None):
        raise NotImplementedError("resizing by cubic lines, along some axes, or smoothed")
    if a.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise NotImplementedError("resizing that keeps the form")
    for axis in range(len(actual)):
        if (by[axis] == 1) if by is not None else _stays(actual[axis], wanted[axis], axis):  # type: ignore[index]
            continue
        old = int(actual[axis])
        # Runtimes count in float32: 2.6 * 5 is 13 there.
        new = int(wanted[axis]) if wanted is not None else math.floor(np.float32(old) * np.float32(by[axis]))  # type: ignore[index]
        scale = by[axis] if by is not None else new / old
        matrix = k.cast(k.constant(_mixing(a, old, new, scale)), k.dtype(x))
        x = k.moveaxis(k.matmul(k.moveaxis(x, axis, -1), matrix), -1, axis)
    return x


def _stays(actual: Any, wanted: Any, axis: int) -> bool:
    """Whether an axis has the size that it is to have: rows may be of any number."""
    return axis < 2 and not (isinstance(actual, int) and isinstance(wanted, int) and actual != wanted)


def _mixing(a: Attributes, old: int, new: int, scale: float) -> Any:
    """How much of each old element (rows) is in each new one (columns)."""
    place = np.arange(new, dtype=np.float64)
    how = a.get("coordinate_transformation_mode", "half_pixel")
    if how == "align_corners":
        if old * scale != new:
            raise NotImplementedError("corners of an image of no whole size")  # readers place them differently
        place = place * (old - 1) / (old * scale - 1) if new > 1 else place * 0
    elif how == "asymmetric":
        place = place / scale
    elif how == "half_pixel" or (how == "pytorch_half_pixel" and new > 1):
        place = (place + 0.5) / scale - 0.5
    elif how == "pytorch_half_pixel":
        place = place * 0
    else:
        raise NotImplementedError(how)
    matrix = np.zeros((old, new), np.float32)
    columns = np.arange(new)
    if a.get("mode", "nearest") == "nearest":
        how = a.get("nearest_mode", "round_prefer_floor")
        if how.startswith("round"):
            place = np.ceil(place - 0.5) if how.endswith("floor") else np.floor(place + 0.5)
        place = np.ceil(place) if how == "ceil" else np.floor(place)
        matrix[np.clip(place, 0, old - 1).astype(int), columns] = 1
        return matrix
    low = np.floor(place)
    part = place - low
    np.add.at(matrix, (np.clip(low, 0, old - 1).astype(int), columns), 1 - part)
    np.add.at(matrix, (np.clip(low + 1, 0, old - 1).astype(int), columns), part)
    return matrix


def upsample(k: Any, a: Attributes, x: Any, scales: Any = None) -> Any:
    given = scales if scales is not None else a["scales"]
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return resize(k, {"mode": a.get("mode", "nearest"), **how}, x, None, given)


OPERATORS: dict[str, Callable[..., Any]] = {"Resize": resize, "Upsample": upsample}
