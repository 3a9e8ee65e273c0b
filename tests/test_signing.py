"""Signatures: what they bind, what a policy asks for, and that nothing is parsed before."""

from __future__ import annotations

import base64
import json
import os
import pickle
import random
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import modelkeep as mk
from modelkeep import bundle, errors, signers, signing
from modelkeep.signers import openssf

DIGEST, OTHER = "blake3:" + "0" * 64, "blake3:" + "1" * 64
CHANGES = 300


@pytest.fixture
def keys(tmp_path):
    """Paths of a private and a public key, by algorithm."""
    made = {}
    for algorithm in signers.ALGORITHMS:
        private, public = signers.new_key(algorithm)
        (tmp_path / f"{algorithm}.pem").write_text(private)
        (tmp_path / f"{algorithm}.pub").write_text(public)
        made[algorithm] = str(tmp_path / f"{algorithm}.pem"), str(tmp_path / f"{algorithm}.pub")
    return made


@pytest.fixture
def file(tmp_path):
    mk.save({"w": np.arange(300.0), "name": "iris"}, tmp_path / "m.keep")
    return tmp_path / "m.keep"


# -- statements --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_a_signature_holds_for_its_statement_alone(keys, algorithm):
    private, public = keys[algorithm]
    made = signing.make(DIGEST, private, name="iris", version=3)
    assert signing.decode_signature(made.encode()) == made
    assert signing.check([made], DIGEST, [public], name="iris", version=3) == made
    for digest, name, version, text in (
        (OTHER, "iris", 3, "one is on another artifact"),
        (DIGEST, "iris", 4, "one is on iris:3, and this is iris:4"),
        (DIGEST, "rose", 3, "one is on iris:3, and this is rose:3"),
    ):
        with pytest.raises(errors.SignatureError, match=text):
            signing.check([made], digest, [public], name=name, version=version)


def test_nothing_of_a_statement_can_be_changed(keys):
    private, public = keys["ed25519"]
    made = signing.make(DIGEST, private, name="iris", version=3)
    from msgspec import structs

    for change in ({"artifact": OTHER}, {"name": "rose"}, {"version": 4}, {"time": "2000-01-01T00:00:00Z"}):
        forged = structs.replace(made, statement=structs.replace(made.statement, **change))
        said = forged.statement
        with pytest.raises(errors.SignatureError, match="one is not valid"):
            signing.check([forged], said.artifact, [public], name=said.name, version=said.version)
    for text in ("", "AAAA", "!", made.signature[:-4]):
        with pytest.raises(errors.SignatureError, match="one is not valid"):
            signing.check([structs.replace(made, signature=text)], DIGEST, [public])


def test_keys_of_others_do_not_count(keys):
    made = signing.make(DIGEST, keys["ed25519"][0])
    with pytest.raises(errors.SignatureError, match="one is by another key"):
        signing.check([made], DIGEST, [keys["p256"][1]])
    with pytest.raises(errors.SignatureError, match="there is no signature"):
        signing.check([], DIGEST, [keys["p256"][1]])
    both = [made, signing.make(DIGEST, keys["p256"][0])]
    assert signing.check(both, DIGEST, [keys["p256"][1]]).algorithm == "p256"


def test_only_canonical_signatures_are_read(keys):
    raw = signing.make(DIGEST, keys["ed25519"][0]).encode()
    for bad in (b"", b"{}", raw + b" ", raw.replace(b'":', b'": ', 1), b"[" + raw + b"]", b"\xff" + raw):
        with pytest.raises(errors.SignatureError):
            signing.decode_signature(bad)


def test_other_keys_are_refused(tmp_path):
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        text = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        (tmp_path / "key.pem").write_bytes(text)
        with pytest.raises(errors.UsageError, match="neither Ed25519 nor ECDSA over P-256"):
            signing.make(DIGEST, str(tmp_path / "key.pem"))


def test_secrets_come_from_files_variables_and_functions(keys, tmp_path, monkeypatch):
    private, public = keys["ed25519"]
    text = Path(private).read_text()
    monkeypatch.setenv("SIGNING_KEY", text)
    for source in (private, Path(private), "env:SIGNING_KEY", lambda: text):
        signing.check([signing.make(DIGEST, source)], DIGEST, [public, Path(public).read_text()])
    with pytest.raises(errors.UsageError, match="given in clear") as refused:
        signing.make(DIGEST, text)
    assert text.splitlines()[1] not in str(refused.value) + refused.value.hint


def test_a_key_with_a_password(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"tulip"))
    (tmp_path / "key.pem").write_bytes(locked)
    assert signing.make(DIGEST, str(tmp_path / "key.pem"), password=lambda: "tulip").algorithm == "p256"
    for password, text in ((None, "is encrypted"), (lambda: "rose", "its password is wrong")):
        with pytest.raises(errors.UsageError, match=text):
            signing.make(DIGEST, str(tmp_path / "key.pem"), password=password)


@pytest.mark.parametrize("mistaken", [str, lambda text: text.replace("\n", "\\n"), lambda text: text.strip("-\n")])
def test_a_secret_that_is_mistaken_for_a_signer_is_not_told(mistaken):
    text = mistaken(signers.new_key()[0])
    for use in (signers.public_key, lambda signer: mk.Policy(signers=[signer])):
        with pytest.raises(errors.UsageError) as refused:
            use(text)
        assert "MC4CAQ" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("old", ["2a8648ce3d030107", "2a8648ce3d0201"], ids=["curve", "algorithm"])
def test_keys_of_kinds_that_nobody_knows_are_refused(tmp_path, old):
    key = ec.generate_private_key(ec.SECP256R1())
    unknown = bytes.fromhex(old)[:-1] + b"\x7e"
    private = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    for name, der in (("PRIVATE", private), ("PUBLIC", public)):
        text = base64.encodebytes(der.replace(bytes.fromhex(old), unknown)).decode()
        (tmp_path / name).write_text(f"-----BEGIN {name} KEY-----\n{text}-----END {name} KEY-----\n")
    for read in (signers.private_key, signers.public_key):
        with pytest.raises(errors.UsageError, match="neither Ed25519 nor ECDSA over P-256"):
            read(str(tmp_path / read.__name__.split("_")[0].upper()))


def test_a_time_and_a_key_have_one_form(keys):
    raw = signing.make(DIGEST, keys["ed25519"][0]).encode()
    for old, new in ((b"Z", b"+00:00"), (b"T", b" "), (b"sha256:", b"sha1:")):
        with pytest.raises(errors.SignatureError, match="not well-formed"):
            signing.decode_signature(raw.replace(old, new))


def test_what_was_found_is_told_in_a_line(keys):
    from msgspec import structs

    made = signing.make(DIGEST, keys["ed25519"][0])
    many = [structs.replace(made, key=f"sha256:{i:04x}{0:060x}") for i in range(1000)]
    with pytest.raises(errors.SignatureError, match="and 995 more") as refused:
        signing.check(many, DIGEST, [keys["p256"][1]])
    assert len(str(refused.value)) < 500


def test_a_missing_cryptography_is_told(keys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    policy = mk.Policy(signers=[keys["ed25519"][1]])  # a policy needs no package
    for use in (signers.new_key, lambda: signing.check([], DIGEST, policy.signers)):
        with pytest.raises(errors.MissingPackageError, match="need the package cryptography") as missing:
            use()
        assert "pip install 'modelkeep[sign]'" in missing.value.hint


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_policy_with_signers_asks_every_file(keys, file):
    private, public = keys["ed25519"]
    policy = mk.Policy(signers=[public])
    with pytest.raises(errors.SignatureError, match="there is no signature beside"):
        mk.load(file, policy=policy)
    signed = mk.sign(file, private, name="m", version=1)
    assert (signed.path, signed.name, signed.version) == (f"{file}.sig", "m", 1)
    assert mk.load(file, policy=policy)["name"] == "iris"
    assert mk.verify(file, policy=policy).digest == signed.artifact
    assert not mk.diff(file, file, policy=policy)
    with pytest.raises(errors.SignatureError, match="one is by another key"):
        mk.load(file, policy=mk.Policy(signers=keys["p256"][1]))
    mk.sign(file, keys["p256"][0])
    assert mk.load(file, policy=mk.Policy(signers=keys["p256"][1]))["name"] == "iris"
    assert mk.load(file, policy=policy)["name"] == "iris"
    mk.sign(file, private)
    assert len(signing.beside(str(file))) == 2


def test_bytes_and_code_have_no_signature(keys, file, tmp_path):
    policy = mk.Policy(signers=[keys["ed25519"][1]], allow_code=True)
    mk.sign(file, keys["ed25519"][0])
    with pytest.raises(errors.SignatureError, match="bytes have none beside them"):
        mk.loads(file.read_bytes(), policy=policy)
    with open(file, "rb") as binary, pytest.raises(errors.SignatureError, match="bytes have none beside them"):
        mk.load(binary, policy=policy)
    mk.save({"a": 1}, tmp_path / "m.pkl")
    with pytest.raises(errors.SignatureError, match="nothing in it can be signed"):
        mk.load(tmp_path / "m.pkl", policy=policy)


def test_every_change_of_a_signed_file_is_refused(keys, file):
    policy = mk.Policy(signers=[keys["ed25519"][1]])
    mk.sign(file, keys["ed25519"][0])
    chosen, refused = random.Random(7), 0
    for i in range(CHANGES):
        target = file if i % 5 else Path(f"{file}.sig")
        whole = target.read_bytes()
        data = bytearray(whole)
        data[chosen.randrange(len(data))] ^= 1 << chosen.randrange(8)
        target.write_bytes(data)
        for integrity in ("full", "trusted"):
            with pytest.raises(errors.LoadError):
                mk.load(file, policy=policy, integrity=integrity)
        refused += 1
        target.write_bytes(whole)
    print(f"{refused} of {CHANGES} single-byte changes refused")
    assert mk.load(file, policy=policy)["name"] == "iris"


def test_nothing_is_parsed_before_the_signature(keys, file, monkeypatch):
    def refuse(*_):
        raise AssertionError("parsed")

    monkeypatch.setattr(bundle, "open_bundle", refuse)
    with pytest.raises(errors.SignatureError):
        mk.load(file, policy=mk.Policy(signers=[keys["ed25519"][1]]))


def test_nothing_is_parsed_of_bytes_that_were_not_signed(keys, file, monkeypatch):
    """Neither the manifest of another artifact under a signed end, nor a file that is not what its manifest says."""
    from modelkeep.formats.keep import files as keep

    mk.sign(file, keys["ed25519"][0])
    policy, whole = mk.Policy(signers=[keys["ed25519"][1]]), file.read_bytes()
    parsed = []
    monkeypatch.setattr(bundle, "decode_manifest", lambda data: parsed.append(data))
    monkeypatch.setattr(keep, "read", lambda *_, **__: parsed.append(_))
    mk.save({"w": "forged"}, file)
    file.write_bytes(file.read_bytes()[:-160] + whole[-160:])
    with pytest.raises(errors.IntegrityError, match="not what was saved"):
        mk.load(file, policy=policy, integrity="trusted")
    assert not parsed
    monkeypatch.undo()
    monkeypatch.setattr(keep, "read", lambda *_, **__: parsed.append(_))
    place = whole.index(b"iris")
    file.write_bytes(whole[:place] + b"rose" + whole[place + 4 :])
    with pytest.raises(errors.LoadError):
        mk.load(file, policy=policy, integrity="trusted")
    assert not parsed


def test_a_damaged_file_is_not_signed(keys, file):
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(data)
    with pytest.raises(errors.LoadError):
        mk.sign(file, keys["ed25519"][0])
    assert not Path(f"{file}.sig").exists()


def test_a_sealed_file_is_signed_by_what_is_in_it(keys, file, tmp_path):
    from modelkeep import sealing

    secret, recipient = sealing.new_identity()
    mk.sign(file, keys["ed25519"][0])
    mk.seal(file, to=[recipient])
    file.unlink()
    policy = mk.Policy(signers=[keys["ed25519"][1]])
    assert mk.load(f"{file}.age", identity=lambda: secret, policy=policy)["name"] == "iris"


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_no_other_spelling_of_a_signature_is_taken(keys, file, algorithm):
    """Base 64 has letters whose last bits mean nothing."""
    private, public = keys[algorithm]
    mk.sign(file, private)
    place = Path(f"{file}.sig")
    whole = place.read_bytes()
    start = whole.index(b'"signature":"') + 13
    end = whole.index(b'"', start)
    for i in range(end - 8, end):
        for value in range(256):
            if value != whole[i]:
                place.write_bytes(whole[:i] + bytes([value]) + whole[i + 1 :])
                with pytest.raises(errors.LoadError):
                    mk.load(file, policy=mk.Policy(signers=[public]))


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".bin", ".keep"])
def test_the_end_of_a_signed_file_does_not_vouch_for_another(keys, file, tmp_path, suffix):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code of the file ran",))

    mk.sign(file, keys["ed25519"][0])
    forged = tmp_path / f"forged{suffix}"
    forged.write_bytes(pickle.dumps(Bomb()) + file.read_bytes()[-160:])
    Path(f"{forged}.sig").write_bytes(Path(f"{file}.sig").read_bytes())
    policy = mk.Policy(signers=[keys["ed25519"][1]], allow_code=True)
    for use in (mk.load, mk.inspect, mk.verify):
        with pytest.raises(errors.ModelkeepError):
            use(forged, policy=policy)


def test_a_name_and_a_version_are_compared_each(keys):
    private, public = keys["ed25519"]
    made = signing.make(DIGEST, private, name="iris", version=3)
    assert signing.check([made], DIGEST, [public], name="iris")
    for asked in ({"version": 9}, {"name": "rose"}, {"name": "iris", "version": 9}):
        with pytest.raises(errors.SignatureError, match="one is on iris:3"):
            signing.check([made], DIGEST, [public], **asked)
    for bad in (("junk", "iris", 1), (DIGEST, "x\ny", 1), (DIGEST, "iris", -1)):
        with pytest.raises(errors.UsageError, match="not what a signature can be on"):
            signing.make(bad[0], private, name=bad[1], version=bad[2])


# -- OpenSSF -----------------------------------------------------------------------------------------------------------


def command(*words):
    return subprocess.run([sys.executable, "-m", "model_signing", *words], capture_output=True, text=True)


def test_the_commands_of_openssf_verify_ours(keys, file):
    private, public = keys["p256"]
    mk.sign(file, private, format="openssf")
    done = command("verify", "key", str(file), "--signature", f"{file}{openssf.SUFFIX}", "--public_key", public)
    assert done.returncode == 0, done.stdout + done.stderr
    assert mk.load(file, policy=mk.Policy(signers=[public]))["name"] == "iris"
    with pytest.raises(errors.UsageError, match="need a P-256 key"):
        mk.sign(file, keys["ed25519"][0], format="openssf")


def test_a_bundle_that_leaves_out_its_model_vouches_for_nothing(keys, file):
    """Its list of what to leave out is signed, too: with the model in it, it covers no bytes at all."""
    private, public = keys["p256"]
    signature = f"{file}{openssf.SUFFIX}"
    words = ("sign", "key", str(file), "--signature", signature, "--private_key", private, "--ignore-paths", str(file))
    done = command(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    for data in ({"w": "signed with nothing"}, {"w": "another"}):
        mk.save(data, file)
        with pytest.raises(errors.SignatureError, match="or on other bytes"):
            mk.load(file, policy=mk.Policy(signers=[public]))


def test_every_change_of_a_file_with_a_bundle_is_refused(keys, file):
    private, public = keys["p256"]
    mk.sign(file, private, format="openssf")
    whole, chosen = file.read_bytes(), random.Random(11)
    for _ in range(40):
        data = bytearray(whole)
        data[chosen.randrange(len(data))] ^= 1 << chosen.randrange(8)
        file.write_bytes(data)
        with pytest.raises(errors.SignatureError):
            mk.load(file, policy=mk.Policy(signers=[public]))


def test_a_bundle_of_any_kind_ends_in_an_answer(keys, file):
    policy, place = mk.Policy(signers=[keys["p256"][1]]), Path(f"{file}{openssf.SUFFIX}")
    for data in (b"", b"{}", b"[" * 100_000, b"\xff", b'{"verificationMaterial": 3}'):
        place.write_bytes(data)
        with pytest.raises(errors.SignatureError, match="or on other bytes"):
            mk.load(file, policy=policy)
    with open(place, "wb") as large:
        large.truncate(1 << 30)
    with pytest.raises(errors.LoadError):
        mk.load(file, policy=policy)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(errors.StorageError, match="not a regular file"):
        mk.load(file, policy=policy)


def test_one_of_both_kinds_is_enough(keys, file, monkeypatch):
    private, public = keys["p256"]
    mk.sign(file, private, format="openssf")
    Path(f"{file}.sig").write_bytes(b"damaged")
    assert mk.load(file, policy=mk.Policy(signers=[public]))["name"] == "iris"
    Path(f"{file}.sig").unlink()
    mk.sign(file, private)
    monkeypatch.setitem(sys.modules, "model_signing", None)  # which is not asked for then
    assert mk.load(file, policy=mk.Policy(signers=[public]))["name"] == "iris"


def test_no_secret_is_written_in_clear(keys, file, tmp_path, monkeypatch):
    text, asked, written = Path(keys["p256"][0]).read_text(), [], []
    locked = openssf._locked

    def watched(key, path):
        made = locked(key, path)
        written.extend(each.read_text() for each in path.parent.rglob("*.pem"))
        return made

    monkeypatch.setattr(openssf, "_locked", watched)
    mk.sign(file, lambda: asked.append(1) or text, format="openssf")
    assert len(asked) == len(written) == 1
    assert written[0].startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert mk.load(file, policy=mk.Policy(signers=[keys["p256"][1]]))["name"] == "iris"


def test_an_encrypted_key_signs_for_openssf(file, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"tulip"))
    (tmp_path / "key.pem").write_bytes(locked)
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
    mk.sign(file, str(tmp_path / "key.pem"), format="openssf", password=lambda: "tulip")
    assert mk.load(file, policy=mk.Policy(signers=[public]))["name"] == "iris"


def test_what_was_sealed_is_not_written_to_be_verified(keys, file, monkeypatch):
    from modelkeep import sealing

    secret, recipient = sealing.new_identity()
    mk.sign(file, keys["p256"][0], format="openssf")
    mk.seal(file, to=[recipient])
    monkeypatch.setattr(openssf, "accepts", lambda *_: pytest.fail("its plaintext went to the disk"))
    with pytest.raises(errors.SignatureError, match="no signature beside"):
        mk.load(f"{file}.age", identity=lambda: secret, policy=mk.Policy(signers=[keys["p256"][1]]))


def test_a_missing_library_is_told(keys, file, monkeypatch):
    mk.sign(file, keys["p256"][0], format="openssf")
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(errors.MissingPackageError, match="model-signing"):
        mk.load(file, policy=mk.Policy(signers=[keys["p256"][1]]))


def test_ours_verify_what_openssf_signed(keys, file):
    private, public = keys["p256"]
    done = command("sign", "key", str(file), "--signature", f"{file}{openssf.SUFFIX}", "--private_key", private)
    assert done.returncode == 0, done.stdout + done.stderr
    policy = mk.Policy(signers=[public])
    assert mk.load(file, policy=policy)["name"] == "iris"
    with pytest.raises(errors.SignatureError):
        mk.load(file, policy=mk.Policy(signers=[keys["ed25519"][1]]))
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    with pytest.raises(errors.SignatureError):
        mk.load(file, policy=policy)


# -- versions ----------------------------------------------------------------------------------------------------------


def test_a_version_is_signed_under_its_name_and_number(keys, tmp_path):
    private, public = keys["ed25519"]
    registry, policy = mk.Registry(tmp_path / "models"), mk.Policy(signers=[public])
    registry.save("iris", {"w": 1})
    with pytest.raises(errors.SignatureError, match="there is no signature"):
        registry.load("iris", policy=policy)
    registry.sign("iris:1", private)
    assert registry.load("iris", policy=policy) == {"w": 1}
    registry.sign("iris:1", private)
    assert registry.version("iris").signatures == 1
    assert registry.promote("iris", "production", gates=[mk.gates.signed([public])]) == 1
    registry.save("iris", {"w": 1})  # the same artifact, another version
    note = tmp_path / "models/models/iris/notes"
    subprocess.run(["cp", "-r", note / "1", note / "2"], check=True)
    with pytest.raises(errors.SignatureError, match="one is on iris:1, and this is iris:2"):
        mk.Registry(tmp_path / "models").load("iris:2", policy=policy)
    with pytest.raises(errors.GateError, match=r"signed: .*one is on iris:1"):
        registry.promote("iris:2", "production", gates=[mk.gates.signed([public])])


def test_an_exported_version_takes_its_signatures_along(keys, tmp_path):
    registry = mk.Registry(tmp_path / "models")
    registry.save("iris", {"w": 1})
    registry.sign("iris", keys["p256"][0])
    registry.export("iris", tmp_path / "iris.keep")
    assert mk.load(tmp_path / "iris.keep", policy=mk.Policy(signers=[keys["p256"][1]])) == {"w": 1}


def test_a_policy_holds_keys_as_it_holds_names(keys):
    policy = mk.Policy(signers=keys["p256"][1])
    assert policy.signers == (keys["p256"][1],)
    same = mk.Policy(signers=[keys["p256"][1]])
    assert policy == same == pickle.loads(pickle.dumps(policy))
    assert hash(policy) == hash(same) != hash(mk.Policy())
    with pytest.raises(errors.UsageError, match="signers are paths"):
        mk.Policy(signers=[3])
    with pytest.raises(errors.StorageError, match="can't read the public key"):
        signing.check([], DIGEST, ["nowhere.pub"])


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path, capsys, monkeypatch):
    from modelkeep.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words):
        code = main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("algorithm", signers.ALGORITHMS)
def test_the_commands_make_keys_sign_and_verify(shell, file, algorithm):
    assert shell("keygen", "mine.pem", "--algorithm", algorithm)[0] == 0
    assert stat.S_IMODE(os.stat("mine.pem").st_mode) == 0o600
    assert signers.public_key("mine.pem.pub").algorithm == algorithm
    code, _, err = shell("verify", "m.keep", "--signer", "mine.pem.pub")
    assert code == 1
    assert "there is no signature beside 'm.keep'" in err
    code, out, _ = shell("sign", "m.keep", "--key", "mine.pem", "--name", "iris", "--version", "3", "--json")
    assert code == 0
    assert json.loads(out)["key"] == signers.public_key("mine.pem.pub").id
    assert (signing.beside("m.keep")[0].statement.name, signing.beside("m.keep")[0].statement.version) == ("iris", 3)
    shell("keygen", "other.pem")
    assert shell("verify", "m.keep", "--signer", "other.pem.pub")[0] == 1
    code, out, _ = shell("verify", "m.keep", "--signer", "other.pem.pub", "--signer", "mine.pem.pub")
    assert code == 0
    assert "signature" in out
    assert "signature" not in shell("verify", "m.keep")[1]


def test_a_key_is_never_overwritten(shell):
    shell("keygen", "mine.pem")
    before = Path("mine.pem").read_text()
    code, _, err = shell("keygen", "mine.pem")
    assert code == 2
    assert "is there already" in err
    assert Path("mine.pem").read_text() == before
    Path("mine.pem").unlink()  # its public half is there
    assert shell("keygen", "mine.pem")[0] == 2
    assert not Path("mine.pem").exists()


def test_the_commands_take_no_key_in_clear(shell, file, monkeypatch):
    private, public = signers.new_key("p256")
    Path("mine.pub").write_text(public)
    code, out, err = shell("sign", "m.keep", "--key", private)
    assert code == 2
    assert private.splitlines()[1] not in out + err
    code, out, err = shell("verify", "m.keep", "--signer", private)
    assert code == 2
    assert private.splitlines()[1] not in out + err
    monkeypatch.setenv("SIGNING_KEY", private)
    code, out, err = shell("sign", "m.keep", "--key", "env:SIGNING_KEY", "--format", "openssf", "--json")
    assert code == 0
    assert json.loads(out)["path"] == "m.keep.openssf.sig"
    assert private.splitlines()[1] not in out + err
    assert shell("verify", "m.keep", "--signer", "mine.pub")[0] == 0


def test_wrong_calls_are_told(shell, file):
    shell("keygen", "mine.pem")
    shell("sign", "m.keep", "--key", "mine.pem")
    assert shell("register", "m.keep", "iris")[0] == 0
    for words, text in (
        (("keygen", "x", "--algorithm", "rsa"), "choose one of: ed25519, p256"),
        (("keygen", "x", "--for", "fun"), "choose sign or seal"),
        (("keygen", "x", "--for", "seal", "--algorithm", "p256"), "of one kind"),
        (("sign", "iris:1", "--key", "mine.pem", "--format", "openssf"), "under its own name and number"),
        (("sign", "iris:1", "--key", "mine.pem", "--name", "rose"), "under its own name and number"),
        (("sign", "m.keep", "--key", "nowhere.pem"), "can't read the signing key from 'nowhere.pem'"),
        (("sign", "m.keep", "--key", "m.keep"), "hint"),
        (("verify", "m.keep", "--signer", "nowhere.pub"), "can't read the public key 'nowhere.pub'"),
    ):
        code, _, err = shell(*words)
        assert code in (1, 2), words
        assert text in err
        assert "Traceback" not in err
