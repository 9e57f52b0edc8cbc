"""``kprov runs``, ``kprov show`` and ``kprov store init``."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import (
    JsonFlag,
    StoreOption,
    heading,
    print_fields,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from kfp_provenance.facts import Parameter, Step


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("runs")(runs)
    app.command("show")(show)
    store = typer.Typer(help="The metadata store.", no_args_is_help=True)
    store.command("init")(init)
    app.add_typer(store, name="store")


def runs(
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """List the runs in the store."""
    from kfp_provenance.metadata import open_reader
    from kfp_provenance.settings import store_setting

    with closing(open_reader(store_setting(store))) as reader:
        found = reader.runs(limit)
    rows = [
        {
            "run": run.id,
            "pipeline": run.pipeline,
            "namespace": run.namespace,
            "steps": str(run.steps),
            "failed": str(run.failed),
            "started": _time(run.started),
            "finished": _time(run.finished),
        }
        for run in found
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        typer.echo("no runs are recorded in this store")


def show(
    run: Annotated[str, typer.Argument(help="Id of a run.")],
    *,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Show the steps of a run: what they ran, read and wrote."""
    from kfp_provenance.metadata import open_reader
    from kfp_provenance.settings import store_setting

    with closing(open_reader(store_setting(store))) as reader:
        found = reader.run(run)
    if as_json:
        from pydantic import TypeAdapter

        from kfp_provenance.facts import Run

        print_json(TypeAdapter(Run).dump_python(found, mode="json"))
        return
    digests = dict.fromkeys(step.pipeline_digest for step in found.steps)
    print_fields(
        {
            "run": found.id,
            "pipeline": found.pipeline,
            "digest": " ".join(filter(None, digests)),
            "namespace": found.namespace,
        }
    )
    for step in found.steps:
        typer.echo()
        heading(f"{step.task}  {step.outcome}")
        _print_step(step)


def init(*, store: StoreOption = "") -> None:
    """Create the store, or bring an older one up to date."""
    from kfp_provenance.metadata import init_store
    from kfp_provenance.settings import store_setting

    uri = store_setting(store)
    init_store(uri)
    typer.echo(f"ready: {uri}")


def _print_step(step: Step) -> None:
    code = ""
    if step.code is not None:
        code = step.code.commit + (" with uncommitted changes" if step.code.dirty else "")
    failure = "" if step.failure is None else f"{step.failure.type}: {step.failure.message}"
    print_fields(
        {
            "  component": f"{step.component.name} {step.component.version}".strip(),
            "  source": str(step.component.source_digest),
            "  image": step.component.image,
            "  code": code,
            "  environment": str(step.environment),
            "  time": f"{_time(step.started)} to {_time(step.finished)}",
            "  attempt": str(step.attempt),
            "  failure": failure,
        }
    )
    for parameter in step.parameters:
        typer.echo(f"  parameter  {parameter.name} = {_value(parameter)}")
    for given in step.inputs:
        typer.echo(f"  reads      {given.name}  {given.artifact.digest}  {given.artifact.uri}")
    for made in step.outputs:
        typer.echo(f"  writes     {made.name}  {made.artifact.digest}  {made.artifact.uri}")
    for result in step.results:
        typer.echo(f"  returns    {result.name} = {_value(result)}")


def _value(parameter: Parameter) -> str:
    return parameter.value or f"({parameter.keyed_digest})"


def _time(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")
