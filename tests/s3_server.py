"""A server that speaks S3's protocol on loopback, for tests: moto's, one request at a time."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

_NUMBERS = itertools.count()


class S3Server:
    """A server that runs, at ``endpoint``. Each ``bucket()`` is a new one."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def bucket(self) -> str:
        name = f"bucket-{next(_NUMBERS)}"
        self._backend.create_bucket(name, "us-east-1")
        return name

    def read(self, bucket: str, key: str) -> bytes | None:
        """The bytes of an object, beside the protocol."""
        found = self._backend.get_object(bucket, key)
        return None if found is None else found.value

    def write(self, bucket: str, key: str, data: bytes) -> None:
        self._backend.put_object(bucket, key, data)

    @property
    def _backend(self) -> Any:
        from moto.backends import get_backend
        from moto.core import DEFAULT_ACCOUNT_ID

        return get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]


def environment(endpoint: str) -> dict[str, str]:
    """The variables with which a client finds a server, and no credentials that are anybody's.

    The address of the service that hands out a machine's role is one where nobody listens: no test asks the real one.
    """
    return {
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-of-nobody",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
    }


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server until the end of the block; the environment points to it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> Any:
        # moto looks whether a key is there, and then writes it: of two at once, both could be told that they did.
        # S3 itself promises one order of all requests.
        with lock:
            return app(environ, start_response)

    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}"
        with mock.patch.dict(os.environ, environment(endpoint)):
            yield S3Server(endpoint)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
