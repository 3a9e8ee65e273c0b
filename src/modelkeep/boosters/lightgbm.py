"""LightGBM's model files: read line by line, checked, and written anew.

The layout is that of LightGBM's ``GBDT::SaveModelToString`` and ``Tree::ToString``, version 4: a header, one block for
each tree, and after ``end of trees`` parameters that are only told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelkeep.errors import GraphError

_MOST = 1 << 24
_MOST_CLASSES = 100_000
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?(?:e[-+]?[0-9]{1,4})?|inf|nan)", re.IGNORECASE)
_NAME = re.compile(r"[^\s\x00-\x1f]+")
_OBJECTIVE = re.compile(r"[A-Za-z0-9_ :.,+\-]{0,300}")
_HEADER = (
    "version num_class num_tree_per_iteration label_index max_feature_idx objective average_output feature_names "
    "monotone_constraints feature_infos tree_sizes"
).split()
#: Lines of a tree with one number for each split, and for each leaf.
_SPLITS = {"split_feature": _WHOLE, "split_gain": _NUMBER, "threshold": _NUMBER, "decision_type": _WHOLE}
_SPLITS |= {"left_child": _WHOLE, "right_child": _WHOLE, "internal_value": _NUMBER, "internal_weight": _NUMBER}
_SPLITS |= {"internal_count": _WHOLE}
_LEAVES = {"leaf_value": _NUMBER, "leaf_weight": _NUMBER, "leaf_count": _WHOLE}
_LINEAR = ("leaf_const", "num_features", "leaf_features", "leaf_coeff")
_CATEGORICAL = 1
_MISSING_TYPES = (0, 4, 8)
#: A line that tells a parameter of the training.
_PARAMETER = re.compile(r"\[[A-Za-z0-9_]+: [^\n]*\]")


def refused(what: str) -> GraphError:
    return GraphError(
        f"the LightGBM model is not well-formed: {what}",
        hint="get the file from its maker again: this one was not written by LightGBM",
    )


def rewritten(text: str) -> str:
    """The same model written anew, after every check. Raises GraphError."""
    head, blocks, tail = _cut(text)
    header = _lines(head, _HEADER, "the header")
    width, trees = _check_header(header), []
    for number, block in enumerate(blocks):
        trees.append(_tree(block, width, f"tree {number}"))
    per_round = _whole(header, "num_tree_per_iteration", _MOST_CLASSES)
    if len(trees) % max(1, per_round):
        raise refused("its last round has too few trees")
    _check_tail(tail)
    bodies = [f"Tree={number}\n{body}\n\n" for number, body in enumerate(trees)]
    lines = [f"{key}={value}" if value is not None else key for key, value in header.items() if key != "tree_sizes"]
    sizes = " ".join(str(len(body.encode())) for body in bodies)
    return "\n".join(["tree", *lines, f"tree_sizes={sizes}", "", ""]) + "".join(bodies) + "end of trees\n" + tail


def _cut(text: str) -> tuple[list[str], list[str], str]:
    """The lines of the header, the block of each tree without its number, and what follows the trees."""
    if "\r" in text or "\0" in text or not text.startswith("tree\n"):
        raise refused("it does not begin as a tree model does")
    body, end, tail = text.partition("end of trees\n")
    if not end:
        raise refused("it ends before its last tree")
    first, *blocks = re.split(r"^Tree=", body, flags=re.MULTILINE)
    found = []
    for number, block in enumerate(blocks):
        told, _, rest = block.partition("\n")
        if told != str(number):
            raise refused(f"tree {number} has another number")
        found.append(rest)
    return first.split("\n")[1:], found, tail


def _lines(lines: Sequence[str], known: Sequence[str], place: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for line in lines:
        if not line:
            continue
        key, equals, value = line.partition("=")
        if key in found or key not in known:
            raise refused(f"{place} has a line {key[:40]!r} twice, or one that is not known")
        found[key] = value if equals else None
    return found


def _whole(lines: dict[str, str | None], key: str, most: int) -> int:
    value = lines.get(key)
    if value is None or not _WHOLE.fullmatch(value) or not 0 <= int(value) <= most:
        raise refused(f"its {key} is no number that it could be")
    return int(value)


def _check_header(lines: dict[str, str | None]) -> int:
    """The number of columns."""
    if lines.get("version") not in ("v3", "v4"):
        raise refused("it is of another version")
    width = _whole(lines, "max_feature_idx", _MOST) + 1
    if _whole(lines, "num_class", _MOST_CLASSES) < 1 or _whole(lines, "num_tree_per_iteration", _MOST_CLASSES) < 1:
        raise refused("it has no class")
    _whole(lines, "label_index", _MOST)
    for key in ("feature_names", "feature_infos"):
        values = (lines.get(key) or "").split(" ")
        if len(values) != width or not all(_NAME.fullmatch(each) for each in values):
            raise refused(f"its {key} are not one for each column")
    objective = lines.get("objective")
    if objective is not None and not _OBJECTIVE.fullmatch(objective):
        raise refused("its objective is no name")
    limits = lines.get("monotone_constraints")
    if limits is not None and not all(each in ("-1", "0", "1") for each in limits.split(" ")):
        raise refused("its monotone_constraints are no signs")
    return width


_TREE_LINES = (
    "num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value leaf_weight "
    "leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold is_linear leaf_const "
    "num_features leaf_features leaf_coeff shrinkage"
).split()


def _tree(block: str, width: int, place: str) -> str:
    """The lines of one tree, checked, as text."""
    lines = _lines(block.split("\n"), _TREE_LINES, place)
    leaves, categories = _whole(lines, "num_leaves", _MOST), _whole(lines, "num_cat", _MOST)
    if leaves < 1:
        raise refused(f"{place} has no leaf")
    numbers = {key: _numbers(lines, key, leaves - 1, kind, place) for key, kind in _SPLITS.items()}
    for key, kind in _LEAVES.items():
        if key == "leaf_value" or lines.get(key):
            _numbers(lines, key, leaves, kind, place)
    if lines.get("is_linear") not in (None, "0", "1") or not _NUMBER.fullmatch(lines.get("shrinkage") or ""):
        raise refused(f"{place}: is_linear or shrinkage is no number")
    if leaves > 1:
        _check_shape(_ints(numbers["left_child"]), _ints(numbers["right_child"]), place)
        features = _ints(numbers["split_feature"])
        if features.min() < 0 or features.max() >= width:
            raise refused(f"{place}: a node splits on a column that there is not")
    _check_categories(lines, numbers, categories, place)
    if lines.get("is_linear") == "1":
        _check_linear(lines, leaves, width, place)
    elif any(lines.get(key) is not None for key in _LINEAR):
        raise refused(f"{place} has lines of a linear tree")
    return "\n".join(f"{key}={value}" for key, value in lines.items()) + "\n"


def _numbers(lines: dict[str, str | None], key: str, count: int, kind: re.Pattern[str], place: str) -> list[str]:
    value = lines.get(key)
    found = value.split(" ") if value else []
    if len(found) != count or not all(kind.fullmatch(each) for each in found):
        raise refused(f"{place}: {key} is not {count} numbers")
    return found


def _ints(values: Sequence[str]) -> Any:
    return np.array([int(each) for each in values], dtype=np.int64)


def _check_shape(left: Any, right: Any, place: str) -> None:
    """Every node but the first, and every leaf, is the child of one node before it."""
    count = len(left)
    own = np.arange(count)
    for children in (left, right):
        inner = children >= 0
        if np.any(children[inner] <= own[inner]) or np.any(children >= count) or np.any(~children[~inner] > count):
            raise refused(f"{place}: a child lies outside, or before its node")
    children = np.concatenate([left, right])
    nodes, leaves = children[children >= 0], ~children[children < 0]
    if not np.array_equal(np.sort(nodes), np.arange(1, count)) or not np.array_equal(
        np.sort(leaves), np.arange(count + 1)
    ):
        raise refused(f"{place}: a node or a leaf is not reached once")


def _check_categories(lines: dict[str, str | None], numbers: dict[str, list[str]], count: int, place: str) -> None:
    kinds = _ints(numbers["decision_type"]) if numbers["decision_type"] else np.zeros(0, dtype=np.int64)
    if np.any(kinds < 0) or np.any(kinds > 15) or not np.isin(kinds & 12, _MISSING_TYPES).all():
        raise refused(f"{place}: a decision_type is not known")
    chosen = (kinds & _CATEGORICAL) > 0
    if not count:
        if chosen.any() or lines.get("cat_boundaries") is not None or lines.get("cat_threshold") is not None:
            raise refused(f"{place}: it has categories, and says that it has none")
        return
    bounds = _ints(_numbers(lines, "cat_boundaries", count + 1, _WHOLE, place))
    if bounds[0] != 0 or np.any(np.diff(bounds) < 0) or bounds[-1] > _MOST:
        raise refused(f"{place}: cat_boundaries do not lead from the first word to the last")
    words = _ints(_numbers(lines, "cat_threshold", int(bounds[-1]), _WHOLE, place))
    if len(words) and (words.min() < 0 or words.max() >= 1 << 32):
        raise refused(f"{place}: a word of cat_threshold is wider than 32 bits")
    sets = [each for each, is_set in zip(numbers["threshold"], chosen.tolist(), strict=True) if is_set]
    if not all(_WHOLE.fullmatch(each) and 0 <= int(each) < count for each in sets):
        raise refused(f"{place}: a node asks for a set of categories that there is not")


def _check_linear(lines: dict[str, str | None], leaves: int, width: int, place: str) -> None:
    """A leaf's own columns and factors, in the order of the leaves; LightGBM pads these lines with spaces."""
    _numbers(lines, "leaf_const", leaves, _NUMBER, place)
    counts = _ints(_numbers(lines, "num_features", leaves, _WHOLE, place))
    if counts.min() < 0 or counts.sum() > _MOST:
        raise refused(f"{place}: num_features counts less than nothing")
    features, factors = ((lines.get(key) or "").split() for key in ("leaf_features", "leaf_coeff"))
    if not len(features) == len(factors) == int(counts.sum()):
        raise refused(f"{place}: its leaves do not have as many columns as they say")
    whole = all(_WHOLE.fullmatch(each) and 0 <= int(each) < width for each in features)
    if not whole or not all(_NUMBER.fullmatch(each) for each in factors):
        raise refused(f"{place}: a leaf asks for a column that there is not")


def _check_tail(tail: str) -> None:
    """What follows the trees is told, not used, but for the last line: the categories of a table, as JSON."""
    if "Tree=" in tail or "end of trees" in tail:
        raise refused("a tree follows the last one")
    begun = "parameters:" in tail
    _, head, rest = tail.partition("\nparameters:\n")
    listed, ended, _ = rest.partition("\nend of parameters\n")
    # The library takes the lines apart, and looks for the last one, without asking whether they are there.
    if begun and (not head or not ended or not all(_PARAMETER.fullmatch(line) for line in listed.split("\n") if line)):
        raise refused("its list of parameters is not one")
    _, mark, told = tail.rpartition("pandas_categorical:")
    if mark:
        try:
            found = json.loads(told)
        except (ValueError, RecursionError):
            found = 0
        if found is not None and not (isinstance(found, list) and all(isinstance(each, list) for each in found)):
            raise refused("its pandas_categorical is no list of lists")
