"""The gate: (request, evidence, policy) -> decision, at submit, promotion, admission and load.

``decide`` does no I/O: whoever stands at one of the four places collects the evidence.
"""

from __future__ import annotations

from kfp_provenance.gate.decide import decide
from kfp_provenance.gate.decision import (
    Decision,
    Evidence,
    JudgedModel,
    ModelEvidence,
    Place,
    Request,
)
from kfp_provenance.gate.environments import Environment, GatePolicy, PromotionRule, RuleService
from kfp_provenance.gate.policy_file import load_gate_policy
from kfp_provenance.gate.verdicts import Verdicts

__all__ = [
    "Decision",
    "Environment",
    "Evidence",
    "GatePolicy",
    "JudgedModel",
    "ModelEvidence",
    "Place",
    "PromotionRule",
    "Request",
    "RuleService",
    "Verdicts",
    "decide",
    "load_gate_policy",
]
