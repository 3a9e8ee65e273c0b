"""Requests to an OCI registry through oras's session and credentials, and what its answers mean.

What oras does of itself is not used where it would wait for minutes at a closed port, send credentials to whoever asks,
or print what a server says. No error holds a server's URL, which may be signed, or a credential.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from modelkeep.errors import IntegrityError, MissingPackageError, NotFoundError, StorageError, quote
from modelkeep.registry.oci_target import Target, is_loopback

if TYPE_CHECKING:
    from requests import Response

#: The most that is read of any answer but a blob.
ANSWER_LIMIT = 4 << 20

_PIECE = 1 << 20
_CONNECT_SECONDS, _SECONDS = 10, 60
# A registry may move a blob to its place before it answers: at so many bytes a second at least.
_SLOW = 8 << 20
_REDIRECTS = 5
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
_CHECK = "check the host, and the network"
_MEANINGS = {
    403: ("permission denied", "ask for the right to do it there"),
    413: ("the file is too large for it", "ask whoever runs it for a higher limit"),
    429: ("it has too much to do", "wait, and try again"),
    503: ("it has too much to do", "wait, and try again"),
    507: ("it is full", "ask whoever runs it for space"),
}


@dataclass(frozen=True)
class Body:
    """A body that is sent piece by piece, and from its start again where a server asks for credentials first."""

    size: int
    pieces: Callable[[], Iterable[bytes]]

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces())


class Session:
    """The requests about one target, each a path below its host."""

    def __init__(self, target: Target) -> None:
        if find_spec("oras") is None:
            raise MissingPackageError("oras is not installed", hint="install it: pip install 'modelkeep[oci]'")
        import oras.provider
        from requests.adapters import HTTPAdapter
        from urllib3 import Retry

        self.target = target
        self._oras = oras.provider.Registry(target.host, insecure=target.is_plain, auth_backend="basic")
        self._session = self._oras.session
        self._session.auth = _as_it_is  # else .netrc would replace a token
        self._session.trust_env = not target.is_plain  # a proxy is no way to this machine
        again = Retry(
            total=2,
            backoff_factor=0.2,
            status_forcelist=(502, 503, 504),
            allowed_methods=("GET", "HEAD"),
            raise_on_status=False,
            respect_retry_after_header=False,  # a server could ask for a day
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=again))
        self._authorization = ""

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Body | None = None
    ) -> Response:
        """An answer that is not read yet; with credentials, where the registry wants them. ``path`` may be a URL."""
        url = _joined(f"{self._oras.prefix}://{self.target.host}/", path)
        response = self._follow(method, url, dict(headers or {}), body)
        challenge = response.headers.get("WWW-Authenticate", "")
        if response.status_code not in (401, 403) or not challenge or not self._is_own(response.url):
            return response
        response.close()
        self._authorization = self._answer_to(challenge)
        return self._follow(method, url, dict(headers or {}), body)

    def close(self) -> None:
        self._session.close()

    def read(self, response: Response) -> bytes:
        """A whole answer, which is to be short."""
        data = b"".join(self.pieces(response, ANSWER_LIMIT))
        if len(data) > ANSWER_LIMIT:
            raise StorageError(
                f"can't read {self.target}: it answers with more than {ANSWER_LIMIT:,} bytes",
                hint="check that the host is an OCI registry",
            )
        return data

    def pieces(self, response: Response, most: int) -> Iterator[bytes]:
        """The bytes of an answer as they come, and no piece after more than ``most``."""
        from urllib3.exceptions import HTTPError

        size = 0
        while size <= most:
            try:
                # Not decoded: a few bytes that unpack to many must not come about.
                piece = response.raw.read(min(_PIECE, most + 1 - size), decode_content=False)
            except (HTTPError, OSError) as error:
                raise self._unreachable(error, "read") from None
            if not piece:
                return
            size += len(piece)
            yield piece

    # -- what answers mean ---------------------------------------------------------------------------------------------

    def expect(self, response: Response, status: int) -> None:
        """Any other answer as an error in plain words."""
        if response.status_code == status:
            return
        verb = "read" if response.request.method in ("GET", "HEAD") else "write"
        if response.status_code == 401:
            what = "it does not accept the credentials" if self._authorization else "it asks for credentials"
            hint = f"run: docker login {self.target.host}; or set ORAS_USER and ORAS_PASS"
        elif response.status_code == 404:
            raise NotFoundError(
                f"can't {verb} {self.target}: there is no such repository there, or you may not see it",
                hint="check the name, or make the repository first",
            )
        elif response.status_code in _MEANINGS:
            what, hint = _MEANINGS[response.status_code]
        else:
            what, hint = f"it answers {response.status_code}{self._text(response)}", "check that it is an OCI registry"
        raise StorageError(f"can't {verb} {self.target}: {what}", hint=hint)

    def _text(self, response: Response) -> str:
        """What a registry says of an error, in the form that OCI gives it."""
        try:
            found = msgspec.json.decode(self.read(response), type=dict[str, Any])["errors"][0]
            return f", {quote(str(found['message']), 100)}"
        except (StorageError, msgspec.DecodeError, RecursionError, UnicodeError, LookupError, TypeError):
            return ""  # a proxy's page, or nothing: the status says what there is to say

    def changed(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"{what} is not what was pushed",
            path=str(self.target),
            hint="don't use it: push it again from its registry",
        )

    def _unreachable(self, error: Exception, verb: str) -> StorageError:
        """An error of the libraries; their texts hold URLs."""
        from requests import exceptions
        from urllib3.exceptions import ReadTimeoutError

        kinds: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
            (exceptions.SSLError, "it does not speak HTTPS, or its certificate is not trusted"),
            (exceptions.ProxyError, "the proxy does not let it through"),
            ((exceptions.Timeout, ReadTimeoutError), "it does not answer"),
            (exceptions.ConnectionError, "nothing answers there, or the connection broke"),
        ]
        what = next((text for kind, text in kinds if isinstance(error, kind)), "the connection broke")
        return StorageError(f"can't {verb} {self.target}: {what}", hint=f"{_CHECK}; then try again")

    # -- requests ------------------------------------------------------------------------------------------------------

    def _follow(self, method: str, url: str, headers: dict[str, str], body: Body | None) -> Response:
        """Registries send those who fetch a blob to where it lies; nobody is followed who sends a body elsewhere."""
        for _ in range(_REDIRECTS):
            own = {"Authorization": self._authorization} if self._authorization and self._is_own(url) else {}
            response = self._once(method, url, headers | own, body)
            if method not in ("GET", "HEAD") or not response.is_redirect:
                return response
            url = _joined(url, response.headers["Location"])
            response.close()
        raise StorageError(f"can't read {self.target}: it sends from one place to the next", hint=_CHECK)

    def _once(self, method: str, url: str, headers: dict[str, str], body: Body | None) -> Response:
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        verb = "read" if method in ("GET", "HEAD") else "write"
        self._refuse_plain(url, verb)
        seconds = _SECONDS + (len(body) // _SLOW if body else 0)
        try:
            response: Response = self._session.request(
                method,
                url,
                data=body,
                headers={"Accept-Encoding": "identity"} | headers,
                timeout=(_CONNECT_SECONDS, seconds),
                stream=True,
                allow_redirects=False,
            )
            if method == "HEAD" or response.headers.get("Content-Length") == "0":
                response.raw.read()  # nothing, and the connection is free for the next request
            return response
        except (RequestException, HTTPError, ValueError) as error:  # ValueError: an address that a server made up
            raise self._unreachable(error, verb) from None

    def _refuse_plain(self, url: str, verb: str) -> None:
        scheme, host = _origin(url)
        if scheme == "https" or (scheme == "http" and self.target.is_plain and is_loopback(host)):
            return
        raise StorageError(f"can't {verb} {self.target}: it sends to a place without HTTPS", hint=_CHECK)

    def _is_own(self, url: str) -> bool:
        return _origin(url) == (self._oras.prefix, self.target.host)

    # -- credentials ---------------------------------------------------------------------------------------------------

    def _answer_to(self, challenge: str) -> str:
        """The header that a challenge asks for; empty where there is nothing to answer."""
        kind = challenge.partition(" ")[0].lower()
        if kind == "basic":
            return self._basic()
        return self._token(challenge) if kind == "bearer" else ""

    def _basic(self) -> str:
        """As oras finds it: docker's entry for the host, or ORAS_USER and ORAS_PASS."""
        import oras.container

        try:
            self._oras.auth.load_configs(oras.container.Container("x", registry=self.target.host))
        except Exception:  # a file that people edit, and programs that it names
            raise StorageError(
                "the credentials in docker's config.json can't be read", hint=f"run: docker login {self.target.host}"
            ) from None
        known = hasattr(self._oras.auth, "_basic_auth")  # without, oras fails where it makes the header
        return str(self._oras.auth.get_auth_header()["Authorization"]) if known else ""

    def _token(self, challenge: str) -> str:
        from oras.auth.utils import parse_auth_header

        wanted = parse_auth_header(challenge)
        query = {key: value for key in ("service", "scope") if (value := getattr(wanted, key))}
        url = f"{wanted.realm or ''}{'&' if '?' in (wanted.realm or '') else '?'}{urlencode(query)}"
        basic = self._basic()
        with self._once("GET", url, {"Authorization": basic} if basic else {}, None) as response:
            if response.status_code in (400, 401, 403, 404):
                return ""  # then the registry says what is missing
            self.expect(response, 200)
            data = self.read(response)
        try:
            found = msgspec.json.decode(data, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return ""
        token = found.get("token") or found.get("access_token")
        return f"Bearer {token}" if isinstance(token, str) and _TOKEN.fullmatch(token) else ""


def _as_it_is(request: Any) -> Any:
    return request


def _joined(base: str, place: str) -> str:
    """Where a server sends to; nothing that can be asked, where it made up an address."""
    try:
        return urljoin(base, place)
    except ValueError:
        return ""


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host, with its port; no host where there is a user in front of it, or nothing that can be asked."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.netloc.lower()
    except ValueError:
        return "", ""
