"""Places in OCI registries: ``oci://host[:port]/repository[:tag]``, or ``...@sha256:...``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from modelkeep.errors import UsageError, quote

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"({_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]{{2,45}}\])(?::([1-9][0-9]{{0,4}}))?")
# The grammar of OCI's distribution specification.
_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_WORD}(?:/{_WORD})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LONGEST, _LONGEST_NAME = 1000, 255


@dataclass(frozen=True)
class Target:
    """A place in an OCI registry. ``reference`` is a tag, or the digest of a manifest."""

    host: str
    repository: str
    reference: str = "latest"

    @classmethod
    def parse(cls, text: str) -> Target:
        """The place that a text names; without a tag it is ``latest``.

        >>> Target.parse("oci://models.example.org/team/iris:3").repository
        'team/iris'
        """
        if not isinstance(text, str) or len(text) > _LONGEST or not text.startswith("oci://"):
            raise _no_place(text)
        host, _, path = text.removeprefix("oci://").partition("/")
        name, at, digest = path.partition("@")
        name, colon, tag = name.partition(":")
        if not _is_host(host) or len(name) > _LONGEST_NAME or not _REPOSITORY.fullmatch(name):
            raise _no_place(text)
        if (colon and (at or not _TAG.fullmatch(tag))) or (at and not DIGEST.fullmatch(digest)):
            raise _no_place(text)
        return cls(host.lower(), name, digest or tag or "latest")

    @property
    def is_digest(self) -> bool:
        return ":" in self.reference  # a tag has none

    @property
    def is_plain(self) -> bool:
        """Whether it is asked without encryption: on this machine only."""
        return is_loopback(self.host)

    def at(self, digest: str) -> Target:
        """The same place, by what is there now: a tag may move."""
        return Target(self.host, self.repository, digest)

    def __str__(self) -> str:
        return f"oci://{self.host}/{self.repository}{'@' if self.is_digest else ':'}{self.reference}"


def is_loopback(host: str) -> bool:
    """Whether a host, with its port or without, is this machine by its name."""
    found = _HOST.fullmatch(host)
    return found is not None and found[1].lower() in _LOOPBACK


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    if found is None or int(found[2] or 1) >= 1 << 16:
        return False
    if not found[1].startswith("["):
        return True
    try:
        ipaddress.IPv6Address(found[1][1:-1])
    except ValueError:
        return False
    return True


def _no_place(text: object) -> UsageError:
    return UsageError(
        f"{quote(text)} names no place in an OCI registry",
        hint="write it as in oci://HOST/team/iris:3 or oci://HOST/team/iris@sha256:..., the names in small letters",
    )
