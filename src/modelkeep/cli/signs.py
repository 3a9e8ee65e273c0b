"""Commands on keys and signatures: keygen, sign."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from modelkeep.cli.models import answer, argument
from modelkeep.cli.options import Json
from modelkeep.cli.place import Author, Identity, Place, is_file, registry_at


def keygen(
    file: Annotated[str, argument("FILE", "The file for the secret key; the public one goes to FILE.pub.")],
    purpose: Annotated[str, typer.Option("--for", metavar="sign|seal", help="What the key is for.")] = "sign",
    algorithm: Annotated[
        str | None, typer.Option("--algorithm", metavar="ed25519|p256", help="How it signs; else by ed25519.")
    ] = None,
    json: Json = False,
) -> int:
    """Make a key: a secret file that only you can read, and a public one to give to others.

    \b
    Example: modelkeep keygen signing.pem
    """
    from modelkeep import sealing, signers
    from modelkeep.errors import UsageError, quote

    if purpose not in ("sign", "seal"):
        raise UsageError(f"{quote(purpose)} is not what a key can be for", hint="choose sign or seal")
    if purpose == "seal" and algorithm:
        raise UsageError("a key to seal with is of one kind", hint="leave --algorithm out")
    if purpose == "sign":
        secret, public = signers.new_key(algorithm or "ed25519")
    else:
        secret, recipient = sealing.new_identity()
        public = f"{recipient}\n"
    for path in (f"{file}.pub", file):  # before either is written: half a key would be in the way
        if os.path.lexists(path):
            raise UsageError(f"{quote(path, 300)} is there already", hint="name another file")
    _write_new(file, secret, 0o600)
    _write_new(f"{file}.pub", public, 0o644)
    told = {"secret": file, "public": f"{file}.pub", "for": purpose}
    return answer(told | {"key": public.strip()} if purpose == "seal" else told, json, "show_key")


def _write_new(path: str, text: str, mode: int) -> None:
    """Never over another key: what that one opened would stay shut."""
    from modelkeep.atomic import storage_error
    from modelkeep.errors import UsageError, quote

    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{quote(path, 300)} is there already", hint="name another file") from None
    except OSError as error:
        raise storage_error(error, path, "write") from error


def sign(
    target: Annotated[str, argument("FILE|REF", "A .keep file, or a version of a registry.")],
    key: Annotated[str, typer.Option("--key", metavar="PATH|env:NAME", help="The secret key.", show_default=False)],
    password_from: Annotated[
        str | None, typer.Option("--password-from", metavar="PATH|env:NAME", help="Where its password is.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Bind the signature of a file to this name.")] = "",
    version: Annotated[int, typer.Option("--version", min=0, help="And to this version.")] = 0,
    format: Annotated[
        str, typer.Option("--format", metavar="modelkeep|openssf", help="The format of a file's signature.")
    ] = "modelkeep",
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Sign a file, or a version of a registry.

    \b
    Example: modelkeep sign iris.keep --key signing.pem
    """
    from modelkeep import signing
    from modelkeep.errors import UsageError

    if is_file(target, registry):
        made = signing.sign(target, key, name=name, version=version, format=format, password=password_from)
        return answer(made.as_dict(), json, "show_signed")
    if name or version or format != "modelkeep":
        hint = "leave out --name, --version and --format"
        raise UsageError("a version is signed under its own name and number, in modelkeep's format", hint=hint)
    at = registry_at(registry, author=author, identity=identity)
    signature = at.sign(target, key, password=password_from)
    said = signature.statement
    told: dict[str, Any] = {"path": "", "format": "modelkeep", "key": signature.key, "artifact": said.artifact}
    return answer(told | {"name": said.name, "version": said.version}, json, "show_signed")
