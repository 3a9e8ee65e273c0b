"""Text and record vectorizers, image patches."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from zoo import data
from zoo.shelf import REFUSED, Pair, Sample, case, entry


def documents() -> Sample:
    X, _, rows = data.texts()
    return X, None, rows


entry("CountVectorizer", CountVectorizer(), documents)
entry("CountVectorizer(max_features)", CountVectorizer(max_features=8, binary=True), documents)
entry(
    "CountVectorizer(ngrams, stop words)",
    CountVectorizer(ngram_range=(1, 2), stop_words=["cat", "dog"], min_df=2, max_df=0.9, dtype=np.float32),
    documents,
)
entry("CountVectorizer(char_wb)", CountVectorizer(analyzer="char_wb", ngram_range=(2, 3), max_features=50), documents)
entry("CountVectorizer(given vocabulary)", CountVectorizer(vocabulary=["cat", "tree", "東京"]), documents)
entry("CountVectorizer(vocabulary by number)", CountVectorizer(vocabulary={"cat": 1, "bird": 0}), documents)
entry("CountVectorizer(token pattern)", CountVectorizer(token_pattern=r"(?u)\b\w+\b", lowercase=False), documents)
entry("TfidfVectorizer", TfidfVectorizer(), documents)
entry(
    "X:Tfidf",
    TfidfVectorizer(
        stop_words="english", sublinear_tf=True, ngram_range=(1, 2), max_features=30, strip_accents="unicode"
    ),
    documents,
)
entry("Tfidf(char)", TfidfVectorizer(analyzer="char", ngram_range=(1, 3), norm="l1", max_features=40), documents)
entry("Tfidf(float32, no idf)", TfidfVectorizer(dtype=np.float32, use_idf=False), documents)
entry("Tfidf(given vocabulary)", TfidfVectorizer(vocabulary={"cat", "dog", "night"}, smooth_idf=False), documents)
entry("HashingVectorizer", HashingVectorizer(n_features=64), documents)
entry(
    "X:Hashing",
    HashingVectorizer(n_features=32, alternate_sign=False, norm=None, analyzer="char", ngram_range=(2, 2)),
    documents,
)
entry("TfidfTransformer", TfidfTransformer(sublinear_tf=True), lambda: (data.sparse()[0], None, data.sparse()[2]))
entry("DictVectorizer", DictVectorizer(), data.records)
entry("DictVectorizer(dense, float32)", DictVectorizer(sparse=False, dtype=np.float32, separator=":"), data.records)
entry("FeatureHasher", FeatureHasher(16), data.records)
entry(
    "FeatureHasher(strings)",
    FeatureHasher(8, input_type="string", alternate_sign=False),
    lambda: ([["a", "b"], ["c"]], None, [["a"], ["z", "a"]]),
)
entry("Tfidf + SGD", make_pipeline(TfidfVectorizer(), SGDClassifier(random_state=0, max_iter=20)), data.texts)


@case("PatchExtractor")
def patches() -> Pair:
    images = np.random.RandomState(0).rand(2, 8, 8, 3)
    return PatchExtractor(patch_size=(3, 3), max_patches=4, random_state=0).fit(images), images


@case("Tfidf(set idf)")
def given_idf() -> Pair:
    _, _, rows = documents()
    model = TfidfVectorizer(vocabulary=["cat", "dog", "bird"])
    model.idf_ = np.array([1.0, 2.5, 0.5])
    return model, rows


@case("DictVectorizer(restricted)")
def restricted() -> Pair:
    X, _, rows = data.records()
    model = DictVectorizer(sort=False).fit(X)
    return model.restrict([0, 2], indices=True), rows


@case("X:Count(callable tokenizer)", REFUSED)
def tokenizer() -> Pair:
    X, _, rows = documents()
    return CountVectorizer(preprocessor=str.lower, tokenizer=str.split, token_pattern=None).fit(X), rows
