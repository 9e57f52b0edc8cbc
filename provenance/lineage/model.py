"""The chain behind an artifact, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kfp_provenance.facts import Artifact, Finding, InputOrigin, Step
from kfp_provenance.lineage.roots import DeclaredBy, RootUse

MAX_STEPS = 4095
"""Steps of one chain: a bundle has 4096 lines and one is the summary."""


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
        """All outputs, then all roots: what the chain says to be stored somewhere."""
        roots = {(r.step, r.declared_by is DeclaredBy.STEP, r.input, r.index) for r in self.roots}
        return (
            *(output.artifact for step in self.steps for output in step.outputs),
            *(
                given.artifact
                for step in self.steps
                for given in step.inputs
                if (step.id, given.origin is InputOrigin.SOURCE, given.name, given.index) in roots
            ),
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
