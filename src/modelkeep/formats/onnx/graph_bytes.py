"""An exporter's graph as the bytes of a file: only what it computes, the same bytes for the same model.

Exporters note where each node came from: paths of source files, counters, versions. That is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelkeep.errors import ExportError

_LIMIT = 2**31 - 1


def packed(model: Any, metadata: Mapping[str, Any]) -> bytes:
    """``model`` (an onnx.ModelProto, changed here) with ``metadata`` as JSON, as bytes."""
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    model.ClearField("model_version")
    model.ClearField("producer_version")
    for graph in (model.graph, *model.functions):
        _strip(graph)
    for key, value in sorted(metadata.items()):
        model.metadata_props.add(key=key, value=value if isinstance(value, str) else json.dumps(value))
    size = model.ByteSize()
    if size > _LIMIT:
        raise ExportError(
            f"the model has {size} bytes, and one ONNX file holds at most 2 GiB",
            hint="save it as a .keep file, or in half the bytes with model.half()",
        )
    return bytes(model.SerializeToString(deterministic=True))


def _strip(graph: Any) -> None:
    """``graph``: a graph or a function."""
    for name in ("doc_string", "metadata_props"):
        graph.ClearField(name)
    parts = [*graph.value_info, *graph.node]
    if hasattr(graph, "initializer"):
        graph.ClearField("quantization_annotation")
        parts += [*graph.initializer, *graph.input, *graph.output]
    for part in parts:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for node in graph.node:
        for attribute in node.attribute:
            attribute.ClearField("doc_string")
            if attribute.HasField("g"):
                _strip(attribute.g)
            if attribute.HasField("t"):
                attribute.t.ClearField("doc_string")
                attribute.t.ClearField("metadata_props")


def renamed(model: Any) -> None:
    """Plain names, in order, for all between inputs and outputs: those of an exporter count what its process did."""
    kept = {value.name for value in (*model.graph.input, *model.graph.output)}
    names: dict[str, str] = {}

    def name(old: str) -> str:
        if not old or old in kept:
            return old
        return names.setdefault(old, f"v{len(names)}" if f"v{len(names)}" not in kept else f"v{len(names)}_")

    def walk(graph: Any) -> None:
        graph.name = "graph"
        graph.ClearField("value_info")
        _in_order(graph)
        for tensor in graph.initializer:
            tensor.name = name(tensor.name)
        for value in (*graph.input, *graph.output):
            value.name = name(value.name)
        for number, node in enumerate(graph.node):
            node.name = f"{node.op_type}_{number}"
            node.input[:] = [name(each) for each in node.input]
            node.output[:] = [name(each) for each in node.output]
            node.domain = node.domain  # some have it without a word in it, some not at all
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    walk(attribute.g)
                    for value in (*attribute.g.input, *attribute.g.output):
                        for size in value.type.tensor_type.shape.dim:
                            size.ClearField("dim_param")

    walk(model.graph)
    for value in (*model.graph.input, *model.graph.output):
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            if size.HasField("dim_param"):
                size.dim_param = "rows" if axis == 0 else f"{value.name}_{axis}"


def _in_order(graph: Any) -> None:
    """Nodes as the outputs need them, depth first, and constants as the nodes do: an exporter's order may vary."""
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    order: dict[int, None] = {}
    waiting = [(makers[value.name], False) for value in reversed(graph.output) if value.name in makers]
    while waiting:
        number, entered = waiting.pop()
        if entered:
            order.setdefault(number)
        elif number not in order:
            waiting.append((number, True))
            needed = [makers[name] for name in _needs(graph.node[number]) if name in makers]
            waiting += [(each, False) for each in reversed(needed) if each not in order]
    nodes = [type(graph.node[i]).FromString(graph.node[i].SerializeToString()) for i in order]
    used = {name: place for place, name in enumerate(dict.fromkeys(n for node in nodes for n in _needs(node)))}
    used |= {value.name: len(used) + i for i, value in enumerate(graph.output) if value.name not in used}
    kept = sorted((each for each in graph.initializer if each.name in used), key=lambda each: used[each.name])
    constants = [type(each).FromString(each.SerializeToString()) for each in kept]
    for field, parts in ((graph.node, nodes), (graph.initializer, constants)):
        del field[:]
        field.extend(parts)


def _needs(node: Any) -> list[str]:
    """The names that a node takes, those of its graphs with it."""
    found = [name for name in node.input if name]
    for attribute in node.attribute:
        if attribute.HasField("g"):
            found += [name for inner in attribute.g.node for name in _needs(inner)]
            found += [value.name for value in attribute.g.output]
    return found
