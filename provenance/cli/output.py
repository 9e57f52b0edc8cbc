"""What people and machines read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
StoreOption = Annotated[
    str,
    typer.Option(
        help="Metadata store: sqlite:PATH, mysql://USER@HOST:PORT/DB or grpc://HOST:PORT "
        "(else KPROV_STORE, else kprov.toml, else sqlite:.kprov/metadata.db)."
    ),
]


def print_json(value: object) -> None:
    """One document of JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be; nothing is cut, so that it can be copied."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def print_fields(fields: Mapping[str, str]) -> None:
    """Aligned names and values; empty ones are left out."""
    width = max(map(len, fields), default=0) + 1
    for name, value in fields.items():
        if value:
            typer.echo(f"{name + ':':<{width}} {value}")


def heading(text: str) -> None:
    """A title over the lines that follow."""
    typer.secho(text, bold=True)
