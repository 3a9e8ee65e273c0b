"""Opening a registry: its settings, which are written once by whoever is first."""

from __future__ import annotations

import secrets

from modelkeep.errors import NotFoundError, RegistryError, SealError, UsageError, quote
from modelkeep.registry import codecs
from modelkeep.registry.records import LAYOUT_VERSION, Settings, decode, encode, timestamp
from modelkeep.store import Store

KEY, SEALED_KEY = "registry.json", "registry.age"
COMPRESSIONS = {"zstd": "zst"}


def settings(store: Store) -> Settings | None:
    """What holds for the registry in ``store``; None where there is none."""
    raw = store.get(KEY)
    if raw is None:
        return None
    found = decode(Settings, raw, KEY)
    if found.modelkeep != LAYOUT_VERSION or found.compress not in codecs.CODECS:
        raise RegistryError(f"there is no registry of layout {found.modelkeep}", hint="install a newer modelkeep")
    return found


def existing(store: Store) -> Settings:
    found = settings(store)
    if found is None:
        _refuse_sealed(store)
        raise NotFoundError(
            f"there is no registry at {store.url}",
            hint="check the place, or register a model there: modelkeep register FILE NAME",
        )
    return found


def _refuse_sealed(store: Store) -> None:
    if store.size(SEALED_KEY) is not None:
        raise SealError(
            f"the registry at {store.url} is sealed",
            hint="pass identity=..., or --identity FILE; or the passphrase, if that is what it was sealed with",
        )


def ensured(store: Store, compress: str | None) -> Settings:
    """The settings, written first where nothing else is there."""
    if compress is not None and compress not in COMPRESSIONS:
        raise UsageError(f"{quote(compress)} is not a compression", hint='pass compress="zstd"')
    found = settings(store) or _created(store, COMPRESSIONS.get(compress or "", ""))
    if compress is not None and found.compress != COMPRESSIONS[compress]:
        raise UsageError(
            f"the registry at {store.url} was created without compress={compress!r}",
            hint="leave compress out, or copy the models to a new registry",
        )
    return found


def _created(store: Store, codec: str) -> Settings:
    _refuse_sealed(store)
    there = store.list("")
    if there.entries or there.folders:
        if (found := settings(store)) is not None:
            return found  # another writer was first, between the two looks
        names = sorted([entry.name for entry in there.entries] + there.folders)[:5]
        raise RegistryError(
            f"{store.url} is not a registry: it holds {', '.join(map(quote, names))}",
            hint="name an empty place or one that is not there yet",
        )
    if codec:
        codecs.zstandard()
    made = Settings(modelkeep=LAYOUT_VERSION, id=secrets.token_hex(16), created=timestamp(), compress=codec)
    if store.create(KEY, encode(made)):
        return made
    return existing(store)  # another writer was first
