"""What others vouch for: signatures and certificates that are kept with a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from modelkeep.errors import HistoryError, UsageError, quote
from modelkeep.keys import Secret
from modelkeep.policy import Policy
from modelkeep.registry import writing
from modelkeep.registry.book import Book
from modelkeep.registry.records import Note, VersionRecord

if TYPE_CHECKING:
    from modelkeep.signing import Signature


_CERTIFICATE = msgspec.json.Decoder(dict[str, Any])


def sign(book: Book, number: int, key: Secret, password: Secret | None, by: tuple[str, str]) -> Signature:
    """Sign a version: its digest, its name, its number, and the time."""
    from modelkeep import signing

    digest = book.record(number).artifact
    made = signing.make(digest, key, name=book.name, version=number, password=password)

    def add(note: Note) -> Note:
        """Beside those of other keys; a key signs a version once."""
        others = [text for text in note.signatures if signing.decode_signature(text.encode()).key != made.key]
        return structs.replace(note, signatures=[*others, made.encode().decode()])

    writing.note(book, number, "sign", by, add)
    return made


def signature(book: Book, record: VersionRecord, policy: Policy) -> Signature:
    """The signature that satisfies the policy; ``SignatureError`` says what was found instead."""
    from modelkeep import signing

    note = book.notes(record.number).last()
    found = [signing.decode_signature(text.encode()) for text in (note.signatures if note else [])]
    return signing.check(found, record.artifact, policy.signers, name=book.name, version=record.number)


def write_beside(book: Book, number: int, path: str) -> None:
    """The signatures of a version as those of a file."""
    from modelkeep import signing

    note = book.notes(number).last()
    signing.write_beside(path, [signing.decode_signature(text.encode()) for text in (note.signatures if note else [])])


def certify(book: Book, number: int, certificate: Mapping[str, Any], by: tuple[str, str]) -> None:
    """Keep a certificate of parity with a version."""
    made = dict(certificate)
    if not isinstance(made.get("format"), str) or not isinstance(made.get("passed"), bool):
        raise UsageError("a certificate names its format and says if it passed", hint='as in {"format": "onnx", ...}')
    text = msgspec.json.encode(made, order="sorted").decode()
    writing.note(
        book, number, "certify", by, lambda note: structs.replace(note, certificates=[*note.certificates, text])
    )


def certificates(book: Book, number: int) -> list[dict[str, Any]]:
    note = book.notes(number).last()
    try:
        return [_CERTIFICATE.decode(text) for text in (note.certificates if note else [])]
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise HistoryError(
            f"a certificate of {book.name}:{number} is damaged: {quote(str(error), 80)}",
            hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
        ) from None


def set_card(book: Book, number: int, text: str, by: tuple[str, str]) -> None:
    """An edited model card; an empty text brings the generated one back."""
    writing.note(book, number, "card", by, lambda note: structs.replace(note, card=text))


def card_of(book: Book, number: int) -> str:
    """The edited card, "" where there is none."""
    note: Note | None = book.notes(number).last()
    return note.card if note else ""
