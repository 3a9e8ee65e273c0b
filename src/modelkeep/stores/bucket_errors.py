"""What a bucket's errors mean, in words that say what to do. No text of them may hold a secret."""

from __future__ import annotations

import os
import re

from modelkeep.errors import QUOTE_LIMIT, StorageError, quote

_SETTINGS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a file in ~/.aws is not read)",
    "gs": "GOOGLE_SERVICE_ACCOUNT, or GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_ENDPOINT = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL", "az": "AZURE_STORAGE_ENDPOINT"}


def _answer(codes: str, *statuses: int) -> str:
    """A pattern of what a server answers: a code in XML or a status. A key of the same name does not match it."""
    known = [rf"<Code>(?:{'|'.join(codes.split())})<"] if codes else []
    return "|".join([*known, *(rf"\bstatus(?: code)?:? {status}\b" for status in statuses)])


_NO_BUCKET = _answer("NoSuchBucket ContainerNotFound") + "|<Message>The specified bucket does not exist"
#: What is looked for in the whole text of an error, in this order; what was wrong, and the hint. SETTINGS and ENDPOINT
#: stand for the names of the variables of that kind of bucket.
_MEANINGS = [
    (_NO_BUCKET, "there is no such bucket", "make the bucket, or check its name and ENDPOINT"),
    (
        r"://[^/]*/latest/(api/token|meta-data)|://169\.254\.1|://metadata\.google|://[^/]*/metadata/identity",
        "no credentials were found",
        "set SETTINGS",
    ),
    (r"MissingAccount|MissingAccessKeyId|MissingSecretAccessKey", "credentials are missing", "set SETTINGS"),
    (
        _answer("InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken AuthenticationFailed", 401)
        + "|OpenCredentials|DecodeCredentials",
        "the credentials are not accepted",
        "check SETTINGS",
    ),
    (r"^PreconditionError", "it was replaced meanwhile", "try again"),
    (_answer("RequestTimeTooSkewed"), "this machine's clock is wrong", "set the clock"),
    (_answer("AccessDenied", 403), "permission denied", "ask for the right to do it, below this URL"),
    (r"source: BadScheme", "its endpoint is plain HTTP, which was not allowed", "use https://, or allow HTTP"),
    (
        r"BareRedirect|" + _answer("PermanentRedirect AuthorizationHeaderMalformed", 301, 307),
        "it is in another region",
        "set AWS_REGION",
    ),
    (r"InvalidCertificate|UnknownIssuer", "its certificate is not trusted", "check ENDPOINT"),
    (r"InvalidContentType", "it does not speak HTTPS", "check ENDPOINT"),
    (r"dns error|failed to lookup", "its host is not known", "check the network, and ENDPOINT"),
    (r"kind: ConnectionRefused", "nothing listens there", "check the network, and ENDPOINT"),
    (r"kind: (Timeout|Connect|Request|Interrupted)", "it does not answer", "check the network, and ENDPOINT"),
    (_answer("SlowDown TooManyRequests ServerBusy", 429, 503), "it has too much to do", "wait, and try again"),
    (_answer("QuotaExceeded XMinioStorageFull", 507), "it is full", "free some space, and try again"),
    (_answer("EntityTooLarge RequestBodyTooLarge", 413), "the value is too large for it", "keep smaller files"),
    (
        r"NotSupportedError|" + _answer("NotImplemented", 501),
        "it can't do what a registry needs",
        "use a service that knows conditional writes (If-None-Match)",
    ),
]
_NO_BYTES = _answer("InvalidRange", 416) + "|StartTooLarge"
_ANSWER = re.compile(r"\bstatus(?: code)?:? (\d+).*?(?:<Code>|: )([^<\n]+)", re.DOTALL)
_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|SAS|CREDENTIAL|ACCOUNT", re.IGNORECASE)
_SECRET_QUERY = re.compile(r"\?[^\s\"'<>)]*")


def names_no_bucket(error: BaseException) -> bool:
    return re.search(_NO_BUCKET, str(error)) is not None


def names_no_bytes(error: BaseException) -> bool:
    """Whether a server says that there is nothing in the range that was asked for."""
    return re.search(_NO_BYTES, str(error)) is not None


def told(error: BaseException, verb: str, url: str, scheme: str) -> StorageError:
    """A library's error in plain words. It must not be raised ``from`` the original: that text may hold a secret."""
    text = f"{type(error).__name__} {error}"
    for pattern, what, hint in _MEANINGS:
        if re.search(pattern, text):
            return _error(verb, url, scheme, what, hint)
    answer = _ANSWER.search(text)
    # The part of the text that is for people; what follows is for the library's own.
    what = f"it answers {answer[1]}, {answer[2]}" if answer else text.partition("\n\n")[0]
    return _error(verb, url, scheme, quote(_without_secrets(what)[:QUOTE_LIMIT])[1:-1], "check the bucket and ENDPOINT")


def no_bucket(verb: str, url: str, scheme: str) -> StorageError:
    _, what, hint = _MEANINGS[0]
    return _error(verb, url, scheme, what, hint)


def busy(url: str) -> StorageError:
    return StorageError(f"{quote(url, 300)} is written by others all the time", hint="try again")


def too_long(url: str) -> StorageError:
    return StorageError(
        f"can't write {quote(url, 300)}: a bucket takes at most 5 GiB where a value may be written only once",
        hint="keep smaller files",
    )


def _error(verb: str, url: str, scheme: str, what: str, hint: str) -> StorageError:
    for name, table in (("SETTINGS", _SETTINGS), ("ENDPOINT", _ENDPOINT)):
        hint = hint.replace(name, table[scheme])
    return StorageError(f"can't {verb} {quote(url, 300)}: {what}", hint=hint)


def _without_secrets(text: str) -> str:
    """Without the queries of URLs, which may be signed, and without what the environment keeps under such a name."""
    text = _SECRET_QUERY.sub("?...", text)
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_NAME.search(name):
            text = text.replace(value, "...")
    return text
