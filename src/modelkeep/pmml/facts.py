"""What the elements of a PMML file mean together, gathered while they go by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelkeep.errors import CheckError, quote
from modelkeep.pmml import numbers, vocabulary
from modelkeep.pmml.graph import Graph
from modelkeep.pmml.outline import Expected, Outline, Output

_HINT = "don't use this file: it was made by another program, or to do harm; get the model from its maker"
#: Who wrote the header's extension that this package reads.
EXTENDER = "modelkeep"
_CONTRACT = 1 << 24
_FIELDS = ("DerivedField", "OutputField")
_IDENTIFIED = ("NeuralInput", "Neuron", "VectorInstance")
_IDENTIFIERS = {"Con": "from", "NeuralOutput": "outputNeuron", "SupportVector": "vectorId"}

Attributes = Mapping[str, str]


@dataclass
class _Frame:
    """One open element: what it is, and what its children told."""

    local: str
    attributes: Attributes
    children: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    targets: list[str] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)


class Facts:
    """The facts of one file, element by element; ``finish`` checks what only the whole can tell."""

    def __init__(self, graph: Graph, *, allow_regex: bool = False) -> None:
        self._graph = graph
        self._allow_regex = allow_regex
        self._frames: list[_Frame] = []
        self._outline = Outline()
        self._fields: list[str] = []
        self._function: str | None = None

    def start(self, path: list[str], attributes: Attributes) -> None:
        local = path[-1]
        frame = _Frame(local, attributes)
        if self._frames:
            self._frames[-1].children.append(local)
        if local in vocabulary.MODELS and len(path) == 2:
            if self._outline.model:
                raise CheckError("the file holds more than one model", hint=_HINT)
            self._outline.model = local
        self._name(local, attributes)
        self._identify(local, attributes)
        self._answer(local, attributes)
        self._frames.append(frame)
        if len(path) <= 5:
            self._outline_of(path, attributes)

    def end(self, path: list[str], attributes: Attributes, text: str) -> None:
        local = path[-1]
        frame = self._frames.pop()
        if local in _FIELDS:
            self._fields.pop()
        elif local == "DefineFunction":
            self._function = None
        elif local == "Node":
            self._check_node(frame)
        elif local in vocabulary.MODELS or local in ("Segment", "Segmentation"):
            self._hand_up(frame)
        elif local == "Apply":
            self._check_apply(frame)
        elif local == "Constant" and self._frames[-1].attributes.get("function") in vocabulary.REGEX_FUNCTIONS:
            if not self._allow_regex:
                numbers.bounded_regex(text)
        elif len(path) == 6 and path[2:5] == ["ModelVerification", "InlineTable", "row"]:
            self._outline.rows[-1][local] = text

    def finish(self) -> Outline:
        if not self._outline.model:
            raise CheckError("the file holds no model", hint=_HINT)
        self._graph.check()
        return self._outline

    # -- names ---------------------------------------------------------------------------------------------------------

    def _name(self, local: str, attributes: Attributes) -> None:
        graph = self._graph
        if local in vocabulary.DEFINITIONS and "name" in attributes:
            graph.defined.add(attributes["name"])
        if local in _FIELDS:
            self._fields.append(attributes.get("name", ""))
            graph.fields.setdefault(self._fields[-1], set())
        elif local == "DefineFunction":
            if self._function is not None or attributes.get("name", "") in graph.functions:
                raise CheckError(f"the function {quote(attributes.get('name'))} is defined twice", hint=_HINT)
            self._function = attributes.get("name", "")
            graph.functions[self._function] = []
        elif local == "Apply":
            called = attributes.get("function", "")
            graph.called.add(called)
            if self._function is not None:
                graph.functions[self._function].append(called)
        referring = vocabulary.REFERENCES.get(local)
        if referring is None:
            return
        if referring not in attributes and local in vocabulary.OLD_REFERENCES:
            referring = vocabulary.OLD_REFERENCES[local]
        if referring in attributes:
            graph.used.add(attributes[referring])
            if self._fields and self._function is None and local != "OutputField":
                graph.fields[self._fields[-1]].add(attributes[referring])

    # -- structure -----------------------------------------------------------------------------------------------------

    def _identify(self, local: str, attributes: Attributes) -> None:
        """Neurons and support vectors refer to what stands before them, so there is no way round."""
        if local in _IDENTIFIED:
            self._model_frame().ids.add(attributes.get("id", ""))
        elif local in _IDENTIFIERS:
            meant = attributes.get(_IDENTIFIERS[local], "")
            if meant not in self._model_frame().ids:
                raise CheckError(f"{local} refers to {quote(meant)}, which is not before it", hint=_HINT)
        elif local == "Node" and self._frames and self._frames[-1].local == "Node":
            self._frames[-1].ids.add(attributes.get("id", ""))

    def _model_frame(self) -> _Frame:
        frame = next((each for each in reversed(self._frames) if each.local in vocabulary.MODELS), None)
        if frame is None:
            raise CheckError("a part of a model is outside every model", hint=_HINT)
        return frame

    def _check_node(self, frame: _Frame) -> None:
        default = frame.attributes.get("defaultChild")
        if default is not None and frame.ids and default not in frame.ids:  # a leaf never looks
            raise CheckError(f"a node's default child is {quote(default)}, which it has not", hint=_HINT)

    def _check_apply(self, frame: _Frame) -> None:
        if frame.attributes.get("function") in vocabulary.REGEX_FUNCTIONS and not self._allow_regex:
            values = [child for child in frame.children if child != "Extension"]
            if values[1:2] != ["Constant"]:
                raise CheckError("a regular expression is not a constant", hint=_HINT)

    # -- outputs -------------------------------------------------------------------------------------------------------

    def _answer(self, local: str, attributes: Attributes) -> None:
        """Targets and outputs of whatever model this is in."""
        if local == "MiningField" and attributes.get("usageType") in ("target", "predicted"):
            self._model_frame().targets.append(attributes.get("name", ""))
        elif local == "OutputField":
            frame = self._model_frame()
            target = attributes.get("targetField") or (frame.targets[0] if len(frame.targets) == 1 else None)
            feature = attributes.get("feature", "predictedValue")
            frame.outputs.append(Output(attributes.get("name", ""), feature, attributes.get("value"), target))

    def _hand_up(self, frame: _Frame) -> None:
        """A chain of models answers with the outputs of its last one, several chains with those of all."""
        if not self._frames or (frame.local not in ("Segment", "Segmentation") and len(self._frames) == 1):
            self._outline.outputs = frame.outputs
            return
        above = self._frames[-1]
        method = frame.attributes.get("multipleModelMethod") if frame.local == "Segmentation" else ""
        if above.local == "Segmentation" and above.attributes.get("multipleModelMethod") == "modelChain":
            above.outputs = []
        if method in ("", "modelChain", "x-multiModelChain"):
            above.outputs += frame.outputs

    # -- the outline ---------------------------------------------------------------------------------------------------

    def _outline_of(self, path: list[str], attributes: Attributes) -> None:
        outline, parents = self._outline, path[1:-1]
        local, name = path[-1], attributes.get("name", "")
        if parents == ["DataDictionary"] and local == "DataField":
            if name in outline.types:
                raise CheckError(f"the field {quote(name)} is defined twice", hint=_HINT)
            outline.types[name] = attributes.get("dataType", "")
            outline.values[name] = []
        elif parents == ["DataDictionary", "DataField"] and local == "Value":
            if attributes.get("property", "valid") == "valid":
                outline.values[next(reversed(outline.values))].append(attributes.get("value", ""))
        elif parents == ["Header"] and local == "Extension" and attributes.get("extender") == EXTENDER:
            outline.contract = _contract(attributes.get("value", ""))
        elif parents[1:] == ["MiningSchema"] and local == "MiningField":
            usage = attributes.get("usageType", "active")
            if usage == "active":
                outline.inputs.append(name)
            elif usage in ("target", "predicted"):
                outline.targets.append(name)
        elif parents[1:] == ["ModelVerification", "VerificationFields"] and local == "VerificationField":
            outline.expected.append(_expected(attributes))
        elif parents[1:] == ["ModelVerification", "InlineTable"] and local == "row":
            outline.rows.append({})


def _expected(attributes: Attributes) -> Expected:
    name = attributes.get("field", "")
    column = attributes.get("column", name).rpartition(":")[2]
    precision = numbers.finite(attributes.get("precision", "1e-6"), "precision")
    return Expected(name, column, precision, numbers.finite(attributes.get("zeroThreshold", "1e-16"), "zeroThreshold"))


def _contract(text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text) if len(text) <= _CONTRACT else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CheckError("what modelkeep wrote into the header is damaged", hint=_HINT)
    return value
