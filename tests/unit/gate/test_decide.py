"""One decision: allowed only if nothing speaks against it, and nothing is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.codes import Code, ExitCode
from kfp_provenance.facts import Finding
from kfp_provenance.gate import (
    Decision,
    Environment,
    Evidence,
    GatePolicy,
    ModelEvidence,
    Place,
    PromotionRule,
    Request,
    RuleService,
    Verdicts,
    decide,
)
from kfp_provenance.policy.answer import RuleAnswer
from kfp_provenance.verify import Trust
from kfp_provenance.verify.trust import Requirements, Revocations
from support.chains import NOW, content, digest, key_pair, signed, tabular_run

REQUEST = Request(Place.ADMISSION, "uid-1", user="deployer", namespace="fraud", name="churn")
MODEL = b"model"
URI = f"gs://models/sha256-{digest(MODEL).hex}/model.skops"


class Story:
    """One signed model, and the policy of one environment."""

    def __init__(self, folder: Path) -> None:
        signer, public = key_pair(folder)
        self.bundle = signed(tabular_run(model=MODEL).chain(), signer)
        stranger, _ = key_pair(folder, "stranger")
        self.stranger = signed(tabular_run(model=MODEL).chain(), stranger)
        self.other = signed(tabular_run(model=b"other").chain(), signer)
        trust = replace(Trust.for_key(public), revision=digest(b"trust"))
        self.environment = Environment("production", frozenset({"fraud"}), trust, ("gs://models/",))
        self.policy = GatePolicy((self.environment,), digest(b"policy"))
        self.model = ModelEvidence("spec.predictor.model.storageUri", URI, content(MODEL))

    def decide(self, *models: ModelEvidence, **changes: object) -> Decision:
        environment = replace(self.environment, **changes)
        return decide(REQUEST, Evidence(models), self.policy, environment, now=NOW)

    def codes(self, *models: ModelEvidence, **changes: object) -> set[Code]:
        return {finding.code for finding in self.decide(*models, **changes).findings}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("story"))


@pytest.fixture
def good(story: Story) -> ModelEvidence:
    return replace(story.model, bundles=(story.bundle,))


def test_a_model_whose_chain_holds_is_allowed(story: Story, good: ModelEvidence) -> None:
    decision = story.decide(good)
    assert decision.allowed
    assert decision.exit_code is ExitCode.PASS
    (judged,) = decision.models
    assert judged.digest == digest(MODEL)
    assert judged.bundle == digest(story.bundle)
    assert decision.policy_revision == story.policy.revision
    assert decision.environment == "production"


def test_bundles_of_others_beside_it_do_no_harm(story: Story) -> None:
    model = replace(story.model, bundles=(b"{}", story.stranger, story.bundle, story.other))
    decision = story.decide(model)
    assert decision.allowed
    assert decision.models[0].bundle == digest(story.bundle)


def test_each_thing_that_is_wrong_has_its_code(story: Story, good: ModelEvidence) -> None:
    required = replace(
        story.environment.trust, requirements=Requirements(steps=frozenset({"check_bias"}))
    )
    revoked = replace(
        story.environment.trust, revoked=Revocations(digests=frozenset({digest(b"raw")}))
    )
    unread = Finding(Code.OBJECT_UNREACHABLE, "the bucket does not answer")
    cases: list[tuple[set[Code], set[Code]]] = [
        ({Code.BUNDLE_MISSING}, story.codes(story.model)),
        ({Code.SIGNER_UNTRUSTED}, story.codes(replace(good, bundles=(story.stranger,)))),
        ({Code.SUBJECT_MISMATCH}, story.codes(replace(good, bundles=(story.other,)))),
        ({Code.SUBJECT_MISMATCH}, story.codes(replace(good, observed=content(b"tampered")))),
        ({Code.MEDIA_TYPE_UNKNOWN}, story.codes(replace(good, bundles=(b"{}\n",)))),
        ({Code.MODEL_URI_MUTABLE}, story.codes(replace(good, observed=None))),
        ({Code.MODEL_SOURCE_DENIED}, story.codes(replace(good, uri="s3://theirs/m"))),
        ({Code.PROMOTION_MISSING}, story.codes(good, promotion=PromotionRule(required=True))),
        ({Code.STEP_REQUIRED}, story.codes(good, trust=required)),
        ({Code.DIGEST_REVOKED}, story.codes(good, trust=revoked)),
        ({Code.OBJECT_UNREACHABLE}, story.codes(replace(story.model, findings=(unread,)))),
    ]
    for expected, found in cases:
        assert found == expected


def test_one_bad_model_refuses_the_object(story: Story, good: ModelEvidence) -> None:
    bad = replace(story.model, place="spec.transformer", uri="gs://models/sha256-00/other")
    decision = story.decide(good, bad)
    assert not decision.allowed
    assert {finding.artifact for finding in decision.findings} == {bad.uri}


def test_what_cannot_be_decided_is_no_pass(story: Story, good: ModelEvidence) -> None:
    decision = story.decide(
        replace(good, findings=(Finding(Code.OBJECT_UNREACHABLE, "no answer"),))
    )
    assert not decision.allowed
    assert decision.exit_code is ExitCode.UNDECIDED


def test_rules_that_object_refuse_and_rules_that_were_not_asked_too(
    story: Story, good: ModelEvidence
) -> None:
    policy = replace(story.policy, rules=RuleService("http://opa", 1))

    def decided(*answers: RuleAnswer) -> Decision:
        return decide(REQUEST, Evidence((good,), answers), policy, story.environment, now=NOW)

    objection = Finding(Code.METRIC_THRESHOLD_MISSED, "accuracy below 0.95")
    allowed = decided(RuleAnswer((), "id-1", "rev-1"))
    assert allowed.allowed
    assert allowed.rule_decisions == ("id-1",)
    assert allowed.rule_revisions == ("rev-1",)
    assert decided(RuleAnswer((objection,), "id-2")).findings == (objection,)
    assert [finding.code for finding in decided().findings] == [Code.RULES_NOT_ASKED]


def test_a_model_without_an_environment_is_refused(story: Story, good: ModelEvidence) -> None:
    decision = decide(REQUEST, Evidence((good,)), story.policy, None, now=NOW)
    assert [finding.code for finding in decision.findings] == [Code.ENVIRONMENT_UNKNOWN]


def test_a_judgement_is_used_again_until_what_it_went_by_changes(
    story: Story, good: ModelEvidence
) -> None:
    verdicts = Verdicts()

    def allowed(environment: Environment, model: ModelEvidence = good, seconds: int = 0) -> bool:
        now = NOW + timedelta(seconds=seconds)
        evidence = Evidence((model,))
        return decide(
            REQUEST, evidence, story.policy, environment, now=now, verdicts=verdicts
        ).allowed

    assert allowed(story.environment)
    assert allowed(story.environment, seconds=59)
    assert (verdicts.hits, verdicts.misses) == (1, 1)
    assert allowed(story.environment, seconds=61)  # the clock went on: judged anew
    assert verdicts.misses == 2
    assert not allowed(story.environment, replace(good, observed=content(b"tampered")))
    trust = story.environment.trust
    revoked = replace(
        story.environment,
        trust=replace(trust, revoked=Revocations(digests=frozenset({digest(b"raw")}))),
    )
    assert not allowed(revoked)  # although the trust policy says the same revision
    other = replace(story.environment, trust=replace(trust, revision=digest(b"next")))
    misses = verdicts.misses
    assert allowed(other)
    assert verdicts.misses == misses + 1


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_change_of_a_bundle_is_allowed(story: Story, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(story.bundle) - 2))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(story.bundle)
    changed[place] ^= 1 << bit
    verdicts = Verdicts()
    evidence = Evidence((replace(story.model, bundles=(bytes(changed),)),))
    for _ in range(2):  # the kept judgement is no better
        decision = decide(
            REQUEST, evidence, story.policy, story.environment, now=NOW, verdicts=verdicts
        )
        assert not decision.allowed


def test_judgements_are_not_kept_without_end(story: Story) -> None:
    verdicts = Verdicts(size=2)
    for number in range(5):
        subject = content(str(number).encode())
        verdicts.verify(story.bundle, digest(story.bundle), story.environment, subject, NOW)
    assert len(verdicts._known) == 2
