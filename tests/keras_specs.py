"""Specs and configs of Keras models that must be refused, each before Keras is imported."""

from __future__ import annotations

import copy

SECRET = "/etc/passwd"


def layer(name, /, **config):
    return {"class": f"layers.{name}", "config": config}


def chain(*layers):
    return {"class": "Sequential", "config": {"name": "chain", "layers": list(layers), "input_shape": [None, 4]}}


def graph(nodes, *, inputs=None, outputs=None, name="dense"):
    """An input and a layer that is called as ``nodes`` say."""
    entry = {**layer("InputLayer", batch_shape=[None, 4], dtype="float32", name="x"), "name": "x", "nodes": []}
    dense = {**layer("Dense", units=4, name=name), "name": name, "nodes": nodes}
    config = {"name": "graph", "trainable": True, "layers": [entry, dense]}
    config["inputs"] = inputs or {"tensor": ["x", 0, 0]}
    config["outputs"] = outputs or {"tensor": [name, 0, 0]}
    return {"class": "Functional", "config": config}


def call(*tensors, **kwargs):
    return {"args": [{"tensor": list(each)} for each in tensors], "kwargs": kwargs}


DENSE = chain(layer("Dense", units=2, name="dense"))


def deep(levels):
    made = layer("Dense", units=2)
    for _ in range(levels):
        made = layer("TimeDistributed", layer=made)
    return chain(made)


BAD_SPECS = {
    "no object": ["Sequential"],
    "unknown class": chain({"class": "os.system", "config": {}}),
    "another module": chain({"class": "keras.utils.get_file", "config": {}}),
    "no layer": chain({"class": "initializers.Zeros", "config": {}}),
    "an operation in a chain": chain({"class": "ops.numpy.Add", "config": {}}),
    "an operation with functions": chain({"class": "ops.core.Map", "config": {}}),
    "tfsm": chain(layer("TFSMLayer", filepath=SECRET)),
    "torch module": chain(layer("TorchModuleWrapper", module="cos\nsystem")),
    "jax": chain(layer("JaxLayer", call_fn="os.system")),
    "lambda by name": chain(layer("Lambda", function="os.system")),
    "lambda by number": chain(layer("Lambda", function={"function": 0})),
    "lambda with a negative number": chain(layer("Lambda", function={"function": -1})),
    "own class by number": chain({"class": 0, "config": {}}),
    "own class by a truth value": chain({"class": True, "config": {}}),
    "own graph": {"class": 0, "base": "Functional", "config": graph([])["config"]},
    "a base of a listed class": {**chain(), "base": "Sequential"},
    "vocabulary path": chain(layer("StringLookup", vocabulary=SECRET)),
    "vocabulary address": chain(layer("StringLookup", vocabulary="http://example.com/words.txt")),
    "integer vocabulary path": chain(layer("IntegerLookup", vocabulary=SECRET)),
    "text vocabulary path": chain(layer("TextVectorization", vocabulary=SECRET)),
    "mixed vocabulary": chain(layer("StringLookup", vocabulary=["a", 1])),
    "split by name": chain(layer("TextVectorization", split="os.system")),
    "standardize by number": chain(layer("TextVectorization", standardize={"function": 3})),
    "activation": chain(layer("Dense", units=2, activation="get_file")),
    "activation object": chain(layer("Dense", units=2, activation=layer("Dense", units=3))),
    "initializer": chain(layer("Dense", units=2, kernel_initializer={"class": "layers.Dense", "config": {"units": 1}})),
    "initializer text": chain(layer("Dense", units=2, kernel_initializer="zeros")),
    "weights argument": chain(layer("Embedding", input_dim=2, output_dim=2, weights=[[1.0]])),
    "unknown argument": chain(layer("Dense", units=2, __class__="x")),
    "tensor as input": chain(layer("InputLayer", batch_shape=[None, 2], input_tensor="x")),
    "quantization": chain(
        layer("Dense", units=2, quantization_config={"class": "quantizers.GPTQConfig", "config": {"dataset": SECRET}})
    ),
    "units text": chain(layer("Dense", units="8")),
    "units zero": chain(layer("Dense", units=0)),
    "units truth": chain(layer("Dense", units=True)),
    "units vast": chain(layer("Dense", units=1 << 62)),
    "rate": chain(layer("Dropout", rate=2.0)),
    "kernel": chain(layer("Conv2D", filters=1, kernel_size=[1 << 20, 1])),
    "padding": chain(layer("Conv2D", filters=1, kernel_size=3, padding="../x")),
    "dtype": chain(layer("Dense", units=2, dtype="object")),
    "policy": chain(layer("Dense", units=2, dtype={"class": "policies.GPTQDTypePolicy", "config": {}})),
    "name with a slash": chain(layer("Dense", units=2, name="a/../b")),
    "name with a control": chain(layer("Dense", units=2, name="a\x1b[31m")),
    "nested too deep": deep(60),
    "a key too many": chain({**layer("Dense", units=2), "module": "os"}),
    "layers no list": {"class": "Sequential", "config": {"name": "x", "layers": {"0": 1}}},
    "graph without inputs": {"class": "Functional", "config": {"name": "x", "layers": []}},
    "a circle": graph([call(("dense", 0, 0))]),
    "an unknown layer": graph([call(("other", 0, 0))]),
    "an unknown call": graph([call(("x", 1, 0))]),
    "a negative call": graph([call(("x", -1, 0))]),
    "an unknown output call": graph([call(("x", 0, 0))], outputs={"tensor": ["dense", 1, 0]}),
    "outputs no tensor": graph([call(("x", 0, 0))], outputs=[1.0]),
    "two of one name": graph([call(("x", 0, 0))], name="x"),
    "a class in a call": graph([call(("x", 0, 0), mask=layer("Dense", units=2))]),
    "an input that is called": graph([], outputs={"tensor": ["x", 0, 1 << 40]}),
    "an array of another size": graph([call(("x", 0, 0), mask={"array": ["float32", [1 << 40], [1.0]]})]),
}

BAD_COMPILED = {
    "no object": [1],
    "unknown argument": {"callbacks": ["x"]},
    "loss": {"loss": "get_file"},
    "loss object": {"loss": {"class": "layers.Dense", "config": {"units": 1}}},
    "loss function": {"loss": {"function": 0}},
    "metric function": {"metrics": [{"class": "metrics.MeanMetricWrapper", "config": {"fn": "os.system"}}]},
    "optimizer": {"optimizer": "os.system"},
    "optimizer object": {"optimizer": {"class": "optimizers.Muon", "config": {"exclude_layers": ["(a+)+"]}}},
    "schedule": {"optimizer": {"class": "optimizers.Adam", "config": {"learning_rate": {"class": "x", "config": {}}}}},
}


def keras(name, /, module="keras.layers", registered=None, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def keras_chain(*layers, **more):
    entry = keras("InputLayer", batch_shape=[None, 4], dtype="float32", name="x")
    config = {"name": "chain", "trainable": True, "layers": [entry, *layers], "build_input_shape": [None, 4]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None, **more}


def function(name, module="builtins"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


MARSHAL = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
GOOD = keras_chain(keras("Dense", units=2, name="dense"))

BAD_CONFIGS = {
    "marshalled lambda": keras_chain(keras("Lambda", function=MARSHAL)),
    "marshalled output shape": keras_chain(keras("Lambda", function=function("tanh"), output_shape=MARSHAL)),
    "marshalled argument": keras_chain(keras("Dense", units=2, activation=MARSHAL)),
    "lambda os.system": keras_chain(keras("Lambda", function=function("system", "os"))),
    "class os.system": keras_chain(keras("system", module="os")),
    "class of subprocess": keras_chain(keras("Popen", module="subprocess", args=["touch", "/tmp/x"])),
    "registered name": keras_chain(keras("Dense", units=2, module="nowhere", registered="nowhere>Dense")),
    "get_file as a class": keras_chain(keras("get_file", module="keras.utils", origin="http://example.com/x")),
    "get_file as a function": keras_chain(keras("Dense", units=2, activation=function("get_file", "keras.utils"))),
    "the safety switch": keras_chain(keras("enable_unsafe_deserialization", module="keras.config")),
    "load_model": keras_chain(keras("load_model", module="keras.saving", filepath=SECRET)),
    "TFSMLayer": keras_chain(keras("TFSMLayer", filepath=SECRET)),
    "TorchModuleWrapper": keras_chain(keras("TorchModuleWrapper", module_="x")),
    "internal class": keras_chain(keras("Lambda", module="keras.src.layers.core.lambda_layer", function=MARSHAL)),
    "internal loader": keras_chain(keras("TFSMLayer", module="keras.src.export.tfsm_layer", filepath=SECRET)),
    "vocabulary path": keras_chain(keras("StringLookup", vocabulary=SECRET)),
    "vocabulary address": keras_chain(keras("TextVectorization", vocabulary="https://example.com/v")),
    "feature space": keras_chain(keras("FeatureSpace", module="keras.utils", features={})),
    "typespec": keras_chain(keras("Dense", units={"class_name": "__typespec__", "config": [], "spec_name": "x"})),
    "loss from elsewhere": {**GOOD, "compile_config": {"loss": function("system", "os")}},
    "optimizer from elsewhere": {**GOOD, "compile_config": {"optimizer": keras("x", module="os")}},
    "no class": {"config": {}},
    "module no text": {"module": ["os"], "class_name": "system", "config": {}},
    "deep": copy.deepcopy(GOOD),
    "nodes of an older Keras": {
        "module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
        "config": {"name": "g", "layers": [{**keras("Dense", units=2), "name": "d", "inbound_nodes": [[["x", 0, 0]]]}]},
    },
}  # fmt: skip
for _ in range(100):
    _outer = copy.deepcopy(GOOD)
    _outer["config"]["layers"] = [BAD_CONFIGS["deep"]]
    BAD_CONFIGS["deep"] = _outer

#: What a mutant has in the place of something else.
ODD = [
    None, True, -1, 0, 1 << 40, 1.5, "x", "layers.Dense", "os.system", [], {}, [[]], ["a"] * 3, layer("Lambda"),
    {"class": 0}, {"class": []}, {"class": {}}, {"tensor": ["a", 0, 0]}, {"function": 0}, {"function": "x"},
    {"dict": 1},
    {"float": "nan"}, {"dict": {}}, {"slice": [1]}, {"array": ["f", [1], [1]]}, {"class": "Functional", "config": {}},
]  # fmt: skip


def places(value, path=()):
    """The path to each value inside, itself too."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*path, key))


def mutant(spec, chance):
    """The same with one or two of its parts replaced."""
    made = copy.deepcopy(spec)
    for _ in range(chance.randint(1, 2)):
        path = chance.choice(list(places(made)))
        if path:
            target = made
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = copy.deepcopy(chance.choice(ODD))
    return made


#: A class or a function that the reader could trust.
NOT_TRUSTED = {
    "lambda os.system", "class os.system", "class of subprocess", "registered name", "get_file as a function",
    "loss from elsewhere", "optimizer from elsewhere",
}  # fmt: skip
