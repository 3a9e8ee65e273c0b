"""Where a file of each format runs, and what must be installed there."""

from __future__ import annotations

from modelkeep.ports import Format

#: Places beside Python. A phone is Android and iOS; a browser is onnxruntime-web.
_PLACES = {
    "onnx": ("Python", "browser", "phone", "JVM", "C++", ".NET"),
    "pmml": ("JVM", "Python"),
    "pt2": ("Python", "C++"),
    "torchscript": ("Python", "C++", "phone"),
    "savedmodel": ("Python", "C++", "JVM"),
    "safetensors": ("Python", "Rust", "browser"),
    "xgboost": ("Python", "R", "JVM", "C++"),
    "lightgbm": ("Python", "R", "C++"),
    "catboost": ("Python", "R", "JVM", "C++"),
}
_INSTALL = {
    "keep": "modelkeep and the model's library",
    "pickle": "the model's library, in the same version",
    "joblib": "joblib and the model's library, in the same version",
    "skops": "skops and scikit-learn, in the same version",
    "onnx": "onnxruntime (Python, Java, .NET), onnxruntime-web (browser), onnxruntime-android or its pod (phone)",
    "pmml": "a JVM with a PMML evaluator; in Python pypmml",
    "pt2": "torch",
    "state_dict": "torch, and the module's code",
    "torchscript": "torch or libtorch",
    "safetensors": "safetensors, and the module's code",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "keras": "keras and a backend",
    "savedmodel": "tensorflow",
}


def runs_on(format: Format) -> tuple[str, ...]:
    """The places where a file of the format runs."""
    return _PLACES.get(format.name, ("Python",))


def install_of(format: Format) -> str:
    """What must be installed there."""
    if format.name in _INSTALL:
        return _INSTALL[format.name]
    return ", ".join(format.reader.needs) if format.reader else "its own tools"
