"""Boosters of XGBoost, LightGBM and CatBoost: the library's own bytes, checked and written anew by the loader.

``["xgboost", bytes, settings]``, ``["lightgbm", bytes, state]`` and
``["catboost", class, state, bytes or None, columns]``.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, LoadError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

#: What a LightGBM booster knows besides its model.
_STATE = ("best_iteration", "best_score", "params")
#: By the name in the file: the classes of CatBoost.
_CATBOOST = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
_MODEL = "__model"


def _written(write: Callable[[Any], Any], booster: Any) -> Any:
    try:
        return write(booster)
    except LoadError as error:
        raise Unsaveable(f"no load would take this booster: {error}", "fit it again") from None
    except Exception as error:
        raise Unsaveable(f"its library can't write this booster: {error}", "fit it before saving") from None


def encode_xgboost(encoder: Encoder, booster: Any) -> Node:
    from modelkeep.boosters.loading import xgboost_bytes
    from modelkeep.boosters.xgboost_settings import settings_of

    return ["xgboost", encoder.node(_written(xgboost_bytes, booster)), encoder.node(settings_of(booster))]


def decode_xgboost(builder: Builder, node: Node) -> Any:
    from modelkeep.boosters.loading import xgboost_booster
    from modelkeep.boosters.xgboost_settings import apply, checked

    builder.arity(node, 3)
    booster = xgboost_booster(_bytes(builder.build(node[1])))
    apply(booster, checked(builder.build(node[2])))
    return booster


def encode_lightgbm(encoder: Encoder, booster: Any) -> Node:
    from modelkeep.boosters.loading import lightgbm_text

    state = {name: getattr(booster, name) for name in _STATE}
    text = _written(lightgbm_text, booster)
    return ["lightgbm", encoder.node(text.encode()), encoder.node(state)]


def decode_lightgbm(builder: Builder, node: Node) -> Any:
    from modelkeep.boosters.loading import lightgbm_booster

    builder.arity(node, 3)
    booster, state = lightgbm_booster(_bytes(builder.build(node[1]))), builder.build(node[2])
    known = type(state) is dict and tuple(state) == _STATE
    if not known or type(state["best_iteration"]) is not int or not isinstance(state["best_score"], dict):
        raise GraphError("the state of a LightGBM booster is not its own")
    for name in _STATE:
        setattr(booster, name, state[name])
    return booster


def encode_catboost(encoder: Encoder, model: Any) -> Node:
    from modelkeep.boosters.loading import settled_catboost

    state = dict(_written(lambda each: each.__getstate__(), model))
    data = state.pop(_MODEL, None)
    if data is not None:
        data = _written(settled_catboost, model)
    return ["catboost", type(model).__name__, encoder.node(state), encoder.node(data), _columns(model)]


def decode_catboost(builder: Builder, node: Node) -> Any:
    import catboost

    from modelkeep.boosters.loading import catboost_bytes

    builder.arity(node, 5)
    if type(node[4]) is not int or not 0 <= node[4] < 1 << 31:
        raise GraphError("a CatBoost model has no number of columns")
    name, state, data = builder.text(node[:2]), builder.build(node[2]), builder.build(node[3])
    if name not in _CATBOOST:
        raise GraphError(f"{quote(name)} is no class of CatBoost")
    if type(state) is not dict or not all(type(key) is str and key.isidentifier() for key in state) or _MODEL in state:
        raise GraphError("the state of a CatBoost model is not its own")
    model = getattr(catboost, name).__new__(getattr(catboost, name))
    model.__setstate__({})
    if data is not None:
        model.load_model(stream=io.BytesIO(catboost_bytes(_bytes(data))))
        model._n_features_in = node[4]  # which the library forgets
    model.__setstate__(state)  # behind the model: some of it is kept where the model is
    return model


def _columns(model: Any) -> int:
    return int(getattr(model, "_n_features_in", 0) or 0)


def _bytes(data: Any) -> bytes:
    if type(data) is not bytes:
        raise GraphError("a booster is not bytes")
    return data


HANDLERS = [
    Handler("xgboost", ("xgboost.core.Booster",), encode_xgboost, decode_xgboost),
    Handler("lightgbm", ("lightgbm.basic.Booster",), encode_lightgbm, decode_lightgbm),
    Handler("catboost", tuple(f"catboost.core.{name}" for name in _CATBOOST), encode_catboost, decode_catboost),
]
