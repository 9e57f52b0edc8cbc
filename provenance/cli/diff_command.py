"""``kprov diff``: why one artifact is different from another."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, StoreOption, print_json
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.analysis.diffing.model import LineageDiff

_REFERENCE = (
    "Run, digest or its first 8 digits, path, URI, or RUN/[TASK/]OUTPUT, for example "
    "RUN/train/model."
)
_MEBI = 1024 * 1024
_MAX_WIDTH = 120
_UNPACKED = 4
"""How many times its size a table may have when unpacked."""


class DiffFormat(StrEnum):
    """How a comparison is written."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("diff")(diff)


def diff(
    before: Annotated[str, typer.Argument(help=f"What is the measure. {_REFERENCE}")],
    after: Annotated[str, typer.Argument(help="What is in question, named likewise.")],
    *,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Column that names a row of the tables; again for more of them."),
    ] = None,
    label: Annotated[
        str, typer.Option(help="Column of the label, if nothing recorded says it.")
    ] = "",
    data: Annotated[
        bool, typer.Option(help="Read the tables again, or compare what is recorded only.")
    ] = True,
    max_size: Annotated[
        int, typer.Option(min=1, help="MiB of a table; all together may have 8 times as many.")
    ] = 1024,
    examples: Annotated[
        int, typer.Option(min=0, max=100, help="Changed cells to show of each column.")
    ] = 5,
    output_format: Annotated[
        DiffFormat, typer.Option("--format", help="How to write the answer.")
    ] = DiffFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of the terminal.")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if they differ.")
    ] = False,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Explain why an artifact, or the models of a run, differ from another.

    Says where the chains part first, orders the causes by how likely each explains the
    difference, and lists what follows from them.
    """
    from kfp_provenance.analysis.diff import Settings, StoredData, find_either
    from kfp_provenance.analysis.diff import diff as compare
    from kfp_provenance.metadata import open_index
    from kfp_provenance.settings import store_setting

    with closing(open_index(store_setting(store))) as index:
        found = compare(
            index,
            find_either(index, before),
            find_either(index, after),
            data=StoredData(max_size * _MEBI) if data else None,
            settings=Settings(
                key=tuple(key or ()),
                labels=(label,) if label else (),
                examples=examples,
                max_unpacked=_UNPACKED * max_size * _MEBI,
            ),
        )
    form = DiffFormat.JSON if as_json else output_format
    if output is None and form is DiffFormat.TEXT:
        _print(found)
    elif output is None and form is DiffFormat.JSON:
        from kfp_provenance.analysis.diffing.as_json import diff_to_json

        print_json(diff_to_json(found))
    else:
        _write(_text(found, form), output)
    if exit_code and not found.equal:
        raise typer.Exit(1)


def _print(found: LineageDiff) -> None:
    from kfp_provenance.analysis.diffing.text import WIDTH, render_text, verdict

    colour = typer.colors.GREEN if found.equal else typer.colors.YELLOW
    typer.secho(verdict(found), fg=colour, bold=True)
    width = min(_MAX_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDTH
    typer.echo(render_text(found, width))


def _text(found: LineageDiff, form: DiffFormat) -> str:
    if form is DiffFormat.HTML:
        from kfp_provenance.report.diff_page import diff_page

        return diff_page(found)
    if form is DiffFormat.JSON:
        import json

        from kfp_provenance.analysis.diffing.as_json import diff_to_json

        return json.dumps(diff_to_json(found), indent=2, ensure_ascii=False) + "\n"
    from kfp_provenance.analysis.diffing.text import render_text, verdict

    return f"{verdict(found)}\n{render_text(found)}\n"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            Code.USAGE,
            f"the file cannot be written ({error.strerror})",
            where=str(output),
            remedy="name a file in a folder that is there",
        ) from error
    typer.echo(f"written: {output}", err=True)
