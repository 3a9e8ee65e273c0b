"""A version as an OCI artifact, by the CNCF ModelPack specification: its manifest, its configuration, and back.

The model is one raw layer, the ``.keep`` file; a card is a second one. What the registry knows of the version is in
annotations below ``io.modelkeep``. Equal versions give equal bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import msgspec

from modelkeep.errors import ContainerError, UsageError, quote
from modelkeep.registry import facts
from modelkeep.registry.names import check_name
from modelkeep.registry.oci_target import DIGEST
from modelkeep.registry.records import Metrics
from modelkeep.registry.version import Version

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
MODEL = "application/vnd.cncf.model.manifest.v1+json"
CONFIG = "application/vnd.cncf.model.config.v1+json"
WEIGHTS = "application/vnd.cncf.model.weight.v1.raw"
CARD = "application/vnd.cncf.model.doc.v1.raw"
#: The most that registries take as a manifest.
MANIFEST_LIMIT = 4 << 20

_OWN = "io.modelkeep."
_IMAGES = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,7}")
_ARTIFACT = re.compile(r"blake3:[0-9a-f]{64}")
_HINT = "push it again from the registry that it came from"


class Blob(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What OCI calls a descriptor: type, SHA-256 and size of some bytes."""

    media_type: str
    digest: Annotated[str, msgspec.Meta(pattern=rf"^{DIGEST.pattern}\Z")]
    size: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    annotations: dict[str, str] = {}


class Pack(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An OCI manifest."""

    schema_version: int
    media_type: str = ""
    artifact_type: str = ""
    config: Blob
    layers: list[Blob]
    annotations: dict[str, str] = {}


class _Layers(msgspec.Struct, rename="camel"):
    type: str
    diff_ids: list[str]


class _Config(msgspec.Struct):
    modelfs: _Layers


_PACK = msgspec.json.Decoder(Pack)
_CONFIG = msgspec.json.Decoder(_Config)
_Integer = Annotated[int, msgspec.Meta(gt=-(1 << 53), lt=1 << 53)]
_METRICS = msgspec.json.Decoder(dict[str, _Integer | float])
_TAGS = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True)
class Contents:
    """What a manifest of modelkeep's says. Nothing of it is proven yet but its form."""

    config: Blob
    weights: Blob
    card: Blob | None
    artifact: str
    name: str
    number: int
    message: str
    metrics: Metrics
    tags: dict[str, str]


# -- there ---------------------------------------------------------------------------------------------------------


def layer(media_type: str, name: str, digest: str, size: int) -> Blob:
    """A layer that is one file; tools that unpack it give it this name, and attributes that are always the same."""
    attributes = {"name": name, "mode": 0o644, "uid": 0, "gid": 0, "size": size}
    attributes |= {"mtime": "1980-01-01T00:00:00Z", "typeflag": ord("0")}
    annotations = {
        "org.cncf.model.filepath": name,
        "org.cncf.model.file.metadata+json": msgspec.json.encode(attributes).decode(),
        "org.opencontainers.image.title": name,
    }
    return Blob(media_type=media_type, digest=digest, size=size, annotations=annotations)


def config(version: Version, layers: list[Blob]) -> bytes:
    """The model's configuration: no member of it is empty, and there are none but those that the schema knows."""
    descriptor: dict[str, Any] = {"name": version.name, "version": str(int(version))}
    if _RFC3339.fullmatch(version.time):
        descriptor["createdAt"] = version.time
    if version.author:
        descriptor["authors"] = [version.author]
    if version.message:
        descriptor["description"] = version.message
    made = {
        "descriptor": descriptor,
        "config": {"architecture": version.model, "format": "keep"},
        "modelfs": {"type": "layers", "diffIds": [blob.digest for blob in layers]},
    }
    return msgspec.json.encode(made, order="sorted")


def manifest(version: Version, artifact: str, config: Blob, layers: list[Blob]) -> bytes:
    """The manifest of a version. ``artifact`` is the artifact's own digest."""
    said = {
        "artifact": artifact,
        "name": version.name,
        "version": str(int(version)),
        "message": version.message,
        "metrics": _json(version.metrics),
        "tags": _json(version.tags),
    }
    annotations = {_OWN + key: value for key, value in said.items() if value}
    annotations["org.opencontainers.image.title"] = version.ref
    if _RFC3339.fullmatch(version.time):
        annotations["org.opencontainers.image.created"] = version.time
    pack = Pack(
        schema_version=2,
        media_type=MANIFEST_TYPE,
        artifact_type=MODEL,
        config=config,
        layers=layers,
        annotations=annotations,
    )
    made = msgspec.json.encode(pack, order="sorted")
    if len(made) > MANIFEST_LIMIT:
        raise UsageError(
            f"the tags of {version.ref} make a manifest of {len(made):,} bytes, and registries take {MANIFEST_LIMIT:,}",
            hint="keep long texts in the model card",
        )
    return made


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value, order="sorted").decode() if value else ""


# -- and back ------------------------------------------------------------------------------------------------------


def contents(data: bytes) -> Contents:
    """What a manifest says of the version that it holds; refused, with what it is, unless modelkeep wrote it."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ContainerError("this is not an OCI manifest", hint="check that the host is an OCI registry")
    annotations = found.get("annotations")
    own = isinstance(annotations, dict) and f"{_OWN}artifact" in annotations
    if found.get("artifactType") != MODEL or not own:
        raise ContainerError(f"this is {_what(found)}, not a model of modelkeep's", hint=_FOREIGN_HINT)
    try:
        pack = _PACK.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        _refuse(str(error))
    if [blob.media_type for blob in pack.layers] not in (
        [WEIGHTS],
        [WEIGHTS, CARD],
    ) or pack.config.media_type != CONFIG:
        _refuse("its layers are not a model and a card")
    return _contents(pack)


_FOREIGN_HINT = "name what `modelkeep copy NAME oci://...` pushed, or pull it with oras and look at its files"


def _what(found: dict[str, Any]) -> str:
    """What a foreign manifest is, in a few words."""
    if "manifests" in found:
        return "an index of several manifests"
    inner = found.get("config")
    kind = inner.get("mediaType") if isinstance(inner, dict) else None
    if found.get("artifactType") == MODEL or kind == CONFIG:
        return "a ModelPack model of another program"
    if kind in _IMAGES and not found.get("artifactType"):
        return "a container image"
    kind = found.get("artifactType") or kind
    return f"an artifact of type {quote(kind, 100)}" if isinstance(kind, str) else "a manifest of no known type"


def _contents(pack: Pack) -> Contents:
    said = {key.removeprefix(_OWN): text for key, text in pack.annotations.items() if key.startswith(_OWN)}
    artifact, number = said.get("artifact", ""), said.get("version", "")
    if not _ARTIFACT.fullmatch(artifact) or not _NUMBER.fullmatch(number):
        _refuse("it names no artifact and version")
    try:
        return Contents(
            config=pack.config,
            weights=pack.layers[0],
            card=pack.layers[1] if len(pack.layers) > 1 else None,
            artifact=artifact,
            name=check_name(said.get("name")),
            number=int(number),
            message=facts.text(said.get("message", ""), "message"),
            metrics=facts.metrics_of(_METRICS.decode(said.get("metrics", "{}"))),
            tags=facts.tags_of(_TAGS.decode(said.get("tags", "{}"))),
        )
    except (UsageError, msgspec.DecodeError, RecursionError, UnicodeError) as error:
        _refuse(str(error))


def check_config(data: bytes, pack: Contents) -> None:
    """That the configuration lists the layers that are there."""
    try:
        found = _CONFIG.decode(data).modelfs
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        _refuse(str(error))
    layers = [pack.weights, *([pack.card] if pack.card else [])]
    if found.type != "layers" or found.diff_ids != [blob.digest for blob in layers]:
        _refuse("its configuration is that of other layers")


def _refuse(why: str) -> NoReturn:
    raise ContainerError(f"the manifest is not one that modelkeep writes: {quote(why)[1:-1]}", hint=_HINT) from None
