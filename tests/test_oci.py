"""Versions in OCI registries, with a real server on loopback."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from unittest import mock

import pytest

import modelkeep as mk
from modelkeep.bundle_writer import write_artifact
from modelkeep.errors import ContainerError, IntegrityError, NotFoundError, PolicyError, StorageError
from modelkeep.policy import Policy
from modelkeep.registry import oci, oci_pack, oci_session
from oci_server import BINARY, PASSWORD, REASON, USER, both, no_credentials, oci_server, one_version, shown

pytest.importorskip("oras", reason="the extra oci is not installed")
if BINARY is None:
    pytest.skip(REASON, allow_module_level=True)

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
    return one_version()


def pushed(server, kept, place, card=CARD):
    version, artifact = kept
    return oci.push(artifact, version, server.url(place), card=card)


# -- there and back ----------------------------------------------------------------------------------------------------


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


def test_the_layer_is_the_keep_file(server, kept, tmp_path):
    artifact = kept[1]
    pushed(server, kept, "layer")
    write_artifact(artifact, tmp_path / "here.keep")
    write_artifact(oci.pull(server.url("layer"), OPEN).artifact, tmp_path / "back.keep")
    here = (tmp_path / "here.keep").read_bytes()
    assert (tmp_path / "back.keep").read_bytes() == here
    assert server.blob("layer", server.manifest("layer")["layers"][0]["digest"]) == here
    model = mk.load(server.blob("layer", server.manifest("layer")["layers"][0]["digest"]))
    assert model["weights"][299_999] == 299_999


def test_what_is_pulled_is_writable_and_private(server, kept):
    """Arrays are changed in place by those who load them; the next reader gets what was pushed."""
    pushed(server, kept, "private")
    found = oci.pull(server.url("private"), OPEN)
    data = found.artifact.files["arrays.safetensors"]
    data[-8:] = bytes(8)
    with pytest.raises(IntegrityError):
        found.artifact.verify()
    oci.pull(server.url("private"), OPEN)


def test_a_second_push_sends_nothing(server, kept):
    first = pushed(server, kept, "again:1")
    with mock.patch.object(oci_session.Session, "_once", autospec=True, side_effect=oci_session.Session._once) as once:
        second = pushed(server, kept, "again:1")
    assert {call.args[1] for call in once.call_args_list} == {"HEAD"}
    assert (second.uploaded, second.present, second.replaced) == (0, first.uploaded, "")
    assert second.digest == first.digest
    other = pushed(server, kept, "again:other-tag")
    assert (other.uploaded, other.digest) == (0, first.digest)


def test_a_tag_that_moves_says_what_it_named(server, kept):
    first = pushed(server, kept, "moves")
    second = pushed(server, kept, "moves", card=CARD + "\nMore.\n")
    assert second.replaced == first.digest
    assert 0 < second.uploaded < second.present
    assert oci.pull(server.url(f"moves@{first.digest}"), OPEN).card == CARD
    assert oci.pull(server.url("moves:latest"), OPEN).card.endswith("More.\n")


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
#: docs/config.md and schema/config-schema.json of modelpack/model-spec; its docs/spec.md and docs/annotations.md say
#: what the test of the manifest asks for.
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


def test_a_blob_that_is_gone(server, kept):
    pushed(server, kept, "gone", card=CARD + "\ngone\n")
    path = server.kept(server.manifest("gone")["layers"][1]["digest"])
    path.rename(path.with_name("away"))
    with pytest.raises(ContainerError, match="the card is not there, though the manifest lists it"):
        oci.pull(server.url("gone"), OPEN)


def test_a_model_beyond_the_policy(server, kept):
    pushed(server, kept, "large")
    with pytest.raises(
        PolicyError, match=r"the model has 2,4\d\d,\d\d\d bytes, and the policy allows 1,000,000"
    ) as error:
        oci.pull(server.url("large"), Policy(max_bytes=1_000_000))
    assert str(error.value).startswith(server.url("large"))


# -- what is not there, or is something else ---------------------------------------------------------------------------


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


# -- credentials -------------------------------------------------------------------------------------------------------


def docker_login(home, host, user, password):
    (home / ".docker").mkdir(exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with oci_server(tmp_path_factory.mktemp("locked"), locked=True) as running:
        yield running


def test_credentials_from_the_environment(locked, kept):
    with mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}):
        pushed(locked, kept, "iris")
        assert oci.pull(locked.url("iris"), OPEN).name == "iris"


def test_credentials_of_docker(locked, kept, tmp_path):
    docker_login(tmp_path, locked.host, USER, PASSWORD)
    with mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": "another-one"}):  # the host's own entry wins
        pushed(locked, kept, "docker")
        assert oci.pull(locked.url("docker"), OPEN).name == "iris"


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


def test_a_proxy_is_not_asked_for_this_machine(server, kept):
    with mock.patch.dict(os.environ, {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}):
        pushed(server, kept, "proxy")
        oci.pull(server.url("proxy"), OPEN)


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


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells a process's own memory")
def test_a_large_model_is_not_held_in_memory(server, tmp_path):
    """Its pieces pass through: what a process holds of its own stays below half of the model."""
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, server.url("large-model"), str(tmp_path / "models")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert float(done.stdout) < 0.5
