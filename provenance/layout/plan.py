"""What a signed chain of a pipeline must look like, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedInput:
    """An input that must be exactly what another step made.

    Attributes:
        name: Name in the component's interface.
        producer: Name of the step that makes it.
        output: Name of that step's output.
    """

    name: str
    producer: str
    output: str


@dataclass(frozen=True)
class PlannedStep:
    """A step that every chain has once.

    Attributes:
        name: Name of its task, as records have it.
        component: Dotted module and function.
        source: Digest of the function's source as it was compiled.
        inputs: What must come from other steps.
        roots: Names of inputs that come from outside: an importer, an untracked task.
        outputs: What it may make.
        required: Those of them that a later step or the signing step takes.
    """

    name: str
    component: str
    source: str
    inputs: tuple[PlannedInput, ...] = ()
    roots: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The steps of a pipeline that its signed chain consists of.

    Attributes:
        pipeline: Name of the pipeline.
        steps: Producers before their consumers.
        model: Step and output of what the chain is about.
    """

    pipeline: str
    steps: tuple[PlannedStep, ...]
    model: tuple[str, str]
