"""Texts by the words in them, or the signs, cut as scikit-learn cuts them.

A word is a longest run of letters, digits and underscores of any script. Lower case is that of the runtime's C library
in the locale ``C.UTF-8``, which differs from Python's for two letters: those are seen to here.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph
from modelkeep.formats.onnx.steps import Outputs, characters
from modelkeep.formats.onnx.steps.tokens import cut, lowered, without
from modelkeep.formats.onnx.table import Table, of_numbers, row

#: The patterns of words that are known: runs of so many letters and more, however that is written.
_RUNS = re.compile(r"(?:\(\?u\))?(?:\\b)?((?:\\w)*)\\w(?:\+|\{([1-9]\d*),\})(?:\\b)?")
_WORDS = r"[\pL\pN_]+"
#: Words of texts that are then made lower case. Python makes two signs of a capital I with a dot, and the second one
#: is no letter: a word ends there.
_CAPITALS = "(?:{0})*\u0130|(?:{0})+".format("[^\\P{Lu}\u0130]|[\\p{Ll}\\p{Lt}\\p{Lm}\\p{Lo}\\pN_]")
#: The lower case of a capital sigma depends on the word around it, in Python alone.
_SIGMAS = set("\u03c3\u03c2")


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
    _check(model, vocabulary)
    if len(table.parts) != 1 or not table.parts[0].text or table.width != 1:
        raise ExportError("it gets no texts", hint="pass sample=, a list of texts")
    texts = graph.add("Reshape", table.parts[0].name, graph.const([-1], np.int64))
    words = _words(model, graph, texts, vocabulary) if model.analyzer == "word" else characters.of(model, graph, texts)
    runs = sorted((_parts(model, word), place) for word, place in vocabulary.items())
    longest = max(len(run) for run, _ in runs)
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
        min_gram_length=min(len(run) for run, _ in runs),
        max_gram_length=longest,
        max_skip_count=0,
        ngram_counts=starts,
        ngram_indexes=places,
        pool_strings=pool,
    )
    return graph.add("Cast", found, to=11)


def _parts(model: Any, term: str) -> list[str]:
    return term.split(" ") if model.analyzer == "word" else list(term)


def _check(model: Any, vocabulary: dict[str, int]) -> None:
    """Refuse what is done to the texts by functions, and what they are cut into by other means."""
    own = [name for name in ("tokenizer", "preprocessor") if getattr(model, name, None) is not None]
    if own or callable(model.analyzer):
        raise ExportError(f"its {(own or ['analyzer'])[0]} is a function", hint="use its own words")
    if model.strip_accents is not None:
        raise ExportError("strip_accents has no ONNX form", hint="fit it without strip_accents")
    if model.input != "content":
        raise ExportError("it reads files", hint='use input="content"')
    if model.lowercase and any(_SIGMAS & set(word) for word in vocabulary):
        raise ExportError(
            "it knows words with a sigma, whose lower case depends on the place in the word",
            hint="make the texts lower case before it, and use lowercase=False",
        )
    lengths = {len(_parts(model, term)) for term in vocabulary}
    least = 1 if model.analyzer == "char_wb" else model.ngram_range[0]
    if not vocabulary or not lengths <= set(range(least, model.ngram_range[1] + 1)):
        raise ExportError("its vocabulary holds runs that it never makes", hint="fit it without a vocabulary")


def _words(model: Any, graph: Graph, texts: str, vocabulary: dict[str, int]) -> str:
    """The words of each text, texts x words."""
    runs = _RUNS.fullmatch(model.token_pattern)
    if runs is None:
        hint = r'use a pattern of runs of letters, as in "\b\w+\b"'
        raise ExportError(f"its token_pattern {model.token_pattern!r} is its own", hint=hint)
    letters = len(runs[1]) // 2 + int(runs[2] or 1)
    pattern = _CAPITALS if model.lowercase else _WORDS
    words = cut(graph, texts, tokenexp=pattern, mincharnum=letters)
    if model.lowercase:
        words = lowered(graph, words)
    stopped = model.get_stop_words()
    if stopped and (model.ngram_range[1] > 1 or stopped & vocabulary.keys()):
        words = without(graph, words, stopped)
    return words
