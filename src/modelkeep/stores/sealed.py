"""A store around a store that keeps only sealed bytes under sealed names: for disks and buckets of others.

Whoever sees the inner store sees how many keys and folders there are, the sizes of the values, four classes of the
length of a name, and when something was written: no name and no value. Nothing can be changed, cut, or put under
another key without being noticed where it is read; that a value is gone, or is an older one of the same key, is
noticed by the history of a registry, not here.

A value is ``modelkeep/sealed/1``, a line feed, 16 random bytes, and chunks of 64 KiB, each followed by its tag of 16
bytes: ChaCha20-Poly1305 under a key of this value alone (HKDF-SHA-256 of the master key, the random bytes, and what
the value is bound to). The nonce is the chunk's number in 11 bytes, and 1 for the last, else 0. A part of a key is
padded with zeros to 32, 64, 128 or 143 bytes, encrypted by AES-SIV (RFC 5297) together with the path of its folder, and
written in small letters of base 32. So equal parts of different folders look different, and a listing can be read.
"""

from __future__ import annotations

import base64
import os
from typing import Any

from modelkeep.errors import SealError, UsageError, quote
from modelkeep.keys import need_cryptography
from modelkeep.ports import Buffer
from modelkeep.store import Entry, Listing, Store
from modelkeep.stores import check_folder, check_key, check_range, flat

#: The one key of the inner store that is not sealed by the master key: an age file that holds it.
KEY_FILE = "registry.age"
MASTER_KEY = 32
MAGIC = b"modelkeep/sealed/1\n"
_SALT, _TAG = 16, 16
_HEAD = len(MAGIC) + _SALT
_CHUNK = 64 << 10
_BOX = _CHUNK + _TAG
_LENGTHS = (32, 64, 128, 143)
# Objects go to the trash and back by a rename. Their names are digests of what they hold, so that the name alone is
# what must not be exchanged; everything else is bound to its whole key.
_OBJECTS = ("objects/", "trash/")


class SealedStore:
    """``inner``, with everything in it sealed by ``key``: 32 random bytes that nothing else uses."""

    def __init__(self, inner: Store, key: bytes) -> None:
        need_cryptography("sealed registries", "seal")
        if len(key) != MASTER_KEY:
            raise UsageError(f"the key of a sealed store has {MASTER_KEY} bytes", hint="use the one in its key file")
        self.inner, self.url = inner, inner.url
        self._values = key
        self._names = _Names(key)

    def get(self, key: str) -> memoryview | None:
        data = self.inner.get(self._names.sealed(check_key(key)))
        if data is None:
            return None
        total = _plain_size(key, len(data))
        return self._opened(key, data[:_HEAD], data[_HEAD:], 0, _last(total))

    def get_range(self, key: str, start: int, size: int) -> memoryview | None:
        check_range(start, size)
        name = self._names.sealed(check_key(key))
        stored = self.inner.size(name)
        if stored is None:
            return None
        total = _plain_size(key, stored)
        last = _last(total)
        # What begins behind the end reads the last chunk, too: only that proves where the end is.
        first, until = (min(at // _CHUNK, last) for at in (start, max(start + size - 1, 0)))
        head = self.inner.get_range(name, 0, _HEAD)
        boxes = self.inner.get_range(name, _HEAD + first * _BOX, (until - first + 1) * _BOX)
        if head is None or boxes is None:
            return None
        try:
            if len(boxes) != min(stored - _HEAD, (until + 1) * _BOX) - first * _BOX:
                raise _changed(key)
            plain = self._opened(key, head, boxes, first, last)
        except SealError:
            # Perhaps it was written anew between the calls; what is read in one piece has no such seam.
            whole = self.get(key)
            return None if whole is None else whole[start : start + size]
        begin = min(start - first * _CHUNK, len(plain))
        return plain[begin : begin + size]

    def size(self, key: str) -> int | None:
        """By the stored size. That nothing was cut off is proved where the end is read."""
        stored = self.inner.size(self._names.sealed(check_key(key)))
        return None if stored is None else _plain_size(key, stored)

    def fingerprint(self, key: str) -> str | None:
        return self.inner.fingerprint(self._names.sealed(check_key(key)))

    def put(self, key: str, data: Buffer) -> None:
        self.inner.put(self._names.sealed(check_key(key)), self._sealed(key, data))

    def create(self, key: str, data: Buffer) -> bool:
        return self.inner.create(self._names.sealed(check_key(key)), self._sealed(key, data))

    def move(self, key: str, to: str) -> bool:
        """A rename for objects and the trash. Elsewhere it is written anew, and then removed under the old key."""
        name, target = self._names.sealed(check_key(key)), self._names.sealed(check_key(to))
        if _bound(key) == _bound(to):
            return self.inner.move(name, target)
        data = self.get(key)
        if data is None:
            return False
        self.put(to, data)
        self.inner.delete(name)
        return True

    def delete(self, key: str) -> None:
        self.inner.delete(self._names.sealed(check_key(key)))

    def list(self, folder: str) -> Listing:
        found = self.inner.list(self._names.sealed(folder) if check_folder(folder) else "")
        listing = Listing([], [])
        for entry in found.entries:
            if folder == "" and entry.name == KEY_FILE:
                continue
            name = self._names.opened(folder, entry.name)
            size = _plain_size(f"{folder}/{name}" if folder else name, entry.size)
            listing.entries.append(Entry(name, size, entry.written))
        listing.folders.extend(self._names.opened(folder, name) for name in found.folders)
        return listing

    def _sealed(self, key: str, data: Buffer) -> bytearray:
        plain, salt = flat(data), os.urandom(_SALT)
        cipher, last = _cipher(self._values, salt, key), _last(len(plain))
        out = bytearray(_HEAD + len(plain) + (last + 1) * _TAG)
        out[:_HEAD] = MAGIC + salt
        for number in range(last + 1):
            box = cipher.encrypt(_nonce(number, last), plain[number * _CHUNK : (number + 1) * _CHUNK], None)
            at = _HEAD + number * _BOX
            out[at : at + len(box)] = box
        return out

    def _opened(self, key: str, head: memoryview, boxes: memoryview, first: int, last: int) -> memoryview:
        """The plaintext of the chunks from ``first`` on, of a value whose last chunk is ``last``."""
        from cryptography.exceptions import InvalidTag

        if len(head) < _HEAD or head[: len(MAGIC)] != MAGIC:
            raise _changed(key)
        cipher = _cipher(self._values, bytes(head[len(MAGIC) :]), key)
        plain = memoryview(bytearray(len(boxes)))
        size = 0
        for number, start in enumerate(range(0, len(boxes), _BOX), first):
            try:
                piece = cipher.decrypt(_nonce(number, last), boxes[start : start + _BOX], None)
            except InvalidTag:
                raise _changed(key) from None
            plain[size : size + len(piece)] = piece
            size += len(piece)
        return plain[:size]


class _Names:
    """The sealed names of keys and folders, made and read by the same master key."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        self._cipher: Any = AESSIV(_derived(key, b"", b"modelkeep sealed names 1", 64))

    def sealed(self, path: str) -> str:
        parts = path.split("/")
        return "/".join(self._part("/".join(parts[:i]), part) for i, part in enumerate(parts))

    def _part(self, folder: str, part: str) -> str:
        length = next((length for length in _LENGTHS if len(part) <= length), None)
        if length is None:
            raise UsageError(
                f"{quote(part)} is too long for a key of a sealed store",
                hint=f"use at most {_LENGTHS[-1]} characters between two slashes",
            )
        sealed = self._cipher.encrypt(part.encode().ljust(length, b"\0"), [folder.encode()])
        return base64.b32encode(sealed).decode().rstrip("=").lower()

    def opened(self, folder: str, name: str) -> str:
        from cryptography.exceptions import InvalidTag

        try:
            data = base64.b32decode(name.upper() + "=" * (-len(name) % 8))
            part: str = self._cipher.decrypt(data, [folder.encode()]).rstrip(b"\0").decode()
        except (InvalidTag, ValueError):
            part = ""
        if not part or self._part(folder, part) != name:
            raise SealError(
                f"the store has a name {quote(name)} in {quote(folder or 'the top')} that was not sealed with its key",
                hint="remove what does not belong there, or open the store with its own key",
            )
        return part


def _bound(key: str) -> str:
    """What a value is bound to: it opens nowhere else."""
    return f"object/{key.rpartition('/')[2]}" if key.startswith(_OBJECTS) else f"key/{key}"


def _last(size: int) -> int:
    """The number of the last chunk: an empty value has one, too."""
    return max(size - 1, 0) // _CHUNK


def _plain_size(key: str, stored: int) -> int:
    boxes = stored - _HEAD
    count = -(-boxes // _BOX)
    size = boxes - count * _TAG
    if boxes < _TAG or _last(size) + 1 != count:
        raise _changed(key)
    return size


def _changed(key: str) -> SealError:
    return SealError(
        f"{key}: it was changed, cut short, or put under another key since it was sealed",
        hint="restore it from a backup, or from another registry; somebody or a disk changed it",
    )


def _nonce(number: int, last: int) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if number == last else b"\0")


def _cipher(master: bytes, salt: bytes, key: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(_derived(master, salt, b"modelkeep sealed value 1\0" + _bound(key).encode(), 32))


def _derived(master: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(master)
