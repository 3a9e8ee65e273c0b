"""Texts by the words in them, cut as scikit-learn cuts them.

A word is a longest run of letters, digits and underscores of any script. Lower case is that of the runtime's C library
in the locale ``C.UTF-8``; the few letters whose lower case depends on the word (a final sigma) differ from Python's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Table, of_numbers, row

#: Patterns of words, and the same for the runtime's own engine.
_PATTERNS = {r"(?u)\b\w\w+\b": r"[\pL\pN_]{2,}", r"(?u)\b\w+\b": r"[\pL\pN_]+"}
#: Fills the room behind the last word of a text: no word, since it has a colon.
_NOTHING = "modelkeep:none"


def counts(model: Any, graph: Graph, table: Table) -> Outputs:
    vocabulary = {str(word): int(place) for word, place in model.vocabulary_.items()}
    found = _counted(model, graph, table, vocabulary)
    if model.binary:
        above = graph.add("Greater", found, graph.const(0.0, np.float64))
        found = graph.add("Cast", above, to=11)
    return {"transform": of_numbers(found, len(vocabulary))}


def tfidf(model: Any, graph: Graph, table: Table) -> Outputs:
    return weights(model._tfidf, graph, counts(model, graph, table)["transform"])


def weights(model: Any, graph: Graph, table: Table) -> Outputs:
    """Counts by how rare each word is, as rows of length one."""
    found, zero = table.numbers(graph), graph.const(0.0, np.float64)
    if model.sublinear_tf:
        some = graph.add("Greater", found, zero)
        one = graph.const(1.0, np.float64)
        logarithm = graph.add("Add", graph.add("Log", graph.add("Where", some, found, one)), one)
        found = graph.add("Where", some, logarithm, zero)
    if model.use_idf:
        found = graph.add("Mul", found, graph.const(row(model.idf_)))
    if model.norm is not None:
        axes = graph.const([1], np.int64)
        if model.norm == "l2":
            length = graph.add("Sqrt", graph.add("ReduceSum", graph.add("Mul", found, found), axes, keepdims=1))
        else:
            length = graph.add("ReduceSum", graph.add("Abs", found), axes, keepdims=1)
        empty = graph.add("Equal", length, zero)
        found = graph.add("Div", found, graph.add("Where", empty, graph.const(1.0, np.float64), length))
    return {"transform": of_numbers(found, table.width)}


def _counted(model: Any, graph: Graph, table: Table, vocabulary: dict[str, int]) -> str:
    """How often each word or run of words of the vocabulary is in each text."""
    pattern = _pattern(model, vocabulary)
    if len(table.parts) != 1 or not table.parts[0].text or table.width != 1:
        raise ExportError("it gets no texts", hint="pass sample=, a list of texts")
    texts = graph.add("Reshape", table.parts[0].name, graph.const([-1], np.int64))
    if model.lowercase:
        texts = graph.add("StringNormalizer", texts, case_change_action="LOWER", is_case_sensitive=1, locale="C.UTF-8")
    words = graph.add(
        "Tokenizer",
        texts,
        domain="com.microsoft",
        mark=0,
        pad_value=_NOTHING,
        tokenexp=pattern,
        mincharnum=1,
    )
    runs = sorted((word.split(" "), place) for word, place in vocabulary.items())
    longest = model.ngram_range[1]
    by_length = [[(run, place) for run, place in runs if len(run) == length] for length in range(1, longest + 1)]
    pool: list[str] = []
    starts, places = [], []
    for group in by_length:
        starts.append(len(pool))
        for run, place in group:
            pool += run
            places.append(place)
    found = graph.add(
        "TfIdfVectorizer",
        words,
        mode="TF",
        min_gram_length=model.ngram_range[0],
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=places,
        pool_strings=pool,
    )
    return graph.add("Cast", found, to=11)


def _pattern(model: Any, vocabulary: dict[str, int]) -> str:
    """The pattern of words for the runtime, if nothing else is done to the texts."""
    own = [name for name in ("tokenizer", "preprocessor") if getattr(model, name, None) is not None]
    if own or callable(model.analyzer):
        raise ExportError(f"its {(own or ['analyzer'])[0]} is a function", hint="use its own words")
    if model.analyzer != "word" or model.strip_accents is not None:
        what = "strip_accents" if model.analyzer == "word" else f"analyzer={model.analyzer!r}"
        raise ExportError(f"{what} has no ONNX form", hint='use analyzer="word" without strip_accents')
    if model.input != "content":
        raise ExportError("it reads files", hint='use input="content"')
    pattern = _PATTERNS.get(model.token_pattern)
    if pattern is None:
        raise ExportError(f"its token_pattern {model.token_pattern!r} is its own", hint=f"use {_patterns()}")
    stopped = model.get_stop_words() or frozenset()
    if stopped and (model.ngram_range[1] > 1 or stopped & vocabulary.keys()):
        raise ExportError("words are taken out before runs of words are made", hint="use stop_words=None")
    lengths = {len(run.split(" ")) for run in vocabulary}
    if not vocabulary or not lengths <= set(range(model.ngram_range[0], model.ngram_range[1] + 1)):
        raise ExportError("its vocabulary holds runs that it never makes", hint="fit it without a vocabulary")
    return pattern


def _patterns() -> str:
    return " or ".join(map(repr, _PATTERNS))
