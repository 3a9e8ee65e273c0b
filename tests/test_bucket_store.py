"""A bucket as a store beyond the contract: what it says when something is wrong, and how soon."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import pytest

from modelkeep.errors import MissingPackageError, StorageError
from modelkeep.stores import bucket, open_store
from s3_server import environment, s3_server


@contextlib.contextmanager
def answering(status, body=b"", **headers):
    """A server that answers everything in the same way; the environment points to it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(body)}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815  names of the library

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with mock.patch.dict(os.environ, environment(f"http://127.0.0.1:{server.server_port}")):
            yield
    finally:
        server.shutdown()
        server.server_close()


def calls_of(store):
    return {
        "read": lambda: store.get("a/b"), "range": lambda: store.get_range("a/b", 0, 5),
        "size": lambda: store.size("a/b"), "put": lambda: store.put("a/b", b"1"),
        "create": lambda: store.create("a/b", b"1"), "large": lambda: store.put("a/b", bytes(9 << 20)),
        "list": lambda: store.list("a"), "move": lambda: store.move("a/b", "c"),
        "delete": lambda: store.delete("a/b"),
    }  # fmt: skip


def shown(call):
    """The error of a call, and all that a traceback would show of it."""
    with pytest.raises(StorageError) as caught:
        call()
    return caught.value, "".join(traceback.format_exception(caught.value))


def test_a_bucket_that_is_not_there():
    with s3_server():
        for call in calls_of(open_store("s3://not-there/models")).values():
            error, _ = shown(call)
            assert "s3://not-there/models" in str(error)
            assert str(error).endswith("there is no such bucket")
            assert "AWS_ENDPOINT_URL" in error.hint


def xml(code):
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()


@pytest.mark.parametrize(
    ("status", "code", "text", "hint"),
    [
        (403, "AccessDenied", "permission denied", "ask for the right"),
        (403, "SignatureDoesNotMatch", "credentials are not accepted", "AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", "credentials are not accepted", "AWS_ACCESS_KEY_ID"),
        (403, "RequestTimeTooSkewed", "clock is wrong", "set the clock"),
        (301, "PermanentRedirect", "in another region", "AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "in another region", "AWS_REGION"),
        (400, "EntityTooLarge", "too large", "smaller"),
        (503, "SlowDown", "too much to do", "wait"),
        (507, "XMinioStorageFull", "it is full", "free some space"),
        (501, "NotImplemented", "can't do what a registry needs", "conditional writes"),
        (418, "Teapot", "it answers 418, Teapot", "check the bucket"),
    ],
)
def test_what_a_server_answers_is_told_in_plain_words(monkeypatch, status, code, text, hint):
    monkeypatch.setattr(bucket, "_RETRY", {"max_retries": 0})
    with answering(status, xml(code)):
        store = open_store("s3://bucket/AccessDenied/models")
        for name in ("read", "create", "list", "large"):
            error, trace = shown(calls_of(store)[name])
            assert text in str(error), name
            assert hint in error.hint
            assert str(error).startswith("can't ")
            assert "s3://bucket/AccessDenied/models" in str(error)
            assert "\n" not in str(error)
            assert "test-secret" not in trace


def test_a_refusal_without_a_text_is_told_too():
    with answering(403):
        store = open_store("s3://bucket/models")
        for call in calls_of(store).values():
            assert "permission denied" in str(shown(call)[0])


def test_secrets_are_in_no_text(monkeypatch):
    monkeypatch.setattr(bucket, "_RETRY", {"max_retries": 0})
    leak = b"test-secret-of-nobody test-access-key http://host/x?sig=deadbeef&b=1 end"
    with answering(400, leak):
        error, trace = shown(lambda: open_store("s3://bucket/models").get("a"))
        assert "... ... http://host/x?... end" in str(error)
    with answering(400, xml("Odd") + leak):
        error, other = shown(lambda: open_store("s3://bucket/models").get("a"))
    assert str(error) == "can't read 's3://bucket/models/a': it answers 400, Odd"
    for secret in ("test-secret-of-nobody", "test-access-key", "deadbeef"):
        assert secret not in trace + other


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [("http://127.0.0.1:1", "nothing listens there"), ("http://no.such.host.invalid", "host is not known")],
)
def test_where_nobody_listens_it_is_said_soon(monkeypatch, endpoint, text):
    if "invalid" in endpoint:  # one with all its tries is enough
        monkeypatch.setattr(bucket, "_RETRY", {"max_retries": 1})
    with mock.patch.dict(os.environ, environment(endpoint)):
        start = time.monotonic()
        error, _ = shown(lambda: open_store("s3://bucket/models").get("a"))
        assert time.monotonic() - start < 20
    assert text in str(error)
    assert "AWS_ENDPOINT_URL" in error.hint


def test_without_credentials_it_does_not_wait_for_ever():
    variables = environment("http://127.0.0.1:1")
    del variables["AWS_ACCESS_KEY_ID"]
    with mock.patch.dict(os.environ, variables):
        error, _ = shown(lambda: open_store("s3://bucket"))
        assert "credentials are missing" in str(error)
        del os.environ["AWS_SECRET_ACCESS_KEY"]
        start = time.monotonic()
        error, _ = shown(lambda: open_store("s3://bucket").get("a"))
        assert time.monotonic() - start < 20
        assert "no credentials were found" in str(error)
        assert "AWS_ACCESS_KEY_ID" in error.hint


def test_other_kinds_of_buckets_name_their_own_variables(monkeypatch):
    monkeypatch.setattr(bucket, "_RETRY", {"max_retries": 1})
    variables = {"GOOGLE_BASE_URL": "http://127.0.0.1:1", "GOOGLE_SERVICE_ACCOUNT": "/no/such/file"}
    with mock.patch.dict(os.environ, variables):
        assert "AZURE_STORAGE_ACCOUNT_NAME" in shown(lambda: open_store("az://container/x"))[0].hint
        assert "GOOGLE_SERVICE_ACCOUNT" in shown(lambda: open_store("gs://bucket/x"))[0].hint
        del os.environ["GOOGLE_SERVICE_ACCOUNT"]
        os.environ["GOOGLE_SKIP_SIGNATURE"] = "true"
        error, _ = shown(lambda: open_store("gs://bucket/x").get("a"))
        assert "can't read 'gs://bucket/x/a': nothing listens there" in str(error)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(bucket, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError) as caught:
        open_store("s3://bucket/x")
    assert caught.value.hint == "install it: pip install 'modelkeep[s3]'"


def test_what_is_too_long_for_one_request_is_moved_in_pieces(monkeypatch):
    data = os.urandom((9 << 20) + 5)
    with s3_server() as server:
        store = open_store(f"s3://{server.bucket()}/models")
        store.put("a", data)
        monkeypatch.setattr(bucket, "_REQUEST_LIMIT", 8 << 20)
        assert store.move("a", "b/c") is True
        assert store.get("a") is None
        assert store.get("b/c") == data
        with pytest.raises(StorageError, match="at most 5 GiB"):
            store.create("d", data)
        meta = {**store._head("b/c"), "e_tag": '"of another value"'}
        monkeypatch.setattr(store, "_head", lambda key: meta)
        with pytest.raises(StorageError, match="it was replaced meanwhile"):
            store.move("b/c", "d")  # replaced meanwhile
        assert store.get("b/c") == data
        assert store.get("d") is None


def test_a_refusal_while_nothing_is_there_is_not_the_end(monkeypatch):
    """S3 answers a conflict while another deletes the key, or writes it and fails."""
    with s3_server() as server:
        store = open_store(f"s3://{server.bucket()}/models")
        true, answers = store._create, [False, False]
        monkeypatch.setattr(store, "_create", lambda *call: answers.pop() if answers else true(*call))
        assert store.create("a", b"1") is True
        monkeypatch.setattr(store, "_create", lambda *call: False)
        with pytest.raises(StorageError, match="written by others"):
            store.create("b", b"1")
        assert store.create("a", b"1") is False
