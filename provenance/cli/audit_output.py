"""What ``kprov audit`` prints."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kfp_provenance.audit import RecordedDecision, TrailReport
    from kfp_provenance.facts import Finding

COLUMNS = (
    "time",
    "place",
    "outcome",
    "namespace",
    "name",
    "operation",
    "user",
    "codes",
    "models",
    "id",
)


def report_json(report: TrailReport) -> dict[str, object]:
    """What was found in a trail, for machines."""
    from kfp_provenance.audit.encoding import moment

    return {
        "trail": report.uri,
        "passed": report.verdict.passed,
        "decisions": report.decisions,
        "not_covered": report.not_covered,
        "chains": [
            {
                "chain": chain.chain,
                "replica": chain.replica,
                "lines": chain.lines,
                "decisions": chain.decisions,
                "not_covered": chain.not_covered,
                "ended": chain.ended,
                "newest": moment(chain.last) if chain.last else "",
                "tip": str(chain.tip.digest) if chain.tip else "",
            }
            for chain in report.chains
        ],
        "findings": [_finding_json(finding) for finding in report.verdict.findings],
        "notes": [_finding_json(finding) for finding in report.verdict.notes],
    }


def _finding_json(finding: Finding) -> dict[str, str]:
    names = ("code", "message", "artifact", "expected", "found", "remedy")
    return {name: str(getattr(finding, name)) for name in names}


def print_report(report: TrailReport, *, unsigned: bool) -> None:
    """The same for people: findings, notes, and one line at the end."""
    from kfp_provenance.attest.printable import printable

    for finding in (*report.verdict.findings, *report.verdict.notes):
        mark = "" if finding in report.verdict.findings else "note: "
        typer.echo(f"{mark}{finding.code}: {printable(finding.message)}")
        for label in ("artifact", "expected", "found", "remedy"):
            value = getattr(finding, label)
            if value:
                typer.echo(f"  {label + ':':<10}{printable(value, 1000)}")
    covered = "signatures not checked" if unsigned else f"{report.not_covered} not covered yet"
    outcome = "PASSED" if report.verdict.passed else "REFUSED"
    typer.echo(
        f"{outcome} {report.uri}: {report.decisions} decisions in {len(report.chains)} chains, "
        f"{covered}"
    )


def row(decision: RecordedDecision) -> list[str]:
    """A decision as cells below :data:`COLUMNS`."""
    from kfp_provenance.attest.printable import printable
    from kfp_provenance.audit.encoding import moment

    record = decision.record
    cells = [
        moment(record.time),
        str(record.place),
        str(record.outcome) if record.enforced else f"{record.outcome} (told only)",
        record.target.namespace,
        record.target.name,
        record.target.operation,
        record.requester.user,
        " ".join(str(finding.code) for finding in record.findings),
        " ".join(model.name or model.uri for model in record.models),
        decision.id,
    ]
    return [printable(cell) for cell in cells]


def print_csv(decisions: Iterable[RecordedDecision]) -> None:
    """Decisions for a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    # a spreadsheet takes a cell that begins so for a formula
    for decision in decisions:
        writer.writerow([f"'{c}" if c[:1] in "=+-@" and c else c for c in row(decision)])
    typer.echo(text.getvalue(), nl=False)
