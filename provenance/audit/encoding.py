"""A record as JSON of bounded size: long texts are cut with a mark, lists are counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from kfp_provenance.attest.strict_json import JsonValue
from kfp_provenance.audit.records import JudgedModel, Record
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Digest, Finding

MAX_LINE = 256 * 1024
"""Bytes of one line of the trail, without its newline."""
MAX_TEXT = 1024
MAX_ELEMENTS = 64
MAX_DURATION = 10**12

_MAX_DECISION = MAX_LINE - 16 * 1024
_CUT = " [cut, {} characters in all]"
_MARK = re.compile(r" \[cut, \d{1,12} characters in all\]")

_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)
_Element = TypeVar("_Element")
JsonObject = dict[str, JsonValue]


def canonical_json(value: object) -> bytes:
    """RFC 8785, for values without fractions.

    The encoder of the standard library writes the same bytes as RFC 8785 where keys are ASCII
    and numbers are integers, in a tenth of the time.

    Raises:
        ValueError: For NaN and infinities, and for text that is not Unicode.
    """
    return _ENCODER.encode(value).encode("utf-8")


def encode_record(record: Record) -> bytes:
    """The canonical JSON of a record, of at most 240 KiB whatever it holds.

    Raises:
        AuditError: AUDIT_RECORD_INVALID if its time has no zone or its duration is no number.
    """
    if record.time.tzinfo is None or not 0 <= record.duration <= MAX_DURATION:
        raise AuditError(
            Code.AUDIT_RECORD_INVALID,
            "the decision cannot be recorded",
            expected=f"a time with a zone, and 0 to {MAX_DURATION} microseconds",
            found=f"{record.time.isoformat()}, {record.duration} microseconds",
            remedy="this is an error of the caller: report it",
        )
    most = MAX_ELEMENTS
    while True:
        data = canonical_json(_record(record, most))
        if len(data) <= _MAX_DECISION or most == 1:
            return data
        most //= 2


def moment(time: datetime) -> str:
    """RFC 3339 in UTC, always with six digits, so that text sorts as time does."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def bounded(text: str, limit: int = MAX_TEXT) -> str:
    """``text`` as it is kept: Unicode, and at most ``limit`` characters and a mark."""
    length = len(text)
    if length > limit and _MARK.fullmatch(text, limit):
        return text  # it was read from a trail, and has its mark already
    text = text[:limit]
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")[:limit]
    return text if length <= limit else text + _CUT.format(length)


def _record(record: Record, most: int) -> JsonObject:
    omitted: dict[str, int] = dict(record.omitted)

    def many(
        name: str, elements: Sequence[_Element], form: Callable[[_Element], JsonValue]
    ) -> list[JsonValue]:
        if len(elements) > most:
            omitted[name] = omitted.get(name, 0) + len(elements) - most
        return [form(element) for element in elements[:most]]

    def model(judged: JudgedModel) -> JsonValue:
        return _filled(
            uri=bounded(judged.uri),
            name=bounded(judged.name),
            model_digest=_digest(judged.model_digest),
            bundle_digest=_digest(judged.bundle_digest),
            promotion_digest=_digest(judged.promotion_digest),
            signers=many("signers", judged.signers, bounded),
        )

    requester, target = record.requester, record.target
    result = _filled(
        place=str(record.place),
        outcome=str(record.outcome),
        time=moment(record.time),
        user=bounded(requester.user),
        groups=many("groups", requester.groups, bounded),
        kind=bounded(target.kind),
        namespace=bounded(target.namespace),
        name=bounded(target.name),
        operation=bounded(target.operation),
        dry_run=target.dry_run,
        request_id=bounded(record.request_id),
        environment=bounded(record.environment),
        findings=many("findings", record.findings, _finding),
        models=many("models", record.models, model),
        policy_revision=bounded(record.policy_revision),
        revocation_revision=bounded(record.revocation_revision),
        opa_decision_ids=many("opa_decision_ids", record.opa_decision_ids, bounded),
        gate_version=bounded(record.gate_version),
        duration=record.duration,
    )
    if not record.enforced:
        result["enforced"] = False
    return {**result, "omitted": dict(omitted)} if omitted else result


def _finding(finding: Finding) -> JsonObject:
    return _filled(
        code=str(finding.code),
        message=bounded(finding.message),
        step=bounded(finding.step),
        artifact=bounded(finding.artifact),
        expected=bounded(finding.expected),
        found=bounded(finding.found),
        remedy=bounded(finding.remedy),
    )


def _digest(digest: Digest | None) -> str:
    return "" if digest is None else str(digest)


def _filled(**values: JsonValue) -> JsonObject:
    """Without what is empty: false, 0, no text, no element."""
    return {name: value for name, value in values.items() if value}
