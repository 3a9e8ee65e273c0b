"""Sealed files: age's own format both ways, every changed byte refused, nothing left behind, and no secret shown."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelkeep as mk
from fuzz.run import child_environment
from modelkeep import sealing
from modelkeep.cli import main, seals
from modelkeep.errors import ContainerError, ModelkeepError, SealError, StorageError, UsageError
from modelkeep.seals import age, bech32, header, payload, wrapping
from modelkeep.seals.age import Unlock

FULL = os.environ.get("MODELKEEP_FULL") == "1"
CHUNK = payload.CHUNK
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK - 1, 16 * CHUNK, 16 * CHUNK + 1, 33 * CHUNK]
needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="the command age is not installed")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A work factor that takes no second."""
    monkeypatch.setattr(wrapping, "WORK_FACTOR", 10)


def key_file(path: Path) -> str:
    text, recipient = sealing.new_identity()
    path.write_text(text)
    return recipient


def secret_of(path: Path) -> str:
    return path.read_text().split()[-1]


def sealed(data: bytes, *recipients: str, passphrase: str | None = None) -> bytes:
    pieces = age.seal_stream(io.BytesIO(data), [age.read_recipient(text) for text in recipients], passphrase)
    return b"".join(pieces)


def opened(data: bytes, identity: str | None = None, passphrase: str | None = None) -> bytes:
    unlock = Unlock(None if identity is None else lambda: identity, None if passphrase is None else lambda: passphrase)
    return bytes(sealing.unsealed_bytes(data, unlock))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# -- both ways with the other two implementations ----------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_pyrage_opens_what_is_sealed_and_the_other_way_round(folder: Path, size: int) -> None:
    recipient = key_file(folder / "key.txt")
    identity = pyrage.x25519.Identity.from_str(secret_of(folder / "key.txt"))
    data = os.urandom(size)
    assert pyrage.decrypt(sealed(data, recipient), [identity]) == data
    theirs = pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(recipient)])
    assert opened(theirs, secret_of(folder / "key.txt")) == data


@given(data=st.binary(max_size=300))
def test_any_bytes_come_back(data: bytes) -> None:
    text, recipient = age.new_identity()
    assert opened(sealed(data, recipient), text) == data


def test_a_passphrase_is_shared_with_pyrage() -> None:
    """With the real work factor: what scrypt gets is part of the format."""
    ours = sealed(b"data", passphrase="correct horse")
    assert b" 18\n" in ours.split(b"\n", 2)[1] + b"\n"
    assert pyrage.passphrase.decrypt(ours, "correct horse") == b"data"
    assert opened(pyrage.passphrase.encrypt(b"data", "correct horse"), passphrase="correct horse") == b"data"


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_age_opens_what_is_sealed_and_the_other_way_round(folder: Path, size: int) -> None:
    recipient = key_file(folder / "key.txt")
    data = os.urandom(size)
    (folder / "x").write_bytes(data)
    mk.seal("x", to=recipient)
    done = subprocess.run(["age", "-d", "-i", "key.txt", "x.age"], capture_output=True, check=True)
    assert done.stdout == data
    subprocess.run(["age", "-r", recipient, "-o", "theirs.age", "x"], check=True)
    mk.unseal("theirs.age", identity="key.txt")
    assert (folder / "theirs").read_bytes() == data


@needs_age
def test_keys_of_age_keygen_are_read_and_ours_by_age(folder: Path) -> None:
    subprocess.run(["age-keygen", "-o", "theirs.txt"], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", "theirs.txt"], check=True, capture_output=True, text=True).stdout
    assert opened(sealed(b"data", recipient.strip()), (folder / "theirs.txt").read_text()) == b"data"
    ours = key_file(folder / "ours.txt")
    told = subprocess.run(["age-keygen", "-y", "ours.txt"], check=True, capture_output=True, text=True).stdout
    assert told.strip() == ours
    lines = (folder / "ours.txt").read_text().splitlines()
    assert lines[0].startswith("# created: 20")
    assert lines[1] == f"# public key: {ours}"


@needs_age
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_age_opens_what_is_sealed_with_a_passphrase(folder: Path) -> None:
    (folder / "x").write_bytes(b"data")
    mk.seal("x", passphrase=lambda: "correct horse")
    code = "import pty, sys; sys.exit(pty.spawn(['age', '-d', '-o', 'y', 'x.age']))"
    subprocess.run([sys.executable, "-c", code], input=b"correct horse\n", check=True, capture_output=True, timeout=60)
    assert (folder / "y").read_bytes() == b"data"


def test_keys_as_text_are_those_of_pyrage() -> None:
    theirs = pyrage.x25519.Identity.generate()
    (identity,) = age.read_identities(str(theirs))
    assert bech32.encode("age", wrapping.recipient_of(identity)) == str(theirs.to_public())
    assert age.read_recipient(str(theirs.to_public())).key == wrapping.recipient_of(identity)


@given(data=st.binary(max_size=80))
def test_bech32_is_read_as_it_is_written(data: bytes) -> None:
    text = bech32.encode("age", data)
    assert bech32.decode(text) == bech32.decode(text.upper()) == ("age", data)
    changed = text[:-1] + ("q" if text[-1] != "q" else "p")
    with pytest.raises(ValueError, match="checksum"):
        bech32.decode(changed)


# -- files -------------------------------------------------------------------------------------------------------------


def test_several_recipients_each_open_it(folder: Path) -> None:
    keys = [key_file(folder / f"{i}.txt") for i in range(3)]
    (folder / "list").write_text(f"# the team\n\n{keys[1]}\n  {keys[2]}  \n")
    (folder / "x").write_bytes(b"data")
    for to in ([keys[0], "@list"], [keys[0], "list"], keys, [*keys, *keys]):
        done = mk.seal("x", to=to)
        assert done.recipients == tuple(keys)
        assert done.as_dict() == {"path": "x", "target": "x.age", "size": done.size, "recipients": tuple(keys)}
        assert done.size == (folder / "x.age").stat().st_size
        for i in range(3):
            mk.unseal("x.age", "y", identity=folder / f"{i}.txt")
            assert (folder / "y").read_bytes() == b"data"


def test_an_identity_comes_from_a_file_the_environment_or_a_function(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipient = key_file(folder / "key.txt")
    other = key_file(folder / "other.txt")
    (folder / "both.txt").write_text((folder / "other.txt").read_text() + (folder / "key.txt").read_text())
    mk.save({"a": 1}, "x.keep")
    mk.seal("x.keep", to=recipient)
    monkeypatch.setenv("THE_KEY", (folder / "key.txt").read_text())
    for identity in ("key.txt", folder / "both.txt", "env:THE_KEY", lambda: secret_of(folder / "key.txt")):
        assert mk.load("x.keep.age", identity=identity) == {"a": 1}
    assert other != recipient


def test_a_passphrase_seals_and_opens(folder: Path, cheap: None) -> None:
    mk.save({"a": 1}, "x.keep")
    (folder / "phrase").write_text("correct horse\n")
    assert mk.seal("x.keep", passphrase="phrase").recipients == ()
    assert mk.load("x.keep.age", passphrase=lambda: "correct horse") == {"a": 1}
    assert mk.unseal("x.keep.age", "again", passphrase="phrase").size == (folder / "x.keep").stat().st_size
    assert (folder / "again").read_bytes() == (folder / "x.keep").read_bytes()


def test_a_secret_is_asked_for_only_if_the_file_needs_it(folder: Path) -> None:
    recipient = key_file(folder / "key.txt")
    mk.save({"a": 1}, "x.keep")
    mk.seal("x.keep", to=recipient)

    def never() -> str:
        raise AssertionError("it was asked for")

    assert mk.load("x.keep", identity=never, passphrase=never) == {"a": 1}
    assert mk.load("x.keep.age", identity="key.txt", passphrase=never) == {"a": 1}


def test_sealed_files_load_from_bytes_and_files_and_verify(folder: Path) -> None:
    recipient = key_file(folder / "key.txt")
    mk.save({"a": [1.5]}, "x.keep")
    mk.seal("x.keep", to=recipient)
    data = (folder / "x.keep.age").read_bytes()
    assert mk.load(data, identity="key.txt") == mk.loads(data, identity="key.txt") == {"a": [1.5]}
    assert mk.load(io.BytesIO(data), identity="key.txt") == {"a": [1.5]}
    assert mk.verify("x.keep.age", identity="key.txt").digest == mk.verify("x.keep").digest


def test_a_sealed_pickle_is_still_a_pickle(folder: Path) -> None:
    recipient = key_file(folder / "key.txt")
    mk.save({"a": 1}, "x.pkl")
    mk.seal("x.pkl", to=recipient)
    assert mk.load("x.pkl.age", identity="key.txt") == {"a": 1}
    (folder / "bad.pkl").write_bytes(b"\x80\x04cnowhere\nThing\n)R.")
    mk.seal("bad.pkl", to=recipient)
    with pytest.raises(mk.errors.PolicyError, match=r"nowhere\.Thing"):
        mk.load("bad.pkl.age", identity="key.txt")
    assert mk.load("x.pkl.age", identity="key.txt", policy=mk.Policy(allow_code=True)) == {"a": 1}


@pytest.mark.parametrize(
    "call", [mk.load, mk.inspect, mk.verify, lambda path: mk.diff(path, path), lambda path: mk.convert(path, "y.pkl")]
)
def test_without_a_key_the_error_says_what_is_needed(folder: Path, call: Callable[[str], Any]) -> None:
    mk.save({"a": 1}, "x.keep")
    mk.seal("x.keep", to=key_file(folder / "key.txt"))
    with pytest.raises(SealError, match="the file is sealed to recipients, and it takes the identity") as info:
        call("x.keep.age")
    assert str(info.value).startswith("x.keep.age: ")
    assert "--identity" in info.value.hint
    assert "modelkeep unseal" in info.value.hint


def test_targets(folder: Path) -> None:
    recipient = key_file(folder / "key.txt")
    (folder / "x").write_bytes(b"data")
    (folder / "y").write_bytes(b"what was there")
    mk.seal("x", "sealed", to=recipient)
    assert mk.unseal("sealed", "y", identity="key.txt").as_dict() == {"path": "sealed", "target": "y", "size": 4}
    assert (folder / "y").read_bytes() == b"data"
    with pytest.raises(UsageError, match=r"'sealed' has no suffix \.age"):
        mk.unseal("sealed", identity="key.txt")
    os.link("sealed", "same")
    with pytest.raises(UsageError, match="the same file"):
        mk.unseal("sealed", "same", identity="key.txt")
    with pytest.raises(StorageError, match="can't read 'none': no such file"):
        mk.seal("none", to=recipient)
    with pytest.raises(StorageError, match="this is a folder, not a file"):
        mk.seal("..", to=recipient)
    with pytest.raises(StorageError, match="holds a NUL"):
        mk.seal("a\0b", to=recipient)
    with pytest.raises(StorageError, match="can't write 'no/y'"):
        mk.seal("x", "no/y", to=recipient)


def test_progress_ends_at_the_end(folder: Path) -> None:
    recipient = key_file(folder / "key.txt")
    (folder / "x").write_bytes(bytes(3 << 20))
    seen: list[tuple[int, int]] = []
    mk.seal("x", to=recipient, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3 << 20, 3 << 20)
    assert len(seen) >= 4


# -- what is refused, and how it is said -------------------------------------------------------------------------------


def forged(line: str, data: bytes) -> bytes:
    """A file with another first stanza."""
    return header.VERSION + line.encode() + b"\n" + data.split(b"\n", 2)[2]


BAD: dict[str, tuple[Callable[[dict[str, Any]], bytes], str, str]] = {
    "another identity": (lambda f: sealed(b"d", f["other"]), "identity is not among the recipients", "the key of some"),
    "a wrong passphrase": (lambda f: sealed(b"d", passphrase="q"), "the passphrase is wrong", "check the passphrase"),
    "cut": (lambda f: f["file"][:-1], "a byte was changed in the 64 KiB from byte 0 .*or the file was cut", "again"),
    "cut at a chunk": (lambda f: sealed(bytes(CHUNK + 1), f["to"])[:-17], "the file was cut short", "get the file"),
    "cut in the header": (lambda f: f["file"][:60], "cut short: it ends inside its header", "get the file again"),
    "cut in its first line": (lambda f: f["file"][:9], "cut short: it ends inside its header", "get the file again"),
    "empty": (lambda f: b"", "the file is empty", "get the file again"),
    "longer": (lambda f: sealed(bytes(CHUNK), f["to"]) + bytes(17), "bytes after the end of the file", "get the"),
    "not an age file": (lambda f: b"PK" + bytes(100), "this is not an age file", "modelkeep seal"),
    "another version": (lambda f: f["file"].replace(b"/v1", b"/v2"), "of another version than v1", "get the file"),
    "as text": (
        lambda f: header.ARMOR + b"\n" + f["file"],
        "as text, and modelkeep reads only the bin",
        "age --decrypt",
    ),
    "much work": (
        lambda f: forged("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 23", f["file"]),
        r"work factor is 2\^23, and more than 2\^22 is refused",
        "ask its sender",
    ),
    "odd work": (lambda f: forged("-> scrypt AAAAAAAAAAAAAAAAAAAAAA 018", f["file"]), "factor is no number", "again"),
    "low order": (
        lambda f: forged(f"-> X25519 {'A' * 43}", f["file"]),
        "a public key is a point that gives no secret",
        "age-keygen",
    ),
    "base64": (
        lambda f: forged(f"-> X25519 {'A' * 42}B", f["file"]),
        "malformed: a value in it is not base64",
        "get the file again",
    ),
    "a passphrase and more": (
        lambda f: header.VERSION + sealed(b"", passphrase="p").split(b"\n---")[0][22:] + b"\n" + f["file"][22:],
        "a passphrase has other recipients beside it",
        "get the file again",
    ),
    "another recipient added": (
        lambda f: f["file"].replace(b"\n---", b"\n" + sealed(b"", f["other"]).split(b"\n---")[0][22:] + b"\n---", 1),
        "the header was changed",
        "get the file again",
    ),
    "an endless header": (lambda f: header.VERSION + b"-> a\n\n" * 200_000, "longer than any that has a use", "again"),
    "an empty last chunk": (lambda f: empty_last(f["to"]), "ends with an empty chunk", "get the file again"),
}


def empty_last(recipient: str) -> bytes:
    """A file that its sender made with an empty chunk behind a full one."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    key = os.urandom(16)
    covered = header.write([wrapping.wrap_x25519(key, age.read_recipient(recipient).key)])
    cipher = ChaCha20Poly1305(age._payload_key(key, bytes(16)))
    chunks = [cipher.encrypt(bytes(12), bytes(CHUNK), None), cipher.encrypt(bytes(10) + b"\1\1", b"", None)]
    return b"".join([covered, b" ", header.to_base64(age._mac(key, covered)).encode(), b"\n", bytes(16), *chunks])


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_words(folder: Path, cheap: None, name: str) -> None:
    make, message, hint = BAD[name]
    to, other = key_file(folder / "key.txt"), key_file(folder / "other.txt")
    (folder / "bad.age").write_bytes(make({"file": sealed(b"data" * 9, to), "to": to, "other": other}))
    before = names(folder)
    with pytest.raises(SealError, match=message) as info:
        mk.unseal("bad.age", identity="key.txt", passphrase=lambda: "p")
    assert str(info.value).startswith("bad.age: ")
    assert hint in info.value.hint
    assert names(folder) == before


BAD_KEYS: dict[str, tuple[str, str]] = {
    "age1qqq": ("'age1qqq' is not a recipient: it is too short", "copy the whole"),
    "age1" + "b" * 58: ("is not a recipient: it has letters that no key has", "copy the whole"),
    "Age1" + "q" * 58: ("is not a recipient: small and capital letters are mixed", "copy the whole"),
    bech32.encode("age", bytes(31)): ("is not a recipient: it has another length", "copy the whole"),
    bech32.encode("age1yubikey", bytes(33)): ("is a recipient of a kind that modelkeep doesn't seal", "use age itself"),
    "ssh-ed25519 AAAAC3Nza": ("is an SSH key, and modelkeep seals to age keys only", "make an age key"),
    "nobody.txt": ("can't read 'nobody.txt': no such file", "check the path"),
    "@empty": ("'empty' holds no recipient", "write one on each line"),
    "@wrong": ("'wrong', line 2: 'age1qqq' is not a recipient", "copy the whole"),
}


@pytest.mark.parametrize("to", BAD_KEYS)
def test_bad_recipients_are_refused_in_words(folder: Path, to: str) -> None:
    (folder / "x").write_bytes(b"data")
    (folder / "empty").write_text("# nobody\n")
    (folder / "wrong").write_text("# somebody\nage1qqq\n")
    message, hint = BAD_KEYS[to]
    with pytest.raises(ModelkeepError) as info:
        mk.seal("x", to=to)
    assert message in str(info.value)
    assert hint in info.value.hint
    assert not (folder / "x.age").exists()


def test_a_mistyped_recipient_is_noticed(folder: Path) -> None:
    recipient = key_file(folder / "key.txt")
    (folder / "x").write_bytes(b"data")
    changed = recipient[:20] + ("q" if recipient[20] != "q" else "p") + recipient[21:]
    with pytest.raises(SealError, match="its checksum is wrong"):
        mk.seal("x", to=changed)


def test_recipients_and_a_passphrase_exclude_each_other(folder: Path) -> None:
    (folder / "x").write_bytes(b"data")
    with pytest.raises(UsageError, match="either to recipients or with a passphrase, never both"):
        mk.seal("x", to=key_file(folder / "key.txt"), passphrase=lambda: "p")
    with pytest.raises(UsageError, match="nobody could open it: there is no recipient and no passphrase"):
        mk.seal("x")
    assert not (folder / "x.age").exists()


def test_what_kind_of_key_it_takes_is_said(folder: Path, cheap: None) -> None:
    to = key_file(folder / "key.txt")
    with pytest.raises(SealError, match="the file is sealed with a passphrase") as info:
        opened(sealed(b"data", passphrase="p"), identity=secret_of(folder / "key.txt"))
    assert "passphrase=" in info.value.hint
    with pytest.raises(SealError, match="the file is sealed to recipients"):
        opened(sealed(b"data", to), passphrase="p")
    with pytest.raises(SealError, match="none of the 2 identities is among the recipients"):
        opened(sealed(b"data", to), identity="\n".join(age.new_identity()[0] for _ in range(2)))
    file = forged("-> kind AAAA", sealed(b"data", to))
    with pytest.raises(SealError, match="it has stanzas of other kinds, too: 'kind'"):
        opened(file, identity=secret_of(folder / "key.txt"))


def test_no_memory_for_scrypt_is_said(monkeypatch: pytest.MonkeyPatch, cheap: None) -> None:
    from cryptography.hazmat.primitives.kdf import scrypt

    data = sealed(b"data", passphrase="p")

    def none(*args: Any, **options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(scrypt, "Scrypt", none)
    with pytest.raises(SealError, match="there is no memory for scrypt: its work factor takes 1 MB"):
        opened(data, passphrase="p")


# -- no secret is shown ------------------------------------------------------------------------------------------------


def test_secrets_are_in_no_error_and_no_text(folder: Path, cheap: None) -> None:
    to = key_file(folder / "key.txt")
    secret = secret_of(folder / "key.txt")
    (folder / "x").write_bytes(b"data")
    mk.seal("x", to=to)
    mk.seal("x", "phrase.age", passphrase=lambda: "correct horse")
    wrong = secret[:30] + ("Q" if secret[30] != "Q" else "P") + secret[31:]
    plugin = bech32.encode("age-plugin-yubikey-", bytes(range(32))).upper()
    calls: list[Callable[[], Any]] = [
        lambda: mk.unseal("x.age", identity=secret),
        lambda: mk.unseal("x.age", identity=secret.lower()),
        lambda: mk.unseal("x.age", identity=lambda: wrong),
        lambda: mk.unseal("x.age", identity=lambda: secret.lower()),
        lambda: mk.unseal("x.age", identity=lambda: plugin),
        lambda: mk.unseal("x.age", identity=lambda: "# only a comment"),
        lambda: mk.seal("x", to=secret),
        lambda: mk.seal("x", to=secret.lower()),
        lambda: mk.seal("x", passphrase="correct horse"),
        lambda: mk.unseal("phrase.age", passphrase="correct horse"),
        lambda: mk.unseal("phrase.age", passphrase=lambda: "wrong horse"),
    ]
    for call in calls:
        with pytest.raises(ModelkeepError) as info:
            call()
        shown = "\n".join([str(info.value), info.value.hint, repr(info.value.as_dict())])
        shown += "".join(traceback.format_exception_only(info.value)).replace(str(info.value), "")
        for text in (secret, secret.lower(), wrong, plugin, "horse"):
            assert text not in shown
    assert repr(Unlock(secret, "correct horse")) == "Unlock()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seal", "x", "--to", "SECRET"], "a secret key was given where a recipient is asked for"),
        (["unseal", "x.age", "--identity", "SECRET"], "the identity was given in clear"),
        (["unseal", "x.age", "--passphrase-from", "horse"], "can't read the passphrase"),
    ],
)
def test_the_command_line_takes_no_secret_in_clear(
    folder: Path, capsys: pytest.CaptureFixture[str], cheap: None, arguments: list[str], message: str
) -> None:
    key_file(folder / "key.txt")
    secret = secret_of(folder / "key.txt")
    (folder / "x").write_bytes(b"data")
    (folder / "x.age").write_bytes(sealed(b"data", passphrase="horse"))
    if arguments[2] == "--identity":
        (folder / "x.age").write_bytes(sealed(b"data", age.new_identity()[1]))
    assert main([secret if word == "SECRET" else word for word in arguments]) in (1, 2)
    shown = capsys.readouterr().err
    assert message in shown
    assert secret not in shown
    assert "horse" not in shown


# -- every byte --------------------------------------------------------------------------------------------------------


def refused(data: bytes, identity: str | None, passphrase: str | None = None) -> bool:
    try:
        opened(data, identity, passphrase)
    except SealError:
        return True
    return False


@pytest.mark.parametrize("change", [0x01, 0x20, 0x80, 0xFF])
def test_every_changed_byte_is_refused(change: int) -> None:
    text, recipient = age.new_identity()
    data = bytearray(sealed(b"the plaintext of it" * 3, recipient, age.new_identity()[1]))
    assert not refused(bytes(data), text)
    for i in range(len(data)):
        data[i] ^= change
        assert refused(bytes(data), text), i
        data[i] ^= change


@pytest.mark.parametrize("change", [0x01, 0x20, 0xFF])
def test_every_changed_byte_is_refused_under_a_passphrase(monkeypatch: pytest.MonkeyPatch, change: int) -> None:
    monkeypatch.setattr(wrapping, "WORK_FACTOR", 2)
    data = bytearray(sealed(b"the plaintext", passphrase="p"))
    assert not refused(bytes(data), None, "p")
    for i in range(len(data)):
        data[i] ^= change
        assert refused(bytes(data), None, "p"), i
        data[i] ^= change


def test_every_cut_and_every_byte_more_is_refused() -> None:
    text, recipient = age.new_identity()
    data = sealed(b"the plaintext", recipient)
    for i in range(len(data)):
        assert refused(data[:i], text), i
        assert refused(data[:i] + data[i + 1 :], text), i
    assert refused(data + b"\0", text)
    assert refused(data + data, text)


@pytest.mark.parametrize("at", [30, 200, CHUNK + 400, -1])
def test_nothing_of_a_changed_file_stays(folder: Path, at: int) -> None:
    """Also where the change is in the last of many chunks, and all before it were opened and written."""
    to = key_file(folder / "key.txt")
    data = bytearray(sealed(bytes(5 << 20), to))
    data[at] ^= 1
    (folder / "x.age").write_bytes(data)
    (folder / "x").write_bytes(b"what was there")
    before = names(folder)
    with pytest.raises(SealError):
        mk.unseal("x.age", identity="key.txt")
    assert names(folder) == before
    assert (folder / "x").read_bytes() == b"what was there"


def test_chunks_in_another_order_are_refused(folder: Path) -> None:
    to = key_file(folder / "key.txt")
    data = sealed(b"\1" * CHUNK + b"\2" * CHUNK + b"\3", to)
    box = CHUNK + payload.TAG
    start = len(data) - 2 * box - 17
    first, second, rest = data[start : start + box], data[start + box : start + 2 * box], data[start + 2 * box :]
    for chunks in ([second, first, rest], [first, first, rest], [first, rest], [second, rest], [first, second]):
        assert refused(data[:start] + b"".join(chunks), secret_of(folder / "key.txt"))


def test_nothing_is_parsed_before_the_last_byte_is_proved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelkeep import catalog

    to = key_file(folder / "key.txt")
    mk.save({"a": bytes(3 << 20)}, "x.keep")
    mk.seal("x.keep", to=to)
    data = bytearray((folder / "x.keep.age").read_bytes())
    data[-1] ^= 1

    def never(data: memoryview) -> Any:
        raise AssertionError("it was looked at")

    monkeypatch.setattr(catalog, "formats_of", never)
    with pytest.raises(SealError):
        mk.load(data, identity="key.txt")


def test_a_sealed_file_within_the_policy(folder: Path) -> None:
    mk.save({"a": 1}, "x.keep")
    mk.seal("x.keep", to=key_file(folder / "key.txt"))
    with pytest.raises(ContainerError, match="the policy allows 500"):
        mk.load("x.keep.age", identity="key.txt", policy=mk.Policy(max_bytes=500))


# -- memory ------------------------------------------------------------------------------------------------------------

MEASURED = """
import sys
from pathlib import Path
from modelkeep import sealing
from modelkeep.seals import wrapping
wrapping.WORK_FACTOR = 10
Path("/proc/self/clear_refs").write_text("5")
what, folder = sys.argv[1], Path(sys.argv[2])
phrase = (lambda: "p") if what.endswith("phrase") else None
if what.startswith("seal"):
    to = () if phrase else (folder / "key.txt").read_text().split()[-2]
    sealing.seal(folder / "big", folder / what, to=to, passphrase=phrase)
elif what.startswith("unseal"):
    sealing.unseal(folder / what[2:], folder / "again", identity=folder / "key.txt", passphrase=phrase)
else:
    bytearray(b"x") * (80 << 20)
print([line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux's /proc")
def test_memory_does_not_grow_with_the_file(folder: Path) -> None:
    """The whole process, interpreter and libraries included. What scrypt itself takes is its work factor's."""
    key_file(folder / "key.txt")
    megabytes = 300 if FULL else 48
    with (folder / "big").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))

    def peak(what: str) -> float:
        command = [sys.executable, "-c", MEASURED, what, str(folder)]
        done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        print(f"{what}: {megabytes} MB file, {int(done.stdout) / 1024:.1f} MB of memory")
        return int(done.stdout) / 1024

    for what in ("seal", "unseal", "seal-phrase", "unseal-phrase"):
        assert peak(what) < 64
    assert (folder / "again").read_bytes() == (folder / "big").read_bytes()
    assert peak("grow") > 80  # the measure sees what is there


# -- the command line --------------------------------------------------------------------------------------------------


def test_commands_seal_and_open(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = key_file(folder / "key.txt")
    mk.save({"a": 1}, "x.keep")
    assert main(["seal", "x.keep", "--to", to]) == 0
    out = capsys.readouterr().out
    assert "x.keep.age: sealed" in out
    assert to in out
    assert main(["unseal", "x.keep.age", "y.keep", "--identity", "key.txt"]) == 0
    assert "y.keep" in capsys.readouterr().out
    assert (folder / "y.keep").read_bytes() == (folder / "x.keep").read_bytes()
    assert main(["verify", "x.keep.age", "--identity", "key.txt"]) == 0
    assert main(["inspect", "x.keep.age"]) == 1
    capsys.readouterr()
    assert main(["seal", "x.keep", "--to", to, "--json"]) == 0
    assert f'"{to}"' in capsys.readouterr().out
    assert main(["unseal", "x.keep.age", "--identity", "key.txt", "--json"]) == 0
    assert '"target": "x.keep"' in capsys.readouterr().out


def test_a_passphrase_comes_from_the_environment_where_there_is_no_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cheap: None
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    (folder / "x").write_bytes(b"data")
    assert main(["seal", "x", "--passphrase"]) == 2
    shown = capsys.readouterr().err
    assert "there is no terminal to ask for the passphrase" in shown
    assert "set MODELKEEP_PASSPHRASE" in shown
    monkeypatch.setenv("MODELKEEP_PASSPHRASE", "p")
    assert main(["seal", "x", "--passphrase"]) == 0
    assert "whoever knows the passphrase" in capsys.readouterr().out
    assert main(["unseal", "x.age", "y", "--passphrase-from", "env:MODELKEEP_PASSPHRASE"]) == 0
    assert (folder / "y").read_bytes() == b"data"


def test_a_passphrase_is_asked_for_twice_on_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cheap: None
) -> None:
    asked: list[str] = []
    answers = ["one", "two", "one", "one", "one"]

    def ask(text: str) -> str:
        asked.append(text)
        return answers[len(asked) - 1]

    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    (folder / "x").write_bytes(b"data")
    assert main(["seal", "x", "--passphrase"]) == 1
    assert "the two passphrases differ" in capsys.readouterr().err
    assert main(["seal", "x", "--passphrase"]) == 0
    assert main(["unseal", "x.age", "--passphrase"]) == 0
    assert len(asked) == 5
    assert seals.VARIABLE == "MODELKEEP_PASSPHRASE"


@pytest.mark.parametrize("broken", ["first sync", "write"])
def test_a_failing_disk_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    to = key_file(folder / "key.txt")
    (folder / "x.age").write_bytes(sealed(bytes(3 << 20), to))
    before = names(folder)
    monkeypatch.setattr(sealing, "_SYNC_EVERY", 1 << 20)

    def fails(*args: Any) -> Any:
        raise OSError(28, "No space left on device")

    if broken == "write":
        real = os.open

        def full(path: Any, flags: int, *rest: int) -> int:
            """The temporary file takes nothing."""
            return real("/dev/full", os.O_RDWR) if str(path).endswith(".tmp") else real(path, flags, *rest)

        monkeypatch.setattr(os, "open", full)
    else:
        monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StorageError, match="can't write 'x': the disk is full; what was there before is untouched"):
        mk.unseal("x.age", identity="key.txt")
    monkeypatch.undo()
    assert {path.name for path in folder.iterdir()} == before
