"""What a load may do. The loader holds the policy; no file can widen it."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelkeep.errors import PolicyError, UsageError, quote


class Safety(enum.Enum):
    """What reading a format may do: ``DATA`` runs no code of the file, ``CODE`` may run any."""

    DATA = "data"
    CODE = "code"


@dataclass(frozen=True)
class Policy:
    """The loader's rules.

    trust: dotted names of the reader's own classes, functions or modules (``"mypkg.MyScaler"``, ``"mypkg"``)
        that a file may refer to. They are imported; the library that holds them is trusted with its own code.
    allow_code: formats that can run code (pickle, joblib), and source that travels inside an artifact.
    allow_regex: token patterns beyond those that are known to run in linear time.
    max_bytes: the most bytes that a file may have, and that compressed arrays may grow to.
    signers: public keys (paths of PEM files, or PEM texts). Unless it is empty, a file or a version needs a valid
        signature by one of them, which is looked for before anything else.

    >>> Policy(trust=["mypkg.MyScaler"]).trusts("mypkg.MyScaler")
    True
    """

    trust: Sequence[str] = ()
    allow_code: bool = False
    allow_regex: bool = False
    max_bytes: int = 1 << 40
    signers: Sequence[str | os.PathLike[str]] = ()

    def __post_init__(self) -> None:
        keys = (self.signers,) if isinstance(self.signers, str | os.PathLike) else tuple(self.signers or ())
        if not all(isinstance(key, str | os.PathLike) and os.fspath(key) for key in keys):
            raise UsageError("signers are paths of public keys, or PEM texts", hint='as in signers=["maker.pub"]')
        if any(isinstance(key, str) and "PRIVATE KEY" in key for key in keys):  # not quoted: an error may be logged
            raise UsageError("a signer was given by a private key", hint="pass the public one, the .pub file of keygen")
        object.__setattr__(self, "signers", keys)
        names = (self.trust,) if isinstance(self.trust, str) else self.trust
        if not isinstance(names, Iterable):
            raise UsageError(f"trust={self.trust!r} names nothing", hint='list what you trust, as in trust=["mypkg"]')
        names = tuple(names)
        for name in names:
            if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
                raise UsageError(
                    f"{quote(name)} is not a dotted name", hint='name a class or a module, as in "mypkg.MyScaler"'
                )
        object.__setattr__(self, "trust", names)

    def trusts(self, name: str) -> bool:
        """Whether ``name`` is a trusted name or lies inside a trusted one."""
        return any(name == trusted or name.startswith(trusted + ".") for trusted in self.trust)

    def check(self, format_name: str, safety: Safety) -> None:
        """The last gate before a reader interprets anything."""
        if safety is Safety.CODE and not self.allow_code:
            raise PolicyError(
                f"a {format_name} file can run any code when it is read, and the policy does not allow that",
                hint="convert it without running it: modelkeep convert OLD NEW.keep; or, if you trust whoever "
                "made it, pass Policy(allow_code=True) or --allow-code",
            )
