"""Texts by the words in them, cut as scikit-learn cuts them.

A word is a longest run of letters, digits and underscores of any script. Lower case is that of the runtime's C library
in the locale ``C.UTF-8``, which differs from Python's for two letters: those are seen to here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs
from modelkeep.formats.onnx.table import Table, of_numbers, row

#: The patterns of words that are known: of two letters and more, and of one and more.
_LONG, _SHORT = r"(?u)\b\w\w+\b", r"(?u)\b\w+\b"
_WORDS = r"[\pL\pN_]+"
#: Words of texts that are then made lower case. Python makes two signs of a capital I with a dot, and the second one
#: is no letter: a word ends there.
_CAPITALS = "(?:{0})*\u0130|(?:{0})+".format("[^\\P{Lu}\u0130]|[\\p{Ll}\\p{Lt}\\p{Lm}\\p{Lo}\\pN_]")
#: The lower case of a capital sigma depends on the word around it, in Python alone.
_SIGMAS = set("\u03c3\u03c2")
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
    words = graph.add(
        "Tokenizer",
        texts,
        domain="com.microsoft",
        mark=0,
        pad_value=_NOTHING,
        tokenexp=pattern,
        mincharnum=1 if model.token_pattern == _SHORT else 2,
    )
    if model.lowercase:
        words = _lowered(graph, words)
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


def _lowered(graph: Graph, words: str) -> str:
    """All words in lower case: the operator takes a list that is not empty."""
    shape = graph.add("Shape", words)
    listed = graph.add("Reshape", words, graph.const([-1], np.int64))
    listed = graph.add("Concat", listed, graph.const(np.array([_NOTHING], dtype=object)), axis=0)
    listed = graph.add("StringNormalizer", listed, case_change_action="LOWER", is_case_sensitive=1, locale="C.UTF-8")
    listed = graph.add("Slice", listed, graph.const([0], np.int64), graph.const([-1], np.int64))
    return graph.add("Reshape", listed, shape, allowzero=1)


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
    if model.token_pattern not in (_LONG, _SHORT):
        raise ExportError(f"its token_pattern {model.token_pattern!r} is its own", hint=f"use {_LONG!r} or {_SHORT!r}")
    if model.lowercase and any(_SIGMAS & set(word) for word in vocabulary):
        raise ExportError(
            "it knows words with a sigma, whose lower case depends on the place in the word",
            hint="make the texts lower case before it, and use lowercase=False",
        )
    stopped = model.get_stop_words() or frozenset()
    if stopped and (model.ngram_range[1] > 1 or stopped & vocabulary.keys()):
        raise ExportError("words are taken out before runs of words are made", hint="use stop_words=None")
    lengths = {len(run.split(" ")) for run in vocabulary}
    if not vocabulary or not lengths <= set(range(model.ngram_range[0], model.ngram_range[1] + 1)):
        raise ExportError("its vocabulary holds runs that it never makes", hint="fit it without a vocabulary")
    return _CAPITALS if model.lowercase else _WORDS
