"""What the rules of the platform answered."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.facts import Finding


@dataclass(frozen=True)
class RuleAnswer:
    """One decision of Open Policy Agent.

    Attributes:
        findings: What the rules object to; empty if nothing. A question that was not
            answered is a finding too.
        decision_id: Id of the decision in OPA's own log; may be empty.
        revision: Revision of the bundle of rules; may be empty.
    """

    findings: tuple[Finding, ...]
    decision_id: str = ""
    revision: str = ""
