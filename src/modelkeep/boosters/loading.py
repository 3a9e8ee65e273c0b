"""From bytes that nobody trusts to a booster: checked, written anew, and only then handed to its library."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

from modelkeep.artifact import digest
from modelkeep.boosters import json_model, lightgbm, ubjson, xgboost
from modelkeep.errors import GraphError, WorkerError, said
from modelkeep.workers import Worker

_HINT = "get the file from its maker again"
#: Digests of CatBoost models that were written here, or that a child process has opened.
_tried: set[str] = set()


def xgboost_booster(data: bytes | memoryview) -> Any:
    """A ``xgboost.Booster`` of the bytes of a model file, binary or JSON."""
    import xgboost as library

    model = json_model.parse(data) if is_json(data) else ubjson.parse(data)
    xgboost.check(model)
    try:
        booster = library.Booster(model_file=bytearray(ubjson.emit(model)))
        booster.save_config()  # by which the library looks at all of it: now, not at a user's first question
    except library.core.XGBoostError as error:
        raise GraphError(f"XGBoost refuses the model: {said(error)}", hint=_HINT) from None
    return booster


def is_json(data: bytes | memoryview) -> bool:
    """Whether a model file of XGBoost is JSON: a key begins with a quote there, not with its length."""
    return bytes(data[:64]).lstrip()[1:].lstrip()[:1] == b'"'


def xgboost_bytes(booster: Any) -> bytes:
    """A booster as a binary model file, once it has passed what every load checks."""
    return xgboost.rewritten(bytes(booster.save_raw(raw_format="ubj")))


def estimator_type(booster: Any) -> str | None:
    """What a file says that XGBoost's interface of scikit-learn wrote: classifier, regressor, ranker."""
    try:
        return str(json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type", "")) or None
    except (ValueError, AttributeError, RecursionError):
        return None


def lightgbm_booster(data: bytes | memoryview) -> Any:
    """A ``lightgbm.Booster`` of the text of a model file."""
    import lightgbm as library

    try:
        text = str(bytes(data), "utf-8")
    except UnicodeDecodeError:
        raise lightgbm.refused("it is not UTF-8") from None
    try:
        return library.Booster(model_str=lightgbm.rewritten(text))
    except (library.basic.LightGBMError, ValueError) as error:  # the second where it can't read its own parameters
        raise GraphError(f"LightGBM refuses the model: {said(error)}", hint=_HINT) from None


def lightgbm_text(booster: Any, rounds: int = -1) -> str:
    """A booster as the text of a model file, by default all its rounds, once it has passed what every load checks."""
    return lightgbm.rewritten(booster.model_to_string(num_iteration=rounds))


def catboost_bytes(data: bytes | memoryview) -> bytes:
    """The bytes of a CatBoost model, which CatBoost itself verifies: first in a child process, since it may end it."""
    kept = bytes(data)
    size = struct.unpack("<I", kept[4:8])[0] if len(kept) >= 8 else 0
    if kept[:4] != b"CBM1" or not 8 <= size + 8 <= len(kept):
        raise GraphError("the CatBoost model is not well-formed: its head is not one", hint=_HINT)
    name = digest(kept)
    if name not in _tried:
        try:
            with Worker("CatBoost") as worker:
                worker.call(f"{__name__}:open_catboost", kept, timeout=120)
        except WorkerError as error:
            raise GraphError(f"CatBoost can't open the model: {error}", hint=_HINT) from None
        _tried.add(name)
    return kept


def catboost_model(kind: str, data: bytes, **params: Any) -> Any:
    """A model of CatBoost's class ``kind`` of bytes that were checked.

    From a stream: of a model with texts that was opened from one piece, CatBoost later writes bytes that end it.
    """
    import catboost

    return getattr(catboost, kind)(**params).load_model(stream=io.BytesIO(data))


def catboost_loss(model: Any) -> str | None:
    """What a model was trained by, with its parameters; a sum of models does not say, and is None."""
    if "params" not in set(model.get_metadata().keys()):
        return None
    return str(model.get_all_params().get("loss_function", ""))


def settled_catboost(model: Any) -> bytes:
    """The bytes that CatBoost writes again and again of a model: after the first load it orders them in another way."""
    data = model._serialize_model()
    if model.get_text_feature_indices():  # what it wrote may be such bytes, on which this process would end
        catboost_bytes(data)
    return know_catboost(catboost_model("CatBoost", data)._serialize_model())


def know_catboost(data: bytes) -> bytes:
    """Bytes that CatBoost has just written here need no trial."""
    if len(_tried) < 1000:
        _tried.add(digest(data))
    return data


def open_catboost(data: bytes) -> bool:
    """In the child: whether CatBoost opens it and answers a row."""
    return bool(catboost_model("CatBoost", data).is_fitted())
