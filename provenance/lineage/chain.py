"""Walk the store upstream from what is to be signed, and say what does not hold.

Every input of every step must have come from a recorded, successful step with the same
digest, or be a declared root. Nothing is repaired: what does not hold becomes a finding,
and a chain with findings is not signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Finding, Input, InputOrigin, Outcome, Step
from kfp_provenance.lineage.checks import (
    check_link,
    check_pipelines,
    same_content,
    step_label,
)
from kfp_provenance.lineage.findings import (
    cycle_finding,
    failed_producer,
    missing_producer,
    too_long,
    undeclared_input,
    unknown_subject,
)
from kfp_provenance.lineage.graph import producers_first
from kfp_provenance.lineage.model import MAX_STEPS, Chain, ChainSubject, Join, pipeline_of
from kfp_provenance.lineage.roots import DeclaredBy, Root, RootUse

if TYPE_CHECKING:
    from kfp_provenance.metadata.interface import Reader

_SIGNING_STEP = "the signing step"


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
            self.findings.append(unknown_subject(_SIGNING_STEP, given))
        return None

    def upstream(self, starts: Iterable[str]) -> None:
        """Visit every step upstream of ``starts`` once."""
        todo = list(starts)
        while todo:
            step = self._step(todo.pop())
            if step is None or step.id in self._upstream:
                continue
            if len(self._steps) >= MAX_STEPS:
                self.findings.append(too_long())
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
            self.findings.append(failed_producer(consumer.label, given, producer))
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
