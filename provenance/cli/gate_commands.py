"""The group ``kprov gate``; each of its commands stands in a module of its own."""

from __future__ import annotations

import typer

from kfp_provenance.cli.load_command import load


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    gate = typer.Typer(help="What enforces a verdict.", no_args_is_help=True)
    gate.command("load")(load)
    app.add_typer(gate, name="gate")
