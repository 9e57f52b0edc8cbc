"""A decision of the gate as a record of its audit trail."""

from __future__ import annotations

from datetime import datetime

from kfp_provenance import audit
from kfp_provenance.gate.decision import Decision, JudgedModel
from kfp_provenance.version import distribution_version


def record_of(decision: Decision, time: datetime, *, duration: int = 0) -> audit.Record:
    """What the trail keeps of a decision.

    Args:
        decision: As it is answered.
        time: When it was taken, with a time zone.
        duration: Microseconds that it took.
    """
    request = decision.request
    return audit.Record(
        place=audit.Place(request.place.value),
        outcome=audit.Outcome.ALLOWED if decision.allowed else audit.Outcome.REFUSED,
        time=time,
        requester=audit.Requester(request.user, request.groups),
        target=audit.Target(
            request.kind,
            request.namespace,
            request.name,
            operation=request.operation,
            dry_run=request.dry_run,
        ),
        request_id=request.id,
        environment=decision.environment,
        findings=(*decision.findings, *decision.notes),
        models=tuple(map(_model, decision.models)),
        policy_revision=str(decision.policy_revision or ""),
        revocation_revision=str(decision.revocation_revision or ""),
        opa_decision_ids=decision.rule_decisions,
        gate_version=distribution_version(),
        duration=duration,
    )


def _model(judged: JudgedModel) -> audit.JudgedModel:
    return audit.JudgedModel(
        judged.uri,
        model_digest=judged.digest,
        bundle_digest=judged.bundle,
        promotion_digest=judged.promotion,
        signers=judged.view.signers if judged.view is not None else (),
    )
