"""``kprov key``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, print_fields, print_json
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError

_LIMIT = 64 * 1024

PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="File that holds the passphrase (else KPROV_KEY_PASSPHRASE, else asked)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    key = typer.Typer(help="Signing keys.", no_args_is_help=True)
    key.command("new")(new)
    key.command("public")(public)
    app.add_typer(key, name="key")


def new(
    private: Annotated[Path, typer.Argument(help="File of the encrypted private key to write.")],
    *,
    public: Annotated[
        Path | None, typer.Option(help="File of the public key (default: beside it, .pub).")
    ] = None,
    passphrase_file: PassphraseFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a P-256 signing key, encrypted with a passphrase."""
    from kfp_provenance.signing import new_key

    target = public or private.with_suffix(".pub")
    if private.exists():  # before anybody types a passphrase
        raise SigningError(
            Code.KEY_EXISTS,
            "there is a key already, and it is not overwritten",
            where=str(private),
            remedy="choose another name, or move the key away",
        )
    made = new_key(private, target, read_passphrase(passphrase_file))
    fields = {"private": str(private), "public": str(target), "hint": made.hint}
    print_json(fields) if as_json else print_fields(fields)


def public(
    signer: Annotated[str, typer.Argument(help="A signer with a key: file:KEY, vault:NAME, ...")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write (default: print it).")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Get the public key of a signer, to be put into trust policies."""
    from kfp_provenance.signing import KeySigner, open_signer

    opened = open_signer(signer, lambda _: read_passphrase(None))
    if not isinstance(opened, KeySigner):
        raise SigningError(
            Code.SIGNER_URI_INVALID,
            "this signer has no key",
            found=opened.name,
            remedy="trust it by identity and issuer",
        )
    pem = opened.public_pem.decode("ascii")
    if output is not None:
        try:
            with output.open("x", encoding="ascii") as stream:
                stream.write(pem)
        except OSError as error:
            raise SigningError(
                Code.KEY_EXISTS if output.exists() else Code.KEY_UNREADABLE,
                "the public key cannot be written",
                where=str(output),
                found=error.strerror or type(error).__name__,
                remedy="choose another name",
            ) from error
    fields = {"public": str(output or ""), "hint": opened.hint}
    if as_json:
        print_json({**fields, "pem": pem})
    elif output is not None:
        print_fields(fields)
    else:
        typer.echo(pem, nl=False)


def read_passphrase(file: Path | None) -> str:
    """From the file, else the environment, else the terminal; never from an argument."""
    if file is not None:
        try:
            with file.open(encoding="utf-8") as stream:
                return stream.read(_LIMIT).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise SigningError(
                Code.KEY_UNREADABLE,
                "the file of the passphrase cannot be read",
                where=str(file),
                found=str(error),
                remedy="name a text file",
            ) from error
    found = os.environ.get("KPROV_KEY_PASSPHRASE")
    if found:
        return found
    asked: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return asked
