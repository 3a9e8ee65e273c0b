"""What is in a file, told without building it, importing its framework or running anything of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from modelkeep import catalog, loading
from modelkeep.artifact import Artifact
from modelkeep.errors import GraphError, LoadError, ModelkeepError, said
from modelkeep.formats.keep import code
from modelkeep.formats.keep import files as keep
from modelkeep.loading import Opened, Source
from modelkeep.outline import Item, Outline, outline
from modelkeep.outline.parts import OBJECTS
from modelkeep.outline.values import ArrayFact, Values
from modelkeep.policy import Policy, Safety
from modelkeep.verification import in_file


@dataclass(frozen=True)
class Node:
    """One object of a model. ``parameters`` are texts in Python's notation; ``count`` neighbours are alike.

    ``varying`` names the parameters in which those neighbours differ; ``bytes`` are of all arrays below.
    ``same_as`` is the place of the object that this one is, where an object is at two places.
    """

    path: str
    name: str
    type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    count: int = 1
    varying: tuple[str, ...] = ()
    bytes: int = 0
    same_as: str = ""
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class PoolFact:
    """Trees that are kept together: how many, with how many nodes, and where the first of them is."""

    path: str
    kind: str
    trees: int
    nodes: int
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """What ``inspect`` found. Fields that a format has nothing for are empty.

    ``changes`` is what differs between the recorded environment and this one. ``trust`` lists the user's own classes
    and functions that a policy must trust; ``code`` the source that the file carries. ``globals`` are the names that
    a pickle would import; nothing of it was executed.
    """

    path: str
    format: str
    safety: str
    size: int
    digest: str = ""
    framework: str = ""
    model: str = ""
    tree: Node | None = None
    arrays: tuple[ArrayFact, ...] = ()
    pools: tuple[PoolFact, ...] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    probe: Mapping[str, Any] = field(default_factory=dict)
    trust: tuple[str, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    globals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def inspect(source: Source, policy: Policy, format: str | None = None) -> Inspection:
    """What is in ``source``. Every byte is compared with its digest first; a damaged file is refused as by a load."""
    opened = loading.open_source(source, policy, format)
    if opened.format.name != "keep":
        return _other(opened, policy)
    return of_artifact(loading.open_artifact(opened), opened.name, len(opened.data))


def of_artifact(artifact: Artifact, name: str, size: int) -> Inspection:
    """The same for an artifact that is open; ``name`` is what it is called, ``size`` its bytes."""
    try:
        return _keep(artifact, name, size)
    except LoadError as error:
        raise in_file(error, name) from None


def _keep(artifact: Artifact, name: str, size: int) -> Inspection:
    manifest = artifact.manifest
    tree, arrays, pools = look(artifact)
    carried = {
        key.removeprefix(code.FOLDER): bytes(data[:]).decode("utf-8", "backslashreplace")
        for key, data in artifact.files.items()
        if key.startswith(code.FOLDER)
    }
    roots = {key.partition("/")[0].removesuffix(".py") for key in carried}
    own = [str(name) for name in manifest.facts.get("own", ())]
    return Inspection(
        path=name,
        format="keep",
        safety=Safety.DATA.value,
        size=size,
        digest=artifact.digest,
        framework=manifest.framework,
        model=manifest.model,
        tree=tree,
        arrays=arrays,
        pools=pools,
        files={key: entry.size for key, entry in manifest.files.items()},
        schema=manifest.schema,
        environment=manifest.environment,
        changes=tuple(loading.changed(artifact)),
        probe=manifest.probe,
        trust=tuple(n.replace(":", ".") for n in own if n.partition(":")[0].partition(".")[0] not in roots),
        code=carried,
    )


def _other(opened: Opened, policy: Policy) -> Inspection:
    """A format that can run code: its names are listed by a reader that runs nothing, where there is one."""
    notes = [f"{opened.format.a_file} has no digest, no schema, no environment and no probe"]
    found: tuple[str, ...] = ()
    if opened.format.names is not None:
        try:
            found = tuple(catalog.resolve(opened.format.names)(opened.data, policy))
        except LoadError as error:
            notes.append(f"the names in it can't be listed: {error}")
    return Inspection(
        path=opened.name,
        format=opened.format.name,
        safety=opened.format.safety.value,
        size=len(opened.data),
        globals=found,
        notes=tuple(notes),
    )


def look(artifact: Artifact) -> tuple[Node | None, tuple[ArrayFact, ...], tuple[PoolFact, ...]]:
    """The class tree, the arrays and the pools of trees of an artifact's graph."""
    try:
        found = outline(keep.plan(artifact.files))
        values = Values(found.plan)
        arrays = tuple(_arrays(found, values))
        nodes = _Tree(found, values, arrays).nodes(found.root)
        return (nodes[0] if nodes else None), arrays, tuple(_pools(found, values))
    except ModelkeepError:
        raise
    except Exception as error:
        # The bytes are those that were saved, so a writer made a graph that this version doesn't understand.
        raise GraphError(f"the graph can't be read: {said(error)}") from error


def _arrays(found: Outline, values: Values) -> Iterator[ArrayFact]:
    """Every array once: what several places share is listed at the first of them."""
    seen: set[int] = set()
    for item in found.root.walk():
        node = {"scalars": lambda n: n[1], "numbered": lambda n: n[2]}.get(item.kind, lambda n: n)(item.value)
        if item.kind not in ("array", "scalars", "numbered") or node[0] != "array" or node[1] in seen:
            continue
        seen.add(node[1])
        yield values.fact(item.path, node)


def _pools(found: Outline, values: Values) -> Iterator[PoolFact]:
    places: dict[int, str] = {}
    for item in found.root.walk():
        if item.kind in ("tree", "predictor"):
            places.setdefault(item.value[1], item.path)
    for number in range(len(found.plan.graph.pools)):
        pool = values.pool(number)
        yield PoolFact(places.get(number, ""), str(pool.kind), pool.n_trees, pool.n_nodes, _pool_bytes(values, number))


def _tree_sizes(found: Outline, values: Values) -> dict[str, int]:
    """The share of each tree in the bytes of its pool, by its nodes."""
    shares: dict[int, list[float]] = {}
    sizes: dict[str, int] = {}
    for item in found.root.walk():
        if item.kind not in ("tree", "predictor"):
            continue
        number, index = item.value[1:3]
        if number not in shares:
            nodes = values.pool(number).columns["sizes"].astype(float)
            shares[number] = (nodes * (_pool_bytes(values, number) / max(nodes.sum(), 1))).tolist()
        sizes[item.path] = round(shares[number][index])
    return sizes


def _pool_bytes(values: Values, number: int) -> int:
    columns = values.plan.graph.pools[number]["columns"]
    return sum(values.fact("", ["array", segment]).bytes for segment in columns.values())


class _Tree:
    """Makes the class tree of an outline."""

    def __init__(self, found: Outline, values: Values, arrays: tuple[ArrayFact, ...]) -> None:
        self.found, self.values = found, values
        self.shown: set[str] = set()
        self.sizes = {fact.path: fact.bytes for fact in arrays} | _tree_sizes(found, values)

    def nodes(self, item: Item) -> list[Node]:
        """The objects at ``item``, or below it where it is a container or a class of a library's inside."""
        if item.kind == "ref":
            return [Node(item.path, _name(item), "", same_as=item.same_as)] if item.same_as in self.shown else []
        if item.kind not in OBJECTS:
            return merged([node for child in item.children for node in self.nodes(child)])
        type_ = self.found.class_of(item)
        inner = "._" in type_ and item is not self.found.root
        if not inner:
            self.shown.add(item.path)
        names = {child.attribute for child in item.children}
        children = [
            node
            for child in item.children
            # The template that a compound was made with is told by its parameters; its fitted copy is the model.
            if not {f"{child.attribute}_", f"{child.attribute}s_", f"best_{child.attribute}_"} & names
            for node in self.nodes(child)
        ]
        if inner:
            return children
        return [
            Node(
                item.path,
                _name(item),
                type_.replace(":", "."),
                {c.attribute: self.values.text(c.value) for c in item.children if is_parameter(c.attribute)},
                bytes=sum(self.sizes.get(below.path, 0) for below in item.walk()),
                children=tuple(children),
            )
        ]


def is_parameter(attribute: str) -> bool:
    """Whether an attribute was given to the model: what it learned ends in ``_``, what is its own begins with it."""
    return bool(attribute) and not attribute.startswith("_") and not attribute.endswith("_")


def _name(item: Item) -> str:
    """What a compound calls the part, else the attribute with its place."""
    if item.label:
        return item.label
    return item.path[item.path.rfind("." + item.attribute) + 1 :] if item.attribute else ""


def merged(nodes: list[Node]) -> list[Node]:
    """Neighbours of one class as one node: an ensemble has hundreds that differ in a seed."""
    made: list[Node] = []
    for node in nodes:
        last = made[-1] if made else None
        alike = last is not None and last.type == node.type and _shape(last) == _shape(node) and not node.same_as
        if last is None or not alike or _is_named(node):
            made.append(node)
            continue
        varying = {key for key, value in node.parameters.items() if last.parameters.get(key) != value}
        made[-1] = Node(
            last.path,
            last.name,
            last.type,
            last.parameters,
            last.count + node.count,
            tuple(sorted({*last.varying, *varying})),
            last.bytes + node.bytes,
            children=last.children,
        )
    return made


def _is_named(node: Node) -> bool:
    return not node.name.endswith("]")


def _shape(node: Node) -> tuple[Any, ...]:
    return (node.type, tuple(_shape(child) for child in node.children))
