"""XGBoost, LightGBM and CatBoost in a pickle: the library's own bytes, for the safe format's reader to check."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from modelkeep.boosters import ubjson
from modelkeep.boosters.xgboost_settings import NONE, settings_in
from modelkeep.errors import GraphError
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.names_table import OBJECTS
from modelkeep.formats.keep.types.boosters import HANDLERS
from modelkeep.formats.unpickle.maps_numpy import array_of
from modelkeep.formats.unpickle.maps_objects import attributes, encode_object, named, only
from modelkeep.formats.unpickle.raw import raw_bytes
from modelkeep.formats.unpickle.records import Call

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

#: What a LightGBM booster knows besides its model.
_STATE = ("best_iteration", "best_score", "params")
_MODEL = "__model"


def encode_xgboost(encoder: Transcriber, call: Call) -> Node:
    """A snapshot of the model and of how its library was set up."""
    only(call, "state")
    handle = attributes(encoder, call).get("handle")
    if call.args or handle is None:
        raise GraphError("a booster of XGBoost has no model")
    raw = raw_bytes(handle)
    encoder.spend(8 * len(raw))
    snapshot = ubjson.parse(raw)
    model = snapshot.get("Model", snapshot if "learner" in snapshot else None)
    settings = settings_in(snapshot["Config"]) if "Config" in snapshot else NONE
    return ["xgboost", encoder.at(".handle", ubjson.emit(model)), encoder.at("", settings)]


def encode_lightgbm(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = attributes(encoder, call)
    text = state.get("_handle", state.get("handle"))
    if call.args or type(text) is not str:
        raise GraphError("a booster of LightGBM has no model")
    encoder.spend(len(text))
    kept = {name: state.get(name) for name in _STATE}
    return ["lightgbm", encoder.at(".handle", text.encode()), encoder.at("", kept)]


def encode_catboost(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    state = dict(attributes(encoder, call))
    data = state.pop(_MODEL, None)
    if call.args:
        raise GraphError("a model of CatBoost has an unknown form")
    if data is not None:
        raw = raw_bytes(data)
        encoder.spend(len(raw))
        data = encoder.at(".__model", bytes(raw))
    # How many columns it had is not in a pickle of the library.
    return ["catboost", named(call.callee).rpartition(".")[2], encoder.at("", state), data, 0]


def encode_xgboost_model(encoder: Transcriber, call: Call) -> Node:
    """Up to version 1.7 a classifier had its labels among its attributes; today they are 0, 1, ... by rule."""
    state = call.state
    if type(state) is dict and "classes_" in state:
        if array_of(encoder, state["classes_"]).tolist() != list(range(int(state.get("n_classes_", 0)))):
            raise GraphError("a classifier of XGBoost has labels other than 0, 1, ...")
        call = _with_state(call, {key: value for key, value in state.items() if key != "classes_"})
    return encode_object(encoder, call)


def encode_lightgbm_model(encoder: Transcriber, call: Call) -> Node:
    """Up to version 3.3 a fitted model had None where today it has a number."""
    state = call.state
    if type(state) is dict and state.get("_Booster") is not None:
        numbers = {key: number for key, number in _LIGHTGBM_NUMBERS.items() if state.get(key, 0) is None}
        call = _with_state(call, {**state, **numbers})
    return encode_object(encoder, call)


def _with_state(call: Call, state: dict[str, Any]) -> Call:
    made = copy.copy(call)
    made.state = state
    return made


_LIGHTGBM_NUMBERS = {"_n_classes": -1, "_best_iteration": 0}
_ENCODERS = {"xgboost": encode_xgboost, "lightgbm": encode_lightgbm, "catboost": encode_catboost}

REDUCED: dict[str, Any] = {}
NEW: dict[str, Any] = {claim: _ENCODERS[handler.kind] for handler in HANDLERS for claim in handler.claims}
NEW |= {f"xgboost.sklearn.{name}": encode_xgboost_model for name in OBJECTS["xgboost.sklearn"].split()}
NEW |= {f"lightgbm.sklearn.{name}": encode_lightgbm_model for name in OBJECTS["lightgbm.sklearn"].split()}
