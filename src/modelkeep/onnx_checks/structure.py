"""A model's graphs: known operators, every value made once and before it is used, nesting and calls that end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from modelkeep.errors import GraphError, PolicyError, quote
from modelkeep.onnx_checks import classic, tensors
from modelkeep.onnx_checks.model import Attribute, Function, Graph, Model, Node
from modelkeep.onnx_checks.operators import OPERATORS, OPSETS, SUBGRAPHS
from modelkeep.onnx_checks.sizes import Sizes
from modelkeep.onnx_checks.wire import HINT

MAX_LEVELS = 8
MAX_NODES = 1 << 20
MAX_FUNCTIONS = 1 << 12
IR_VERSIONS = (3, 15)
_OTHER = "ask its maker for one that uses the standard operators only"
#: Which field an attribute of each type has.
_TYPES = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings"}


def check(model: Model) -> Graph:
    """The graph of a model in which nothing is amiss."""
    low, high = IR_VERSIONS
    if not low <= (model.ir_version or 0) <= high:
        raise GraphError(f"this is version {model.ir_version} of ONNX files", hint=f"versions {low} to {high} are read")
    if model.graph is None:
        raise GraphError("the model has no graph", hint=HINT)
    walk = _Walk(model)
    for function in model.functions:
        walk.function(function)
    walk.graph(model.graph, Sizes(), frozenset(), 0)
    return model.graph


class _Walk:
    """One pass over a model. ``weights`` are the nodes of a function with those of the functions that it calls."""

    def __init__(self, model: Model) -> None:
        self.functions: dict[tuple[str, str, str], Function] = {}
        self.weights: dict[tuple[str, str, str], int] = {}
        self.nodes = 0
        _opsets(model, {function.domain or "" for function in model.functions})
        if len(model.functions) > MAX_FUNCTIONS:
            raise GraphError(f"the model has more than {MAX_FUNCTIONS} functions", hint=HINT)
        for function in model.functions:
            key = (function.domain or "", function.name or "", function.overload or "")
            if key in self.functions or key[0] in OPERATORS:
                raise GraphError(f"the function {quote(key[1])} is there twice, or in a domain of others", hint=HINT)
            self.functions[key] = function

    # -- graphs -------------------------------------------------------------------------------------------------------

    def graph(self, graph: Graph, sizes: Sizes, outer: frozenset[str], level: int) -> None:
        if level > MAX_LEVELS:
            raise GraphError(f"graphs are nested more than {MAX_LEVELS} levels deep", hint=HINT)
        stored = [tensor.name or "" for tensor in graph.initializer]
        for tensor in graph.initializer:
            tensors.check(tensor)
            sizes.constants[tensor.name or ""] = tensor
        for sparse in graph.sparse_initializer:
            tensors.check_sparse(sparse)
            stored.append((sparse.values.name if sparse.values else None) or "")
        inputs = [value.name or "" for value in graph.input]
        for names in (stored, inputs):
            if len(set(names)) < len(names) or "" in names:
                raise GraphError("two inputs or two constants of a graph have one name, or none", hint=HINT)
        # An input with a stored default may be given another value.
        for name in set(inputs) & set(stored):
            sizes.constants.pop(name, None)
        sizes.learn_inputs(graph.input)
        made = self._nodes(graph.node, {*inputs, *stored}, sizes, outer, level)
        missing = [value.name for value in graph.output if (value.name or "") not in made | outer]
        if missing or not graph.output:
            raise GraphError(f"nothing makes the output {quote(missing[0] if missing else '')}", hint=HINT)

    def function(self, function: Function) -> None:
        if self._weight(function, ()) > MAX_NODES:
            raise GraphError(f"the functions of the model have more than {MAX_NODES} nodes", hint=HINT)
        for attribute in function.attribute_proto:
            _check_attribute(attribute)
        made = self._nodes(function.node, set(function.input), Sizes(), frozenset(), 1, inside=function)
        if not set(function.output) <= made:
            raise GraphError(f"nothing makes an output of the function {quote(function.name)}", hint=HINT)

    def _weight(self, function: Function, callers: tuple[int, ...]) -> int:
        """The nodes of a function once every call in it is replaced by what it calls."""
        key = (function.domain or "", function.name or "", function.overload or "")
        if id(function) in callers or len(callers) > MAX_LEVELS * 4:
            raise GraphError(f"the function {quote(function.name)} calls itself", hint=HINT)
        if key not in self.weights:
            total = 0
            for node in _all_nodes(function.node):
                called = self._called(node)
                total += self._weight(called, (*callers, id(function))) if called else 1
            self.weights[key] = total
        return self.weights[key]

    # -- nodes --------------------------------------------------------------------------------------------------------

    def _nodes(
        self,
        nodes: list[Node],
        made: set[str],
        sizes: Sizes,
        outer: frozenset[str],
        level: int,
        inside: Function | None = None,
    ) -> set[str]:
        """Check nodes in their order; all names that are made by then."""
        inner = outer
        for node in nodes:
            for name in node.input:
                if name and name not in made and name not in outer:
                    raise GraphError(f"{_title(node)} uses {quote(name)} before anything makes it", hint=HINT)
            attributes = _attributes(node, inside)
            self._operator(node)
            sizes.check(node)
            graphs = {name: each.g for name, each in attributes.items() if each.g is not None}
            if set(graphs) != SUBGRAPHS.get(_standard(node), set()):
                raise GraphError(f"{_title(node)} has graphs that its operator lacks, or lacks one", hint=HINT)
            if graphs:
                inner = frozenset(made | outer)
            for graph in graphs.values():
                self.graph(graph, sizes.inside(node), inner, level + 1)
            for name in node.output:
                if name and name in made:
                    raise GraphError(f"{quote(name)} is made twice", hint=HINT)
                made.add(name)
            if not node.output:
                raise GraphError(f"{_title(node)} makes nothing", hint=HINT)
            sizes.learn(node, attributes)
            if node.domain == "ai.onnx.ml" or node.op_type == "TfIdfVectorizer":
                classic.check(node, attributes, sizes.widths.get(node.input[0] if node.input else ""))
        return made

    def _operator(self, node: Node) -> None:
        called = self._called(node)
        self.nodes += self._weight(called, ()) if called else 1
        if self.nodes > MAX_NODES:
            raise GraphError(f"the model has more than {MAX_NODES} nodes", hint=HINT)
        if called is None and node.op_type not in OPERATORS.get(node.domain or "", ()):
            name = f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)
            raise PolicyError(f"the operator {quote(name)} is not on the list of what a file may use", hint=_OTHER)
        if len(node.input) > MAX_NODES or len(node.output) > MAX_NODES:
            raise GraphError(f"{_title(node)} has too many inputs or outputs", hint=HINT)

    def _called(self, node: Node) -> Function | None:
        return self.functions.get((node.domain or "", node.op_type or "", node.overload or ""))


def _opsets(model: Model, own: set[str]) -> None:
    versions: dict[str, int] = {}
    for mine, opsets in [(True, model.opset_import), *((False, each.opset_import) for each in model.functions)]:
        for opset in opsets:
            domain, version = opset.domain or "", opset.version or 0
            low, high = OPSETS.get(domain, (0, 1 << 31))
            if not low <= version <= high:
                raise PolicyError(
                    f"the model asks for version {version} of the operators {quote(domain or 'ai.onnx')}",
                    hint=f"export it again for a version from {low} to {high}",
                )
            if mine and versions.setdefault(domain, version) != version:
                raise GraphError(f"the model asks for two versions of the operators {quote(domain)}", hint=HINT)
    used = {node.domain or "" for node in _all_nodes(model.graph.node if model.graph else [])}
    for domain in sorted((used & OPERATORS.keys()) - own - versions.keys()):
        raise GraphError(f"the model does not say which version of the operators {quote(domain)} it uses", hint=HINT)


def _all_nodes(nodes: Iterable[Node]) -> Iterable[Node]:
    """Nodes with those of the graphs in them; the reader has bounded how deep they are."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.g is not None:
                yield from _all_nodes(attribute.g.node)


def _standard(node: Node) -> str:
    return node.op_type or "" if (node.domain or "") in ("", "ai.onnx") else ""


def _attributes(node: Node, inside: Function | None) -> dict[str, Attribute]:
    found = node.attributes()
    if len(found) < len(node.attribute) or "" in found:
        raise GraphError(f"{_title(node)} has two attributes of one name, or one without", hint=HINT)
    for attribute in node.attribute:
        if attribute.ref_attr_name is not None and inside is None:
            raise GraphError(f"{_title(node)} takes an attribute from a function, and is in none", hint=HINT)
        _check_attribute(attribute)
    return found


def _check_attribute(attribute: Attribute) -> None:
    wanted = _TYPES.get(attribute.type or 0)
    if wanted is None:
        _no_attribute(attribute, "is of a kind that models don't have")
    present = [name for name in ("f", "i", "s", "t", "g") if getattr(attribute, name) is not None]
    present += [name for name in ("floats", "ints", "strings") if len(getattr(attribute, name))]
    if not set(present) <= {wanted} or (attribute.ref_attr_name is not None and present):
        _no_attribute(attribute, "has values of another kind than it says")
    if attribute.t is not None:
        tensors.check(attribute.t)
    texts = [attribute.s] if attribute.s is not None else attribute.strings
    if any(len(text) > tensors.MAX_TEXT for text in texts):
        _no_attribute(attribute, f"has a text of more than {tensors.MAX_TEXT} bytes")


def _no_attribute(attribute: Attribute, why: str) -> NoReturn:
    raise GraphError(f"the attribute {quote(attribute.name or '')} {why}", hint=HINT)


def _title(node: Node) -> str:
    return f"the node {quote(node.name or '')} ({quote(node.op_type or '')})"
