"""Decisions as other systems read them: CloudEvents 1.0 and OCSF."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from kfp_provenance.attest.strict_json import JsonValue
from kfp_provenance.audit.encoding import JsonObject, encode_record, moment
from kfp_provenance.audit.records import JudgedModel, Outcome, RecordedDecision
from kfp_provenance.facts import Finding

CLOUD_EVENT_TYPE = "dev.kfp-provenance.gate.decision.v1"
OCSF_VERSION = "1.8.0"
"""Version of the Open Cybersecurity Schema Framework."""

_API_ACTIVITY = 6003
_APPLICATION_ACTIVITY = 6
_ACTIVITIES = {"CREATE": 1, "READ": 2, "UPDATE": 3, "DELETE": 4}
_OTHER = 99
_INFORMATIONAL, _MEDIUM = 1, 3
_ALLOWED, _DENIED = 1, 2
_DISPOSITION_ALLOWED, _DISPOSITION_BLOCKED, _DISPOSITION_COUNT = 1, 2, 11
_SUCCESS, _FAILURE = 1, 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decision_json(decision: RecordedDecision) -> JsonObject:
    """A decision as it stands in the trail, with where it stands."""
    record: JsonObject = json.loads(encode_record(decision.record))
    return {
        "id": decision.id,
        "digest": str(decision.digest),
        "recorded": moment(decision.time),
        "decision": record,
    }


def cloud_event(decision: RecordedDecision) -> JsonObject:
    """A CloudEvent in its JSON format; source and id name it for ever."""
    record = decision.record
    return {
        "specversion": "1.0",
        "id": decision.id,
        "source": f"urn:kfp-provenance:gate:{decision.chain}",
        "type": CLOUD_EVENT_TYPE,
        "subject": "/".join(filter(None, (record.target.namespace, record.target.name))) or "-",
        "time": moment(record.time),
        "datacontenttype": "application/json",
        "data": decision_json(decision),
    }


def ocsf_event(decision: RecordedDecision) -> JsonObject:
    """An OCSF event: API Activity (6003) with the profile of a security control.

    Who asked is the actor, the object and its models are the resources, the gate is the
    control that allowed or denied. What OCSF has no attribute for is under ``unmapped``.
    """
    record = decision.record
    refused = record.outcome is Outcome.REFUSED
    activity = _ACTIVITIES.get(record.target.operation.upper(), _OTHER)
    name = record.target.operation or str(record.place)
    reason = "; ".join(f"{f.code} {f.message}" for f in record.findings)
    event: JsonObject = {
        "class_uid": _API_ACTIVITY,
        "category_uid": _APPLICATION_ACTIVITY,
        "activity_id": activity,
        "type_uid": _API_ACTIVITY * 100 + activity,
        "time": _milliseconds(record.time),
        "severity_id": _MEDIUM if refused else _INFORMATIONAL,
        "metadata": _metadata(decision),
        "actor": {"user": _user(decision)},
        "api": {"operation": name, "request": {"uid": record.request_id or decision.id}},
        # whom the request came from is known by name only: the API server's own log has the rest
        "src_endpoint": {"name": record.requester.user or "unknown"},
        "resources": [_object(decision), *map(_model, record.models)],
        "action_id": _DENIED if refused and record.enforced else _ALLOWED,
        "disposition_id": _disposition(refused=refused, enforced=record.enforced),
        "policy": {"uid": record.policy_revision or "unknown", "is_applied": record.enforced},
        "status_id": _FAILURE if refused and record.enforced else _SUCCESS,
        "message": reason or f"{record.outcome} at {record.place}",
        "unmapped": {
            "digest": str(decision.digest),
            "place": str(record.place),
            "findings": [_finding(finding) for finding in record.findings],
            "opa_decision_ids": list(record.opa_decision_ids),
            "revocation_revision": record.revocation_revision,
            "environment": record.environment,
            "dry_run": record.target.dry_run,
            "omitted": dict(record.omitted),
        },
    }
    if activity == _OTHER:
        event["activity_name"] = name
    return event


def _disposition(*, refused: bool, enforced: bool) -> int:
    if not refused:
        return _DISPOSITION_ALLOWED
    return _DISPOSITION_BLOCKED if enforced else _DISPOSITION_COUNT


def _metadata(decision: RecordedDecision) -> JsonObject:
    return {
        "version": OCSF_VERSION,
        "uid": decision.id,
        "logged_time": _milliseconds(decision.time),
        "profiles": ["security_control"],
        "product": {
            "name": "kfp-provenance gate",
            "vendor_name": "kfp-provenance",
            "version": decision.record.gate_version or "unknown",
        },
    }


def _user(decision: RecordedDecision) -> JsonObject:
    requester = decision.record.requester
    user: JsonObject = {"name": requester.user or "unknown"}
    if requester.groups:
        user["groups"] = [{"name": group} for group in requester.groups]
    return user


def _object(decision: RecordedDecision) -> JsonObject:
    target = decision.record.target
    described: JsonObject = {"type": target.kind or "unknown", "name": target.name or "unknown"}
    return {**described, "namespace": target.namespace} if target.namespace else described


def _model(model: JudgedModel) -> JsonValue:
    data: JsonObject = {
        name: str(digest)
        for name, digest in (
            ("model_digest", model.model_digest),
            ("bundle_digest", model.bundle_digest),
            ("promotion_digest", model.promotion_digest),
        )
        if digest is not None
    }
    data["signers"] = list(model.signers)
    return {"type": "model", "name": model.name or model.uri, "uid": model.uri, "data": data}


def _finding(finding: Finding) -> JsonValue:
    fields = ("message", "step", "artifact", "expected", "found", "remedy")
    texts: JsonObject = {name: getattr(finding, name) for name in fields if getattr(finding, name)}
    return {"code": str(finding.code), **texts}


def _milliseconds(time: datetime) -> int:
    delta = time - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000
