"""The one decision of the gate, wherever it stands. No I/O: the evidence is passed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kfp_provenance.attest.printable import listed
from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest, Finding, Verdict
from kfp_provenance.gate.decision import (
    Decision,
    Evidence,
    JudgedModel,
    ModelEvidence,
    Place,
    Request,
)
from kfp_provenance.gate.environments import Environment, GatePolicy, PromotionRule
from kfp_provenance.gate.verdicts import Verdicts
from kfp_provenance.verify import Verification

_BUNDLES = 16
"""Bundles beside one model that are looked at: more are somebody's flood."""


def decide(
    request: Request,
    evidence: Evidence,
    policy: GatePolicy,
    environment: Environment | None,
    *,
    now: datetime,
    verdicts: Verdicts | None = None,
) -> Decision:
    """Allowed, or refused with every reason that was found.

    Args:
        request: What is asked.
        evidence: What was found about it; what could not be found is a finding in it.
        policy: The gate's policy.
        environment: The environment that the request concerns; None for a pipeline.
        now: Time of the decision, with a time zone.
        verdicts: Keeps judgements for the next decision.
    """
    verdicts = verdicts if verdicts is not None else Verdicts(size=0)
    findings = list(evidence.findings)
    models = []
    if environment is not None:
        models = [_judge(model, environment, now, verdicts) for model in evidence.models]
    elif evidence.models:
        findings.append(_without_environment(request))
    for judged in models:
        findings += [_placed(finding, judged) for finding in judged.verdict.findings]
    for answer in evidence.rules:
        findings += answer.findings
    if policy.rules is not None and not evidence.rules and request.place is not Place.LOAD:
        findings.append(_unasked(policy.rules.url))
    return Decision(
        request=request,
        environment=environment.name if environment is not None else "",
        findings=tuple(dict.fromkeys(findings)),
        notes=tuple(dict.fromkeys(note for judged in models for note in judged.verdict.notes)),
        models=tuple(models),
        policy_revision=policy.revision,
        revocation_revision=environment.revocations if environment is not None else None,
        rule_decisions=tuple(a.decision_id for a in evidence.rules if a.decision_id),
        rule_revisions=tuple(dict.fromkeys(a.revision for a in evidence.rules if a.revision)),
    )


def _judge(
    model: ModelEvidence, environment: Environment, now: datetime, verdicts: Verdicts
) -> JudgedModel:
    findings = list(model.findings)
    if not environment.takes(model.uri):
        findings.append(_denied(model, environment))
    bundle, verification = None, None
    if model.observed is None:
        if not findings:
            findings.append(_mutable(model))
    else:
        bundle, verification = _best(model, environment, now, verdicts)
        if verification is not None:
            findings += verification.verdict.findings
        elif not findings:
            findings.append(_without_bundle(model))
        if environment.promotion != PromotionRule():
            findings.append(_unpromoted(model, environment))
    return JudgedModel(
        place=model.place,
        uri=model.uri,
        digest=model.observed.digest if model.observed is not None else None,
        bundle=bundle,
        promotion=None,
        verdict=Verdict(
            tuple(findings), verification.verdict.notes if verification is not None else ()
        ),
        view=verification.view if verification is not None else None,
    )


def _best(
    model: ModelEvidence, environment: Environment, now: datetime, verdicts: Verdicts
) -> tuple[Digest | None, Verification | None]:
    """The first bundle that holds; if none does, the one with the fewest findings."""
    tried: list[tuple[int, Digest, Verification]] = []
    if model.observed is None:
        return None, None
    for data in model.bundles[:_BUNDLES]:
        digest = Digest.of(data)
        found = verdicts.verify(data, digest, environment, model.observed, now)
        if found.verdict.passed:
            return digest, found
        tried.append((len(found.verdict.findings), digest, found))
    if not tried:
        return None, None
    _, digest, found = min(tried, key=lambda one: one[:2])
    return digest, found


def _placed(finding: Finding, judged: JudgedModel) -> Finding:
    """Says which model, where the finding itself names no artifact."""
    return finding if finding.artifact else replace(finding, artifact=judged.uri)


def _denied(model: ModelEvidence, environment: Environment) -> Finding:
    return Finding(
        Code.MODEL_SOURCE_DENIED,
        f"models of {environment.name} may not come from here",
        artifact=model.uri,
        expected=listed(environment.sources),
        found=model.uri,
        remedy="publish the model to a source of the environment",
    )


def _mutable(model: ModelEvidence) -> Finding:
    return Finding(
        Code.MODEL_URI_MUTABLE,
        f"{model.place} names bytes that anybody may replace",
        artifact=model.uri,
        expected="a path with sha256-<digest of the model> in it, as `publish` writes it",
        found=model.uri,
        remedy="name the content-addressed path that the model's pointer gives",
    )


def _without_bundle(model: ModelEvidence) -> Finding:
    return Finding(
        Code.BUNDLE_MISSING,
        "there is no provenance bundle beside the model",
        artifact=model.uri,
        expected="sha256-<digest>.sigstore.jsonl beside the model",
        found="none",
        remedy="sign the run and publish the model with its bundle",
    )


def _unpromoted(model: ModelEvidence, environment: Environment) -> Finding:
    # fail closed: neither promotions nor withdrawals can be read yet
    return Finding(
        Code.PROMOTION_MISSING,
        f"the model has no promotion to {environment.name}",
        artifact=model.uri,
        expected=f"a signed promotion to {environment.name} beside the model",
        found="none",
        remedy="promote the model",
    )


def _without_environment(request: Request) -> Finding:
    return Finding(
        Code.ENVIRONMENT_UNKNOWN,
        "a model without an environment cannot be judged",
        artifact=request.name,
        expected="an environment of the gate's policy",
        found="none",
        remedy="say the environment",
    )


def _unasked(url: str) -> Finding:
    return Finding(
        Code.RULES_NOT_ASKED,
        "the rules of the platform were not asked",
        expected=f"an answer of {url}",
        found="none",
        remedy="this is a fault of the gate: please report it",
    )
