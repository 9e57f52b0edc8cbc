"""The command line, ``kprov``: one module for each group of commands."""

from __future__ import annotations

from kfp_provenance.cli.app import app, main

__all__ = ["app", "main"]
