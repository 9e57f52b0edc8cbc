"""The audit trail of the gate's decisions: append-only, hash-chained, with signed checkpoints.

The gate writes with :class:`AuditTrail`. Auditors read and judge it with the functions here,
or with ``kprov audit``.
"""

from __future__ import annotations

from kfp_provenance.audit.records import (
    Entry,
    JudgedModel,
    Outcome,
    Place,
    Record,
    Requester,
    Target,
    Tip,
)
from kfp_provenance.audit.trail import AuditTrail, TrailStatus

__all__ = [
    "AuditTrail",
    "Entry",
    "JudgedModel",
    "Outcome",
    "Place",
    "Record",
    "Requester",
    "Target",
    "Tip",
    "TrailStatus",
]
