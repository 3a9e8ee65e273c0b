"""How a SavedModel, or a live module with signatures, is asked."""

from __future__ import annotations

from typing import Any

import numpy as np


def ask(model: Any, method: str, rows: Any) -> Any:
    """The answer for rows: an array, or a dict of arrays by the names of the inputs."""
    if hasattr(model, "facts"):
        return model.predict(rows)
    import tensorflow as tf

    signatures = getattr(model, "signatures", None) or {}
    function = signatures.get("serving_default") or next(iter(signatures.values()), model)
    inputs = rows if isinstance(rows, dict) else {}
    specs: dict[str, Any] = getattr(function, "structured_input_signature", ((), {}))[1]
    if specs:
        named = inputs or {next(iter(specs)): rows}
        found = function(**{name: tf.cast(tf.constant(np.asarray(named[name])), specs[name].dtype) for name in specs})
    else:
        found = function(*map(tf.constant, inputs.values())) if inputs else function(tf.constant(np.asarray(rows)))
    plain = tf.nest.map_structure(lambda value: value.numpy(), found)
    return next(iter(plain.values())) if isinstance(plain, dict) and len(plain) == 1 else plain
