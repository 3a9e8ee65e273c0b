"""PMML bytes are checked before any Java sees them: well-formed, bounded, closed, and without a way to anything else.

One pass of expat: document types, entities and processing instructions are refused as soon as they begin, so there is
nothing to expand; every element, function and namespace is on a list, so there is nothing to run; every reference ends
inside the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from xml.parsers import expat

from modelkeep.errors import CheckError, ContainerError, LoadError, quote
from modelkeep.pmml import graph, numbers, vocabulary
from modelkeep.pmml.facts import Facts
from modelkeep.pmml.outline import Outline

DEPTH = 256
ATTRIBUTES = 1000
ELEMENTS = 20_000_000
#: The most bytes of a file: Java reads it whole.
BYTES = 1 << 29
HINT = "don't use this file: it was made by another program, or to do harm; get the model from its maker"
_NEWER = "write the file as PMML 4.1 to 4.4 with the program that made it"
_PLAIN = "write the file without it, with the program that made it"
_RECODE = "write the file as UTF-8 with the program that made it"
_TEXTS = frozenset(("Constant", "Array", "Indices", "REAL-Entries", "INT-Entries"))


def check(data: memoryview, *, allow_regex: bool = False) -> Outline:
    """What the file says of itself; anything against the rules is a LoadError."""
    _check_bytes(data)
    walk = _Walk(allow_regex)
    parser = expat.ParserCreate("UTF-8", " ")
    parser.buffer_text = True
    parser.ordered_attributes = False
    parser.XmlDeclHandler = _declaration
    parser.StartDoctypeDeclHandler = _refuser("a document type")
    parser.EntityDeclHandler = _refuser("an entity")
    parser.UnparsedEntityDeclHandler = _refuser("an entity")
    parser.NotationDeclHandler = _refuser("a notation")
    parser.ExternalEntityRefHandler = _refuser("an external entity")
    parser.ProcessingInstructionHandler = _refuser("a processing instruction")
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.text
    try:
        parser.Parse(bytes(data), True)
    except expat.ExpatError as error:
        raise ContainerError(
            f"not well-formed XML: {expat.ErrorString(error.code)}, line {error.lineno}", hint=HINT
        ) from None
    except LoadError as error:
        raise error.within(f"line {parser.CurrentLineNumber}") from None
    return walk.facts.finish()


def _check_bytes(data: memoryview) -> None:
    if len(data) > BYTES:
        raise ContainerError(f"the file has {len(data)} bytes, PMML files at most {BYTES}", hint=HINT)
    raw = bytes(data)
    if b"\x00" in raw:
        raise ContainerError("the file is not UTF-8 text", hint=_RECODE)
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContainerError(f"the file is not UTF-8 text: byte {error.start}", hint=_RECODE) from None


def _declaration(version: str, encoding: str | None, _: int) -> None:
    if version != "1.0" or (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise ContainerError(f"XML {quote(version)} in {quote(encoding)}, not 1.0 in UTF-8", hint=_RECODE)


def _refuser(what: str) -> Any:
    def refuse(*_: object) -> NoReturn:
        raise CheckError(f"the file has {what}", hint=HINT)

    return refuse


class _Walk:
    """The handlers: rules that hold for every element, and texts by element."""

    def __init__(self, allow_regex: bool) -> None:
        self.facts = Facts(graph.Graph(), allow_regex=allow_regex)
        self._path: list[str] = []
        self._space = ""
        self._count = 0
        self._texts: list[list[str]] = []
        self._attributes: list[Mapping[str, str]] = []
        self._allow_regex = allow_regex
        self._in_row = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        self._count += 1
        if len(self._path) >= DEPTH:
            raise CheckError(f"elements are nested deeper than {DEPTH}", hint=HINT)
        if len(attributes) > ATTRIBUTES or self._count > ELEMENTS:
            raise CheckError("too many attributes or elements", hint=HINT)
        self._check_place(space, local, attributes)
        self._check_numbers(local, attributes)
        self._path.append(local)
        self._texts.append([])
        self._attributes.append(attributes)
        self.facts.start(self._path, attributes)
        if local == "row":
            self._in_row += 1

    def _check_place(self, space: str, local: str, attributes: Mapping[str, str]) -> None:
        if not self._path:
            if local != "PMML" or space not in vocabulary.NAMESPACES:
                raise ContainerError(f"{quote(space)} {quote(local)} is not PMML 4.1 to 4.4", hint=_NEWER)
            self._space = space
        elif self._in_row:
            if space not in (self._space, vocabulary.TABLE_NAMESPACE) or len(self._path) > 255:
                raise CheckError(f"a table has a cell of {quote(space)}", hint=HINT)
        elif space != self._space or local not in vocabulary.ELEMENTS or local == "PMML":
            if local in vocabulary.OTHER_MODELS:
                raise CheckError(
                    f"{local} is no kind of model that answers row by row", hint="use the program that made the file"
                )
            raise CheckError(f"the element {quote(local)} of {quote(space)} is on no list", hint=_PLAIN)
        for attribute in attributes:
            if " " in attribute and not (not self._path and attribute in vocabulary.SCHEMA_ATTRIBUTES):
                raise CheckError(f"the attribute {quote(attribute)} is on no list", hint=_PLAIN)

    def _check_numbers(self, local: str, attributes: Mapping[str, str]) -> None:
        if self._in_row or local == "Extension":
            return
        for name, value in attributes.items():
            if name in vocabulary.NUMBERS or (local, name) in vocabulary.ELEMENT_NUMBERS:
                numbers.finite(value, f"{local} {name}")
            elif local == "SimplePredicate" and name == "value" and value.strip().lower().lstrip("+-") == "nan":
                raise CheckError("a predicate compares with NaN", hint=HINT)
            elif (local, name) in vocabulary.REGEXES and not self._allow_regex:
                numbers.bounded_regex(value)

    def text(self, data: str) -> None:
        if self._texts:
            self._texts[-1].append(data)

    def end(self, _: str) -> None:
        local, attributes, text = self._path[-1], self._attributes.pop(), "".join(self._texts.pop())
        if local in _TEXTS and not self._in_row:
            self._check_text(local, attributes, text)
        elif text.strip() and not self._in_row and local not in ("Extension", "Annotation", "Timestamp", "Value"):
            raise CheckError(f"the element {quote(local)} has text", hint=HINT)
        self.facts.end(self._path, attributes, text)
        self._path.pop()
        if local == "row":
            self._in_row -= 1

    def _check_text(self, local: str, attributes: Mapping[str, str], text: str) -> None:
        if local == "Constant":
            if attributes.get("dataType") in ("double", "float", "integer") and not attributes.get("missing"):
                numbers.finite(text, "a constant")
            return
        kind = {"Array": attributes.get("type", "")}.get(
            local, "int" if local in ("Indices", "INT-Entries") else "real"
        )
        numbers.array(text, kind, attributes.get("n"))
