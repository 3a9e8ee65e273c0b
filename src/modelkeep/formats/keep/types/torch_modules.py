"""PyTorch's modules: those of ``torch.nn`` from data alone, a user's own by the policy's trust.

``["module", class, training, parameters, buffers, transient buffers, modules, attributes]``. A module's bookkeeping is
made anew by the installed PyTorch; hooks are code and are never in a file.
"""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import ExportError, GraphError, LoadError, quote, said
from modelkeep.formats.keep.checks import check_of
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable
from modelkeep.formats.keep.types.objects import check_keys, full_name, is_a_module, type_number

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

_PARTS = ("training", "_parameters", "_buffers", "_non_persistent_buffers_set", "_modules")
_RNN = "torch.nn.modules.rnn.RNNBase"
#: Attributes that follow from others, by the class that defines them.
_DERIVED = {_RNN: frozenset({"_flat_weights", "_flat_weight_refs", "_flat_weights_names", "_all_weights"})}
#: Set by Module.compile(): code for this machine, made again on demand.
_COMPILED = "_compiled_call_impl"
_REFUSED = {
    "torch.jit._script.ScriptModule": ("a TorchScript module is code", "keep the module that it was made from"),
    "torch._dynamo.eval_frame.OptimizedModule": ("a compiled module is code for one machine", "save model._orig_mod"),
    "torch.nn.modules.lazy.LazyModuleMixin": ("a lazy module has no weights yet", "call it once, then save"),
    "torch.nn.parallel.data_parallel.DataParallel": ("a parallel module belongs to its devices", "save model.module"),
    "torch.nn.parallel.distributed.DistributedDataParallel": (
        "a parallel module belongs to its process group",
        "save model.module",
    ),
    "torch.fx.graph_module.GraphModule": ("a traced module has code of its own", "save the module that was traced"),
}
_MAX_NAME = 500


@functools.cache
def fresh() -> dict[str, Any]:
    """What every module has before anything is put into it."""
    import torch

    return vars(torch.nn.Module())


def encode_module(encoder: Encoder, module: Any) -> Node:
    if "exported_program" in vars(module):
        return ["programmodule", encoder.node(vars(module)["exported_program"])]
    cls = _class_of(module)
    state = dict(vars(module))
    state.pop(_COMPILED, None)
    missing = next((name for name in _PARTS if name not in state), None)
    if missing:
        raise Unsaveable(f"a {cls.__name__} was never initialized", "call super().__init__() in its __init__")
    training, parameters, buffers, transient, modules = (state.pop(name) for name in _PARTS)
    for name, usual in fresh().items():
        if name in state and _is_code(name, state.pop(name), usual):
            encoder.problem("hooks can't be kept: they are code", _hook_hint(vars(module)[name]))
    state = {key: value for key, value in state.items() if key not in _derived(cls)}
    try:
        check_keys(cls, state, set())
    except GraphError as error:
        raise Unsaveable(str(error), "give the attribute another name, or keep it in a list or a dictionary") from None
    node = [
        "module",
        type_number(encoder, cls),
        bool(training),
        encoder.state(parameters),
        encoder.state(buffers),
        sorted(transient),
        encoder.state(modules),
        encoder.state(state),
    ]
    _refuse_unreadable(encoder, module, check_of(cls))
    return node


_HOOK_HINTS = {
    "WeightNorm": "use torch.nn.utils.parametrizations.weight_norm, which is kept",
    "SpectralNorm": "use torch.nn.utils.parametrizations.spectral_norm, which is kept",
    "BasePruningMethod": "make the pruning permanent: torch.nn.utils.prune.remove(module, name)",
}


def _is_code(name: str, held: Any, usual: Any) -> bool:
    """Whether bookkeeping holds hooks that a reader would miss. PyTorch's own, for old weights, are none of them."""
    if not held or held == usual or name == "_is_full_backward_hook":
        return False
    hooks = list(held.values()) if isinstance(held, dict) else [held]
    own = [getattr(hook, "hook", hook) for hook in hooks]
    return "state_dict" not in name or not all((getattr(h, "__module__", "") or "").startswith("torch.") for h in own)


def _hook_hint(hooks: Any) -> str:
    first = next(iter(hooks.values()), None) if isinstance(hooks, dict) else None
    known = (_HOOK_HINTS.get(cls.__name__) for cls in type(first).__mro__)
    return next((hint for hint in known if hint), "remove them first")


def _class_of(module: Any) -> Any:
    """The class that a reader restores: of a parametrized module the one that it had before."""
    cls: Any = type(module)
    ancestors = [full_name(base) for base in cls.__mro__]
    for name, refusal in _REFUSED.items():
        if name in ancestors:
            raise Unsaveable(*refusal)
    if "parametrizations" in vars(module).get("_modules", ()) and cls.__name__.startswith("Parametrized"):
        if _RNN in ancestors:
            raise Unsaveable("a parametrized recurrent module can't be kept", "remove the parametrization first")
        cls = cls.__base__
    for name in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__slots__"):
        owner = next((base for base in cls.__mro__ if name in vars(base)), object)
        if owner is not object and not owner.__module__.startswith("torch."):
            raise Unsaveable(
                f"{full_name(owner)} says itself how it is kept, by its {name}", "leave that to its attributes"
            )
    return cls


@functools.cache
def _derived(cls: type) -> frozenset[str]:
    none: frozenset[str] = frozenset()
    return none.union(*(_DERIVED.get(full_name(base), none) for base in cls.__mro__))


def _refuse_unreadable(encoder: Encoder, module: Any, check: Any) -> None:
    """What every load would refuse is refused now."""
    from modelkeep.policy import Policy

    if check is None:
        return
    try:
        check(module, Policy())
    except LoadError as error:
        encoder.problem(f"no load would take it: {error}", error.hint or "make its sizes and its weights agree")
    except Exception as error:
        encoder.problem(f"no load would take a {type(module).__name__} like this: {said(error)}", "mend the module")


def decode_module(builder: Builder, node: Node) -> Any:
    builder.arity(node, 8)
    cls: Any = builder.a_type(node[1])
    if not is_a_module(cls) or type(node[2]) is not bool:
        raise GraphError(f"a {cls.__name__} is not kept as a module")
    module = cls.__new__(cls)
    builder.register(module)
    kept = {name: type(value)(value) if isinstance(value, dict | set) else value for name, value in fresh().items()}
    object.__setattr__(module, "__dict__", kept)
    state = builder.a_dict(node[7])
    if state.keys() & (kept.keys() | _derived(cls) | {_COMPILED}):
        raise GraphError(f"the attributes of a {cls.__name__} hold what PyTorch keeps for itself")
    check_keys(cls, state, set())
    parameters, buffers, modules = (_named(builder, node[place]) for place in (3, 4, 6))
    kept["training"] = node[2]
    kept["_parameters"].update(parameters)
    kept["_buffers"].update(buffers)
    kept["_modules"].update(modules)
    _check_parts(cls, kept, node[5])
    kept["_non_persistent_buffers_set"] = set(node[5])
    kept.update(builder.fill_state(state))
    if "parametrizations" in modules:
        _parametrize(module, modules["parametrizations"])
    if _RNN in map(full_name, cls.__mro__):
        _flatten(module)
    check = check_of(cls)
    if check is not None:
        builder.later(check, module)
    return module


def _named(builder: Builder, value: Any) -> dict[str, Any]:
    """Parts by name. A name is one step of a dotted path."""
    parts = builder.a_dict(value)
    for name in parts:
        if not name or "." in name or len(name) > _MAX_NAME:
            raise GraphError(f"{quote(name)} is not the name of a part of a module")
    return builder.fill_state(parts)


def _check_parts(cls: Any, kept: dict[str, Any], transient: Any) -> None:
    import torch

    kinds = (("_parameters", torch.nn.Parameter), ("_buffers", torch.Tensor), ("_modules", torch.nn.Module))
    for place, kind in kinds:
        if not all(part is None or isinstance(part, kind) for part in kept[place].values()):
            raise GraphError(f"a part of a {cls.__name__} is no {kind.__name__}")
    if len({name for place, _ in kinds for name in kept[place]}) != sum(len(kept[place]) for place, _ in kinds):
        raise GraphError(f"a {cls.__name__} has two parts of one name")
    if type(transient) is not list or not set(map(repr, transient)) <= set(map(repr, kept["_buffers"])):
        raise GraphError(f"a {cls.__name__} has transient buffers that are not there")


def _parametrize(module: Any, lists: Any) -> None:
    """Give the module the properties that compute its parametrized tensors."""
    from torch.nn.utils import parametrize

    if type(lists).__name__ != "ModuleDict":
        raise GraphError("the parametrizations of a module are no ModuleDict")
    parametrize._inject_new_class(module)
    for name, steps in lists._modules.items():
        if type(steps) is not parametrize.ParametrizationList or not name.isidentifier() or hasattr(type(module), name):
            raise GraphError(f"{quote(name)} is not parametrized by a list")
        parametrize._inject_property(module, name)


def _flatten(module: Any) -> None:
    """The list of a recurrent module's weights, in the order in which kernels want them; checks come later."""
    state = vars(module)
    weights, layers = state["_parameters"], state.get("num_layers")
    if type(layers) is not int or not 0 < layers <= len(weights):
        raise GraphError("a recurrent module has fewer weights than layers")
    ends = [
        f"_l{layer}{direction}"
        for layer in range(layers)
        for direction in (("", "_reverse") if state.get("bidirectional") else ("",))
    ]
    kinds = ["weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if state.get("bias") else ())]
    kinds += ["weight_hr"] if state.get("proj_size") else []
    state["_all_weights"] = [[kind + end for kind in kinds] for end in ends]
    state["_flat_weights_names"] = [name for layer in state["_all_weights"] for name in layer]
    state["_flat_weights"] = [weights.get(name) for name in state["_flat_weights_names"]]
    state["_flat_weight_refs"] = [None if weight is None else weakref.ref(weight) for weight in state["_flat_weights"]]


def encode_program(encoder: Encoder, program: Any) -> Node:
    from modelkeep import torch_programs

    try:
        made = torch_programs.archive_of(program)
    except ExportError as error:
        raise Unsaveable(str(error), error.hint) from None
    return ["program", encoder.node(np.frombuffer(made, np.uint8))]


def decode_program(builder: Builder, node: Node) -> Any:
    from modelkeep import torch_programs

    builder.arity(node, 2)
    array = builder.build(node[1])
    if type(array) is not np.ndarray or array.dtype != np.uint8 or array.ndim != 1:
        raise GraphError("a program is not kept as bytes")
    return torch_programs.load(torch_programs.check(np.ascontiguousarray(array).data, builder.policy.max_bytes))


def decode_program_module(builder: Builder, node: Node) -> Any:
    from modelkeep import torch_programs

    builder.arity(node, 2)
    program = builder.build(node[1])
    if type(program).__name__ != "ExportedProgram":
        raise GraphError("a program's module is of no program")
    return torch_programs.module_of(program)


HANDLERS = [
    Handler("program", ("torch.export.exported_program.ExportedProgram",), encode_program, decode_program),
    Handler("programmodule", (), encode_module, decode_program_module),
    Handler("module", ("torch.nn.modules.module.Module",), encode_module, decode_module, cyclic=True),
]
