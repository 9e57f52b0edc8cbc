"""Judgements that the signer and the verifier make alike."""

from __future__ import annotations

from collections.abc import Sequence

from kfp_provenance.codes import Code
from kfp_provenance.facts import Artifact, Finding, Input, Output, Step


def step_label(step: Step) -> str:
    """How findings name a step: its task and its id."""
    return f"{step.task} ({step.id})"


def artifact_label(name: str, index: int) -> str:
    """How an input or output is named: ``data`` or, in a list, ``data[1]``."""
    return f"{name}[{index}]" if index else name


def same_content(one: Artifact, other: Artifact) -> bool:
    """Equal identity: a file with the text of a listing is not that directory."""
    return one.digest == other.digest and one.kind == other.kind


def content_text(artifact: Artifact) -> str:
    """Identity of an artifact as findings show it."""
    return f"{artifact.kind} {artifact.digest}"


def find_output(step: Step, name: str, index: int) -> Output | None:
    """One output of a step, or None."""
    return next((o for o in step.outputs if (o.name, o.index) == (name, index)), None)


def check_link(
    consumer: str, given: Input, producer: Step, name: str, index: int
) -> Finding | None:
    """Whether ``given`` is the output ``name[index]`` of ``producer``.

    Args:
        consumer: Label of the step that read it.
        given: What it read.
        producer: Who is said to have written it.
        name: Name of the output that it is said to be.
        index: Position in that output.
    """
    output = find_output(producer, name, index)
    if output is not None and same_content(output.artifact, given.artifact):
        return None
    expected = (
        f"no output {artifact_label(name, index)}"
        if output is None
        else content_text(output.artifact)
    )
    return Finding(
        Code.CHAIN_INPUT_MISMATCH,
        f"what was read is not output {artifact_label(name, index)} of {step_label(producer)}",
        step=consumer,
        artifact=artifact_label(given.name, given.index),
        expected=expected,
        found=content_text(given.artifact),
        remedy="find out who changed the bytes or the record, and run the pipeline again",
    )


def check_pipelines(steps: Sequence[Step]) -> list[Finding]:
    """Steps of one run must name one pipeline, one pipeline digest and one namespace."""
    first: dict[str, Step] = {}
    findings = []
    for step in steps:
        reference = first.setdefault(step.run, step)
        expected, found = _pipeline_text(reference), _pipeline_text(step)
        if expected != found:
            findings.append(
                Finding(
                    Code.CHAIN_PIPELINE_MISMATCH,
                    f"two steps of run {step.run} name different pipelines",
                    step=step_label(step),
                    expected=f"{expected} as {step_label(reference)}",
                    found=found,
                    remedy="steps of another pipeline were mixed in: run the pipeline again",
                )
            )
    return findings


def _pipeline_text(step: Step) -> str:
    parts = [f"pipeline {step.pipeline}", step.pipeline_digest or "no pipeline digest"]
    parts.append(f"namespace {step.namespace}" if step.namespace else "no namespace")
    return ", ".join(parts)
