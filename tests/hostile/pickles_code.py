"""Pickles that would run code if they were loaded."""

from __future__ import annotations

from hostile.pickles_assembler import CODE, COMMAND, MARKER, call, name, new, put, stack_name, text, whole

# -- code ----------------------------------------------------------------------------------------------------------

put("reduce os.system", "PolicyError", "os.system", whole(call(name("os", "system"), text(COMMAND))))
put("stack global", "PolicyError", "posix.system", whole(call(stack_name("posix", "system"), text(COMMAND))))
put("inst", "PolicyError", "os.system", b"(S'" + COMMAND.encode() + b"'\nios\nsystem\n.")
put("obj", "PolicyError", "os.system", whole(b"(" + name("os", "system") + text(COMMAND) + b"o"))
put("newobj", "PolicyError", "subprocess.Popen", whole(name("subprocess", "Popen") + text(COMMAND) + b"\x85\x81"))
put(
    "newobj_ex", "PolicyError", "subprocess.Popen",
    whole(name("subprocess", "Popen") + text(COMMAND) + b"\x85}" + text("shell") + b"\x88s\x92"),
)  # fmt: skip
put("eval", "PolicyError", "builtins.eval", whole(call(name("builtins", "eval"), text(CODE))))
put("exec", "PolicyError", "builtins.exec", whole(call(name("builtins", "exec"), text(CODE))))
put("eval of Python 2", "PolicyError", "__builtin__.eval", whole(call(name("__builtin__", "eval"), text(CODE))))
put("import", "PolicyError", "builtins.__import__", whole(call(name("builtins", "__import__"), text("os"))))
put("global alone", "PolicyError", "os.system", whole(name("os", "system")))
put(
    "getattr chain", "PolicyError", "builtins.getattr",
    whole(call(call(name("builtins", "getattr"), name("os", "path"), text("system")), text(COMMAND))),
)  # fmt: skip
put("dotted name", "PolicyError", "path.os.system", whole(call(stack_name("os", "path.os.system"), text(COMMAND))))
put(
    "dotted name in a library", "PolicyError", "numpy.f2py.os.system",
    whole(call(stack_name("numpy", "f2py.os.system"), text(COMMAND))),
)  # fmt: skip
put("class with a dot", "PolicyError", "fit.__globals__",
    whole(stack_name("sklearn.linear_model", "LogisticRegression.fit.__globals__")))  # fmt: skip
put("copyreg newobj", "PolicyError", "os.system", whole(call(name("copyreg", "__newobj__"), name("os", "system"))))
put(
    "copyreg reconstructor", "PolicyError", "subprocess.Popen",
    whole(call(name("copyreg", "_reconstructor"), name("subprocess", "Popen"), name("builtins", "object"), b"N")),
)  # fmt: skip
put(
    "copyreg reconstructor with a base", "PolicyError", "builtins.dict",
    whole(call(name("copyreg", "_reconstructor"), name("builtins", "dict"), name("builtins", "dict"), b"}")),
)  # fmt: skip
put(
    "copyreg add_extension", "PolicyError", "copyreg.add_extension",
    whole(call(name("copyreg", "add_extension"), text("os"), text("system"), b"K\x01")),
)  # fmt: skip
for _module, _attribute, _argument in (
    ("numpy", "load", MARKER), ("numpy", "fromfile", MARKER), ("numpy.testing._private.utils", "runstring", CODE),
    ("joblib", "load", MARKER), ("joblib.memory", "Memory", MARKER), ("pickle", "loads", "x"),
    ("sklearn.datasets", "fetch_openml", "iris"), ("sklearn.datasets", "load_files", "/"), ("pip", "main", "x"),
    ("torch", "load", MARKER), ("pandas", "read_pickle", MARKER), ("timeit", "timeit", CODE),
    ("cloudpickle.cloudpickle", "_builtin_type", "CodeType"), ("types", "FunctionType", "x"),
    ("marshal", "loads", "x"), ("importlib", "import_module", "os"), ("pkgutil", "resolve_name", "os:system"),
    ("runpy", "run_path", MARKER), ("ctypes", "CDLL", MARKER), ("webbrowser", "open", "x"), ("bdb", "Bdb", "x"),
    ("socket", "create_connection", "x"), ("builtins", "open", MARKER), ("pathlib", "Path.touch", MARKER),
    ("operator", "attrgetter", "system"), ("operator", "methodcaller", "fit"), ("shutil", "rmtree", MARKER),
    ("scipy.stats._distn_infrastructure", "rv_frozen", "x"), ("logging.config", "dictConfig", "x"),
):  # fmt: skip
    put(
        f"{_module}.{_attribute}", "PolicyError", f"{_module}.{_attribute}",
        whole(call(stack_name(_module, _attribute), text(_argument))),
    )  # fmt: skip
put("class of a script", "PolicyError", "__main__.Scaler", whole(new("__main__", "Scaler", mean=b"K\x01")))
put("class of a user", "PolicyError", "mypkg.Scaler", whole(new("mypkg", "Scaler", mean=b"K\x01")))
put(
    "partial", "PolicyError", "logisticregression.f.func: the file names os.system",
    whole(new("sklearn.linear_model._logistic", "LogisticRegression",
              f=call(name("functools", "partial"), name("os", "system"))
              + b"(" + name("os", "system") + b"(" + text(COMMAND) + b"tNNtb")),
)  # fmt: skip


def _lambda() -> bytes:
    import cloudpickle

    return cloudpickle.dumps(lambda: 1)


put("lambda", "PolicyError", "cloudpickle.cloudpickle", _lambda)
put(
    "function deep inside", "PolicyError", "pipeline.steps[0][1].func: the file names os.system",
    whole(new("sklearn.pipeline", "Pipeline", steps=b"(" + text("f") + new(
        "sklearn.preprocessing._function_transformer", "FunctionTransformer", func=name("os", "system"),
    ) + b"t\x85")),
)  # fmt: skip

# -- what only another program can resolve ---------------------------------------------------------------------------

put("persistent id", "PolicyError", "persistent id", b"P12\n.")
put("binary persistent id", "PolicyError", "persistent id", whole(b"K\x01Q"))
put("extension 1", "PolicyError", "extension code", whole(b"\x82\x01"))
put("extension 2", "PolicyError", "extension code", whole(b"\x83\x01\x00"))
put("extension 4", "PolicyError", "extension code", whole(b"\x84\x01\x00\x00\x00"))
put("buffer outside", "PolicyError", "buffer outside", b"\x80\x05\x97.")
put("read-only buffer", "PolicyError", "buffer outside", b"\x80\x05\x97\x98.")
put(
    "joblib in several files", "PolicyError", "before 0.10",
    whole(new("joblib.numpy_pickle", "NDArrayWrapper", filename=text("x.npy"))),
)  # fmt: skip
put("joblib of old, compressed", "ContainerError", "before 0.10", b"ZF0x10               abc")
