"""``kprov digest``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, print_json


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("digest")(digest)


def digest(
    path: Annotated[Path, typer.Argument(help="A file or a directory.")],
    *,
    listing: Annotated[
        bool,
        typer.Option("--listing", help="Print the sha256sum listing; `sha256sum -c` reads it."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the digest of a file or a directory."""
    from kfp_provenance.hashing import hash_path, list_directory, terminal_progress

    if listing and path.is_dir():
        typer.echo(list_directory(path, progress=terminal_progress()).text, nl=False)
        return
    content = hash_path(path, progress=terminal_progress())
    if listing:
        typer.echo(f"{content.digest.hex}  {path.name}")
    elif as_json:
        print_json(
            {
                "path": str(path),
                "digest": str(content.digest),
                "kind": str(content.kind),
                "size": content.size,
                "files": content.files,
            }
        )
    else:
        typer.echo(str(content.digest))
