"""Does the chain itself hold: from the subjects over every input to the roots?"""

from __future__ import annotations

from collections.abc import Mapping

from kfp_provenance.attest.printable import listed
from kfp_provenance.codes import Code
from kfp_provenance.facts import Finding, Input, InputOrigin, Step
from kfp_provenance.lineage.checks import (
    artifact_label,
    check_link,
    check_pipelines,
    content_text,
    find_output,
    same_content,
    step_label,
)
from kfp_provenance.lineage.findings import cycle_finding, missing_producer, undeclared_input
from kfp_provenance.lineage.graph import producers_first, reachable
from kfp_provenance.lineage.model import ChainSubject, Join, pipeline_of
from kfp_provenance.lineage.roots import DeclaredBy, RootUse
from kfp_provenance.verify.view import ChainView, Link, input_key

_RUN_AGAIN = "run the pipeline again and sign that run"


def check_chain(view: ChainView) -> list[Finding]:
    """Subjects, inputs, roots, joins, order, connection, runs and pipelines."""
    return [
        *_check_subjects(view),
        *_check_inputs(view),
        *_check_roots(view),
        *_check_joins(view),
        *_check_shape(view),
        *_check_runs(view),
    ]


def _check_subjects(view: ChainView) -> list[Finding]:
    findings = []
    for subject in view.subjects:
        producer = view.steps.get(subject.producer)
        output = find_output(producer, subject.output, subject.output_index) if producer else None
        if output is None or not same_content(output.artifact, subject.artifact):
            found = "no such step" if producer is None else "no such output"
            findings.append(
                Finding(
                    Code.SUBJECT_UNKNOWN,
                    "no step of the bundle produced what was signed",
                    step=step_label(producer) if producer else subject.producer,
                    artifact=artifact_label(subject.name, subject.index),
                    expected=_subject_text(subject),
                    found=content_text(output.artifact) if output else found,
                    remedy=_RUN_AGAIN,
                )
            )
    return findings


def _subject_text(subject: ChainSubject) -> str:
    output = artifact_label(subject.output, subject.output_index)
    return f"output {output} with {content_text(subject.artifact)}"


def _check_inputs(view: ChainView) -> list[Finding]:
    """Every input that came from a step is an output of that step."""
    findings = []
    for step in view.steps.values():
        for given in step.inputs:
            link = view.links.get(input_key(step.id, given))
            if link is not None:
                finding = _check_producer(view, step, given, link)
                if finding is not None:
                    findings.append(finding)
    return findings


def _check_producer(view: ChainView, step: Step, given: Input, link: Link) -> Finding | None:
    producer = view.steps.get(link.producer)
    if producer is None:
        return missing_producer(step_label(step), given)
    if given.origin is not InputOrigin.STEP and producer.run != step.run:
        return Finding(
            Code.CHAIN_RUN_UNLINKED,
            "an input was joined by digest to a step of another run",
            step=step_label(step),
            artifact=artifact_label(given.name, given.index),
            expected=f"a step of run {step.run}",
            found=f"{step_label(producer)} of run {producer.run}",
            remedy="declare the input as a root",
        )
    return check_link(step_label(step), given, producer, link.output, link.index)


def _check_roots(view: ChainView) -> list[Finding]:
    """The roots that the steps have are the roots that the summary names."""
    findings = []
    named = {_root_key(root): root for root in view.roots}
    if len(named) != len(view.roots):
        findings.append(_summary_mismatch("the summary names a root twice"))
    for step in view.steps.values():
        for given in step.inputs:
            if input_key(step.id, given) in view.links:
                continue
            root = named.pop(input_key(step.id, given), None)
            findings += _check_root(step, given, root)
    findings += [
        _summary_mismatch("the summary names a root that no step read", root)
        for root in named.values()
    ]
    return findings


def _root_key(root: RootUse) -> tuple[str, bool, str, int]:
    return root.step, root.declared_by is DeclaredBy.STEP, root.input, root.index


def _check_root(step: Step, given: Input, root: RootUse | None) -> list[Finding]:
    artifact = given.artifact
    if root is None and given.origin is InputOrigin.IMPORTED:
        return [undeclared_input(step, given)]
    if root is None or (root.digest, root.uri) != (artifact.digest, artifact.uri):
        return [
            Finding(
                Code.SUMMARY_MISMATCH,
                "the summary does not name the root that the step read",
                step=step_label(step),
                artifact=artifact_label(given.name, given.index),
                expected=f"{root.digest} at {root.uri}" if root else "no such root",
                found=f"{artifact.digest} at {artifact.uri}",
                remedy=_RUN_AGAIN,
            )
        ]
    return []


def _check_joins(view: ChainView) -> list[Finding]:
    """Every join is about one input that arrived without a digest."""
    imported = {
        input_key(step.id, given)
        for step in view.steps.values()
        for given in step.inputs
        if given.origin is InputOrigin.IMPORTED
    }
    keys = [(join.step, False, join.input, join.index) for join in view.summary.joins]
    findings = [
        _summary_mismatch("the summary joins an input that no step has", join)
        for key, join in zip(keys, view.summary.joins, strict=True)
        if key not in imported
    ]
    if len(set(keys)) != len(keys):
        findings.append(_summary_mismatch("the summary joins an input twice"))
    return findings


def _summary_mismatch(message: str, about: RootUse | Join | None = None) -> Finding:
    return Finding(
        Code.SUMMARY_MISMATCH,
        message,
        step=about.step if about else "",
        artifact=artifact_label(about.input, about.index) if about else "",
        remedy=_RUN_AGAIN,
    )


def _check_shape(view: ChainView) -> list[Finding]:
    """No cycle, and nothing that the subjects do not come from."""
    upstream = _upstream(view)
    findings = []
    _, cycle = producers_first(upstream, dict.fromkeys(upstream, 0))
    if cycle:
        findings.append(cycle_finding([view.steps[step] for step in cycle]))
    connected = reachable((subject.producer for subject in view.subjects), upstream)
    findings += [
        Finding(
            Code.CHAIN_STEP_UNCONNECTED,
            "nothing that was signed comes from this step",
            step=step_label(step),
            expected="a step upstream of a subject",
            found="a step of no consequence",
            remedy="lines of another chain were mixed in: fetch the bundle again",
        )
        for step in view.steps.values()
        if step.id not in connected
    ]
    return findings


def _upstream(view: ChainView) -> Mapping[str, set[str]]:
    upstream: dict[str, set[str]] = {step: set() for step in view.steps}
    for (consumer, *_), link in view.links.items():
        upstream[consumer].add(link.producer)
    return upstream


def _check_runs(view: ChainView) -> list[Finding]:
    """One run and one pipeline, and earlier runs only by name."""
    summary, steps = view.summary, list(view.steps.values())
    named = {summary.run, *summary.reused_runs}
    findings = [
        Finding(
            Code.CHAIN_RUN_UNLINKED,
            "a step belongs to a run that the summary does not name",
            step=step_label(step),
            expected=listed(named),
            found=step.run,
            remedy="steps of another run were mixed in: run the pipeline again",
        )
        for step in steps
        if step.run not in named
    ]
    idle = sorted(set(summary.reused_runs) - {step.run for step in steps})
    if idle or len(named) != len(summary.reused_runs) + 1:
        findings.append(_summary_mismatch("the summary names an earlier run that has no step"))
    findings += check_pipelines(steps)
    expected = pipeline_of(summary.run, view.subjects, steps)
    if expected != (summary.pipeline, summary.pipeline_digest):
        findings.append(
            Finding(
                Code.CHAIN_PIPELINE_MISMATCH,
                "the summary names another pipeline than the steps",
                expected=" ".join(filter(None, expected)),
                found=f"{summary.pipeline} {summary.pipeline_digest}".strip(),
                remedy="the summary of another pipeline was used: fetch the bundle again",
            )
        )
    return findings
