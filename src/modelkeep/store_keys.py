"""The master key of a sealed store: in an age file beside what it seals, for the recipients who may open it."""

from __future__ import annotations

import base64
import binascii
import io
import secrets
from collections.abc import Sequence

from modelkeep import sealing
from modelkeep.errors import RegistryError, SealError
from modelkeep.keys import Secret
from modelkeep.seals import age
from modelkeep.seals.age import Unlock
from modelkeep.store import Store
from modelkeep.stores.sealed import KEY_FILE, MASTER_KEY

_FIRST = "modelkeep sealed registry 1"


def is_sealed(inner: Store) -> bool:
    """Whether a store has a key file, so that what is in it is sealed."""
    return inner.size(KEY_FILE) is not None


def create_key(inner: Store, to: str | Sequence[str] = (), passphrase: Secret | None = None) -> bytes:
    """A new master key for an empty store, written for all recipients, or under a passphrase.

    Of several creators one writes it; the others are told that it is there.
    """
    listing = inner.list("")
    if (listing.entries or listing.folders) and not is_sealed(inner):
        raise RegistryError(
            "there is something in the store already, and it would stay unsealed",
            hint="begin with an empty store, and copy the models into it",
        )
    key = secrets.token_bytes(MASTER_KEY)
    if not inner.create(KEY_FILE, _sealed(key, sealing.recipients_of(to), passphrase)):
        raise RegistryError(
            "the store is sealed already", hint="open it with the identity or the passphrase that it was sealed for"
        )
    return key


def open_key(inner: Store, identity: Secret | None = None, passphrase: Secret | None = None) -> bytes:
    """The master key of a sealed store."""
    return _opened(inner, Unlock(identity, passphrase))[0]


def add_recipients(
    inner: Store, to: str | Sequence[str], identity: Secret | None = None, passphrase: Secret | None = None
) -> tuple[str, ...]:
    """Let others open the store, too; all recipients that it has then.

    Nothing but the key file is written. Whoever could open the store once has its key for ever.
    """
    key, before = _opened(inner, Unlock(identity, passphrase))
    if not before:
        raise SealError(
            "the store is sealed with a passphrase, and age allows no recipients beside one",
            hint="give them the passphrase, or make a store that is sealed to recipients",
        )
    recipients = list(dict.fromkeys([*before, *sealing.recipients_of(to)]))
    inner.put(KEY_FILE, _sealed(key, recipients, None))
    return tuple(recipient.text for recipient in recipients)


def _sealed(key: bytes, recipients: Sequence[age.Recipient], passphrase: Secret | None) -> bytes:
    # The recipients are written down inside: from outside, an age file does not tell who they are.
    lines = [_FIRST, base64.b64encode(key).decode(), *(recipient.text for recipient in recipients)]
    text = age.read_passphrase(passphrase) if passphrase is not None else None
    return b"".join(age.seal_stream(io.BytesIO("\n".join([*lines, ""]).encode()), recipients, text))


def _opened(inner: Store, unlock: Unlock) -> tuple[bytes, list[age.Recipient]]:
    data = inner.get(KEY_FILE)
    if data is None:
        raise RegistryError("the store is not sealed: it has no key file", hint="open it without a key")
    text = bytes(sealing.unsealed_bytes(data, unlock, name=KEY_FILE))
    try:
        first, encoded, *recipients = text.decode().splitlines()
        key = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        first, key, recipients = "", b"", []
    if first != _FIRST or len(key) != MASTER_KEY:
        raise SealError(f"{KEY_FILE} holds no key of a store", hint="restore it from a backup")
    return key, [age.read_recipient(line) for line in recipients]
