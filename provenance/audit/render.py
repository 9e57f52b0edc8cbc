"""A recorded decision for people."""

from __future__ import annotations

from collections.abc import Iterator

from kfp_provenance.attest.printable import printable
from kfp_provenance.audit.encoding import moment
from kfp_provenance.audit.records import JudgedModel, RecordedDecision
from kfp_provenance.facts import Finding


def render_record(decision: RecordedDecision) -> str:
    """Several lines; everything that came from outside is made printable."""
    record = decision.record
    target = record.target
    told = "" if record.enforced else " (told only, not enforced)"
    lines = [f"{record.outcome.upper()}{told} at {record.place}, {moment(record.time)}"]
    what = " ".join(filter(None, (target.operation, target.kind)))
    name = "/".join(filter(None, (target.namespace, target.name)))
    fields = {
        "object": f"{what} {name}" + (" (dry run)" if target.dry_run else ""),
        "asked by": record.requester.user,
        "groups": ", ".join(record.requester.groups),
        "request": record.request_id,
        "environment": record.environment,
        "policy": record.policy_revision,
        "revocations": record.revocation_revision,
        "OPA decisions": ", ".join(record.opa_decision_ids),
        "gate": record.gate_version,
        "took": f"{record.duration} µs" if record.duration else "",
        "left out": ", ".join(f"{count} {name}" for name, count in record.omitted.items()),
        "recorded": f"{decision.id} {decision.digest}",
    }
    lines += [
        f"  {name + ':':<15}{printable(value, 1000)}" for name, value in fields.items() if value
    ]
    for model in record.models:
        lines += _model(model)
    for finding in record.findings:
        lines += _finding(finding)
    return "\n".join(lines)


def _model(model: JudgedModel) -> Iterator[str]:
    yield f"  model {printable(model.name)} {printable(model.uri, 1000)}".replace(
        "  model  ", "  model "
    )
    for label, digest in (
        ("digest", model.model_digest),
        ("bundle", model.bundle_digest),
        ("promotion", model.promotion_digest),
    ):
        if digest is not None:
            yield f"    {label + ':':<13}{digest}"
    if model.signers:
        yield f"    {'signers:':<13}{printable(', '.join(model.signers), 1000)}"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"  {finding.code}: {printable(finding.message, 1000)}"
    for label in ("step", "artifact", "expected", "found", "remedy"):
        value = getattr(finding, label)
        if value:
            yield f"    {label + ':':<13}{printable(value, 1000)}"
