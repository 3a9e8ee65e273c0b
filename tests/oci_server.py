"""An OCI registry on loopback, for tests: the distribution project's own server, as Debian packs it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

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
