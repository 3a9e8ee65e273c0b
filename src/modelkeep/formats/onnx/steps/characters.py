"""Texts by the signs in them, for runs of signs: of whole texts, or of words with a space on either side."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps.tokens import NOTHING, cut, lowered, packed

#: What Python makes of this capital in lower case is two signs; the runtime gives the first.
_DOTTED, _DOT = "\u0130", "\u0307"
#: Stands behind all other signs while there is room for a dot.
_ROOM = "modelkeep:room"


def of(model: Any, graph: Graph, texts: str) -> str:
    """The signs of each text: texts x places."""
    signs = _of_words(graph, texts) if model.analyzer == "char_wb" else _of_texts(graph, texts)
    return _lowered(graph, signs) if model.lowercase else signs


@functools.cache
def _spaces() -> str:
    """The signs that Python takes for white space, as they stand in a class of a pattern: a look at every sign."""
    return "".join(f"\\x{{{place:x}}}" for place in range(sys.maxunicode + 1) if chr(place).isspace())


def _of_texts(graph: Graph, texts: str) -> str:
    """Several spaces, of whatever kinds, are one."""
    spaces = _spaces()
    signs = cut(graph, texts, tokenexp=f"[{spaces}]+|[^{spaces}]")
    many = graph.add("RegexFullMatch", signs, pattern=f"[{spaces}]{{2,}}")
    return graph.add("Where", many, graph.const(" "), signs)


def _of_words(graph: Graph, texts: str) -> str:
    """Behind each word stands nothing, at least once, so that no run goes over its end."""
    space = graph.const(" ")
    words = cut(graph, texts, pad=" ", tokenexp=f"[^{_spaces()}]+")
    spaced = graph.add("StringConcat", graph.add("StringConcat", space, words), space)
    spaced = graph.add("Where", graph.add("Equal", words, space), graph.const(""), spaced)
    one, others = graph.const([1], np.int64), graph.const([-1], np.int64)
    # A list that is not empty, whatever the texts, and then without what was put to its end.
    listed = graph.add("Concat", graph.add("Reshape", spaced, others), graph.const([" "], object), axis=0)
    signs = graph.add("Slice", cut(graph, listed, separators=[""]), graph.const([0], np.int64), others)
    shape = graph.add("Shape", signs)
    end = graph.add("Concat", graph.add("Gather", shape, graph.const([0], np.int64)), one, axis=0)
    signs = graph.add("Concat", signs, graph.add("Expand", graph.const(NOTHING), end), axis=1)
    shape = graph.add("Shape", words)
    rows, count = (graph.add("Gather", shape, graph.const([axis], np.int64)) for axis in (0, 1))
    width = graph.add("Gather", graph.add("Shape", signs), one)
    flat = graph.add("Concat", rows, graph.add("Mul", count, width), axis=0)
    return graph.add("Reshape", signs, flat, allowzero=1)


def _lowered(graph: Graph, signs: str) -> str:
    """In lower case, with the dot that Python takes off a capital I as a sign of its own behind it."""
    axes = graph.const([2], np.int64)
    dotted = graph.add("Equal", signs, graph.const(_DOTTED))
    dots = graph.add("Where", dotted, graph.const(_DOT), graph.const(_ROOM))
    plain = graph.add("Where", dotted, graph.const("i"), signs)
    both = graph.add("Concat", *(graph.add("Unsqueeze", each, axes) for each in (plain, dots)), axis=2)
    shape = graph.add("Shape", signs)
    shape = graph.add("Mul", shape, graph.const([1, 2], np.int64))
    both = graph.add("Reshape", both, shape, allowzero=1)
    return lowered(graph, packed(graph, both, graph.add("Equal", both, graph.const(_ROOM))))
