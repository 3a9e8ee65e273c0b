"""Versions in OCI registries: a real server on loopback, and servers that lie."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import numpy as np
import pytest

import modelkeep as mk
from modelkeep.errors import (
    ContainerError,
    IntegrityError,
    MissingPackageError,
    NotFoundError,
    PolicyError,
    StorageError,
    UsageError,
)
from modelkeep.policy import Policy
from modelkeep.registry import oci, oci_pack, oci_session
from modelkeep.registry.oci_target import Target
from oci_server import BINARY, PASSWORD, REASON, USER, no_credentials, oci_server

pytest.importorskip("oras", reason="the extra oci is not installed")
real = pytest.mark.skipif(BINARY is None, reason=REASON)

CARD = "---\nlibrary_name: sklearn\n---\n\n# Iris\n\nGrüße, 世界.\n"
OPEN = Policy()
WRONG = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with oci_server(tmp_path_factory.mktemp("oci")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nobody(tmp_path):
    with no_credentials(tmp_path):
        yield


@pytest.fixture(scope="module")
def kept():
    """A registry with one version of ``iris``, and its artifact."""
    registry = mk.Registry("memory://", author="ann")
    model = {"weights": np.arange(300_000, dtype=np.float64), "classes": ["setosa", "virginica"]}
    said = {"metrics": {"accuracy": 0.97, "rows": 150, "tiny": 5e-324, "large": 1e300}, "tags": {"team": 'blå "x"\n'}}
    version = registry.save("iris", model, message="first, with ✓", **said)
    return version, registry.artifact(version)


def pushed(server, kept, place, card=CARD):
    version, artifact = kept
    return oci.push(artifact, version, server.url(place), card=card)


# -- there and back ----------------------------------------------------------------------------------------------------


@real
def test_what_was_pushed_comes_back(server, kept, tmp_path):
    version, artifact = kept
    told = []
    made = oci.push(artifact, version, server.url("team/iris:3"), card=CARD, progress=lambda *at: told.append(at))
    assert made.url == server.url("team/iris:3")
    assert (made.present, made.replaced) == (0, "")
    assert made.uploaded > 300_000 * 8
    assert told == sorted(told)
    assert told[-1] == (made.uploaded, made.uploaded)
    for place in (server.url("team/iris:3"), server.url(f"team/iris@{made.digest}")):
        found = oci.pull(place, OPEN)
        assert (found.name, found.number, found.message) == ("iris", 1, "first, with ✓")
        assert (found.metrics, found.tags, found.card) == (version.metrics, version.tags, CARD)
        assert [type(value) for value in found.metrics.values()] == [float, float, int, float]
        assert (found.digest, found.url) == (made.digest, server.url(f"team/iris@{made.digest}"))
        assert found.artifact.digest == artifact.digest == version.digest
        assert {name: bytes(data[:]) for name, data in found.artifact.files.items()} == {
            name: bytes(data[:]) for name, data in artifact.files.items()
        }


@real
def test_the_layer_is_the_keep_file(server, kept, tmp_path):
    artifact = kept[1]
    pushed(server, kept, "layer")
    from modelkeep.bundle_writer import write_artifact

    write_artifact(artifact, tmp_path / "here.keep")
    write_artifact(oci.pull(server.url("layer"), OPEN).artifact, tmp_path / "back.keep")
    here = (tmp_path / "here.keep").read_bytes()
    assert (tmp_path / "back.keep").read_bytes() == here
    assert server.blob("layer", server.manifest("layer")["layers"][0]["digest"]) == here
    model = mk.load(server.blob("layer", server.manifest("layer")["layers"][0]["digest"]))
    assert model["weights"][299_999] == 299_999


@real
def test_what_is_pulled_is_writable_and_private(server, kept):
    """Arrays are changed in place by those who load them; the next reader gets what was pushed."""
    pushed(server, kept, "private")
    found = oci.pull(server.url("private"), OPEN)
    data = found.artifact.files["arrays.safetensors"]
    data[-8:] = bytes(8)
    with pytest.raises(IntegrityError):
        found.artifact.verify()
    oci.pull(server.url("private"), OPEN)


@real
def test_a_second_push_sends_nothing(server, kept):
    first = pushed(server, kept, "again:1")
    with mock.patch.object(oci_session.Session, "_once", autospec=True, side_effect=oci_session.Session._once) as once:
        second = pushed(server, kept, "again:1")
    assert {call.args[1] for call in once.call_args_list} == {"HEAD"}
    assert (second.uploaded, second.present, second.replaced) == (0, first.uploaded, "")
    assert second.digest == first.digest
    other = pushed(server, kept, "again:other-tag")
    assert (other.uploaded, other.digest) == (0, first.digest)


@real
def test_a_tag_that_moves_says_what_it_named(server, kept):
    first = pushed(server, kept, "moves")
    second = pushed(server, kept, "moves", card=CARD + "\nMore.\n")
    assert second.replaced == first.digest
    assert 0 < second.uploaded < second.present
    assert oci.pull(server.url(f"moves@{first.digest}"), OPEN).card == CARD
    assert oci.pull(server.url("moves:latest"), OPEN).card.endswith("More.\n")


@real
def test_a_version_of_few_facts(server):
    registry = mk.Registry("memory://", author="")
    version = registry.save("plain", [1, 2])
    oci.push(registry.artifact(version), version, server.url("plain"))
    assert set(server.manifest("plain")["annotations"]) == {
        "io.modelkeep.artifact", "io.modelkeep.name", "io.modelkeep.version",
        "org.opencontainers.image.created", "org.opencontainers.image.title",
    }  # fmt: skip
    found = oci.pull(server.url("plain"), OPEN)
    assert (found.message, found.metrics, found.tags, found.card) == ("", {}, {}, "")


# -- what the specification asks for -----------------------------------------------------------------------------------


#: docs/spec.md, docs/config.md, docs/annotations.md and schema/config-schema.json of modelpack/model-spec.
def _texts(names):
    return {name: {"type": "string"} for name in names.split()}


_TEXTS = {"type": "array", "items": {"type": "string"}}
SPEC_CONFIG = {
    "type": "object",
    "additionalProperties": False,
    "required": ["descriptor", "config", "modelfs"],
    "properties": {
        "descriptor": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "createdAt": {"type": "string", "format": "date-time"},
                "authors": _TEXTS,
                "name": {"type": "string", "minLength": 1},
                "datasetsURL": _TEXTS,
                "licenses": _TEXTS,
                **_texts("family docURL sourceURL version revision vendor title description"),
            },
        },
        "config": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "capabilities": {"type": "object"},
                **_texts("architecture format paramSize precision quantization"),
            },
        },
        "modelfs": {
            "type": "object",
            "additionalProperties": False,
            "required": ["type", "diffIds"],
            "properties": {"type": {"enum": ["layers"]}, "diffIds": {**_TEXTS, "minItems": 1}},
        },
    },
}


@real
def test_the_manifest_is_one_of_modelpack(server, kept):
    import jsonschema
    import oras.schemas

    pushed(server, kept, "spec")
    manifest = server.manifest("spec")
    jsonschema.validate(manifest, oras.schemas.manifest)
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.model.config.v1+json"
    assert [layer["mediaType"] for layer in manifest["layers"]] == [
        "application/vnd.cncf.model.weight.v1.raw",
        "application/vnd.cncf.model.doc.v1.raw",
    ]
    for layer, name in zip(manifest["layers"], ["iris.keep", "README.md"], strict=True):
        said = layer["annotations"]
        assert said["org.cncf.model.filepath"] == said["org.opencontainers.image.title"] == name
        attributes = json.loads(said["org.cncf.model.file.metadata+json"])
        assert set(attributes) == {"name", "mode", "uid", "gid", "size", "mtime", "typeflag"}
        assert attributes["size"] == layer["size"]
    for blob in [manifest["config"], *manifest["layers"]]:
        data = server.blob("spec", blob["digest"])
        assert (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}") == (blob["size"], blob["digest"])
    assert all(isinstance(value, str) for value in manifest["annotations"].values())


@real
def test_the_configuration_is_one_of_modelpack(server, kept):
    import jsonschema

    pushed(server, kept, "config")
    manifest = server.manifest("config")
    config = json.loads(server.blob("config", manifest["config"]["digest"]))
    jsonschema.validate(config, SPEC_CONFIG)
    assert config["modelfs"]["diffIds"] == [layer["digest"] for layer in manifest["layers"]]
    assert config["config"] == {"architecture": kept[0].model, "format": "keep"}
    made = config["descriptor"]
    assert (made["name"], made["version"], made["authors"]) == ("iris", "1", ["ann"])
    assert made["createdAt"] == kept[0].time
    with pytest.raises(jsonschema.ValidationError):  # the schema above refuses something
        jsonschema.validate(config | {"more": 1}, SPEC_CONFIG)


@real
def test_oras_pulls_the_files(server, kept, tmp_path):
    """Another program than ours finds a model and its card, under their names."""
    import oras.provider

    pushed(server, kept, "others")
    client = oras.provider.Registry(server.host, insecure=True)
    files = client.pull(f"{server.host}/others:latest", outdir=str(tmp_path))
    assert [os.path.basename(name) for name in files] == ["iris.keep", "README.md"]
    assert mk.load(tmp_path / "iris.keep")["classes"] == ["setosa", "virginica"]
    assert (tmp_path / "README.md").read_text() == CARD


# -- what is not as it was pushed --------------------------------------------------------------------------------------


@real
@pytest.mark.parametrize("part", ["model", "card", "configuration", "manifest"])
@pytest.mark.parametrize("how", ["a bit", "shorter", "longer"])
def test_changed_bytes_are_refused(server, kept, part, how):
    place = f"changed/{part}-{how.replace(' ', '-')}"
    # Blobs are the whole server's: a card of its own makes this push's its own.
    made = pushed(server, kept, place, card=f"{CARD}\n{place}\n")
    manifest = server.manifest(place)
    blobs = {"model": manifest["layers"][0], "card": manifest["layers"][1], "configuration": manifest["config"]}
    path = server.kept(blobs[part]["digest"] if part in blobs else made.digest)
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    try:
        path.write_bytes({"a bit": flipped, "shorter": whole[:-1], "longer": whole + b"x"}[how])
        with pytest.raises((IntegrityError, StorageError)) as caught:
            oci.pull(server.url(place), OPEN)
        assert server.url(place) in str(caught.value)
        assert caught.value.hint
        if how == "a bit":
            # A server that reads a manifest itself may find it broken, and not hand it out.
            assert isinstance(caught.value, IntegrityError) or part == "manifest"
    finally:
        path.write_bytes(whole)
    oci.pull(server.url(place), OPEN)


@real
def test_a_blob_that_is_gone(server, kept):
    pushed(server, kept, "gone", card=CARD + "\ngone\n")
    path = server.kept(server.manifest("gone")["layers"][1]["digest"])
    path.rename(path.with_name("away"))
    with pytest.raises(ContainerError, match="the card is not there, though the manifest lists it"):
        oci.pull(server.url("gone"), OPEN)


@real
def test_a_model_beyond_the_policy(server, kept):
    pushed(server, kept, "large")
    with pytest.raises(
        PolicyError, match=r"the model has 2,4\d\d,\d\d\d bytes, and the policy allows 1,000,000"
    ) as error:
        oci.pull(server.url("large"), Policy(max_bytes=1_000_000))
    assert str(error.value).startswith(server.url("large"))


# -- what is not there, or is something else ---------------------------------------------------------------------------


@real
def test_a_wrong_tag_or_repository(server, kept):
    pushed(server, kept, "tags:one")
    pushed(server, kept, "tags:two")
    with pytest.raises(NotFoundError, match=r"tags:latest: there is no such tag") as caught:
        oci.pull(server.url("tags"), OPEN)
    assert caught.value.hint == "name one of these tags: one, two"
    with pytest.raises(NotFoundError, match="there is no such manifest"):
        oci.pull(server.url(f"tags@{WRONG}"), OPEN)
    with pytest.raises(NotFoundError, match="there is no such repository there"):
        oci.pull(server.url("no/such"), OPEN)


def foreign(server, repository, **fields):
    """A manifest of another program's, with one small blob."""
    data = b"{}"
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    server.put_blob(repository, digest, data)
    blob = {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}
    made = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [blob], **fields}
    made["config"] = blob | made.get("config", {})
    server.put_manifest(repository, json.dumps(made).encode(), made["mediaType"])


@real
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"config": {"mediaType": "application/vnd.oci.image.config.v1+json"}}, "this is a container image"),
        ({"artifactType": "application/vnd.example.sbom"}, "an artifact of type 'application/vnd.example.sbom'"),
        ({"artifactType": oci_pack.MODEL}, "this is a ModelPack model of another program"),
        ({"config": {"mediaType": "text/x-\x1b[31mred"}}, r"an artifact of type 'text/x-\\x1b\[31mred'"),
        (
            {"artifactType": oci_pack.MODEL, "annotations": {"io.modelkeep.artifact": "blake3:x"}},
            "the manifest is not one that modelkeep writes: its layers are not a model and a card",
        ),
    ],
    ids=["image", "artifact", "modelpack", "escapes", "half"],
)
def test_what_others_pushed_is_named(server, fields, said, request):
    place = f"foreign/{request.node.callspec.id}"
    foreign(server, place, **fields)
    with pytest.raises(ContainerError, match=said) as caught:
        oci.pull(server.url(place), OPEN)
    assert str(caught.value).startswith(server.url(place))
    assert caught.value.hint


def test_an_index_is_named():
    data = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    with pytest.raises(ContainerError, match="this is an index of several manifests"):
        oci_pack.contents(data)


@pytest.fixture(scope="module")
def manifest(kept):
    """A good manifest, as plain values."""
    version, artifact = kept
    layers = [oci_pack.layer(oci_pack.WEIGHTS, "iris.keep", WRONG, 10), oci_pack.layer(oci_pack.CARD, "R", WRONG, 5)]
    config = oci_pack.Blob(media_type=oci_pack.CONFIG, digest=WRONG, size=3)
    made = oci_pack.manifest(version, artifact.digest, config, layers)
    assert oci_pack.contents(made).metrics == version.metrics
    return json.loads(made)


def said_of(key, value):
    return lambda made: made["annotations"].update({f"io.modelkeep.{key}": value})


@pytest.mark.parametrize(
    "change",
    [
        said_of("artifact", "blake3:" + "g" * 64),
        said_of("artifact", 5),
        said_of("name", "../iris"),
        said_of("name", "Iris"),
        said_of("version", "0"),
        said_of("version", "²"),
        said_of("version", "9" * 400),
        said_of("message", "x" * 10_001),
        said_of("message", "a\0b"),
        said_of("metrics", '{"a": 1e999}'),
        said_of("metrics", '{"a": NaN}'),
        said_of("metrics", '{"a": true}'),
        said_of("metrics", '{"a": %s}' % ("9" * 4000)),
        said_of("metrics", '{"\\u001b[0m": 1}'),
        said_of("metrics", "[" * 100_000),
        said_of("metrics", json.dumps({str(i): i for i in range(201)})),
        said_of("tags", '{"a": 1}'),
        said_of("tags", '{"a": "\\ud800"}'),
        said_of("tags", json.dumps({"a": "x" * 10_001})),
        lambda made: made["layers"].reverse(),
        lambda made: made["layers"].append(made["layers"][1]),
        lambda made: made["layers"].clear(),
        lambda made: made["layers"][0].update(digest="sha256:../../../etc/passwd"),
        lambda made: made["layers"][0].update(digest="sha512:" + "0" * 128),
        lambda made: made["layers"][0].update(size=-1),
        lambda made: made["layers"][0].update(size=1 << 60),
        lambda made: made["layers"][0].update(size=1.5),
        lambda made: made["layers"][0].update(mediaType="application/vnd.cncf.model.weight.v1.tar"),
        lambda made: made["config"].update(mediaType="application/json"),
        lambda made: made.pop("config"),
        lambda made: made.update(annotations=None),
    ],
)
def test_a_manifest_with_a_wrong_part_is_refused(manifest, change):
    made = json.loads(json.dumps(manifest))
    change(made)
    with pytest.raises(ContainerError) as caught:
        oci_pack.contents(json.dumps(made).encode())
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"5", b"{", b"\xff\xfe", b"[" * 1_000_000, b"<html>no</html>", b'{"annotations": 5}']
)
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(ContainerError):
        oci_pack.contents(data)


def test_the_configuration_must_list_the_layers(manifest):
    found = oci_pack.contents(json.dumps(manifest).encode())
    good = {"modelfs": {"type": "layers", "diffIds": [WRONG, WRONG]}}
    oci_pack.check_config(json.dumps(good).encode(), found)
    for bad in (b"", b"{}", b"[]", json.dumps({"modelfs": {"type": "layers", "diffIds": [WRONG]}}).encode()):
        with pytest.raises(ContainerError):
            oci_pack.check_config(bad, found)


def test_names_in_a_manifest_are_used_for_nothing(server_of, kept, tmp_path):
    """A layer's path is for programs that unpack files. Here none is written."""
    packed = Packed(*kept)
    for layer in packed.manifest["layers"]:
        layer["annotations"] = dict.fromkeys(layer["annotations"], "../../../outside")
    with server_of(packed.answer) as host, mock.patch("tempfile.tempdir", str(tmp_path)):
        oci.pull(f"oci://{host}/iris", OPEN)
    assert list(tmp_path.iterdir()) == []


# -- servers that lie --------------------------------------------------------------------------------------------------


class Packed:
    """A version as a server would hold it: what it answers to each path."""

    def __init__(self, version, artifact):
        import io

        from modelkeep.bundle_writer import write_bundle
        from modelkeep.ports import Part
        from modelkeep.rope import pieces_of

        parts = {name: Part(len(data), lambda data=data: pieces_of(data)) for name, data in artifact.files.items()}
        out = io.BytesIO()
        write_bundle(out, parts, lambda entries: artifact.manifest)
        self.model = out.getvalue()
        layers = [oci_pack.layer(oci_pack.WEIGHTS, "iris.keep", self._digest(self.model), len(self.model))]
        self.config = oci_pack.config(version, layers)
        config = oci_pack.Blob(media_type=oci_pack.CONFIG, digest=self._digest(self.config), size=len(self.config))
        self.manifest = json.loads(oci_pack.manifest(version, artifact.digest, config, layers))

    @staticmethod
    def _digest(data):
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    def answer(self, method, path, headers):
        found = {
            "/v2/iris/manifests/latest": json.dumps(self.manifest).encode(),
            f"/v2/iris/blobs/{self._digest(self.model)}": self.model,
            f"/v2/iris/blobs/{self._digest(self.config)}": self.config,
        }.get(path)
        return (404, {}, b"") if found is None else (200, {}, found)


@pytest.fixture
def server_of():
    """Starts a server on loopback whose answers a function makes: from method, path and headers to status, headers
    and body. A body may be an iterator, and has no end then."""

    @contextlib.contextmanager
    def running(answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, body = answer(self.command, self.path, self.headers)
                self.send_response(status)
                if isinstance(body, bytes):
                    headers = {"Content-Length": str(len(body)), **headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # the other side hangs up when it has seen enough
                    for piece in [body] if isinstance(body, bytes) else body:
                        if self.command != "HEAD":
                            self.wfile.write(piece)
                self.close_connection = not isinstance(body, bytes)

            do_PUT = do_POST = do_HEAD = do_GET  # noqa: N815  names of the library

            def log_message(self, *_):
                pass

        listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            listener.server_close()

    return running


def endless():
    while True:
        yield b" " * (1 << 20)


def both(host, kept):
    """A pull and a push of the same place."""
    version, artifact = kept
    place = f"oci://{host}/iris"
    return [lambda: oci.pull(place, OPEN), lambda: oci.push(artifact, version, place)]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "it answers 400"),
        (401, "it asks for credentials"),
        (403, "permission denied"),
        (429, "it has too much to do"),
        (500, "it answers 500"),
        (503, "it has too much to do"),
    ],
)
def test_refusals_are_told(server_of, kept, status, said):
    began = time.monotonic()
    with server_of(lambda *_: (status, {"Retry-After": "86400"}, b"<html>no</html>")) as host:
        for call in both(host, kept):
            with pytest.raises(StorageError, match=rf"can't read oci://{host}/iris:latest: {said}") as caught:
                call()
            assert caught.value.hint
    assert time.monotonic() - began < 20


def test_what_a_registry_says_is_quoted(server_of):
    body = b'{"errors": [{"code": "X", "message": "come \\u001b[31mback ' + b"x" * 500 + b'"}]}'
    with server_of(lambda *_: (418, {}, body)) as host, pytest.raises(StorageError) as caught:
        oci.pull(f"oci://{host}/iris", OPEN)
    assert r"it answers 418, 'come \x1b[31mback x" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("status", [200, 404, 418, 401])
def test_answers_without_an_end_are_left(server_of, status):
    headers = {"WWW-Authenticate": 'Bearer realm="http://HOST/token"'} if status == 401 else {}

    def answer(method, path, _):
        if path.startswith("/token"):
            return 200, {}, endless()
        return status, {k: v.replace("HOST", host) for k, v in headers.items()}, endless()

    with server_of(answer) as host:
        with pytest.raises(StorageError if status != 404 else NotFoundError) as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        if status in (200, 401):
            assert "it answers with more than 4,194,304 bytes" in str(caught.value)


def test_garbage_is_no_manifest(server_of):
    with server_of(lambda *_: (200, {}, b"<html>hello</html>")) as host:
        with pytest.raises(ContainerError, match="this is not an OCI manifest") as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        assert "OCI registry" in caught.value.hint


def test_a_manifest_of_another_digest(server_of, kept):
    packed = Packed(*kept)

    def answer(method, path, headers):
        status, _, body = packed.answer(method, "/v2/iris/manifests/latest" if "manifests" in path else path, headers)
        return status, {"Docker-Content-Digest": WRONG} if "manifests" in path else {}, body

    with server_of(answer) as host:
        for place in ("iris:latest", f"iris@{WRONG}"):
            with pytest.raises(IntegrityError, match="the manifest is not what was pushed"):
                oci.pull(f"oci://{host}/{place}", OPEN)


@pytest.mark.parametrize("how", ["longer", "endless", "shorter", "cut", "other", "compressed"])
def test_a_model_that_is_not_what_the_manifest_says(server_of, kept, how):
    import zlib

    packed = Packed(*kept)

    def answer(method, path, headers):
        status, said, body = packed.answer(method, path, headers)
        if body is packed.model:
            bomb = zlib.compress(bytes(1 << 20))
            bodies = {"longer": body + b"x", "endless": endless(), "shorter": body[:-1], "other": bytes(len(body))}
            if how == "cut":
                return 200, {"Content-Length": str(len(body))}, iter([body[:1000]])
            if how == "compressed":
                return 200, {"Content-Encoding": "deflate"}, bomb
            return 200, {}, bodies[how]
        return status, said, body

    with server_of(answer) as host:
        with pytest.raises(StorageError if how == "cut" else IntegrityError) as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        assert "the connection broke" in str(caught.value) or "the model is not what was pushed" in str(caught.value)


def test_a_model_of_another_manifest(server_of, kept):
    """All SHA-256 are right, and yet it is not the artifact that is announced."""
    packed = Packed(*kept)
    packed.manifest["annotations"]["io.modelkeep.artifact"] = "blake3:" + "0" * 64
    with server_of(packed.answer) as host, pytest.raises(IntegrityError, match="not the one that the manifest names"):
        oci.pull(f"oci://{host}/iris", OPEN)


def test_a_large_card_is_not_fetched(server_of, kept):
    packed = Packed(*kept)
    packed.manifest["layers"].append({"mediaType": oci_pack.CARD, "digest": WRONG, "size": 1 << 40})
    with server_of(packed.answer) as host, pytest.raises(ContainerError, match="too large"):
        oci.pull(f"oci://{host}/iris", OPEN)


def test_blobs_may_lie_elsewhere_on_this_machine(server_of, kept):
    """Registries send a reader to a bucket; it gets no credentials of the registry."""
    packed, seen = Packed(*kept), []

    def there(method, path, headers):
        seen.append(headers.get("Authorization"))
        return packed.answer(method, path, headers)

    with server_of(there) as bucket:

        def answer(method, path, headers):
            if headers.get("Authorization") is None:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            if "/blobs/" in path:
                return 307, {"Location": f"http://{bucket}{path}"}, b""
            return packed.answer(method, path, headers)

        with server_of(answer) as host, mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}):
            assert oci.pull(f"oci://{host}/iris", OPEN).name == "iris"
    assert seen == [None, None]


@pytest.mark.parametrize(
    "place",
    ["http://models.example.org/x", "ftp://127.0.0.1/x", "http://[x", "http://u:p@models.example.org/", "file:///etc"],
)
def test_nobody_is_followed_to_a_place_without_https(server_of, kept, place):
    def answer(method, path, headers):
        if method in ("GET", "HEAD") and "manifests" in path:
            return (307, {"Location": place}, b"") if to == "read" else (404, {}, b"")
        return (202, {"Location": place}, b"") if method == "POST" else (404, {}, b"")

    for to, call in (("read", 0), ("write", 1)):
        with server_of(answer) as host, pytest.raises(StorageError, match=f"can't {to} oci://{host}/iris") as caught:
            both(host, kept)[call]()
        assert "models.example.org" not in shown(caught.value)


def test_a_circle_of_places_ends(server_of):
    circle = server_of(lambda method, path, _: (302, {"Location": path}, b""))
    with circle as host, pytest.raises(StorageError, match="it sends from one place to the next"):
        oci.pull(f"oci://{host}/iris", OPEN)


def test_an_upload_elsewhere_takes_no_credentials_along(server_of, kept):
    seen = []

    def there(method, path, headers):
        seen.append((method, headers.get("Authorization")))
        return 201, {}, b""

    with server_of(there) as bucket:

        def answer(method, path, headers):
            if headers.get("Authorization") is None:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            if method == "POST":
                return 202, {"Location": f"http://{bucket}/put?state=1"}, b""
            return (201, {}, b"") if method == "PUT" else (404, {}, b"")

        with server_of(answer) as host, mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}):
            oci.push(kept[1], kept[0], f"oci://{host}/iris")
    assert set(seen) == {("PUT", None)}


# -- credentials -------------------------------------------------------------------------------------------------------


def shown(error):
    """All that a traceback would show."""
    return "".join(traceback.format_exception(error))


def docker_login(home, host, user, password):
    import base64

    (home / ".docker").mkdir(exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with oci_server(tmp_path_factory.mktemp("locked"), locked=True) as running:
        yield running


@real
def test_credentials_from_the_environment(locked, kept):
    with mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}):
        pushed(locked, kept, "iris")
        assert oci.pull(locked.url("iris"), OPEN).name == "iris"


@real
def test_credentials_of_docker(locked, kept, tmp_path):
    docker_login(tmp_path, locked.host, USER, PASSWORD)
    with mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": "another-one"}):  # the host's own entry wins
        pushed(locked, kept, "docker")
        assert oci.pull(locked.url("docker"), OPEN).name == "iris"


@real
def test_no_credentials_and_wrong_ones(locked, kept, tmp_path, capfd, caplog):
    for call in both(locked.host, kept):
        with pytest.raises(StorageError, match="it asks for credentials") as caught:
            call()
        assert f"docker login {locked.host}" in caught.value.hint
    with mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": "not-the-password"}):
        for call in both(locked.host, kept):
            with pytest.raises(StorageError, match="it does not accept the credentials") as caught:
                call()
            assert "not-the-password" not in shown(caught.value)
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": 5}', '{"auths": {"HOST": 5}}', '{"credsStore": "no-such"}'])
def test_a_broken_configuration_of_docker(server_of, tmp_path, text):
    (tmp_path / ".docker").mkdir()
    with server_of(lambda *_: (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")) as host:
        (tmp_path / ".docker" / "config.json").write_text(text.replace("HOST", host))
        with pytest.raises(StorageError, match=r"credentials") as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        assert f"docker login {host}" in caught.value.hint


def token_server(packed, seen, token):
    """Answers as registries do that hand out tokens, at another path."""

    def answer(method, path, headers):
        seen.append((path.partition("?")[0], headers.get("Authorization", "")))
        if path.startswith("/token"):
            assert "service=registry+of+models" in path
            assert "scope=repository%3Airis%3Apull" in path
            return 200, {}, json.dumps({"token": token}).encode()
        if headers.get("Authorization") != f"Bearer {token}":
            realm = f"http://{headers['Host']}/token"
            scope = 'service="registry of models",scope="repository:iris:pull"'
            return 401, {"WWW-Authenticate": f'Bearer realm="{realm}",{scope}'}, b""
        return packed.answer(method, path, headers)

    return answer


def test_a_token_is_asked_for_once(server_of, kept, tmp_path):
    """And .netrc does not take its place."""
    seen = []
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    environment = {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}
    with server_of(token_server(Packed(*kept), seen, "t0ken")) as host, mock.patch.dict(os.environ, environment):
        assert oci.pull(f"oci://{host}/iris", OPEN).name == "iris"
    assert [path for path, _ in seen].count("/token") == 1
    assert [given.partition(" ")[0] for _, given in seen] == ["", "Basic", "Bearer", "Bearer", "Bearer"]


def test_a_token_without_credentials(server_of, kept):
    seen = []
    with server_of(token_server(Packed(*kept), seen, "anonymous")) as host:
        oci.pull(f"oci://{host}/iris", OPEN)
    assert [given.partition(" ")[0] for _, given in seen] == ["", "", "Bearer", "Bearer", "Bearer"]


@pytest.mark.parametrize("token", [None, 5, "", "a\r\nX-More: 1", "x" * 100_000, "ü"])
def test_a_token_that_is_none(server_of, kept, token):
    running = server_of(token_server(Packed(*kept), [], token))
    with running as host, pytest.raises(StorageError, match="it asks for credentials"):
        oci.pull(f"oci://{host}/iris", OPEN)


@pytest.mark.parametrize(
    "challenge", ["Bearer", 'Bearer realm="', "Digest x", 'Bearer realm="http://models.example/t"']
)
def test_a_challenge_that_nobody_answers(server_of, challenge):
    environment = {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}
    with (
        server_of(lambda *_: (401, {"WWW-Authenticate": challenge}, b"")) as host,
        mock.patch.dict(os.environ, environment),
        pytest.raises(StorageError),
    ):
        oci.pull(f"oci://{host}/iris", OPEN)


# -- hosts and names ---------------------------------------------------------------------------------------------------


def test_where_nobody_listens(kept):
    began = time.monotonic()
    for call in both("127.0.0.1:1", kept):
        with pytest.raises(StorageError, match="nothing answers there") as caught:
            call()
        assert caught.value.hint
        assert "urllib3" not in shown(caught.value)
    assert time.monotonic() - began < 10


def test_other_machines_are_asked_by_https_only():
    asked = []

    def send(self, request, **_):
        from requests import ConnectionError

        asked.append(request.url)
        raise ConnectionError(request.url)

    with mock.patch("requests.adapters.HTTPAdapter.send", send):
        for host in ("models.example.org", "10.0.0.1:5000", "localhost.example.org", "[::2]:5000", "127.0.0.1.example"):
            with pytest.raises(StorageError, match="can't read oci://"):
                oci.pull(f"oci://{host}/iris", OPEN)
        assert [url.partition(":")[0] for url in asked] == ["https"] * 5
        asked.clear()
        for host in ("localhost", "LOCALHOST:5000", "127.0.0.1", "[::1]:5000"):
            with pytest.raises(StorageError, match="can't read oci://"):
                oci.pull(f"oci://{host}/my.models/iris", OPEN)
        assert asked == [
            f"http://{host}/v2/my.models/iris/manifests/latest"
            for host in ("localhost", "localhost:5000", "127.0.0.1", "[::1]:5000")
        ]


@real
def test_a_proxy_is_not_asked_for_this_machine(server, kept):
    with mock.patch.dict(os.environ, {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}):
        pushed(server, kept, "proxy")
        oci.pull(server.url("proxy"), OPEN)


def test_https_is_spoken_with_those_who_speak_it(server_of, kept):
    """A target beyond this machine, whose port answers plain HTTP."""
    with (
        server_of(lambda *_: (200, {}, b"")) as host,
        mock.patch.object(Target, "is_plain", False),
        pytest.raises(StorageError, match="does not speak HTTPS"),
    ):
        oci.pull(f"oci://{host}/iris", OPEN)


@pytest.mark.parametrize(
    ("text", "host", "repository", "reference"),
    [
        ("oci://a.example/iris", "a.example", "iris", "latest"),
        ("oci://A.Example:5000/team-a/my__iris/x.y:V1.0-rc_2", "a.example:5000", "team-a/my__iris/x.y", "V1.0-rc_2"),
        ("oci://[::1]:5000/iris:3", "[::1]:5000", "iris", "3"),
        (f"oci://localhost/iris@{WRONG}", "localhost", "iris", WRONG),
    ],
)
def test_targets(text, host, repository, reference):
    found = Target.parse(text)
    assert (found.host, found.repository, found.reference) == (host, repository, reference)
    assert Target.parse(str(found)) == found
    assert found.is_digest == reference.startswith("sha256:")


@pytest.mark.parametrize(
    "text",
    [
        "", "oci://", "oci:///iris", "oci://a.example", "oci://a.example/", "http://a.example/iris", "OCI://a/iris",
        "oci://a.example/Iris", "oci://a.example/iris:", "oci://a.example/iris:a/b", "oci://a.example/../x",
        "oci://a.example/a//b", "oci://a.example/a/", "oci://a.example/-a", "oci://a.example/a___b", "oci://a.example/a.",
        "oci://user:secret@a.example/iris", "oci://a.example:0/iris", "oci://a.example:65536/iris",
        "oci://a.example:x/iris", "oci://a.example/iris@sha256:abc", f"oci://a.example/iris:3@{WRONG}",
        "oci://a.example/iris@sha512:" + "0" * 128, "oci://a.example/iris:.x", "oci://a.example/iris:" + "x" * 129,
        "oci://a.example/" + "a" * 256, "oci://a.example/iris?x=1", "oci://a.example/iris#x", "oci://a.example/i\nris",
        "oci://a.example\\@b.example/iris", "oci://[::1/iris", "oci://[:::::]/iris", "oci://-a.example/iris",
        "oci://a..example/iris", "oci://a.example/iris:3\n", "oci://a.example/" + "a-" * 5000, 5,
    ],
)  # fmt: skip
def test_what_is_no_target(text):
    with pytest.raises(UsageError) as caught:
        Target.parse(text)
    assert "oci://HOST/team/iris:3" in caught.value.hint


def test_a_push_needs_a_tag(kept):
    with pytest.raises(UsageError, match="names a digest"):
        oci.push(kept[1], kept[0], f"oci://127.0.0.1:1/iris@{WRONG}")


def test_tags_that_no_manifest_holds(kept):
    registry = mk.Registry("memory://")
    version = registry.save("iris", [1], tags={str(i): '"' * 10_000 for i in range(200)})
    config = oci_pack.Blob(media_type=oci_pack.CONFIG, digest=WRONG, size=3)
    with pytest.raises(UsageError, match="the tags of iris:1 make a manifest of"):
        oci_pack.manifest(version, version.digest, config, [])


def test_a_card_that_is_none_is_not_pushed(kept):
    with pytest.raises(UsageError, match="front matter"):
        oci.push(kept[1], kept[0], "oci://127.0.0.1:1/iris", card="# Iris\n")


def test_without_oras():
    with mock.patch.dict(sys.modules, {"oras": None}), pytest.raises(MissingPackageError) as caught:
        oci.pull("oci://127.0.0.1:1/iris", OPEN)
    assert caught.value.hint == "install it: pip install 'modelkeep[oci]'"


@pytest.mark.parametrize("call", ["push", "pull"])
def test_a_disk_that_takes_nothing(server_of, kept, tmp_path, call):
    with server_of(Packed(*kept).answer) as host, mock.patch("tempfile.tempdir", str(tmp_path / "not-there")):
        with pytest.raises(StorageError, match="not-there") as caught:
            both(host, kept)[call == "push"]()
        assert caught.value.hint


# -- memory ------------------------------------------------------------------------------------------------------------

_LARGE = """
import resource, sys
from modelkeep import Registry
from modelkeep.registry import oci
from modelkeep.policy import Policy
import numpy as np
url, size = sys.argv[1], 48 << 20
registry = Registry(sys.argv[2])
version = registry.save("large", {"w": np.arange(size // 8)}, probe=False)
artifact = registry.artifact(version)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
base = peak()
def private():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))
before = private()
most = 0
def progress(done, total):
    global most
    most = max(most, private())
oci.push(artifact, version, url, progress=progress)
oci.pull(url, Policy(), progress=progress)
print((most - before) / size)
"""


@real
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells a process's own memory")
def test_a_large_model_is_not_held_in_memory(server, tmp_path):
    """Its pieces pass through: what a process holds of its own stays below half of the model."""
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, server.url("large-model"), str(tmp_path / "models")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert float(done.stdout) < 0.5
