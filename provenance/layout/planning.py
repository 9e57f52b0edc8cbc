"""From a compiled pipeline to the steps that its signed chain must have.

The chain is what lies upstream of the signing step, or of the outputs that are signed from
outside. Whatever else the pipeline does, as publishing, is no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.layout.naming import usable_step_name
from kfp_provenance.layout.plan import Plan, PlannedInput, PlannedStep
from kfp_provenance.layout.resolving import Leaf, Made, Nobody, Resolver, check_always_once
from kfp_provenance.layout.specification import parse_specification, pipeline_invalid
from kfp_provenance.lineage.graph import producers_first
from kfp_provenance.tracking import TaskTracking

SIGNING_COMPONENT = "kfp_provenance.components.sign.component.sign"
MODEL_INPUT = "model"
_MODEL = "system.Model"


def plan_layout(
    document: Mapping[str, object],
    tracked: Mapping[str, TaskTracking],
    subjects: Sequence[str] = (),
) -> Plan:
    """Derive the plan of a pipeline.

    Args:
        document: The compiled specification.
        tracked: Trackings of its executors, by their labels.
        subjects: What is signed, as TASK/OUTPUT, the model first. Without them: what the
            signing step takes; without one: every model, as ``kprov sign`` does.

    Raises:
        AuthoringError: PIPELINE_INVALID, or LAYOUT_UNSUPPORTED with the task that only a run
            could tell more about.
    """
    specification = parse_specification(document)
    walk = _Walk(Resolver(specification), tracked)
    known = walk.named(subjects) if subjects else walk.signed()
    made = known or walk.models()
    for subject in made:
        walk.take(subject)
    walk.upstream()
    steps = walk.steps()
    model = known[0] if known else _made_last(made, steps)
    return Plan(specification.pipeline_info.name, steps, (model.leaf.name, model.output))


@dataclass
class _Found:
    """A task of the chain, and what is known about it so far."""

    leaf: Leaf
    tracking: TaskTracking
    inputs: dict[str, Made] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    required: set[str] = field(default_factory=set)


class _Walk:
    def __init__(self, resolver: Resolver, tracked: Mapping[str, TaskTracking]) -> None:
        self._resolver = resolver
        self._tracked = tracked
        self._found: dict[tuple[str, ...], _Found] = {}
        self._todo: list[_Found] = []

    def signed(self) -> list[Made]:
        """What the signing step takes, the model first; empty if the pipeline has none."""
        signing = [
            leaf
            for leaf in self._resolver.leaves()
            if self._component_of(leaf) == SIGNING_COMPONENT
        ]
        if len(signing) > 1:
            raise _no_subject("the pipeline has more than one signing step")
        return self._inputs_of(signing[0]) if signing else []

    def models(self) -> list[Made]:
        """Every model of the pipeline."""
        made = [
            Made(leaf, name)
            for leaf in self._resolver.leaves()
            for name, output in leaf.component.output_definitions.artifacts.items()
            if output.artifact_type.schema_title == _MODEL and self._component_of(leaf)
        ]
        if not made:
            raise _no_subject("the pipeline has neither a signing step nor a model")
        for subject in made:
            self._check_once(subject.leaf)
        return made

    def named(self, names: Sequence[str]) -> list[Made]:
        """The outputs with these names."""
        known: dict[str, list[Made]] = {}
        for leaf in self._resolver.leaves():
            for output in leaf.component.output_definitions.artifacts:
                if self._component_of(leaf):
                    known.setdefault(f"{leaf.name}/{output}", []).append(Made(leaf, output))
        made = []
        for name in names:
            found = known.get(name, [])
            if len(found) != 1:
                problem = "more than one task has" if found else "no tracked task has"
                raise _no_subject(f"{problem} the output {name}", sorted(known))
            self._check_once(found[0].leaf)
            made += found
        return made

    def take(self, made: Made) -> None:
        """Note that somebody takes an output, and visit its task once."""
        leaf = made.leaf
        if made.output not in leaf.component.output_definitions.artifacts:
            raise pipeline_invalid("/".join(leaf.path), f"no output {made.output}")
        found = self._found.get(leaf.path)
        if found is None:
            found = _Found(leaf, self._tracked[leaf.component.executor_label])
            self._found[leaf.path] = found
            self._todo.append(found)
        found.required.add(made.output)

    def upstream(self) -> None:
        """Visit everything before what was taken."""
        while self._todo:
            found = self._todo.pop()
            for name, given in sorted(found.leaf.task.inputs.artifacts.items()):
                made = self._resolver.origin(found.leaf.graph, given)
                # an untracked task announces no digest: what it makes comes from outside
                if isinstance(made, Made) and self._component_of(made.leaf):
                    found.inputs[name] = made
                    self.take(made)
                elif made is not Nobody.ABSENT:
                    found.roots.append(name)

    def steps(self) -> tuple[PlannedStep, ...]:
        """All visited tasks, producers first."""
        names: dict[str, _Found] = {}
        for found in self._found.values():
            name = found.leaf.name
            if not usable_step_name(name):
                raise _unusable(found.leaf, "its name cannot be the name of a file", name)
            if name in names:
                raise _unusable(found.leaf, "another task of the chain has the same name", name)
            names[name] = found
        before = {
            name: {made.leaf.name for made in found.inputs.values()}
            for name, found in names.items()
        }
        order, cycle = producers_first(before, dict.fromkeys(names, 0))
        if cycle:
            raise pipeline_invalid(", ".join(cycle), "these tasks wait for each other")
        return tuple(_planned(names[name]) for name in order)

    def _inputs_of(self, signing: Leaf) -> list[Made]:
        made = []
        given = signing.task.inputs.artifacts
        for name in sorted(given, key=lambda name: (name != MODEL_INPUT, name)):
            origin = self._resolver.origin(signing.graph, given[name])
            if isinstance(origin, Made) and self._component_of(origin.leaf):
                made.append(origin)
            elif name == MODEL_INPUT:
                raise _unusable(signing, "no tracked task makes the model that it signs", name)
        return made

    def _component_of(self, leaf: Leaf) -> str:
        tracking = self._tracked.get(leaf.component.executor_label)
        return tracking.component if tracking is not None else ""

    def _check_once(self, leaf: Leaf) -> None:
        """Nobody in the same graph signs: the task itself must run exactly once."""
        check_always_once(leaf.path, leaf.task)
        graph = leaf.graph
        while graph.parent is not None and graph.task is not None:
            check_always_once(graph.path, graph.task)
            graph = graph.parent


def _made_last(made: Sequence[Made], steps: Sequence[PlannedStep]) -> Made:
    """What was fitted on the way to the model, as a transformer, is made before it."""
    rank = {step.name: position for position, step in enumerate(steps)}
    return max(made, key=lambda subject: rank[subject.leaf.name])


def _planned(found: _Found) -> PlannedStep:
    return PlannedStep(
        name=found.leaf.name,
        component=found.tracking.component,
        source=found.tracking.source,
        inputs=tuple(
            PlannedInput(name, made.leaf.name, made.output)
            for name, made in sorted(found.inputs.items())
        ),
        roots=tuple(found.roots),
        outputs=tuple(sorted(found.leaf.component.output_definitions.artifacts)),
        required=tuple(sorted(found.required)),
    )


def _no_subject(problem: str, known: Sequence[str] = ()) -> AuthoringError:
    return AuthoringError(
        Code.LAYOUT_UNSUPPORTED,
        f"it is not clear what is signed: {problem}",
        expected="one of " + ", ".join(known) if known else "",
        remedy="name what is signed, the model first: --subject TASK/OUTPUT",
    )


def _unusable(leaf: Leaf, problem: str, found: str) -> AuthoringError:
    return AuthoringError(
        Code.LAYOUT_UNSUPPORTED,
        f"in-toto cannot express this pipeline: {problem}",
        where="/".join(leaf.path),
        found=found[:200],
        remedy="change the pipeline, or judge its chains with `kprov verify` and a trust policy",
    )
