"""What is asked of an OCI registry: manifests and blobs, each compared with its digest when it comes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from modelkeep.errors import ContainerError, NotFoundError, StorageError, quote
from modelkeep.registry.oci_pack import MANIFEST_TYPE, Blob
from modelkeep.registry.oci_session import Body, Session
from modelkeep.registry.oci_target import DIGEST, Target

# The others are asked for as well, so that it can be said what is there instead.
_ACCEPT = {
    "Accept": ", ".join(
        [
            MANIFEST_TYPE,
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ]
    )
}
_SHOWN = 20


class Wire:
    """The repository of a target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._session = Session(target)
        self._root = f"/v2/{target.repository}"
        self._manifest = f"{self._root}/manifests/{target.reference}"

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def manifest(self) -> tuple[bytes, str]:
        """The manifest's bytes, and their SHA-256."""
        with self._session.ask("GET", self._manifest, _ACCEPT) as response:
            if response.status_code == 404:
                raise self._not_found()
            self._session.expect(response, 200)
            data = self._session.read(response)
            said = response.headers.get("Docker-Content-Digest", "")
        digest = sha256(data)
        asked = self.target.reference if self.target.is_digest else digest
        if asked != digest or (DIGEST.fullmatch(said) and said != digest):
            raise self._session.changed("the manifest")
        return data, digest

    def current(self) -> str:
        """The digest of the manifest that the tag names now; empty where there is none, or the server doesn't say."""
        with self._session.ask("HEAD", self._manifest, _ACCEPT) as response:
            if response.status_code == 404:
                return ""
            self._session.expect(response, 200)
            said = response.headers.get("Docker-Content-Digest", "")
            return said if DIGEST.fullmatch(said) else ""

    def fetch(self, blob: Blob, what: str, write: Callable[[bytes], object]) -> None:
        """Give a blob's bytes to ``write``, never more than it is to have. Until this returns none is proven."""
        hasher, size = hashlib.sha256(), 0
        with self._session.ask("GET", f"{self._root}/blobs/{blob.digest}") as response:
            if response.status_code == 404:
                raise ContainerError(
                    f"{what} is not there, though the manifest lists it", path=str(self.target), hint="push it again"
                )
            self._session.expect(response, 200)
            for piece in self._session.pieces(response, blob.size):
                size += len(piece)
                if size > blob.size:
                    break
                hasher.update(piece)
                write(piece)
        if size != blob.size or f"sha256:{hasher.hexdigest()}" != blob.digest:
            raise self._session.changed(what)

    def upload(self, blob: Blob, body: Body) -> bool:
        """Bring a blob there; False if it is there already."""
        with self._session.ask("HEAD", f"{self._root}/blobs/{blob.digest}") as response:
            if response.status_code == 200 and response.headers.get("Content-Length", str(blob.size)) == str(blob.size):
                return False
            if response.status_code != 404:
                self._session.expect(response, 200)
        with self._session.ask("POST", f"{self._root}/blobs/uploads/") as response:
            self._session.expect(response, 202)
            place = response.headers.get("Location", "")
        if not place:
            raise StorageError(
                f"can't write {self.target}: it does not say where to", hint="check that it is an OCI registry"
            )
        url = f"{place}{'&' if '?' in place else '?'}{urlencode({'digest': blob.digest})}"
        with self._session.ask("PUT", url, {"Content-Type": "application/octet-stream"}, body) as response:
            self._session.expect(response, 201)
        return True

    def name(self, manifest: bytes) -> None:
        """Let the tag name a manifest whose blobs are there."""
        body = Body(len(manifest), lambda: [manifest])
        with self._session.ask("PUT", self._manifest, {"Content-Type": MANIFEST_TYPE}, body) as response:
            self._session.expect(response, 201)

    def _not_found(self) -> NotFoundError:
        """What there is instead, if the registry says it."""
        tags = self._tags()
        if not tags:
            return NotFoundError(
                f"can't read {self.target}: there is no such repository there, or you may not see it",
                hint="check the host and the name",
            )
        shown = ", ".join(quote(tag, 128)[1:-1] for tag in tags[:_SHOWN])
        what = "manifest" if self.target.is_digest else "tag"
        more = ", ..." if len(tags) > _SHOWN else ""
        return NotFoundError(
            f"can't read {self.target}: there is no such {what}", hint=f"name one of these tags: {shown}{more}"
        )

    def _tags(self) -> list[str]:
        with self._session.ask("GET", f"{self._root}/tags/list?n={_SHOWN + 1}") as response:
            if response.status_code != 200:
                return []
            data = self._session.read(response)
        try:
            return msgspec.json.decode(data, type=dict[str, str | list[str] | None])["tags"] or []  # type: ignore[return-value]
        except (msgspec.DecodeError, RecursionError, UnicodeError, LookupError):
            return []


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
