"""A comparison for machines."""

from __future__ import annotations

from kfp_provenance.analysis.diffing.model import LineageDiff
from kfp_provenance.analysis.diffing.text import ORDER_NOTE
from kfp_provenance.data.plain import JsonObject, plain_object


def diff_to_json(diff: LineageDiff) -> JsonObject:
    """Every field of :class:`LineageDiff`, and ``equal``; the evidence of a cause by name."""
    found = plain_object(diff)
    found["causes"] = [
        {**plain_object(cause), "evidence": dict(cause.evidence)} for cause in diff.causes
    ]
    found["subjects"] = [
        {**plain_object(subject), "equal": subject.equal} for subject in diff.subjects
    ]
    found["metrics"] = [
        {**plain_object(metric), "difference": metric.difference} for metric in diff.metrics
    ]
    return {"equal": diff.equal, "order": ORDER_NOTE, **found}
