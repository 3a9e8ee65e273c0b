"""A bucket as a store: S3 and whatever speaks its protocol, Google Cloud Storage, Azure."""

from __future__ import annotations

import collections
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, TypeVar

from modelkeep.errors import MissingPackageError, UsageError
from modelkeep.ports import Buffer
from modelkeep.store import Entry, Listing
from modelkeep.stores import bucket_errors, check_folder, check_key, check_range, flat, is_part

# Longer values are read and written in pieces, several at a time: each request stays short enough for its time limit.
_PIECE = 8 << 20
_AT_ONCE = 4
_SECONDS = 60
# The slowest line, in bytes a second, on which a long upload in one request is given the time.
_SLOW = 256 << 10
# S3 takes and copies 5 GiB in one request, and uploads in 10,000 parts.
_REQUEST_LIMIT = 5 << 30
_PARTS = 9_000
# Somebody may write or delete between two requests that belong together. So often in a row it is no chance.
_TRIES = 5
_FAR = 1 << 62
# Where nothing listens, an error comes within a few seconds; where nothing answers, in less than half a minute.
_RETRY = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=4), "base": 2},
}
_KINDS = {"s3": "S3Store", "gs": "GCSStore", "az": "AzureStore"}
# Plain HTTP has to be allowed, and who gives an endpoint of that kind has done so.
_ENDPOINTS = (
    "AWS_ENDPOINT_URL AWS_ENDPOINT AWS_ENDPOINT_URL_S3 GOOGLE_BASE_URL GCS_BASE_URL AZURE_ENDPOINT "
    "AZURE_STORAGE_ENDPOINT"
).split()
_NAME = r"[A-Za-z0-9_=+][A-Za-z0-9._=+-]*"
_URL = re.compile(rf"(s3|gs|az)://([A-Za-z0-9][A-Za-z0-9._-]*)(?:/({_NAME}(?:/{_NAME})*))?/?", re.IGNORECASE)

T = TypeVar("T")


class BucketStore:
    """Keys below ``s3://BUCKET/PREFIX``, ``gs://BUCKET/PREFIX`` or ``az://CONTAINER/PREFIX``.

    Credentials and endpoints come from the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``AWS_REGION``;
    ``GOOGLE_SERVICE_ACCOUNT``; ``AZURE_STORAGE_ACCOUNT_NAME``...) or from the machine's role, never from the URL.

    A request whose answer was lost is sent again. ``create`` may then meet what its own first try wrote, and say that
    another did it: who must know writes into the value whose it is, and reads it.
    A ``move`` is a copy and a deletion: for a moment the bytes are under both keys, and what somebody else puts under
    the first at that moment is deleted.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        found = _URL.fullmatch(url)
        if found is None:
            # It is not quoted: there may be credentials in it.
            raise UsageError(
                "this is not the URL of a bucket: it needs a name and may have a plain prefix, and nothing else",
                hint="write it as s3://bucket/prefix; credentials come from the environment",
            )
        if find_spec("obstore") is None:
            raise MissingPackageError("obstore is not installed", hint="install it: pip install 'modelkeep[s3]'")
        import obstore

        self._obstore: Any = obstore
        self._errors = (obstore.exceptions.BaseError, OSError, ValueError)
        self._scheme, self._bucket = found[1].lower(), found[2]
        self._prefix = f"{found[3]}/" if found[3] else ""
        self.url = f"{self._scheme}://{self._bucket}/{self._prefix}".rstrip("/")
        self._client = self._new_client(_SECONDS)
        self._reached = False  # whether the bucket ever answered

    def get(self, key: str) -> memoryview | None:
        path = self._path(key)
        return self._ask("read", key, lambda: self._fetch(path, 0, _FAR))

    def get_range(self, key: str, start: int, size: int) -> memoryview | None:
        check_range(start, size)
        path = self._path(key)
        if size == 0:
            return None if self._head(key) is None else memoryview(bytearray())
        return self._ask("read", key, lambda: self._fetch(path, min(start, _FAR), min(size, _FAR)))

    def size(self, key: str) -> int | None:
        meta = self._head(key)
        return None if meta is None else int(meta["size"])

    def fingerprint(self, key: str) -> str | None:
        meta = self._head(key)
        if meta is None or not meta["e_tag"]:
            return None
        return f"{meta['e_tag']} {meta['version'] or ''} {meta['size']} {meta['last_modified'].timestamp()}"

    def put(self, key: str, data: Buffer) -> None:
        path, view = self._path(key), flat(data)
        self._written(key, self._ask("write", key, lambda: self._upload(path, view, view.nbytes)))

    def create(self, key: str, data: Buffer) -> bool:
        path, view = self._path(key), flat(data)
        if view.nbytes > _REQUEST_LIMIT:
            raise bucket_errors.too_long(self._named(key))
        client = self._client
        if view.nbytes > _PIECE:
            if self._head(key) is not None:
                return False  # before all of it is sent for nothing
            client = self._new_client(_SECONDS + view.nbytes // _SLOW)
        for _ in range(_TRIES):
            if self._written(key, self._ask("write", key, lambda: self._create(client, path, view))):
                return True
            if self._head(key) is not None:
                return False
            # S3 refuses in the same way while another writes or deletes the key, who may not come to an end.
            time.sleep(0.1)
        raise bucket_errors.busy(self._named(key))

    def move(self, key: str, to: str) -> bool:
        source, target = self._path(key), self._path(to)
        meta = self._head(key)
        if meta is None or key == to:
            return meta is not None
        if self._ask("write", to, lambda: self._copy(source, target, meta)) is None:
            return False
        self.delete(key)
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        self._ask("delete", key, lambda: self._obstore.delete(self._client, path))

    def list(self, folder: str) -> Listing:
        path = self._prefix + check_folder(folder)
        found = self._ask("list", folder, lambda: self._obstore.list_with_delimiter(self._client, path or None))
        listing = Listing([], [])
        for meta in found["objects"] if found else ():
            name = meta["path"].rpartition("/")[2]
            if is_part(name):
                listing.entries.append(Entry(name, meta["size"], meta["last_modified"].timestamp()))
        names = (prefix.rstrip("/").rpartition("/")[2] for prefix in (found["common_prefixes"] if found else ()))
        listing.folders.extend(name for name in names if is_part(name))
        return listing

    # -- requests ------------------------------------------------------------------------------------------------------

    def _new_client(self, seconds: int) -> Any:
        import obstore.store

        # As configuration, not as options of the client: those would replace what the environment says of it.
        config = {"timeout": f"{seconds}s", "connect_timeout": "5s"}
        if any(os.environ.get(name, "").lower().startswith("http://") for name in _ENDPOINTS):
            config["allow_http"] = "true"
        kind: Any = getattr(obstore.store, _KINDS[self._scheme])
        try:
            return kind(self._bucket, config=config, retry_config=_RETRY)
        except self._errors as error:
            raise bucket_errors.told(error, "open", self.url, self._scheme) from None

    def _ask(self, verb: str, key: str, act: Callable[[], T]) -> T | None:
        """What ``act`` returns; ``None`` where the bucket is there and the key is not."""
        try:
            answer = act()
        except self._errors as error:
            if not isinstance(error, FileNotFoundError) or bucket_errors.names_no_bucket(error):
                raise bucket_errors.told(error, verb, self._named(key), self._scheme) from None
            self._check_bucket()
            return None
        self._reached = True
        return answer

    def _check_bucket(self) -> None:
        """That a key is not there may also mean that the bucket is not: some answers don't say which."""
        if self._reached:
            return
        try:
            self._obstore.list_with_delimiter(self._client, f"{self._prefix}nothing.is.here")
        except self._obstore.exceptions.PermissionDeniedError:
            return  # whoever may read but not list is not told
        except self._errors as error:
            raise bucket_errors.told(error, "reach", self.url, self._scheme) from None
        self._reached = True

    def _head(self, key: str) -> Any:
        path = self._path(key)
        return self._ask("read", key, lambda: self._obstore.head(self._client, path))

    def _fetch(self, path: str, start: int, size: int) -> memoryview:
        """The bytes of one state of the object, never of two: it may be replaced while its pieces are read."""
        for _ in range(_TRIES):
            try:
                return self._pieces(path, start, size)
            except self._obstore.exceptions.PreconditionError:
                continue
        raise bucket_errors.busy(f"{self.url}/{path[len(self._prefix) :]}")

    def _pieces(self, path: str, start: int, size: int) -> memoryview:
        try:
            first = self._obstore.get(self._client, path, options={"range": (start, start + min(size, _PIECE))})
        except self._obstore.exceptions.BaseError as error:
            if bucket_errors.names_no_bytes(error):  # an empty value, or a range behind the end
                return memoryview(bytearray())
            raise
        meta, head = first.meta, first.bytes()
        size = min(size, meta["size"] - start)
        if len(head) >= size:
            return memoryview(bytearray(head))
        whole = memoryview(bytearray(size))
        whole[: len(head)] = memoryview(head)

        def fill(offset: int) -> None:
            end = min(offset + _PIECE, size)
            wanted = {"range": (start + offset, start + end), "if_match": meta["e_tag"]}
            whole[offset:end] = memoryview(self._obstore.get(self._client, path, options=wanted).bytes())

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(fill, range(len(head), size, _PIECE)):
                pass  # an error of a piece is raised here
        return whole

    def _upload(self, path: str, data: memoryview | Iterator[memoryview], size: int) -> bool:
        piece = max(_PIECE, -(-size // _PARTS))
        self._obstore.put(self._client, path, data, chunk_size=piece, max_concurrency=_AT_ONCE)
        return True

    def _create(self, client: Any, path: str, data: memoryview) -> bool:
        try:
            self._obstore.put(client, path, data, mode="create")
        except self._obstore.exceptions.AlreadyExistsError:
            return False
        return True

    def _copy(self, source: str, target: str, meta: Any) -> bool:
        if meta["size"] <= _REQUEST_LIMIT:
            self._obstore.copy(self._client, source, target)
            return True

        def piece(start: int) -> memoryview:
            wanted = {"range": (start, min(start + _PIECE, meta["size"])), "if_match": meta["e_tag"]}
            return memoryview(self._obstore.get(self._client, source, options=wanted).bytes())

        def pieces() -> Iterator[memoryview]:
            # The library takes the pieces in a thread of its own, from where it can't be called: others fetch them.
            starts = iter(range(0, meta["size"], _PIECE))
            ahead = collections.deque(pool.submit(piece, start) for start in itertools.islice(starts, _AT_ONCE))
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(piece, start) for start in itertools.islice(starts, 1))

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return self._upload(target, pieces(), meta["size"])

    def _written(self, key: str, answer: bool | None) -> bool:
        if answer is None:  # to a write, "not found" can only be said of the bucket
            raise bucket_errors.no_bucket("write", self._named(key), self._scheme)
        return answer

    def _path(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _named(self, key: str) -> str:
        return f"{self.url}/{key}".rstrip("/")
