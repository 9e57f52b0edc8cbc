"""The verification summary (SLSA VSA v1) over a chain, and what it says beyond SLSA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.attest.identifiers import (
    CHAIN_EXTENSION,
    CHAIN_POLICY,
    IN_RUN_BUILDER,
    LEVELS,
    PASSED,
    SLSA_VERSION,
    STATEMENT_TYPE,
    SUMMARY_TYPE,
    VERSION_KEY,
)
from kfp_provenance.attest.policy import CHAIN_POLICY_DIGEST
from kfp_provenance.attest.statement import (
    JsonObject,
    canonical,
    described,
    located,
    timestamp,
)
from kfp_provenance.facts import Digest
from kfp_provenance.lineage.checks import artifact_label
from kfp_provenance.lineage.model import Chain, ChainSubject, Join
from kfp_provenance.lineage.roots import RootUse
from kfp_provenance.lineage.stored import StoredBytes
from kfp_provenance.version import distribution_version


@dataclass(frozen=True)
class AttestationReference:
    """One step line of the bundle: id of the step, digest of the line without its newline."""

    step: str
    digest: Digest


@dataclass(frozen=True)
class Summary:
    """What a signed summary says; nothing of it is believed before it is verified.

    Attributes:
        verifier: ``verifier.id``: who judged.
        verifier_version: Version of this package that did.
        time: When.
        result: ``PASSED`` or ``FAILED``.
        levels: SLSA levels that are claimed.
        resource_uri: Where the first subject was.
        policy_uri: Policy that was applied, with ``policy_digest``.
        policy_digest: Digest of its text.
        subjects: The model first.
        attestations: The step lines of the bundle, in their order.
        run: Run of the signing step.
        pipeline: Name of the run's pipeline.
        pipeline_digest: Its digest; may be empty.
        roots: Inputs that the chain starts from.
        joins: Inputs joined by digest.
        reused_runs: Earlier runs whose steps were used again.
        stored: What was hashed again before signing, and what could not be read.
    """

    verifier: str
    verifier_version: str
    time: datetime
    result: str
    levels: tuple[str, ...]
    resource_uri: str
    policy_uri: str
    policy_digest: Digest
    subjects: tuple[ChainSubject, ...]
    attestations: tuple[AttestationReference, ...]
    run: str
    pipeline: str
    pipeline_digest: str
    roots: tuple[RootUse, ...]
    joins: tuple[Join, ...]
    reused_runs: tuple[str, ...]
    stored: StoredBytes


def make_summary(
    chain: Chain,
    attestations: Sequence[AttestationReference],
    *,
    stored: StoredBytes,
    now: datetime,
    builder: str = IN_RUN_BUILDER,
) -> bytes:
    """The summary of a chain that holds: canonical JSON, ready to be signed.

    Args:
        chain: A chain without findings and with at least one subject.
        attestations: The signed step lines, in the order of ``chain.steps``.
        stored: What was hashed again before signing.
        now: Time of the judgement.
        builder: ``verifier.id``: the same party makes the statements and the judgement.
    """
    predicate: JsonObject = {
        "verifier": {"id": builder, "version": {VERSION_KEY: distribution_version()}},
        "timeVerified": timestamp(now),
        "resourceUri": chain.subjects[0].artifact.uri,
        "policy": {"uri": CHAIN_POLICY, "digest": {"sha256": CHAIN_POLICY_DIGEST.hex}},
        "inputAttestations": [
            {"name": reference.step, "digest": {"sha256": reference.digest.hex}}
            for reference in attestations
        ],
        "verificationResult": PASSED,
        "verifiedLevels": list(LEVELS),
        "slsaVersion": SLSA_VERSION,
        CHAIN_EXTENSION: _extension(chain, stored),
    }
    statement: JsonObject = {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(subject) for subject in chain.subjects],
        "predicateType": SUMMARY_TYPE,
        "predicate": predicate,
    }
    return canonical(statement, f"summary of run {chain.run}")


def _subject(subject: ChainSubject) -> JsonObject:
    annotations = described(
        subject.artifact,
        index=str(subject.index),
        producer=subject.producer,
        output=subject.output,
        outputIndex=str(subject.output_index),
    )
    return located(artifact_label(subject.name, subject.index), subject.artifact, annotations)


def _extension(chain: Chain, stored: StoredBytes) -> JsonObject:
    return {
        "run": chain.run,
        "pipeline": {"name": chain.pipeline, "digest": chain.pipeline_digest},
        "roots": [
            {
                "step": root.step,
                "input": root.input,
                "index": root.index,
                "digest": str(root.digest),
                "uri": root.uri,
                "declaredBy": str(root.declared_by),
            }
            for root in chain.roots
        ],
        "joins": [
            {
                "step": join.step,
                "input": join.input,
                "index": join.index,
                "producer": join.producer,
                "output": join.output,
                "outputIndex": join.output_index,
            }
            for join in chain.joins
        ],
        "reusedRuns": list(chain.reused_runs),
        "stored": {
            "rehashed": [{"digest": str(a.digest), "uri": a.uri} for a in stored.rehashed],
            "unread": [
                {"digest": str(a.digest), "uri": a.uri, "reason": a.reason} for a in stored.unread
            ],
        },
    }
