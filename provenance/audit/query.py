"""Read decisions out of a trail. Nothing is verified here: that is ``verify_trail``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.audit.encoding import bounded, canonical_json
from kfp_provenance.audit.lines import parse_line
from kfp_provenance.audit.naming import RECORDS
from kfp_provenance.audit.records import Outcome, Place, Record, RecordedDecision
from kfp_provenance.audit.sources import open_source, read_lines
from kfp_provenance.errors import AuditError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DecisionFilter:
    """Which decisions; what is empty is left open.

    Attributes:
        model: Name or URI of a model, compared exactly.
        digest: Digest of a model, a bundle, a promotion or a policy.
        namespace: Kubernetes namespace.
        name: Name of the object.
        since: Not before that time.
        until: Before that time.
        outcome: What was answered.
        place: Where.
        code: Code of a finding.
        user: Who asked.
        id: ``CHAIN/SEQUENCE`` of one decision.
    """

    model: str = ""
    digest: str = ""
    namespace: str = ""
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None
    outcome: Outcome | None = None
    place: Place | None = None
    code: str = ""
    user: str = ""
    id: str = ""

    def needles(self) -> tuple[bytes, ...]:
        """Bytes that a line with such a decision holds: most lines need not be read for it."""
        texts = [("namespace", self.namespace), ("name", self.name), ("user", self.user)]
        texts += [("outcome", self.outcome or ""), ("place", self.place or "")]
        texts += [("code", self.code)]
        keyed = [f'"{key}":'.encode() + _value(text) for key, text in texts if text]
        return (*keyed, *(_value(text) for text in (self.model, self.digest) if text))

    def takes(self, decision: RecordedDecision) -> bool:
        """Whether it is one of them."""
        record = decision.record
        target = record.target
        wanted = (
            (self.namespace, target.namespace),
            (self.name, target.name),
            (self.user, record.requester.user),
            (self.id, decision.id),
            (self.outcome, record.outcome),
            (self.place, record.place),
        )
        return (
            all(not asked or asked == found for asked, found in wanted)
            and (self.since is None or record.time >= self.since)
            and (self.until is None or record.time < self.until)
            and (not self.code or any(str(f.code) == self.code for f in record.findings))
            and (not self.model or any(self.model in (m.name, m.uri) for m in record.models))
            and (not self.digest or self.digest in _digests(record))
        )


def read_records(uri: str, wanted: DecisionFilter | None = None) -> Iterator[RecordedDecision]:
    """Decisions of a trail, chain by chain, each in its order.

    A line that could be one of them and cannot be read is left out, with a warning in the log.

    Raises:
        AuditError: URI_UNSUPPORTED or AUDIT_TRAIL_UNREADABLE.
        StorageError: If the bucket cannot be read.
    """
    source = open_source(uri)
    wanted = wanted or DecisionFilter()
    needles = wanted.needles()
    for chain in source.chains():
        if wanted.id and not wanted.id.startswith(f"{chain}/"):
            continue
        for name in source.files(chain, RECORDS):
            with source.open(chain, name) as file:
                for line, whole in read_lines(file):
                    if not whole or not all(needle in line for needle in needles):
                        continue
                    decision = _decision(line, f"{chain}/{name}")
                    if decision is not None and wanted.takes(decision):
                        yield decision


def find_decisions(
    uri: str, *, namespace: str, name: str, newest: int = 10
) -> list[RecordedDecision]:
    """The newest decisions about one object, the newest first.

    Raises:
        AuditError, StorageError: As :func:`read_records`.
    """
    wanted = DecisionFilter(namespace=namespace, name=name)
    found: list[RecordedDecision] = []
    for decision in read_records(uri, wanted):
        found.append(decision)
        if len(found) >= 2 * newest:
            found = _newest(found, newest)
    return _newest(found, newest)


def _value(text: str) -> bytes:
    """A text as lines hold it."""
    return canonical_json(bounded(text))


def _newest(found: list[RecordedDecision], most: int) -> list[RecordedDecision]:
    return sorted(found, key=lambda decision: decision.record.time, reverse=True)[:most]


def _digests(record: Record) -> set[str]:
    digests = {record.policy_revision, record.revocation_revision}
    for model in record.models:
        found = (model.model_digest, model.bundle_digest, model.promotion_digest)
        digests |= {str(digest) for digest in found if digest is not None}
    return digests


def _decision(line: bytes, where: str) -> RecordedDecision | None:
    try:
        entry = parse_line(line)
    except AuditError as error:
        _log.warning("a line of the audit trail cannot be read: %s: %s", where, error.found)
        return None
    if not isinstance(entry.content, Record):
        return None
    return RecordedDecision(entry.chain, entry.sequence, entry.time, entry.digest, entry.content)
