"""Vectors for the manifest: canonical JSON of known kinds that lists exactly the files that are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from fuzz import forge
from fuzz.vectors_container import SOUND

Vector = tuple[str, str, str, bytes]
PIECES = forge.take_apart(SOUND)
RAW = forge.manifest_bytes(PIECES.files, PIECES.manifest)


def sealed(raw: bytes) -> bytes:
    return forge.seal(PIECES.files, raw)


def edited(edit: Callable[[dict[str, Any]], Any]) -> bytes:
    """A manifest that is canonical, with one thing changed."""
    value = json.loads(RAW)
    edit(value)
    return sealed(msgspec.json.encode(value, order="sorted"))


def vectors() -> Iterator[Vector]:
    yield from _not_canonical()
    yield from _fields()
    yield from _listing()
    yield "version_container", "manifest", "version 2 of the container", SOUND.replace(b"modelkeep/1 ", b"modelkeep/2 ")
    data = edited(lambda m: m.update(modelkeep=2))
    yield "version_artifact", "manifest", "version 2 of the artifact", data
    data = edited(lambda m: m.update(modelkeep=3, new_field=1))
    yield "version_artifact_fields", "manifest", "version 3 of the artifact, with a field that version 1 lacks", data
    yield "version_artifact_huge", "manifest", "version 10**30", edited(lambda m: m.update(modelkeep=10**30))


def _not_canonical() -> Iterator[Vector]:
    for name, raw, why in (
        ("manifest_empty", b"{}", "has no fields"),
        ("manifest_no_object", b"[]", "is a list"),
        ("manifest_not_json", RAW[:-1], "lacks its last brace"),
        ("manifest_space", RAW.replace(b'":"', b'": "', 1), "has white space"),
        ("manifest_new_line", RAW + b"\n", "ends with a new line"),
        ("manifest_bom", b"\xef\xbb\xbf" + RAW, "begins with a byte order mark"),
        ("manifest_order", b'{"schema":{},' + RAW[1:].replace(b',"schema":{}', b""), "has its keys in another order"),
        ("manifest_key_twice", b'{"environment":{},' + RAW[1:], "has a key twice"),
        ("manifest_escape", RAW.replace(b"python", b"pyth\\u006fn"), "escapes a letter"),
        ("manifest_surrogate", RAW.replace(b"python", b"pyth\\ud800n"), "has half a character"),
        ("manifest_not_utf8", RAW.replace(b"python", b"pyth\xffn"), "is not UTF-8"),
        ("manifest_utf16", RAW.decode().encode("utf-16"), "is UTF-16"),
        ("manifest_nan", RAW.replace(b'"schema":{}', b'"schema":{"a":NaN}'), "holds NaN"),
        ("manifest_deep", RAW.replace(b'"schema":{}', b'"schema":' + b"[" * 3000 + b"]" * 3000), "is nested deep"),
    ):
        yield name, "container", f"the manifest {why}", sealed(raw)


def _fields() -> Iterator[Vector]:
    for name, change, why in (
        ("manifest_fraction", {"schema": {"a": 0.5}}, "holds a fraction"),
        ("manifest_unknown_field", {"signature": ""}, "has a field that the version lacks"),
        ("manifest_version_zero", {"modelkeep": 0}, "is of version 0"),
        ("manifest_version_text", {"modelkeep": "1"}, "gives its version as text"),
        ("manifest_model_kind", {"model": None}, "names no model"),
        ("manifest_environment_kind", {"environment": []}, "has a list for its environment"),
        ("manifest_packages_kind", {"environment": {"packages": ["numpy"]}}, "lists packages without versions"),
        ("manifest_version_of_package", {"environment": {"packages": {"numpy": 2}}}, "has a number for a version"),
        (
            "manifest_escapes_shown",
            {"environment": {"packages": {"a": "\x1b[2J"}}},
            "has a version that clears the screen",
        ),
        ("manifest_classes_kind", {"facts": {"classes": 5, "own": []}}, "has a number for its classes"),
        ("manifest_own_kind", {"facts": {"classes": [], "own": [None]}}, "names no own class"),
        ("manifest_notes_kind", {"probe": {"notes": "none"}}, "has a text for the notes of its probe"),
        ("manifest_rows_kind", {"probe": {"rows": "5"}}, "counts rows in text"),
    ):
        yield name, "container", f"the manifest {why}", edited(lambda m: m.update(change))  # noqa: B023  called at once
    for field in ("facts", "files", "format"):
        data = edited(lambda m: m.pop(field))  # noqa: B023
        yield f"manifest_without_{field}", "container", f"the manifest has no field {field}", data


def _listing() -> Iterator[Vector]:
    def listed(**more: Any) -> bytes:
        return edited(lambda m: m["files"].update(more))

    entry = {"size": 0, "digest": forge.digest(b"")}
    yield "file_missing", "container", "the manifest lists a file that is not there", listed(more=entry)
    yield (
        "file_unlisted",
        "container",
        "a file is not in the manifest",
        edited(lambda m: m["files"].pop("arrays.safetensors")),
    )
    yield "file_of_no_size", "container", "an entry has no size", listed(**{"graph.json": {"digest": entry["digest"]}})
    true = forge.digest(PIECES.files["graph.json"])
    for name, size in (("file_size_less", 1), ("file_size_negative", -1), ("file_size_huge", 1 << 62)):
        data = listed(**{"graph.json": {"size": size, "digest": true}})
        yield name, "container", f"the graph is said to have {size} bytes", data
