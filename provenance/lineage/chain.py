"""Walk the store upstream from what is to be signed, and say what does not hold.

Every input of every step must have come from a recorded, successful step with the same
digest, or be a declared root. Nothing is repaired: what does not hold becomes a finding,
and a chain with findings is not signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, Finding, Input, InputOrigin, Outcome, Step
from kfp_provenance.lineage.checks import (
    artifact_label,
    check_link,
    check_pipelines,
    content_text,
    same_content,
    step_label,
)
from kfp_provenance.lineage.graph import producers_first
from kfp_provenance.lineage.roots import DeclaredBy, Root, RootUse
from kfp_provenance.metadata.interface import Reader

MAX_STEPS = 4095
"""Steps of one chain: a bundle has 4096 lines and one is the summary."""

_SIGNING_STEP = "the signing step"


@dataclass(frozen=True)
class Join:
    """An input that arrived without a digest and was found among the run's outputs.

    Attributes:
        step: Id of the step that read it.
        input: Name of the input, with ``index``.
        index: Position in that input.
        producer: Id of the step of the same run that wrote equal bytes before.
        output: Name of its output, with ``output_index``.
        output_index: Position in that output.
    """

    step: str
    input: str
    index: int
    producer: str
    output: str
    output_index: int


@dataclass(frozen=True)
class ChainSubject:
    """What a chain is about: the model, then its evidence.

    Attributes:
        name: Name of the input of the signing step, with ``index``.
        index: Position in that input.
        artifact: What is signed.
        producer: Id of the step that wrote it.
        output: Name of the producer's output, with ``output_index``.
        output_index: Position in that output.
    """

    name: str
    index: int
    artifact: Artifact
    producer: str
    output: str
    output_index: int


@dataclass(frozen=True)
class Chain:
    """Everything behind the subjects.

    Attributes:
        run: Run of the signing step.
        pipeline: Name of the pipeline of the run.
        pipeline_digest: Its digest; may be empty.
        subjects: The model first.
        steps: Producers before their consumers.
        roots: Inputs that the chain starts from.
        joins: Inputs joined by digest.
        reused_runs: Earlier runs whose steps were used again (cache), sorted.
        findings: What does not hold; such a chain must not be signed.
    """

    run: str
    pipeline: str
    pipeline_digest: str
    subjects: tuple[ChainSubject, ...]
    steps: tuple[Step, ...]
    roots: tuple[RootUse, ...] = ()
    joins: tuple[Join, ...] = ()
    reused_runs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def artifacts(self) -> tuple[Artifact, ...]:
        """Outputs of all steps: what the chain says to be stored somewhere."""
        return tuple(output.artifact for step in self.steps for output in step.outputs)


def collect_chain(
    reader: Reader, subjects: Sequence[Input], *, run: str, roots: Sequence[Root] = ()
) -> Chain:
    """Collect the chain behind ``subjects``.

    Args:
        reader: The metadata store.
        subjects: Inputs of the signing step as its runtime saw them, the model first.
        run: Id of the run of the signing step.
        roots: What may come from outside although no step declared it as its source.

    Raises:
        StoreError: If the store cannot be read.
    """
    walk = _Walk(reader, run, roots)
    chain_subjects = tuple(filter(None, map(walk.subject, subjects)))
    walk.upstream(subject.producer for subject in chain_subjects)
    steps = walk.ordered()
    walk.findings += check_pipelines(steps)
    pipeline, pipeline_digest = pipeline_of(run, chain_subjects, steps)
    return Chain(
        run=run,
        pipeline=pipeline,
        pipeline_digest=pipeline_digest,
        subjects=chain_subjects,
        steps=steps,
        roots=tuple(walk.roots),
        joins=tuple(walk.joins),
        reused_runs=tuple(sorted({step.run for step in steps} - {run})),
        findings=tuple(walk.findings),
    )


def pipeline_of(
    run: str, subjects: Sequence[ChainSubject], steps: Sequence[Step]
) -> tuple[str, str]:
    """Name and digest of the pipeline that a chain belongs to.

    Steps of the run itself say it; if all of them came from the cache, the producer of
    the first subject does.
    """
    own = [step for step in steps if step.run == run]
    first = subjects[0].producer if subjects else ""
    for step in own or [step for step in steps if step.id == first]:
        return step.pipeline, step.pipeline_digest
    return "", ""


@dataclass(frozen=True)
class _Consumer:
    """Who reads an input: a step, or the signing step, which is not recorded yet."""

    label: str
    run: str
    id: str = ""
    started: datetime | None = None


class _Walk:
    def __init__(self, reader: Reader, run: str, roots: Sequence[Root]) -> None:
        self._reader = reader
        self._run = run
        self._declared = tuple(roots)
        self._known: dict[str, Step | None] = {}
        self._run_steps: dict[str, tuple[Step, ...]] = {}
        self._upstream: dict[str, set[str]] = {}
        self._steps: dict[str, Step] = {}
        self.roots: list[RootUse] = []
        self.joins: list[Join] = []
        self.findings: list[Finding] = []

    def subject(self, given: Input) -> ChainSubject | None:
        """Who produced a subject; a finding if nobody recorded did."""
        link = self._link(_Consumer(_SIGNING_STEP, self._run), given)
        if link is not None:
            producer, output, index = link
            return ChainSubject(given.name, given.index, given.artifact, producer, output, index)
        if given.origin is not InputOrigin.STEP:
            self.findings.append(
                Finding(
                    Code.SUBJECT_UNKNOWN,
                    "no recorded step of this run produced what is to be signed",
                    step=_SIGNING_STEP,
                    artifact=artifact_label(given.name, given.index),
                    expected="an output of a tracked step",
                    found=f"{content_text(given.artifact)} at {given.artifact.uri}",
                    remedy="let a tracked component produce it in the same pipeline",
                )
            )
        return None

    def upstream(self, starts: Iterable[str]) -> None:
        """Visit every step upstream of ``starts`` once."""
        todo = list(starts)
        while todo:
            step = self._step(todo.pop())
            if step is None or step.id in self._upstream:
                continue
            if len(self._steps) >= MAX_STEPS:
                self.findings.append(_too_long())
                return
            self._steps[step.id] = step
            producers = self._upstream[step.id] = set()
            for given in step.inputs:
                producer = self._producer(step, given)
                if producer is not None:
                    producers.add(producer)
            todo.extend(sorted(producers))

    def ordered(self) -> tuple[Step, ...]:
        """All visited steps, producers first; steps in a cycle become a finding."""
        rank = {step.id: step.started for step in self._steps.values()}
        order, cycle = producers_first(self._upstream, rank)
        if cycle:
            self.findings.append(cycle_finding([self._steps[step] for step in cycle]))
        rest = sorted(self._steps.keys() - set(order))
        return tuple(self._steps[step] for step in (*order, *rest))

    def _producer(self, step: Step, given: Input) -> str | None:
        link = self._link(_Consumer(step_label(step), step.run, step.id, step.started), given)
        if link is not None:
            if given.origin is not InputOrigin.STEP:
                self.joins.append(Join(step.id, given.name, given.index, *link))
            return link[0]
        if given.origin is not InputOrigin.STEP:
            self._root(step, given)
        return None

    def _link(self, consumer: _Consumer, given: Input) -> tuple[str, str, int] | None:
        if given.origin is InputOrigin.SOURCE:
            return None
        if given.origin is InputOrigin.IMPORTED:
            return self._join(consumer, given)
        producer = self._step(given.producer)
        if producer is None:
            self.findings.append(missing_producer(consumer.label, given))
            return None
        if producer.outcome is not Outcome.SUCCEEDED:
            self.findings.append(_failed(consumer.label, given, producer))
        else:
            mismatch = check_link(consumer.label, given, producer, given.output, given.output_index)
            if mismatch is not None:
                self.findings.append(mismatch)
        return producer.id, given.output, given.output_index

    def _join(self, consumer: _Consumer, given: Input) -> tuple[str, str, int] | None:
        """The latest step of the consumer's run that had written equal bytes before."""
        found = [
            (step.finished, step.id, output.name, output.index)
            for step in self._steps_of(consumer.run)
            if step.id != consumer.id
            and step.outcome is Outcome.SUCCEEDED
            and (consumer.started is None or step.finished <= consumer.started)
            for output in step.outputs
            if same_content(output.artifact, given.artifact)
        ]
        return max(found)[1:] if found else None

    def _root(self, step: Step, given: Input) -> None:
        if given.origin is InputOrigin.SOURCE:
            declared_by = DeclaredBy.STEP
        elif any(root.covers(given.artifact) for root in self._declared):
            declared_by = DeclaredBy.SIGNER
        else:
            self.findings.append(undeclared_input(step, given))
            return
        artifact = given.artifact
        self.roots.append(
            RootUse(step.id, given.name, given.index, artifact.digest, artifact.uri, declared_by)
        )

    def _step(self, step_id: str) -> Step | None:
        if step_id not in self._known:
            self._known[step_id] = self._reader.step(step_id) if step_id else None
        return self._known[step_id]

    def _steps_of(self, run: str) -> tuple[Step, ...]:
        if run not in self._run_steps:
            try:
                self._run_steps[run] = self._reader.run(run).steps
            except StoreError as error:
                # every step of the run so far may have come from the cache
                if error.code is not Code.RUN_NOT_FOUND:
                    raise
                self._run_steps[run] = ()
            self._known.update({step.id: step for step in self._run_steps[run]})
        return self._run_steps[run]


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


def _failed(consumer: str, given: Input, producer: Step) -> Finding:
    return Finding(
        Code.CHAIN_STEP_FAILED,
        f"an input comes from {step_label(producer)}, which failed",
        step=consumer,
        artifact=artifact_label(given.name, given.index),
        expected=str(Outcome.SUCCEEDED),
        found=str(producer.outcome),
        remedy="run the pipeline again; the output of a failed step is no evidence",
    )


def _too_long() -> Finding:
    return Finding(
        Code.BUNDLE_TOO_LARGE,
        "the chain has more steps than a bundle holds",
        expected=f"at most {MAX_STEPS} steps",
        found="more",
        remedy="sign an intermediate artifact and declare its digest as a root",
    )
