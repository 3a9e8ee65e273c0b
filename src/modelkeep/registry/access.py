"""How a registry's store is reached: far stores through a cache, sealed ones through their key."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelkeep.errors import NotFoundError, RegistryError, SealError, UsageError, quote
from modelkeep.keys import Secret
from modelkeep.registry import opening
from modelkeep.store import Store
from modelkeep.stores import open_store

#: A cache keeps at most so many bytes, unless told otherwise.
CACHE_BYTES = 10 << 30


def cache_folder() -> Path:
    """Where objects of far registries are kept: ``MODELKEEP_CACHE``, or the system's place for caches."""
    if own := os.environ.get("MODELKEEP_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "modelkeep" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelkeep"


def reached(place: str | os.PathLike[str] | Store, *, create: bool, cache_bytes: int = CACHE_BYTES) -> Store:
    """The store at a place; with ``create`` a folder is made. Objects of a far one are kept in a local cache."""
    if not isinstance(place, str | os.PathLike):
        if not hasattr(place, "fingerprint"):
            raise UsageError(f"{quote(place)} is no place for a registry", hint="name a folder, a URL, or give a store")
        return place
    if not create and _is_missing_folder(place):
        raise NotFoundError(
            f"there is no registry at {quote(os.fspath(place), 300)}",
            hint="check the place, or register a model there: modelkeep register FILE NAME",
        )
    store = open_store(place, create=create)
    scheme = store.url.partition("://")[0] if "://" in store.url else "file"
    if scheme in ("file", "memory") or cache_bytes <= 0:
        return store
    from modelkeep.stores.cached import CachedStore

    return CachedStore(store, cache_folder() / "objects", cache_bytes)


def _is_missing_folder(place: str | os.PathLike[str]) -> bool:
    text = os.fspath(place)
    return "://" not in text and not os.path.exists(text)


@dataclass(frozen=True)
class Keys:
    """What opens a sealed registry, and for whom a new one is sealed."""

    identity: Secret | None = None
    passphrase: Secret | None = None
    seal_to: Sequence[str] = ()

    def __bool__(self) -> bool:
        return self.identity is not None or self.passphrase is not None or bool(self.seal_to)


def unlocked(store: Store, keys: Keys, *, create: bool) -> Store:
    """``store`` itself, or what its key opens; with ``create`` a new registry is sealed if ``keys`` say so."""
    if not keys:
        return store
    from modelkeep import store_keys
    from modelkeep.stores.sealed import SealedStore

    if store_keys.is_sealed(store):
        return SealedStore(store, store_keys.open_key(store, keys.identity, keys.passphrase))
    if opening.settings(store) is not None:
        raise RegistryError(
            f"the registry at {store.url} is not sealed",
            hint="leave the keys out; to seal it, copy its models to a new registry that is",
        )
    if create and (keys.seal_to or keys.passphrase is not None):
        return SealedStore(store, store_keys.create_key(store, keys.seal_to, keys.passphrase))
    if create:
        raise SealError(
            "a new registry can't be sealed with an identity alone: that opens, and does not seal",
            hint='pass seal_to=["age1..."], the recipients, too',
        )
    return store


def forget(store: Store, keys: list[str]) -> bool:
    """Drop objects from the cache, because their bytes are not what they were; whether there is one."""
    inner: Store | None = store
    while inner is not None:
        drop = getattr(inner, "forget", None)
        if drop is not None:
            for key in keys:
                drop(key)
            return True
        inner = getattr(inner, "inner", None)
    return False
