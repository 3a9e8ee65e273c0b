"""Hostile PMML files, each with the error that must come out before any Java sees them.

``CASES[name]`` is ``(bytes, class of the error, part of its text)``. They are edits of ``HONEST``, which is read.
"""

from __future__ import annotations

SPACE = "http://www.dmg.org/PMML-4_4"
HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<PMML xmlns="{SPACE}" version="4.4"><Header/>'
FIELDS = (
    '<DataDictionary><DataField name="a" optype="continuous" dataType="double"/>'
    '<DataField name="b" optype="continuous" dataType="double"/>'
    '<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>'
)
TARGET = '<MiningField name="y" usageType="target"/>'
SCHEMA = f'<MiningSchema><MiningField name="a"/><MiningField name="b"/>{TARGET}</MiningSchema>'
TABLE = '<RegressionTable intercept="1.5"><NumericPredictor name="a" coefficient="2"/></RegressionTable>'
HONEST = (
    f'{HEAD}{FIELDS}<RegressionModel functionName="regression">{SCHEMA}'
    f'<LocalTransformations><DerivedField name="c" optype="continuous" dataType="double"><Apply function="+">'
    '<FieldRef field="b"/><Constant dataType="double">1</Constant></Apply></DerivedField></LocalTransformations>'
    f"{TABLE}</RegressionModel></PMML>"
)
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))

CASES: dict[str, tuple[bytes, str, str]] = {}


def put(name: str, error: str, part: str, data: str | bytes) -> None:
    CASES[name] = (data if isinstance(data, bytes) else data.encode()), error, part


def edit(name: str, part: str, old: str, new: str, error: str = "CheckError") -> None:
    assert HONEST.count(old) >= 1, old
    put(name, error, part, HONEST.replace(old, new, 1))


def derived(name: str, inside: str) -> str:
    return f'<DerivedField name="{name}" optype="continuous" dataType="double">{inside}</DerivedField>'


def model(inside: str, kind: str = "RegressionModel") -> str:
    return f'{HEAD}{FIELDS}<{kind} functionName="regression">{SCHEMA}{inside}</{kind}></PMML>'


# -- XML -----------------------------------------------------------------------------------------------------------
ROOT = "<PMML xmlns"
edit("billion laughs", "a document type", ROOT, f'<!DOCTYPE PMML [<!ENTITY l0 "ha">{LAUGHS}]>{ROOT}')
edit("external entity", "a document type", ROOT, f'<!DOCTYPE PMML [<!ENTITY x SYSTEM "file:///etc/passwd">]>{ROOT}')
edit("parameter entity", "a document type", ROOT, f'<!DOCTYPE PMML [<!ENTITY % x SYSTEM "http://a/b"> %x;]>{ROOT}')
edit("external document type", "a document type", ROOT, f'<!DOCTYPE PMML SYSTEM "http://127.0.0.1:1/x.dtd">{ROOT}')
edit("public document type", "a document type", ROOT, f'<!DOCTYPE PMML PUBLIC "x" "file:///etc/passwd">{ROOT}')
edit("processing instruction", "processing instruction", "<Header/>", "<Header/><?php x?>")
edit("style sheet", "processing instruction", ROOT, f'<?xml-stylesheet href="x.xsl"?>{ROOT}')
edit("unknown entity", "not well-formed", "<Header/>", "<Header/>&x;", "ContainerError")
edit("other encoding declared", "not 1.0 in UTF-8", 'encoding="UTF-8"', 'encoding="UTF-16"', "ContainerError")
edit("encoding of seven bits", "not 1.0 in UTF-8", 'encoding="UTF-8"', 'encoding="UTF-7"', "ContainerError")
edit("XML 1.1", "not 1.0 in UTF-8", 'version="1.0"', 'version="1.1"', "ContainerError")
put("latin 1", "ContainerError", "not UTF-8", HONEST.replace('name="a"', 'name="ä"').encode("latin-1"))
put("overlong UTF-8", "ContainerError", "not UTF-8", HONEST.encode().replace(b'"1.5"', b'"\xc0\xb1.5"'))
put("surrogate", "ContainerError", "not UTF-8", HONEST.encode().replace(b'"1.5"', b'"\xed\xa0\x80"'))
put("null byte", "ContainerError", "not UTF-8", HONEST.encode().replace(b"<Header/>", b"<Header/>\0"))
put("cut short", "ContainerError", "not well-formed", HONEST[:-20])
put("two documents", "ContainerError", "not well-formed", HONEST + HONEST)
put("trailing bytes", "ContainerError", "not well-formed", HONEST + "x")
put("attribute twice", "ContainerError", "not well-formed", HONEST.replace("<Header/>", '<Header a="1" a="2"/>'))
put("unbound prefix", "ContainerError", "not well-formed", HONEST.replace("<Header/>", "<x:Header/>"))
put("nothing but a root", "CheckError", "no model", f"{HEAD}</PMML>")
put("another root", "ContainerError", "is not PMML", '<?xml version="1.0"?><html/>')
put("no namespace", "ContainerError", "is not PMML", HONEST.replace(f' xmlns="{SPACE}"', ""))
put("older namespace", "ContainerError", "is not PMML", HONEST.replace("PMML-4_4", "PMML-3_2"))
put("nearly the namespace", "ContainerError", "is not PMML", HONEST.replace("PMML-4_4", "PMML-4_4/"))

# -- bounds --------------------------------------------------------------------------------------------------------
DEEP = "<CompoundPredicate booleanOperator='and'>" * 300 + "</CompoundPredicate>" * 300
put("nested too deep", "CheckError", "nested deeper", model(f"<Node>{DEEP}</Node>", "TreeModel"))
NODES = "<Node><True/>" * 100_000 + "</Node>" * 100_000
put("a hundred thousand nodes deep", "CheckError", "nested deeper", model(NODES, "TreeModel"))
MANY = " ".join(f'a{i}="1"' for i in range(1001))
edit("too many attributes", "too many attributes", "<Header/>", f"<Header {MANY}/>")

# -- names on no list ------------------------------------------------------------------------------------------------
edit("element of another namespace", "on no list", "<Header/>", '<Header/><x:y xmlns:x="urn:x"/>')
edit("unknown element", "on no list", "<Header/>", "<Header/><Script>exit()</Script>")
edit("attribute of another namespace", "on no list", "<Header/>", '<Header xmlns:x="urn:x" x:y="1"/>')
edit(
    "included file",
    "on no list",
    "<Header/>",
    '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>',
)
put(
    "table elsewhere",
    "CheckError",
    "on no list",
    HONEST.replace('<FieldRef field="b"/>', '<MapValues outputColumn="o"><TableLocator/></MapValues>'),
)
edit("a Java class as function", "on no list", 'function="+"', 'function="java.lang.Runtime"')
edit("a class of the evaluator as function", "on no list", 'function="+"', 'function="org.jpmml.evaluator.functions.X"')
edit(
    "extension with foreign parts",
    "on no list",
    "<Header/>",
    '<Header><Extension><s xmlns="urn:x"/></Extension></Header>',
)
edit("text where none belongs", "has text", "<Header/>", "<Header>x</Header>")
edit("contract that is no JSON", "damaged", "<Header/>", '<Header><Extension extender="modelkeep" value="{"/></Header>')
CONTRACT = '<Header><Extension extender="modelkeep" name="contract" value=\'{}\'/></Header>'
for label, inside in {
    "of a later version": '{"version":2,"inputs":["a","b"],"methods":{}}',
    "of another method": '{"version":1,"inputs":["a","b"],"methods":{"__init__":{"fields":["y"],"flat":true}}}',
    "of another field": '{"version":1,"inputs":["a","b"],"methods":{"predict":{"fields":["z"],"flat":true}}}',
    "of other inputs": '{"version":1,"inputs":["a"],"methods":{}}',
    "with objects": '{"version":1,"inputs":["a","b"],"methods":{"predict":{"fields":["y"],"flat":true,"dtype":"V9"}}}',
    "with labels cut short": '{"version":1,"inputs":["a","b"],"methods":{"predict":{"fields":["y"],"flat":true,'
    '"dtype":"U1","labels":[["ash"]]}}}',
    "with labels of another type": '{"version":1,"inputs":["a","b"],"methods":{"predict":{"fields":["y"],"flat":true,'
    '"dtype":"f8","labels":[["ash"]]}}}',
    "with nested labels": '{"version":1,"inputs":["a","b"],"methods":{"predict":{"fields":["y"],"flat":true,'
    '"dtype":"O","labels":[[[1]]]}}}',
}.items():
    put(f"contract {label}", "CheckError", "header", HONEST.replace("<Header/>", CONTRACT.replace("{}", inside)))
edit("contract nested without end", "damaged", "<Header/>", CONTRACT.replace("{}", "[" * 100_000))

# -- references ------------------------------------------------------------------------------------------------------
edit("reference to no field", "is no field", 'FieldRef field="b"', 'FieldRef field="z"')
edit("mining field of no field", "is no field", 'MiningField name="b"', 'MiningField name="z"')
edit("predictor of no field", "is no field", 'NumericPredictor name="a"', 'NumericPredictor name="z"')
edit("field of itself", "defined by itself", 'FieldRef field="b"', 'FieldRef field="c"')
edit("field twice", "defined twice", '<DataField name="b"', '<DataField name="a"')
put(
    "fields of one another",
    "CheckError",
    "defined by itself",
    model(
        "<LocalTransformations>"
        + "".join(derived(f"d{i}", f'<FieldRef field="d{(i + 1) % 50}"/>') for i in range(50))
        + f"</LocalTransformations>{TABLE}"
    ),
)

CHAIN = "".join(derived(f"d{i}", f'<FieldRef field="d{i - 1}"/>') for i in range(1, 5000))
LONG = f"<LocalTransformations>{derived('d0', '<Constant>1</Constant>')}{CHAIN}</LocalTransformations>{TABLE}"
put("fields in a long chain", "CheckError", "rests on more than", model(LONG))


def function(name: str, *called: str) -> str:
    inside = "".join(f'<Apply function="{each}"><FieldRef field="p"/></Apply>' for each in called)
    return f'<DefineFunction name="{name}" optype="continuous"><ParameterField name="p"/>{inside}</DefineFunction>'


def functions(*made: str) -> str:
    return HONEST.replace(
        "</DataDictionary>", f"</DataDictionary><TransformationDictionary>{''.join(made)}</TransformationDictionary>"
    )


put("function that calls itself", "CheckError", "defined by itself", functions(function("f", "f")))
put("functions in a circle", "CheckError", "defined by itself", functions(function("f", "g"), function("g", "f")))
put("function twice", "CheckError", "defined twice", functions(function("f", "abs"), function("f", "exp")))
put("built-in function anew", "CheckError", "anew", functions(function("abs", "exp")))
LAUGHING = [function("f0", *["abs"] * 10), *(function(f"f{i}", *[f"f{i - 1}"] * 10) for i in range(1, 9))]
put("functions that expand", "CheckError", "expands without end", functions(*LAUGHING))
NODE = '<Node id="0" defaultChild="7"><True/><Node id="1" score="1"><True/></Node></Node>'
put("default child of another node", "CheckError", "default child", model(NODE, "TreeModel"))
NEURONS = (
    '<NeuralInputs><NeuralInput id="i"><DerivedField optype="continuous" dataType="double"><FieldRef field="a"/>'
    '</DerivedField></NeuralInput></NeuralInputs><NeuralLayer><Neuron id="n"><Con from="{}" weight="1"/></Neuron>'
    "</NeuralLayer>"
)
put("neuron of a later one", "CheckError", "not before it", model(NEURONS.replace("{}", "m"), "NeuralNetwork"))
VECTOR = '<SupportVectorMachine><SupportVectors><SupportVector vectorId="9"/></SupportVectors></SupportVectorMachine>'
put("support vector of no vector", "CheckError", "not before it", model(VECTOR, "SupportVectorMachineModel"))
put(
    "two models",
    "CheckError",
    "more than one model",
    HONEST.replace("</PMML>", f"<TreeModel>{SCHEMA}</TreeModel></PMML>"),
)

# -- numbers and patterns ------------------------------------------------------------------------------------------
for word in ("NaN", "INF", "-INF", "Infinity", "1e999", "0x10", "1_0", "", "one"):
    edit(f"coefficient {word!r}", "not a finite number", 'coefficient="2"', f'coefficient="{word}"')
    edit(f"constant {word!r}", "not a finite number", ">1</Constant>", f">{word}</Constant>")
put(
    "predicate with NaN",
    "CheckError",
    "NaN",
    model('<Node><SimplePredicate field="a" operator="equal" value="NaN"/></Node>', "TreeModel"),
)
ARRAY = '<Array type="{}" n="{}">{}</Array>'
SET = f'<Node><SimpleSetPredicate field="a" booleanOperator="isIn">{ARRAY}</SimpleSetPredicate></Node>'
for label, (kind, n, text) in {
    "array with NaN": ("real", "2", "1 NaN"),
    "array with words": ("real", "2", "1 x"),
    "array that is longer": ("int", "1", "1 2"),
    "array of objects": ("object", "1", "1"),
    "array of endless number": ("real", "1", "1e999"),
}.items():
    filled = SET.replace("{}", kind, 1).replace("{}", n, 1).replace("{}", text, 1)
    put(label, "CheckError", "array", model(filled, "TreeModel"))
for label, pattern in {"nested": "(a+)+b", "reference": r"(a)\1", "many": ".*.*.*x", "long": "a" * 300}.items():
    call = f'<Apply function="matches"><FieldRef field="b"/><Constant dataType="string">{pattern}</Constant></Apply>'
    put(f"pattern {label}", "PolicyError", "may take very long", HONEST.replace('<FieldRef field="b"/>', call))
COMPUTED = '<Apply function="matches"><FieldRef field="b"/><FieldRef field="a"/></Apply>'
edit("pattern that is computed", "not a constant", '<FieldRef field="b"/>', COMPUTED)
