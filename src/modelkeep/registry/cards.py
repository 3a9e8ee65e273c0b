"""Model cards: a ``README.md`` with front matter as the Hugging Face Hub reads it, made from the manifest.

Names, messages and tags are foreign input: in the front matter each is one quoted string, in the text none of their
characters has a meaning of Markdown or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelkeep import environment
from modelkeep.artifact import Manifest
from modelkeep.errors import UsageError
from modelkeep.registry import markup
from modelkeep.registry.version import Version

CARD_BYTES = 256 << 10

#: More rows of a table, or characters of a message, than this are counted, not shown.
_ROWS, _MESSAGE = 100, 500
#: Keys of the Hub that only the model's owner can say, so they come from tags of the same name.
_TAGGED = ("license", "license_name", "license_link", "language", "base_model")
#: What the Hub accepts as the type of a data set.
_DATASET = re.compile(r"(?:[A-Za-z0-9_-]+/)?[A-Za-z0-9_.-]+")


def card(manifest: Manifest, version: Version) -> str:
    """The model card of a version. Equal inputs give equal text."""
    sections = [
        _front_matter(manifest, version),
        _title(manifest, version),
        _loading(manifest, version),
        _inputs(manifest.schema),
        _outputs(manifest.schema),
        _metrics(version),
        _probe(manifest),
        _environment(manifest, version),
        _history(version),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def check_card(text: str) -> str:
    """An edited card, with its line ends as ``\\n``; ``UsageError`` says what the Hub could not read in it."""
    if not isinstance(text, str):
        raise UsageError(f"a card is a text, not a {type(text).__name__}", hint="read the file as UTF-8 text")
    made = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        size = len(made.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"the card is not UTF-8 at character {error.start:,}", hint="save it as UTF-8") from None
    if size > CARD_BYTES:
        raise UsageError(f"the card has {size:,} bytes", hint=f"shorten it to {CARD_BYTES:,} bytes")
    if "\0" in made:
        raise UsageError("the card holds a zero byte", hint="save it as plain text")
    first, *rest = made.split("\n")
    if first != "---" or "---" not in rest:
        raise UsageError(
            "the card does not begin with front matter that closes",
            hint="begin it with a line ---, lines such as library_name: sklearn, and a line --- again",
        )
    if not "".join(rest[: rest.index("---")]).strip():
        raise UsageError("the front matter of the card is empty", hint="put a line such as library_name: sklearn in it")
    return made


# -- front matter ------------------------------------------------------------------------------------------------------


def _front_matter(manifest: Manifest, version: Version) -> list[str]:
    framework = manifest.framework if manifest.framework not in ("", "python") else "modelkeep"
    task = _task(manifest.schema)
    own = (f"{key}={value}" if value else key for key, value in sorted(version.tags.items()) if key not in _TAGGED)
    front: dict[str, Any] = {key: markup.cut(version.tags[key]) for key in _TAGGED if version.tags.get(key)}
    front["library_name"] = markup.cut(framework)
    if task != "other":
        front["pipeline_tag"] = task
    front["tags"] = list(dict.fromkeys(["modelkeep", front["library_name"], *map(markup.cut, own)]))[:_ROWS]
    if version.metrics:
        front["metrics"] = [markup.cut(name) for name in sorted(version.metrics)][:_ROWS]
        front["model-index"] = [{"name": version.name, "results": [_result(version, task)]}]
    return ["---", *markup.yaml(front), "---"]


def _result(version: Version, task: str) -> dict[str, Any]:
    """The fields that the Hub requires of a result; a tag ``dataset`` names what the metrics were measured on."""
    dataset = markup.cut(version.tags.get("dataset", ""))
    return {
        "task": {"type": task},
        "dataset": {"type": dataset if _DATASET.fullmatch(dataset) else "unknown", "name": dataset or "not named"},
        "metrics": [
            {"type": markup.cut(name), "value": value, "name": markup.cut(name)}
            for name, value in sorted(version.metrics.items())
        ][:_ROWS],
    }


def _task(schema: Mapping[str, Any]) -> str:
    """The Hub's word for what the model does, ``other`` where the schema doesn't tell."""
    shape, predicted = _listed(schema.get("shape")), _mapped(_mapped(schema.get("outputs")).get("predict"))
    classifies = "classes" in schema or "class_count" in schema
    if schema.get("kind") == "text":
        return "text-classification" if classifies else "other"
    if schema.get("kind") not in ("table", "array", "sparse", "records") or len(shape) > 2:
        return "other"
    measures = str(predicted.get("dtype")).startswith("float")
    return "tabular-classification" if classifies else "tabular-regression" if measures else "other"


# -- text --------------------------------------------------------------------------------------------------------------


def _title(manifest: Manifest, version: Version) -> Iterator[str]:
    yield f"# {markup.text(version.name)}, version {int(version)}"
    yield ""
    yield f"A model of class {markup.code(manifest.model)}, kept with modelkeep."
    yield ""
    yield f"- Framework: {markup.code(manifest.framework)}"
    yield f"- Version: {markup.code(version.ref)}"
    yield f"- Digest: {markup.code(version.digest, 200)}"
    yield f"- Size: {version.size:,} bytes"


def _loading(manifest: Manifest, version: Version) -> Iterator[str]:
    from modelkeep.formats.keep.code import FOLDER

    carried = [name.removeprefix(FOLDER) for name in manifest.files if name.startswith(FOLDER)]
    roots = {name.partition("/")[0].removesuffix(".py") for name in carried}
    own = manifest.facts.get("own", [])
    trust = [name.replace(":", ".") for name in own if name.partition(":")[0].partition(".")[0] not in roots]
    options = [f"trust=[{', '.join(map(markup.python, trust))}]"] if trust else []
    options += ["allow_code=True"] if carried else []
    policy = f", policy=mk.Policy({', '.join(options)})" if options else ""
    yield "## How to load it"
    yield ""
    yield from ("```python", "import modelkeep as mk", 'registry = mk.Registry("models")  # or where it is kept')
    yield from (f"model = registry.load({markup.python(version.ref)}{policy})", "```")
    yield ""
    if not options:
        yield "Loading it runs no code of the file, and needs no list of trusted types."
    if trust:
        yield f"It uses classes or functions of its maker, which a reader must have and trust: {markup.codes(trust)}."
    if carried:
        yield "It carries source of its maker, which runs at a load: read it first."


def _inputs(schema: Mapping[str, Any]) -> Iterator[str]:
    columns = [_mapped(column) for column in _listed(schema.get("columns"))]
    kind = str(schema.get("kind", "unknown"))
    yield "## Inputs"
    yield ""
    if kind == "unknown":
        yield "They were not recorded; a sample at the save tells them."
        return
    gaps = [f"missing values: {_gaps(schema)}"] if _gaps(schema) else []
    yield "; ".join([f"Kind: {markup.code(kind)}", *_dtype_and_shape(schema), *gaps]) + "."
    if columns:
        yield ""
        rows = (
            (markup.code(c.get("name", "")), markup.code(c.get("dtype", "")), _gaps(c), _categories(c))
            for c in columns[:_ROWS]
        )
        yield from markup.table(("Column", "Type", "Missing values", "Categories"), rows, len(columns))


def _outputs(schema: Mapping[str, Any]) -> Iterator[str]:
    outputs, classes = _mapped(schema.get("outputs")), _listed(schema.get("classes"))
    if outputs or classes:
        yield "## Outputs"
    if outputs:
        yield ""
        rows = ((markup.code(name), _output(_mapped(outputs[name]))) for name in sorted(outputs)[:_ROWS])
        yield from markup.table(("Method", "Answer"), rows, len(outputs))
    if classes:
        yield ""
        yield f"Classes: {markup.codes(classes)}."


def _metrics(version: Version) -> Iterator[str]:
    yield "## Metrics"
    yield ""
    if not version.metrics:
        yield "None were registered."
        return
    rows = (
        (markup.code(name), markup.code(markup.scalar(value)))
        for name, value in sorted(version.metrics.items())[:_ROWS]
    )
    yield from markup.table(("Metric", "Value"), rows, len(version.metrics))


def _probe(manifest: Manifest) -> Iterator[str]:
    rows, methods = manifest.probe.get("rows", 0), manifest.probe.get("methods", [])
    yield "## Probe"
    yield ""
    if rows and methods:
        yield f"It carries {rows:,} rows and the answers that {markup.codes(methods)} gave when it was saved."
        yield "They are compared where the environment differs, so no answer changes silently."
    else:
        yield "It carries no rows and answers to compare with."
    for note in manifest.probe.get("notes", [])[:_ROWS]:
        yield f"\n- Note: {markup.text(note, _MESSAGE)}"


def _environment(manifest: Manifest, version: Version) -> Iterator[str]:
    python, machine = manifest.environment.get("python", {}), manifest.environment.get("machine", {})
    packages = manifest.environment.get("packages", {})
    modules = {
        name.partition(":")[0].partition(".")[0] for name in [manifest.model, *manifest.facts.get("classes", [])]
    }
    main = {name for module in modules for name in environment.DISTRIBUTIONS.get(module, (module,))} | {"numpy"}
    yield "## Environment"
    yield ""
    yield f"- Python: {markup.code(' '.join(python[key] for key in ('version', 'implementation') if key in python))}"
    yield f"- Machine: {markup.code(' '.join(machine[key] for key in ('system', 'machine', 'simd') if key in machine))}"
    for name in sorted(main & packages.keys()):
        yield f"- {markup.text(name)}: {markup.code(packages[name])}"
    if packages:
        yield ""
        yield from ("<details>", f"<summary>All {len(packages)} packages</summary>", "")
        rows = ((markup.code(name), markup.code(packages[name])) for name in sorted(packages))
        yield from markup.table(("Package", "Version"), rows, len(packages))
        yield from ("", "</details>", "", f"To rebuild it: {markup.code(f'modelkeep env {version.ref} --create DIR')}.")


def _history(version: Version) -> Iterator[str]:
    message = f": {markup.text(version.message, _MESSAGE)}" if version.message.strip() else ""
    yield "## History"
    yield ""
    yield f"Registered {markup.text(version.time)} by {markup.text(version.author) or 'unknown'}{message}"
    if version.parent:
        yield f"\nMade from {markup.code(version.parent)}."
    if version.origin:
        yield f"\nCopied from {markup.code(version.origin)}."


def _dtype_and_shape(entry: Mapping[str, Any]) -> Iterator[str]:
    if "dtype" in entry:
        yield f"type: {markup.code(entry['dtype'])}"
    if shape := _listed(entry.get("shape")):
        yield f"shape: {markup.code('(' + ', '.join('rows' if each is None else str(each) for each in shape) + ')')}"


def _output(entry: Mapping[str, Any]) -> str:
    return ", ".join([markup.code(entry.get("kind", "")), *_dtype_and_shape(entry)])


def _gaps(entry: Mapping[str, Any]) -> str:
    return "accepted" if entry.get("missing") is True else "not accepted" if entry.get("missing") is False else ""


def _categories(column: Mapping[str, Any]) -> str:
    listed = _listed(column.get("categories"))
    return markup.codes(listed, 10) if listed else markup.text(column.get("category_count", ""))


def _mapped(value: object) -> Mapping[str, Any]:
    """A part of a schema, which a file may hold in any form."""
    return value if isinstance(value, Mapping) else {}


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else []
