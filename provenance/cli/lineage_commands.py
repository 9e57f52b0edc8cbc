"""``kprov trace``, ``kprov impact`` and ``kprov between``."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import (
    JsonFlag,
    StoreOption,
    print_fields,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    import pandas as pd

    from kfp_provenance.lineage.views import Graph
    from kfp_provenance.metadata import LineageIndex
    from kfp_provenance.metadata.graph import Selection

_REFERENCE = (
    "Digest or its first 8 digits, path, URI, or RUN/[TASK/]OUTPUT, for example RUN/train/model."
)
Reference = Annotated[str, typer.Argument(help=_REFERENCE)]
TypeOption = Annotated[str, typer.Option("--type", help="Artifacts of this schema title only.")]
PipelineOption = Annotated[str, typer.Option(help="Steps of this pipeline only.")]
NamespaceOption = Annotated[str, typer.Option(help="Steps of this namespace only.")]
SinceOption = Annotated[
    datetime | None, typer.Option(help="Steps that ended at this time (UTC) or later.")
]
UntilOption = Annotated[
    datetime | None, typer.Option(help="Steps that ended before this time (UTC).")
]
LimitOption = Annotated[
    int, typer.Option(min=1, max=1_000_000, help="Rows; more are counted, not hidden.")
]


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    DOT = "dot"
    HTML = "html"


class ListFormat(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


FormatOption = Annotated[Format, typer.Option("--format", help="How to write the answer.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("trace")(trace)
    app.command("impact")(impact)
    app.command("between")(between)


def trace(
    reference: Reference,
    *,
    output_format: FormatOption = Format.TABLE,
    artifact_type: TypeOption = "",
    pipeline: PipelineOption = "",
    namespace: NamespaceOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 2000,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show what an artifact came from, back to the raw bytes."""
    from kfp_provenance.lineage import queries
    from kfp_provenance.lineage.references import find

    selection = _selection(artifact_type, pipeline, namespace, since, until)
    with closing(_index(store)) as index:
        rows = find(index, reference).rows
        graph = queries.trace(index, rows, selection=selection, limit=limit)
        _print_graph(index, graph, Format.JSON if as_json else output_format, reference,
                     narrowed=selection != queries.EVERYTHING)  # fmt: skip


def between(
    reference: Reference,
    target: Annotated[str, typer.Argument(help="Artifact that was made of it, named likewise.")],
    *,
    output_format: FormatOption = Format.TABLE,
    limit: LimitOption = 2000,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show the steps on every way from one artifact to another."""
    from kfp_provenance.lineage import queries
    from kfp_provenance.lineage.references import find

    with closing(_index(store)) as index:
        start, end = find(index, reference).rows, find(index, target).rows
        graph = queries.between(index, start, end, limit=limit)
        title = f"{reference} to {target}"
        _print_graph(index, graph, Format.JSON if as_json else output_format, title,
                     ends=[index.artifacts(end)[0].key])  # fmt: skip


def impact(
    reference: Reference,
    *,
    deployments: Annotated[
        Path | None,
        typer.Option(help="JSON of `kubectl get inferenceservices -A -o json`: what serves."),
    ] = None,
    output_format: Annotated[
        ListFormat, typer.Option("--format", help="How to write the answer.")
    ] = ListFormat.TABLE,
    artifact_type: Annotated[
        str, typer.Option("--type", help="List artifacts of this schema title instead of models.")
    ] = "",
    pipeline: PipelineOption = "",
    namespace: NamespaceOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 50,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show what an artifact had an effect on: models, their published names, deployments."""
    from kfp_provenance.analysis import read_deployments, tables
    from kfp_provenance.lineage import queries
    from kfp_provenance.lineage.references import find

    selection = _selection(artifact_type, pipeline, namespace, since, until)
    served = read_deployments(deployments) if deployments is not None else ()
    with closing(_index(store)) as index:
        rows = find(index, reference).rows
        found = queries.impact(index, rows, selection=selection, limit=limit)
        frame = tables.impact(index, found, served)
    if as_json or output_format is ListFormat.JSON:
        print_json(
            {
                "reference": reference, "steps": found.steps, "runs": found.runs,
                "artifacts": found.artifacts, "models": _records(frame),
                "more_models": found.more_models,
                "published": [
                    {"pointer": name.pointer, "name": name.name, "model": str(name.model or ""),
                     "run": name.run, "published": name.published.isoformat(),
                     "current": name.current}
                    for name in found.published
                ],
                "more_published": found.more_published,
            }
        )  # fmt: skip
    elif output_format is ListFormat.CSV:
        typer.echo(frame.to_csv(index=False), nl=False)
        _say_more(found.more_models, "rows", err=True)
    else:
        touched = f"{found.steps} steps of {found.runs} runs wrote {found.artifacts} artifacts"
        print_fields({"touched": touched})
        _print_frame(frame, ("digest", "name", "run", "task", "created", "published", "serving",
                             "deployments"), "no models")  # fmt: skip
        _say_more(found.more_models, "rows")


def _print_graph(
    index: LineageIndex,
    graph: Graph,
    form: Format,
    title: str,
    *,
    narrowed: bool = False,
    ends: list[str] | None = None,
) -> None:
    from kfp_provenance.analysis import tables

    if form is Format.JSON:
        from pydantic import TypeAdapter

        from kfp_provenance.lineage.views import Graph

        print_json(TypeAdapter(Graph).dump_python(graph, mode="json"))
    elif form is Format.DOT:
        from kfp_provenance.report.dot import dot_text

        typer.echo(dot_text(graph), nl=False)
    elif form is Format.HTML:
        typer.echo(_page(index, graph, title), nl=False)
    elif form is Format.CSV:
        typer.echo(tables.trace(graph, ends or ()).to_csv(index=False), nl=False)
        _say_more(graph.more_steps, "steps", err=True)
    else:
        frame = tables.trace(graph, ends or ())
        complete = not narrowed and not graph.more_steps
        nobody = "(nobody recorded)" if complete else "(not shown)"
        frame["made by"] = (frame["run"] + "/" + frame["task"]).fillna(nobody)
        _print_frame(frame, ("distance", "name", "digest", "made by", "uri"), "no way")
        _say_more(graph.more_steps, "steps")


def _page(index: LineageIndex, graph: Graph, title: str) -> str:
    from kfp_provenance.report.lineage_page import lineage_page

    steps = index.records([step.id for step in graph.steps])
    if len(steps) < len(graph.steps):
        missing = len(graph.steps) - len(steps)
        typer.echo(f"{missing} steps of other tools are not on the page", err=True)
    _say_more(graph.more_steps, "steps", err=True)
    artifacts = [port.artifact for step in steps for port in step.outputs]
    artifacts += [port.artifact for step in steps for port in step.inputs]
    subjects = {
        str(artifact.digest): artifact
        for artifact in reversed(artifacts)
        if str(artifact.digest) in graph.starts
    }
    return lineage_page(title, steps, list(subjects.values()), subjects_title="Asked about")


def _print_frame(frame: pd.DataFrame, columns: tuple[str, ...], nothing: str) -> None:
    shown = [name for name in columns if name in frame and frame[name].notna().any()]
    if frame.empty or not shown:
        typer.echo(nothing)
        return
    rows = [["" if _missing(cell) else _cell(cell) for cell in row]
            for row in frame[shown].astype(object).itertuples(index=False, name=None)]  # fmt: skip
    print_table(shown, rows)


def _missing(cell: object) -> bool:
    import pandas as pd

    return cell is None or cell is pd.NA or cell is pd.NaT


def _cell(cell: object) -> str:
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {True: "yes", False: "no"}[cell] if isinstance(cell, bool) else str(cell)


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            str(name): None if _missing(cell) else cell.isoformat()
            if isinstance(cell, datetime) else cell
            for name, cell in row.items()
        }
        for row in frame.to_dict("records")
    ]  # fmt: skip


def _say_more(count: int, what: str, *, err: bool = False) -> None:
    if count:
        typer.echo(f"{count} more {what}: raise --limit to see them", err=err)


def _index(store: str) -> LineageIndex:
    from kfp_provenance.metadata import open_index
    from kfp_provenance.settings import store_setting

    return open_index(store_setting(store))


def _selection(
    artifact_type: str, pipeline: str, namespace: str, *times: datetime | None
) -> Selection:
    from kfp_provenance.metadata.graph import Selection

    since, until = (moment and moment.replace(tzinfo=UTC) for moment in times)
    return Selection(artifact_type, pipeline, namespace, since, until)
