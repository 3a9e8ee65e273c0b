"""The JSON of exported programs, checked part by part: what comes out is a copy of what was understood.

Source of the layout: ``torch/_export/serde/schema.py`` of PyTorch, major version 8. Notes that a program does not need
to run (traces, guards written as Python, calls inside the module) are left out, so none of them is evaluated.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from modelkeep.errors import CheckError, PolicyError, VersionError, quote
from modelkeep.torch_grammar import (
    HINT,
    Check,
    a_name,
    always,
    dotted,
    expression,
    flag,
    fraction,
    integer,
    many,
    mapping,
    maybe,
    one_of,
    record,
    refused,
    text,
    union,
)
from modelkeep.torch_operators import GRADIENTS, MAKERS, MOST_MADE, is_allowed

MAJOR = 8
_ENTRY = re.compile(r"(weight|tensor)_\d{1,9}")
_SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 9: 4, 10: 8, 11: 16, 12: 1, 13: 2, 28: 2, 29: 1, 30: 1, 31: 1,
    32: 1, 33: 1, 34: 4, 35: 8,
}  # fmt: skip
_STRIDED = 7


_hint = maybe(union(as_int=integer, as_bool=flag, as_float=fraction))
_symbol = record(expr_str=expression, hint=_hint)
_size = union(as_expr=_symbol, as_int=integer)
_device = record(type=one_of("cpu"), index=one_of(None))
_META: dict[str, Check] = {
    "dtype": one_of(*_SIZES),
    "sizes": many(_size),
    "requires_grad": flag,
    "device": _device,
    "strides": many(_size),
    "storage_offset": _size,
    "layout": one_of(_STRIDED),
}
_tensor_meta = record(**_META)
#: Of what is computed; where it begins in its memory, PyTorch forgets by itself.
_graph_meta = record(**_META | {"storage_offset": always({"as_int": 0})})
_tensor = record(name=a_name)
_size_argument = union(as_name=a_name, as_int=integer)
_optional_tensor = union(as_tensor=_tensor, as_none=flag)
_ARGUMENTS: dict[str, Check] = {
    "as_none": flag,
    "as_tensor": _tensor,
    "as_tensors": many(_tensor),
    "as_int": integer,
    "as_ints": many(integer),
    "as_float": fraction,
    "as_floats": many(fraction),
    "as_string": text,
    "as_strings": many(text),
    "as_sym_int": _size_argument,
    "as_sym_ints": many(_size_argument),
    "as_scalar_type": one_of(*_SIZES),
    "as_memory_format": one_of(1, 2, 3, 4),
    "as_layout": one_of(_STRIDED),
    "as_device": _device,
    "as_bool": flag,
    "as_bools": many(flag),
    "as_sym_bool": union(as_name=a_name, as_bool=flag),
    "as_sym_float": union(as_name=a_name, as_float=fraction),
    "as_optional_tensors": many(_optional_tensor),
    "as_optional_tensor": _optional_tensor,
    "as_complex": record(real=fraction, imag=fraction),
    "as_graph": lambda value: record(name=a_name, graph=_inner)(value),
}
_argument = union(**_ARGUMENTS)


def _inner(value: Any) -> Any:
    """A program inside a program."""
    return _graph(value)


def _target(value: Any) -> str:
    if type(value) is not str or not is_allowed(value):
        raise PolicyError(
            f"the program calls {quote(str(value))}, which is on no list of operators that only compute",
            hint="leave that out of forward; or read the file with torch.export.load, if you trust whoever made it",
        )
    return value


def _node(value: Any) -> Any:
    node = _NODE(value)
    base = node["target"].split(".")[3:4] or [""]
    graphs = [each for each in node["inputs"] if "as_graph" in each["arg"]]
    if graphs and node["target"] != GRADIENTS:
        raise refused(f"{node['target']} takes no program inside")
    if base[0] == "div" and any(each["arg"].get("as_string") == "trunc" for each in node["inputs"]):
        raise CheckError("the program divides whole numbers in a way that can end the process", hint=HINT)
    if base[0] in MAKERS:
        for each in node["inputs"]:
            sizes = each["arg"].get("as_ints") or [each["arg"].get("as_int", 1)]
            sizes += [size.get("as_int", 1) for size in each["arg"].get("as_sym_ints", ())]
            if math.prod(max(abs(size), 1) for size in sizes) > MOST_MADE:
                raise CheckError(f"the program makes a tensor of {sizes}", hint=HINT)
    return node


_NODE = record(
    target=_target,
    inputs=many(record(name=lambda value: "" if value == "" else a_name(value), arg=_argument, kind=maybe(integer))),
    outputs=many(_argument),
    metadata=always({}),
    is_hop_single_tensor_return=maybe(flag),
    name=maybe(a_name),
)
_graph: Check = record(
    inputs=many(_argument),
    outputs=many(_argument),
    nodes=many(_node),
    tensor_values=mapping(a_name, _graph_meta),
    sym_int_values=mapping(a_name, _size),
    sym_bool_values=mapping(a_name, union(as_bool=flag)),
    is_single_tensor_return=flag,
    custom_obj_values=one_of({}),
    sym_float_values=mapping(a_name, union(as_float=fraction)),
)
_constant = union(as_none=flag, as_int=integer, as_float=fraction, as_string=text, as_bool=flag)
_signature = record(
    input_specs=many(
        union(
            user_input=record(arg=_argument),
            parameter=record(arg=_tensor, parameter_name=dotted),
            buffer=record(arg=_tensor, buffer_name=dotted, persistent=flag),
            tensor_constant=record(arg=_tensor, tensor_constant_name=dotted),
            constant_input=record(name=a_name, value=_constant),
        )
    ),
    output_specs=many(
        union(
            user_output=record(arg=_argument),
            buffer_mutation=record(arg=_tensor, buffer_name=dotted),
            user_input_mutation=record(arg=_tensor, user_input_name=a_name),
        )
    ),
)


# -- the structure of inputs and outputs ---------------------------------------------------------------------------


def _tree(value: Any) -> str:
    """How inputs or outputs are nested: tuples, lists and dictionaries with names."""
    try:
        found = json.loads(value) if type(value) is str and len(value) < 1 << 20 else None
    except (ValueError, RecursionError):
        found = None
    if type(found) is not list or len(found) != 2 or found[0] != 1:
        raise refused("the nesting of inputs is not described")
    return json.dumps([1, _branch(found[1], 0)])


def _branch(value: Any, depth: int) -> dict[str, Any]:
    if type(value) is not dict or value.keys() != {"type", "context", "children_spec"} or depth > 20:
        raise refused("the nesting of inputs is not described")
    kind, context, children = value["type"], value["context"], many(lambda each: _branch(each, depth + 1))
    parts = children(value["children_spec"])
    if kind is None and context is None and not parts:
        return {"type": None, "context": None, "children_spec": []}
    if kind in ("builtins.tuple", "builtins.list") and context == "null":
        return {"type": kind, "context": "null", "children_spec": parts}
    if kind == "builtins.dict" and type(context) is str:
        try:
            names = many(a_name)(json.loads(context))
        except (ValueError, RecursionError):
            raise refused("the names of inputs are not a list") from None
        if len(names) == len(parts) == len(set(names)):
            return {"type": kind, "context": json.dumps(names), "children_spec": parts}
    raise refused(f"inputs or outputs are nested in {quote(repr(kind), 60)}: return tensors, tuples, lists or dicts")


_calls = record(
    fqn=always(""),
    signature=record(
        inputs=many(_argument),
        outputs=many(_argument),
        in_spec=_tree,
        out_spec=_tree,
        forward_arg_names=maybe(many(a_name)),
    ),
)


def _root_call(value: Any) -> list[Any]:
    """How the whole is called; how its parts were called is not needed."""
    roots = [each for each in value if type(each) is dict and each.get("fqn") == ""] if type(value) is list else []
    if len(roots) != 1:
        raise refused("the program does not say how it is called")
    return [_calls(roots[0])]


def _version(value: Any) -> dict[str, int]:
    found: dict[str, int] = record(major=integer, minor=integer)(value)
    if found["major"] != MAJOR:
        raise VersionError(
            f"the program has schema version {found['major']}, and this modelkeep reads version {MAJOR}",
            hint="save the program again with a PyTorch that writes that version",
        )
    return found


_PROGRAM = record(
    graph_module=record(
        graph=_graph,
        signature=_signature,
        module_call_graph=_root_call,
        metadata=always({}),
        treespec_namedtuple_fields=one_of({}),
    ),
    opset_version=mapping(a_name, integer),
    range_constraints=mapping(expression, record(min_val=maybe(integer), max_val=maybe(integer))),
    schema_version=_version,
    verifiers=many(one_of("TRAINING", "ATEN", "EDGE")),
    torch_version=text,
    guards_code=always([]),
)
_PAYLOADS = record(
    config=mapping(
        dotted,
        record(
            path_name=lambda value: value if type(value) is str and _ENTRY.fullmatch(value) else _entry(value),
            is_param=flag,
            use_pickle=one_of(False),
            tensor_meta=_tensor_meta,
        ),
    )
)


def _entry(value: Any) -> Any:
    raise PolicyError(
        f"the program keeps {quote(str(value), 60)}, which is no tensor but a pickled object",
        hint="keep only tensors in the module; or read the file with torch.export.load, if you trust whoever made it",
    )


def program(value: Any) -> dict[str, Any]:
    """The document of a program, as far as it is needed to run it."""
    try:
        found: dict[str, Any] = _PROGRAM(value)
    except RecursionError:
        raise refused("the program is nested too deep") from None
    return found


def payloads(value: Any) -> dict[str, Any]:
    """The descriptions of a program's tensors by name."""
    found: dict[str, Any] = _PAYLOADS(value)
    return found


def check_bounds(name: str, meta: dict[str, Any], nbytes: int) -> None:
    """All elements of a tensor lie inside the file of ``nbytes`` that holds it."""
    sizes, strides = ([part.get("as_int", -1) for part in meta[key]] for key in ("sizes", "strides"))
    offset, item = meta["storage_offset"].get("as_int", -1), _SIZES[meta["dtype"]]
    good = len(sizes) == len(strides) <= 32 and all(0 <= n < 1 << 40 for n in (*sizes, *strides, offset))
    if not good or nbytes % item:
        raise CheckError(f"{quote(name)} has no usable sizes", hint=HINT)
    last = offset + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if 0 not in sizes and (last >= nbytes // item or math.prod(sizes) > max(nbytes // item, 1 << 26)):
        raise CheckError(f"{quote(name)} reaches beyond its {nbytes} bytes", hint=HINT)
