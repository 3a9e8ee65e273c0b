"""The two functions of the safe format: a model to files, and files to a model."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelkeep.artifact import Artifact
from modelkeep.errors import ContainerError, GraphError, ModelkeepError, PolicyError, quote, said
from modelkeep.formats.keep import code
from modelkeep.formats.keep.decode import Builder
from modelkeep.formats.keep.encode import Encoder
from modelkeep.formats.keep.plan import Plan, parse
from modelkeep.formats.keep.types import DECODERS, POOLS, handler_of
from modelkeep.policy import Policy
from modelkeep.ports import Part, Written
from modelkeep.rope import Bytes

GRAPH = "graph"
#: All files that an artifact of this format may have, besides its manifest and source.
NAMES = frozenset({"graph.json", "arrays.safetensors", "probe.json", "probe.safetensors", "program.pt2"})
_ARRAYS = {GRAPH: "arrays.safetensors"}
#: What a PyTorch module of a user's own class computes, as a graph that needs no class.
PROGRAM = "program.pt2"


def write(
    model: Any, *, compress: str | None = None, source: Iterable[str] = (), options: Mapping[str, Any] | None = None
) -> Written:
    """The files of ``model``, and for the manifest: the classes that it names and the trust that it asks for."""
    files = code.collect(source)
    encoder = Encoder(handler_of, compress=compress, options=options)
    parts = encoder.parts(model, GRAPH) | code.parts(files, encoder.sources)
    example = (options or {}).get("example")
    if example is not None:
        from modelkeep import torch_programs  # not before: most models have none

        parts[PROGRAM] = Part.of(torch_programs.proved(model, example))
    own = [name for name in (*encoder.types, *encoder.functions) if ":" in name]
    return Written(parts, {"classes": sorted(encoder.types), "own": sorted(own)})


def write_graph(value: Any, name: str) -> dict[str, Part]:
    """Any value as a graph of its own beside the model's: ``NAME.json`` and ``NAME.safetensors``."""
    return Encoder(handler_of).parts(value, name)


def check_names(files: Iterable[str]) -> None:
    """Refuse files that nothing would read: what they are for is not known here."""
    for name in sorted(set(files) - NAMES):
        if not (name.startswith(code.FOLDER) and name.endswith(".py")):
            raise ContainerError(f"{quote(name)} is not a file of the format", hint="install a newer modelkeep")


def plan(files: Mapping[str, Bytes], name: str = GRAPH, *, check: bool = True) -> Plan:
    """The parsed graph ``name`` of an artifact: pure data."""
    text = files.get(f"{name}.json")
    if text is None:
        raise GraphError(f"there is no {name}.json in the file")
    return parse(text, files.get(_ARRAYS.get(name, f"{name}.safetensors")), check=check)


def read(artifact: Artifact, policy: Policy, *, check: bool = True) -> Any:
    """The model. ``check=False`` leaves out the structural checks, for bytes that were checked when they came.

    Where the policy does not trust a class and the artifact has the model's program, that is what it gives.
    """
    try:
        return read_graph(artifact.files, policy, check=check)
    except PolicyError:
        if PROGRAM not in artifact.files:
            raise
    from modelkeep import torch_programs

    program = torch_programs.check(artifact.files[PROGRAM][:], policy.max_bytes)
    return torch_programs.module_of(torch_programs.load(program))


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """Nothing of what is built is garbage before all of it is, and the collector would walk it again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_graph(files: Mapping[str, Bytes], policy: Policy, name: str = GRAPH, *, check: bool = True) -> Any:
    """What a graph of an artifact stands for. Whatever is wrong with it comes out as one of modelkeep's errors."""
    try:
        own = code.modules(files, policy)
        with _no_collector():
            return Builder(plan(files, name, check=check), policy, DECODERS, POOLS, own, check).run()
    except ModelkeepError:
        raise
    except RecursionError:
        raise GraphError("the graph is nested too deep") from None
    except MemoryError:
        raise GraphError("the graph asks for more memory than there is") from None
    except Exception as error:
        # A decoder met a value that no writer makes; what it raised is not the reader's to understand.
        raise GraphError(f"the graph can't be built: {said(error)}") from error
