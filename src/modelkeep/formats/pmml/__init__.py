"""PMML 4.4: the models of statistics as XML, read by many programs, most of them in Java.

Written through sklearn2pmml (its jars, in a process of its own) and CatBoost's own exporter, with the model's
answers to rows of the sample inside. Read as data: checked, evaluated in a process with Java, and asked those again.
"""

from __future__ import annotations

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

_CONVERTED = Cell("modelkeep.formats.pmml.write:write", ("sklearn2pmml", "jpype"))

FORMAT = Format(
    name="pmml",
    title="PMML 4.4, evaluated by Java: a predictor",
    safety=Safety.DATA,
    suffixes=(".pmml",),
    magic=(b"<?xml", b"<PMML", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<"),  # UTF-16 is refused with what to do
    writers={
        "sklearn": _CONVERTED,
        "xgboost": _CONVERTED,
        "lightgbm": _CONVERTED,
        "catboost": Cell("modelkeep.formats.pmml.write:write_catboost", ("catboost",)),
        "pmml": Cell("modelkeep.formats.pmml.read:rewrite"),
    },
    reader=Cell("modelkeep.formats.pmml.read:read", ("jpype",)),
    tolerance=1e-6,
    gives="predictor",
)
