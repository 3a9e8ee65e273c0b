"""Files of every released format version open, for ever, and answer as they did. They are never written again.

``python tests/test_golden.py vN`` makes those of a new version; it refuses to touch what is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import modelkeep as mk

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("v*/*.keep"))
#: Models of the zoo that between them have every part of a file: pools, tables, text, neighbours, random states.
MODELS = {
    "iris": "LogisticRegression",
    "forest": "RandomForestClassifier",
    "histogram": "HistGradientBoostingRegressor",
    "neighbours": "KNeighborsClassifier",
    "text": "TfidfVectorizer",
    "kernel": "SVC",
    "network": "MLPClassifier",
    "leaves": "Birch",
    "table": "X:ColumnTransformer(selector,slice)",
    "search": "GridSearchCV",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_opens_and_answers_as_it_did(path):
    verified = mk.verify(path)
    assert verified.rows > 0
    mk.load(path)
    assert mk.inspect(path).digest == mk.inspect(path.read_bytes()).digest


def test_there_are_files_of_this_version():
    assert len([path for path in FILES if path.parent.name == "v1"]) >= 8


def main(version: str) -> None:
    from zoo import ZOO

    folder = GOLDEN / version
    folder.mkdir()
    for name, model in MODELS.items():
        fitted, X = ZOO[model]()
        print(name, mk.save(fitted, folder / f"{name}.keep", sample=X).size)


if __name__ == "__main__":
    main(sys.argv[1])
