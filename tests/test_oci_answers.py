"""What OCI registries may answer: refusals, manifests of others, and servers that lie."""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from unittest import mock

import pytest

import modelkeep as mk
from modelkeep.errors import (
    ContainerError,
    IntegrityError,
    MissingPackageError,
    NotFoundError,
    StorageError,
    UsageError,
)
from modelkeep.policy import Policy
from modelkeep.registry import oci, oci_pack
from modelkeep.registry.oci_target import Target
from oci_server import PASSWORD, USER, Packed, answering, both, endless, no_credentials, one_version, shown

pytest.importorskip("oras", reason="the extra oci is not installed")

OPEN = Policy()
WRONG = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def _nobody(tmp_path):
    with no_credentials(tmp_path):
        yield


@pytest.fixture(scope="module")
def kept():
    return one_version()


# -- manifests ---------------------------------------------------------------------------------------------------------


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


def test_names_in_a_manifest_are_used_for_nothing(kept, tmp_path):
    """A layer's path is for programs that unpack files. Here none is written."""
    packed = Packed(*kept)
    for layer in packed.manifest["layers"]:
        layer["annotations"] = dict.fromkeys(layer["annotations"], "../../../outside")
    with answering(packed.answer) as host, mock.patch("tempfile.tempdir", str(tmp_path)):
        oci.pull(f"oci://{host}/iris", OPEN)
    assert list(tmp_path.iterdir()) == []


# -- servers that lie --------------------------------------------------------------------------------------------------


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
def test_refusals_are_told(kept, status, said):
    began = time.monotonic()
    with answering(lambda *_: (status, {"Retry-After": "86400"}, b"<html>no</html>")) as host:
        for call in both(host, kept):
            with pytest.raises(StorageError, match=rf"can't read oci://{host}/iris:latest: {said}") as caught:
                call()
            assert caught.value.hint
    assert time.monotonic() - began < 20


def test_what_a_registry_says_is_quoted():
    body = b'{"errors": [{"code": "X", "message": "come \\u001b[31mback ' + b"x" * 500 + b'"}]}'
    with answering(lambda *_: (418, {}, body)) as host, pytest.raises(StorageError) as caught:
        oci.pull(f"oci://{host}/iris", OPEN)
    assert r"it answers 418, 'come \x1b[31mback x" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("status", [200, 404, 418, 401])
def test_answers_without_an_end_are_left(status):
    headers = {"WWW-Authenticate": 'Bearer realm="http://HOST/token"'} if status == 401 else {}

    def answer(method, path, _):
        if path.startswith("/token"):
            return 200, {}, endless()
        return status, {k: v.replace("HOST", host) for k, v in headers.items()}, endless()

    with answering(answer) as host:
        with pytest.raises(StorageError if status != 404 else NotFoundError) as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        if status in (200, 401):
            assert "it answers with more than 4,194,304 bytes" in str(caught.value)


def test_garbage_is_no_manifest():
    with answering(lambda *_: (200, {}, b"<html>hello</html>")) as host:
        with pytest.raises(ContainerError, match="this is not an OCI manifest") as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        assert "OCI registry" in caught.value.hint


def test_a_manifest_of_another_digest(kept):
    packed = Packed(*kept)

    def answer(method, path, headers):
        status, _, body = packed.answer(method, "/v2/iris/manifests/latest" if "manifests" in path else path, headers)
        return status, {"Docker-Content-Digest": WRONG} if "manifests" in path else {}, body

    with answering(answer) as host:
        for place in ("iris:latest", f"iris@{WRONG}"):
            with pytest.raises(IntegrityError, match="the manifest is not what was pushed"):
                oci.pull(f"oci://{host}/{place}", OPEN)


@pytest.mark.parametrize("how", ["longer", "endless", "shorter", "cut", "other", "compressed"])
def test_a_model_that_is_not_what_the_manifest_says(kept, how):
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

    with answering(answer) as host:
        with pytest.raises(StorageError if how == "cut" else IntegrityError) as caught:
            oci.pull(f"oci://{host}/iris", OPEN)
        assert "the connection broke" in str(caught.value) or "the model is not what was pushed" in str(caught.value)


def test_a_model_of_another_manifest(kept):
    """All SHA-256 are right, and yet it is not the artifact that is announced."""
    packed = Packed(*kept)
    packed.manifest["annotations"]["io.modelkeep.artifact"] = "blake3:" + "0" * 64
    with answering(packed.answer) as host, pytest.raises(IntegrityError, match="not the one that the manifest names"):
        oci.pull(f"oci://{host}/iris", OPEN)


def test_a_large_card_is_not_fetched(kept):
    packed = Packed(*kept)
    packed.manifest["layers"].append({"mediaType": oci_pack.CARD, "digest": WRONG, "size": 1 << 40})
    with answering(packed.answer) as host, pytest.raises(ContainerError, match="too large"):
        oci.pull(f"oci://{host}/iris", OPEN)


def test_blobs_may_lie_elsewhere_on_this_machine(kept):
    """Registries send a reader to a bucket; it gets no credentials of the registry."""
    packed, seen = Packed(*kept), []

    def there(method, path, headers):
        seen.append(headers.get("Authorization"))
        return packed.answer(method, path, headers)

    with answering(there) as bucket:

        def answer(method, path, headers):
            if headers.get("Authorization") is None:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            if "/blobs/" in path:
                return 307, {"Location": f"http://{bucket}{path}"}, b""
            return packed.answer(method, path, headers)

        with answering(answer) as host, mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}):
            assert oci.pull(f"oci://{host}/iris", OPEN).name == "iris"
    assert seen == [None, None]


@pytest.mark.parametrize(
    "place",
    ["http://models.example.org/x", "ftp://127.0.0.1/x", "http://[x", "http://u:p@models.example.org/", "file:///etc"],
)
def test_nobody_is_followed_to_a_place_without_https(kept, place):
    def answer(method, path, headers):
        if method in ("GET", "HEAD") and "manifests" in path:
            return (307, {"Location": place}, b"") if to == "read" else (404, {}, b"")
        return (202, {"Location": place}, b"") if method == "POST" else (404, {}, b"")

    for to, call in (("read", 0), ("write", 1)):
        with answering(answer) as host, pytest.raises(StorageError, match=f"can't {to} oci://{host}/iris") as caught:
            both(host, kept)[call]()
        assert "models.example.org" not in shown(caught.value)


def test_a_circle_of_places_ends():
    circle = answering(lambda method, path, _: (302, {"Location": path}, b""))
    with circle as host, pytest.raises(StorageError, match="it sends from one place to the next"):
        oci.pull(f"oci://{host}/iris", OPEN)


def test_an_upload_elsewhere_takes_no_credentials_along(kept):
    seen = []

    def there(method, path, headers):
        seen.append((method, headers.get("Authorization")))
        return 201, {}, b""

    with answering(there) as bucket:

        def answer(method, path, headers):
            if headers.get("Authorization") is None:
                return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
            if method == "POST":
                return 202, {"Location": f"http://{bucket}/put?state=1"}, b""
            return (201, {}, b"") if method == "PUT" else (404, {}, b"")

        with answering(answer) as host, mock.patch.dict(os.environ, {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}):
            oci.push(kept[1], kept[0], f"oci://{host}/iris")
    assert set(seen) == {("PUT", None)}


# -- credentials -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": 5}', '{"auths": {"HOST": 5}}', '{"credsStore": "no-such"}'])
def test_a_broken_configuration_of_docker(tmp_path, text):
    (tmp_path / ".docker").mkdir()
    with answering(lambda *_: (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")) as host:
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


def test_a_token_is_asked_for_once(kept, tmp_path):
    """And .netrc does not take its place."""
    seen = []
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    environment = {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}
    with answering(token_server(Packed(*kept), seen, "t0ken")) as host, mock.patch.dict(os.environ, environment):
        assert oci.pull(f"oci://{host}/iris", OPEN).name == "iris"
    assert [path for path, _ in seen].count("/token") == 1
    assert [given.partition(" ")[0] for _, given in seen] == ["", "Basic", "Bearer", "Bearer", "Bearer"]


def test_a_token_without_credentials(kept):
    seen = []
    with answering(token_server(Packed(*kept), seen, "anonymous")) as host:
        oci.pull(f"oci://{host}/iris", OPEN)
    assert [given.partition(" ")[0] for _, given in seen] == ["", "", "Bearer", "Bearer", "Bearer"]


@pytest.mark.parametrize("token", [None, 5, "", "a\r\nX-More: 1", "x" * 100_000, "ü"])
def test_a_token_that_is_none(kept, token):
    running = answering(token_server(Packed(*kept), [], token))
    with running as host, pytest.raises(StorageError, match="it asks for credentials"):
        oci.pull(f"oci://{host}/iris", OPEN)


@pytest.mark.parametrize(
    "challenge", ["Bearer", 'Bearer realm="', "Digest x", 'Bearer realm="http://models.example/t"']
)
def test_a_challenge_that_nobody_answers(challenge):
    environment = {"ORAS_USER": USER, "ORAS_PASS": PASSWORD}
    with (
        answering(lambda *_: (401, {"WWW-Authenticate": challenge}, b"")) as host,
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


def test_https_is_spoken_with_those_who_speak_it(kept):
    """A target beyond this machine, whose port answers plain HTTP."""
    with (
        answering(lambda *_: (200, {}, b"")) as host,
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
def test_a_disk_that_takes_nothing(kept, tmp_path, call):
    with answering(Packed(*kept).answer) as host, mock.patch("tempfile.tempdir", str(tmp_path / "not-there")):
        with pytest.raises(StorageError, match="not-there") as caught:
            both(host, kept)[call == "push"]()
        assert caught.value.hint
