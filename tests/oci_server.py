"""OCI registries on loopback, for tests: the distribution project's own server, from Debian, and made-up ones."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import modelkeep as mk
from modelkeep.artifact import Artifact
from modelkeep.bundle_writer import write_bundle
from modelkeep.policy import Policy
from modelkeep.ports import Part
from modelkeep.registry import oci, oci_pack
from modelkeep.registry.version import Version
from modelkeep.rope import pieces_of

BINARY = shutil.which("docker-registry")
REASON = "docker-registry is not installed; on Debian: apt-get install docker-registry"

USER, PASSWORD = "keeper", "letters-and-digits"
# PASSWORD, by bcrypt at its lowest cost.
_HTPASSWD = f"{USER}:$2b$04$zwlwf54FFWnyyriY1pc83O4GWH38XD4X4M/rcWKetqgBm7nNCQdDu\n"

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {storage}}}
http:
  addr: 127.0.0.1:{port}
  secret: of-no-use
{auth}"""


class OciServer:
    """A server that runs at ``host``, with its port; ``storage`` is the folder that it keeps everything in."""

    def __init__(self, host: str, storage: Path) -> None:
        self.host, self.storage = host, storage

    def url(self, rest: str) -> str:
        return f"oci://{self.host}/{rest}"

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """A request beside the library: its status, its body and its headers."""
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def manifest(self, repository: str, reference: str = "latest") -> dict[str, Any]:
        kind = "application/vnd.oci.image.manifest.v1+json"
        status, data, _ = self.ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=kind)
        assert status == 200
        return json.loads(data)

    def blob(self, repository: str, digest: str) -> bytes:
        status, data, _ = self.ask("GET", f"/v2/{repository}/blobs/{digest}")
        assert status == 200
        return data

    def put_blob(self, repository: str, digest: str, data: bytes) -> None:
        status, _, headers = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        assert status == 202
        place = headers["Location"].partition(self.host)[2]
        kind = "application/octet-stream"
        assert self.ask("PUT", f"{place}&digest={digest}", data, Content_Type=kind)[0] == 201

    def put_manifest(self, repository: str, data: bytes, media_type: str, reference: str = "latest") -> None:
        assert self.ask("PUT", f"/v2/{repository}/manifests/{reference}", data, Content_Type=media_type)[0] == 201

    def kept(self, digest: str) -> Path:
        """The file in which the server keeps a blob or a manifest."""
        word = digest.removeprefix("sha256:")
        return self.storage / "docker/registry/v2/blobs/sha256" / word[:2] / word / "data"


@contextlib.contextmanager
def oci_server(folder: Path, *, locked: bool = False) -> Iterator[OciServer]:
    """A server until the end of the block, with everything in ``folder``. ``locked``: only USER gets in."""
    assert BINARY is not None, REASON
    storage, config, log = folder / "storage", folder / "config.yml", folder / "log"
    auth = ""
    if locked:
        (folder / "htpasswd").write_text(_HTPASSWD)
        auth = f"auth:\n  htpasswd: {{realm: modelkeep, path: {folder / 'htpasswd'}}}\n"
    for _ in range(5):  # another process may take the port before the server does
        port = _free_port()
        config.write_text(_CONFIG.format(storage=storage, port=port, auth=auth))
        with log.open("wb") as out:
            process = subprocess.Popen([BINARY, "serve", str(config)], stdout=out, stderr=out)
        try:
            if _listens(process, port):
                yield OciServer(f"127.0.0.1:{port}", storage)
                return
        finally:
            process.kill()
            process.wait(10)
    raise AssertionError(f"docker-registry does not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process.poll() is None  # else it is another's port
        time.sleep(0.02)
    return False


@contextlib.contextmanager
def no_credentials(home: Path) -> Iterator[None]:
    """A home folder without docker's configuration, and no variables of oras's: tests know nobody's password."""
    kept = {key: value for key, value in os.environ.items() if key not in ("ORAS_USER", "ORAS_PASS")}
    with mock.patch.dict(os.environ, {**kept, "HOME": str(home)}, clear=True):
        yield


# -- a version, and servers that are made up -----------------------------------------------------------------------

Kept = tuple[Version, Artifact]


def one_version() -> Kept:
    """The version of a registry that has one, ``iris``, and its artifact."""
    registry = mk.Registry("memory://", author="ann")
    model = {"weights": np.arange(300_000, dtype=np.float64), "classes": ["setosa", "virginica"]}
    metrics = {"accuracy": 0.97, "rows": 150, "tiny": 5e-324, "large": 1e300}
    version = registry.save("iris", model, message="first, with ✓", metrics=metrics, tags={"team": 'blå "x"\n'})
    return version, registry.artifact(version)


def both(host: str, kept: Kept) -> list[Callable[[], object]]:
    """A pull and a push of the same place."""
    version, artifact = kept
    place = f"oci://{host}/iris"
    return [lambda: oci.pull(place, Policy()), lambda: oci.push(artifact, version, place)]


def shown(error: BaseException) -> str:
    """All that a traceback would show."""
    return "".join(traceback.format_exception(error))


class Packed:
    """A version as a server would hold it: what it answers to each path."""

    def __init__(self, version: Version, artifact: Artifact) -> None:
        parts = {name: Part(len(data), lambda data=data: pieces_of(data)) for name, data in artifact.files.items()}
        out = io.BytesIO()
        write_bundle(out, parts, lambda entries: artifact.manifest)
        self.model = out.getvalue()
        layers = [oci_pack.layer(oci_pack.WEIGHTS, "iris.keep", self._digest(self.model), len(self.model))]
        self.config = oci_pack.config(version, layers)
        config = oci_pack.Blob(media_type=oci_pack.CONFIG, digest=self._digest(self.config), size=len(self.config))
        self.manifest = json.loads(oci_pack.manifest(version, artifact.digest, config, layers))

    @staticmethod
    def _digest(data: bytes) -> str:
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    def answer(self, method: str, path: str, headers: Any) -> Answer:
        found = {
            "/v2/iris/manifests/latest": json.dumps(self.manifest).encode(),
            f"/v2/iris/blobs/{self._digest(self.model)}": self.model,
            f"/v2/iris/blobs/{self._digest(self.config)}": self.config,
        }.get(path)
        return (404, {}, b"") if found is None else (200, {}, found)


#: Status, headers, and a body: in one piece, or in pieces, whose end the other side is not told.
Answer = tuple[int, dict[str, str], bytes | Iterator[bytes]]


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * (1 << 20)


@contextlib.contextmanager
def answering(answer: Callable[[str, str, Any], Answer]) -> Iterator[str]:
    """A server that gives what ``answer`` makes of a method, a path and headers; its host, with the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(self.command, self.path, self.headers)
            whole = isinstance(body, bytes)
            self.send_response(status)
            for name, value in (({"Content-Length": str(len(body))} if whole else {}) | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = not whole
            if self.command == "HEAD":
                return
            with contextlib.suppress(OSError):  # the other side hangs up when it has seen enough
                for piece in [body] if whole else body:
                    self.wfile.write(piece)

        do_PUT = do_POST = do_HEAD = do_GET  # noqa: N815  names of the library

        def log_message(self, *_: object) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        listener.server_close()
