"""Texts cut into words or signs: texts x places, where what is behind the last one is ``NOTHING``."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.formats.onnx.graph import ML, Graph

#: No word, since it has a colon, and no single sign.
NOTHING = "modelkeep:none"


def cut(graph: Graph, texts: str, pad: str = NOTHING, **how: Any) -> str:
    """By the runtime's operator: ``tokenexp`` and ``mincharnum``, or ``separators``."""
    return graph.add("Tokenizer", texts, domain="com.microsoft", mark=0, pad_value=pad, **{"mincharnum": 1, **how})


def lowered(graph: Graph, words: str) -> str:
    """All words in lower case: the operator takes a list that is not empty."""
    shape = graph.add("Shape", words)
    listed = graph.add("Reshape", words, graph.const([-1], np.int64))
    listed = graph.add("Concat", listed, graph.const([NOTHING]), axis=0)
    listed = graph.add("StringNormalizer", listed, case_change_action="LOWER", is_case_sensitive=1, locale="C.UTF-8")
    listed = graph.add("Slice", listed, graph.const([0], np.int64), graph.const([-1], np.int64))
    return graph.add("Reshape", listed, shape, allowzero=1)


def without(graph: Graph, words: str, stopped: frozenset[str]) -> str:
    """The words of each text that are not ``stopped``."""
    keys = sorted(stopped)
    found = graph.add(
        "LabelEncoder",
        words,
        domain=ML,
        keys_strings=keys,
        values_int64s=np.ones(len(keys), np.int64),
        default_int64=0,
    )
    return packed(graph, words, graph.add("Equal", found, graph.const(1, np.int64)))


def packed(graph: Graph, words: str, gone: str) -> str:
    """What is not ``gone`` in each text, one behind the other, and then ``NOTHING``."""
    shape = graph.add("Shape", words)
    width = graph.add("Gather", shape, graph.const([1], np.int64))
    places = graph.add("Range", graph.const(0, np.int64), graph.add("Squeeze", width), graph.const(1, np.int64))
    places = graph.add("Add", places, graph.add("Mul", graph.add("Cast", gone, to=7), width))
    _, order = graph.several("TopK", [places, width], 2, axis=1, largest=0, sorted=1)
    kept = graph.add("Where", gone, graph.const(NOTHING), words)
    return graph.add("GatherElements", kept, order, axis=1)
