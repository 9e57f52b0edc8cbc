"""The program: its groups of commands, and how errors reach the shell."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence

import typer

from kfp_provenance.cli import (
    audit_commands,
    bundle_commands,
    demo_command,
    diff_command,
    digest_command,
    gate_commands,
    key_commands,
    layout_commands,
    lineage_commands,
    pipeline_commands,
    signing_commands,
    store_commands,
    trust_commands,
    ui_command,
)
from kfp_provenance.errors import ProvenanceError

app = typer.Typer(
    name="kprov",
    help="Provenance for Kubeflow Pipelines: from a model back to the raw bytes.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 pass, 1 refused, 2 could not decide.",
)
for module in (
    demo_command,
    digest_command,
    pipeline_commands,
    store_commands,
    lineage_commands,
    diff_command,
    signing_commands,
    key_commands,
    bundle_commands,
    trust_commands,
    layout_commands,
    audit_commands,
    ui_command,
    gate_commands,
):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``kprov`` and end the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Google's libraries, which others load, say at every start that this Python grows old
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    try:
        app(words)
    except ProvenanceError as error:
        # machines asked for JSON and must be able to read a failure too
        text = json.dumps({"error": error.to_json()}) if "--json" in words else str(error)
        typer.echo(text, err="--json" not in words)
        sys.exit(int(error.exit_code))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone; Python would complain at exit
        sys.exit(141)
