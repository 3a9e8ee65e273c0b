"""These tree writers inside skl2onnx, registered with it for a while.

    with tree_converters():
        proto = skl2onnx.to_onnx(pipeline, sample)

Rows that are float64 there are compared as they are, so a pipeline with a scaler wants a float64 sample.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import ML, ML_OPSET, OPSET, Graph
from modelkeep.formats.onnx.trees import catboost, lightgbm, sklearn, xgboost

_FLOAT, _DOUBLE = 1, 11
#: The set of operators for classical models that the library knows.
_KNOWN = 3
_Write = Callable[[Any, Graph, str], dict[str, Any]]


def _writers() -> dict[str, _Write]:
    """By the class's dotted name."""
    kinds = ("Classifier", "Regressor")
    trees = [f"tree.{name}{kind}" for name in ("DecisionTree", "ExtraTree") for kind in kinds]
    forests = [f"ensemble.{name}{kind}" for name in ("RandomForest", "ExtraTrees") for kind in kinds]
    found: dict[str, _Write] = {
        **dict.fromkeys(trees, sklearn.tree),
        **dict.fromkeys(forests, sklearn.forest),
        **{f"ensemble.GradientBoosting{kind}": sklearn.boosting for kind in kinds},
        **{f"ensemble.HistGradientBoosting{kind}": sklearn.histogram for kind in kinds},
        "ensemble.IsolationForest": sklearn.isolation,
        "ensemble.AdaBoostClassifier": sklearn.adaboost,
        "ensemble.AdaBoostRegressor": sklearn.adaboost_regressor,
        **{f"ensemble.Bagging{kind}": sklearn.bagging for kind in kinds},
    }
    found = {f"sklearn.{name}": write for name, write in found.items()}
    found |= {f"xgboost.XGB{kind}": xgboost.classifier for kind in ("Classifier", "RFClassifier")}
    found |= {f"xgboost.XGB{kind}": xgboost.booster for kind in ("Regressor", "RFRegressor")}
    found |= {"lightgbm.LGBMClassifier": lightgbm.classifier, "lightgbm.LGBMRegressor": lightgbm.booster}
    return found | {f"catboost.CatBoost{kind}": catboost.catboost for kind in kinds}


def _register() -> None:
    """Put the writers into skl2onnx's tables, for classes whose library is imported by now."""
    from skl2onnx import update_registered_converter
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import get_converter, get_shape_calculator
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes as of_classifiers
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes as of_regressors

    options = {"zipmap": [False, True, "columns"], "nocl": [True, False]}
    for name, write in _writers().items():
        module, _, attribute = name.rpartition(".")
        cls = getattr(sys.modules.get(module), attribute, None)
        if cls is None:
            continue
        alias = sklearn_operator_name_map.get(cls)
        classifies = hasattr(cls, "predict_proba")
        if alias is None:
            shapes = of_classifiers if classifies else of_regressors
            alias, allowed = f"Modelkeep{attribute}", options if classifies else None
        else:
            shapes, plain = get_shape_calculator(alias), get_converter(alias)
            allowed = plain.get_allowed_options()
        update_registered_converter(cls, alias, shapes, _converter(write, plain), options=allowed)


@contextmanager
def tree_converters() -> Iterator[None]:
    """Inside, skl2onnx writes trees with these writers; afterwards its tables are as they were."""
    from skl2onnx import _parse, _supported_operators
    from skl2onnx.common import _registration, _topology

    tables: list[dict[Any, Any]] = [
        _supported_operators.sklearn_operator_name_map,
        _parse.sklearn_parsers_map,
        _registration._converter_pool,
        _registration._shape_calculator_pool,
    ]
    before, lift = [dict(table) for table in tables], _topology._update_domain_version
    try:
        _topology._update_domain_version = _lifting(lift)
        _register()
        yield
    finally:
        _topology._update_domain_version = lift
        for table, entries in zip(tables, before, strict=True):
            table.clear()
            table.update(entries)


def _lifting(plain: Callable[..., bool]) -> Callable[..., bool]:
    """The library knows no operators for classical models as new as these; the newer set has the older ones too."""

    def lift(container: Any, proto: Any, **settings: Any) -> bool:
        found = plain(container, proto, **settings)
        if any(node.op_type == "TreeEnsemble" for node in container.nodes):
            for each in proto.opset_import:
                each.version = ML_OPSET if each.domain == ML else each.version
        return found

    return lift


def _converter(write: _Write, plain: Any) -> Callable[[Any, Any, Any], None]:
    """``plain`` is the library's own, for an ensemble whose members are no trees."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        members = np.ravel(getattr(model, "estimators_", ())).tolist()
        if plain is not None and not all(hasattr(each, "tree_") for each in members):
            plain(scope, operator, container)
            return
        graph = Graph()
        rows = graph.add("Cast", operator.inputs[0].full_name, to=_DOUBLE)
        found = write(model, graph, rows)
        wanted = [found["predict"]]
        if len(operator.outputs) > 1:
            wanted.append(_second(found))
        for output, name in zip(operator.outputs, wanted, strict=True):
            _deliver(graph, name, output)
        _copied(graph, scope, container, {operator.inputs[0].full_name, *(each.full_name for each in operator.outputs)})

    return convert


def _second(found: dict[str, Any]) -> str:
    """Shares where there are any, else scores."""
    name = found.get("predict_proba", found.get("decision_function"))
    if not isinstance(name, str):
        raise ExportError("its several outputs do not fit skl2onnx", hint="export it with modelkeep.export")
    return name


def _deliver(graph: Graph, name: str, output: Any) -> None:
    """One output in the type and the shape that were promised for it."""
    kind = type(output.type).__name__
    to = {"FloatTensorType": _FLOAT, "DoubleTensorType": _DOUBLE, "Int64TensorType": 7}.get(kind)
    if to is not None:
        name = graph.add("Cast", name, to=to)
    width = output.type.shape[1:]
    shape = [-1, *width] if width and isinstance(width[0], int) else [-1] if not width else None
    if shape is None:
        graph.add("Identity", name, output=output.full_name)
    else:
        graph.add("Reshape", name, graph.const(shape, np.int64), output=output.full_name)


def _copied(graph: Graph, scope: Any, container: Any, kept: set[str]) -> None:
    """The operators and constants into skl2onnx's container, under names that are free there."""
    names: dict[str, str] = {each: each for each in kept}

    def free(name: str) -> str:
        if name and name not in names:
            names[name] = scope.get_unique_variable_name(f"modelkeep_{name}")
        return names.get(name, "")

    for constant in graph.constants.values():
        copy = type(constant)()
        copy.CopyFrom(constant)
        copy.name = free(constant.name)
        container.initializers.append(copy)
    for node in graph.nodes:
        for place, name in enumerate(node.input):
            node.input[place] = free(name)
        for place, name in enumerate(node.output):
            node.output[place] = free(name)
        node.name = scope.get_unique_operator_name(f"modelkeep_{node.op_type}")
        container.node_domain_version_pair_sets.add((node.domain, _KNOWN if node.domain == ML else OPSET))
        container.nodes.append(node)
