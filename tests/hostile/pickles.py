"""Hostile and damaged pickle and joblib files, each with the error that must come out. Nothing in them may run.

``CASES[name]`` is ``(make the bytes, class of the error, part of its text)``. What a case would do if it were run is
always the same: create the file ``MARKER`` in the current folder.
"""

from __future__ import annotations

from hostile import pickles_code, pickles_data, pickles_form, pickles_pandas
from hostile.pickles_assembler import CASES, MARKER

__all__ = ["CASES", "MARKER", "pickles_code", "pickles_data", "pickles_form", "pickles_pandas"]
