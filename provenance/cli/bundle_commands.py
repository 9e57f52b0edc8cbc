"""``kprov bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, print_json, print_table

if TYPE_CHECKING:
    from kfp_provenance.bundle import Line

BundleArgument = Annotated[Path, typer.Argument(help="A provenance bundle (.sigstore.jsonl).")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    bundle = typer.Typer(help="Provenance bundles.", no_args_is_help=True)
    bundle.command("show")(show)
    bundle.command("split")(split)
    app.add_typer(bundle, name="bundle")


def show(path: BundleArgument, *, as_json: JsonFlag = False) -> None:
    """List the statements of a bundle. Nothing is verified: see `kprov verify`."""
    from kfp_provenance.attest import StepStatement, parse_statement
    from kfp_provenance.bundle import read_bundle, read_bundle_file

    rows = []
    for line in read_bundle(read_bundle_file(path)):
        statement = parse_statement(line.payload, line.where)
        if isinstance(statement, StepStatement):
            kind, about = "step", statement.step.task
        else:
            kind, about = "summary", f"run {statement.run}"
        rows.append(
            {
                "line": str(line.number),
                "statement": kind,
                "about": about,
                "digest": str(line.digest),
                "signed bytes": str(line.statement_digest),
                "signer": _signer(line),
            }
        )
    if as_json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
        typer.echo("\nnot verified: see `kprov verify`")


def _signer(line: Line) -> str:
    """Who a line claims to be signed by."""
    from kfp_provenance.signing.certificates import CertificateRefusedError, certificate_identity

    if not line.certificate:
        return line.hint
    try:
        return "{} of {}".format(*certificate_identity(line.certificate))
    except CertificateRefusedError as error:
        return f"unreadable certificate: {error}"


def split(
    path: BundleArgument,
    folder: Annotated[Path, typer.Argument(help="Folder for the files; made if missing.")],
) -> None:
    """Write each line to a file of its own, as cosign reads them."""
    from kfp_provenance.bundle import read_bundle, read_bundle_file, split_bundle

    folder.mkdir(parents=True, exist_ok=True)
    for file in split_bundle(read_bundle(read_bundle_file(path))):
        target = folder / file.name
        target.write_bytes(file.data)
        typer.echo(str(target))
