"""The weights in a graph by name, without the model: no class of it is looked up, so none needs to be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from modelkeep.errors import GraphError, ModelkeepError, said
from modelkeep.formats.keep import packing
from modelkeep.formats.keep.decode import Builder
from modelkeep.formats.keep.encode import may_name
from modelkeep.formats.keep.files import GRAPH, plan
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import KINDS, numpy, python, torch, values
from modelkeep.policy import Policy
from modelkeep.rope import Bytes

_MAX_DEPTH = 100


class _Unknown:
    """What stands for a part of the model that holds no weights of its own."""


class _Module(NamedTuple):
    """What a module holds by name."""

    tensors: dict[str, Any]
    modules: dict[str, Any]


class _WeightBuilder(Builder):
    """Builds arrays and the containers around them; classes and functions stay names."""

    def audit(self) -> None:
        graph, arrays = self.plan.graph, self.plan.arrays
        self._packed = packing.parse_rows(graph.packed, len(arrays.table), len(arrays.data), self.policy.max_bytes)
        self._allowed = may_name(len(arrays.data) + sum(map(packing.size_of, self._packed.values())))


def _module(builder: Builder, node: Node) -> Any:
    builder.arity(node, 8)
    found = _Module({}, {})
    builder.register(found)
    transient = {str(each) for each in builder.a_list(node[5])}
    parameters, buffers = (builder.fill_state(builder.a_dict(node[place])) for place in (3, 4))
    found.tensors.update(parameters)
    found.tensors.update({name: each for name, each in buffers.items() if name not in transient})
    found.modules.update(builder.fill_state(builder.a_dict(node[6])))
    builder.fill_state(builder.a_dict(node[7]))  # what is shared may be defined there
    return found


def _keras(builder: Builder, node: Node) -> Any:
    builder.arity(node, 5)
    found: dict[str, Any] = {}
    for each in builder.a_list(node[3]):
        if type(each) is not list or len(each) != 2 or type(each[0]) is not str or each[0] in found:
            raise GraphError("the weights of a Keras model are not named one by one")
        found[each[0]] = builder.build(each[1])
    return found


def _object(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    found = _Unknown()
    builder.register(found)
    builder.fill_state(builder.a_dict(node[2]))
    return found


def _partial(builder: Builder, node: Node) -> Any:
    builder.arity(node, 4)
    builder.build(node[1])
    builder.fill(builder.a_list(node[2]))
    builder.fill_state(builder.a_dict(node[3]))
    return _Unknown()


def _tuple(builder: Builder, node: Node) -> Any:
    builder.arity(node, 3)
    return tuple(builder.fill(builder.a_list(node[2])))


_PLAIN = {handler.kind: handler.decode for part in (python, values, numpy, torch) for handler in part.HANDLERS}
_DECODERS = {
    **{kind: lambda builder, node: _Unknown() for kind in KINDS},
    **_PLAIN,
    "module": _module,
    "keras": _keras,
    "object": _object,
    "partial": _partial,
    "namedtuple": _tuple,
    "def": Builder.define,
    "ref": Builder.resolve,
}


def read(files: Mapping[str, Bytes], policy: Policy) -> dict[str, Any]:
    """Arrays, or tensors of PyTorch, by the name that the model's framework has for them."""
    try:
        root = _WeightBuilder(plan(files, GRAPH), policy, _DECODERS, {}).run()
    except ModelkeepError:
        raise
    except Exception as error:
        raise GraphError(f"the weights can't be read: {said(error)}") from error
    found = _flat(root, 0) if isinstance(root, _Module) else root
    if not isinstance(found, dict) or not all(type(name) is str for name in found):
        raise GraphError("the file holds no weights by name", hint="load the model itself")
    return found


def _flat(module: _Module, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise GraphError("the modules are nested too deep")
    found = {name: tensor for name, tensor in module.tensors.items() if tensor is not None}
    for name, inner in module.modules.items():
        if isinstance(inner, _Module):
            found |= {f"{name}.{rest}": tensor for rest, tensor in _flat(inner, depth + 1).items()}
    return found
