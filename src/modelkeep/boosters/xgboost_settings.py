"""How a booster of XGBoost would be trained on: settings that its model file lacks, without which it learns otherwise.

They are ``{"params": {name: text}, "metrics": [{"name": text, "..._param": {name: text}}]}``, with the names and texts
of the library's own configuration (https://xgboost.readthedocs.io, "Introduction to Model IO").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from modelkeep.boosters.ubjson import shallow
from modelkeep.errors import GraphError, said

#: The part of the configuration that tells of the machine, and what there is the model's after all.
_MACHINE, _OF_THE_MODEL = "generic_param", ("random_state", "seed", "seed_per_iteration")
#: What the library derives from other settings of trees, unless a user has set it.
_TREES, _DERIVED = "gbtree_train_param", ("updater", "updater_seq")
#: Parts that the model file has, too, and the metrics, which are kept as they are.
_ELSEWHERE = ("learner_model_param", "gbtree_model_param", "objective", "metrics")
#: Those of a model that says nothing of its training.
NONE: dict[str, Any] = {"params": {}, "metrics": []}


def settings_of(booster: Any) -> dict[str, Any]:
    """The settings of a booster."""
    return settings_in(json.loads(booster.save_config()))


def settings_in(configuration: Any) -> dict[str, Any]:
    """The settings in a configuration, which a pickle has, too. Raises GraphError if they are not what can be one."""
    learner = configuration.get("learner") if isinstance(configuration, dict) else None
    if not isinstance(learner, dict):
        raise GraphError("the configuration of a booster of XGBoost has no learner")
    return checked({"params": dict(sorted(_params(learner))), "metrics": learner.get("metrics") or []})


def checked(settings: Any) -> dict[str, Any]:
    """The same settings, if they are texts in their places. Raises GraphError."""
    good = type(settings) is dict and settings.keys() == {"params", "metrics"} and shallow(settings)
    params, metrics = (settings["params"], settings["metrics"]) if good else (None, None)
    if not _texts(params) or type(metrics) is not list or not all(map(_metric, metrics)):
        raise GraphError("the settings of a booster of XGBoost are not texts with names")
    return dict(settings)


def apply(booster: Any, settings: dict[str, Any]) -> None:
    """Set what the booster has otherwise, if its library knows it. Raises GraphError where the library refuses."""
    for _ in range(2):  # some settings are known only once another is set
        own = dict(_params(json.loads(booster.save_config()), given=True))
        other = [(name, text) for name, text in settings["params"].items() if own.get(name, text) != text]
        if not other:
            break
        _tried(booster.set_param, other)
        _tried(booster.save_config)  # by which the library looks at them: now, not at a user's first question
    configuration = json.loads(booster.save_config())
    if configuration["learner"]["metrics"] != settings["metrics"]:
        configuration["learner"]["metrics"] = settings["metrics"]
        _tried(booster.load_config, json.dumps(configuration))
        _tried(booster.save_config)


def _tried(step: Callable[..., Any], *arguments: Any) -> None:
    try:
        step(*arguments)
    except Exception as error:
        raise GraphError(f"XGBoost refuses the settings of a booster: {said(error)}") from None


def _texts(value: Any) -> bool:
    return type(value) is dict and all(
        type(name) is str and name.isidentifier() and type(text) is str and "\0" not in text
        for name, text in value.items()
    )


def _metric(value: Any) -> bool:
    if type(value) is not dict or not _texts({"name": value.get("name")}):
        return False
    return all(type(name) is str and (name == "name" or _texts(part)) for name, part in value.items())


def _params(part: Any, section: str = "", given: bool = False) -> Iterator[tuple[str, Any]]:
    """The settings in a part of the configuration; ``given`` says whether a user named the steps of an update."""
    if isinstance(part, list):
        for each in part:
            yield from _params(each, given=given)
    elif isinstance(part, dict):
        given = given or bool(part.get("specified_updater"))
        for name, value in part.items():
            if isinstance(value, (dict, list)):
                if name not in _ELSEWHERE:
                    yield from _params(value, name, given)
            elif _is_setting(section, name, given):
                yield name, value


def _is_setting(section: str, name: str, given: bool) -> bool:
    if section == _MACHINE:
        return name in _OF_THE_MODEL
    return section.endswith("_param") and (given or section != _TREES or name not in _DERIVED)
