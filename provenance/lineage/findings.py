"""Findings that the signer and the verifier word alike."""

from __future__ import annotations

from collections.abc import Sequence

from kfp_provenance.codes import Code
from kfp_provenance.facts import Finding, Input, Outcome, Step
from kfp_provenance.lineage.checks import artifact_label, content_text, step_label
from kfp_provenance.lineage.model import MAX_STEPS


def unknown_subject(consumer: str, given: Input) -> Finding:
    """What is to be signed comes from no recorded step."""
    return Finding(
        Code.SUBJECT_UNKNOWN,
        "no recorded step of this run produced what is to be signed",
        step=consumer,
        artifact=artifact_label(given.name, given.index),
        expected="an output of a tracked step",
        found=f"{content_text(given.artifact)} at {given.artifact.uri}",
        remedy="let a tracked component produce it in the same pipeline",
    )


def missing_producer(consumer: str, given: Input) -> Finding:
    """The step that announced an input is not there."""
    return Finding(
        Code.CHAIN_STEP_MISSING,
        "the step that produced an input is missing",
        step=consumer,
        artifact=artifact_label(given.name, given.index),
        expected=f"step {given.producer or '(unnamed)'} with {content_text(given.artifact)}",
        found="no such step",
        remedy="the record of that step was lost or left out: run the pipeline again",
    )


def undeclared_input(step: Step, given: Input) -> Finding:
    """An input that nobody produced and nobody declared."""
    return Finding(
        Code.CHAIN_INPUT_UNDECLARED,
        "nobody produced this input and nobody declared it as a root",
        step=step_label(step),
        artifact=artifact_label(given.name, given.index),
        expected="an output of a tracked step, or a declared root",
        found=f"{content_text(given.artifact)} at {given.artifact.uri}",
        remedy=f"produce it with a tracked component, or declare the root {given.artifact.digest}",
    )


def cycle_finding(steps: Sequence[Step]) -> Finding:
    """Steps that are, by their records, upstream of themselves."""
    return Finding(
        Code.CHAIN_CYCLE,
        "steps are upstream of themselves",
        step=", ".join(step_label(step) for step in steps[:10]),
        expected="every input was there before the step that read it",
        found=f"a cycle of {len(steps)} steps",
        remedy="records were forged or mixed up: do not trust this run",
    )


def failed_producer(consumer: str, given: Input, producer: Step) -> Finding:
    """The step that produced an input did not succeed."""
    return Finding(
        Code.CHAIN_STEP_FAILED,
        f"an input comes from {step_label(producer)}, which failed",
        step=consumer,
        artifact=artifact_label(given.name, given.index),
        expected=str(Outcome.SUCCEEDED),
        found=str(producer.outcome),
        remedy="run the pipeline again; the output of a failed step is no evidence",
    )


def too_long() -> Finding:
    """More steps than one bundle holds."""
    return Finding(
        Code.BUNDLE_TOO_LARGE,
        "the chain has more steps than a bundle holds",
        expected=f"at most {MAX_STEPS} steps",
        found="more",
        remedy="sign an intermediate artifact and declare its digest as a root",
    )
