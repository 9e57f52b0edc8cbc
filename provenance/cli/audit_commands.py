"""``kprov audit verify``, ``query`` and ``export``."""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kfp_provenance.cli.audit_output import COLUMNS, print_csv, print_report, report_json, row
from kfp_provenance.cli.output import JsonFlag, print_json, print_table
from kfp_provenance.cli.trust_options import (
    IdentityOption,
    IssuerOption,
    KeyOption,
    RootOption,
    TrustOption,
    trust_of,
)
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.audit import DecisionFilter, TrailReport
    from kfp_provenance.verify import Trust

_Kind = TypeVar("_Kind", bound=StrEnum)
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
_KEPT = 64 * 1024 * 1024


class Format(StrEnum):
    """How decisions are printed."""

    TABLE = "table"
    TEXT = "text"
    JSON = "json"
    CSV = "csv"


class ExportFormat(StrEnum):
    """How decisions are handed to other systems."""

    JSONL = "jsonl"
    OCSF = "ocsf"
    CLOUDEVENTS = "cloudevents"


UriArgument = Annotated[str, typer.Argument(help="The trail: a folder, or gs://BUCKET/PREFIX.")]
ModelOption = Annotated[str, typer.Option(help="Name or URI of a model.")]
DigestOption = Annotated[str, typer.Option(help="Of a model, bundle, promotion or policy.")]
NamespaceOption = Annotated[str, typer.Option(help="Kubernetes namespace.")]
NameOption = Annotated[str, typer.Option(help="Name of the object.")]
SinceOption = Annotated[
    datetime | None, typer.Option(formats=_TIMES, help="Not before that time (UTC).")
]
UntilOption = Annotated[
    datetime | None, typer.Option(formats=_TIMES, help="Before that time (UTC).")
]
OutcomeOption = Annotated[str, typer.Option(help="allowed or refused.")]
PlaceOption = Annotated[str, typer.Option(help="submit, promotion, admission or load.")]
CodeOption = Annotated[str, typer.Option(help="Code of a finding.")]
UserOption = Annotated[str, typer.Option(help="Who asked.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    audit = typer.Typer(help="The gate's audit trail.", no_args_is_help=True)
    audit.command("verify")(verify)
    audit.command("query")(query)
    audit.command("export")(export)
    app.add_typer(audit, name="audit")


def verify(
    uri: UriArgument,
    *,
    key: KeyOption = None,
    trust: TrustOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Check digests and links only, no signature.")
    ] = False,
    expect: Annotated[
        Path | None, typer.Option(help="Checkpoints kept from earlier, which must still hold.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Write the newest checkpoint of each chain, for --expect.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find changed, dropped, moved, repeated, added and cut off records."""
    from kfp_provenance.audit import verify_trail

    if unsigned and (key or trust or identity or expect or keep):
        raise SettingsError(
            Code.USAGE,
            "--unsigned looks at no signature",
            expected="--unsigned alone",
            found="also whom to trust, or checkpoints",
            remedy="leave it out, so that signatures are checked",
        )
    if keep is not None and keep != expect and keep.exists():
        raise _usage(keep, "the checkpoints that were kept there would be lost", "a file")
    signers = None if unsigned else _trust(key, trust, identity, issuer, trusted_root)
    expected = _kept(expect) if expect is not None else []
    report = verify_trail(uri, signers, expected)
    if keep is not None and not report.verdict.findings:
        _keep(report, keep)
    print_json(report_json(report)) if as_json else print_report(report, unsigned=unsigned)
    raise typer.Exit(int(report.verdict.exit_code))


def query(
    uri: UriArgument,
    *,
    model: ModelOption = "",
    digest: DigestOption = "",
    namespace: NamespaceOption = "",
    name: NameOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    outcome: OutcomeOption = "",
    place: PlaceOption = "",
    code: CodeOption = "",
    user: UserOption = "",
    decision_id: Annotated[str, typer.Option("--id", help="CHAIN/SEQUENCE of one.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Most decisions to print.")] = 1000,
    form: Annotated[Format, typer.Option("--format", help="How.")] = Format.TABLE,
    as_json: JsonFlag = False,
) -> None:
    """Print recorded decisions. Does not verify them: see ``kprov audit verify``."""
    from itertools import islice

    from kfp_provenance.audit import read_records, render_record

    wanted = _filter(
        model=model,
        digest=digest,
        namespace=namespace,
        name=name,
        since=since,
        until=until,
        outcome=outcome,
        place=place,
        code=code,
        user=user,
        decision_id=decision_id,
    )
    found = list(islice(read_records(uri, wanted), limit + 1))
    shown = found[:limit]
    if as_json or form is Format.JSON:
        from kfp_provenance.audit.export import decision_json

        print_json([decision_json(decision) for decision in shown])
    elif form is Format.CSV:
        print_csv(shown)
    elif form is Format.TEXT:
        typer.echo("\n\n".join(map(render_record, shown)))
    elif shown:
        print_table(COLUMNS, [row(decision) for decision in shown])
    else:
        typer.echo("no decision")
    if len(found) > limit:
        typer.echo("there are more: raise --limit, or ask for less", err=True)


def export(
    uri: UriArgument,
    *,
    form: Annotated[ExportFormat, typer.Option("--format", help="For whom.")] = ExportFormat.JSONL,
    model: ModelOption = "",
    digest: DigestOption = "",
    namespace: NamespaceOption = "",
    name: NameOption = "",
    since: SinceOption = None,
    until: UntilOption = None,
    outcome: OutcomeOption = "",
    place: PlaceOption = "",
    code: CodeOption = "",
    user: UserOption = "",
) -> None:
    """Write recorded decisions for other systems, one JSON document on each line."""
    from kfp_provenance.audit import read_records
    from kfp_provenance.audit.export import cloud_event, decision_json, ocsf_event

    wanted = _filter(
        model=model,
        digest=digest,
        namespace=namespace,
        name=name,
        since=since,
        until=until,
        outcome=outcome,
        place=place,
        code=code,
        user=user,
    )
    make = {
        ExportFormat.JSONL: decision_json,
        ExportFormat.OCSF: ocsf_event,
        ExportFormat.CLOUDEVENTS: cloud_event,
    }[form]
    for decision in read_records(uri, wanted):
        sys.stdout.write(json.dumps(make(decision), ensure_ascii=False) + "\n")


def _trust(
    key: Path | None, trust: Path | None, identity: str, issuer: str, trusted_root: str
) -> Trust:
    from kfp_provenance.attest.identifiers import GATE_BUILDER

    return trust_of(key, trust, identity, issuer, trusted_root, builders=(GATE_BUILDER,))


def _filter(
    *,
    model: str,
    digest: str,
    namespace: str,
    name: str,
    since: datetime | None,
    until: datetime | None,
    outcome: str,
    place: str,
    code: str,
    user: str,
    decision_id: str = "",
) -> DecisionFilter:
    from kfp_provenance.audit import DecisionFilter, Outcome, Place

    return DecisionFilter(
        model=model,
        digest=digest,
        namespace=namespace,
        name=name,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        outcome=_one_of(Outcome, "--outcome", outcome),
        place=_one_of(Place, "--place", place),
        code=str(_one_of(Code, "--code", code) or ""),
        user=user,
        id=decision_id,
    )


def _one_of(kinds: type[_Kind], option: str, text: str) -> _Kind | None:
    if not text:
        return None
    try:
        return kinds(text)
    except ValueError as error:
        raise SettingsError(
            Code.USAGE,
            f"{option} names something that there is not",
            expected=", ".join(kinds) if len(kinds) < 10 else "a code of docs/reference/codes.md",  # noqa: PLR2004
            found=repr(text[:80]),
            remedy="correct it; a filter that matches nothing would look like an empty trail",
        ) from error


def _kept(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            data = file.read(_KEPT + 1)
    except OSError as error:
        raise _usage(path, "the kept checkpoints cannot be read", error.strerror or "") from error
    lines = [line for line in data.split(b"\n") if line]
    if not lines or len(data) > _KEPT:
        raise _usage(path, "there are no kept checkpoints", f"{len(data)} bytes")
    return lines


def _keep(report: TrailReport, path: Path) -> None:
    lines = [chain.checkpoint.line.raw + b"\n" for chain in report.chains if chain.checkpoint]
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            beside = Path(folder) / path.name
            beside.write_bytes(b"".join(lines))
            beside.replace(path)
    except OSError as error:
        message = "the checkpoints cannot be kept"
        raise _usage(path, message, error.strerror or "") from error


def _usage(path: Path, message: str, found: str) -> SettingsError:
    return SettingsError(
        Code.USAGE,
        message,
        where=str(path),
        found=found,
        remedy="name another file; to replace old checkpoints, pass them as --expect too",
    )
