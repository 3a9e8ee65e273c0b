"""Text and dictionaries to rows: a word's number is a column that compiled code fills unseen."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelkeep.errors import quote
from modelkeep.formats.keep.checks.require import (
    FLOATS,
    INT32,
    Check,
    State,
    array,
    fail,
    integer,
    is_a,
    permutation,
    require,
    sequence,
)

_MAX_WORDS = 1000  # of one n-gram


def check_vocabulary(obj: Any) -> None:
    state = vars(obj)
    size = _check_vocabulary(state)
    transformer = state.get("_tfidf")
    if transformer is not None:
        require(is_a(transformer, "sklearn.feature_extraction.text.TfidfTransformer"), "_tfidf", "not a tf-idf")
        if size is not None and "idf_" in vars(transformer):
            array(vars(transformer), "idf_", FLOATS, (size,))
    _check_ngrams(state)


def _check_vocabulary(state: State) -> int | None:
    words = state.get("vocabulary_")
    if "vocabulary_" not in state:
        return None
    if not isinstance(words, dict):
        fail("vocabulary_", "a vocabulary is a dictionary")
    permutation(words.values(), len(words), "vocabulary_")
    return len(words)


def _check_ngrams(state: State) -> None:
    if "ngram_range" in state:
        span = sequence(state, "ngram_range", 2)
        for n in span:
            integer({"ngram_range": n}, "ngram_range", 1, _MAX_WORDS)


def check_dictionary(obj: Any) -> None:
    state = vars(obj)
    size = _check_vocabulary(state)
    if size is not None and "feature_names_" in state:
        names = state["feature_names_"]
        require(isinstance(names, list | np.ndarray) and len(names) == size, "feature_names_", f"not {size} names")


def check_hasher(obj: Any) -> None:
    """Hashes are taken modulo the number of features."""
    state = vars(obj)
    integer(state, "n_features", 1, INT32)
    kind = state.get("input_type", "string")
    require(kind in ("dict", "pair", "string"), "input_type", f"{quote(repr(kind))} is not a kind of input")
    _check_ngrams(state)


def check_tfidf(obj: Any) -> None:
    state = vars(obj)
    if state.get("idf_") is not None:
        values = array(state, "idf_", FLOATS, (None,))
        if "n_features_in_" in state:
            require(len(values) == integer(state, "n_features_in_"), "idf_", "not a weight for each column")


CHECKS: dict[str, Check] = {
    "sklearn.feature_extraction.text.CountVectorizer": check_vocabulary,
    "sklearn.feature_extraction.text.HashingVectorizer": check_hasher,
    "sklearn.feature_extraction._hash.FeatureHasher": check_hasher,
    "sklearn.feature_extraction._dict_vectorizer.DictVectorizer": check_dictionary,
    "sklearn.feature_extraction.text.TfidfTransformer": check_tfidf,
}
