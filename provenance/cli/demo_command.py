"""``kprov demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kfp_provenance.cli.output import JsonFlag


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("demo")(demo)


def demo(
    *,
    folder: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("demo"),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show KFP's own log.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train on real data on this machine, sign the chain, verify it, tamper with it."""
    from kfp_provenance.cli.demo import run_demo

    run_demo(folder, verbose=verbose, as_json=as_json)
