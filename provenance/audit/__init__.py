"""The audit trail of the gate's decisions: append-only, hash-chained, with signed checkpoints.

The gate writes with :class:`AuditTrail`. Auditors read and judge it with the functions here,
or with ``kprov audit``.
"""

from __future__ import annotations

from kfp_provenance.audit.query import DecisionFilter, find_decisions, read_records
from kfp_provenance.audit.records import (
    JudgedModel,
    Outcome,
    Place,
    Record,
    RecordedDecision,
    Requester,
    Target,
    Tip,
)
from kfp_provenance.audit.render import render_record
from kfp_provenance.audit.report import ChainReport, TrailReport
from kfp_provenance.audit.trail import AuditTrail, TrailStatus
from kfp_provenance.audit.verifying import verify_trail

__all__ = [
    "AuditTrail",
    "ChainReport",
    "DecisionFilter",
    "JudgedModel",
    "Outcome",
    "Place",
    "Record",
    "RecordedDecision",
    "Requester",
    "Target",
    "Tip",
    "TrailReport",
    "TrailStatus",
    "find_decisions",
    "read_records",
    "render_record",
    "verify_trail",
]
