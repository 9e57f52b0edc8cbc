"""First divergences and artifacts in words."""

from __future__ import annotations

from collections.abc import Mapping

from kfp_provenance.analysis.diffing.align import Key, Split, SplitKind, StepPair
from kfp_provenance.analysis.diffing.history import Given
from kfp_provenance.analysis.diffing.likelihood import FIXED
from kfp_provenance.analysis.diffing.model import Cause, CauseKind, Content, Divergence
from kfp_provenance.analysis.diffing.routes import FirstDivergence
from kfp_provenance.analysis.diffing.step_causes import task_list
from kfp_provenance.facts import Digest, Outcome, Step

_CAUSES = {
    SplitKind.ORIGIN: CauseKind.ORIGIN,
    SplitKind.INPUT_ONE_SIDED: CauseKind.INPUT,
    SplitKind.STEPS_ONE_SIDED: CauseKind.STEPS,
    SplitKind.OTHER_OUTPUT: CauseKind.WIRING,
}


def content_of(given: Given | None) -> Content | None:
    """An artifact for readers."""
    if given is None:
        return None
    artifact, place = given.artifact, given.place
    return Content(
        name=place.output if place else given.name,
        digest=str(artifact.digest),
        uri=artifact.uri,
        type=artifact.type,
        size=artifact.size,
        version=artifact.version,
        task=place.step.task if place else "",
        run=place.step.run if place else "",
    )


def describe(first: FirstDivergence, pairs: Mapping[Key, StepPair]) -> Divergence:
    """A first divergence for readers."""
    ways, more = first.routes.tasks, first.routes.more
    if first.pair is not None:
        names = ", ".join(changed_outputs(first.pair.before, first.pair.after))
        given = "equal inputs" if first.pair.inputs else "no inputs"
        title = f"{first.pair.task} wrote other bytes of {names} from {given}"
        if first.pair.before.outcome is not first.pair.after.outcome:
            which = "after" if first.pair.after.outcome is Outcome.FAILED else "before"
            title = f"{first.pair.task} failed {which} with {given}"
        if first.in_cycle:
            title += "; it lies on a cycle of steps, of which none is really the first"
        return Divergence(title, first.pair.task, names, None, None, ways, more)
    split = first.splits[0]
    tasks = [pairs[one.consumer].task for one in first.splits if one.consumer is not None]
    return Divergence(
        split_title(split, task_list(tasks)),
        ", ".join(dict.fromkeys(tasks)),
        split.name,
        content_of(split.before),
        content_of(split.after),
        ways,
        more,
    )


def split_title(split: Split, tasks: str) -> str:
    """How two chains part, in one sentence; ``tasks`` is empty at the subject."""
    reader = f"{tasks} read" if tasks else "the subject is"
    side = "after" if split.in_after else "before"
    if split.kind is SplitKind.ROOT:
        return f"{reader} other bytes from outside as {split.name!r}"
    if split.kind is SplitKind.INPUT_ONE_SIDED:
        return f"{tasks} read the input {split.name!r} only {side}"
    if split.kind is SplitKind.STEPS_ONE_SIDED:
        where = f"before {tasks}" if tasks else "last"
        return f"{task_list(step.task for step in split.steps)} ran {where} only {side}"
    origins = [_origin(split.before), _origin(split.after)]
    return f"{reader} {split.name!r} {origins[1]} instead of {origins[0]}"


def _origin(given: Given | None) -> str:
    if given is None or given.place is None:
        return "from a step that is not in this store" if given and given.lost else "from outside"
    return f"from {given.place.step.task}/{given.place.output}"


def split_cause(split: Split, task: str) -> Cause:
    """Why chains part other than by bytes from outside."""
    kind = _CAUSES[split.kind]
    likely = FIXED[kind] if split.first else FIXED[kind].downstream()
    tasks = tuple(step.task for step in split.steps) or (task,)
    return Cause(
        kind, split_title(split, task), tasks, likely.score, likely.why, name=split.name,
        before=_origin(split.before) if split.before else "",
        after=_origin(split.after) if split.after else "",
    )  # fmt: skip


def changed_outputs(before: Step, after: Step) -> list[str]:
    """Names of outputs that both wrote with other bytes, or that one alone wrote."""
    first, second = _outputs(before), _outputs(after)
    names = [
        (name, index)
        for name, index in (*first, *(port for port in second if port not in first))
        if first.get((name, index)) != second.get((name, index))
    ]
    return [f"{name}#{index}" if index else name for name, index in names]


def _outputs(step: Step) -> dict[tuple[str, int], Digest]:
    return {(made.name, made.index): made.artifact.digest for made in step.outputs}
