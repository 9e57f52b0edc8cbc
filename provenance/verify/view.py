"""What the verifier sees and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kfp_provenance.attest.summary import Summary
from kfp_provenance.facts import Artifact, ArtifactKind, Digest, Input, InputOrigin, Step, Verdict
from kfp_provenance.lineage.model import ChainSubject, Join
from kfp_provenance.lineage.roots import RootUse

InputKey = tuple[str, bool, str, int]
"""Id of the step, whether it is a source, name, position: one input of a bundle."""


class Observed(Protocol):
    """Digest of what is to be judged, taken by the caller (``hashing.Content``)."""

    @property
    def digest(self) -> Digest:
        """Digest of the bytes."""

    @property
    def kind(self) -> ArtifactKind:
        """What it was taken of."""


@dataclass(frozen=True)
class Link:
    """Where an input came from: output ``output[index]`` of step ``producer``."""

    producer: str
    output: str
    index: int


@dataclass(frozen=True)
class ChainView:
    """A bundle whose every line is signed by a trusted signer, taken apart.

    Attributes:
        summary: What the signer says about the chain.
        steps: Steps by id, in the order of the bundle.
        links: Producer of each input that came from a step.
        signers: Names of the trusted signers that signed it.
    """

    summary: Summary
    steps: Mapping[str, Step]
    links: Mapping[InputKey, Link]
    signers: tuple[str, ...]

    @property
    def subjects(self) -> tuple[ChainSubject, ...]:
        """The model first."""
        return self.summary.subjects

    @property
    def roots(self) -> tuple[RootUse, ...]:
        """Inputs that the chain starts from."""
        return self.summary.roots

    def artifacts(self) -> tuple[Artifact, ...]:
        """All outputs, then all roots: what the chain says to be stored somewhere."""
        steps = self.steps.values()
        return (
            *(output.artifact for step in steps for output in step.outputs),
            *(
                given.artifact
                for step in steps
                for given in step.inputs
                if input_key(step.id, given) not in self.links
            ),
        )


@dataclass(frozen=True)
class Verification:
    """Verdict, and the chain for display; None where it must not be interpreted."""

    verdict: Verdict
    view: ChainView | None


def input_key(step: str, given: Input) -> InputKey:
    """Names one input; a source may have the name of an input of the interface."""
    return step, given.origin is InputOrigin.SOURCE, given.name, given.index


def links_of(steps: Mapping[str, Step], joins: tuple[Join, ...]) -> dict[InputKey, Link]:
    """Producers as the steps recorded them, or as the summary joined them by digest."""
    links = {}
    joined = {(join.step, False, join.input, join.index): join for join in joins}
    for step in steps.values():
        for given in step.inputs:
            key = input_key(step.id, given)
            if given.origin is InputOrigin.STEP:
                links[key] = Link(given.producer, given.output, given.output_index)
            elif key in joined:
                join = joined[key]
                links[key] = Link(join.producer, join.output, join.output_index)
    return links
