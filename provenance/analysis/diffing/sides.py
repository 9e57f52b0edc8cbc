"""What is compared on each side: an artifact, or the models of a run, and the steps behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from kfp_provenance.analysis.diffing.history import Given, History, Place
from kfp_provenance.analysis.diffing.metrics import reports
from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, ArtifactKind, Digest, Outcome, Step
from kfp_provenance.lineage.references import Found
from kfp_provenance.metadata.graph import ArtifactRow, LineageIndex

MODEL = "system.Model"
_READERS = 200
"""Readings of the subjects that are looked through for evaluations in other runs."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes:
        text: The reference as it was given.
        history: The steps behind it, and all of the run for a run.
        subjects: What is compared.
        steps: Steps of the run that it is, or that made it: also those behind it in time.
        notes: What was chosen where there was a choice.
        whole_run: Whether it is a run.
        elsewhere: Steps of other runs that judged the subjects, the newest of each task that
            the side's own run has not.
    """

    text: str
    history: History
    subjects: tuple[Given, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    whole_run: bool = False
    elsewhere: tuple[Step, ...] = ()


def read_side(index: LineageIndex, found: Found) -> Side:
    """Collect what a reference names and everything behind it.

    Raises:
        StoreError: USAGE if its bytes have no digest: it was not recorded by this package.
    """
    run = index.steps_of_run(found.text)
    side = _run_side(index, found.text, run) if run else _artifact_side(index, found)
    return _with_judges_elsewhere(index, side)


def _run_side(index: LineageIndex, run: str, rows: tuple[int, ...]) -> Side:
    touched = {edge.artifact for edge in index.edges(rows)}
    behind = index.upstream(sorted(touched))
    steps = index.records(sorted({*rows, *behind}))
    history = History(steps)
    own = _last_attempts(step for step in steps if step.run == run)
    subjects = _models(history, own) or _ends(history, own)
    return Side(run, history, subjects, own, whole_run=True)


def _artifact_side(index: LineageIndex, found: Found) -> Side:
    rows = index.artifacts(found.rows)
    contents = [_artifact(row.digest, row) for row in rows if row.digest is not None]
    if not contents:
        raise StoreError(
            Code.USAGE,
            "an artifact without a digest cannot be compared",
            where=index.where,
            found=found.text[:200],
            remedy="record its step with kfp_provenance; other tools write no digests",
        )
    behind = index.upstream(found.rows)
    steps = index.records(behind)
    history = History(steps)
    places = _writers(index, found.rows, behind, history)
    if not places:
        uri = contents[0].uri
        given = Given(contents[0], None, PurePosixPath(uri).name or uri)
        return Side(found.text, history, (given,), ())
    place = max(places, key=lambda one: (one.step.finished, one.step.id))
    notes = []
    if len(places) > 1:
        notes.append(
            f"{len(places)} steps wrote the bytes of {found.text}; taken is the latest, "
            f"{place.step.task} of run {place.step.run} (choose another as RUN/TASK/OUTPUT)"
        )
    made = _output(place) or contents[0]
    run = index.records(index.steps_of_run(place.step.run))
    return Side(
        found.text, history, (Given(made, place, place.output, place.index),),
        _last_attempts(run), tuple(notes),
    )  # fmt: skip


def _with_judges_elsewhere(index: LineageIndex, side: Side) -> Side:
    """A model may be evaluated by a run of its own, long after it was trained."""
    digests = {given.artifact.digest for given in side.subjects}
    rows = sorted({row for digest in digests for row in index.rows_with_digest(digest)})
    edges, readings = index.edges_of_artifacts(rows, output=False, limit=_READERS)
    tasks, own = {step.task for step in side.steps}, {step.run for step in side.steps}
    found = [
        step
        for step in index.records(sorted({edge.step for edge in edges}))
        if step.run not in own and step.task not in tasks
        and step.outcome is Outcome.SUCCEEDED and reports(step)
    ]  # fmt: skip
    judges = _newest(found)
    notes = [f"figures of {step.task} are of run {step.run}" for step in judges]
    if readings > len(edges):
        more = readings - len(edges)
        notes.append(f"{more} more readings of {side.text} were not looked at for its figures")
    return replace(side, elsewhere=judges, notes=(*side.notes, *notes))


def _newest(steps: Iterable[Step]) -> tuple[Step, ...]:
    newest = {step.task: step for step in sorted(steps, key=lambda step: (step.finished, step.id))}
    return tuple(newest.values())


def _writers(
    index: LineageIndex, rows: Sequence[int], behind: Sequence[int], history: History
) -> list[Place]:
    ids = {row.id: row.step for row in index.steps(behind)}
    wanted = set(rows)
    places = [
        Place(history.steps[ids[edge.step]], edge.name, edge.index)
        for edge in index.edges(behind)
        if edge.output and edge.artifact in wanted and ids.get(edge.step) in history.steps
    ]
    return [place for place in places if place.step.outcome is Outcome.SUCCEEDED] or places


def _last_attempts(steps: Iterable[Step]) -> tuple[Step, ...]:
    last: dict[str, Step] = {}
    for step in sorted(steps, key=lambda step: (step.started, step.attempt, step.id)):
        last[step.task] = step
    return tuple(last.values())


def _models(history: History, steps: Iterable[Step]) -> tuple[Given, ...]:
    """Models that the steps wrote, or read from a step of another run (the cache)."""
    found: dict[tuple[str, str, int], Given] = {}
    for step in steps:
        places = [Place(step, made.name, made.index) for made in step.outputs]
        places += [given.place for given in history.inputs(step) if given.place is not None]
        for place in places:
            artifact = _output(place)
            if artifact is not None and artifact.type == MODEL:
                port = (place.step.task, place.output, place.index)
                found.setdefault(port, Given(artifact, place, place.output, place.index))
    return tuple(found.values())


def _ends(history: History, steps: Sequence[Step]) -> tuple[Given, ...]:
    """Outputs that no other step of the run read."""
    read = {
        (given.place.step.id, given.place.output, given.place.index)
        for step in steps
        for given in history.inputs(step)
        if given.place is not None
    }
    return tuple(
        Given(made.artifact, Place(step, made.name, made.index), made.name, made.index)
        for step in steps
        for made in step.outputs
        if (step.id, made.name, made.index) not in read
    )


def _output(place: Place) -> Artifact | None:
    """What a step wrote there; None if a record names an output that the step has not."""
    ports = ((made.name, made.index, made.artifact) for made in place.step.outputs)
    return next(
        (
            artifact
            for name, index, artifact in ports
            if (name, index) == (place.output, place.index)
        ),
        None,
    )


def judged_with(side: Side) -> tuple[Step, ...]:
    """Steps whose figures belong to a side.

    Those behind its subjects, those made of them in their run, and those of other runs that
    judged them.
    """
    if side.whole_run:
        return (*side.steps, *side.elsewhere)
    subjects = {given.artifact.digest for given in side.subjects}
    producers = {given.place.step.id for given in side.subjects if given.place is not None}
    reached: set[str] = set()
    run = History(side.steps)
    for step in side.steps:  # in the order of their start: producers come first
        for given in run.inputs(step):
            is_subject = given.artifact.digest in subjects and (
                given.place is None or given.place.step.id in producers
            )
            if is_subject or (given.place is not None and given.place.step.id in reached):
                reached.add(step.id)
    later = [step for step in side.steps if step.id in reached and step.id not in producers]
    return (*side.history.steps.values(), *later, *side.elsewhere)


def _artifact(digest: Digest, row: ArtifactRow) -> Artifact:
    kind = ArtifactKind(row.kind) if row.kind in set(ArtifactKind) else ArtifactKind.FILE
    return Artifact(digest, row.uri, kind, row.size or 0, row.type, row.version, row.metadata)
